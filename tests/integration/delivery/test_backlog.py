"""What the sweep tells of what is waiting, against real PostgreSQL."""

import asyncio

import pytest

from tandem.db.backlog import Backlog
from tests.integration.delivery.talk import ABANDONED_SECONDS, Talk

pytestmark = pytest.mark.integration


def told(talk: Talk) -> Backlog:
    return asyncio.run(talk.sweeping.backlog(abandoned_seconds=ABANDONED_SECONDS))


def test_nothing_waits_when_all_is_done(talk: Talk) -> None:
    before = told(talk)
    talk.delivered(talk.say())

    assert told(talk) == before


def test_what_is_owed_is_counted_and_the_oldest_of_it_says_for_how_long(talk: Talk) -> None:
    before = told(talk)
    talk.say()
    talk.age("deliveries", "owed_at = now() - interval '2000 s'")

    after = told(talk)
    assert after.owed == before.owed + 3
    assert 2_000 <= after.oldest_seconds < 2_060


def test_what_a_store_is_ingesting_is_no_longer_owed(talk: Talk) -> None:
    before = told(talk)
    turn = talk.say()
    for store in ("zep", "mem0"):
        talk.sent(talk.held(store), turn)

    assert told(talk).owed == before.owed


def test_a_thread_that_zep_is_still_to_delete_is_owed_too(talk: Talk) -> None:
    talk.delivered(talk.say())
    before = told(talk)
    talk.delete()
    talk.age("sessions", "deleted_at = now() - interval '9000 s', thread_deletion = 'owed'")

    after = told(talk)
    assert after.owed == before.owed + 1
    assert 9_000 <= after.oldest_seconds < 9_060
    talk.age("sessions", "thread_deletion = 'done'")


def test_a_refusal_is_told_for_a_day(talk: Talk) -> None:
    before = told(talk)
    turn = talk.say()
    talk.finished(talk.held("mem0"), turn, state="refused")
    assert told(talk).refused == before.refused + 1

    talk.age("deliveries", "finished_at = now() - interval '25 hours'")
    assert told(talk).refused == before.refused


def test_a_turn_is_overdue_once_it_should_have_been_abandoned(talk: Talk) -> None:
    before = told(talk)
    turn = talk.open()
    talk.lease_out(turn, minutes=9)
    assert told(talk).overdue == before.overdue
    talk.lease_out(turn, minutes=2)
    assert told(talk).overdue == before.overdue + 1

    assert talk.settle()
    assert told(talk).overdue == before.overdue
