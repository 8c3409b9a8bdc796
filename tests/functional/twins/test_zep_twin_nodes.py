"""Nodes of the Zep twin."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from tests.functional.twins.zep_graphs import KEY, alone, persons, twin

Run = Callable[..., None]


def test_added_nodes_stand_in_the_graph_when_their_task_is_done(run: Run) -> None:
    async def scenario(client: httpx.AsyncClient) -> None:
        graph = await alone(client)
        acme = {
            "name": "Acme",
            "label": "Organization",
            "summary": "Makes anvils",
            "attributes": {"size": 5},
            "metadata": {"source": "crm"},
        }
        answer = await graph.post("/nodes", {"nodes": [acme, {"name": "Acme"}]})
        first, second = answer.json()["nodes"]
        assert first == {**acme, "uuid": first["uuid"], "created_at": first["created_at"]}
        assert set(second) == {"uuid", "name", "created_at"}
        assert (await graph.get(f"/nodes/{first['uuid']}")).status_code == 404
        assert (await graph.ended(answer))["type"] == "graph.add_nodes"
        node = (await graph.get(f"/nodes/{first['uuid']}")).json()
        assert (node["name"], node["labels"]) == ("Acme", ["Entity", "Organization"])
        assert (node["summary"], node["attributes"]) == ("Makes anvils", {"size": 5})
        assert (node["episode_uuids"], node["episode_uuids_truncated"]) == ([], False)
        assert len(await graph.everything("/nodes/list")) == 2
        # The metadata can be filtered by, but the episode that carries it is not shown.
        group = {"filters": [{"property_name": "source", "operator": "eq", "value": "crm"}]}
        assert set(await graph.names(metadata_filters=group)) == {"Acme"}
        assert await graph.everything("/episodes/list") == []

    run(twin(), scenario, authorization=KEY)


@pytest.mark.parametrize(
    "nodes",
    [
        [],
        "Acme",
        ["Acme"],
        [{"name": "x"}] * 101,
        [{}],
        [{"name": " "}],
        [{"name": "x" * 51}],
        [{"name": "x", "label": "x" * 101}],
        [{"name": "x", "summary": "x" * 5001}],
        [{"name": "x", "attributes": []}],
        [{"name": "x", "metadata": {str(n): n for n in range(11)}}],
    ],
)
def test_nodes_beyond_the_limits_are_refused_and_none_is_added(run: Run, nodes: Any) -> None:
    async def scenario(client: httpx.AsyncClient) -> None:
        graph = await alone(client)
        assert await graph.refused("/nodes", {"nodes": nodes}) == "invalid_request"
        assert (await client.get("/api/v4/tasks")).json()["items"] == []

    run(twin(), scenario, authorization=KEY)


def test_an_update_replaces_name_and_summary_and_merges_attributes(run: Run) -> None:
    async def scenario(client: httpx.AsyncClient) -> None:
        graph = await alone(client)
        node = {"name": "Acme", "attributes": {"size": 5, "open": True}}
        answer = await graph.post("/nodes", {"nodes": [node]})
        await graph.ended(answer)
        path = f"/nodes/{answer.json()['nodes'][0]['uuid']}"
        body = {"name": "Globex", "summary": "Owns a volcano", "attributes": {"size": None}}
        changed = (await graph.patch(path, body)).json()
        assert changed == (await graph.get(path)).json()
        assert (changed["name"], changed["summary"]) == ("Globex", "Owns a volcano")
        assert changed["attributes"] == {"open": True}
        # What is said of Globex later is said of this node.
        await graph.tell("I work at Globex")
        assert (await graph.facts())["Works at Globex"]["target_node_uuid"] == changed["uuid"]
        found = (await graph.post("/search/nodes", {"query": "volcano"})).json()["items"]
        assert [item["name"] for item in found] == ["Globex"]
        for wrong in ({"name": ""}, {"summary": 5}, {"attributes": "x"}):
            assert (await graph.patch(path, wrong)).status_code == 400

    run(twin(), scenario, authorization=KEY)


def test_a_deleted_node_takes_its_edges_along_and_leaves_their_other_ends(run: Run) -> None:
    async def scenario(client: httpx.AsyncClient) -> None:
        graph = await persons(client)
        await graph.tell("I like chess. I like tea.")
        chess = (await graph.names())["chess"]["uuid"]
        assert (await graph.delete(f"/nodes/{chess}"))["type"] == "graph.node.delete"
        assert (await graph.get(f"/nodes/{chess}")).status_code == 404
        assert set(await graph.facts()) == {"Likes tea"}
        assert set(await graph.names()) == {"User", "tea"}
        assert (await graph.post("/search/edges", {"query": "chess"})).json()["items"] == []
        assert (await graph.post("/search/nodes", {"query": "chess"})).json()["items"] == []

    run(twin(), scenario, authorization=KEY)


def test_a_list_is_sorted_by_uuid_time_or_degree_over_all_its_pages(run: Run) -> None:
    async def scenario(client: httpx.AsyncClient) -> None:
        graph = await persons(client)
        await graph.tell("I like chess. I like tea. My sister Mia lives in Rome.")
        for query in ({}, {"order": "asc"}):
            uuids = [n["uuid"] for n in await graph.everything("/nodes/list", page_size=2, **query)]
            assert uuids == sorted(uuids, reverse=not query)
        made = await graph.everything("/nodes/list", page_size=2, order_by="created_at")
        times = [node["created_at"] for node in made]
        assert times == sorted(times, reverse=True)
        by_degree = await graph.everything("/nodes/list", page_size=1, order_by="degree")
        degrees = [node["degree"] for node in by_degree]
        assert degrees == sorted(degrees, reverse=True)
        assert by_degree[0]["labels"] == ["Entity", "User"]
        assert len(by_degree) == len(made)
        assert all("degree" not in node for node in made)
        assert await graph.refused("/nodes/list", {}, page_size=101) == "invalid_request"

    run(twin(), scenario, authorization=KEY)


def test_neighbors_come_with_the_edges_between_and_by_direction(run: Run) -> None:
    async def scenario(client: httpx.AsyncClient) -> None:
        graph = await persons(client)
        await graph.tell("I live in Delhi. I like chess.")
        await graph.tell("I moved to Mumbai. My sister Mia lives in Mumbai.")
        nodes = await graph.names()
        me, city = nodes["User"]["uuid"], nodes["Mumbai"]["uuid"]
        mine = await graph.everything(f"/nodes/{me}/neighbors", page_size=2)
        assert {entry["node"]["name"] for entry in mine} == {"Delhi", "Mumbai", "chess", "Mia"}
        assert len(mine) == 4
        facts = {entry["node"]["name"]: [e["fact"] for e in entry["edges"]] for entry in mine}
        assert facts["chess"] == ["Likes chess"]
        there = await graph.everything(f"/nodes/{city}/neighbors", {"direction": "in"})
        assert {entry["node"]["name"] for entry in there} == {"User", "Mia"}
        assert await graph.everything(f"/nodes/{city}/neighbors", {"direction": "out"}) == []
        for filters, names in [
            ({"edge_types": ["LIKES"]}, {"chess"}),
            ({"node_labels": ["Location"]}, {"Delhi", "Mumbai"}),
            ({"exclude_node_labels": ["Location"], "exclude_edge_types": ["LIKES"]}, {"Mia"}),
        ]:
            found = await graph.everything(f"/nodes/{me}/neighbors", {"filters": filters})
            assert {entry["node"]["name"] for entry in found} == names
        path = f"/nodes/{me}/neighbors"
        assert await graph.refused(path, {"direction": "up"}) == "invalid_request"
        assert await graph.refused(path, {"filters": {"x": 1}}) == "unsupported_filter"

    run(twin(), scenario, authorization=KEY)


def test_a_node_of_many_episodes_shows_the_newest_hundred_and_says_so(run: Run) -> None:
    async def scenario(client: httpx.AsyncClient) -> None:
        graph = await persons(client)
        told = [await graph.tell("I like tea") for _ in range(102)]
        node = (await graph.names())["tea"]
        assert node["episode_uuids"] == told[:1:-1]
        assert node["episode_uuids_truncated"] is True
        filters = {"mentioned_node_uuids": [node["uuid"]]}
        listed = await graph.everything("/episodes/list", {"filters": filters}, page_size=100)
        assert len(listed) == 102

    run(twin(), scenario, authorization=KEY)


def test_a_node_of_another_graph_is_not_found(run: Run) -> None:
    async def scenario(client: httpx.AsyncClient) -> None:
        graph, other = await persons(client), await persons(client)
        me = (await other.names())["User"]["uuid"]
        assert (await graph.get(f"/nodes/{me}")).json()["error"]["code"] == "not_found"
        assert (await graph.patch(f"/nodes/{me}", {"name": "x"})).status_code == 404
        assert (await graph.get("/nodes/me")).json()["error"]["code"] == "invalid_identifier"
        answer = await graph.post("/search/nodes", {"query": "x", "bfs_origin_node_uuids": [me]})
        assert answer.status_code == 404

    run(twin(), scenario, authorization=KEY)
