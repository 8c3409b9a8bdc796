"""What the view and search make of a memory that a run has tidied, in a real PostgreSQL."""

from uuid import uuid4

import pytest

from tandem.changes.undoing import undo_changes
from tandem.clients.models import Mem0Memory, ZepEdge
from tandem.db.connection import Database, OneRoundTrip
from tandem.db.memory import MemoryLedger
from tandem.ids import Mem0Id, ZepUuid
from tandem.recall.items import Draft, RecalledItem, resolve
from tandem.recall.merge import merge, still_linked
from tandem.recall.normalise import statement_hash
from tandem.recall.stores import fact_draft, memory_draft
from tests.integration.changes.journal import Tidier, change, hiding, mem0_id, run

pytestmark = pytest.mark.integration

KEPT, SAID = "Likes tea", "Is fond of tea"


def shown(ledger: MemoryLedger, tidier: Tidier, kept: Mem0Id, edge: ZepEdge) -> RecalledItem:
    """The memory as a page shows it whose fact was found by its link alone."""
    memory, fact = memory_draft(Mem0Memory(id=kept, text=KEPT)), fact_draft(edge)
    settled = run(ledger.settle(tidier.account_id, [memory], []))
    pairs = still_linked(settled.links, [fact], [memory])
    first: Draft = merge([fact], [memory], pairs=pairs)[0]
    return resolve(first, list(settled.sources))


def test_what_stays_has_the_sources_of_what_was_hidden_and_linked_until_that_is_undone(
    container: Database, connection: OneRoundTrip
) -> None:
    tidier, ledger = Tidier.of_somebody(container, connection), MemoryLedger(container)
    turns = [tidier.turn(message) for message in ("first", "second", "third")]
    kept, twin = mem0_id(), mem0_id()
    tidier.person.source(kept, turns[0])
    edge = ZepEdge(uuid=ZepUuid(uuid4()), fact=SAID)
    links = change(
        "link",
        mem0_id=kept,
        kept_id=f"mem_{kept}",
        edge_uuid=edge.uuid,
        text_hash=statement_hash(SAID),
        turn_ids=(turns[2],),
        details={"kept_hash": statement_hash(KEPT).hex()},
    )
    hides = hiding(
        twin,
        f"mem_{kept}",
        turn_ids=(turns[1],),
        details={"kept_hash": statement_hash(KEPT).hex()},
    )
    run_id = tidier.apply(hides, links)

    item = shown(ledger, tidier, kept, edge)
    assert (item.text, item.store) == (KEPT, "both")
    assert {source.turn_id for source in item.source} == set(turns)
    assert not run(ledger.look(tidier.person.principal)).hidden

    tidier.apply(*undo_changes(run(tidier.changes.all(tidier.account_id, run_id))))
    item = shown(ledger, tidier, kept, edge)
    assert item.store == "mem0"
    assert [source.turn_id for source in item.source] == turns[:1]
