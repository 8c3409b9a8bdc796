"""Observations: what a person confirmed by saying it again.

The service derives patterns over many facts with a model. The twin has the one pattern that can be
told without: a fact that holds and that two or more episodes state is steady. Each such fact is an
observation, with a uuid of its own that is always the same.
"""

from __future__ import annotations

import json
import uuid

from local.twins.server import Json
from local.twins.storage import Row
from local.twins.zep import rows


def observation_json(row: Row) -> Json:
    """The Observation that an edge (as `reading.edges` reads it) gives."""
    episodes = json.loads(row["episodes"])
    return rows.without_nulls(
        {
            "uuid": str(uuid.uuid5(uuid.UUID(row["uuid"]), "observation")),
            "graph_uuid": row["graph_uuid"],
            "user_uuid": row["user_uuid"],
            "name": f"Steady: {row['name'].replace('_', ' ').lower()}",
            "summary": f"{row['fact']}. Stated {len(episodes)} times.",
            "labels": ["Observation", "StableRelationship"],
            "attributes": {"edge_uuid": row["uuid"]},
            "episode_uuids": episodes,
            "created_at": row["created_at"],
        }
    )
