"""A person's memory is tidied through the routes: duplicates, updates, contradictions, undoing."""

import pytest

from tests.integration.consolidation.tidied import READ_PATHS, WRITES, Tidied, day

pytestmark = pytest.mark.integration


def lives(tidied: Tidied) -> dict[str, str]:
    """Twice the same, an update and a contradiction; ids by text."""
    texts = [
        ("Likes tea", 1),
        ("Is fond of tea", 4),
        ("Lives in Delhi", 2),
        ("Lives in Mumbai", 5),
        ("Is vegetarian", 3),
        ("Loves steak", 6),
    ]
    tidied.judged(
        ("Likes tea", "Is fond of tea", "same"),
        ("Lives in Delhi", "Lives in Mumbai", "update"),
        ("Is vegetarian", "Loves steak", "contradiction"),
    )
    return {text: tidied.remembers(text, said=said) for text, said in texts}


def test_duplicates_and_updates_are_hidden_and_contradictions_reported(tidied: Tidied) -> None:
    ids = lives(tidied)

    run = tidied.consolidate()

    assert run["status"] == "done"
    assert tidied.visible() == {"Is fond of tea", "Lives in Mumbai", "Is vegetarian", "Loves steak"}
    by_text = {change["text"]: change for change in run["changes"]}
    assert by_text.keys() == {"Likes tea", "Lives in Delhi"}
    delhi = by_text["Lives in Delhi"]
    assert (delhi["kind"], delhi["reason"], delhi["state"]) == ("hide", "update", "confirmed")
    assert delhi["memory_id"] == f"mem_{ids['Lives in Delhi']}"
    assert (delhi["kept_id"], delhi["kept_text"]) == (
        f"mem_{ids['Lives in Mumbai']}",
        "Lives in Mumbai",
    )
    assert delhi["evidence"] == {
        "said_at": day(2).isoformat().replace("+00:00", "Z"),
        "kept_said_at": day(5).isoformat().replace("+00:00", "Z"),
        "decided_by": "judge",
    }
    [conflict] = tidied.conflicts()
    assert {conflict["left"]["text"], conflict["right"]["text"]} == {"Is vegetarian", "Loves steak"}


def test_a_second_run_right_away_has_an_empty_change_set(tidied: Tidied) -> None:
    lives(tidied)
    tidied.consolidate()
    seen = tidied.visible()

    second = tidied.consolidate()

    assert (second["changes"], second["undecided"]) == ([], 0)
    assert tidied.visible() == seen
    assert len(tidied.conflicts()) == 1


def test_an_undo_brings_back_exactly_what_was_there_and_no_later_run_takes_it_away(
    tidied: Tidied,
) -> None:
    ids = lives(tidied)
    before = {text: tidied.stores.memory(one) for text, one in ids.items()}
    run = tidied.consolidate()
    assert len(tidied.visible()) == 4

    undone = tidied.undo(run["run_id"])

    assert undone["status"] == "done"
    assert [change["kind"] for change in undone["changes"]] == ["show", "show"]
    assert {text: tidied.stores.memory(one) for text, one in ids.items()} == before
    assert tidied.visible() == set(ids)
    assert tidied.consolidate()["changes"] == []
    assert tidied.visible() == set(ids)
    status, problem = tidied.call("POST", f"/api/memory/consolidations/{run['run_id']}/undo", {})
    assert (status, problem["code"]) == (409, "run_undone")
    status, problem = tidied.call("POST", f"/api/memory/consolidations/{undone['run_id']}/undo", {})
    assert (status, problem["code"]) == (409, "run_not_undoable")


def test_a_dry_run_sends_no_write_to_either_store_and_stores_nothing(tidied: Tidied) -> None:
    ids = lives(tidied)
    asked, rows = tidied.twins.requests(), tidied.rows()

    told = tidied.consolidate(dry_run=True)

    assert (told["run_id"], told["status"]) == (None, "planned")
    assert {change["text"] for change in told["changes"]} == {"Likes tea", "Lives in Delhi"}
    new = tidied.twins.requests() - asked
    assert len(new) >= 3
    assert not [one for one in new if one[0] in WRITES or not one[1].endswith(READ_PATHS)]
    assert tidied.rows() == rows
    assert tidied.visible() == set(ids)
    assert tidied.consolidate()["counts"]["hide"] == 2


def test_runs_are_listed_and_shown_without_a_word_of_what_was_said(tidied: Tidied) -> None:
    lives(tidied)
    run = tidied.consolidate()
    second = tidied.consolidate()

    status, page = tidied.call("GET", "/api/memory/consolidations", query="limit=1")
    assert status == 200
    assert [item["run_id"] for item in page["items"]] == [second["run_id"]]
    query = f"limit=1&cursor={page['next_cursor']}"
    status, rest = tidied.call("GET", "/api/memory/consolidations", query=query)
    assert [item["run_id"] for item in rest["items"]] == [run["run_id"]]
    assert rest["next_cursor"] is None
    status, shown = tidied.call("GET", f"/api/memory/consolidations/{run['run_id']}")
    assert status == 200
    assert (shown["status"], shown["kind"], shown["phase"]) == ("done", "consolidate", "over")
    assert shown["counts"] == run["counts"]
    told = [change | {"text": None, "kept_text": None} for change in run["changes"]]
    assert shown["changes"] == told


def test_delhi_mumbai_delhi_with_a_run_between_ends_in_delhi(tidied: Tidied) -> None:
    tidied.judged(("Lives in Delhi", "Lives in Mumbai", "update"))
    delhi = tidied.remembers("Lives in Delhi")
    tidied.said(delhi, 1, 1)
    mumbai = tidied.remembers("Lives in Mumbai")
    tidied.said(mumbai, 2, 2)
    tidied.consolidate()
    assert tidied.visible() == {"Lives in Mumbai"}

    tidied.said(delhi, 3, 3)  # Mem0 has dropped what equals a hidden memory
    run = tidied.consolidate()

    assert [change["kind"] for change in run["changes"]] == ["show", "hide"]
    assert tidied.visible() == {"Lives in Delhi"}
    assert tidied.consolidate()["changes"] == []


def test_facts_that_say_the_same_in_other_words_are_copied_once_and_for_all(
    tidied: Tidied,
) -> None:
    tidied.judged(("Likes chess", "Loves chess", "same"))
    tidied.stores.told("I like chess. I love chess.")
    [one, other] = tidied.stores.edges()
    for number, edge in enumerate((one, other), start=1):
        tidied.said(edge["episode_uuids"][0], number, number)

    run = tidied.consolidate()

    assert [change["kind"] for change in run["changes"]] == ["add"]
    assert tidied.consolidate()["changes"] == []


def test_facts_that_mem0_lacks_are_copied_with_their_time_and_those_it_has_are_linked(
    tidied: Tidied,
) -> None:
    facts = tidied.stores.told("I like chess. I live in Quito.")
    tidied.remembers("Likes chess", said=1)
    for number, edge in enumerate(tidied.stores.edges(), start=1):
        tidied.said(edge["episode_uuids"][0], number, number)

    run = tidied.consolidate()

    kinds = {change["fact_id"]: change["kind"] for change in run["changes"]}
    assert kinds == {
        f"fact_{facts['Likes chess']}": "link",
        f"fact_{facts['Lives in Quito']}": "add",
    }
    assert tidied.visible() == {"Likes chess", "Lives in Quito"}
    assert tidied.consolidate()["changes"] == []
    tidied.undo(run["run_id"])
    assert tidied.visible() == {"Likes chess"}
    assert tidied.consolidate()["changes"] == []
    assert tidied.visible() == {"Likes chess"}
