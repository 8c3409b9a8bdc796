"""The journal of changes, in a real PostgreSQL: planned, begun, confirmed."""

from datetime import timedelta
from uuid import uuid4

import pytest

from tandem.changes.model import Change
from tandem.db.connection import Database, OneRoundTrip
from tandem.db.turns import Turns
from tandem.ids import Mem0Id
from tandem.settings import DatabaseSettings
from tests.integration.changes.journal import (
    Tidier,
    change,
    fact_uuid,
    hiding,
    mem0_id,
    new_run,
    run,
)
from tests.integration.conftest import CountingProxy
from tests.integration.lock_waits import commit_once_waited_for
from tests.integration.turn_ledger import GENEROUS, new_turn

pytestmark = pytest.mark.integration


def test_changes_come_back_as_they_were_planned(tidier: Tidier) -> None:
    run_id = tidier.start().run_id
    planned = tidier.record(
        run_id,
        hiding(mem0_id(), "mem_kept", turn_ids=(tidier.turn(), tidier.turn())),
        change(
            "add", "lacking", edge_uuid=fact_uuid(), details={"said_at": "2026-05-01T00:00:00Z"}
        ),
        change("delete_episode", "forgotten", episode_uuid=fact_uuid()),
    )
    assert run(tidier.changes.unfinished(run_id)) == planned
    assert run(tidier.changes.all(tidier.account_id, run_id)) == planned


def test_planning_twice_plans_once(tidier: Tidier) -> None:
    run_id = tidier.start().run_id
    planned = tidier.record(run_id, hiding(mem0_id()), hiding(mem0_id()))
    tidier.record(run_id, hiding(mem0_id()), hiding(mem0_id()))
    tidier.record(run_id, *planned)
    assert run(tidier.changes.unfinished(run_id)) == planned


def test_nothing_is_planned_for_a_run_that_is_over_or_somebody_elses(
    tidier: Tidier, container: Database, connection: OneRoundTrip
) -> None:
    over, mine = tidier.apply(), tidier.start().run_id
    you = Tidier.of_somebody(container, connection)
    one = [hiding(mem0_id())]
    assert run(tidier.changes.record(tidier.account_id, over, one)) is False
    assert run(tidier.changes.record(tidier.account_id, new_run(), one)) is False
    assert run(you.changes.record(you.account_id, mine, one)) is False
    assert run(tidier.changes.record(tidier.account_id, mine, one, owner=uuid4())) is False
    assert run(tidier.changes.record(tidier.account_id, mine, one, owner=tidier.owner)) is True


def test_a_fresh_plan_goes_on_behind_what_was_sent(tidier: Tidier) -> None:
    run_id = tidier.start().run_id
    assert run(tidier.changes.replan(tidier.account_id, run_id)) == 0
    done, sent, _ = tidier.record(run_id, *(hiding(mem0_id()) for _ in range(3)))
    tidier.carry_out(run_id, done)
    tidier.begin(run_id, sent)
    for _ in range(2):
        assert run(tidier.changes.replan(tidier.account_id, run_id)) == 2
    assert tidier.states(run_id) == [(1, "confirmed"), (2, "sent")]


def test_a_change_is_marked_before_it_is_sent(tidier: Tidier) -> None:
    started = tidier.start()
    [planned] = tidier.record(started.run_id, hiding(mem0_id()))
    before = {"before": {"expiration_date": "2027-01-01"}}
    begun = tidier.begin(started.run_id, planned, read_at=started.read_before, details=before)
    assert begun.answer == "go"
    [marked] = run(tidier.changes.unfinished(started.run_id))
    assert (marked.state, marked.details) == ("sent", before)
    again = tidier.begin(started.run_id, planned, details={"before": {}})
    assert again.answer == "go"
    [still] = run(tidier.changes.unfinished(started.run_id))
    assert still.details == before


def test_beginning_prolongs_the_lease(tidier: Tidier) -> None:
    run_id = tidier.start(lease_seconds=1).run_id
    [planned] = tidier.record(run_id, hiding(mem0_id()))
    tidier.begin(run_id, planned)
    [[left]] = tidier.person.rows("tidying", "lease_until - now()", "owner")
    assert left > timedelta(seconds=20)


def test_nothing_begins_without_the_lease(tidier: Tidier) -> None:
    run_id = tidier.start().run_id
    [planned] = tidier.record(run_id, hiding(mem0_id()))
    assert tidier.begin(run_id, planned, owner=uuid4()).answer == "lease_lost"
    assert tidier.states(run_id) == [(1, "planned")]
    unleased = tidier.start_unleased("settle").run_id
    [planned] = tidier.record(unleased, hiding(mem0_id()))
    assert tidier.begin(unleased, planned, owner=None).answer == "go"


def stale_or_not(tidier: Tidier, what: str) -> str:
    started = tidier.start()
    [planned] = tidier.record(started.run_id, hiding(mem0_id()))
    if what == "said":
        tidier.turn(states=("cancelled", "cancelled"))
    elif what == "run":
        tidier.finish(tidier.start_unleased("forget").run_id, owner=uuid4())
    else:
        tidier.person.run(what)
    return tidier.begin(started.run_id, planned, read_at=started.read_before).answer


DELIVERY = (
    "update deliveries set {} where account_id = :account and store = 'mem0' and role = 'user'"
)


@pytest.mark.parametrize(
    "what",
    [
        "said",
        "run",
        DELIVERY.format("state = 'ingested', finished_at = clock_timestamp()"),
        DELIVERY.format("state = 'sent', sent_at = clock_timestamp()"),
        DELIVERY.format("owed_at = clock_timestamp()"),
    ],
)
def test_what_is_said_or_delivered_after_the_reading_makes_the_plan_stale(
    tidier: Tidier, what: str
) -> None:
    tidier.turn(ago=timedelta(hours=1))
    assert stale_or_not(tidier, what) == "stale"
    # Who has read again goes on.
    started = tidier.start()
    [planned] = run(tidier.changes.unfinished(started.run_id))
    assert planned.state == "planned"
    assert tidier.begin(started.run_id, planned, read_at=started.read_before).answer == "go"


def test_what_was_said_before_or_by_others_or_by_the_model_makes_nothing_stale(
    tidier: Tidier, container: Database, connection: OneRoundTrip
) -> None:
    turn = tidier.turn(ago=timedelta(hours=1), states=("ingested", "owed"))
    started = tidier.start()
    [planned] = tidier.record(started.run_id, hiding(mem0_id()))
    Tidier.of_somebody(container, connection).turn()
    tidier.person.run(
        "insert into deliveries (turn_id, store, role, session_row, account_id, seq, state,"
        " finished_at) select turn_id, 'zep', 'assistant', session_row, account_id, seq,"
        " 'ingested', clock_timestamp() from deliveries where turn_id = :turn limit 1",
        turn=turn,
    )
    assert tidier.begin(started.run_id, planned, read_at=started.read_before).answer == "go"


def test_words_that_are_committed_while_the_picture_is_read_make_it_stale(
    tidier: Tidier, other: Tidier, connection: OneRoundTrip
) -> None:
    connection.run("begin")
    tidier.turn()  # said, but nobody can see it yet
    started = other.start()
    [planned] = other.record(started.run_id, hiding(mem0_id()))
    connection.run("commit")
    assert other.begin(started.run_id, planned, read_at=started.read_before).answer == "stale"


def test_a_turn_that_is_opened_between_plan_and_apply_stops_it(tidier: Tidier) -> None:
    started = tidier.start()
    [planned] = tidier.record(started.run_id, hiding(mem0_id()))
    turns = Turns(tidier.container)
    run(turns.open(tidier.person.principal, None, new_turn("I am back in Delhi"), GENEROUS))
    assert tidier.begin(started.run_id, planned, read_at=started.read_before).answer == "stale"


def test_what_was_sent_before_the_person_spoke_is_for_a_fresh_plan(tidier: Tidier) -> None:
    started = tidier.start()
    first, second = tidier.record(started.run_id, hiding(mem0_id()), hiding(mem0_id()))
    for planned in (first, second):
        tidier.begin(started.run_id, planned, read_at=started.read_before)
    assert tidier.begin(started.run_id, first).answer == "go"
    tidier.turn()
    later = tidier.start()
    assert tidier.begin(later.run_id, first, read_at=later.read_before).answer == "stale"
    assert tidier.begin(later.run_id, second).answer == "stale"


def test_an_undo_is_not_held_up_by_what_is_said(tidier: Tidier) -> None:
    memory = mem0_id()
    undone = tidier.apply(hiding(memory))
    undo = tidier.start("undo", undoes=undone).run_id
    [planned] = tidier.record(undo, change("show", "undo", mem0_id=memory))
    tidier.begin(undo, planned)
    tidier.turn()
    assert tidier.begin(undo, planned).answer == "go"


def test_what_is_finished_is_not_begun_again(tidier: Tidier) -> None:
    run_id = tidier.start().run_id
    done, refused, skipped = tidier.record(run_id, *(hiding(mem0_id()) for _ in range(3)))
    tidier.carry_out(run_id, done)
    run(tidier.changes.skip(tidier.account_id, refused, state="refused", why="status_400"))
    for _ in range(2):
        run(tidier.changes.skip(tidier.account_id, skipped, why="gone"))
    run(tidier.changes.skip(tidier.account_id, done, why="gone"))
    answers = [tidier.begin(run_id, each).answer for each in (done, refused, skipped)]
    assert answers == ["done", "done", "forgotten"]
    assert tidier.states(run_id) == [(1, "confirmed"), (2, "refused"), (3, "skipped")]
    [last] = [one for one in run(tidier.changes.all(tidier.account_id, run_id)) if one.seq == 3]
    assert last.details["why"] == "gone"


def about(kind: str, memory: Mem0Id) -> Change:
    edge = fact_uuid()
    if kind == "memory":
        return hiding(memory)
    if kind == "kept":
        return hiding(mem0_id(), f"mem_{memory}")
    return change("add", "lacking", edge_uuid=edge)


@pytest.mark.parametrize("kind", ["memory", "kept", "fact"])
@pytest.mark.parametrize("first", ["plan", "deletion"])
def test_nothing_begins_about_what_is_to_be_forgotten(
    tidier: Tidier, kind: str, first: str
) -> None:
    memory = mem0_id()
    planned = about(kind, memory)
    deletions = [
        change("delete_memory", "forgotten", mem0_id=memory),
        change("delete_fact", "forgotten", edge_uuid=planned.edge_uuid or fact_uuid()),
    ]
    started, forget = tidier.start(), tidier.start_unleased("forget")
    if first == "plan":
        [planned] = tidier.record(started.run_id, planned)
        tidier.record(forget.run_id, *deletions)
        assert tidier.states(started.run_id) == [(1, "skipped")]
    else:
        tidier.record(forget.run_id, *deletions)
        [planned] = tidier.record(started.run_id, planned)
    assert tidier.begin(started.run_id, planned).answer == "forgotten"
    assert all(
        tidier.begin(forget.run_id, each, owner=None).answer == "go"
        for each in run(tidier.changes.unfinished(forget.run_id))
    )


def test_who_waits_for_a_deletion_to_be_recorded_begins_nothing(
    tidier: Tidier, other: Tidier, connection: OneRoundTrip
) -> None:
    run_id = tidier.start().run_id
    [planned] = tidier.record(run_id, hiding(mem0_id()))
    connection.run("begin")
    connection.run("update changes set state = 'skipped' where id = :id", id=planned.id)
    begun = commit_once_waited_for(
        connection, lambda: run(other.beginning(run_id, planned, owner=tidier.owner))
    )
    assert begun.answer == "forgotten"
    assert tidier.states(run_id) == [(1, "skipped")]


def test_what_is_gone_from_the_journal_is_forgotten(tidier: Tidier) -> None:
    assert tidier.begin(tidier.start().run_id, hiding(mem0_id())).answer == "forgotten"


def test_each_step_is_one_round_trip(database: str, connection: OneRoundTrip) -> None:
    proxy = CountingProxy(database)
    container = Database(lambda: proxy.url, DatabaseSettings(database_statement_seconds=30))
    try:
        tidier = Tidier.of_somebody(container, connection)
        tidier.start()
        proxy.reset()
        started = tidier.start()
        [planned] = tidier.record(started.run_id, hiding(mem0_id(), "mem_kept"))
        tidier.begin(started.run_id, planned, read_at=started.read_before)
        tidier.confirm(planned)
        tidier.finish(started.run_id)
        assert proxy.round_trips == 5
    finally:
        container.close()
        proxy.close()


def test_a_confirmation_whose_answer_is_lost_is_said_again(
    database: str, connection: OneRoundTrip
) -> None:
    proxy = CountingProxy(database)
    container = Database(lambda: proxy.url, DatabaseSettings(database_statement_seconds=30))
    try:
        tidier = Tidier.of_somebody(container, connection)
        run_id = tidier.start().run_id
        [planned] = tidier.record(run_id, hiding(mem0_id(), "mem_kept"))
        tidier.begin(run_id, planned)
        proxy.cut()
        assert tidier.confirm(planned).done is True
        proxy.cut()
        assert tidier.begin(run_id, planned).answer == "done"
        assert len(tidier.person.rows("hidden_memories", "mem0_id", "mem0_id")) == 1
    finally:
        container.close()
        proxy.close()


def test_the_changes_of_a_whole_budget_are_recorded_within_the_time_limit(
    tidier: Tidier,
) -> None:
    run_id = tidier.start().run_id
    many = [hiding(mem0_id(), "mem_kept", turn_ids=(uuid4(),)) for _ in range(5_000)]
    tidier.record(run_id, *many)  # the role's statement timeout holds for tests, too
    assert len(run(tidier.changes.unfinished(run_id))) == len(many)
