"""Graphs of the Zep twin: those that stand alone, and each user's."""

from __future__ import annotations

import uuid
from collections.abc import Callable

import httpx
import pytest

from tests.functional.twins.zep_graphs import KEY, V4, Graph, alone, persons, twin

Run = Callable[..., None]


def test_a_graph_of_its_own_shows_what_it_was_made_with(run: Run) -> None:
    async def scenario(client: httpx.AsyncClient) -> None:
        fields = {"name": "Kitchen", "description": "Pots", "time_zone": "Europe/Berlin"}
        graph = await alone(client, **fields)
        shown = (await graph.get("")).json()
        assert {name: shown[name] for name in fields} == fields
        assert shown["type"] == "standard"
        assert shown["created_at"] == shown["updated_at"]
        assert "user_uuid" not in shown
        bare = (await (await alone(client)).get("")).json()
        assert set(bare) == {"uuid", "type", "created_at", "updated_at"}

    run(twin(), scenario, authorization=KEY)


@pytest.mark.parametrize(
    "body",
    [{"time_zone": "Mars/Olympus"}, {"time_zone": "../etc"}, {"name": 7}, {"name": "x" * 201}],
)
def test_a_graph_that_is_described_wrongly_is_not_made(run: Run, body: dict[str, object]) -> None:
    async def scenario(client: httpx.AsyncClient) -> None:
        answer = await client.post(f"{V4}/graphs", json=body)
        assert (answer.status_code, answer.json()["error"]["code"]) == (400, "invalid_request")
        assert (await client.post(f"{V4}/graphs/list", json={})).json()["items"] == []

    run(twin(), scenario, authorization=KEY)


def test_a_users_graph_answers_to_its_own_uuid_and_the_users(run: Run) -> None:
    async def scenario(client: httpx.AsyncClient) -> None:
        graph = await persons(client, first_name="Ada", time_zone="Asia/Kolkata")
        by_user = Graph(client, f"{V4}/graphs/{graph.owner}", graph.owner)
        shown = (await graph.get("")).json()
        assert shown == (await by_user.get("")).json()
        assert (shown["type"], shown["user_uuid"]) == ("user", graph.owner)
        assert shown["time_zone"] == "Asia/Kolkata"
        await by_user.tell("I like tea")
        assert set(await graph.facts()) == {"Likes tea"}
        assert (await graph.facts())["Likes tea"]["user_uuid"] == graph.owner

    run(twin(), scenario, authorization=KEY)


def test_graphs_are_listed_without_those_of_users_and_found_by_all_words(run: Run) -> None:
    async def scenario(client: httpx.AsyncClient) -> None:
        await persons(client)
        for name, description in [("Pots", "for the kitchen"), ("Roses", "Garden"), ("Lamps", "")]:
            await alone(client, name=name, description=description)
        top = Graph(client, f"{V4}/graphs", None)
        listed = await top.everything("/list", page_size=2, order_by="name", order="asc")
        assert [graph["name"] for graph in listed] == ["Lamps", "Pots", "Roses"]
        newest = await top.everything("/list", page_size=1)
        assert [graph["name"] for graph in newest] == ["Lamps", "Roses", "Pots"]
        found = (await top.post("/list", {"search": "KITCHEN pot"})).json()
        assert [graph["name"] for graph in found["items"]] == ["Pots"]
        assert found["total_size"] == 1
        assert (await top.post("/list", {"search": "pots garden"})).json()["items"] == []
        assert await top.refused("/list", {"search": "x" * 201}) == "invalid_request"
        assert await top.refused("/list", {}, order_by="size") == "invalid_request"

    run(twin(), scenario, authorization=KEY)


def test_a_graph_is_looked_up_by_the_id_it_had_before(run: Run) -> None:
    async def scenario(client: httpx.AsyncClient) -> None:
        graph = (await (await alone(client, name="old")).get("")).json()
        top = Graph(client, f"{V4}/graphs", None)
        assert (await top.post("/lookup", {"graph_id": "g-1"})).status_code == 404
        given = {"graphs": {graph["uuid"]: "g-1"}}
        assert (await client.post("/_twin/legacy-ids", json=given)).status_code == 200
        found = (await top.post("/lookup", {"graph_id": "g-1"})).json()
        assert found == {**graph, "graph_id": "g-1"}
        for body in ({}, {"user_id": "g-1"}, {"graph_id": "g-1", "user_id": "x"}):
            assert await top.refused("/lookup", body) == "invalid_request"

    run(twin(), scenario, authorization=KEY)


def test_a_deleted_graph_is_gone_with_all_in_it(run: Run) -> None:
    async def scenario(client: httpx.AsyncClient) -> None:
        graph, other = await alone(client), await alone(client)
        for one in (graph, other):
            await one.tell("I like tea")
        edge = (await graph.facts())["Likes tea"]["uuid"]
        assert (await graph.delete(""))["type"] == "graph.delete"
        for path in ("", f"/edges/{edge}"):
            assert (await graph.get(path)).status_code == 404
        assert (await graph.post("/search/edges", {"query": "tea"})).status_code == 404
        found = (await other.post("/search/edges", {"query": "tea"})).json()["items"]
        assert [item["fact"] for item in found] == ["Likes tea"]

    run(twin(), scenario, authorization=KEY)


def test_with_a_graph_go_its_tasks_and_what_keys_remember(run: Run) -> None:
    async def scenario(client: httpx.AsyncClient) -> None:
        graph = await alone(client)
        key = {"Idempotency-Key": "one"}
        body = {"data": "I like tea"}
        first = await client.post(f"{graph.base}/episodes", json=body, headers=key)
        await graph.ended(first)
        deletion = await client.delete(graph.base)
        await graph.ended(deletion)
        task = f"{V4}/tasks/{first.json()['task']['uuid']}"
        assert (await client.get(task)).status_code == 404
        again = await client.post(f"{graph.base}/episodes", json=body, headers=key)
        assert again.status_code == 404
        assert "tea" not in again.text

    run(twin(), scenario, authorization=KEY)


def test_a_users_graph_is_emptied_but_lives_on_with_the_user(run: Run) -> None:
    async def scenario(client: httpx.AsyncClient) -> None:
        graph = await persons(client, first_name="Ada")
        await graph.tell("I like tea")
        await graph.delete("")
        assert await graph.facts() == {}
        assert set(await graph.names()) == {"Ada"}
        assert (await graph.post("/search/edges", {"query": "tea"})).json()["items"] == []
        await graph.tell("I like cocoa")
        assert set(await graph.facts()) == {"Likes cocoa"}

    run(twin(), scenario, authorization=KEY)


def test_what_is_no_graph_is_refused(run: Run) -> None:
    async def scenario(client: httpx.AsyncClient) -> None:
        nowhere = Graph(client, f"{V4}/graphs/{uuid.uuid4()}", None)
        old = Graph(client, f"{V4}/graphs/g-1", None)
        assert (await nowhere.get("")).json()["error"]["code"] == "not_found"
        assert (await old.get("")).json()["error"]["code"] == "invalid_identifier"
        assert (await nowhere.post("/episodes", {"data": "x"})).status_code == 404
        assert (await nowhere.client.delete(nowhere.base)).status_code == 404
        graph = await alone(client)
        assert (await graph.post("/clone")).status_code == 501
        assert (await graph.patch("", {"name": "x"})).status_code == 501

    run(twin(), scenario, authorization=KEY)
