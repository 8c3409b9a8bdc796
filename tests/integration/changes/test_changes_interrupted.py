"""Whichever call is cut, before or after the store has acted: the next run ends where an unbroken
one ends, and an undo brings back what was there."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest

from tandem.changes.model import Change
from tandem.changes.path import Carried
from tandem.ids import Mem0Id, ZepUuid
from tandem.recall.normalise import statement_hash
from tests.integration.changes.both_stores import Stores
from tests.integration.changes.journal import change, hiding, run

pytestmark = pytest.mark.integration

MAY = datetime(2026, 5, 4, 9, 30, tzinfo=UTC)
MEMORY, MEMORIES, FACT = "/v1/memories/*", "/v3/memories/add/", "/api/v4/graphs/*/edges/*"


@dataclass
class Before:
    """What both stores hold before a run: two memories that say the same, and two facts."""

    stores: Stores
    old: Mem0Id
    kept: Mem0Id
    copied: ZepUuid
    ended: ZepUuid

    @classmethod
    def of(cls, stores: Stores) -> "Before":
        facts = stores.told("I live in Delhi", "I like tea")
        return cls(
            stores,
            stores.remembered("Is fond of chess"),
            stores.remembered("Likes chess", metadata={"turn_id": "t"}),
            facts["Lives in Delhi"],
            facts["Likes tea"],
        )

    def changes(self) -> list[Change]:
        fond, chess = statement_hash("Is fond of chess"), statement_hash("Likes chess")
        said = {"said_at": MAY.isoformat()}
        return [
            hiding(
                self.old,
                f"mem_{self.kept}",
                text_hash=fond,
                details={**said, "kept_hash": chess.hex()},
            ),
            change(
                "add",
                "lacking",
                edge_uuid=self.copied,
                text_hash=statement_hash("Lives in Delhi"),
                details=said,
            ),
            change(
                "end_fact",
                "resolved",
                edge_uuid=self.ended,
                text_hash=statement_hash("Likes tea"),
                details={"invalid_at": MAY.isoformat()},
            ),
        ]

    def picture(self) -> dict[str, Any]:
        """All that both stores hold, but for when they were last changed."""
        memories = [self.stores.memory(one) for one in (self.old, self.kept)]
        edges = {edge["fact"]: edge.get("attributes") for edge in self.stores.edges()}
        return {
            "visible": sorted(self.stores.visible().values()),
            "memories": memories,
            "facts": edges,
        }


CUTS = [
    ("mem0", "PUT", MEMORY),
    ("mem0", "POST", MEMORIES),
    ("zep", "PATCH", FACT),
    ("mem0", "GET", MEMORY),
    ("zep", "GET", FACT),
]


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize(("store", "method", "path"), CUTS)
def test_a_run_that_is_cut_ends_where_an_unbroken_one_ends(
    stores: Stores, store: str, method: str, path: str, when: str
) -> None:
    before = Before.of(stores)
    untouched, tidier = before.picture(), stores.tidier
    run_id = tidier.start().run_id
    planned = tidier.record(run_id, *before.changes())
    twin = {"zep": stores.zep, "mem0": stores.mem0}[store]
    # Our clients repeat what is safe to repeat, so it is cut often enough.
    twin.fault(path=path, method=method, kind="reset", when=when, times=3)
    carried = stores.carry_out(run_id, planned)
    assert carried.failed is True
    assert carried.confirmed + carried.left == len(planned)
    twin.heal()
    left = run(tidier.changes.unfinished(run_id))
    assert stores.carry_out(run_id, left) == Carried(confirmed=len(left))
    tidier.finish(run_id)

    after = before.picture()
    assert after["visible"] == ["Likes chess", "Lives in Delhi"]
    assert after["memories"][0]["metadata"] == {"run_id": str(run_id)}
    assert after["facts"]["Likes tea"]["tandem_ended_at"] == "2026-05-04T09:30:00Z"

    stores.undo(run_id)
    assert before.picture() == untouched
