"""Conflicts that wait for the person, in a real PostgreSQL."""

from uuid import uuid4

import pytest

from tandem.db.conflicts import ConflictPair, Conflicts, OpenConflict
from tandem.db.connection import Database, OneRoundTrip
from tandem.db.decisions import Decisions
from tandem.db.people import Subject
from tandem.errors import Conflict, Forbidden, NotFound, Unauthenticated
from tandem.recall.normalise import statement_hash
from tests.integration.changes.journal import Tidier, run
from tests.integration.memory.speakers import Speaker

pytestmark = pytest.mark.integration

STEAK = ConflictPair(
    "fact_a", "mem_b", statement_hash("loves steak"), statement_hash("is vegetarian")
)
DOGS = ConflictPair("mem_c", "mem_d", statement_hash("has a dog"), statement_hash("has no pets"))


@pytest.fixture
def conflicts(container: Database) -> Conflicts:
    return Conflicts(container)


def opened(conflicts: Conflicts, tidier: Tidier, *pairs: ConflictPair) -> list[OpenConflict]:
    run(conflicts.report(tidier.account_id, None, pairs))
    return run(conflicts.open(tidier.account_id))


def test_a_conflict_is_reported_once(tidier: Tidier, conflicts: Conflicts) -> None:
    started = tidier.start()
    assert run(conflicts.report(tidier.account_id, started.run_id, [STEAK, DOGS, STEAK])) == 2
    assert run(conflicts.report(tidier.account_id, started.run_id, [DOGS])) == 0
    found = run(conflicts.open(tidier.account_id))
    assert {each.pair for each in found} == {STEAK, DOGS}
    assert {(each.state, each.kept, each.asked_turn) for each in found} == {("open", None, None)}
    assert run(conflicts.known(tidier.account_id)) == {STEAK: "open", DOGS: "open"}


def test_other_words_make_another_conflict(tidier: Tidier, conflicts: Conflicts) -> None:
    other = STEAK._replace(left_hash=statement_hash("loves beef"))
    assert len(opened(conflicts, tidier, STEAK, other)) == 2


def test_what_has_become_moot_opens_again_when_it_is_found_again(
    tidier: Tidier, conflicts: Conflicts
) -> None:
    [first] = opened(conflicts, tidier, STEAK)
    tidier.person.run("update conflicts set asked_turn = :turn", turn=uuid4())
    assert run(conflicts.report(tidier.account_id, None, [DOGS], gone=[STEAK])) == 1
    assert run(conflicts.known(tidier.account_id)) == {STEAK: "gone", DOGS: "open"}
    assert run(conflicts.report(tidier.account_id, None, [STEAK])) == 1
    [again] = [each for each in run(conflicts.open(tidier.account_id)) if each.pair == STEAK]
    assert (again.id, again.asked_turn) == (first.id, None)
    run(conflicts.report(tidier.account_id, None, [], gone=[STEAK]))
    assert [each.pair for each in run(conflicts.open(tidier.account_id))] == [DOGS]


def test_what_is_both_found_and_gone_stays_open(tidier: Tidier, conflicts: Conflicts) -> None:
    opened(conflicts, tidier, STEAK)
    run(conflicts.report(tidier.account_id, None, [STEAK], gone=[STEAK]))
    assert run(conflicts.known(tidier.account_id)) == {STEAK: "open"}


def test_a_conflict_is_settled_once(tidier: Tidier, conflicts: Conflicts) -> None:
    [conflict] = opened(conflicts, tidier, STEAK)
    first = run(conflicts.resolve(tidier.account_id, conflict.id, keep="left"))
    assert (first.state, first.kept) == ("resolved", "left")
    assert run(conflicts.resolve(tidier.account_id, conflict.id, keep="left")) == first
    with pytest.raises(Conflict) as refused:
        run(conflicts.resolve(tidier.account_id, conflict.id, keep="right"))
    assert refused.value.code == "conflict_resolved"
    assert run(conflicts.report(tidier.account_id, None, [STEAK])) == 0
    assert run(conflicts.open(tidier.account_id)) == []


def test_that_both_may_stand_is_the_persons_decision(
    tidier: Tidier, conflicts: Conflicts, container: Database
) -> None:
    first, second = opened(conflicts, tidier, STEAK, DOGS)
    both, one = (first, second) if first.pair == STEAK else (second, first)
    run(conflicts.resolve(tidier.account_id, both.id, keep="both"))
    run(conflicts.resolve(tidier.account_id, one.id, keep="right"))
    [decision] = run(Decisions(container).known(tidier.account_id))
    assert (decision.left_id, decision.right_id) == STEAK[:2]
    assert (decision.left_hash, decision.right_hash) == STEAK[2:]
    assert (decision.relation, decision.decided_by) == ("distinct", "person")


def test_conflicts_are_listed_newest_first_to_their_owner(
    tidier: Tidier, conflicts: Conflicts, connection: OneRoundTrip
) -> None:
    me, you = tidier.person.principal, Speaker.sign_up(connection)
    opened(conflicts, tidier, STEAK)
    older, newer = opened(conflicts, tidier, DOGS)
    [first] = run(conflicts.list(me, limit=1)).items
    assert first == newer
    assert run(conflicts.list(me, limit=5, before=(first.found_at, first.id))).items == [older]
    run(conflicts.resolve(tidier.account_id, older.id, keep="neither"))
    assert run(conflicts.list(me, limit=5)).items == [newer]
    assert len(run(conflicts.list(me, limit=5, state=None)).items) == 2
    assert run(conflicts.list(me, limit=5)).subject == Subject(tidier.account_id)
    assert run(conflicts.list(you.principal, limit=5)) == ([], Subject(you.account_id))
    with pytest.raises(NotFound):
        run(conflicts.resolve(you.account_id, newer.id, keep="left"))
    with pytest.raises(Forbidden):
        run(conflicts.list(you.principal, limit=5, user_id=tidier.person.user_id))
    you.run("update logins set revoked_at = now() where account_id = :account")
    with pytest.raises(Unauthenticated):
        run(conflicts.list(you.principal, limit=5))
