"""Decisions about pairs of statements, in a real PostgreSQL."""

from dataclasses import replace

import pytest

from tandem.db.connection import Database, OneRoundTrip
from tandem.db.decisions import Decision, Decisions
from tandem.recall.normalise import statement_hash
from tests.integration.changes.journal import Tidier, run

pytestmark = pytest.mark.integration

TEA, COFFEE = statement_hash("likes tea"), statement_hash("likes coffee")


def decision(left: str = "mem_a", right: str = "mem_b") -> Decision:
    return Decision(left, right, TEA, COFFEE, "same", "judge")


@pytest.fixture
def decisions(container: Database) -> Decisions:
    return Decisions(container)


def known(decisions: Decisions, tidier: Tidier) -> list[Decision]:
    """Without the times, which must be there."""
    found = run(decisions.known(tidier.account_id))
    assert all(each.decided_at is not None for each in found)
    return [replace(each, decided_at=None) for each in found]


def test_decisions_are_known_once_they_are_kept(tidier: Tidier, decisions: Decisions) -> None:
    started = tidier.start()
    given = [decision(), decision("fact_z", "mem_a"), decision("mem_c", "")]
    assert run(decisions.keep(tidier.account_id, started.run_id, given)) == 3
    assert run(decisions.keep(tidier.account_id, started.run_id, given)) == 0
    assert known(decisions, tidier) == sorted(given, key=lambda each: (each.left_id, each.right_id))
    assert run(decisions.keep(tidier.account_id, None, [])) == 0


def test_a_decision_gives_way_to_a_later_one(tidier: Tidier, decisions: Decisions) -> None:
    first, later = decision(), replace(decision(), relation="update")
    assert run(decisions.keep(tidier.account_id, None, [first, later])) == 1
    assert known(decisions, tidier) == [later]
    distinct = replace(decision(), relation="distinct", decided_by="rule")
    assert run(decisions.keep(tidier.account_id, None, [distinct])) == 1
    assert known(decisions, tidier) == [distinct]


def test_what_the_person_has_decided_stays_until_a_text_changes(
    tidier: Tidier, decisions: Decisions
) -> None:
    theirs = replace(decision(), relation="distinct", decided_by="person")
    run(decisions.keep(tidier.account_id, None, [theirs]))
    assert run(decisions.keep(tidier.account_id, None, [decision()])) == 0
    assert known(decisions, tidier) == [theirs]
    changed = replace(decision(), left_hash=statement_hash("likes green tea"))
    assert run(decisions.keep(tidier.account_id, None, [changed])) == 1
    assert known(decisions, tidier) == [changed]
    assert run(decisions.keep(tidier.account_id, None, [theirs])) == 1
    anew = replace(theirs, relation="same")
    assert run(decisions.keep(tidier.account_id, None, [anew])) == 1
    assert known(decisions, tidier) == [anew]


def test_decisions_are_one_persons(
    tidier: Tidier, decisions: Decisions, container: Database, connection: OneRoundTrip
) -> None:
    run(decisions.keep(tidier.account_id, None, [decision()]))
    assert known(decisions, Tidier.of_somebody(container, connection)) == []
