"""What is owed, leased, marked and swept, against real PostgreSQL."""

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID, uuid4

import pytest

from tandem.db.connection import Database, OneRoundTrip
from tandem.db.deliveries import Deliveries, Due, Lease, LeaseLost, ProviderId, StoreName
from tandem.db.sessions import Sessions
from tandem.db.sweeping import Sweeping
from tandem.db.turns import Turn, Turns
from tandem.ids import SessionRowId, TurnId, ZepUuid
from tests.integration.conftest import open_connection
from tests.integration.turn_ledger import Someone, database_at, new_turn, sign_up

pytestmark = pytest.mark.integration

PATIENCE_SECONDS = 60.0
DAYS = 30


@pytest.fixture
def connection(database: str) -> Iterator[OneRoundTrip]:
    opened = open_connection(database)
    yield opened
    opened.close()


@pytest.fixture
def container(database: str) -> Iterator[Database]:
    opened = database_at(database)
    yield opened
    opened.close()


@pytest.fixture
def ada(connection: OneRoundTrip) -> Someone:
    return sign_up(connection)


class Talk:
    """One session of a person's and its deliveries, as the jobs see them."""

    def __init__(self, container: Database, person: Someone) -> None:
        self.person = person
        self.turns, self.deliveries = Turns(container), Deliveries(container)
        self.sweeping = Sweeping(container)
        self.row = SessionRowId(uuid4())

    def open(self, message: str = "m", key: str | None = None) -> Turn:
        turn = asyncio.run(self.person.open(self.turns, new_turn(message, key=key, session="talk")))
        assert turn.session_row is not None
        self.row = turn.session_row
        return turn

    def say(self, message: str = "m") -> Turn:
        turn = self.open(message)
        self.answer(turn)
        return turn

    def answer(self, turn: Turn) -> None:
        assert asyncio.run(self.person.commit(self.turns, turn, "a reply")) is not None

    def settle(self) -> bool:
        return asyncio.run(self.deliveries.settle(self.row))

    def lease(self, store: StoreName = "zep", seconds: float = 45) -> Lease | None:
        return asyncio.run(self.deliveries.lease(self.row, store, owner=uuid4(), seconds=seconds))

    def held(self, store: StoreName = "zep", seconds: float = 45) -> Lease:
        lease = self.lease(store, seconds)
        assert lease is not None
        return lease

    def release(
        self, lease: Lease, *, unclear: bool = False, failures: int = 0, rest: float = 0.0
    ) -> None:
        asyncio.run(
            self.deliveries.release(lease, unclear=unclear, failures=failures, rest_seconds=rest)
        )

    def due(self, store: StoreName = "zep") -> Due:
        return asyncio.run(self.deliveries.due(self.row, store))

    def sent(self, lease: Lease, turn: Turn, *ids: ProviderId, check: str | None = "job") -> None:
        roles: Any = ["user", "assistant"] if lease.store == "zep" else ["user"]
        asyncio.run(
            self.deliveries.sent(lease, turn.turn_id, roles, check_id=check, provider_ids=ids)
        )

    def finished(self, lease: Lease, turn: Turn, *ids: ProviderId, state: Any = "ingested") -> None:
        roles: Any = ["user", "assistant"] if lease.store == "zep" else ["user"]
        asyncio.run(
            self.deliveries.finished(lease, turn.turn_id, roles, state=state, provider_ids=ids)
        )

    def delivered(self, turn: Turn) -> None:
        stores: tuple[StoreName, ...] = ("zep", "mem0")
        for store in stores:
            lease = self.held(store)
            self.sent(lease, turn)
            self.finished(lease, turn)
            self.release(lease)

    def delete(self) -> None:
        asyncio.run(Sessions(self.turns._database).delete(self.person.principal, "talk"))

    def age(self, table: str, change: str, **values: Any) -> None:
        column = "id" if table == "sessions" else "session_row"
        self.person.run(
            f"update {table} set {change} where {column} = :row",  # noqa: S608
            row=self.row,
            **values,
        )

    def lease_out(self, turn: Turn, minutes: int = 0) -> None:
        self.person.run(
            "update turns set lease_until = now() - interval '1 s',"
            " said_at = said_at - make_interval(mins => :minutes) where id = :turn",
            turn=turn.turn_id,
            minutes=minutes,
        )

    def is_late(self) -> bool:
        found = asyncio.run(self.sweeping.sessions_with_work(patience_seconds=PATIENCE_SECONDS))
        return self.row in found

    def states(self) -> list[tuple[Any, ...]]:
        return [tuple(row) for row in self.person.owed()]


@pytest.fixture
def talk(container: Database, ada: Someone) -> Talk:
    return Talk(container, ada)


def await_waiting(connection: OneRoundTrip, count: int = 1) -> None:
    """Returns once so many backends of this database wait for a lock."""
    deadline = time.monotonic() + 10
    waiting = (
        "select count(*) from pg_stat_activity"
        " where datname = current_database() and wait_event_type = 'Lock'"
    )
    while connection.run(waiting)[0][0] < count:
        assert time.monotonic() < deadline, "nobody waits"


# ---------------------------------------------------------------- settling


@pytest.mark.parametrize(
    ("lease_out", "later", "minutes", "state"),
    [
        (True, True, 0, "abandoned"),
        (True, False, 11, "abandoned"),
        (True, False, 9, "open"),
        (False, True, 0, "open"),
        (False, False, 11, "open"),
    ],
)
def test_a_turn_is_abandoned_when_its_lease_ran_out_and_a_later_one_opened_or_time_has_passed(
    lease_out: bool, later: bool, minutes: int, state: str, talk: Talk
) -> None:
    turn = talk.open("left alone")
    if later:
        talk.open("later")
    talk.lease_out(turn, minutes)
    if not lease_out:
        talk.person.run(
            "update turns set lease_until = now() + interval '9 s' where id = :t", t=turn.turn_id
        )

    assert talk.settle()

    assert talk.person.turns()[0] == [1, state, 1, "left alone"]
    owed = [(1, "mem0", "user", "owed"), (1, "zep", "user", "owed")]
    assert talk.states() == (owed if state == "abandoned" else [])


def test_a_session_that_is_unknown_is_not_settled(talk: Talk) -> None:
    assert not talk.settle()


def test_an_abandoned_message_is_owed_once_however_often_and_by_whom_it_is_settled(
    talk: Talk, database: str
) -> None:
    turn = talk.open("left alone")
    talk.open("later")
    talk.lease_out(turn)
    containers = [database_at(database) for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda one: asyncio.run(Deliveries(one).settle(talk.row)), containers))
    for container in containers:
        container.close()
    talk.settle()

    assert talk.states() == [(1, "mem0", "user", "owed"), (1, "zep", "user", "owed")]


def test_a_turn_that_is_answered_while_it_is_being_settled_stays_answered(
    talk: Talk, database: str, connection: OneRoundTrip
) -> None:
    turn = talk.open("just in time")
    talk.open("later")
    talk.lease_out(turn)
    connection.run("begin")
    connection.run(
        "update turns set state = 'answered', reply = 'r', replied_at = now() where id = :t",
        t=turn.turn_id,
    )
    settling = threading.Thread(target=talk.settle)
    settling.start()
    watcher = open_connection(database)
    await_waiting(watcher)
    watcher.close()
    connection.run("commit")
    settling.join(10)

    assert talk.person.turns()[0][1] == "answered"
    assert talk.states() == []


def test_an_abandoned_turn_that_is_resumed_and_answered_owes_its_reply_and_not_its_message_again(
    talk: Talk,
) -> None:
    turn = talk.open("left alone", key="k1")
    talk.open("later")
    talk.lease_out(turn)
    talk.settle()
    for store in ("zep", "mem0"):
        lease = talk.held(store)  # type: ignore[arg-type]
        talk.sent(lease, turn)
        talk.finished(lease, turn)
        talk.release(lease)

    again = talk.open("left alone", key="k1")
    assert (again.outcome, again.turn_id, again.attempt) == ("opened", turn.turn_id, 2)
    assert talk.due().words == []
    talk.answer(again)

    assert [(words.role, words.text) for words in talk.due().words] == [("assistant", "a reply")]
    assert talk.states() == [
        (1, "mem0", "user", "ingested"),
        (1, "zep", "assistant", "owed"),
        (1, "zep", "user", "ingested"),
    ]


# ---------------------------------------------------------------- what is due


def test_delivery_waits_at_the_lowest_open_turn_and_goes_by_seq(talk: Talk) -> None:
    talk.say("m1")
    slow = talk.open("m2")
    talk.say("m3")

    assert [(w.seq, w.role, w.text) for w in talk.due().words] == [
        (1, "user", "m1"),
        (1, "assistant", "a reply"),
    ]
    talk.answer(slow)
    assert [(w.seq, w.role) for w in talk.due().words] == [
        (seq, role) for seq in (1, 2, 3) for role in ("user", "assistant")
    ]
    assert [(w.seq, w.role, w.text) for w in talk.due("mem0").words] == [
        (1, "user", "m1"),
        (2, "user", "m2"),
        (3, "user", "m3"),
    ]


def test_words_come_with_the_time_at_which_they_were_said(talk: Talk) -> None:
    talk.say()
    [[said_at, replied_at]] = talk.person.rows("turns", "said_at, replied_at", "seq")

    assert [words.at for words in talk.due().words] == [said_at, replied_at]
    assert {words.at.utcoffset() for words in talk.due().words} == {said_at.utcoffset()}


def test_many_words_in_ingestion_do_not_hide_those_that_are_owed_and_no_turn_is_cut(
    talk: Talk,
) -> None:
    for number in range(55):
        talk.say(f"m{number + 1}")
    talk.age("deliveries", "state = 'sent', sent_at = now()")
    for number in range(55):
        talk.say(f"m{number + 56}")

    words = talk.due().words
    sent = [w.seq for w in words if w.state == "sent"]
    owed = [w.seq for w in words if w.state == "owed"]
    assert sent == [seq for seq in range(1, 51) for _ in range(2)]
    assert owed == [seq for seq in range(56, 106) for _ in range(2)]


def test_what_zep_calls_a_person_and_a_session_is_remembered(talk: Talk) -> None:
    talk.say()
    user, graph, thread = ZepUuid(uuid4()), ZepUuid(uuid4()), ZepUuid(uuid4())
    asyncio.run(talk.deliveries.set_zep_user(talk.person.principal.account_id, user, graph))
    asyncio.run(talk.deliveries.set_thread(talk.row, thread))

    due = talk.due()
    assert (due.zep_user_uuid, due.zep_graph_uuid, due.zep_thread_uuid) == (user, graph, thread)


# ---------------------------------------------------------------- leases


def test_of_eight_that_want_a_lease_at_once_one_gets_it(talk: Talk, database: str) -> None:
    talk.say()
    containers = [database_at(database) for _ in range(8)]
    together = threading.Barrier(8)

    def want(container: Database) -> Lease | None:
        asyncio.run(container.rows("select 1"))
        together.wait()
        return asyncio.run(Deliveries(container).lease(talk.row, "zep", owner=uuid4(), seconds=45))

    for _ in range(5):
        with ThreadPoolExecutor(8) as pool:
            [lease] = [lease for lease in pool.map(want, containers) if lease is not None]
        assert not lease.unclear
        talk.release(lease)
    for container in containers:
        container.close()


def test_a_lease_holds_for_one_store_of_one_session_until_it_is_given_back(talk: Talk) -> None:
    talk.say()
    lease = talk.held("zep")

    assert talk.lease("zep") is None
    assert talk.lease("mem0") is not None
    talk.release(lease, failures=3)
    again = talk.held("zep")
    assert (again.unclear, again.failures) == (False, 3)


def test_what_an_owner_left_unclear_stays_so_until_somebody_says_otherwise(talk: Talk) -> None:
    talk.say()
    talk.release(talk.held(), unclear=True)
    lease = talk.held()
    assert lease.unclear
    talk.release(lease)
    assert not talk.held().unclear


def test_an_owner_that_never_gave_back_leaves_the_outcome_unclear(talk: Talk) -> None:
    talk.say()
    talk.held()
    assert talk.lease() is None
    talk.age("delivery_leases", "lease_until = now() - interval '1 s'")

    assert talk.held().unclear


def test_an_owner_whose_first_answer_was_lost_gets_the_same_lease(talk: Talk) -> None:
    talk.say()
    owner = uuid4()
    for _ in range(2):
        lease = asyncio.run(talk.deliveries.lease(talk.row, "zep", owner=owner, seconds=45))
        assert lease is not None
        assert not lease.unclear


def test_a_store_that_is_given_a_rest_is_told_from_one_that_somebody_works_for(talk: Talk) -> None:
    def resting() -> bool:
        return asyncio.run(talk.deliveries.is_resting(talk.row, "zep"))

    talk.say()
    assert not resting()
    lease = talk.held()
    assert not resting()
    talk.release(lease, rest=60)
    assert resting()
    assert talk.lease() is None
    talk.age("delivery_leases", "not_before = now() - interval '1 s'")
    assert not resting()
    assert talk.lease() is not None


def test_a_session_that_is_unknown_has_no_lease(talk: Talk) -> None:
    assert talk.lease() is None


def test_who_has_lost_the_lease_records_nothing_and_takes_nothing_away(talk: Talk) -> None:
    turn = talk.say()
    lost = talk.held()
    talk.age("delivery_leases", "lease_until = now() - interval '1 s'")
    held = talk.held()

    for attempt in (
        lambda: talk.sent(lost, turn, ProviderId("x", "user")),
        lambda: talk.finished(lost, turn, ProviderId("x", "user")),
        lambda: asyncio.run(talk.deliveries.prolong(lost)),
    ):
        with pytest.raises(LeaseLost):
            attempt()
    talk.release(lost, unclear=False)

    assert {state for *_, state in talk.states()} == {"owed"}
    assert talk.person.rows("sources", "provider_id", "provider_id") == []
    assert talk.lease() is None
    talk.sent(held, turn)


def test_every_mark_and_every_prolonging_gives_the_lease_its_whole_time_again(talk: Talk) -> None:
    turn = talk.say()
    lease = talk.held()
    marks: list[Callable[[], object]] = [
        lambda: talk.sent(lease, turn),
        lambda: talk.finished(lease, turn),
        lambda: asyncio.run(talk.deliveries.prolong(lease)),
    ]
    for mark in marks:
        talk.age("delivery_leases", "lease_until = now() + interval '1 s'")
        mark()
        [[left]] = talk.person.connection.run(
            "select extract(epoch from lease_until - now())::float from delivery_leases"
            " where session_row = :row",
            row=talk.row,
        )
        assert 40 < left <= 45


# ---------------------------------------------------------------- marks


def test_what_was_sent_is_recorded_with_the_store_s_ids_as_sources(talk: Talk) -> None:
    turn = talk.say()
    lease = talk.held()
    ids = [
        ProviderId("z1", "user"),
        ProviderId("z2", "assistant"),
        ProviderId("z3", "assistant"),
    ]
    talk.sent(lease, turn, *ids, check="task-1")
    talk.sent(lease, turn, *ids, check="task-2")

    sent = [(w.role, w.state, w.check_id, w.ingestions) for w in talk.due().words]
    assert sent == [("user", "sent", "task-2", 2), ("assistant", "sent", "task-2", 2)]
    rows = talk.person.rows("deliveries", "role, provider_ids", "store desc, role desc")
    assert rows[:2] == [["user", ["z1"]], ["assistant", ["z2", "z3"]]]
    known = talk.person.rows("sources", "provider_id, turn_id, role", "provider_id")
    assert known == [
        ["z1", turn.turn_id, "user"],
        ["z2", turn.turn_id, "assistant"],
        ["z3", turn.turn_id, "assistant"],
    ]


def test_a_memory_may_rest_on_several_turns_and_an_episode_does_not_replace_a_message(
    talk: Talk,
) -> None:
    first, second = talk.say(), talk.say()
    mem0 = talk.held("mem0")
    for turn in (first, second):
        talk.sent(mem0, turn)
        talk.finished(mem0, turn, ProviderId("memory", "user"))
    zep = talk.held("zep")
    talk.sent(zep, first, ProviderId("message", "user"))
    talk.sent(zep, first, ProviderId("episode", "user"))

    known = talk.person.rows("sources", "provider_id, turn_id", "provider_id, turn_id")
    turns = sorted([first.turn_id, second.turn_id])
    assert known == [
        ["episode", first.turn_id],
        *(["memory", turn] for turn in turns),
        ["message", first.turn_id],
    ]
    rows = talk.person.rows("deliveries", "provider_ids", "store desc, seq, role desc")
    assert rows[0] == [["message"]]


def test_what_is_finished_stays_as_it_is(talk: Talk) -> None:
    turn = talk.say()
    lease = talk.held()
    talk.finished(lease, turn, state="refused")
    talk.sent(lease, turn, ProviderId("late", "user"))
    talk.finished(lease, turn)

    assert talk.due().words == []
    assert {state for _, store, _, state in talk.states() if store == "zep"} == {"refused"}
    assert talk.person.rows("sources", "provider_id", "provider_id") == []


def test_every_statement_of_a_delivery_is_one_round_trip(talk: Talk, counting_proxy: Any) -> None:
    turn = talk.say()
    container = database_at(counting_proxy.url)
    asyncio.run(container.rows("select 1"))
    talk.deliveries, talk.sweeping = Deliveries(container), Sweeping(container)
    counting_proxy.reset()

    talk.settle()
    lease = talk.held()
    talk.due()
    asyncio.run(talk.deliveries.prolong(lease))
    talk.sent(lease, turn)
    talk.finished(lease, turn)
    talk.release(lease)
    talk.is_late()
    container.close()

    assert counting_proxy.round_trips == 8


# ---------------------------------------------------------------- deletion


def test_deleting_cancels_what_is_owed_and_owes_the_thread_s_deletion(talk: Talk) -> None:
    turn = talk.say("secret")
    lease = talk.held()
    talk.delete()

    talk.settle()
    talk.sent(lease, turn, ProviderId("late", "user"))  # it was on its way
    due = talk.due()

    assert (due.words, due.deletion_owed) == ([], True)
    assert {state for *_, state in talk.states()} == {"cancelled"}
    asyncio.run(talk.deliveries.thread_deleted(talk.row))
    assert not talk.due().deletion_owed


def test_a_deletion_that_waits_for_a_commit_cancels_what_it_owes(talk: Talk, database: str) -> None:
    turn = talk.open("secret")
    committing = database_at(database)
    asyncio.run(committing.rows("begin"))
    asyncio.run(talk.person.commit(Turns(committing), turn, "a reply"))
    deleting = threading.Thread(target=talk.delete)
    deleting.start()
    watcher = open_connection(database)
    await_waiting(watcher)
    watcher.close()
    asyncio.run(committing.rows("commit"))
    deleting.join(10)
    committing.close()

    assert len(talk.states()) == 3
    assert {state for *_, state in talk.states()} == {"cancelled"}
    assert talk.person.turns() == [[1, "answered", 1, None]]


def test_a_deleted_session_s_open_turns_are_not_settled(talk: Talk) -> None:
    turn = talk.open("secret")
    talk.delete()
    talk.lease_out(turn, minutes=11)

    assert talk.settle()
    assert talk.states() == []


# ---------------------------------------------------------------- the sweep


def owed_for(seconds: int) -> str:
    return f"owed_at = now() - interval '{seconds} s'"


def test_words_that_are_owed_for_longer_than_patience_are_found_while_nobody_is_at_work(
    talk: Talk,
) -> None:
    talk.say()
    assert not talk.is_late()
    talk.age("deliveries", owed_for(61))
    assert talk.is_late()

    zep, mem0 = talk.held("zep"), talk.held("mem0")
    assert not talk.is_late()
    talk.release(zep, rest=60)
    assert not talk.is_late()
    talk.release(mem0)
    assert talk.is_late()


def test_a_store_that_owes_nothing_does_not_make_a_session_late_for_one_that_rests(
    talk: Talk,
) -> None:
    turn = talk.say()
    talk.age("deliveries", owed_for(61))
    mem0 = talk.held("mem0")
    talk.finished(mem0, turn)
    talk.release(mem0)
    talk.release(talk.held("zep"), failures=1, rest=60)

    assert not talk.is_late()


def test_words_in_ingestion_are_left_to_their_own_wake_ups_unless_these_are_lost(
    talk: Talk,
) -> None:
    turn = talk.say()
    for store in ("zep", "mem0"):
        lease = talk.held(store)  # type: ignore[arg-type]
        talk.sent(lease, turn)
        talk.release(lease)
    talk.age("deliveries", "sent_at = now() - interval '400 s'")
    assert not talk.is_late()
    talk.age("delivery_leases", "not_before = now() - interval '361 s'")
    assert talk.is_late()


def test_what_a_dead_owner_left_is_found_once_the_lease_is_over(talk: Talk) -> None:
    turn = talk.say()
    talk.sent(talk.held("zep"), turn)
    talk.finished(talk.held("mem0"), turn)
    talk.age("deliveries", "sent_at = now() - interval '61 s', owed_at = now()")
    assert not talk.is_late()
    talk.age("delivery_leases", "lease_until = now() - interval '1 s'")
    assert talk.is_late()


def test_turns_that_nobody_will_answer_and_threads_to_be_deleted_are_found(talk: Talk) -> None:
    turn = talk.open()
    assert not talk.is_late()
    talk.lease_out(turn, minutes=11)
    assert talk.is_late()

    talk.delete()
    assert not talk.is_late()
    talk.age("sessions", "thread_deletion = 'owed'")
    assert talk.is_late()
    talk.release(talk.held("zep"), rest=60)
    assert not talk.is_late()


def test_text_is_wiped_once_both_stores_have_had_it_for_long_enough_and_ids_stay(
    talk: Talk,
) -> None:
    wiped, recent, refused = talk.say("old"), talk.say("recent"), talk.say("refused")
    talk.say("waiting")
    talk.open("open")
    for turn in (wiped, recent):
        talk.delivered(turn)
    for store in ("zep", "mem0"):
        lease = talk.held(store)  # type: ignore[arg-type]
        talk.finished(lease, refused, state="refused" if store == "zep" else "ingested")
        talk.release(lease)
    talk.age("turns", "said_at = said_at - interval '40 days'")
    talk.age("deliveries", "finished_at = finished_at - interval '31 days'")
    talk.person.run(
        "update deliveries set finished_at = now() - interval '29 days'"
        " where turn_id = :t and store = 'mem0'",
        t=recent.turn_id,
    )

    assert asyncio.run(talk.sweeping.wipe_text(days=DAYS)) == 1
    assert asyncio.run(talk.sweeping.wipe_text(days=DAYS)) == 0

    assert [row[3] for row in talk.person.turns()] == [None, "recent", "refused", "waiting", "open"]
    [row] = talk.person.connection.run(
        "select id, reply, answer, request_hash, user_message_id is not null, seq,"
        " wiped_at is not null from turns where id = :t",
        t=wiped.turn_id,
    )
    assert row == [wiped.turn_id, None, None, None, True, 1, True]


def test_the_sweep_looks_only_at_turns_that_still_have_their_text(talk: Talk) -> None:
    plan = talk.person.connection.run(
        "select indexdef from pg_indexes where indexname = 'turns_with_text'"
    )
    assert "WHERE (wiped_at IS NULL)" in plan[0][0]


def test_what_has_expired_is_forgotten_and_nothing_else(talk: Talk) -> None:
    talk.open(key="old-key")
    run, account = talk.person.run, talk.person.principal.account_id
    run(
        "update idempotency_keys set created_at = now() - interval '25 hours'"
        " where account_id = :a",
        a=account,
    )
    talk.open(key="new-key")
    for name, hours in (("old", 25), ("new", 23)):
        run(
            "insert into login_failures (subject, window_started, failures)"
            " values (:s, now() - make_interval(hours => :h), 3)",
            s=f"{name}-{account}".encode(),
            h=hours,
        )
    logins = {"expired": (8, None), "revoked": (-9, 8), "lately": (6, None), "live": (-9, None)}
    ids: dict[str, UUID] = {name: uuid4() for name in logins}
    for name, (expired_days, revoked_days) in logins.items():
        run(
            "insert into logins (id, account_id, expires_at, revoked_at) values (:id, :a,"
            " now() - make_interval(days => :e),"
            " now() - make_interval(days => cast(:r as int)))",
            id=ids[name],
            a=account,
            e=expired_days,
            r=revoked_days,
        )
        run(
            "insert into refresh_tokens (token_hash, login_id, expires_at) values (:h, :id, now())",
            h=ids[name].bytes,
            id=ids[name],
        )

    for _ in range(2):  # a login goes when its tokens have gone
        asyncio.run(talk.sweeping.forget_expired())

    assert talk.person.rows("idempotency_keys", "key", "key") == [["new-key"]]
    left = {row[0] for row in talk.person.rows("logins", "id", "id")}
    assert left == {talk.person.principal.login_id, ids["lately"], ids["live"]}
    subjects = talk.person.connection.run("select subject from login_failures")
    named = {bytes(row[0]).decode() for row in subjects}
    assert {name for name in named if name.endswith(str(account))} == {f"new-{account}"}


def test_a_lease_allows_no_mark_on_a_turn_of_another_session(
    talk: Talk, container: Database, connection: OneRoundTrip
) -> None:
    other = Talk(container, sign_up(connection))
    theirs = other.say()
    talk.say()
    lease = talk.held()

    talk.sent(lease, theirs)

    assert {state for *_, state in other.states()} == {"owed"}
    assert TurnId(theirs.turn_id) not in {words.turn_id for words in talk.due().words}
