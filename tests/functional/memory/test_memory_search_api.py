"""The memory function's search, with both stores behind their wires."""

import json
import time
from typing import Any

import pytest

from tandem.db.memory import Looked
from tests.functional.memory.memory_requests import Api, story
from tests.functional.memory.stores_on_wire import GRAPH, HANGS, memory


def test_search_puts_the_best_first(api: Api) -> None:
    api.stores.found = [memory("Lives in Delhi", score=0.8), memory("Likes chess", score=0.2)]
    status, body = api.search({"query": "  Where do I live? ", "scope": "mem0", "limit": 2})
    assert status == 200
    assert [(item["text"], item["score"]) for item in body["items"]] == [
        ("Lives in Delhi", 0.8),
        ("Likes chess", 0.2),
    ]
    assert body["degraded"] == []
    assert api.stores.requests[0][2]["query"] == "Where do I live?"
    assert api.stores.asked("zep") == []


@pytest.mark.parametrize("failure", [500, HANGS])
def test_search_answers_without_mem0_and_names_it(api: Api, failure: int) -> None:
    api.stores.statuses = {"mem0": failure}
    assert api.search({"query": "x"}) == (200, {"items": [], "degraded": ["mem0"]})


def test_a_search_of_zep_asks_zep_alone_and_shows_when_things_were_true(api: Api) -> None:
    story(api.stores)
    status, body = api.search({"query": "Where do I live?", "scope": "zep"})
    assert (status, body["degraded"]) == (200, [])
    assert [(item["text"], item["valid_to"]) for item in body["items"]] == [
        ("Lives in Mumbai", None),
        ("Likes chess", None),
        ("Lives in Delhi", "2026-10-20T09:00:00Z"),
    ]
    assert {item["store"] for item in body["items"]} == {"zep"}
    assert api.stores.asked("zep") == [f"/api/v4/graphs/{GRAPH}/search/edges"]
    assert api.stores.asked("mem0") == []


def test_a_hybrid_search_asks_each_store_once_and_merges_what_both_know(api: Api) -> None:
    story(api.stores)
    api.stores.found = [memory("Likes chess.", score=0.4), memory("Lives in Delhi", score=0.9)]
    status, body = api.search({"query": "Where do I live?", "scope": "hybrid", "limit": 3})
    assert (status, body["degraded"]) == (200, [])
    assert [(item["text"], item["store"]) for item in body["items"]] == [
        ("Likes chess.", "both"),
        ("Lives in Mumbai", "zep"),
        ("Lives in Delhi", "both"),
    ]
    scores = [item["score"] for item in body["items"]]
    assert all(0 < score <= 1 for score in scores)
    assert len(api.stores.asked("zep")) == len(api.stores.asked("mem0")) == 1
    _, body = api.search({"query": "Where did I live before Mumbai?", "scope": "hybrid"})
    assert body["items"][0]["text"] == "Lives in Delhi"
    assert body["items"][0]["valid_from"] == "2020-01-01T00:00:00Z"


def test_a_hybrid_search_waits_for_both_stores_at_the_same_time(api: Api) -> None:
    story(api.stores)
    api.stores.statuses = {"zep": HANGS, "mem0": HANGS}
    started = time.monotonic()
    answer = api.search({"query": "x", "scope": "hybrid"})
    assert answer == (200, {"items": [], "degraded": ["mem0", "zep"]})
    assert time.monotonic() - started < 2 * 0.4


@pytest.mark.parametrize("failure", [500, 401, 400, 404, HANGS])
def test_a_hybrid_search_answers_without_a_store_that_fails_and_names_it(
    api: Api, failure: int
) -> None:
    story(api.stores)
    api.stores.found = [memory("Lives in Delhi", score=0.9)]
    api.stores.statuses = {"zep": failure}
    _, body = api.search({"query": "Where do I live?", "scope": "hybrid"})
    assert body["degraded"] == ["zep"]
    assert [item["store"] for item in body["items"]] == ["mem0"]
    api.stores.statuses = {"mem0": failure}
    status, body = api.search({"query": "Where do I live?", "scope": "hybrid"})
    assert (status, body["degraded"]) == (200, ["mem0"])
    assert body["items"][0]["text"] == "Lives in Mumbai"
    assert "CANARY" not in json.dumps(body)


def test_a_person_whom_zep_does_not_know_is_searched_for_in_mem0_alone(api: Api) -> None:
    api.ledger.looked = Looked(None, [], None)
    api.stores.found = [memory("Lives in Delhi", score=0.9)]
    for scope, count in (("hybrid", 1), ("zep", 0)):
        status, body = api.search({"query": "x", "scope": scope})
        assert (status, body["degraded"], len(body["items"])) == (200, [], count)
    assert api.stores.asked("zep") == []


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"query": ""},
        {"query": "   "},
        {"query": "x" * 1_001},
        {"query": 7},
        {"query": "a\u0000b"},
        {"query": "\ud800"},
        {"query": "x", "limit": 0},
        {"query": "x", "limit": 51},
        {"query": "x", "limit": "10"},
        {"query": "x", "limit": True},
        {"query": "x", "scope": "both"},
        {"query": "x", "scope": ["zep"]},
        {"query": "x", "scope": None},
        {"query": "x", "unknown_canary": 1},
        {"query": "x", "user_id": "../etc"},
    ],
)
def test_a_search_that_asks_wrongly_is_a_422_and_nothing_is_read(api: Api, body: Any) -> None:
    status, problem = api.search(body)
    assert status == 422
    assert problem["code"] == "invalid_request"
    assert "canary" not in json.dumps(problem)
    assert api.stores.requests == []
