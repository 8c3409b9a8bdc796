"""Episodes of the Zep twin: what was added to learn from."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from tests.functional.twins.zep_graphs import KEY, V4, alone, persons, twin

Run = Callable[..., None]


def test_an_episode_is_there_at_once_and_processed_when_its_task_is_done(run: Run) -> None:
    async def scenario(client: httpx.AsyncClient) -> None:
        graph = await persons(client)
        body = {
            "data": "I like tea",
            "type": "text",
            "document_id": "letters/1",
            "metadata": {"page": 1, "tags": ["a", "b"]},
            "reference_time": "2026-01-01T00:00:00Z",
            "source_description": "a letter",
        }
        answer = await graph.post("/episodes", body)
        episode = answer.json()["episode"]
        assert episode["processed"] is False
        assert (episode["content"], episode["source"]) == ("I like tea", "text")
        for name in ("document_id", "metadata", "source_description"):
            assert episode[name] == body[name]
        assert episode["user_uuid"] == graph.owner
        assert (await graph.get(f"/episodes/{episode['uuid']}")).json() == episode
        task = await graph.ended(answer)
        assert (task["type"], task["result"]["episode_uuid"]) == ("graph.add", episode["uuid"])
        assert (await graph.get(f"/episodes/{episode['uuid']}")).json()["processed"] is True
        assert (await graph.facts())["Likes tea"]["valid_at"].startswith("2026-01-01")

    run(twin(), scenario, authorization=KEY)


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"data": ""},
        {"data": "x" * 10_001},
        {"data": "x", "type": "fact_triple"},
        {"data": "x", "metadata": {str(n): n for n in range(11)}},
        {"data": "x", "metadata": {"a": {"b": 1}}},
        {"data": "x", "reference_time": "2026-01-01"},
        {"data": "x", "strict_ontology": "yes"},
        {"data": "x", "document_id": 7},
    ],
)
def test_an_episode_beyond_the_limits_is_refused_and_not_kept(
    run: Run, body: dict[str, Any]
) -> None:
    async def scenario(client: httpx.AsyncClient) -> None:
        graph = await alone(client)
        assert await graph.refused("/episodes", body) == "invalid_request"
        assert await graph.everything("/episodes/list") == []

    run(twin(), scenario, authorization=KEY)


def test_lines_of_a_conversation_are_learned_without_their_speakers(run: Run) -> None:
    async def scenario(client: httpx.AsyncClient) -> None:
        graph = await alone(client)
        await graph.tell("Ada: I live in Delhi\nBo (guest): I like chess", type="message")
        assert set(await graph.facts()) == {"Lives in Delhi", "Likes chess"}

    run(twin(), scenario, authorization=KEY)


def test_metadata_is_merged_and_null_removes_a_key(run: Run) -> None:
    async def scenario(client: httpx.AsyncClient) -> None:
        graph = await alone(client)
        path = f"/episodes/{await graph.tell('Hello', metadata={'a': 1, 'b': 2})}"
        changed = (await graph.patch(path, {"metadata": {"a": None, "c": [3]}})).json()
        assert changed["metadata"] == {"b": 2, "c": [3]}
        assert (await graph.get(path)).json() == changed
        nine = {str(number): number for number in range(9)}
        assert (await graph.patch(path, {"metadata": nine})).status_code == 400
        assert (await graph.get(path)).json()["metadata"] == {"b": 2, "c": [3]}

    run(twin(), scenario, authorization=KEY)


def test_an_episode_goes_with_what_nothing_else_states(run: Run) -> None:
    async def scenario(client: httpx.AsyncClient) -> None:
        graph = await persons(client)
        first = await graph.tell("I like tea. I like chess.")
        second = await graph.tell("I like chess.")
        assert (await graph.delete(f"/episodes/{first}"))["type"] == "graph.episode.delete"
        assert (await graph.get(f"/episodes/{first}")).status_code == 404
        facts = await graph.facts()
        assert set(facts) == {"Likes chess"}
        assert facts["Likes chess"]["episode_uuids"] == [second]
        assert set(await graph.names()) == {"User", "chess"}
        assert (await graph.post("/search/episodes", {"query": "tea"})).json()["items"] == []
        assert (await graph.post("/search/nodes", {"query": "tea"})).json()["items"] == []
        await graph.delete(f"/episodes/{second}")
        assert set(await graph.names()) == {"User"}

    run(twin(), scenario, authorization=KEY)


def test_what_a_deleted_episode_had_ended_stays_ended(run: Run) -> None:
    async def scenario(client: httpx.AsyncClient) -> None:
        graph = await persons(client)
        await graph.tell("I live in Delhi")
        later = await graph.tell("I moved to Mumbai")
        await graph.delete(f"/episodes/{later}")
        facts = await graph.facts()
        assert set(facts) == {"Lives in Delhi"}
        assert "invalid_at" in facts["Lives in Delhi"]

    run(twin(), scenario, authorization=KEY)


def test_episodes_are_listed_newest_first_by_document_or_by_what_they_mention(run: Run) -> None:
    async def scenario(client: httpx.AsyncClient) -> None:
        graph = await persons(client)
        told = [
            await graph.tell("I like tea", document_id="one/x"),
            await graph.tell("I like chess", document_id="two"),
            await graph.tell("I like tea too", document_id="one/x"),
        ]
        listed = await graph.everything("/episodes/list", page_size=2)
        assert [episode["uuid"] for episode in listed] == told[::-1]
        oldest = await graph.everything("/episodes/list", page_size=2, order="asc")
        assert [episode["uuid"] for episode in oldest] == told
        by_uuid = await graph.everything("/episodes/list", page_size=2, order_by="uuid")
        assert [episode["uuid"] for episode in by_uuid] == sorted(told, reverse=True)
        page = (await graph.get("/documents/one%2Fx/episodes", page_size=1)).json()
        more = await graph.get("/documents/one%2Fx/episodes", cursor=page["next_cursor"])
        chunks = [*page["items"], *more.json()["items"]]
        assert [episode["uuid"] for episode in chunks] == [told[0], told[2]]
        assert (await graph.get("/documents/none/episodes")).json()["items"] == []
        tea = (await graph.names())["tea"]["uuid"]
        for wanted, found in [([tea], {told[0], told[2]}), ([tea, told[1]], set(told))]:
            filters = {"mentioned_node_uuids": wanted}
            items = await graph.everything("/episodes/list", {"filters": filters})
            assert {episode["uuid"] for episode in items} == found
        many = {"filters": {"mentioned_node_uuids": [tea] * 257}}
        assert await graph.refused("/episodes/list", many) == "invalid_request"

    run(twin(), scenario, authorization=KEY)


def test_a_message_is_an_episode_of_the_graph_until_it_is_deleted(run: Run) -> None:
    async def scenario(client: httpx.AsyncClient) -> None:
        graph = await persons(client)
        made = await client.post(f"{V4}/threads", json={"user_uuid": graph.owner})
        path = f"{V4}/threads/{made.json()['uuid']}/messages"
        body = {"messages": [{"role": "user", "content": "I like tea", "name": "Ada"}]}
        answer = await client.post(path, json=body)
        await graph.ended(answer)
        (message,) = answer.json()["messages"]
        (episode,) = await graph.everything("/episodes/list")
        assert episode["uuid"] == message["uuid"]
        assert (episode["role"], episode["role_name"]) == ("user", "Ada")
        assert episode["thread_uuid"] == made.json()["uuid"]
        await graph.delete(f"/episodes/{episode['uuid']}")
        assert (await client.get(path)).json()["items"] == []
        assert await graph.facts() == {}

    run(twin(), scenario, authorization=KEY)


def test_logs_and_traces_tell_how_an_episode_was_ingested(run: Run) -> None:
    async def scenario(client: httpx.AsyncClient) -> None:
        graph = await alone(client)
        path = f"/episodes/{await graph.tell('I like tea')}"
        log = (await graph.get(f"{path}/debug-logs")).json()
        assert log["status"] == "completed"
        assert log["started_at"] <= log["completed_at"]
        told = [entry["message"] for entry in log["entries"]]
        assert "extracted 2 nodes and 1 edges" in told
        page = (await graph.get(f"{path}/ingestion-traces", page_size=2)).json()
        rest = await graph.get(f"{path}/ingestion-traces", cursor=page["next_cursor"])
        traces = [*page["items"], *rest.json()["items"]]
        assert [t["step"] for t in traces] == [
            "combined_extraction", "resolve_nodes", "resolve_edges"]  # fmt: skip
        assert [edge["fact"] for edge in traces[2]["output"]["edges"]] == ["Likes tea"]

    run(twin(), scenario, authorization=KEY)


def test_logs_show_what_waits_and_what_failed(run: Run) -> None:
    async def scenario(client: httpx.AsyncClient) -> None:
        graph = await alone(client)
        await client.post("/_twin/ingestion", json={"milliseconds": 60_000, "failures": 1})
        answer = await graph.post("/episodes", {"data": "I like tea"})
        path = f"/episodes/{answer.json()['episode']['uuid']}"
        waiting = (await graph.get(f"{path}/debug-logs")).json()
        assert waiting["status"] == "running"
        assert "completed_at" not in waiting
        await client.post("/_twin/ingestion", json={"milliseconds": 1})
        await graph.ended(answer, "failed")
        failed = (await graph.get(f"{path}/debug-logs")).json()
        assert (failed["status"], failed["error"]) == ("error", "ingestion failed")
        assert (await graph.get(f"{path}/ingestion-traces")).json() == {"items": []}
        assert (await graph.get(path)).json()["processed"] is False

    run(twin(), scenario, authorization=KEY)
