"""The Zep twin over its wire."""

from __future__ import annotations

import time
import uuid
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest

from local.twins.zep.app import create

KEY = "Api-Key test-key"
V4 = "/api/v4"
Run = Callable[..., None]
Settled = Callable[..., Awaitable[dict[str, Any]]]


class Person:
    """A user with a thread, and what they say."""

    def __init__(self, client: httpx.AsyncClient, settled: Settled) -> None:
        self.client, self._settled = client, settled
        self.uuid = self.graph = self.thread = ""

    async def appear(self) -> Person:
        user = (await self.client.post(f"{V4}/users", json={"user_id": "test:1"})).json()
        self.uuid, self.graph = user["uuid"], user["graph_uuid"]
        made = await self.client.post(f"{V4}/threads", json={"user_uuid": self.uuid})
        self.thread = made.json()["uuid"]
        return self

    async def say(self, words: str, at: str, **more: Any) -> dict[str, Any]:
        message = {"role": "user", "content": words, "reference_time": at}
        body = {"messages": [message], **more}
        answer = await self.client.post(f"{V4}/threads/{self.thread}/messages", json=body)
        assert answer.status_code == 202
        task = answer.json()["task"]
        assert task["status"] == "pending"
        await self._settled(self.client, f"{V4}/tasks/{task['uuid']}", "succeeded")
        return answer.json()  # type: ignore[no-any-return]

    async def edges(self, **filters: Any) -> dict[str, Any]:
        """Edges by fact; a fact that was learned twice shows its newest edge."""
        answer = await self.client.post(
            f"{V4}/graphs/{self.graph}/edges/list",
            params={"order_by": "created_at", "order": "asc"},
            json={"filters": filters},
        )
        return {edge["fact"]: edge for edge in answer.json()["items"]}


def test_a_newer_home_ends_the_older_one_at_its_own_beginning(run: Run, settled: Settled) -> None:
    async def scenario(client: httpx.AsyncClient) -> None:
        person = await Person(client, settled).appear()
        await person.say("I live in Delhi and like chess.", "2026-11-20T09:00:00Z")
        await person.say("My dog's name is Bruno", "2026-11-20T09:01:00Z")
        await person.say("I moved to Mumbai last month", "2026-11-20T09:05:00Z")
        edges = await person.edges()
        delhi, mumbai = edges["Lives in Delhi"], edges["Lives in Mumbai"]
        assert mumbai["valid_at"].startswith("2026-10-20")
        assert "invalid_at" not in mumbai
        assert delhi["invalid_at"] == mumbai["valid_at"]
        assert delhi["valid_at"] <= delhi["invalid_at"]
        assert "expired_at" in delhi
        assert (mumbai["name"], mumbai["target_node_name"]) == ("LIVES_IN", "Mumbai")
        assert "invalid_at" not in edges["Likes chess"]
        found = await client.post(
            f"{V4}/graphs/{person.uuid}/context",
            json={"query": "Where do I live?", "include_results": True},
        )
        first = found.json()["results"]["edges"][0]
        assert (first["fact"], first["selection_rank"]) == ("Lives in Mumbai", 1)
        assert "Lives in Delhi (2026-10-20" in found.json()["context"]

    run(create(data=None, ingestion_ms=1), scenario, authorization=KEY)


def test_an_old_statement_that_comes_late_ends_nothing(run: Run, settled: Settled) -> None:
    async def scenario(client: httpx.AsyncClient) -> None:
        person = await Person(client, settled).appear()
        await person.say("I live in Mumbai", "2026-11-20T09:00:00Z")
        await person.say("I live in Delhi", "2026-10-01T09:00:00Z")
        edges = await person.edges()
        assert "invalid_at" not in edges["Lives in Mumbai"]
        assert edges["Lives in Delhi"]["invalid_at"] == edges["Lives in Mumbai"]["valid_at"]

    run(create(data=None, ingestion_ms=1), scenario, authorization=KEY)


def test_saying_it_again_confirms_the_edge_and_returning_makes_a_new_one(
    run: Run, settled: Settled
) -> None:
    async def scenario(client: httpx.AsyncClient) -> None:
        person = await Person(client, settled).appear()
        for day, place in enumerate(["Delhi", "Delhi", "Mumbai", "Delhi"], 1):
            await person.say(f"I live in {place}", f"2026-11-0{day}T09:00:00Z")
        answer = await client.post(f"{V4}/graphs/{person.graph}/edges/list", json={})
        delhi = [edge for edge in answer.json()["items"] if edge["fact"] == "Lives in Delhi"]
        old, new = sorted(delhi, key=lambda edge: edge["valid_at"])
        assert len(old["episode_uuids"]) == 2
        assert old["invalid_at"].startswith("2026-11-03")
        assert "invalid_at" not in new
        assert new["valid_at"].startswith("2026-11-04")

    run(create(data=None, ingestion_ms=1), scenario, authorization=KEY)


def test_a_taste_that_is_over_ends_the_edge_that_told_of_it(run: Run, settled: Settled) -> None:
    async def scenario(client: httpx.AsyncClient) -> None:
        person = await Person(client, settled).appear()
        await person.say("I like chess and tea.", "2026-11-01T09:00:00Z")
        await person.say("I don't like chess any more", "2026-11-02T09:00:00Z")
        edges = await person.edges()
        assert edges["Likes chess"]["invalid_at"].startswith("2026-11-02")
        assert "invalid_at" not in edges["Likes tea"]
        assert "invalid_at" not in edges["No longer likes chess"]
        assert set(await person.edges(edge_types=["LIKES"])) == {"Likes chess", "Likes tea"}

    run(create(data=None, ingestion_ms=1), scenario, authorization=KEY)


def test_what_the_assistant_says_is_kept_but_teaches_nothing(run: Run, settled: Settled) -> None:
    async def scenario(client: httpx.AsyncClient) -> None:
        person = await Person(client, settled).appear()
        body = {
            "messages": [
                {"role": "user", "content": "Hello", "metadata": {"turn_id": "t1", "seq": 1}},
                {"role": "assistant", "content": "I live in Rome."},
            ],
            "ignore_roles": ["assistant"],
        }
        answer = await client.post(f"{V4}/threads/{person.thread}/messages", json=body)
        assert [message["processed"] for message in answer.json()["messages"]] == [False, False]
        task = answer.json()["task"]["uuid"]
        await settled(client, f"{V4}/tasks/{task}", "succeeded")
        listed = (await client.get(f"{V4}/threads/{person.thread}/messages")).json()["items"]
        assert [message["content"] for message in listed] == ["Hello", "I live in Rome."]
        assert all(message["processed"] for message in listed)
        assert listed[0]["metadata"] == {"turn_id": "t1", "seq": 1}
        assert await person.edges() == {}

    run(create(data=None, ingestion_ms=1), scenario, authorization=KEY)


def test_messages_are_paged_in_a_stable_order_while_more_arrive(run: Run, settled: Settled) -> None:
    async def scenario(client: httpx.AsyncClient) -> None:
        person = await Person(client, settled).appear()
        path = f"{V4}/threads/{person.thread}/messages"
        said = [f"message {number}" for number in range(20)]
        await client.post(path, json={"messages": [{"role": "user", "content": s} for s in said]})
        seen: list[str] = []
        cursor: str | None = None
        for _ in range(10):
            params = {"page_size": "7", "order": "desc", **({"cursor": cursor} if cursor else {})}
            page = (await client.get(path, params=params)).json()
            seen.extend(item["content"] for item in page["items"])
            await client.post(path, json={"messages": [{"role": "user", "content": "later"}]})
            cursor = page.get("next_cursor")
            if not cursor:
                break
        assert seen == said[::-1]

    run(create(data=None, ingestion_ms=1), scenario, authorization=KEY)


def test_the_same_idempotency_key_and_path_is_done_once(run: Run, settled: Settled) -> None:
    async def scenario(client: httpx.AsyncClient) -> None:
        person = await Person(client, settled).appear()
        path = f"{V4}/threads/{person.thread}/messages"
        body = {"messages": [{"role": "user", "content": "I like tea"}]}
        answers = [
            await client.post(path, json=body, headers={"Idempotency-Key": key})
            for key in ("one", "one", "two")
        ]
        assert answers[0].json() == answers[1].json() != answers[2].json()
        assert (await client.get(path)).json()["total_size"] == 2

    run(create(data=None, ingestion_ms=1), scenario, authorization=KEY)


def test_a_deleted_thread_is_gone_and_its_facts_stay(run: Run, settled: Settled) -> None:
    async def scenario(client: httpx.AsyncClient) -> None:
        person = await Person(client, settled).appear()
        await person.say("I like tea", "2026-11-01T09:00:00Z")
        task = (await client.delete(f"{V4}/threads/{person.thread}")).json()["task"]["uuid"]
        await settled(client, f"{V4}/tasks/{task}", "succeeded")
        assert (await client.get(f"{V4}/threads/{person.thread}")).status_code == 404
        assert set(await person.edges()) == {"Likes tea"}
        task = (await client.delete(f"{V4}/users/{person.uuid}")).json()["task"]["uuid"]
        await settled(client, f"{V4}/tasks/{task}", "succeeded")
        assert (await client.get(f"{V4}/users/{person.uuid}")).status_code == 404

    run(create(data=None, ingestion_ms=1), scenario, authorization=KEY)


def test_deleting_an_edge_or_its_only_episode_forgets_the_fact(run: Run, settled: Settled) -> None:
    async def scenario(client: httpx.AsyncClient) -> None:
        person = await Person(client, settled).appear()
        base = f"{V4}/graphs/{person.graph}"
        await person.say("I like tea", "2026-11-01T09:00:00Z")
        added = await client.post(f"{base}/episodes", json={"data": "I like chess"})
        task, episode = added.json()["task"]["uuid"], added.json()["episode"]["uuid"]
        await settled(client, f"{V4}/tasks/{task}", "succeeded")
        edge = (await person.edges())["Likes tea"]["uuid"]
        assert (await client.get(f"{base}/edges/{edge}")).json()["fact"] == "Likes tea"
        for path in (f"{base}/edges/{edge}", f"{base}/episodes/{episode}"):
            task = (await client.delete(path)).json()["task"]["uuid"]
            await settled(client, f"{V4}/tasks/{task}", "succeeded")
            assert (await client.get(path)).status_code == 404
        assert await person.edges() == {}

    run(create(data=None, ingestion_ms=1), scenario, authorization=KEY)


def test_nodes_are_the_person_and_what_they_spoke_of(run: Run, settled: Settled) -> None:
    async def scenario(client: httpx.AsyncClient) -> None:
        person = await Person(client, settled).appear()
        await person.say("My sister Mia lives in Rome.", "2026-11-01T09:00:00Z")
        await person.say("My sister moved to Oslo.", "2026-11-02T09:00:00Z")
        base = f"{V4}/graphs/{person.graph}"
        nodes: list[dict[str, Any]] = []
        cursor = ""
        for _ in range(5):
            params = {"page_size": "2", "cursor": cursor}
            page = (await client.post(f"{base}/nodes/list", params=params, json={})).json()
            nodes.extend(page["items"])
            cursor = page.get("next_cursor", "")
            if not cursor:
                break
        assert sorted(node["name"] for node in nodes) == ["Mia", "Oslo", "Rome", "User"]
        assert all(node["episode_uuids_truncated"] is False for node in nodes)
        edges = await person.edges()
        assert edges["Sister Mia lives in Rome"]["invalid_at"].startswith("2026-11-02")
        assert edges["Sister lives in Oslo"]["source_node_name"] == "Mia"
        found = await client.post(f"{base}/search/nodes", json={"query": "Who is Mia?"})
        assert found.json()["items"][0]["name"] == "Mia"
        found = await client.post(
            f"{base}/search/edges", params={"page_size": "1"}, json={"query": "sister live"}
        )
        assert found.json()["items"][0]["fact"] == "Sister lives in Oslo"
        assert found.json()["next_cursor"]

    run(create(data=None, ingestion_ms=1), scenario, authorization=KEY)


def _messages(**message: Any) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": "x", **message}]}


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"messages": []},
        {"messages": [{"role": "user", "content": "x"}] * 31},
        _messages(content="x" * 4097),
        _messages(content=""),
        _messages(content=7),
        _messages(role="norole"),
        _messages(metadata={str(n): n for n in range(11)}),
        _messages(metadata={"a": {"b": 1}}),
        _messages(reference_time="yesterday"),
        _messages(reference_time="2026-11-20T09:00:00"),
        {**_messages(), "ignore_roles": ["norole"]},
    ],
)
def test_messages_beyond_the_limits_are_refused_and_not_stored(
    run: Run, settled: Settled, body: dict[str, Any]
) -> None:
    async def scenario(client: httpx.AsyncClient) -> None:
        person = await Person(client, settled).appear()
        path = f"{V4}/threads/{person.thread}/messages"
        answer = await client.post(path, json=body)
        assert answer.status_code == 400
        assert answer.json()["error"]["code"] == "invalid_request"
        assert (await client.get(path)).json()["items"] == []

    run(create(data=None, ingestion_ms=1), scenario, authorization=KEY)


def test_what_is_asked_for_wrongly_gets_the_envelope_of_v4(run: Run, settled: Settled) -> None:
    async def scenario(client: httpx.AsyncClient) -> None:
        person = await Person(client, settled).appear()
        other = uuid.uuid4()
        cases = [
            ("POST", "/users", {"user_id": "test:1"}, 400, "invalid_request"),
            ("POST", "/users/lookup", {"user_id": "test:2"}, 404, "not_found"),
            ("GET", "/users/test:1", None, 400, "invalid_identifier"),
            ("GET", f"/users/{other}", None, 404, "not_found"),
            ("GET", f"/threads/{other}/messages", None, 404, "not_found"),
            ("GET", f"/threads/{person.thread}/messages?page_size=201", None, 400,
             "invalid_request"),
            ("GET", f"/threads/{person.thread}/messages?cursor=x", None, 400, "invalid_request"),
            ("POST", "/threads", {"user_uuid": "nobody"}, 400, "invalid_identifier"),
            ("POST", f"/graphs/{other}/context", {"query": "x"}, 404, "not_found"),
            ("POST", f"/graphs/{person.graph}/context", {}, 400, "invalid_request"),
            ("POST", f"/graphs/{person.graph}/edges/list", {"filters": {"colour": []}}, 400,
             "unsupported_filter"),
            ("GET", f"/tasks/{other}", None, 404, "not_found"),
            ("GET", "/project", None, 501, "not_implemented"),
        ]  # fmt: skip
        for method, path, body, status, code in cases:
            answer = await client.request(method, V4 + path, json=body)
            assert (answer.status_code, answer.json()["error"]["code"]) == (status, code), path
        broken = await client.post(f"{V4}/users", content=b'{"user_id": "\\ud800"}')
        assert broken.status_code == 400
        assert (await client.get("/nowhere")).text == "404 page not found\n"
        assert (await client.get("/nowhere")).status_code == 404
        refused = await client.get(f"{V4}/users/{person.uuid}", headers={"authorization": "Bearer"})
        assert (refused.status_code, refused.json()["error"]["code"]) == (401, "unauthorized")

    run(create(data=None, ingestion_ms=1), scenario, authorization=KEY)


def test_the_control_endpoints_record_delay_and_reset(run: Run, settled: Settled) -> None:
    async def scenario(client: httpx.AsyncClient) -> None:
        person = await Person(client, settled).appear()
        await client.get(f"{V4}/threads/{person.thread}/messages?page_size=3")
        assert (await client.get("/_twin/health")).json() == {"status": "ok"}
        records = (await client.get("/_twin/requests")).json()["requests"]
        assert [(r["method"], r["status"]) for r in records] == [
            ("POST", 201), ("POST", 201), ("GET", 200)]  # fmt: skip
        assert records[-1]["path"] == f"{V4}/threads/{person.thread}/messages"
        assert (await client.post("/_twin/latency", json={"milliseconds": 30})).status_code == 200
        started = time.monotonic()
        answer = await client.get(f"{V4}/users/{person.uuid}")
        assert answer.status_code == 200
        assert time.monotonic() - started >= 0.03
        await client.post("/_twin/reset")
        assert (await client.get(f"{V4}/users/{person.uuid}")).status_code == 404
        assert len((await client.get("/_twin/requests")).json()["requests"]) == 1

    run(create(data=None, ingestion_ms=1), scenario, authorization=KEY)
