"""The Zep twin when calls cross each other, and what remains of what was deleted."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from local.twins.zep.app import create
from tests.functional.twins.zep_graphs import KEY, V4, Graph, Json, alone, persons, twin

Run = Callable[..., None]


async def _thread(client: httpx.AsyncClient, graph: Graph) -> str:
    answer = await client.post(f"{V4}/threads", json={"user_uuid": graph.owner})
    return f"{V4}/threads/{answer.json()['uuid']}"


async def _say(client: httpx.AsyncClient, graph: Graph, thread: str, *words: str) -> Json:
    messages = [{"role": "user", "content": said} for said in words]
    answer = await client.post(f"{thread}/messages", json={"messages": messages})
    await graph.ended(answer)
    body: Json = answer.json()
    return body


def test_deleting_a_graph_twice_at_once_is_one_task_that_both_can_wait_for(run: Run) -> None:
    async def scenario(client: httpx.AsyncClient) -> None:
        graph = await alone(client, name="Plants")
        await graph.tell("I like tea")
        first, second = await asyncio.gather(*(client.delete(graph.base) for _ in range(2)))
        assert first.json()["task"]["uuid"] == second.json()["task"]["uuid"]
        await graph.ended(second)
        assert (await graph.get("")).status_code == 404

    run(twin(), scenario, authorization=KEY)


def test_a_graph_that_is_being_deleted_is_read_and_not_written_to(run: Run) -> None:
    async def scenario(client: httpx.AsyncClient) -> None:
        graph = await alone(client, name="Plants")
        await graph.tell("I like tea")
        await client.post("/_twin/ingestion", json={"milliseconds": 60_000})
        deletion = await client.delete(graph.base)
        assert (await graph.get("")).json()["name"] == "Plants"
        assert "Likes tea" in await graph.facts()
        writes: list[tuple[str, Json]] = [
            ("/episodes", {"data": "I like snow"}),
            ("/nodes", {"nodes": [{"name": "n"}]}),
        ]
        for path, body in writes:
            assert (await graph.post(path, body)).status_code == 404, path
        await client.post("/_twin/ingestion", json={"milliseconds": 0})
        await graph.ended(deletion)

    run(twin(), scenario, authorization=KEY)


def test_a_write_that_is_repeated_about_what_is_gone_finds_nothing(run: Run) -> None:
    async def scenario(client: httpx.AsyncClient) -> None:
        graph = await persons(client)
        thread = await _thread(client, graph)
        said = await _say(client, graph, thread, "I like tea. I live in Paris.")
        message = said["messages"][0]["uuid"]
        facts = await graph.facts()
        edge, node = facts["Likes tea"]["uuid"], facts["Lives in Paris"]["target_node_uuid"]
        key = {"idempotency-key": str(uuid.uuid4())}
        changes: list[tuple[str, Json]] = [
            (f"{graph.base}/edges/{edge}", {"fact": "Likes green tea"}),
            (f"{graph.base}/nodes/{node.upper()}", {"summary": "A secret place"}),
            (f"{graph.base}/episodes/{message}", {"metadata": {"a": "b"}}),
        ]
        for path, body in changes:
            for _ in range(2):
                answer = await client.patch(path, json=body, headers=key)
                assert answer.status_code == 200, answer.text
        await graph.delete(f"/edges/{edge}")
        await graph.delete(f"/nodes/{node}")
        await graph.ended(await client.delete(thread))
        for path, body in changes:
            answer = await client.patch(path, json=body, headers=key)
            assert answer.status_code == 404, (path, answer.text)

    run(twin(), scenario, authorization=KEY)


def test_a_key_holds_for_a_path_however_it_is_written(run: Run) -> None:
    async def scenario(client: httpx.AsyncClient) -> None:
        graph = await persons(client)
        thread, key = await _thread(client, graph), {"idempotency-key": "k"}
        body = {"messages": [{"role": "user", "content": "I like tea"}]}
        known = thread.rsplit("/", 1)[1]
        answers = [
            await client.post(f"{V4}/threads/{shown}/messages", json=body, headers=key)
            for shown in (known, known.upper(), f"%{ord(known[0]):x}{known[1:]}")
        ]
        assert len({answer.json()["messages"][0]["uuid"] for answer in answers}) == 1
        await graph.ended(answers[0])
        await graph.ended(await client.delete(thread))
        for shown in (known, known.upper()):
            path = f"{V4}/threads/{shown}/messages"
            answer = await client.post(path, json=body, headers=key)
            assert answer.status_code == 404, answer.text

    run(twin(), scenario, authorization=KEY)


def test_a_thread_that_is_gone_is_not_made_again_by_its_key(run: Run) -> None:
    async def scenario(client: httpx.AsyncClient) -> None:
        graph, key = await persons(client), {"idempotency-key": "k"}
        body = {"user_uuid": graph.owner}
        made = (await client.post(f"{V4}/threads", json=body, headers=key)).json()
        await graph.ended(await client.delete(f"{V4}/threads/{made['uuid']}"))
        answer = await client.post(f"{V4}/threads", json=body, headers=key)
        assert answer.status_code == 404
        assert (await client.get(f"{V4}/threads")).json()["items"] == []

    run(twin(), scenario, authorization=KEY)


def test_a_fact_that_is_deleted_or_changed_is_so_in_every_place_that_tells_it(run: Run) -> None:
    async def scenario(client: httpx.AsyncClient) -> None:
        graph = await persons(client, first_name="Ada")
        thread = await _thread(client, graph)
        await _say(client, graph, thread, "Hello there.")
        await _say(client, graph, thread, "I like tea.", "I like chess.", "I like tea.")
        await _say(client, graph, thread, "That is all.")

        async def told() -> dict[str, str]:
            person = await client.get(f"{V4}/users/{graph.owner}/node")
            found = await graph.post("/search/edges", {"query": "What do I like?"})
            steady = await graph.post("/search/observations", {"query": "What do I like?"})
            summed = await graph.post("/search/thread-summaries", {"query": "tea coffee"})
            return {
                "context": (await client.get(f"{thread}/context")).json()["context"],
                "of a question": (await graph.post("/context", {"query": "like"})).text,
                "thread's summary": (await client.get(f"{thread}/summary")).json()["summary"],
                "person's summary": person.json()["summary"],
                "facts": found.text,
                "observations": steady.text,
                "summaries found": summed.text,
            }

        assert {place for place, text in (await told()).items() if "Likes tea" not in text} == set()
        edge = (await graph.facts())["Likes tea"]["uuid"]
        assert (await graph.patch(f"/edges/{edge}", {"fact": "Likes coffee"})).status_code == 200
        places = await told()
        assert {place for place, text in places.items() if "Likes tea" in text} == set()
        assert {place for place, text in places.items() if "Likes coffee" not in text} == set()
        await graph.delete(f"/edges/{edge}")
        places = await told()
        assert {place for place, text in places.items() if "Likes coffee" in text} == set()
        assert "chess" in places["thread's summary"]

    run(twin(), scenario, authorization=KEY)


def test_a_person_whose_node_was_deleted_comes_back_under_their_name(run: Run) -> None:
    async def scenario(client: httpx.AsyncClient) -> None:
        graph = await persons(client, first_name="Ada", last_name="Byron")
        node = (await client.get(f"{V4}/users/{graph.owner}/node")).json()["uuid"]
        await graph.delete(f"/nodes/{node}")
        assert (await client.get(f"{V4}/users/{graph.owner}/node")).status_code == 404
        await graph.tell("I like tea")
        again = (await client.get(f"{V4}/users/{graph.owner}/node")).json()
        assert (again["name"], again["labels"]) == ("Ada Byron", ["Entity", "User"])

    run(twin(), scenario, authorization=KEY)


def test_messages_added_while_their_thread_is_deleted_are_taken_whole_or_not_at_all(
    run: Run,
) -> None:
    async def scenario(client: httpx.AsyncClient) -> None:
        graph = await persons(client)
        for _ in range(5):
            thread = await _thread(client, graph)
            body = {"messages": [{"role": "user", "content": "I like tea"}]}
            adding = [client.post(f"{thread}/messages", json=body) for _ in range(10)]
            *added, deletion = await asyncio.gather(*adding, client.delete(thread))
            await graph.ended(deletion)
            for answer in added:
                assert answer.status_code in {202, 404}
                if answer.status_code == 202:
                    await graph.ended(answer)
            assert (await client.get(f"{thread}/messages")).status_code == 404
        items = await graph.everything("/episodes/list")
        assert items == []

    run(twin(), scenario, authorization=KEY)


def test_the_same_key_at_once_is_one_write(run: Run) -> None:
    async def scenario(client: httpx.AsyncClient) -> None:
        key = {"idempotency-key": str(uuid.uuid4())}
        made = await asyncio.gather(
            *(client.post(f"{V4}/users", json={"user_id": "a"}, headers=key) for _ in range(20))
        )
        assert {answer.status_code for answer in made} == {201}
        assert len({answer.json()["uuid"] for answer in made}) == 1

    run(twin(), scenario, authorization=KEY)


def test_what_belongs_to_one_graph_is_reached_through_no_other(run: Run) -> None:
    async def scenario(client: httpx.AsyncClient) -> None:
        mine, theirs = await persons(client), await persons(client)
        thread, other = await _thread(client, mine), await _thread(client, theirs)
        message = (await _say(client, mine, thread, "I like tea."))["messages"][0]["uuid"]
        await _say(client, theirs, other, "I like snow.")
        fact = (await mine.facts())["Likes tea"]
        edge, node = fact["uuid"], fact["target_node_uuid"]
        things = [f"/edges/{edge}", f"/nodes/{node}", f"/episodes/{message}"]
        for path in things:
            change = {"name": "x", "fact": "x", "metadata": {"a": 1}}
            assert (await theirs.get(path)).status_code == 404
            assert (await theirs.patch(path, change)).status_code == 404
            assert (await client.delete(f"{theirs.base}{path}")).status_code == 404
            assert (await mine.get(path)).status_code == 200
        for path in ("debug-logs", "ingestion-traces"):
            assert (await theirs.get(f"/episodes/{message}/{path}")).status_code == 404
        assert (await theirs.post(f"/nodes/{node}/neighbors")).status_code == 404
        for method in ("GET", "PATCH"):
            answer = await client.request(
                method, f"{other}/messages/{message}", json={"metadata": {"a": 1}}
            )
            assert answer.status_code == 404
        ends = {"source_node": {"uuid": node}, "target_node": {"name": "x"}}
        body = {"edges": [{"fact": "f", "fact_name": "F", **ends}]}
        assert (await theirs.post("/edges", body)).status_code == 404
        for name in ("center_node_uuid", "bfs_origin_node_uuids"):
            given: Any = node if name.startswith("center") else [node]
            search = {"query": "tea", "reranker": "node_distance", name: given}
            search.setdefault("center_node_uuid", (await theirs.names())["snow"]["uuid"])
            assert (await theirs.post("/search/nodes", search)).status_code == 404
        for filters in (
            {"edge_uuids": [edge]},
            {"connected_node_uuids": [node]},
            {"episode_uuids": [message]},
        ):
            assert await theirs.facts(**filters) == {}

    run(twin(), scenario, authorization=KEY)


def test_a_list_goes_on_after_a_restart_where_it_was(run: Run, tmp_path: Path) -> None:
    seen: list[str] = []
    place: dict[str, str] = {}

    async def before(client: httpx.AsyncClient) -> None:
        for _ in range(5):
            await client.post(f"{V4}/users", json={})
        page = (await client.post(f"{V4}/users/list", params={"page_size": 2}, json={})).json()
        seen.extend(user["uuid"] for user in page["items"])
        place["cursor"] = page["next_cursor"]

    async def after(client: httpx.AsyncClient) -> None:
        query = {"page_size": "3", **place}
        page = (await client.post(f"{V4}/users/list", params=query, json={})).json()
        seen.extend(user["uuid"] for user in page["items"])
        assert "next_cursor" not in page
        assert len(set(seen)) == len(seen) == 5

    for scenario in (before, after):
        run(create(data=tmp_path, ingestion_ms=1), scenario, authorization=KEY)


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0), (2, 0, 1), (1, 0, 2)])
def test_homes_follow_each_other_in_time_in_whatever_order_they_are_told(
    run: Run, order: tuple[int, ...]
) -> None:
    async def scenario(client: httpx.AsyncClient) -> None:
        graph = await persons(client)
        homes = [("Oslo", "2026-01"), ("Rome", "2026-03"), ("Lima", "2026-06")]
        for place in order:
            city, month = homes[place]
            await graph.tell(f"I live in {city}", reference_time=f"{month}-01T00:00:00Z")
        held = {
            fact: (edge["valid_at"][:7], edge.get("invalid_at", "")[:7])
            for fact, edge in (await graph.facts()).items()
        }
        assert held == {
            "Lives in Oslo": ("2026-01", "2026-03"),
            "Lives in Rome": ("2026-03", "2026-06"),
            "Lives in Lima": ("2026-06", ""),
        }
        found = await graph.post("/search/edges", {"query": "Where do I live?"})
        assert found.json()["items"][0]["fact"] == "Lives in Lima"

    run(twin(), scenario, authorization=KEY)
