"""Runs and the lease of a person's memory, in a real PostgreSQL."""

import asyncio
from datetime import timedelta
from uuid import uuid4

import pytest

from tandem.db.connection import OneRoundTrip
from tandem.db.people import Subject
from tandem.db.runs import OtherRun, Started
from tandem.errors import Forbidden, NotFound, Unauthenticated
from tandem.ids import TurnId
from tests.integration.changes.journal import Tidier, change, hiding, mem0_id, new_run, run
from tests.integration.lock_waits import commit_once_waited_for
from tests.integration.memory.speakers import Speaker

pytestmark = pytest.mark.integration


def lease_runs_out(person: Speaker) -> None:
    person.run("update tidying set lease_until = now() where account_id = :account")


def now(person: Speaker) -> object:
    return person.run("select clock_timestamp()")[0][0]


def test_a_run_starts_by_the_clock_of_the_database(tidier: Tidier) -> None:
    before = now(tidier.person)
    started = tidier.start()
    assert (started.resumed, started.phase, started.state) == (False, "reading", "running")
    assert before - timedelta(seconds=2) <= started.read_before <= now(tidier.person)  # type: ignore[operator]


def test_one_of_two_runs_that_start_together_works(tidier: Tidier, other: Tidier) -> None:
    async def both() -> list[Started | None]:
        return list(await asyncio.gather(tidier.starting(), other.starting()))

    assert [started is None for started in run(both())].count(True) == 1
    assert len(tidier.person.rows("runs", "id", "id")) == 1


def test_who_waited_for_the_lease_leaves_when_it_was_taken(
    tidier: Tidier, other: Tidier, connection: OneRoundTrip
) -> None:
    tidier.finish(tidier.start().run_id)
    connection.run("begin")
    tidier.person.run(
        "update tidying set owner = :owner, lease_until = now() + interval '1 minute'"
        " where account_id = :account",
        owner=uuid4(),
    )
    assert commit_once_waited_for(connection, lambda: run(other.starting())) is None
    assert len(tidier.person.rows("runs", "id", "id")) == 1


def test_who_waited_while_a_run_ended_does_not_resume_it(
    tidier: Tidier, other: Tidier, connection: OneRoundTrip
) -> None:
    ended = tidier.start().run_id
    connection.run("begin")
    tidier.person.run(
        "update tidying set owner = null, lease_until = '-infinity' where account_id = :account"
    )
    connection.run("update runs set state = 'done' where id = :id", id=ended)
    started = commit_once_waited_for(connection, lambda: run(other.starting()))
    assert started is not None
    assert (started.run_id != ended, started.resumed) == (True, False)


def test_a_run_that_was_left_is_resumed_under_its_own_id(tidier: Tidier, other: Tidier) -> None:
    left = tidier.start().run_id
    run(tidier.runs.note(left, phase="applying", counts={"pairs": 3}))
    assert run(other.starting()) is None
    lease_runs_out(tidier.person)
    started = other.start()
    assert (started.run_id, started.resumed, started.phase) == (left, True, "applying")
    assert run(tidier.runs.prolong(tidier.account_id, tidier.owner)) is False
    assert run(tidier.runs.read_again(tidier.account_id, tidier.owner)) is None
    assert run(other.runs.prolong(other.account_id, other.owner)) is True


def test_a_lease_that_was_given_back_lets_the_next_resume(tidier: Tidier, other: Tidier) -> None:
    left = tidier.start().run_id
    run(tidier.runs.release(tidier.account_id, other.owner))
    assert run(other.starting()) is None
    run(tidier.runs.release(tidier.account_id, tidier.owner))
    assert other.start().run_id == left


def test_the_newest_unfinished_run_is_the_one_to_ask_about(tidier: Tidier) -> None:
    assert run(tidier.runs.current(tidier.account_id)) is None
    started = tidier.start()
    tidier.start_unleased("forget")
    assert run(tidier.runs.current(tidier.account_id)) == started.run_id
    tidier.finish(started.run_id)
    assert run(tidier.runs.current(tidier.account_id)) is None


def test_starting_again_reads_the_clock_anew(tidier: Tidier) -> None:
    mine = new_run()
    first, second = tidier.start(run_id=mine), tidier.start(run_id=mine)
    again = run(tidier.runs.read_again(tidier.account_id, tidier.owner))
    assert first.run_id == second.run_id == mine
    assert second.resumed is False
    assert again is not None
    assert first.read_before < second.read_before < again


def test_what_somebody_commits_at_this_moment_may_carry_an_earlier_time(
    tidier: Tidier, connection: OneRoundTrip
) -> None:
    connection.run("begin")
    [[begun]] = connection.run("select now()")
    started = tidier.start()
    connection.run("commit")
    assert started.read_before <= begun


def test_an_undo_resumes_the_undoing_of_the_same_run_only(tidier: Tidier) -> None:
    done, elsewhere = tidier.apply(), tidier.apply()
    undo = tidier.start("undo", undoes=done).run_id
    run(tidier.runs.release(tidier.account_id, tidier.owner))
    other = tidier.start("undo", undoes=elsewhere)
    assert (other.run_id != undo, other.resumed) == (True, False)
    assert other.others == [OtherRun(undo, "undo", done)]
    assert tidier.start("consolidate").others == [
        OtherRun(undo, "undo", done),
        OtherRun(other.run_id, "undo", elsewhere),
    ]
    assert tidier.start("undo", undoes=done).run_id == undo


def test_an_undo_that_is_done_makes_its_run_undone(tidier: Tidier) -> None:
    done = tidier.apply()
    undo = tidier.start("undo", undoes=done).run_id
    tidier.finish(undo)
    assert dict(tidier.person.rows("runs", "id, state", "id")) == {done: "undone", undo: "done"}


def test_finishing_gives_the_lease_back_and_says_up_to_when_all_is_tidy(
    tidier: Tidier, other: Tidier
) -> None:
    started = tidier.start()
    for _ in range(2):  # an answer that is lost is asked for again
        tidier.finish(started.run_id, counts={"hidden": 2}, read_at=started.read_before)
    [[state, phase, counts, finished]] = tidier.person.rows(
        "runs", "state, phase, counts, finished_at", "id"
    )
    assert (state, phase, counts) == ("done", "over", {"hidden": 2})
    assert finished is not None
    assert tidier.person.rows("tidying", "owner, read_at", "owner") == [[None, started.read_before]]
    failed = other.start()
    other.finish(failed.run_id, state="failed", read_at=failed.read_before)
    assert tidier.person.rows("tidying", "read_at", "owner") == [[started.read_before]]


def test_who_lost_the_lease_ends_nothing(tidier: Tidier, other: Tidier) -> None:
    mine = tidier.start().run_id
    lease_runs_out(tidier.person)
    other.start()
    tidier.finish(mine)
    assert tidier.person.rows("runs", "state", "id") == [["running"]]
    assert run(other.runs.prolong(other.account_id, other.owner)) is True


def test_a_turn_has_one_run_of_a_kind(tidier: Tidier) -> None:
    turn = TurnId(tidier.turn())
    first = tidier.start_unleased("forget", turn_id=turn)
    run(
        tidier.runs.finish(
            tidier.account_id, first.run_id, owner=None, state="done", counts={}, read_at=None
        )
    )
    again = tidier.start_unleased("forget", turn_id=turn)
    assert (again.run_id, again.resumed, again.state) == (first.run_id, True, "done")
    assert tidier.start_unleased("correct", turn_id=turn).run_id != first.run_id


def test_a_run_without_a_lease_may_be_started_twice_in_the_same_words(tidier: Tidier) -> None:
    mine = new_run()
    first, again = (tidier.start_unleased("settle", run_id=mine) for _ in range(2))
    assert (first.run_id, first.resumed) == (mine, False)
    assert (again.run_id, again.resumed) == (mine, True)
    other_turn = TurnId(tidier.turn())
    for _ in range(2):
        assert tidier.start_unleased("forget", turn_id=other_turn).state == "running"


def test_runs_are_listed_newest_first_page_by_page(tidier: Tidier) -> None:
    made = [tidier.apply() for _ in range(3)]
    tidier.start_unleased("forget")
    me = tidier.person.principal
    first = run(tidier.runs.list(me, limit=2))
    assert [row.id for row in first] == [made[2], made[1]]
    last = first[-1]
    rest = run(tidier.runs.list(me, limit=2, before=(last.started_at, last.id)))
    assert [row.id for row in rest] == [made[0]]


def test_a_run_is_read_with_its_changes(tidier: Tidier) -> None:
    started = tidier.start()
    planned = tidier.record(
        started.run_id,
        hiding(mem0_id(), "mem_kept", turn_ids=(tidier.turn(),), details={"said_at": None}),
        change("link", mem0_id=mem0_id()),
    )
    run(tidier.runs.note(started.run_id, phase="applying", counts={"pairs": 1}))
    found = run(tidier.runs.read(tidier.person.principal, started.run_id))
    assert list(found.changes) == planned
    assert found.subject == Subject(tidier.account_id)
    assert (found.run.phase, found.run.counts, found.run.kind) == (
        "applying",
        {"pairs": 1},
        "consolidate",
    )


def test_runs_are_their_owners_alone(tidier: Tidier, connection: OneRoundTrip) -> None:
    mine = tidier.start().run_id
    you = Speaker.sign_up(connection)
    assert run(tidier.runs.list(you.principal, limit=5)) == []
    with pytest.raises(NotFound) as refused:
        run(tidier.runs.read(you.principal, mine))
    assert refused.value.code == "run_not_found"
    with pytest.raises(Forbidden):
        run(tidier.runs.list(you.principal, limit=5, user_id=tidier.person.user_id))
    with pytest.raises(Forbidden):
        run(tidier.runs.read(you.principal, mine, user_id=tidier.person.user_id))
    you.run("update logins set revoked_at = now() where account_id = :account")
    with pytest.raises(Unauthenticated):
        run(tidier.runs.read(you.principal, mine))
