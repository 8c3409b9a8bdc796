"""Filters of the Zep twin: which call takes which, and what they leave."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from tests.functional.twins.zep_graphs import KEY, Graph, persons, twin

Run = Callable[..., None]
SOME = str(uuid.UUID(int=7))
VALUES: dict[str, Any] = {
    "connected_node_uuids": [SOME],
    "content_policy_violated": True,
    "date_filters": {"any_of": [{"all_of": [{"field": "created_at", "operator": "is_not_null"}]}]},
    "edge_types": ["LIKES"],
    "edge_uuids": [SOME],
    "episode_uuids": [SOME],
    "exclude_edge_types": ["LIKES"],
    "exclude_node_labels": ["Person"],
    "mentioned_node_uuids": [SOME],
    "metadata_filters": {"filters": [{"property_name": "a", "operator": "eq", "value": 1}]},
    "node_labels": ["Person"],
    "property_filters": [{"property_name": "a", "operator": "is_null"}],
    "source_node_uuids": [SOME],
    "target_node_uuids": [SOME],
    "colour": ["red"],
}
REFUSED = {
    "/search/edges": "content_policy_violated exclude_node_labels mentioned_node_uuids node_labels",
    "/edges/list": "content_policy_violated mentioned_node_uuids",
    "/search/nodes": "connected_node_uuids content_policy_violated date_filters edge_types "
    "edge_uuids exclude_edge_types mentioned_node_uuids source_node_uuids target_node_uuids",
    "/nodes/list": "connected_node_uuids content_policy_violated mentioned_node_uuids "
    "source_node_uuids target_node_uuids",
    "/search/episodes": " ".join(sorted(set(VALUES) - {"metadata_filters"})),
    "/episodes/list": " ".join(sorted(set(VALUES) - {"metadata_filters", "mentioned_node_uuids"})),
    "/search/observations": " ".join(sorted(VALUES)),
    "/search/thread-summaries": " ".join(sorted(set(VALUES) - {"metadata_filters"})),
    "/context": "content_policy_violated mentioned_node_uuids",
}


@pytest.mark.parametrize("path", REFUSED)
def test_each_call_takes_its_own_filters_and_refuses_all_others(run: Run, path: str) -> None:
    async def scenario(client: httpx.AsyncClient) -> None:
        graph = await persons(client)
        refused = {*REFUSED[path].split(), "colour"}
        for name, value in VALUES.items():
            answer = await graph.post(path, {"query": "x", "filters": {name: value}})
            if name in refused:
                assert answer.status_code == 400, name
                error = answer.json()["error"]
                assert (error["code"], error["param"]) == ("unsupported_filter", name)
            else:
                assert answer.status_code == 200, (name, answer.text)

    run(twin(), scenario, authorization=KEY)


async def _city_life(client: httpx.AsyncClient) -> Graph:
    graph = await persons(client)
    days = ["I live in Delhi. I like tea.", "I moved to Mumbai", "My sister Mia lives in Rome"]
    for day, said in enumerate(days, 1):
        metadata = {"day": day, "sure": day > 1, "tags": ["x", f"d{day}"]}
        await graph.tell(said, reference_time=f"2026-01-0{day}T00:00:00Z", metadata=metadata)
    return graph


def _date(field: str, operator: str, value: str | None = None) -> dict[str, Any]:
    return {"field": field, "operator": operator, **({"value": value} if value else {})}


def _any_of(*groups: list[dict[str, Any]]) -> dict[str, Any]:
    return {"date_filters": {"any_of": [{"all_of": group} for group in groups]}}


SECOND = "2026-01-02T05:30:00+05:30"
"""The second day's midnight in UTC, told in another offset."""
DATES = [
    (_any_of([_date("valid_at", "eq", SECOND)]), {"Lives in Mumbai"}),
    (_any_of([_date("valid_at", "lt", SECOND)]), {"Lives in Delhi", "Likes tea"}),
    (_any_of([_date("valid_at", "lte", SECOND), _date("invalid_at", "is_null")]),
     {"Likes tea", "Lives in Mumbai"}),
    (_any_of([_date("invalid_at", "is_not_null")], [_date("valid_at", "eq", SECOND)]),
     {"Lives in Delhi", "Lives in Mumbai"}),
    (_any_of([_date("expired_at", "is_not_null")]), {"Lives in Delhi"}),
    (_any_of([_date("valid_at", "ne", "2026-01-01T00:00:00Z"), _date("valid_at", "lt",
     "2026-01-03T00:00:00Z")]), {"Lives in Mumbai"}),
]  # fmt: skip


@pytest.mark.parametrize(("filters", "facts"), DATES)
def test_dates_are_joined_by_and_within_a_group_and_by_or_between(
    run: Run, filters: dict[str, Any], facts: set[str]
) -> None:
    async def scenario(client: httpx.AsyncClient) -> None:
        graph = await _city_life(client)
        assert set(await graph.facts(**filters)) == facts
        body = {"query": "all I told you of me", "filters": filters}
        searched = await graph.everything("/search/edges", body)
        assert {edge["fact"] for edge in searched} <= facts

    run(twin(), scenario, authorization=KEY)


@pytest.mark.parametrize(
    "filters",
    [
        {"date_filters": {"all_of": []}},
        {"date_filters": {"any_of": [7]}},
        {"date_filters": {"any_of": [{"all_of": [7]}]}},
        _any_of([_date("said_at", "eq", SECOND)]),
        _any_of([_date("valid_at", "in", SECOND)]),
        _any_of([_date("valid_at", "eq")]),
        _any_of([_date("valid_at", "eq", "2026-01-02")]),
        {"edge_types": "LIKES"},
        {"edge_types": [7]},
        {"edge_uuids": [SOME] * 257},
        {"property_filters": {"property_name": "a"}},
        {"property_filters": [{"operator": "eq", "value": 1}]},
        {"property_filters": [{"property_name": "a", "operator": "like", "value": "x"}]},
        {"property_filters": [{"property_name": "a", "operator": "contains", "value": "x"}]},
        {"property_filters": [{"property_name": "a", "operator": "eq"}]},
        {"property_filters": [{"property_name": "a", "operator": "in", "value": "x"}]},
        {"metadata_filters": {"type": "xor", "filters": []}},
        {"metadata_filters": {"filters": {"day": 1}}},
        {"metadata_filters": {"groups": [7]}},
        {"metadata_filters": {"filters": [
            {"property_name": "a", "operator": "contains", "value": ""}]}},
    ],
)  # fmt: skip
def test_a_filter_that_says_nothing_clear_is_refused(run: Run, filters: dict[str, Any]) -> None:
    async def scenario(client: httpx.AsyncClient) -> None:
        graph = await persons(client)
        assert await graph.refused("/edges/list", {"filters": filters}) == "invalid_request"
        old = {"filters": {"episode_uuids": ["session-1"]}}
        assert await graph.refused("/edges/list", old) == "invalid_identifier"
        nodes = {"filters": _any_of([_date("valid_at", "is_null")])}
        assert await graph.refused("/nodes/list", nodes) == "invalid_request"

    run(twin(), scenario, authorization=KEY)


def test_edges_are_narrowed_by_type_ends_labels_and_episodes(run: Run) -> None:
    async def scenario(client: httpx.AsyncClient) -> None:
        graph = await _city_life(client)
        nodes, facts = await graph.names(), await graph.facts()
        me, mia = nodes["User"]["uuid"], nodes["Mia"]["uuid"]
        tea = facts["Likes tea"]
        mine = {"Lives in Delhi", "Lives in Mumbai", "Likes tea"}
        cases: list[tuple[dict[str, Any], set[str]]] = [
            ({"edge_types": ["LIKES"]}, {"Likes tea"}),
            ({"exclude_edge_types": ["LIVES_IN", "SISTER_NAME"]}, {"Likes tea"}),
            ({"edge_uuids": [tea["uuid"]]}, {"Likes tea"}),
            ({"source_node_uuids": [me], "edge_types": ["LIKES", "LIVES_IN"]}, mine),
            ({"target_node_uuids": [nodes["Mumbai"]["uuid"]]}, {"Lives in Mumbai"}),
            ({"connected_node_uuids": [nodes["Rome"]["uuid"]]}, {"Sister Mia lives in Rome"}),
            ({"source_node_uuids": [mia], "edge_types": ["LIVES_IN"]},
             {"Sister Mia lives in Rome"}),
            ({"node_labels": ["User", "Location"]}, {"Lives in Delhi", "Lives in Mumbai"}),
            ({"exclude_node_labels": ["Location", "Sister"]}, {"Likes tea"}),
            ({"episode_uuids": tea["episode_uuids"]}, {"Lives in Delhi", "Likes tea"}),
            ({"edge_types": []}, set(facts)),
        ]  # fmt: skip
        for filters, expected in cases:
            assert set(await graph.facts(**filters)) == expected, filters

    run(twin(), scenario, authorization=KEY)


def test_nodes_are_narrowed_by_label_edges_and_episodes(run: Run) -> None:
    async def scenario(client: httpx.AsyncClient) -> None:
        graph = await _city_life(client)
        tea = (await graph.facts())["Likes tea"]
        cases: list[tuple[dict[str, Any], set[str]]] = [
            ({"node_labels": ["Location"]}, {"Delhi", "Mumbai", "Rome"}),
            ({"exclude_node_labels": ["Location", "User"]}, {"tea", "Mia"}),
            ({"edge_types": ["LIKES"]}, {"User", "tea"}),
            ({"exclude_edge_types": ["LIVES_IN"]}, {"tea"}),
            ({"edge_uuids": [tea["uuid"]]}, {"User", "tea"}),
            ({"episode_uuids": tea["episode_uuids"]}, {"User", "Delhi", "tea"}),
            (_any_of([_date("created_at", "gt", "2999-01-01T00:00:00Z")]), set()),
        ]
        for filters, expected in cases:
            assert set(await graph.names(**filters)) == expected, filters
        body = {"query": "Rome Mumbai tea", "filters": {"node_labels": ["Location"]}}
        found = await graph.everything("/search/nodes", body)
        assert {node["name"] for node in found} == {"Rome", "Mumbai"}

    run(twin(), scenario, authorization=KEY)


def _meta(name: str, operator: str, value: Any = None) -> dict[str, Any]:
    given = {} if value is None else {"value": value}
    return {"property_name": name, "operator": operator, **given}


METADATA = [
    ({"filters": [_meta("day", "eq", 1)]}, {1}),
    ({"filters": [_meta("day", "ne", 1)]}, {2, 3}),
    ({"filters": [_meta("day", "gt", 1), _meta("day", "lt", 3)]}, {2}),
    ({"type": "or", "filters": [_meta("day", "gte", 3), _meta("day", "lte", 1)]}, {1, 3}),
    ({"filters": [_meta("day", "in", [2, 3, "1"])]}, {2, 3}),
    # A number is no text and no boolean.
    ({"filters": [_meta("day", "eq", "1")]}, set()),
    ({"filters": [_meta("day", "eq", True)]}, set()),
    ({"filters": [_meta("sure", "eq", True)]}, {2, 3}),
    ({"filters": [_meta("sure", "eq", 1)]}, set()),
    ({"filters": [_meta("tags", "contains", "d2")]}, {2}),
    ({"filters": [_meta("none", "is_null"), _meta("day", "is_not_null")]}, {1, 2, 3}),
    ({"filters": [_meta("none", "ne", 1)]}, set()),
    ({"type": "and", "filters": [_meta("sure", "eq", True)],
      "groups": [{"type": "or", "filters": [_meta("day", "eq", 1), _meta("day", "eq", 3)]}]}, {3}),
]  # fmt: skip


@pytest.mark.parametrize(("group", "days"), METADATA)
def test_metadata_narrows_episodes_and_what_comes_from_them(
    run: Run, group: dict[str, Any], days: set[int]
) -> None:
    async def scenario(client: httpx.AsyncClient) -> None:
        graph = await _city_life(client)
        filters = {"filters": {"metadata_filters": group}}
        episodes = await graph.everything("/episodes/list", filters)
        assert {episode["metadata"]["day"] for episode in episodes} == days
        body = {"query": "I live lives sister moved", **filters}
        searched = await graph.everything("/search/episodes", body)
        assert {episode["uuid"] for episode in searched} == {e["uuid"] for e in episodes}
        facts = set(await graph.facts(metadata_filters=group))
        assert ("Likes tea" in facts) == (1 in days)
        assert ("Lives in Mumbai" in facts) == (2 in days)
        assert ("Rome" in await graph.names(metadata_filters=group)) == (3 in days)

    run(twin(), scenario, authorization=KEY)


def test_properties_narrow_by_attributes_whatever_their_name(run: Run) -> None:
    async def scenario(client: httpx.AsyncClient) -> None:
        graph = await persons(client)
        odd = 'it\'s "odd" $.[0]'
        nodes = [
            {"name": "A", "attributes": {odd: "x", "size": 1}},
            {"name": "B", "attributes": {odd: "y", "size": 2.5}},
            {"name": "C"},
        ]
        await graph.ended(await graph.post("/nodes", {"nodes": nodes}))
        cases: list[tuple[list[dict[str, Any]], set[str]]] = [
            ([_meta(odd, "eq", "x")], {"A"}),
            ([_meta(odd, "in", ["x", "y"]), _meta("size", "gt", 1)], {"B"}),
            ([_meta(odd, "is_null"), _meta("size", "is_null")], {"User", "C"}),
            ([_meta("size", "lte", 2.5)], {"A", "B"}),
        ]
        for filters, expected in cases:
            assert set(await graph.names(property_filters=filters)) == expected

    run(twin(), scenario, authorization=KEY)
