"""What memories and facts rest on, in a real PostgreSQL, for as many as a person may have."""

import time
from datetime import timedelta
from uuid import UUID, uuid4

import pytest

from tandem.db.connection import Database
from tandem.db.decisions import Decisions
from tandem.db.evidence import EvidenceLedger, Forgotten, KnownLink
from tandem.ids import TurnId
from tests.integration.changes.journal import Tidier, fact_uuid, mem0_id, run

pytestmark = pytest.mark.integration

MANY = 5_000


@pytest.fixture
def ledger(container: Database) -> EvidenceLedger:
    return EvidenceLedger(container)


def test_evidence_is_the_turns_and_when_they_were_said(
    tidier: Tidier, ledger: EvidenceLedger
) -> None:
    tea, quiet = mem0_id(), mem0_id()
    may, june = (TurnId(tidier.turn(ago=timedelta(days=days))) for days in (40, 10))
    named = TurnId(tidier.turn())
    for turn in (may, june):
        tidier.person.source(tea, turn)
    found = run(ledger.gather(tidier.account_id, [tea, quiet], [named, TurnId(uuid4())]))
    assert {provider: set(turns) for provider, turns in found.turns.items()} == {tea: {may, june}}
    said = dict(tidier.person.run("select id, said_at from turns where account_id = :account"))
    assert found.said_at == {turn: said[turn] for turn in (may, june, named)}


def test_what_was_said_in_a_deleted_session_was_said(
    tidier: Tidier, ledger: EvidenceLedger
) -> None:
    tea, turn = mem0_id(), TurnId(tidier.turn())
    tidier.person.source(tea, turn)
    tidier.person.run("update sessions set deleted_at = now() where account_id = :account")
    assert run(ledger.gather(tidier.account_id, [tea])).turns == {tea: [turn]}


def test_what_the_model_said_is_no_evidence(tidier: Tidier, ledger: EvidenceLedger) -> None:
    episode = str(uuid4())
    tidier.person.source(episode, tidier.turn())
    tidier.person.run("update sources set role = 'assistant' where account_id = :account")
    assert run(ledger.gather(tidier.account_id, [episode])).turns == {}


def test_somebody_elses_words_are_no_evidence(
    tidier: Tidier, container: Database, ledger: EvidenceLedger
) -> None:
    you = Tidier.of_somebody(container, tidier.person.connection)
    tea, turn = mem0_id(), TurnId(you.turn())
    you.person.source(tea, turn)
    found = run(ledger.gather(tidier.account_id, [tea], [turn]))
    assert (found.turns, found.said_at) == ({}, {})


def test_what_stands_is_links_what_is_forgotten_and_what_is_on_its_way(
    tidier: Tidier, ledger: EvidenceLedger
) -> None:
    same, other, edge = mem0_id(), mem0_id(), fact_uuid()
    for memory, fact_hash in ((same, None), (other, b"fact")):
        tidier.person.run(
            "insert into links (account_id, mem0_id, edge_uuid, statement_hash, fact_hash)"
            " values (:account, :memory, :edge, 'memory', :fact_hash)",
            memory=memory,
            edge=edge,
            fact_hash=fact_hash,
        )
    arrived, under_way = TurnId(tidier.turn(states=("ingested", "ingested"))), TurnId(tidier.turn())
    tidier.person.run(
        "insert into tombstones (id, account_id, statement_hash, turn_ids, spared)"
        " values (gen_random_uuid(), :account, 'keyed', array[cast(:turn as uuid)], array['x'])",
        turn=arrived,
    )
    standing = run(ledger.standing(tidier.account_id))
    assert set(standing.links) == {
        KnownLink(same, edge, b"memory", b"memory"),
        KnownLink(other, edge, b"memory", b"fact"),
    }
    assert standing.forgotten == [Forgotten(b"keyed", frozenset({arrived}), frozenset({"x"}))]
    assert standing.on_their_way == {under_way}


def planted(tidier: Tidier) -> list[str]:
    """5,000 memories and 5,000 episodes, three sources each, of 5,000 turns, 25,000 decisions
    and 5,000 links."""
    row = tidier.person.session("long")
    tidier.person.run(
        "insert into turns (id, session_row, account_id, seq, state, lease_until, user_message_id,"
        " assistant_message_id, message, said_at)"
        " select gen_random_uuid(), :row, :account, n, 'answered', now(), gen_random_uuid(),"
        " gen_random_uuid(), 'said', now() - make_interval(mins => cast(n as int))"
        " from generate_series(1, cast(:many as int)) n",
        row=row,
        many=MANY,
    )
    tidier.person.run(
        "with numbered as (select id, row_number() over (order by seq) n from turns"
        "                   where account_id = :account)"
        " insert into sources (provider_id, account_id, turn_id, role)"
        " select md5(format('%s %s', :account, (t.n * 2 + i * 7) % (2 * cast(:many as int))))::uuid"
        "        ::text, :account, t.id, 'user'"
        "   from numbered t cross join generate_series(0, 5) i on conflict do nothing",
        many=MANY,
    )
    tidier.person.run(
        "insert into decisions (account_id, left_id, right_id, left_hash, right_hash, relation,"
        " decided_by) select :account, 'mem_' || md5(format('%s', n / 5))::uuid,"
        " 'mem_' || md5(format('%s r', n))::uuid, sha256('left'), sha256('right'), 'distinct',"
        " 'judge' from generate_series(1, 5 * cast(:many as int)) n",
        many=MANY,
    )
    tidier.person.run(
        "insert into links (account_id, mem0_id, edge_uuid, statement_hash)"
        " select :account, md5(format('%s', n))::uuid::text, gen_random_uuid(), sha256('x')"
        " from generate_series(1, cast(:many as int)) n",
        many=MANY,
    )
    tidier.person.run("analyze sources, turns, decisions, links")
    rows = tidier.person.run("select distinct provider_id from sources where account_id = :account")
    return [provider for [provider] in rows]


def test_five_thousand_memories_are_looked_up_far_within_the_time_limit(
    tidier: Tidier, container: Database, ledger: EvidenceLedger, figures: list[str]
) -> None:
    providers = planted(tidier)
    begun = time.perf_counter()
    found = run(ledger.gather(tidier.account_id, providers))
    gathered = time.perf_counter()
    standing = run(ledger.standing(tidier.account_id))
    stood = time.perf_counter()
    decisions = run(Decisions(container).known(tidier.account_id))
    known = time.perf_counter()
    assert (
        sum(map(len, found.turns.values()))
        == tidier.person.run("select count(*) from sources where account_id = :account")[0][0]
    )
    assert len(found.turns) == len(providers)
    assert (len(standing.links), len(decisions)) == (MANY, 5 * MANY)
    assert all(isinstance(turn, UUID) for turn in found.said_at)
    figures.append(
        f"evidence for {len(providers)} items, {len(found.said_at)} turns: "
        f"{gathered - begun:.2f} s; {MANY} links: {stood - gathered:.2f} s; "
        f"{5 * MANY} decisions: {known - stood:.2f} s (with the client's part)"
    )
