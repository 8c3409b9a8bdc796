"""The Mem0 twin's events: their states, a share of them that fails, and older database files."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from pathlib import Path
from typing import Any

import httpx

from local.twins.mem0.app import create
from tests.functional.twins.mem0_talk import KEY, ME, Run, Settled, found, kept, listed, said


async def added(client: httpx.AsyncClient, words: str) -> str:
    body = {"messages": [{"role": "user", "content": words}], **ME, "timestamp": 1_700_000_000}
    answer = await client.post("/v3/memories/add/", json=body)
    assert answer.json()["status"] == "PENDING"
    return str(answer.json()["event_id"])


async def ended(client: httpx.AsyncClient, event: str) -> dict[str, Any]:
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        shown: dict[str, Any] = (await client.get(f"/v1/event/{event}/")).json()
        if shown["status"] in {"SUCCEEDED", "FAILED"}:
            return shown
        assert shown["status"] in {"PENDING", "RUNNING"}
        assert "completed_at" not in shown
        await asyncio.sleep(0.005)
    raise AssertionError("the event did not end")


def test_an_event_is_pending_then_running_then_done(run: Run) -> None:
    async def scenario(client: httpx.AsyncClient) -> None:
        await client.post("/_twin/ingestion", json={"milliseconds": 60_000})
        first, second = await added(client, "I like tea"), await added(client, "I like jazz")
        statuses, deadline = set(), time.monotonic() + 5
        while statuses != {"RUNNING", "PENDING"}:
            assert time.monotonic() < deadline
            await asyncio.sleep(0.005)
            answers = [await client.get(f"/v1/event/{event}/") for event in (first, second)]
            statuses = {answer.json()["status"] for answer in answers}
        assert await listed(client) == []
        payload = answers[0].json()["payload"]
        assert set(payload) == {"messages", "user_id"}

    run(create(data=None, ingestion_ms=1), scenario, authorization=KEY)


def test_nothing_worth_keeping_succeeds_with_no_results(run: Run) -> None:
    async def scenario(client: httpx.AsyncClient) -> None:
        event = await ended(client, await added(client, "Where do I live?"))
        assert (event["status"], event["results"], event["error"]) == ("SUCCEEDED", [], None)
        assert event["latency"] >= 0

    run(create(data=None, ingestion_ms=1), scenario, authorization=KEY)


def test_a_share_of_ingestions_fails_and_the_seed_says_which(run: Run) -> None:
    async def scenario(client: httpx.AsyncClient) -> None:
        async def outcomes() -> list[str]:
            events = [await added(client, f"I like tea {number}") for number in range(20)]
            return [(await ended(client, event))["status"] for event in events]

        async def set_to(**wanted: Any) -> None:
            answer = await client.post("/_twin/ingestion", json=wanted)
            assert answer.status_code == 200

        at_start = await outcomes()
        assert 0 < at_start.count("FAILED") < 20
        await set_to(failures=0.5, seed=7)
        assert await outcomes() == at_start
        await set_to(seed=8)
        assert await outcomes() != at_start
        await set_to(failures=1)
        assert set(await outcomes()) == {"FAILED"}
        shown = (await client.get("/_twin/ingestion")).json()
        assert (shown["failures"], shown["seed"], shown["milliseconds"]) == (1, 8, 0)
        assert shown["failed"] >= 20 + 2 * at_start.count("FAILED")
        gone = await client.delete("/v1/memories/", params=ME)
        assert (await ended(client, gone.json()["event_id"]))["status"] == "SUCCEEDED"
        await client.post("/_twin/reset")
        assert await outcomes() == at_start
        assert len(await listed(client)) == at_start.count("SUCCEEDED")
        event = await ended(client, await added(client, "x"))
        assert (event["error"] is None) == (event["status"] == "SUCCEEDED")

    app = create(data=None, ingestion_ms=0, ingestion_failures=0.5, seed=7)
    run(app, scenario, authorization=KEY)


def test_wrong_settings_are_refused(run: Run) -> None:
    async def scenario(client: httpx.AsyncClient) -> None:
        for wrong in ({"failures": 1.5}, {"milliseconds": -1}, {"seed": "x"}, {"failures": True}):
            assert (await client.post("/_twin/ingestion", json=wrong)).status_code == 400
        answer = await client.post("/_twin/ingestion", json={"failurs": 1})
        assert (answer.status_code, "failurs" in answer.json()["error"]) == (400, True)

    run(create(data=None, ingestion_ms=1), scenario, authorization=KEY)


def test_events_and_changes_are_listed_newest_first(run: Run, settled: Settled) -> None:
    async def scenario(client: httpx.AsyncClient) -> None:
        (made,) = await said(client, settled, "I like tea")
        memory = made["id"]
        await client.put(f"/v1/memories/{memory}/", json={"text": "Likes mint"})
        gone = await client.delete("/v1/memories/", params=ME)
        await ended(client, gone.json()["event_id"])
        events = (await client.get("/v1/events/")).json()
        assert [event["event_type"] for event in events["results"]] == ["DELETE_ALL", "ADD"]
        only = await client.get("/v1/events/?event_type=ADD&start_date=2020-01-01")
        assert only.json()["count"] == 1
        assert (await client.get("/v1/events/?end_date=2020-01-01")).json()["count"] == 0
        page = (await client.get("/v1/events/?page=2&page_size=1")).json()
        assert (page["next"], page["previous"]) == (
            None,
            "http://twin/v1/events/?page=1&page_size=1",
        )
        lines = (await client.get("/v1/memories/events/?limit=2")).json()
        assert [line["event"] for line in lines["results"]] == ["DELETE", "UPDATE"]
        assert (lines["count"], "limit=2" in lines["next"]) == (3, True)

    run(create(data=None, ingestion_ms=1), scenario, authorization=KEY)


OLD = """
create table memories (
    seq integer primary key autoincrement, id text not null unique, memory text not null,
    normal text not null, user_id text, agent_id text, app_id text, run_id text,
    metadata text not null, categories text not null, created_at text not null,
    updated_at text not null, expiration_date text);
create table history (
    seq integer primary key autoincrement, id text not null, memory_id text not null,
    input text not null, old_memory text, new_memory text, event text not null,
    scope text not null, created_at text not null);
create table events (
    seq integer primary key autoincrement, id text not null unique, event_type text not null,
    status text not null, payload text not null, results text not null, created_at text not null,
    updated_at text not null, started_at text, completed_at text, due real not null);
insert into memories values (1, '11111111-1111-4111-8111-111111111111', 'Likes tea', 'likes tea',
    'test:1', null, null, null, '{"a": 1}', '[]', '2026-01-01T00:00:00.000000Z',
    '2026-01-01T00:00:00.000000Z', null);
insert into history values (1, '22222222-2222-4222-8222-222222222222',
    '11111111-1111-4111-8111-111111111111', '[{"role": "user", "content": "I like tea"}]', null,
    'Likes tea', 'ADD', '{"user_id": "test:1"}', '2026-01-01T00:00:00.000000Z');
insert into events values (1, '33333333-3333-4333-8333-333333333333', 'ADD', 'RUNNING',
    '{"user_id": "test:1", "messages": [{"role": "user", "content": "I like jazz and tea"}],
      "metadata": {}, "expiration_date": null, "created_at": "2026-01-02T00:00:00.000000Z"}',
    '[]', '2026-01-02T00:00:00.000000Z', '2026-01-02T00:00:00.000000Z', null, null, 0);
"""


def test_a_file_of_an_older_twin_is_found_counted_and_worked_on(run: Run, tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "mem0.sqlite3") as older:
        older.executescript(OLD)
    older.close()

    async def scenario(client: httpx.AsyncClient) -> None:
        await ended(client, "33333333-3333-4333-8333-333333333333")
        assert await listed(client) == ["Likes jazz", "Likes tea"]
        assert [one["memory"] for one in await found(client, "tea")] == ["Likes tea"]
        assert (await client.get("/v1/entities/")).json()["total_users"] == 1
        shown = (await client.get("/v1/memories/user/test%3A1/")).json()["results"]
        assert shown[1]["input"] == [{"role": "user", "content": "I like tea"}]

    for _ in range(2):
        run(create(data=tmp_path, ingestion_ms=1), scenario, authorization=KEY)


def test_a_changed_memory_is_found_by_its_new_words_alone(run: Run) -> None:
    async def scenario(client: httpx.AsyncClient) -> None:
        memory = await kept(client, "Likes tea", run_id="r")
        await client.put(f"/v1/memories/{memory}/", json={"text": "Plays chess"})
        for filters in (ME, {"run_id": "r"}, {"user_id": "*"}, {"OR": [ME, {"run_id": "r"}]}):
            assert await found(client, "tea", filters=filters) == []
            assert len(await found(client, "chess", filters=filters)) == 1
        await client.delete(f"/v1/memories/{memory}/")
        assert await found(client, "chess") == []

    run(create(data=None, ingestion_ms=1), scenario, authorization=KEY)
