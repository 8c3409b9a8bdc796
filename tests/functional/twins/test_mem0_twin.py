"""The Mem0 twin over its wire."""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest

from local.twins.mem0.app import create

KEY = "Token test-key"
ME = {"user_id": "test:1"}
Run = Callable[..., None]
Settled = Callable[..., Awaitable[dict[str, Any]]]


async def _say(
    client: httpx.AsyncClient, settled: Settled, words: str, **more: Any
) -> list[dict[str, Any]]:
    body = {"messages": [{"role": "user", "content": words}], **ME, **more}
    answer = (await client.post("/v3/memories/add/", json=body)).json()
    assert answer["status"] == "PENDING"
    event = await settled(client, f"/v1/event/{answer['event_id']}/", "SUCCEEDED")
    assert event["event_type"] == "ADD"
    return event["results"]  # type: ignore[no-any-return]


async def _memories(client: httpx.AsyncClient, **more: Any) -> list[str]:
    answer = await client.post("/v3/memories/", json={"filters": ME, **more})
    return [memory["memory"] for memory in answer.json()["results"]]


def test_what_is_said_becomes_statements_and_the_right_one_is_found_first(
    run: Run, settled: Settled
) -> None:
    async def scenario(client: httpx.AsyncClient) -> None:
        results = await _say(
            client, settled, "I live in Delhi and like chess.", metadata={"turn_id": "t1"}
        )
        assert [result["data"]["memory"] for result in results] == ["Lives in Delhi", "Likes chess"]
        await _say(client, settled, "My dog's name is Bruno")
        found = await client.post(
            "/v3/memories/search/", json={"query": "Where do I live?", "filters": ME}
        )
        first, *_ = found.json()["results"]
        assert first["memory"] == "Lives in Delhi"
        assert 0.1 <= first["score"] <= 1
        assert (first["metadata"], first["user_id"]) == ({"turn_id": "t1"}, "test:1")
        everything = await client.post(
            "/v3/memories/search/",
            json={"query": "Where do I live?", "filters": ME, "threshold": 0, "top_k": 2},
        )
        assert len(everything.json()["results"]) == 2

    run(create(data=None, ingestion_ms=1), scenario, authorization=KEY)


def test_the_same_again_is_dropped_and_nothing_is_ever_replaced(run: Run, settled: Settled) -> None:
    async def scenario(client: httpx.AsyncClient) -> None:
        await _say(client, settled, "I live in Delhi")
        assert await _say(client, settled, "I live in  DELHI!") == []
        assert await _say(client, settled, "Where do I live?") == []
        await _say(client, settled, "I moved to Mumbai last month")
        assert await _memories(client) == ["Lives in Mumbai", "Lives in Delhi"]
        other = await client.post("/v3/memories/", json={"filters": {"user_id": "test:2"}})
        assert other.json()["results"] == []

    run(create(data=None, ingestion_ms=1), scenario, authorization=KEY)


def test_verbatim_memories_are_stored_while_the_caller_waits(run: Run) -> None:
    async def scenario(client: httpx.AsyncClient) -> None:
        body = {
            "messages": [{"role": "user", "content": "Keep this as it is"}],
            **ME,
            "infer": False,
            "timestamp": 1_700_000_000,
        }
        answer = (await client.post("/v3/memories/add/", json=body)).json()
        assert answer["status"] == "SUCCEEDED"
        memory = answer["results"][0]["id"]
        shown = (await client.get(f"/v1/memories/{memory}/")).json()
        assert shown["memory"] == "Keep this as it is"
        assert shown["created_at"].startswith("2023-11-14T22:13:20")
        event = (await client.get(f"/v1/event/{answer['event_id']}/")).json()
        assert event["status"] == "SUCCEEDED"

    run(create(data=None, ingestion_ms=1), scenario, authorization=KEY)


def test_a_memory_can_be_read_changed_hidden_brought_back_and_deleted(
    run: Run, settled: Settled
) -> None:
    async def scenario(client: httpx.AsyncClient) -> None:
        (made,) = await _say(client, settled, "I like tea")
        path = f"/v1/memories/{made['id']}/"
        changed = await client.put(path, json={"text": "Likes green tea", "metadata": {"a": 1}})
        assert (changed.json()["memory"], changed.json()["metadata"]) == (
            "Likes green tea",
            {"a": 1},
        )
        await client.put(path, json={"expiration_date": "2020-01-01"})
        assert await _memories(client) == []
        assert await _memories(client, show_expired=True) == ["Likes green tea"]
        assert (await client.get(path)).json()["expiration_date"] == "2020-01-01"
        await client.put(path, json={"expiration_date": None})
        assert await _memories(client) == ["Likes green tea"]
        assert (await client.delete(path)).status_code == 200
        assert (await client.get(path)).status_code == 404
        lines = (await client.get(f"{path}history/")).json()
        assert [line["event"] for line in lines] == ["ADD", "UPDATE", "DELETE"]
        assert lines[0]["input"] == [{"role": "user", "content": "I like tea"}]
        assert (lines[1]["old_memory"], lines[1]["new_memory"]) == ("Likes tea", "Likes green tea")

    run(create(data=None, ingestion_ms=1), scenario, authorization=KEY)


def test_the_list_is_paged_newest_first(run: Run, settled: Settled) -> None:
    async def scenario(client: httpx.AsyncClient) -> None:
        for number, thing in enumerate(["tea", "chess", "jazz", "mint", "rain"]):
            await _say(client, settled, f"I like {thing}", timestamp=1_700_000_000 + number)
        pages = []
        for page in (1, 2, 3):
            answer = await client.post(
                "/v3/memories/",
                params={"page": page, "page_size": 2},
                json={"filters": {"AND": [ME]}},
            )
            pages.append(answer.json())
        listed = [memory["memory"] for page in pages for memory in page["results"]]
        assert listed == ["Likes rain", "Likes mint", "Likes jazz", "Likes chess", "Likes tea"]
        assert [bool(page["next"]) for page in pages] == [True, True, False]
        assert pages[0]["count"] == 5
        beyond = await client.post(
            "/v3/memories/", params={"page": 4, "page_size": 2}, json={"filters": ME}
        )
        assert (beyond.status_code, beyond.json()) == (404, {"detail": "Invalid page."})

    run(create(data=None, ingestion_ms=1), scenario, authorization=KEY)


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        ({"user_id": "test:1"}, 2),
        ({"user_id": {"in": ["test:1", "test:2"]}}, 3),
        ({"user_id": "*"}, 3),
        ({"AND": [{"user_id": "test:1"}, {"metadata": {"kind": "drink"}}]}, 1),
        ({"OR": [{"user_id": "test:1"}, {"user_id": "test:2"}]}, 3),
        ({"user_id": "test:1", "NOT": {"metadata": {"kind": "drink"}}}, 1),
        ({"user_id": "test:1", "created_at": {"gte": "2026-01-01"}}, 0),
        ({"user_id": "test:1", "created_at": {"lt": "2026-01-01"}}, 2),
        ({"user_id": "test:1", "run_id": "r1"}, 0),
    ],
)
def test_filters_choose_memories(run: Run, filters: dict[str, Any], found: int) -> None:
    async def scenario(client: httpx.AsyncClient) -> None:
        for user, words, kind in [
            ("test:1", "Likes tea", "drink"),
            ("test:1", "Likes chess", "game"),
            ("test:2", "Likes jazz", "music"),
        ]:
            body = {
                "messages": [{"role": "user", "content": words}],
                "user_id": user,
                "metadata": {"kind": kind},
                "infer": False,
                "timestamp": 1_700_000_000,
            }
            await client.post("/v3/memories/add/", json=body)
        answer = await client.post("/v3/memories/", json={"filters": filters})
        assert answer.json()["count"] == found

    run(create(data=None, ingestion_ms=1), scenario, authorization=KEY)


@pytest.mark.parametrize(
    "filters",
    [
        None,
        {},
        {"created_at": {"gte": "2026-01-01"}},
        {"NOT": {"user_id": "test:1"}},
        {"user_id": "test:1", "metadata.trip": "x"},
        {"user_id": "test:1", "metadata": {"a": {"gt": 1}}},
        {"user_id": "test:1", "created_at": {"eq": "2026-01-01"}},
        {"user_id": {"like": "x"}},
    ],
)
def test_wrong_filters_are_refused(run: Run, filters: Any) -> None:
    async def scenario(client: httpx.AsyncClient) -> None:
        answer = await client.post("/v3/memories/search/", json={"query": "x", "filters": filters})
        assert answer.status_code == 400
        assert answer.json()["detail"]

    run(create(data=None, ingestion_ms=1), scenario, authorization=KEY)


def test_everything_of_a_person_can_be_deleted(run: Run, settled: Settled) -> None:
    async def scenario(client: httpx.AsyncClient) -> None:
        for path in ("/v1/memories/?user_id=test:1", "/v2/entities/user/test%3A1/"):
            await _say(client, settled, "I like tea")
            answer = (await client.delete(path)).json()
            await settled(client, f"/v1/event/{answer['event_id']}/", "SUCCEEDED")
            assert await _memories(client, show_expired=True) == []
        refused = await client.delete("/v1/memories/?org_id=o&project_id=p")
        assert refused.status_code == 400

    run(create(data=None, ingestion_ms=1), scenario, authorization=KEY)


def test_what_is_asked_for_wrongly_gets_the_platforms_answer(run: Run) -> None:
    async def scenario(client: httpx.AsyncClient) -> None:
        message = {"messages": [{"role": "user", "content": "x"}]}
        other = uuid.uuid4()
        cases: list[tuple[str, str, Any, int, str]] = [
            ("POST", "/v3/memories/add/", message, 400, "At least one entity ID"),
            ("POST", "/v3/memories/add/", {**ME}, 400, "messages is required"),
            ("POST", "/v3/memories/add/", {**message, **ME, "expiration_date": "x"}, 400,
             "expiration_date"),
            ("POST", "/v3/memories/search/", {"query": " ", "filters": ME}, 400, "query"),
            ("POST", "/v3/memories/search/", {"query": "x", **ME}, 400, "user_id"),
            ("POST", "/v3/memories/search/", {"query": "x", "filters": ME, "top_k": 0}, 400,
             "top_k"),
            ("POST", "/v3/memories/?page_size=201", {"filters": ME}, 400, "page_size"),
            ("GET", "/v1/memories/nope/", None, 400, "memory_id should be a valid UUID"),
            ("GET", f"/v1/memories/{other}/", None, 404, "Memory not found!"),
            ("GET", f"/v1/event/{other}/", None, 404, "Event not found"),
            ("DELETE", "/v2/entities/team/x/", None, 400, "Invalid entity type"),
            ("POST", "/v3/memories/add", {**message, **ME}, 404, "Not found."),
            ("GET", "/v1/entities", None, 404, "Not found."),
        ]  # fmt: skip
        for method, path, body, status, detail in cases:
            answer = await client.request(method, path, json=body)
            assert answer.status_code == status, path
            assert answer.json()["detail"].startswith(detail), path
        assert (await client.post("/v3/memories/add/", content=b"{")).status_code == 400
        refused = await client.get("/v1/ping/", headers={"authorization": ""})
        assert (refused.status_code, set(refused.json())) == (401, {"detail"})
        ping = (await client.get("/v1/ping/")).json()
        assert set(ping) == {"status", "org_id", "project_id", "user_email"}

    run(create(data=None, ingestion_ms=1), scenario, authorization=KEY)
