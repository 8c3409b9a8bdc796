"""The ledger's part in view and search, in a real PostgreSQL."""

import asyncio
from collections.abc import Awaitable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest

from tandem.clients.models import Mem0Memory, ZepEdge
from tandem.db.connection import Database, OneRoundTrip
from tandem.db.memory import MemoryLedger, Traced
from tandem.errors import Forbidden, NotFound, Unauthenticated
from tandem.ids import Mem0Id, ZepUuid
from tandem.recall.items import Draft, resolve_all
from tandem.recall.merge import Link, Pair, edge_uuid_of, links, mem0_id_of
from tandem.recall.normalise import statement_hash
from tandem.recall.stores import fact_draft, memory_draft
from tandem.settings import DatabaseSettings
from tests.integration.conftest import CountingProxy
from tests.integration.lock_waits import commit_once_waited_for
from tests.integration.memory.speakers import Speaker

pytestmark = pytest.mark.integration

SETTINGS = DatabaseSettings(database_statement_seconds=20)
NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


@pytest.fixture
def ledger(database: str) -> Iterator[MemoryLedger]:
    opened = Database(lambda: database, SETTINGS)
    yield MemoryLedger(opened)
    opened.close()


def run[T](work: Awaitable[T]) -> T:
    async def wait() -> T:
        return await work

    return asyncio.run(wait())


def fact(text: str) -> Draft:
    return fact_draft(ZepEdge(uuid=ZepUuid(uuid4()), fact=text, episode_uuids=(ZepUuid(uuid4()),)))


def memory(text: str, *, turn: UUID | None = None) -> Draft:
    metadata = {} if turn is None else {"turn_id": str(turn)}
    return memory_draft(Mem0Memory(id=Mem0Id(str(uuid4())), text=text, metadata=metadata))


def test_a_look_finds_the_graph_and_what_no_store_has_ingested(
    connection: OneRoundTrip, ledger: MemoryLedger
) -> None:
    graph = uuid4()
    me = Speaker.sign_up(connection, graph=graph)
    session = me.session("sess789")
    hour = timedelta(hours=1)
    me.turn(session, 1, "long ago", ago=25 * hour)
    me.turn(session, 2, "at home everywhere", ago=5 * hour, states=("ingested", "ingested"))
    me.turn(session, 3, "at home nowhere", ago=4 * hour)
    half = me.turn(session, 4, "half way", ago=3 * hour, states=("ingested", "sent"))
    me.turn(session, 5, None, ago=2 * hour)
    me.turn(session, 6, "refused", ago=hour, states=("refused", "ingested"))
    looked = run(ledger.look(me.principal))
    assert looked.zep_graph_uuid == graph
    assert [said.message for said in looked.pending] == ["at home nowhere", "half way"]
    assert looked.pending[1].turn_id == half
    assert looked.pending[1].session_id == "sess789"
    assert looked.last_message is None


def test_a_look_finds_the_last_message_of_the_session_it_was_asked_about(
    connection: OneRoundTrip, ledger: MemoryLedger
) -> None:
    me = Speaker.sign_up(connection)
    session = me.session("sess789")
    me.turn(session, 1, "first")
    last = me.turn(session, 2, "second", states=("ingested", "ingested"))
    me.turn(session, 3, None)
    me.turn(me.session("other"), 1, "elsewhere")
    looked = run(ledger.look(me.principal, user_id=me.user_id, session_id="sess789"))
    assert looked.zep_graph_uuid is None
    assert looked.last_message == (last, "second")
    me.session("quiet")
    assert run(ledger.look(me.principal, session_id="quiet")).last_message is None


def test_a_look_is_refused_to_others_and_for_sessions_that_are_not_there(
    connection: OneRoundTrip, ledger: MemoryLedger
) -> None:
    me, you = Speaker.sign_up(connection), Speaker.sign_up(connection)
    you.session("yours")
    with pytest.raises(Forbidden):
        run(ledger.look(me.principal, user_id=you.user_id))
    for session_id in ("yours", "nowhere"):
        with pytest.raises(NotFound) as refused:
            run(ledger.look(me.principal, session_id=session_id))
        assert refused.value.code == "session_not_found"
    connection.run("update logins set revoked_at = now() where id = :id", id=me.principal.login_id)
    with pytest.raises(Unauthenticated):
        run(ledger.look(me.principal))


def test_a_look_names_what_is_hidden_here_alone_and_not_what_mem0_hides_itself(
    connection: OneRoundTrip, ledger: MemoryLedger
) -> None:
    me, you = Speaker.sign_up(connection), Speaker.sign_up(connection)
    me.hide("listed")
    me.hide("expired", listed=False)
    me.hide("purged")
    me.run("update hidden_memories set purged_at = now() where mem0_id = 'purged'")
    you.hide("theirs")
    assert run(ledger.look(me.principal)).hidden == {"listed"}


def test_a_fact_that_is_linked_to_a_hidden_memory_alone_is_in_zep_alone(
    connection: OneRoundTrip, ledger: MemoryLedger
) -> None:
    me = Speaker.sign_up(connection)
    delhi, home = fact("Lives in Delhi"), memory("lives in delhi")
    run(ledger.settle(me.account_id, [], links([delhi], [home])))
    assert run(ledger.trace(me.account_id, facts=[delhi], memories=[])).elsewhere
    me.hide(mem0_id_of(home), listed=False)
    assert not run(ledger.trace(me.account_id, facts=[delhi], memories=[])).elsewhere


def test_settling_says_where_items_come_from(
    connection: OneRoundTrip, ledger: MemoryLedger
) -> None:
    me, you = Speaker.sign_up(connection), Speaker.sign_up(connection)
    turn = me.turn(me.session("sess789"), 1, "I live in Delhi")
    delhi, dog = fact("Lives in Delhi"), memory("Has a dog", turn=turn)
    me.source(delhi.provider_ids[0], turn)
    stolen = fact("Not mine")
    you.source(stolen.provider_ids[0], you.turn(you.session("theirs"), 1, "x"))
    drafts = [delhi, dog, stolen, fact("From nowhere")]
    items = resolve_all(drafts, run(ledger.settle(me.account_id, drafts, [])).sources)
    assert [[source.turn_id for source in item.source] for item in items] == [
        [turn],
        [turn],
        [],
        [],
    ]
    assert items[0].source[0].session_id == "sess789"
    assert items[0].last_confirmed_at is not None


def test_links_are_kept_once_and_only_a_changed_text_changes_them(
    connection: OneRoundTrip, ledger: MemoryLedger
) -> None:
    me = Speaker.sign_up(connection)
    facts, memories = [fact("Lives in Delhi")], [memory("lives in delhi.")]
    found = links(facts, memories)
    assert len(found) == 1
    run(ledger.settle(me.account_id, [], [*found, *found]))
    before = me.links()
    run(ledger.settle(me.account_id, [], found))
    assert me.links() == before
    assert before[0][:3] == (found[0].mem0_id, found[0].edge_uuid, found[0].statement_hash)
    changed = found[0]._replace(statement_hash=statement_hash("Lives in New Delhi"))
    run(ledger.settle(me.account_id, [], [changed]))
    [after] = me.links()
    assert after[2] == changed.statement_hash
    assert after[3] == before[0][3]


def test_links_written_at_the_same_time_in_opposite_orders_neither_double_nor_deadlock(
    connection: OneRoundTrip, database: str
) -> None:
    me = Speaker.sign_up(connection)
    pairs = [
        Link(Mem0Id(f"m{n:03}"), ZepUuid(uuid4()), statement_hash(f"statement {n}"))
        for n in range(200)
    ]
    workers = [Database(lambda: database, SETTINGS) for _ in range(4)]

    def settle(number: int) -> None:
        ordered = pairs if number % 2 else pairs[::-1]
        for round_number in range(5):
            changed = [
                pair._replace(statement_hash=statement_hash(f"{number} {round_number}"))
                for pair in ordered
            ]
            run(MemoryLedger(workers[number]).settle(me.account_id, [], changed))

    with ThreadPoolExecutor(len(workers)) as pool:
        list(pool.map(settle, range(len(workers))))
    for worker in workers:
        worker.close()
    kept = me.links()
    assert [(row[0], row[1]) for row in kept] == [(pair.mem0_id, pair.edge_uuid) for pair in pairs]


def test_a_second_writer_of_the_same_link_waits_for_the_first_and_changes_nothing(
    connection: OneRoundTrip, ledger: MemoryLedger
) -> None:
    me = Speaker.sign_up(connection)
    link = Link(Mem0Id("m"), ZepUuid(uuid4()), statement_hash("Lives in Delhi"))
    connection.run("begin")
    connection.run(
        "insert into links (account_id, mem0_id, edge_uuid, statement_hash, linked_at)"
        " values (:account, 'm', :edge, :hash, :noon)",
        account=me.account_id,
        edge=link.edge_uuid,
        hash=link.statement_hash,
        noon=NOON,
    )
    commit_once_waited_for(connection, lambda: run(ledger.settle(me.account_id, [], [link])))
    [kept] = me.links()
    assert kept == ("m", link.edge_uuid, link.statement_hash, NOON)


def test_tracing_tells_which_memories_a_fact_is_known_to_equal(
    connection: OneRoundTrip, ledger: MemoryLedger
) -> None:
    me, you = Speaker.sign_up(connection), Speaker.sign_up(connection)
    turn = me.turn(me.session("sess789"), 1, "I live in Delhi")
    linked, rewritten, alone = memory("Lives in Delhi"), memory("Likes tea"), memory("Has a dog")
    me.source(linked.provider_ids[0], turn)
    found = links([fact("Lives in Delhi"), fact("Likes tea")], [linked, rewritten])
    run(ledger.settle(me.account_id, [], found))
    again = Draft(rewritten.item.model_copy(update={"text": "Likes coffee"}))
    traced = run(ledger.trace(me.account_id, facts=[], memories=[linked, again, alone]))
    assert {pair.mem0_id for pair in traced.pairs} == {linked.provider_ids[0]}
    assert [row.turn_id for row in traced.sources] == [turn]
    assert run(ledger.trace(you.account_id, facts=[], memories=[linked])) == Traced([])


def test_tracing_facts_tells_their_sources_and_which_memories_equal_them(
    connection: OneRoundTrip, ledger: MemoryLedger
) -> None:
    me, you = Speaker.sign_up(connection), Speaker.sign_up(connection)
    turn = me.turn(me.session("sess789"), 1, "I live in Delhi")
    delhi, tea, alone = fact("Lives in Delhi"), fact("Likes tea"), fact("Has a dog")
    home, drink = memory("Lives in Delhi"), memory("Likes tea")
    me.source(delhi.provider_ids[0], turn)
    run(ledger.settle(me.account_id, [], links([delhi, tea], [home, drink])))
    facts = [delhi, tea, alone]
    traced = run(ledger.trace(me.account_id, facts=facts, memories=[home]))
    assert traced.pairs == {Pair(mem0_id_of(home), edge_uuid_of(delhi))}
    assert traced.elsewhere == {edge_uuid_of(tea)}
    assert [row.turn_id for row in traced.sources] == [turn]
    assert run(ledger.trace(you.account_id, facts=facts, memories=[home])) == Traced([])


def test_a_link_of_a_memory_that_has_changed_since_is_none_for_its_fact_either(
    connection: OneRoundTrip, ledger: MemoryLedger
) -> None:
    me = Speaker.sign_up(connection)
    delhi, home = fact("Lives in Delhi"), memory("Lives in Delhi")
    run(ledger.settle(me.account_id, [], links([delhi], [home])))
    changed = Draft(home.item.model_copy(update={"text": "Lives in New Delhi"}))
    assert run(ledger.trace(me.account_id, facts=[delhi], memories=[changed])) == Traced([])


@pytest.mark.parametrize("hostile", ['a"b', "a,b", "{}", "NULL", "a\\b", "a'b", "", "😀"])
def test_ids_of_a_store_are_data_whatever_they_look_like(
    connection: OneRoundTrip, ledger: MemoryLedger, hostile: str
) -> None:
    me = Speaker.sign_up(connection)
    turn = me.turn(me.session("sess789"), 1, "x")
    odd = memory_draft(Mem0Memory(id=Mem0Id(hostile), text="x"))
    me.source(hostile, turn)
    found = run(ledger.settle(me.account_id, [odd], links([fact("x")], [odd])))
    assert [row.turn_id for row in found.sources] == [turn]
    traced = run(ledger.trace(me.account_id, facts=[], memories=[odd]))
    assert {pair.mem0_id for pair in traced.pairs} == {hostile}


def test_each_part_is_one_round_trip(
    connection: OneRoundTrip, counting_proxy: CountingProxy
) -> None:
    me = Speaker.sign_up(connection)
    me.turn(me.session("sess789"), 1, "x")
    opened = Database(lambda: counting_proxy.url, SETTINGS)
    ledger = MemoryLedger(opened)
    run(ledger.look(me.principal))
    counting_proxy.reset()
    memories = [memory("Lives in Delhi")]
    run(ledger.look(me.principal, user_id=me.user_id, session_id="sess789"))
    assert counting_proxy.round_trips == 1
    run(ledger.settle(me.account_id, memories, links([fact("Lives in Delhi")], memories)))
    assert counting_proxy.round_trips == 2
    run(ledger.trace(me.account_id, facts=[fact("Likes tea")], memories=memories))
    assert counting_proxy.round_trips == 3
    opened.close()
