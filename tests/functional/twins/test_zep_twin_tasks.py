"""Tasks of the Zep twin: what they show, and ingestions that fail."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from local.twins.zep import graph
from local.twins.zep.app import create

KEY = "Api-Key test-key"
V4 = "/api/v4"
ENDS = {"succeeded", "partial", "failed"}
Run = Callable[..., None]
Settled = Callable[..., Awaitable[dict[str, Any]]]


async def _thread(client: httpx.AsyncClient) -> str:
    """The path of a thread's messages."""
    user = (await client.post(f"{V4}/users", json={})).json()["uuid"]
    made = await client.post(f"{V4}/threads", json={"user_uuid": user})
    return f"{V4}/threads/{made.json()['uuid']}/messages"


async def _say(client: httpx.AsyncClient, path: str, *words: str) -> str:
    """Where the task is."""
    messages = [{"role": "user", "content": said} for said in words]
    answer = await client.post(path, json={"messages": messages})
    return f"{V4}/tasks/{answer.json()['task']['uuid']}"


async def _ends(client: httpx.AsyncClient, count: int) -> list[str]:
    """How all ingestions ended, in the order they were asked for."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        page = (await client.get(f"{V4}/tasks", params={"page_size": 100})).json()["items"]
        statuses = [task["status"] for task in reversed(page)]
        if len(statuses) == count and ENDS.issuperset(statuses):
            return statuses
        await asyncio.sleep(0.01)
    raise AssertionError("the ingestions did not end")


def test_a_task_tells_its_stage_and_what_came_of_it(run: Run, settled: Settled) -> None:
    async def scenario(client: httpx.AsyncClient) -> None:
        path = await _thread(client)
        first, second = await _say(client, path, "I like tea"), await _say(client, path, "Hello")
        waiting = (await client.get(second)).json()
        assert set(waiting) == {"uuid", "type", "status", "created_at", "updated_at"}
        assert waiting["status"] == "pending"
        begun = await settled(client, first, "processing")
        assert begun["progress"] == {"stage": "extraction"}
        assert begun["started_at"] >= begun["created_at"]
        assert "completed_at" not in begun
        await client.post("/_twin/ingestion", json={"milliseconds": 0})
        done = await settled(client, first, "succeeded")
        [message, _] = (await client.get(path)).json()["items"]
        [edge] = done["result"]["edges"]
        assert done["result"]["episodes"] == [{"episode_uuid": message["uuid"]}]
        assert set(edge) == {"edge_uuid", "source_node_uuid", "target_node_uuid"}
        assert done["completed_at"] >= done["started_at"]
        assert "error" not in done
        nothing = await settled(client, second, "succeeded")
        assert nothing["result"]["edges"] == []

    run(create(data=None, ingestion_ms=60_000), scenario, authorization=KEY)


def test_tasks_are_listed_by_status_and_type(run: Run, settled: Settled) -> None:
    async def scenario(client: httpx.AsyncClient) -> None:
        path = await _thread(client)
        said = [await _say(client, path, f"message {number}") for number in range(3)]
        await settled(client, said[-1], "succeeded")
        await client.post("/_twin/ingestion", json={"milliseconds": 60_000})
        gone = (await client.delete(path.removesuffix("/messages"))).json()["task"]["uuid"]
        newest_first = [gone, *(one.rpartition("/")[2] for one in reversed(said))]
        for query, expected in (
            ({}, newest_first),
            ({"type": "thread.add_messages"}, newest_first[1:]),
            ({"type": "thread.delete"}, newest_first[:1]),
            ({"status": "succeeded"}, newest_first[1:]),
            ({"status": "succeeded", "type": "thread.delete"}, []),
            ({"status": "failed"}, []),
        ):
            seen, cursor = [], ""
            while True:
                params = {"page_size": "2", **query, **({"cursor": cursor} if cursor else {})}
                page = (await client.get(f"{V4}/tasks", params=params)).json()
                assert page["total_size"] == len(expected)
                seen += [task["uuid"] for task in page["items"]]
                cursor = page.get("next_cursor", "")
                if not cursor:
                    break
            assert seen == expected, query
        for wrong in ("status=done", "type=unknown", "page_size=101", "cursor=x"):
            answer = await client.get(f"{V4}/tasks?{wrong}")
            assert answer.status_code == 400
            assert answer.json()["error"]["code"] == "invalid_request"

    run(create(data=None, ingestion_ms=1), scenario, authorization=KEY)


def test_a_failed_ingestion_leaves_the_messages_as_they_were_said(
    run: Run, settled: Settled
) -> None:
    async def scenario(client: httpx.AsyncClient) -> None:
        path = await _thread(client)
        task = await settled(client, await _say(client, path, "I like tea"), "failed")
        assert task["error"]["code"] == "ingestion_failed"
        assert task["error"]["message"]
        assert uuid.UUID(task["error"]["request_id"])
        assert "result" not in task
        [message] = (await client.get(path)).json()["items"]
        assert (message["content"], message["processed"]) == ("I like tea", False)
        thread = (await client.get(path.removesuffix("/messages"))).json()
        edges = f"{V4}/graphs/{thread['graph_uuid']}/edges/list"
        assert (await client.post(edges, json={})).json()["items"] == []
        deletion = await client.delete(path.removesuffix("/messages"))
        ended = f"{V4}/tasks/{deletion.json()['task']['uuid']}"
        await settled(client, ended, "succeeded")
        terms = (await client.get("/_twin/ingestion")).json()
        assert terms == {"milliseconds": 1, "failures": 1, "seed": 0, "failed": 1}

    app = create(data=None, ingestion_ms=1, ingestion_failures=1)
    run(app, scenario, authorization=KEY)


def test_the_share_that_fails_is_drawn_by_the_seed(run: Run) -> None:
    async def scenario(client: httpx.AsyncClient) -> None:
        drawn = []
        for seed in (7, 7, 8):
            await client.post("/_twin/reset")
            terms = {"milliseconds": 0, "failures": 0.3, "seed": seed}
            answer = await client.post("/_twin/ingestion", json=terms)
            assert answer.json() == {**terms, "failed": 0}
            path = await _thread(client)
            for number in range(60):
                await _say(client, path, f"message {number}")
            drawn.append(await _ends(client, 60))
            failed = (await client.get("/_twin/ingestion")).json()["failed"]
            assert failed == drawn[-1].count("failed")
            assert 8 <= failed <= 28
        assert drawn[0] == drawn[1] != drawn[2]

    run(create(data=None), scenario, authorization=KEY)


def test_a_reset_puts_back_how_ingestion_went_at_the_start(run: Run) -> None:
    async def scenario(client: httpx.AsyncClient) -> None:
        start = (await client.get("/_twin/ingestion")).json()
        assert start == {"milliseconds": 20, "failures": 0.25, "seed": 3, "failed": 0}
        await client.post("/_twin/ingestion", json={"milliseconds": 5, "failures": 1, "seed": 4})
        await client.post("/_twin/reset")
        assert (await client.get("/_twin/ingestion")).json() == start

    app = create(data=None, ingestion_ms=20, ingestion_failures=0.25, seed=3)
    run(app, scenario, authorization=KEY)


@pytest.mark.parametrize(
    "terms",
    [
        {"milliseconds": -1},
        {"milliseconds": "1"},
        {"failures": 1.5},
        {"failures": True},
        {"seed": 0.5},
        {"seed": None},
    ],
)
def test_terms_of_ingestion_that_make_no_sense_change_nothing(
    run: Run, terms: dict[str, Any]
) -> None:
    async def scenario(client: httpx.AsyncClient) -> None:
        before = (await client.get("/_twin/ingestion")).json()
        answer = await client.post("/_twin/ingestion", json={"failures": 0.5, **terms})
        assert answer.status_code == 400
        assert (await client.get("/_twin/ingestion")).json() == before

    run(create(data=None), scenario, authorization=KEY)


def test_when_one_of_several_messages_breaks_the_others_are_ingested(
    run: Run, settled: Settled, monkeypatch: pytest.MonkeyPatch
) -> None:
    learn = graph.learn

    def breaking(store: Any, episode: Any, *, strict: bool) -> Any:
        learned = learn(store, episode, strict=strict)
        if "chess" in episode["content"]:
            raise RuntimeError
        return learned

    monkeypatch.setattr(graph, "learn", breaking)

    async def scenario(client: httpx.AsyncClient) -> None:
        path = await _thread(client)
        said = await _say(client, path, "I like tea", "I like chess", "I like jazz")
        task = await settled(client, said, "partial")
        assert task["error"]["code"] == "ingestion_failed"
        assert len(task["result"]["edges"]) == 2
        listed = (await client.get(path)).json()["items"]
        assert [message["processed"] for message in listed] == [True, False, True]
        await settled(client, await _say(client, path, "I like chess"), "failed")
        thread = (await client.get(path.removesuffix("/messages"))).json()
        edges = await client.post(f"{V4}/graphs/{thread['graph_uuid']}/edges/list", json={})
        facts = {edge["fact"] for edge in edges.json()["items"]}
        assert facts == {"Likes tea", "Likes jazz"}

    run(create(data=None, ingestion_ms=1), scenario, authorization=KEY)


def test_what_was_under_way_is_ended_after_a_restart(
    run: Run, settled: Settled, tmp_path: Path
) -> None:
    paths: list[str] = []

    async def before(client: httpx.AsyncClient) -> None:
        paths.append(await _say(client, await _thread(client), "I like tea"))
        await settled(client, paths[0], "processing")

    async def after(client: httpx.AsyncClient) -> None:
        task = await settled(client, paths[0], "succeeded")
        assert len(task["result"]["edges"]) == 1

    run(create(data=tmp_path, ingestion_ms=60_000), before, authorization=KEY)
    run(create(data=tmp_path, ingestion_ms=1), after, authorization=KEY)
