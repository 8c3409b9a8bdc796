"""Who may deliver a session's words to a store, and for how long, against real PostgreSQL."""

import asyncio
import math
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import pytest

from tandem.db.connection import Database, OneRoundTrip
from tandem.db.deliveries import Deliveries, Lease, LeaseLost, ProviderId
from tandem.ids import TurnId
from tests.integration.delivery.talk import Talk
from tests.integration.turn_ledger import Someone, database_at

pytestmark = pytest.mark.integration


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
        assert lease.unclear_seconds is None
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
    assert (again.unclear_seconds, again.failures) == (None, 3)


def test_what_an_owner_left_unclear_stays_so_until_somebody_says_otherwise(talk: Talk) -> None:
    talk.say()
    talk.release(talk.held(), unclear=7.0)
    lease = talk.held()
    assert lease.unclear_seconds == pytest.approx(7, abs=1)
    talk.release(lease)
    assert talk.held().unclear_seconds is None


def test_an_owner_that_never_gave_back_leaves_the_outcome_unclear_since_its_lease_ended(
    talk: Talk,
) -> None:
    talk.say()
    talk.held()
    assert talk.lease() is None
    talk.age("delivery_leases", "lease_until = now() - interval '30 s'")

    assert talk.held().unclear_seconds == pytest.approx(30, abs=1)


def test_what_was_unclear_before_anybody_said_since_when_has_been_so_for_long(talk: Talk) -> None:
    talk.say()
    talk.release(talk.held())
    talk.age("delivery_leases", "unclear = true")

    lease = talk.held()
    assert lease.unclear_seconds == math.inf
    talk.release(lease, unclear=lease.unclear_seconds)
    again = talk.held().unclear_seconds
    assert again is not None
    assert again > 24 * 60 * 60


def test_an_owner_whose_first_answer_was_lost_gets_the_same_lease(talk: Talk) -> None:
    talk.say()
    owner = uuid4()
    for _ in range(2):
        lease = asyncio.run(talk.deliveries.lease(talk.row, "zep", owner=owner, seconds=45))
        assert lease is not None
        assert lease.unclear_seconds is None


def nobody_comes(talk: Talk, within: float = 2.0) -> bool:
    return asyncio.run(talk.deliveries.nobody_comes(talk.row, "zep", within_seconds=within))


def test_a_store_that_is_given_a_rest_is_told_from_one_that_somebody_works_for(talk: Talk) -> None:
    talk.say()
    assert not nobody_comes(talk)  # nor is there a lease
    lease = talk.held()
    assert nobody_comes(talk)
    assert talk.release(lease, rest=60)
    assert not nobody_comes(talk)
    assert talk.lease() is None
    talk.age("delivery_leases", "not_before = now() - interval '1 s'")
    assert talk.lease() is not None


def test_of_many_wake_ups_that_find_somebody_at_work_one_comes_again(talk: Talk) -> None:
    talk.say()
    talk.held()
    assert [nobody_comes(talk) for _ in range(3)] == [True, False, False]
    assert nobody_comes(talk, within=1.0)
    talk.age("delivery_leases", "wake_at = now() - interval '1 s'")
    assert nobody_comes(talk)


def test_one_look_at_a_session_is_ordered_at_a_time_and_one_for_each_rest(talk: Talk) -> None:
    talk.say()
    assert talk.release(talk.held("zep"), again=10)
    assert not talk.release(talk.held("zep"), again=12)
    assert not talk.release(talk.held("mem0"), again=300)  # any wake-up looks after both stores
    assert talk.release(talk.held("mem0"), again=5)
    assert talk.release(talk.held("zep"), rest=5)
    assert not talk.release(talk.held("mem0"))
    talk.age("delivery_leases", "wake_at = now(), not_before = now()")
    assert talk.release(talk.held("mem0"), again=300)


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
    talk.release(lost)

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


def test_a_lease_allows_no_mark_on_a_turn_of_another_session(
    talk: Talk, container: Database, connection: OneRoundTrip
) -> None:
    other = Talk(container, Someone.sign_up(connection))
    theirs = other.say()
    talk.say()
    lease = talk.held()

    talk.sent(lease, theirs)

    assert {state for *_, state in other.states()} == {"owed"}
    assert TurnId(theirs.turn_id) not in {words.turn_id for words in talk.due().words}
