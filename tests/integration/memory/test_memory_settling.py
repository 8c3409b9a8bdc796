"""What settling finds out about items that are to be shown, in a real PostgreSQL."""

import asyncio
from collections.abc import Iterator, Sequence
from uuid import uuid4

import pytest

from tandem.clients.models import Mem0Memory, ZepEdge
from tandem.db.connection import Database, OneRoundTrip
from tandem.db.memory import MemoryLedger, OpenConflict, Settled
from tandem.ids import Mem0Id, ZepUuid
from tandem.recall.items import Draft, resolve_all
from tandem.recall.merge import Link, edge_uuid_of, links, mem0_id_of, still_linked
from tandem.recall.normalise import statement_hash
from tandem.recall.stores import fact_draft, memory_draft
from tandem.settings import DatabaseSettings
from tests.integration.memory.speakers import Speaker

pytestmark = pytest.mark.integration


@pytest.fixture
def ledger(database: str) -> Iterator[MemoryLedger]:
    opened = Database(lambda: database, DatabaseSettings(database_statement_seconds=20))
    yield MemoryLedger(opened)
    opened.close()


def fact(text: str) -> Draft:
    return fact_draft(ZepEdge(uuid=ZepUuid(uuid4()), fact=text))


def memory(text: str) -> Draft:
    return memory_draft(Mem0Memory(id=Mem0Id(str(uuid4())), text=text))


def settle(ledger: MemoryLedger, me: Speaker, drafts: Sequence[Draft]) -> Settled:
    return asyncio.run(ledger.settle(me.account_id, drafts, []))


def linked(me: Speaker, one: Draft, other: Draft) -> None:
    """As a run of consolidation links a memory with a fact in other words."""
    me.run(
        "insert into links (account_id, mem0_id, edge_uuid, statement_hash, fact_hash)"
        " values (:account, :mem0_id, :edge, :hash, :fact_hash)",
        mem0_id=mem0_id_of(one),
        edge=edge_uuid_of(other),
        hash=statement_hash(one.item.text),
        fact_hash=statement_hash(other.item.text),
    )


def test_links_are_found_from_either_end_and_say_what_each_end_read_like(
    connection: OneRoundTrip, ledger: MemoryLedger
) -> None:
    me, you = Speaker.sign_up(connection), Speaker.sign_up(connection)
    brew, tea = memory("Is fond of tea"), fact("Likes tea")
    linked(me, brew, tea)
    expected = Link(
        mem0_id_of(brew),
        edge_uuid_of(tea),
        statement_hash("Is fond of tea"),
        statement_hash("Likes tea"),
    )
    for drafts in ([brew], [tea], [brew, tea]):
        found = settle(ledger, me, drafts).links
        assert found == [expected]
        assert bool(still_linked(found, [tea], [brew]))
        assert not settle(ledger, you, drafts).links


def test_a_fact_is_not_known_to_stand_with_a_memory_that_is_hidden(
    connection: OneRoundTrip, ledger: MemoryLedger
) -> None:
    me = Speaker.sign_up(connection)
    brew, tea = memory("Is fond of tea"), fact("Likes tea")
    linked(me, brew, tea)
    me.hide(mem0_id_of(brew), listed=False)
    assert settle(ledger, me, [tea]).links == []


def test_a_pair_that_reads_the_same_again_is_linked_by_that(
    connection: OneRoundTrip, ledger: MemoryLedger
) -> None:
    me = Speaker.sign_up(connection)
    brew, tea = memory("Is fond of tea"), fact("Likes tea")
    linked(me, brew, tea)
    rewritten = memory_draft(Mem0Memory(id=mem0_id_of(brew), text="likes tea."))
    asyncio.run(ledger.settle(me.account_id, [], links([tea], [rewritten])))
    [found] = settle(ledger, me, [rewritten]).links
    assert (found.statement_hash, found.fact_hash) == (statement_hash("likes tea"), None)
    assert still_linked([found], [tea], [rewritten])


def test_a_search_finds_a_fact_to_be_in_both_stores_though_its_memory_was_not_found(
    connection: OneRoundTrip, ledger: MemoryLedger
) -> None:
    me = Speaker.sign_up(connection)
    brew, tea = memory("Is fond of tea"), fact("Likes tea")
    linked(me, brew, tea)
    traced = asyncio.run(ledger.trace(me.account_id, facts=[tea], memories=[]))
    assert traced.elsewhere == {edge_uuid_of(tea)}


def test_open_conflicts_are_found_by_either_side_as_it_reads_now(
    connection: OneRoundTrip, ledger: MemoryLedger
) -> None:
    me, you = Speaker.sign_up(connection), Speaker.sign_up(connection)
    green, steak = memory("Is vegetarian"), fact("Loves steak")
    sides = [(one.item.id, statement_hash(one.item.text)) for one in (green, steak)]
    conflict = me.conflict(*sides)
    expected = [OpenConflict(conflict, green.item.id, steak.item.id)]
    for drafts in ([green], [steak], [green, steak]):
        assert settle(ledger, me, drafts).conflicts == expected
        assert not settle(ledger, you, drafts).conflicts
    rewritten = memory_draft(Mem0Memory(id=mem0_id_of(green), text="Is vegan"))
    assert not settle(ledger, me, [rewritten]).conflicts
    me.run("update conflicts set state = 'resolved' where id = :id", id=conflict)
    assert not settle(ledger, me, [green]).conflicts


def test_what_stays_has_the_sources_of_what_was_hidden_in_its_favour(
    connection: OneRoundTrip, ledger: MemoryLedger
) -> None:
    me = Speaker.sign_up(connection)
    session = me.session("sess789")
    turns = [me.turn(session, number, f"in words {number}") for number in range(1, 4)]
    kept = memory("Likes tea")
    me.source(mem0_id_of(kept), turns[0])
    for number in (1, 2):
        me.takes_over(mem0_id_of(kept), f"hidden {number}", turns[number])
    [item] = resolve_all([kept], settle(ledger, me, [kept]).sources)
    assert [source.turn_id for source in item.source] == turns
    traced = asyncio.run(ledger.trace(me.account_id, facts=[], memories=[kept]))
    [item] = resolve_all([kept], traced.sources)
    assert [source.turn_id for source in item.source] == turns
    me.run("delete from sources where change_id is not null and account_id = :account")
    [item] = resolve_all([kept], settle(ledger, me, [kept]).sources)
    assert [source.turn_id for source in item.source] == turns[:1]
