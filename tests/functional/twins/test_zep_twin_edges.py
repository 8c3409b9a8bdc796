"""Edges of the Zep twin: fact triples, changes and lists."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from tests.functional.twins.zep_graphs import KEY, Graph, Json, persons, twin

Run = Callable[..., None]


def _triple(fact: str, name: str, source: Json, target: Json, **more: Any) -> Json:
    ends = {"source_node": source, "target_node": target}
    return {"fact": fact, "fact_name": name, **ends, **more}


async def _add(graph: Graph, *edges: Json, **more: Any) -> tuple[list[Json], Json]:
    """What was acknowledged, and the result of the task."""
    answer = await graph.post("/edges", {"edges": edges, **more})
    task = await graph.ended(answer)
    assert task["type"] == "graph.add_edges"
    return answer.json()["edges"], task["result"]


def test_a_triple_makes_its_nodes_its_edge_and_the_episode_behind_them(run: Run) -> None:
    async def scenario(client: httpx.AsyncClient) -> None:
        graph = await persons(client)
        me = (await graph.names())["User"]["uuid"]
        target = {"name": "Acme", "labels": ["Organization"], "summary": "Makes anvils"}
        times = {"valid_at": "2020-01-01T01:00:00+01:00", "invalid_at": "2021-01-01T00:00:00Z"}
        more = {**times, "attributes": {"role": "smith"}, "metadata": {"source": "crm"}}
        triple = _triple("Ada worked at Acme", "WORKED_AT", {"uuid": me}, target, **more)
        (given,), result = await _add(graph, triple)
        assert given["source_node_uuid"] == me
        assert given["target_node"] == target
        assert given["valid_at"] == "2020-01-01T00:00:00.000000Z"
        edge = (await graph.facts())["Ada worked at Acme"]
        assert edge["uuid"] == given["uuid"] == result["edge_uuid"]
        assert edge["target_node_uuid"] == given["target_node_uuid"] == result["target_node_uuid"]
        assert (edge["name"], edge["attributes"]) == ("WORKED_AT", {"role": "smith"})
        assert [edge[name] for name in times] == [given[name] for name in times]
        assert edge["target_node_labels"] == ["Entity", "Organization"]
        assert edge["episode_uuids"] == [result["episode_uuid"]]
        episode = (await graph.get(f"/episodes/{result['episode_uuid']}")).json()
        assert (episode["source"], episode["processed"]) == ("fact_triple", True)
        assert episode["metadata"] == {"source": "crm"}
        assert (await graph.names())["Acme"]["episode_uuids"] == [result["episode_uuid"]]
        await graph.delete(f"/episodes/{result['episode_uuid']}")
        assert await graph.facts() == {}
        assert set(await graph.names()) == {"User"}

    run(twin(), scenario, authorization=KEY)


def test_a_name_makes_a_new_node_unless_duplicates_are_looked_for(run: Run) -> None:
    async def scenario(client: httpx.AsyncClient) -> None:
        graph = await persons(client)
        await graph.tell("I work at Acme")
        triple = _triple("Bo works at Acme", "WORKS_AT", {"name": "Bo"}, {"name": "acme"})
        given, result = await _add(graph, triple, triple)
        assert given[0]["target_node_uuid"] != given[1]["target_node_uuid"]
        assert [edge["edge_uuid"] for edge in result["edges"]] == [edge["uuid"] for edge in given]
        assert "edge_uuid" not in result
        assert len(await graph.everything("/edges/list")) == 3
        assert len(await graph.everything("/nodes/list")) == 6
        known = (await graph.names())["Acme"]["uuid"]
        (given_now,), matched = await _add(
            graph,
            _triple("Cy works at Acme", "WORKS_AT", {"name": "Cy"}, {"name": "Acme"}),
            deduplicate=True,
        )
        assert "target_node_uuid" not in given_now
        assert matched["target_node_uuid"] == known

    run(twin(), scenario, authorization=KEY)


def test_with_deduplication_the_same_is_confirmed_and_a_contradiction_ends(run: Run) -> None:
    async def scenario(client: httpx.AsyncClient) -> None:
        graph = await persons(client)
        await graph.tell("I work at Acme", reference_time="2026-01-01T00:00:00Z")
        me = {"uuid": (await graph.names())["User"]["uuid"]}
        first = (await graph.facts())["Works at Acme"]
        _, same = await _add(
            graph, _triple("Works at Acme", "WORKS_AT", me, {"name": "Acme"}), deduplicate=True
        )
        assert same["edge_uuid"] == first["uuid"]
        assert len((await graph.facts())["Works at Acme"]["episode_uuids"]) == 2
        began = {"valid_at": "2026-06-01T00:00:00.000000Z"}
        globex = _triple("Works at Globex", "WORKS_AT", me, {"name": "Globex"}, **began)
        await _add(graph, globex)
        assert "invalid_at" not in (await graph.facts())["Works at Acme"]
        now = {"valid_at": "2026-12-01T00:00:00.000000Z"}
        initech = _triple("Works at Initech", "WORKS_AT", me, {"name": "Initech"}, **now)
        await _add(graph, initech, deduplicate=True)
        facts = await graph.facts()
        ends = {fact: edge.get("invalid_at") for fact, edge in facts.items()}
        assert ends["Works at Globex"] == now["valid_at"]
        assert ends["Works at Acme"] == now["valid_at"]
        assert ends["Works at Initech"] is None

    run(twin(), scenario, authorization=KEY)


def test_what_is_said_later_ends_what_a_triple_told(run: Run) -> None:
    async def scenario(client: httpx.AsyncClient) -> None:
        graph = await persons(client)
        me = {"uuid": (await graph.names())["User"]["uuid"]}
        told = {"valid_at": "2026-01-01T00:00:00Z"}
        await _add(graph, _triple("Lives in Delhi", "LIVES_IN", me, {"name": "Delhi"}, **told))
        await graph.tell("I moved to Mumbai", reference_time="2026-05-01T00:00:00Z")
        assert (await graph.facts())["Lives in Delhi"]["invalid_at"].startswith("2026-05-01")

    run(twin(), scenario, authorization=KEY)


def test_a_triple_without_a_beginning_has_none_and_sorts_before_all(run: Run) -> None:
    async def scenario(client: httpx.AsyncClient) -> None:
        graph = await persons(client)
        await graph.tell("I like tea", reference_time="1980-01-01T00:00:00Z")
        await _add(graph, _triple("A knows B", "KNOWS", {"name": "A"}, {"name": "B"}))
        query = {"order_by": "valid_at", "page_size": 1}
        edges = await graph.everything("/edges/list", **query, order="asc")
        assert [edge["fact"] for edge in edges] == ["A knows B", "Likes tea"]
        assert "valid_at" not in edges[0]
        newest = await graph.everything("/edges/list", **query)
        assert [edge["fact"] for edge in newest] == ["Likes tea", "A knows B"]
        nothing = {"any_of": [{"all_of": [{"field": "valid_at", "operator": "is_null"}]}]}
        assert set(await graph.facts(date_filters=nothing)) == {"A knows B"}
        block = (await graph.post("/context", {"query": "who knows B"})).json()["context"]
        assert "  - A knows B (date unknown - present)" in block

    run(twin(), scenario, authorization=KEY)


_A, _B = {"name": "A"}, {"name": "B"}


@pytest.mark.parametrize(
    "edges",
    [
        [],
        [_triple("f", "F", _A, _B)] * 101,
        [_triple("", "F", _A, _B)],
        [_triple("f" * 251, "F", _A, _B)],
        [_triple("f", "F" * 51, _A, _B)],
        [_triple("f", "F", {}, _B)],
        [_triple("f", "F", _A, {"name": "B", "uuid": str(uuid.uuid4())})],
        [_triple("f", "F", _A, {"name": "B" * 51})],
        [_triple("f", "F", _A, {"name": "B", "labels": ["x" * 101]})],
        [_triple("f", "F", _A, _B, valid_at="yesterday")],
        [_triple("f", "F", _A, _B, attributes="x")],
        [{"fact": "f", "fact_name": "F", "source_node": _A}],
    ],
)
def test_edges_beyond_the_limits_are_refused_and_none_is_added(run: Run, edges: list[Json]) -> None:
    async def scenario(client: httpx.AsyncClient) -> None:
        graph = await persons(client)
        good = _triple("A knows B", "KNOWS", _A, _B)
        body = {"edges": [good, *edges] if len(edges) == 1 else edges}
        assert await graph.refused("/edges", body) == "invalid_request"
        assert await graph.facts() == {}

    run(twin(), scenario, authorization=KEY)


def test_an_end_that_is_not_there_is_refused_or_fails_the_task_alone(run: Run) -> None:
    async def scenario(client: httpx.AsyncClient) -> None:
        graph, other = await persons(client), await persons(client)
        stranger = {"uuid": (await other.names())["User"]["uuid"]}
        body = {"edges": [_triple("f", "F", stranger, _B)]}
        assert (await graph.post("/edges", body)).status_code == 404
        wrong = {"edges": [_triple("f", "F", {"uuid": "me"}, _B)]}
        assert await graph.refused("/edges", wrong) == "invalid_identifier"
        await graph.tell("I like tea")
        tea = (await graph.names())["tea"]["uuid"]
        # Both are asked for while the node is there; it is gone when the edges are written.
        deletion = await client.delete(f"{graph.base}/nodes/{tea}")
        edges = [_triple("x", "F", {"uuid": tea}, _B), _triple("y", "F", _A, _B)]
        both = await graph.post("/edges", {"edges": edges})
        one = await graph.post("/edges", {"edges": edges[:1]})
        await graph.ended(deletion)
        task = await graph.ended(both, "partial")
        assert len(task["result"]["edges"]) == 1
        assert "error" in await graph.ended(one, "failed")
        assert set(await graph.facts()) == {"y"}

    run(twin(), scenario, authorization=KEY)


def test_an_update_changes_the_fact_and_merges_attributes(run: Run) -> None:
    async def scenario(client: httpx.AsyncClient) -> None:
        graph = await persons(client)
        await graph.tell("I live in Delhi", reference_time="2026-01-01T00:00:00Z")
        edge = (await graph.facts())["Lives in Delhi"]
        path = f"/edges/{edge['uuid']}"
        await graph.patch(path, {"attributes": {"sure": True, "by": "me"}})
        body = {"fact": "Lives in Pune", "attributes": {"by": None}}
        changed = (await graph.patch(path, body)).json()
        expected = {**edge, "fact": "Lives in Pune", "attributes": {"sure": True}}
        assert changed == (await graph.get(path)).json() == expected
        assert (await graph.post("/search/edges", {"query": "Delhi"})).json()["items"] == []
        found = (await graph.post("/search/edges", {"query": "Pune"})).json()["items"]
        assert [item["uuid"] for item in found] == [edge["uuid"]]
        # What it says now is what counts as said: Pune again ends nothing.
        await graph.tell("I live in Pune", reference_time="2026-02-01T00:00:00Z")
        facts = await graph.facts()
        assert set(facts) == {"Lives in Pune"}
        assert "invalid_at" not in facts["Lives in Pune"]
        for wrong in ({"fact": ""}, {"fact": "x" * 251}, {"attributes": 7}):
            assert (await graph.patch(path, wrong)).status_code == 400

    run(twin(), scenario, authorization=KEY)


def test_an_edge_of_another_graph_is_not_found(run: Run) -> None:
    async def scenario(client: httpx.AsyncClient) -> None:
        graph, other = await persons(client), await persons(client)
        await other.tell("I like tea")
        path = f"/edges/{(await other.facts())['Likes tea']['uuid']}"
        assert (await graph.get(path)).json()["error"]["code"] == "not_found"
        assert (await client.delete(graph.base + path)).status_code == 404
        assert (await graph.patch(path, {"fact": "x"})).status_code == 404
        assert (await other.get(path)).status_code == 200

    run(twin(), scenario, authorization=KEY)
