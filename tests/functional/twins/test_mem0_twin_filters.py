"""The filter grammar of the Mem0 twin, and the options beside it."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from local.twins.mem0.app import create
from tests.functional.twins.mem0_talk import KEY, ME, Run, Settled, found, kept, listed, said

TEA, CHESS, JAZZ, BOT = "Likes tea", "Plays Chess", "Likes jazz", "Speaks Hindi"
WRITTEN: list[tuple[str, dict[str, Any]]] = [
    (TEA, {"user_id": "a", "run_id": "r1", "metadata": {"kind": "drink", "n": 1, "hot": True}}),
    (CHESS, {"user_id": "a", "run_id": "r2", "metadata": {"kind": "game", "tags": ["x", "y"]}}),
    (JAZZ, {"user_id": "b", "app_id": "web", "metadata": {"n": 2.5, "none": None}}),
    (BOT, {"agent_id": "bot"}),
]
AT = 1_700_000_000  # 2023-11-14T22:13:20Z


def names(*known: str) -> list[str]:
    return sorted(known)


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({"user_id": "a"}, names(TEA, CHESS)),
        ({"user_id": {"eq": "a"}}, names(TEA, CHESS)),
        ({"user_id": {"in": ["a", "b"]}}, names(TEA, CHESS, JAZZ)),
        ({"user_id": {"in": []}}, []),
        ({"user_id": "*"}, names(TEA, CHESS, JAZZ)),
        ({"user_id": "*", "agent_id": {"ne": "bot"}}, names(TEA, CHESS, JAZZ)),
        ({"agent_id": "*"}, [BOT]),
        ({"user_id": "*", "run_id": {"ne": "r1"}}, names(CHESS, JAZZ)),
        ({"OR": [{"user_id": {"ne": "a"}}, {"user_id": "a"}]}, names(TEA, CHESS, JAZZ, BOT)),
        ({"AND": [{"user_id": "a"}, {"run_id": "r1"}]}, [TEA]),
        ({"AND": [{"OR": [{"user_id": "a"}, {"user_id": "b"}]}, {"app_id": "web"}]}, [JAZZ]),
        ({"AND": [{"user_id": "*"}], "OR": [{"run_id": "r1"}, {"run_id": "r2"}]},
         names(TEA, CHESS)),
        ({"OR": [{"user_id": "a", "run_id": "r1"}, {"agent_id": "bot"}]}, names(TEA, BOT)),
        ({"user_id": "a", "NOT": {"run_id": "r1"}}, [CHESS]),
        ({"user_id": "*", "NOT": [{"run_id": "r1"}, {"app_id": "web"}]}, [CHESS]),
        ({"user_id": "*", "NOT": {"AND": [{"user_id": "a"}, {"run_id": {"in": ["r2"]}}]}},
         names(TEA, JAZZ)),
        ({"user_id": "*", "metadata": {"kind": "drink"}}, [TEA]),
        ({"user_id": "*", "metadata": {"kind": {"eq": "drink"}}}, [TEA]),
        ({"user_id": "*", "metadata": {"kind": {"ne": "drink"}}}, names(CHESS, JAZZ)),
        ({"user_id": "*", "metadata": {"kind": {"contains": "am"}}}, [CHESS]),
        ({"user_id": "*", "metadata": {"tags": {"contains": "y"}}}, [CHESS]),
        ({"user_id": "*", "metadata": {"tags": ["x", "y"]}}, [CHESS]),
        ({"user_id": "*", "metadata": {"n": 1}}, [TEA]),
        ({"user_id": "*", "metadata": {"n": 2.5}}, [JAZZ]),
        ({"user_id": "*", "metadata": {"n": "1"}}, []),
        ({"user_id": "*", "metadata": {"hot": True}}, [TEA]),
        ({"user_id": "*", "metadata": {"hot": 1}}, []),
        ({"user_id": "*", "metadata": {"n": None}}, [CHESS]),
        ({"user_id": "*", "metadata": {"kind": "drink", "n": 2}}, []),
        ({"user_id": "*", "metadata": {'k"; --': "x"}}, []),
        ({"user_id": "*", "categories": {"in": ["music", "food"]}}, names(TEA, JAZZ)),
        ({"user_id": "*", "categories": {"contains": "MUS"}}, [JAZZ]),
        ({"user_id": "a", "created_at": {"gte": "2023-11-14", "lt": "2023-11-15"}},
         names(TEA, CHESS)),
        ({"user_id": "a", "created_at": {"gt": "2023-11-14T22:13:20Z"}}, []),
        ({"user_id": "a", "created_at": {"lte": "2023-11-15T03:43:20+05:30"}}, names(TEA, CHESS)),
        ({"user_id": "a", "created_at": "2023-11-14"}, names(TEA, CHESS)),
        ({"user_id": "a", "created_at": {"ne": "2023-11-14"}}, []),
        ({"user_id": "a", "timestamp": {"in": ["2023-11-14T22:13:20Z"]}}, names(TEA, CHESS)),
        ({"user_id": "a", "timestamp": AT}, names(TEA, CHESS)),
        ({"user_id": "a", "updated_at": {"lt": "2024-01-01"}}, []),
        ({"user_id": "a", "expiration_date": {"ne": "2999-01-01"}}, names(TEA, CHESS)),
        ({"user_id": "b", "expiration_date": "2999-01-01"}, [JAZZ]),
        ({"user_id": "b", "expiration_date": {"gt": "2998-12-31"}}, [JAZZ]),
        ({"user_id": "*", "text": {"icontains": "CHESS"}}, [CHESS]),
    ],
)  # fmt: skip
def test_filters_choose_memories_in_lists_and_in_searches(
    run: Run, filters: dict[str, Any], expected: list[str]
) -> None:
    async def scenario(client: httpx.AsyncClient) -> None:
        for text, more in WRITTEN:
            expires = {"expiration_date": "2999-01-01"} if text == JAZZ else {}
            scope = {"user_id": None, "timestamp": AT, **more, **expires}
            await kept(client, text, **scope)
        assert sorted(await listed(client, filters)) == expected
        results = await found(client, "anything", filters=filters, threshold=0)
        assert sorted(memory["memory"] for memory in results) == expected

    run(create(data=None, ingestion_ms=1), scenario, authorization=KEY)


@pytest.mark.parametrize(
    "name", ['say "hi"', "größe", "back\\slash", "line\nend", "\U0001f375", ""]
)
def test_metadata_is_found_by_a_name_that_json_writes_in_another_way(run: Run, name: str) -> None:
    async def scenario(client: httpx.AsyncClient) -> None:
        await kept(client, "Likes tea", metadata={name: 1})
        await kept(client, "Likes chess", metadata={"other": name})
        assert await listed(client, {**ME, "metadata": {name: 1}}) == ["Likes tea"]
        assert await listed(client, {**ME, "metadata": {name: {"ne": 1}}}) == ["Likes chess"]
        assert await listed(client, {**ME, "metadata": {name: None}}) == ["Likes chess"]

    run(create(data=None, ingestion_ms=1), scenario, authorization=KEY)


def test_memory_ids_and_keywords_choose_too(run: Run) -> None:
    async def scenario(client: httpx.AsyncClient) -> None:
        first, _ = await kept(client, "Likes Tea"), await kept(client, "Likes chess")
        for ids in ([first], {"in": [first, "x"]}):
            assert await listed(client, {**ME, "memory_ids": ids}) == ["Likes Tea"]
        for keywords, expected in [
            ({"contains": "Tea"}, ["Likes Tea"]),
            ({"contains": "tea"}, []),
            ({"icontains": "tea"}, ["Likes Tea"]),
        ]:
            assert await listed(client, {**ME, "keywords": keywords}) == expected
        assert await listed(client, ME, keywords="TEA") == ["Likes Tea"]
        body = {"query": "tea", "filters": {**ME, "keywords": {"contains": "tea"}}}
        assert (await client.post("/v3/memories/search/", json=body)).status_code == 400

    run(create(data=None, ingestion_ms=1), scenario, authorization=KEY)


@pytest.mark.parametrize(
    "filters",
    [
        None,
        {},
        [],
        "user_id",
        {"user_id": "a", "team": "x"},
        {"AND": [{"user_id": "a"}, {"metadata.trip": "x"}]},
        {"user_id": None},
        {"user_id": 3},
        {"user_id": ["a"]},
        {"user_id": {}},
        {"user_id": {"nin": ["a"]}},
        {"user_id": {"in": "a"}},
        {"user_id": {"gt": "a"}},
        {"user_id": {"ne": "a"}},
        {"NOT": {"user_id": "a"}},
        {"AND": []},
        {"OR": {"user_id": "a"}},
        {"AND": [{}]},
        {"user_id": "a", "NOT": "x"},
        {"user_id": "a", "created_at": {"eq": "2026-01-01"}},
        {"user_id": "a", "created_at": {"gte": "soon"}},
        {"user_id": "a", "created_at": {"in": "2026-01-01"}},
        {"user_id": "a", "categories": {"eq": "food"}},
        {"user_id": "a", "categories": {"ne": "food"}},
        {"user_id": "a", "categories": ["food"]},
        {"user_id": "a", "metadata": "x"},
        {"user_id": "a", "metadata": {"k": {"in": ["x"]}}},
        {"user_id": "a", "metadata": {"k": {"gt": 1}}},
        {"user_id": "a", "metadata": {"k": {}}},
        {"user_id": "a", "keywords": "tea"},
        {"user_id": "a", "keywords": {"like": "tea"}},
        {"user_id": "a", "memory_ids": "x"},
        {"user_id": "a", "text": {"gt": "x"}},
    ],
)
def test_what_the_grammar_does_not_have_is_refused(run: Run, filters: Any) -> None:
    async def scenario(client: httpx.AsyncClient) -> None:
        for path, body in (
            ("/v3/memories/", {"filters": filters}),
            ("/v3/memories/search/", {"query": "x", "filters": filters}),
        ):
            answer = await client.post(path, json=body)
            assert answer.status_code == 400, answer.text
            assert answer.json()["detail"]

    run(create(data=None, ingestion_ms=1), scenario, authorization=KEY)


def test_filters_that_are_nested_without_end_are_refused(run: Run) -> None:
    async def scenario(client: httpx.AsyncClient) -> None:
        filters: dict[str, Any] = ME
        for _ in range(200):
            filters = {"AND": [filters]}
        answer = await client.post("/v3/memories/", json={"filters": filters})
        assert answer.status_code == 400

    run(create(data=None, ingestion_ms=1), scenario, authorization=KEY)


def test_a_search_keeps_to_its_options(run: Run) -> None:
    async def scenario(client: httpx.AsyncClient) -> None:
        for text in ("Likes green tea", "Likes tea", "Lives in Delhi"):
            await kept(client, text, metadata={"n": len(text)}, run_id="r")
        assert [one["memory"] for one in await found(client, "tea")] == [
            "Likes tea",
            "Likes green tea",
        ]
        (best,) = await found(client, "Does anyone like Green tea", top_k=1)
        assert 0 < best["score"] <= 1
        assert set(best["score_breakdown"]) == {"semantic", "bm25", "entity"}
        assert (best["run_id"], best["session_id"]) == ("r", "r")
        shown = await found(client, "tea", fields=["memory", "score"], rerank=True)
        assert set(shown[0]) == {"id", "memory", "score"}
        assert await found(client, "tea", metadata={"n": 9}, keyword_search=True)
        assert await found(client, "tea", metadata={"n": 8}) == []
        assert await found(client, "tea", categories=["travel"]) == []
        assert len(await found(client, "tea", categories=["food", "travel"])) == 2
        assert await found(client, "quantum") == []
        assert len(await found(client, "quantum", threshold=0.0)) == 3
        for wrong in (
            {"top_k": 0}, {"top_k": 1001}, {"top_k": 1.5}, {"threshold": 2}, {"rerank": "yes"},
            {"fields": "id"}, {"categories": "food"}, {"metadata": "x"}, {"show_expired": 1},
            {"reference_date": "soon"}, {"query": 3}, {"keyword_search": "x"},
        ):  # fmt: skip
            body = {"query": "tea", "filters": ME, **wrong}
            assert (await client.post("/v3/memories/search/", json=body)).status_code == 400, wrong

    run(create(data=None, ingestion_ms=1), scenario, authorization=KEY)


def test_a_list_keeps_to_its_options_and_names_its_neighbours(run: Run) -> None:
    async def scenario(client: httpx.AsyncClient) -> None:
        for number in range(3):
            await kept(client, f"Likes tea {number}", timestamp=AT + number * 86_400)
        days = {"start_date": "2023-11-15", "end_date": "2023-11-15"}
        assert await listed(client, ME, **days) == ["Likes tea 1"]
        assert await listed(client, ME, end_date="2023-11-14T22:13:20Z") == ["Likes tea 0"]
        assert await listed(client, ME, categories=["sports"]) == []
        body = {"filters": ME, "fields": ["memory"], "page": 9, "page_size": 1}
        page = (await client.post("/v3/memories/?page=2", json=body)).json()
        assert page["next"] == "http://twin/v3/memories/?page=3&page_size=1"
        assert page["previous"] == "http://twin/v3/memories/?page=1&page_size=1"
        assert [set(memory) for memory in page["results"]] == [{"id", "memory"}]
        for query in ("page=0", "page=x", "page=-1"):
            assert (await client.post(f"/v3/memories/?{query}", json=body)).status_code == 404
        for query in ("page_size=0", "page_size=x"):
            assert (await client.post(f"/v3/memories/?{query}", json=body)).status_code == 400
        beside = await client.post("/v3/memories/", json={"filters": ME, **ME})
        assert beside.status_code == 400

    run(create(data=None, ingestion_ms=1), scenario, authorization=KEY)


def test_expiry_is_judged_as_of_the_reference_date(run: Run, settled: Settled) -> None:
    async def scenario(client: httpx.AsyncClient) -> None:
        await said(client, settled, "I like tea", expiration_date="2024-05-01")
        assert await found(client, "tea") == []
        assert len(await found(client, "tea", show_expired=True)) == 1
        for day in ("2024-05-01", "2024-05-01T23:59:59Z", 1_714_521_600):
            assert len(await found(client, "tea", reference_date=day)) == 1
        assert await found(client, "tea", reference_date="2024-05-02") == []

    run(create(data=None, ingestion_ms=1), scenario, authorization=KEY)
