"""What no caller should send to the Zep twin: refused or taken, never a 500, and nothing breaks."""

from __future__ import annotations

import base64
import json
import uuid
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from tests.functional.twins.zep_graphs import KEY, V4, persons, twin

Run = Callable[..., None]
DEEP = "[" * 1200 + "]" * 1200


def _with(body: dict[str, Any], raw: str | bytes) -> bytes:
    """The body as JSON, with `raw` in the place of "@"."""
    given = raw.encode() if isinstance(raw, str) else raw
    return json.dumps(body).encode().replace(b'"@"', given)


@pytest.mark.parametrize(
    "raw",
    ["NaN", "-Infinity", "1e999", DEEP, '"\\ud800"', b'"\xed\xa0\x80"', b'"\xff"'],
    ids=["nan", "infinity", "too large", "too deep", "half a pair", "half, raw", "no utf-8"],
)
def test_json_that_could_not_be_given_back_is_refused_and_spoils_nothing(
    run: Run, raw: str | bytes
) -> None:
    async def scenario(client: httpx.AsyncClient) -> None:
        graph = await persons(client)
        user = f"{V4}/users/{graph.owner}"
        calls: list[tuple[str, str, dict[str, Any]]] = [
            ("PATCH", user, {"metadata": {"a": "@"}}),
            ("POST", f"{V4}/users", {"metadata": {"a": "@"}}),
            ("POST", f"{graph.base}/nodes", {"nodes": [{"name": "n", "attributes": {"a": "@"}}]}),
            ("POST", f"{graph.base}/episodes", {"data": "x", "metadata": {"a": "@"}}),
        ]
        for way, path, body in calls:
            answer = await client.request(way, path, content=_with(body, raw))
            assert answer.status_code == 400, answer.text
            assert answer.json()["error"]["code"] == "invalid_request"
        assert (await client.get(user)).json()["metadata"] == {}
        assert (await client.post(f"{V4}/users/list", json={})).json()["total_size"] == 1

    run(twin(), scenario, authorization=KEY)


@pytest.mark.parametrize("moment", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"])
def test_a_moment_that_no_calendar_has_in_utc_is_refused(run: Run, moment: str) -> None:
    async def scenario(client: httpx.AsyncClient) -> None:
        graph = await persons(client)
        ends = {"source_node": {"name": "a"}, "target_node": {"name": "b"}}
        edge = {"fact": "f", "fact_name": "F", "valid_at": moment, **ends}
        assert await graph.refused("/edges", {"edges": [edge]})
        assert await graph.refused("/episodes", {"data": "x", "reference_time": moment})
        after = {"field": "created_at", "operator": "gt", "value": moment}
        dates = {"date_filters": {"any_of": [{"all_of": [after]}]}}
        assert await graph.refused("/edges/list", {"filters": dates})

    run(twin(), scenario, authorization=KEY)


@pytest.mark.parametrize("year", ["0001", "0999", "9999"])
def test_what_was_said_at_the_ends_of_the_calendar_is_learned(run: Run, year: str) -> None:
    async def scenario(client: httpx.AsyncClient) -> None:
        graph = await persons(client)
        said = f"{year}-06-01T00:00:00Z"
        words = "I live in Paris. I will move to Rome in ten years. I went to Oslo ten years ago."
        await graph.tell(words, reference_time=said)
        assert "Lives in Paris" in await graph.facts()
        facts = await graph.facts()
        assert facts["Lives in Paris"]["valid_at"] == f"{year}-06-01T00:00:00.000000Z"
        answer = await graph.post("/context", {"query": "Where do I live?"})
        assert f"{year}-06-01 00:00:00+00:00" in answer.json()["context"]

    run(twin(), scenario, authorization=KEY)


WRONG_KINDS: list[tuple[str, dict[str, Any], Any]] = [
    ("/context", {"query": "x", "recency_bias": "@"}, ["mild"]),
    ("/context", {"query": "x", "recency_bias": "@"}, 0),
    ("/context", {"query": "x", "recency_bias": "@"}, False),
    ("/search/edges", {"query": "x", "reranker": "@"}, []),
    ("/search/edges", {"query": "x", "reranker": "@"}, False),
    ("/edges/list", {"filters": {"metadata_filters": {"type": "@", "filters": []}}}, ["and"]),
    ("/edges/list", {"filters": {"metadata_filters": {"type": "@", "filters": []}}}, 0),
    ("/edges/list", {"filters": {"metadata_filters": {"filters": "@"}}}, False),
    ("/edges/list", {"filters": {"property_filters": "@"}}, ""),
    ("/edges/list", {"filters": {"metadata_filters": "@"}}, []),
    ("/edges/list", {"filters": {"edge_types": "@"}}, {}),
    ("/edges/list", {"filters": {"property_filters": "@"}}, {}),
    ("/episodes", {"data": "x", "type": "@"}, False),
    ("/episodes", {"data": "x", "type": "@"}, []),
]


@pytest.mark.parametrize(("path", "body", "wrong"), WRONG_KINDS)
def test_a_value_of_the_wrong_kind_is_refused_even_if_it_looks_empty(
    run: Run, path: str, body: dict[str, Any], wrong: Any
) -> None:
    async def scenario(client: httpx.AsyncClient) -> None:
        graph = await persons(client)
        given = json.loads(_with(body, json.dumps(wrong)))
        assert await graph.refused(path, given) == "invalid_request"

    run(twin(), scenario, authorization=KEY)


def test_other_fields_of_the_wrong_kind_are_refused(run: Run) -> None:
    async def scenario(client: httpx.AsyncClient) -> None:
        graph = await persons(client)
        thread = (await client.post(f"{V4}/threads", json={"user_uuid": graph.owner})).json()
        said = {"messages": [{"role": "user", "content": "hello"}]}
        for path, body in [
            (f"{V4}/threads/{thread['uuid']}/messages", {**said, "ignore_roles": False}),
            (f"{V4}/threads/{thread['uuid']}/messages", {**said, "ignore_roles": ""}),
            (f"{V4}/users", {"content_policy": {"project_revision": ["0"]}}),
            (f"{V4}/users", {"content_policy": {"project_revision": False}}),
            (f"{V4}/users", {"user_id": ""}),
            (f"{V4}/users", {"user_id": "  "}),
            (f"{V4}/users", {"time_zone": "Nowhere/Town"}),
        ]:
            answer = await client.post(path, json=body)
            assert answer.status_code == 400, (body, answer.text)

    run(twin(), scenario, authorization=KEY)


def test_null_is_the_same_as_nothing(run: Run) -> None:
    async def scenario(client: httpx.AsyncClient) -> None:
        graph = await persons(client)
        nothing: dict[str, None] = dict.fromkeys(
            ["max_characters", "filters", "recency_bias", "include_results", "template_uuid"]
        )
        assert (await graph.post("/context", {"query": "x", **nothing})).status_code == 200
        nothing = dict.fromkeys(
            [
                "filters",
                "reranker",
                "mmr_lambda",
                "center_node_uuid",
                "bfs_origin_node_uuids",
                "filter_low_quality_results",
            ]
        )
        assert (await graph.post("/search/edges", {"query": "x", **nothing})).status_code == 200
        group = {"filters": {"metadata_filters": {"type": None, "filters": None, "groups": None}}}
        assert (await graph.post("/edges/list", group)).status_code == 200

    run(twin(), scenario, authorization=KEY)


def test_huge_numbers_are_compared_as_numbers(run: Run) -> None:
    async def scenario(client: httpx.AsyncClient) -> None:
        graph = await persons(client)
        await graph.tell("I live in Paris", metadata={"n": 10**30})

        async def found(operator: str, value: Any) -> int:
            one = {"property_name": "n", "operator": operator, "value": value}
            filters = {"filters": {"metadata_filters": {"filters": [one]}}}
            answer = await graph.post("/episodes/list", filters)
            assert answer.status_code == 200, answer.text
            return len(answer.json()["items"])

        assert await found("gt", 10**29) == 1
        assert await found("lt", 10**29) == 0
        assert await found("in", [10**29, 10**30]) == 1
        assert await found("lt", 10**400) == 1
        assert await found("gt", -(10**400)) == 1
        assert await found("in", [10**400]) == 0

    run(twin(), scenario, authorization=KEY)


def test_more_conditions_than_the_twin_takes_are_refused(run: Run) -> None:
    async def scenario(client: httpx.AsyncClient) -> None:
        graph = await persons(client)
        one = {"property_name": "a", "operator": "eq", "value": 1}
        date = {"field": "created_at", "operator": "gt", "value": "2026-01-01T00:00:00Z"}
        for many in (200, 1500):
            for filters in [
                {"property_filters": [one] * many},
                {"metadata_filters": {"filters": [one] * many}},
                {"metadata_filters": {"groups": [{"filters": [one]}] * many}},
                {"date_filters": {"any_of": [{"all_of": [date]}] * many}},
                {"date_filters": {"any_of": [{"all_of": [date] * many}]}},
            ]:
                answer = await graph.post("/edges/list", {"filters": filters})
                assert answer.status_code == (200 if many == 200 else 400), answer.text

    run(twin(), scenario, authorization=KEY)


@pytest.mark.parametrize("size", ["0", "101", "abc", "", "-1", "1.0", "9" * 5000, "²", "٣٠"])
def test_a_page_size_that_is_none_is_refused(run: Run, size: str) -> None:
    async def scenario(client: httpx.AsyncClient) -> None:
        graph = await persons(client)
        for path in (f"{V4}/users/list", f"{graph.base}/edges/list"):
            answer = await client.post(path, json={}, params={"page_size": size})
            assert answer.status_code == 400, answer.text
            assert answer.json()["error"]["param"] == "page_size"

    run(twin(), scenario, authorization=KEY)


def _cursor(value: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode()


@pytest.mark.parametrize(
    "cursor",
    [
        "garbage",
        "%00",
        "é",
        _cursor([]),
        _cursor({"a": 1, "b": 2}),
        _cursor(["\ud800", 1]),
        _cursor(["rank", -1]),
        _cursor(["rank", 1e400]),
        _cursor(["created_at", 2**70]),
        "A" * 20_000,
    ],
)
def test_a_cursor_that_the_twin_never_gave_is_refused(run: Run, cursor: str) -> None:
    async def scenario(client: httpx.AsyncClient) -> None:
        graph = await persons(client)
        query = {"cursor": cursor}
        for path in ("/nodes/list", "/search/nodes"):
            answer = await graph.post(path, {"query": "x"}, **query)
            assert answer.status_code == 400, answer.text
            assert answer.json()["error"]["param"] == "cursor"
        answer = await client.get(f"{V4}/threads", params=query)
        assert answer.status_code == 400, answer.text

    run(twin(), scenario, authorization=KEY)


def test_a_cursor_goes_on_with_the_list_it_came_from_and_no_other(run: Run) -> None:
    async def scenario(client: httpx.AsyncClient) -> None:
        graph, other = await persons(client), await persons(client)
        for one in (graph, other):
            await one.tell("I like tea. I like chess. I like snow.")
            for _ in range(3):
                await client.post(f"{V4}/threads", json={"user_uuid": one.owner})
        page = (await graph.post("/nodes/list", {}, page_size=1)).json()
        cursor = page["next_cursor"]
        again = await graph.post("/nodes/list", {}, page_size=2, cursor=cursor)
        assert len(again.json()["items"]) == 2
        for owner, path, query in [
            (other, "/nodes/list", {}),
            (graph, "/edges/list", {}),
            (graph, "/nodes/list", {"order": "asc"}),
            (graph, "/nodes/list", {"order_by": "created_at"}),
            (graph, "/search/nodes", {}),
        ]:
            answer = await owner.post(path, {"query": "tea"}, cursor=cursor, **query)
            assert answer.status_code == 400, (path, query, answer.text)
        found = (await graph.post("/search/edges", {"query": "like"}, page_size=1)).json()
        for owner, kind in [(other, "edges"), (graph, "nodes")]:
            answer = await owner.post(
                f"/search/{kind}", {"query": "like"}, cursor=found["next_cursor"]
            )
            assert answer.status_code == 400, answer.text
        mine = {"user_uuid": graph.owner, "page_size": 1}
        page = (await client.get(f"{V4}/threads", params=mine)).json()
        query = {"cursor": page["next_cursor"], "user_uuid": str(other.owner)}
        assert (await client.get(f"{V4}/threads", params=query)).status_code == 400

    run(twin(), scenario, authorization=KEY)


def test_a_uuid_is_known_in_any_case_and_percent_encoded(run: Run) -> None:
    async def scenario(client: httpx.AsyncClient) -> None:
        graph = await persons(client)
        owner = str(graph.owner)
        for shown in (owner.upper(), "".join(f"%{ord(letter):02x}" for letter in owner)):
            assert (await client.get(f"{V4}/users/{shown}")).json()["uuid"] == owner
        for wrong in ("a%2Fb", uuid.UUID(owner).hex, f"{owner}%00", "%FF", f"{{{owner}}}"):
            answer = await client.get(f"{V4}/users/{wrong}")
            assert answer.status_code == 400, wrong
            assert answer.json()["error"]["code"] == "invalid_identifier"

    run(twin(), scenario, authorization=KEY)


def test_names_are_sought_without_regard_to_case_in_any_script(run: Run) -> None:
    async def scenario(client: httpx.AsyncClient) -> None:
        await client.post(f"{V4}/graphs", json={"name": "École"})
        await client.post(f"{V4}/users", json={"first_name": "Øyvind", "last_name": "ÄRLIG"})
        for kind, sought in [("graphs", "école"), ("graphs", "ÉCOLE"), ("users", "øYVIND ärlig")]:
            answer = await client.post(f"{V4}/{kind}/list", json={"search": sought})
            assert len(answer.json()["items"]) == 1, (kind, sought)

    run(twin(), scenario, authorization=KEY)


def test_the_newest_words_of_a_thread_may_be_as_many_as_fit(run: Run) -> None:
    async def scenario(client: httpx.AsyncClient) -> None:
        graph = await persons(client)
        thread = (await client.post(f"{V4}/threads", json={"user_uuid": graph.owner})).json()
        path = f"{V4}/threads/{thread['uuid']}"
        letters = [chr(code) for code in range(0x4E00, 0x4E00 + 800)]
        said = [" ".join(letters[start : start + 200]) for start in range(0, 800, 200)]
        edges = [
            {
                "fact": " ".join(letters[place : place + 40]),
                "fact_name": "KNOWS",
                "source_node": {"name": "a"},
                "target_node": {"name": "b"},
            }
            for place in range(0, 800, 8)
        ]
        await graph.ended(await graph.post("/edges", {"edges": edges}))
        messages = [{"role": "user", "content": words} for words in said]
        answer = await client.post(f"{path}/messages", json={"messages": messages})
        assert answer.status_code == 202
        assert (await client.get(f"{path}/context")).status_code == 200

    run(twin(), scenario, authorization=KEY)


@pytest.mark.parametrize(
    "body",
    [
        {"threads": []},
        {"threads": {"a": 1}},
        {"graphs": "x"},
        {"graphs": {str(uuid.uuid4()): "x"}},
    ],
)
def test_the_control_endpoint_for_old_ids_refuses_what_is_none(
    run: Run, body: dict[str, Any]
) -> None:
    async def scenario(client: httpx.AsyncClient) -> None:
        answer = await client.post("/_twin/legacy-ids", json=body)
        assert answer.status_code in {400, 404}

    run(twin(), scenario, authorization=KEY)


def test_an_old_id_is_given_once_and_all_of_a_call_or_none(run: Run) -> None:
    async def scenario(client: httpx.AsyncClient) -> None:
        one, two = [(await client.post(f"{V4}/graphs", json={})).json()["uuid"] for _ in range(2)]
        answer = await client.post("/_twin/legacy-ids", json={"graphs": {one: "g", two: "g"}})
        assert answer.status_code == 400, answer.text
        answer = await client.post(f"{V4}/graphs/lookup", json={"graph_id": "g"})
        assert answer.status_code == 404

    run(twin(), scenario, authorization=KEY)


@pytest.mark.parametrize("value", ["NaN", "1e999", "-1", "true", '"1"'])
def test_terms_of_ingestion_that_are_none_are_refused(run: Run, value: str) -> None:
    async def scenario(client: httpx.AsyncClient) -> None:
        body = f'{{"milliseconds": {value}}}'
        assert (await client.post("/_twin/ingestion", content=body)).status_code == 400
        assert (await client.get("/_twin/ingestion")).json()["milliseconds"] == 1

    run(twin(), scenario, authorization=KEY)


def test_a_question_of_any_length_is_answered_by_its_beginning(run: Run) -> None:
    async def scenario(client: httpx.AsyncClient) -> None:
        graph = await persons(client)
        await graph.tell("I like tea")
        long = {"query": "tea " * 100 + "x" * 20_000}
        for path in ("/search/edges", "/context"):
            answer = await graph.post(path, long)
            assert answer.status_code == 200, answer.text
            assert "Likes tea" in answer.text

    run(twin(), scenario, authorization=KEY)


@pytest.mark.parametrize("path", ["ingestion", "legacy-ids"])
def test_a_slip_in_a_control_call_is_named(run: Run, path: str) -> None:
    async def scenario(client: httpx.AsyncClient) -> None:
        answer = await client.post(f"/_twin/{path}", json={"failurs": 1})
        assert answer.status_code == 400
        assert "failurs" in answer.json()["error"]["message"]

    run(twin(), scenario, authorization=KEY)


def test_what_is_not_served_is_named(run: Run) -> None:
    async def scenario(client: httpx.AsyncClient) -> None:
        answer = await client.patch(f"{V4}/projects", json={})
        assert answer.status_code == 501
        assert "PATCH /api/v4/projects" in answer.json()["error"]["message"]

    run(twin(), scenario, authorization=KEY)
