"""What the Mem0 twin says to requests that no client of Mem0's would send, or only by mistake."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import httpx
import pytest

from local.twins.mem0.app import create
from tests.functional.twins.mem0_talk import KEY, ME, Run, found, kept, listed

ADD, SEARCH, LIST, EXPORT = (
    "/v3/memories/add/",
    "/v3/memories/search/",
    "/v3/memories/",
    "/v1/exports/",
)
HUGE = 10**400


def _nested(levels: int, operator: str) -> dict[str, Any]:
    inner: dict[str, Any] = {"run_id": "r"}
    for _ in range(levels):
        inner = {operator: [{"agent_id": "a"}, inner], "created_at": {"ne": "2026-01-01"}}
    return {**ME, "AND": [inner]}


def _turn(**parts: Any) -> dict[str, Any]:
    return {**ME, "messages": [{"role": "user", "content": "tea", **parts}]}


def _schema(**words: Any) -> dict[str, Any]:
    properties = {"schema": {"type": "object", "properties": {"likes": words}}}
    return {"filters": {"AND": [ME]}, **properties}


REFUSED = [
    (ADD, _turn(role=[])),
    (ADD, _turn(role={})),
    (ADD, _turn(content=[{"type": []}])),
    (ADD, _turn(content={"type": {}, "image_url": {}})),
    (LIST, {"filters": ME, "page": 0}),
    (LIST, {"filters": ME, "page": "9" * 5000}),
    (LIST, {"filters": ME, "page_size": "9" * 5000}),
    (f"{LIST}?page=0", {"filters": ME}),
    (f"{LIST}?page={'9' * 5000}", {"filters": ME}),
    (f"{LIST}?page_size=201", {"filters": ME}),
    (f"{LIST}?page_size={'9' * 5000}", {"filters": ME}),
    (LIST, {"filters": _nested(50, "AND")}),
    (LIST, {"filters": _nested(50, "NOT")}),
    (LIST, {"filters": {**ME, "created_at": HUGE}}),
    (LIST, {"filters": {"user_id": {"in": ["u"] * 30_000}}}),
    (SEARCH, {"filters": ME, "query": "tea", "reference_date": HUGE}),
    (SEARCH, {"filters": ME, "query": "tea", "top_k": 1001}),
    (EXPORT, _schema(type="array", items={"type": "string"}, minItems=10**30)),
    (EXPORT, _schema(type="string", minLength=10**9)),
    (EXPORT, _schema(type="number", minimum=1, multipleOf=0)),
    (EXPORT, {"filters": {"AND": [ME]}, "schema": '{"a":' * 20_000}),
]


@pytest.mark.parametrize(("path", "body"), REFUSED)
def test_what_cannot_be_meant_is_refused_and_breaks_nothing(
    run: Run, path: str, body: dict[str, Any]
) -> None:
    async def scenario(client: httpx.AsyncClient) -> None:
        answer = await client.post(path, json=body)
        assert answer.status_code in {400, 404}, answer.text
        assert answer.json()["detail"]

    run(create(data=None, ingestion_ms=1), scenario, authorization=KEY)


ANSWERED: list[dict[str, Any]] = [
    {**ME, "created_at": "9999-12-31"},
    {**ME, "created_at": {"lte": "0001-01-01"}},
    {**ME, "metadata": {"n": HUGE}},
    {**ME, "metadata": {"n": {"ne": 10**25}}},
    {**ME, "metadata": {f"k{n}": {"ne": 1} for n in range(2000)}},
    {"OR": [{"user_id": f"u{n}"} for n in range(2000)]},
    {**ME, "NOT": [{"NOT": {"run_id": f"r{n}"}} for n in range(2000)]},
    {**ME, "created_at": {"in": ["2026-01-01"] * 2000}},
    {"user_id": {"in": [f"u{n}" for n in range(5000)]}},
    {**ME, "text": {"contains": "%' or 1=1 --"}},
    _nested(11, "AND"),
    _nested(11, "OR"),
    _nested(11, "NOT"),
]


@pytest.mark.parametrize("filters", ANSWERED)
def test_long_deep_and_far_filters_are_answered(run: Run, filters: dict[str, Any]) -> None:
    async def scenario(client: httpx.AsyncClient) -> None:
        await kept(client, "tea", user_id="somebody", metadata={"n": 1})
        assert await listed(client, filters) == []
        assert await found(client, "tea", filters=filters) == []

    run(create(data=None, ingestion_ms=1), scenario, authorization=KEY)


def test_a_number_that_no_integer_of_a_database_holds_is_found(run: Run) -> None:
    async def scenario(client: httpx.AsyncClient) -> None:
        await kept(client, "big", metadata={"n": 10**25})
        assert await listed(client, {**ME, "metadata": {"n": 10**25}}) == ["big"]
        assert await listed(client, {**ME, "metadata": {"n": 10**26}}) == []

    run(create(data=None, ingestion_ms=1), scenario, authorization=KEY)


@pytest.mark.parametrize("words", [600, 20_000])
@pytest.mark.parametrize("people", [1, 2, 50])
def test_a_query_may_be_long(run: Run, words: int, people: int) -> None:
    query = " ".join(f"w{number}x" for number in range(words))
    filters = {"user_id": {"in": [ME["user_id"], *(f"u{n}" for n in range(1, people))]}}

    async def scenario(client: httpx.AsyncClient) -> None:
        for number in range(3):
            await kept(client, f"w{number}x w5x")
        results = await found(client, query, filters=filters, threshold=0)
        assert len(results) == 3

    run(create(data=None, ingestion_ms=1), scenario, authorization=KEY)


@pytest.mark.parametrize("value", ["NaN", "1e400", '{"a":' * 3000 + "1" + "}" * 3000])
def test_metadata_that_no_database_could_read_poisons_nothing(run: Run, value: str) -> None:
    start = '{"user_id": "test:1", "infer": false, "messages": [{"role": "user", "content": "x"}],'

    async def scenario(client: httpx.AsyncClient) -> None:
        await kept(client, "tea", metadata={"k": 1})
        bad = await client.post(ADD, content=start + '"metadata": {"k": ' + value + "}}")
        assert bad.status_code == 400
        assert await listed(client, {**ME, "metadata": {"k": 1}}) == ["tea"]

    run(create(data=None, ingestion_ms=1), scenario, authorization=KEY)


@pytest.mark.parametrize("text", ["[" * 20_000, '{"a": NaN}', "[]", "x"])
@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_metadata_in_a_query_is_an_object_or_refused(run: Run, method: str, text: str) -> None:
    async def scenario(client: httpx.AsyncClient) -> None:
        answer = await client.request(
            method, "/v1/memories/", params={"user_id": "u", "metadata": text}
        )
        assert answer.status_code == 400
        assert answer.json()["error"] == "metadata must be a JSON object"

    run(create(data=None, ingestion_ms=1), scenario, authorization=KEY)


def test_a_memory_of_the_first_year_is_shown(run: Run) -> None:
    async def scenario(client: httpx.AsyncClient) -> None:
        memory = await kept(client, "old", timestamp=-62_135_596_800)
        shown = (await client.get(f"/v1/memories/{memory}/")).json()
        assert shown["created_at"] == "0001-01-01T00:00:00.000000Z"
        assert await listed(client, {**ME, "created_at": "0001-01-01"}) == ["old"]

    run(create(data=None, ingestion_ms=1), scenario, authorization=KEY)


@pytest.mark.parametrize("wanted", ["%", "_", ".", "?"])
def test_a_sign_is_looked_for_as_it_is(run: Run, wanted: str) -> None:
    async def scenario(client: httpx.AsyncClient) -> None:
        await kept(client, "plain")
        await kept(client, f"with {wanted} in it")
        for operator in ("contains", "icontains"):
            filters = {**ME, "keywords": {operator: wanted}}
            assert await listed(client, filters) == [f"with {wanted} in it"]

    run(create(data=None, ingestion_ms=1), scenario, authorization=KEY)


def test_a_thousand_are_deleted_at_once_and_not_one_more(run: Run) -> None:
    async def scenario(client: httpx.AsyncClient) -> None:
        body = {**ME, "infer": False}
        messages = [{"role": "user", "content": f"m{number}"} for number in range(1001)]
        added = await client.post(ADD, json={**body, "messages": messages})
        ids = [{"memory_id": one["id"]} for one in added.json()["results"]]
        refused, done = [
            await client.request("DELETE", "/v1/batch/", content=json.dumps({"memories": some}))
            for some in (ids, ids[:1000])
        ]
        assert (refused.status_code, done.status_code) == (400, 200)
        assert await listed(client) == ["m1000"]

    run(create(data=None, ingestion_ms=1), scenario, authorization=KEY)


def test_of_two_deletions_at_once_one_is_done_and_a_change_finds_the_memory_or_not(
    run: Run,
) -> None:
    async def scenario(client: httpx.AsyncClient) -> None:
        ids = [await kept(client, f"m{number}") for number in range(10)]
        batch = json.dumps({"memories": [{"memory_id": one} for one in ids]})
        first = f"/v1/memories/{ids[0]}/"
        answers = await asyncio.gather(
            client.put(first, json={"text": "changed"}),
            client.request("DELETE", "/v1/batch/", content=batch),
            client.request("DELETE", "/v1/batch/", content=batch),
            client.put(first, json={"text": "again"}),
        )
        assert sorted(one.status_code for one in answers[1:3]) == [200, 400]
        assert {answers[0].status_code, answers[3].status_code} <= {200, 404}
        assert await listed(client) == []
        rows = (await client.get(f"{first}history/")).json()
        assert (rows[0]["event"], rows[-1]["event"]) == ("ADD", "DELETE")

    run(create(data=None, ingestion_ms=1), scenario, authorization=KEY)
