"""Nobody's memories show among another's: filters drawn by a seed, held against a plain reading."""

from __future__ import annotations

import random
from typing import Any

import httpx
import pytest

from local.twins.mem0.app import create
from local.twins.mem0.filters import positive
from tests.functional.twins.mem0_talk import KEY, Run, kept, listed

ENTITIES = ("user_id", "agent_id", "app_id", "run_id")
IDS = ("a", "b", "a\x00b", "A", "%", "a=b")
Memory = dict[str, Any]


def _drawn(dice: random.Random, depth: int = 0) -> dict[str, Any]:
    filters: dict[str, Any] = {}
    for _ in range(dice.choice((1, 1, 2))):
        kind = dice.random()
        if depth < 4 and kind < 0.45:
            name = dice.choice(("AND", "OR", "NOT"))
            parts = [_drawn(dice, depth + 1) for _ in range(dice.choice((1, 2, 3)))]
            filters[name] = parts[0] if name == "NOT" and dice.random() < 0.5 else parts
        elif kind < 0.6:
            value: Any = dice.choice((1, "x", None, True, ["y"]))
            filters["metadata"] = {"k": dice.choice((value, {"ne": value}, {"eq": value}))}
        else:
            one, other = dice.sample(IDS, 2)
            filters[dice.choice(ENTITIES)] = dice.choice(
                (
                    one,
                    "*",
                    {"ne": one},
                    {"eq": one},
                    {"in": [one, other]},
                    {"in": []},
                    {"in": ["*"]},
                )
            )
    return filters


def _fits(filters: Any, memory: Memory) -> bool:
    """The grammar as its documentation tells it."""
    return all(_fits_one(name, value, memory) for name, value in filters.items())


def _fits_one(name: str, value: Any, memory: Memory) -> bool:
    if name in {"AND", "OR", "NOT"}:
        met = [_fits(part, memory) for part in ([value] if isinstance(value, dict) else value)]
        return {"AND": all(met), "OR": any(met), "NOT": not any(met)}[name]
    if name == "metadata":
        return _holds(value["k"], lambda wanted: _same(memory["metadata"].get("k"), wanted))
    have = memory.get(name)
    return _holds(value, lambda wanted: have is not None and wanted in ("*", have))


def _same(one: Any, other: Any) -> bool:
    return type(one) is type(other) and one == other


def _holds(value: Any, fits: Any) -> bool:
    if not isinstance(value, dict):
        return bool(fits(value))
    ((operator, wanted),) = value.items()
    if operator == "in":
        return any(fits(one) for one in wanted)
    return bool(fits(wanted)) == (operator == "eq")


@pytest.mark.parametrize("seed", range(3))
def test_filters_show_what_they_say_and_nobody_elses(run: Run, seed: int) -> None:
    dice = random.Random(seed)  # noqa: S311 - draws that can be repeated

    async def scenario(client: httpx.AsyncClient) -> None:
        memories: dict[str, Memory] = {}
        for number in range(60):
            scope = {name: dice.choice(IDS) for name in ENTITIES if dice.random() < 0.6}
            scope = scope or {"user_id": dice.choice(IDS)}
            data = dice.choice(({}, {"k": 1}, {"k": "x"}, {"k": True}, {"k": ["y"]}, {"k": None}))
            text = f"memory {number} of tea"
            memories[text] = {**scope, "metadata": data}
            nobody = {"user_id": None} if "user_id" not in scope else {}
            await kept(client, text, **{**nobody, **scope}, metadata=data)
        tried = 0
        while tried < 100:
            filters = _drawn(dice)
            if not positive(filters):
                continue
            tried += 1
            wanted = {text for text, memory in memories.items() if _fits(filters, memory)}
            assert set(await listed(client, filters)) == wanted, filters
            for threshold in (0, 0.1):
                body = {"query": "tea", "filters": filters, "threshold": threshold, "top_k": 1000}
                answer = await client.post("/v3/memories/search/", json=body)
                assert {one["memory"] for one in answer.json()["results"]} == wanted, filters

    run(create(data=None, ingestion_ms=1), scenario, authorization=KEY)


def test_an_id_with_a_zero_character_is_nobody_elses(run: Run) -> None:
    async def scenario(client: httpx.AsyncClient) -> None:
        await kept(client, "secret", user_id="a")
        assert await listed(client, {"user_id": {"in": ["a\x00b"]}}) == []

    run(create(data=None, ingestion_ms=1), scenario, authorization=KEY)


def test_an_export_of_either_is_not_that_of_both(run: Run) -> None:
    one, other = {"user_id": "a"}, {"agent_id": "bot"}

    async def scenario(client: httpx.AsyncClient) -> None:
        body = {"schema": {"type": "object"}, "filters": {"OR": [one, other]}}
        assert (await client.post("/v1/exports/", json=body)).status_code == 201
        for filters, status in (
            ({"OR": [other, one]}, 200),
            ({"AND": [{"OR": [one, other]}]}, 200),
            ({"AND": [one, other]}, 404),
            ({"AND": [one, {"NOT": other}]}, 404),
        ):
            answer = await client.post("/v1/exports/get/", json={"filters": filters})
            assert answer.status_code == status, filters

    run(create(data=None, ingestion_ms=1), scenario, authorization=KEY)
