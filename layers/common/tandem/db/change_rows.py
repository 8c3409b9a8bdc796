"""Changes as rows of the journal: JSON in both directions."""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

from tandem.changes.model import Change, ChangeId
from tandem.ids import Mem0Id, TurnId, ZepUuid


def parse_changes(rows: Iterable[Mapping[str, Any]]) -> list[Change]:
    """What `run_statements.CHANGE` has built, as typed changes."""
    return [_change(row) for row in rows]


def changes_json(changes: Sequence[Change]) -> str:
    """Changes as `jsonb_to_recordset` takes them."""
    return json.dumps(
        [
            {
                "id": str(change.id),
                "seq": change.seq,
                "kind": change.kind,
                "reason": change.reason,
                "mem0_id": change.mem0_id,
                "edge_uuid": _text(change.edge_uuid),
                "episode_uuid": _text(change.episode_uuid),
                "kept_id": change.kept_id,
                "text_hash": None if change.text_hash is None else change.text_hash.hex(),
                "turn_ids": [str(turn) for turn in change.turn_ids],
                "details": dict(change.details),
            }
            for change in changes
        ]
    )


def _change(row: Mapping[str, Any]) -> Change:
    return Change(
        id=ChangeId(UUID(row["id"])),
        seq=row["seq"],
        kind=row["kind"],
        reason=row["reason"],
        mem0_id=None if row["mem0_id"] is None else Mem0Id(row["mem0_id"]),
        edge_uuid=_zep_uuid(row["edge_uuid"]),
        episode_uuid=_zep_uuid(row["episode_uuid"]),
        kept_id=row["kept_id"],
        text_hash=None if row["text_hash"] is None else bytes.fromhex(row["text_hash"]),
        turn_ids=tuple(TurnId(UUID(turn)) for turn in row["turn_ids"]),
        details=row["details"],
        state=row["state"],
    )


def _text(value: UUID | None) -> str | None:
    return None if value is None else str(value)


def _zep_uuid(value: str | None) -> ZepUuid | None:
    return None if value is None else ZepUuid(UUID(value))
