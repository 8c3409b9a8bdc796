"""A conflict waits for the person, whose answer settles it in both stores."""

from typing import Any
from uuid import uuid4

import pytest

from tests.integration.consolidation.tidied import Tidied

pytestmark = pytest.mark.integration


@pytest.fixture
def conflict(tidied: Tidied) -> Any:
    """Vegetarian in both stores, steak in Zep alone until a run copies it."""
    tidied.judged(("Is vegetarian", "Loves steak", "contradiction"))
    tidied.stores.told("I am vegetarian.")
    tidied.remembers("Is vegetarian")
    tidied.remembers("Loves steak")
    tidied.consolidate()
    [found] = tidied.conflicts()
    return found


def side_of(conflict: Any, text: str) -> str:
    return next(name for name in ("left", "right") if conflict[name]["text"] == text)


def vegetarian_ended(tidied: Tidied) -> bool:
    [edge] = [one for one in tidied.stores.edges() if one["fact"] == "Is vegetarian"]
    return "tandem_ended_at" in (edge.get("attributes") or {})


def test_what_the_person_gives_up_is_hidden_and_ends_in_both_stores(
    tidied: Tidied, conflict: Any
) -> None:
    assert tidied.visible() == {"Is vegetarian", "Loves steak"}

    status, settled = tidied.resolve(conflict["conflict_id"], side_of(conflict, "Loves steak"))

    assert (status, settled["confirmed"], settled["skipped"]) == (200, 2, 0)
    assert tidied.visible() == {"Loves steak"}
    assert vegetarian_ended(tidied)
    assert tidied.conflicts() == []
    assert tidied.consolidate()["changes"] == []
    assert tidied.conflicts() == []
    assert tidied.visible() == {"Loves steak"}


def test_a_choice_made_twice_is_made_once_and_another_one_comes_too_late(
    tidied: Tidied, conflict: Any
) -> None:
    keep = side_of(conflict, "Is vegetarian")
    first = tidied.resolve(conflict["conflict_id"], keep)
    again = tidied.resolve(conflict["conflict_id"], keep)
    assert [first[0], again[0]] == [200, 200]
    assert first[1]["run_id"] == again[1]["run_id"]
    assert tidied.visible() == {"Is vegetarian"}
    status, problem = tidied.resolve(conflict["conflict_id"], "neither")
    assert (status, problem["code"]) == (409, "conflict_resolved")
    assert tidied.visible() == {"Is vegetarian"}


def test_both_may_stand_and_are_no_conflict_any_more(tidied: Tidied, conflict: Any) -> None:
    status, settled = tidied.resolve(conflict["conflict_id"], "both")
    assert (status, settled["confirmed"]) == (200, 0)
    assert tidied.visible() == {"Is vegetarian", "Loves steak"}
    tidied.consolidate()
    assert tidied.conflicts() == []


def test_neither_leaves_nothing_of_either(tidied: Tidied, conflict: Any) -> None:
    status, _ = tidied.resolve(conflict["conflict_id"], "neither")
    assert status == 200
    assert tidied.visible() == set()
    assert tidied.consolidate()["changes"] == []


def test_settling_can_be_undone_and_then_both_stand(tidied: Tidied, conflict: Any) -> None:
    _, settled = tidied.resolve(conflict["conflict_id"], side_of(conflict, "Loves steak"))
    undone = tidied.undo(settled["run_id"])
    assert undone["counts"]["confirmed"] == 2
    assert tidied.visible() == {"Is vegetarian", "Loves steak"}
    assert not vegetarian_ended(tidied)


def test_a_choice_that_a_store_has_kept_from_being_carried_out_goes_on_when_repeated(
    tidied: Tidied, conflict: Any
) -> None:
    keep = side_of(conflict, "Loves steak")
    tidied.twins.zep.fault(path="/api/v4/graphs/*", kind="status", status=500)
    status, problem = tidied.resolve(conflict["conflict_id"], keep)
    assert status == 503, problem
    tidied.twins.zep.heal()

    status, _ = tidied.resolve(conflict["conflict_id"], keep)

    assert status == 200
    assert tidied.visible() == {"Loves steak"}
    assert vegetarian_ended(tidied)


def test_somebody_else_s_conflict_is_a_404_like_one_that_never_was(tidied: Tidied) -> None:
    status, problem = tidied.resolve(str(uuid4()), "both")
    assert (status, problem["code"]) == (404, "conflict_not_found")


def test_conflicts_are_shown_without_the_words_of_a_store_that_is_away(
    tidied: Tidied, conflict: Any
) -> None:
    tidied.twins.mem0.fault(path="/v1/memories/*", kind="status", status=500)
    status, page = tidied.call("GET", "/api/memory/conflicts")
    assert (status, page["degraded"]) == (200, ["mem0"])
    assert [page["items"][0][side]["text"] for side in ("left", "right")] == [None, None]
    assert page["items"][0]["conflict_id"] == conflict["conflict_id"]
