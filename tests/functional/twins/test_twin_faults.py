"""`/_twin/faults`: which calls are struck, when and how often, and what is counted."""

from __future__ import annotations

import asyncio
import json
import re
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from local.twins.fault_fields import KINDS
from local.twins.faults import Faults
from tests.functional.twins.small_twin import THING, Json, Served, Shelf

Run = Callable[..., None]


# ------------------------------------------------------------------ latency


def test_a_latency_delays_the_answer_and_adds_to_another_fault(served: Served) -> None:
    served.fault(kind="latency", milliseconds=60)
    served.fault(kind="status", status=503, times=1)
    started = time.monotonic()
    assert served.add().status_code == 503
    assert served.add().status_code == 201
    assert time.monotonic() - started >= 0.12
    assert [rule["struck"] for rule in served.rules()] == [2, 1]
    assert [record["fault"] for record in served.records()] == ["status", "latency"]
    assert all(record["milliseconds"] >= 60 for record in served.records())


def test_a_latency_after_the_handler_leaves_its_effect_to_who_did_not_wait(served: Served) -> None:
    served.fault(kind="latency", milliseconds=10_000, when="after", times=1)
    with pytest.raises(httpx.ReadTimeout):
        httpx.post(f"{served.url}/v1/things", json=THING, timeout=0.2, trust_env=False)
    assert served.client.get("/v1/things").json() == {"items": [THING]}


@pytest.mark.parametrize(
    ("given", "low", "high"),
    [
        ({"uniform": [10, 30]}, 10, 30),
        ({"normal": [20, 5]}, 0, 60),
        ({"lognormal": [20, 0.5]}, 0, 400),
    ],
)
def test_a_latency_may_be_drawn_from_a_distribution(given: Json, low: float, high: float) -> None:
    def waits(seed: int) -> list[float]:
        faults = Faults()
        faults.add({"kind": "latency", "milliseconds": given, "seed": seed})
        return [faults.drawn("GET", "/")[0].milliseconds() for _ in range(400)]

    drawn = waits(7)
    assert drawn == waits(7) != waits(8)
    assert low <= min(drawn)
    assert max(drawn) <= high
    assert statistics.median(drawn) == pytest.approx(20, abs=2.5)
    assert len(set(drawn)) > 300


# ------------------------------------------------------------------ which calls


def test_a_rule_strikes_the_paths_and_methods_it_names(run: Run) -> None:
    async def scenario(client: httpx.AsyncClient) -> None:
        rule = {"kind": "status", "status": 500, "path": "/v1/things/*", "method": "get"}
        await client.post("/_twin/faults", json=rule)
        statuses = [
            (await client.request(method, path)).status_code
            for method, path in [
                ("GET", "/v1/things/7"),
                ("GET", "/v1/things/a%2Fb?x=1"),
                ("GET", "/v1/things"),
                ("POST", "/v1/things/7"),
                ("GET", "/_twin/health"),
            ]
        ]
        assert statuses == [500, 500, 200, 404, 200]
        (shown,) = (await client.get("/_twin/faults")).json()["rules"]
        assert (shown["method"], shown["seen"], shown["struck"]) == ("GET", 2, 2)

    run(Shelf().app(), scenario)


def test_a_rule_strikes_as_often_as_it_may_even_when_calls_come_at_once(run: Run) -> None:
    async def scenario(client: httpx.AsyncClient) -> None:
        for when in ("before", "after"):
            rule = {"kind": "status", "status": 500, "times": 3, "when": when}
            await client.post("/_twin/faults", json=rule)
        answers = await asyncio.gather(*(client.get("/v1/things") for _ in range(20)))
        assert sorted(answer.status_code for answer in answers) == [200] * 14 + [500] * 6
        shown = (await client.get("/_twin/faults")).json()["rules"]
        assert [(rule["seen"], rule["struck"]) for rule in shown] == [(20, 3), (20, 3)]

    run(Shelf().app(), scenario)


def test_the_first_rule_that_strikes_wins_and_only_it_is_counted(run: Run) -> None:
    async def scenario(client: httpx.AsyncClient) -> None:
        rules = [
            {"kind": "status", "status": 500, "probability": 0},
            {"kind": "status", "status": 501},
            {"kind": "status", "status": 502},
        ]
        await client.post("/_twin/faults", json={"rules": rules})
        assert (await client.get("/v1/things")).status_code == 501
        shown = (await client.get("/_twin/faults")).json()["rules"]
        assert [(rule["seen"], rule["struck"]) for rule in shown] == [(1, 0), (1, 1), (1, 0)]

    run(Shelf().app(), scenario)


def test_the_same_seed_strikes_the_same_calls_whatever_other_rules_there_are(run: Run) -> None:
    rule = {"kind": "empty", "probability": 0.3}

    async def struck(client: httpx.AsyncClient, *rules: Json, seed: int | None) -> list[bool]:
        await client.post("/_twin/reset")
        body = {"rules": list(rules)} | ({} if seed is None else {"seed": seed})
        await client.post("/_twin/faults", json=body)
        return [not (await client.get("/v1/things")).content for _ in range(60)]

    async def scenario(client: httpx.AsyncClient) -> None:
        first = await struck(client, rule, seed=7)
        assert 6 <= sum(first) <= 30
        assert await struck(client, rule, seed=7) == first
        assert await struck(client, rule, seed=8) != first
        other = {"kind": "status", "status": 500, "probability": 0.5, "path": "/elsewhere"}
        assert await struck(client, {**rule, "seed": 7}, other, seed=1) == first
        # One that nobody gave a seed shows the one it took, by which it can be had again.
        unseeded = await struck(client, rule, seed=None)
        (shown,) = (await client.get("/_twin/faults")).json()["rules"]
        assert shown["struck"] == sum(unseeded)
        assert await struck(client, rule, seed=shown["seed"]) == unseeded

    run(Shelf().app(), scenario)


def test_a_fault_after_the_handler_loses_the_answer_and_keeps_the_effect(served: Served) -> None:
    for kind in ("reset", "status", "empty"):
        more = {"status": 500} if kind == "status" else {}
        served.fault(kind=kind, when="after", times=1, path="/v1/things", method="POST", **more)
    with pytest.raises(httpx.ReadError):
        served.add()
    assert served.add().status_code == 500
    assert served.add().content == b""
    assert served.add().json()["number"] == 4
    assert [rule["struck"] for rule in served.rules()] == [1, 1, 1]
    assert [r["fault"] for r in served.records()] == ["reset", "status", "empty", None]


def test_events_survive_being_held_back(served: Served) -> None:
    served.fault(kind="latency", milliseconds=1, when="after")
    answer = served.client.get("/v1/events")
    assert answer.headers["content-type"] == "text/event-stream"
    assert answer.text.count("data: ") == 3


# ------------------------------------------------------------------ asking for it


def test_rules_are_shown_as_understood_and_removed_by_delete_and_by_reset(run: Run) -> None:
    async def scenario(client: httpx.AsyncClient) -> None:
        added = await client.post("/_twin/faults", json={"kind": "huge", "times": 2, "seed": 5})
        whole = {
            "path": "*",
            "method": None,
            "kind": "huge",
            "probability": 1.0,
            "times": 2,
            "when": "before",
            "seed": 5,
            "bytes": 16 * 2**20,
            "seen": 0,
            "struck": 0,
        }
        assert added.json() == (await client.get("/_twin/faults")).json() == {"rules": [whole]}
        assert (await client.delete("/_twin/faults")).json() == {"rules": []}
        await client.post("/_twin/faults", json={"kind": "empty"})
        await client.post("/_twin/reset")
        assert (await client.get("/_twin/faults")).json() == {"rules": []}

    run(Shelf().app(), scenario)


@pytest.mark.parametrize(
    ("rule", "sentence"),
    [
        ([], 'A rule must be a JSON object; several go as {"rules": [...]}.'),
        ({}, "kind must be one of latency, status, reset, "),
        ({"kind": ["junk"]}, "kind must be one of "),
        (
            {"kind": "junk", "Path": "/x"},
            "Path is no field of a rule of kind junk: did you mean path?",
        ),
        (
            {"kind": "junk", "status": 500},
            "status is no field of a rule of kind junk: it has kind, ",
        ),
        ({"kind": "status"}, "status is missing: a whole number from 200 to 599."),
        ({"kind": "status", "status": 100}, "status must be a whole number from 200 to 599."),
        ({"kind": "status", "status": "500"}, "status must be "),
        ({"kind": "status", "status": 500, "headers": {"a b": "c"}}, "headers must be "),
        ({"kind": "status", "status": 500, "headers": {"a": "b\r\nc: d"}}, "headers must be "),
        ({"kind": "status", "status": 500, "headers": {"Content-Length": "1"}}, "headers must be "),
        ({"kind": "status", "status": 500, "retry_after": "a\nb"}, "retry_after must be "),
        ({"kind": "latency"}, "milliseconds is missing: a number from 0 to "),
        ({"kind": "latency", "milliseconds": -1}, "milliseconds must be "),
        ({"kind": "latency", "milliseconds": float("inf")}, "milliseconds must be "),
        ({"kind": "latency", "milliseconds": {"uniform": [3, 1]}}, "milliseconds must be "),
        ({"kind": "latency", "milliseconds": {"normal": [3]}}, "milliseconds must be "),
        ({"kind": "latency", "milliseconds": {"gauss": [3, 1]}}, "milliseconds must be "),
        ({"kind": "hang", "milliseconds": {"uniform": [1, 3]}}, "milliseconds must be "),
        ({"kind": "drip", "milliseconds": 0}, "milliseconds must be a number from 1 to "),
        ({"kind": "huge", "bytes": 2**31}, "bytes must be a whole number up to 1 GiB."),
        ({"kind": "redirect", "to": "http://elsewhere.example"}, "to must be "),
        ({"kind": "wrong_shape", "shape": "round"}, "shape must be one of list, strings."),
        ({"kind": "junk", "probability": 1.5}, "probability must be a number from 0 to 1."),
        ({"kind": "junk", "probability": True}, "probability must be a number from 0 to 1."),
        ({"kind": "junk", "times": 0}, "times must be a whole number of at least 1."),
        ({"kind": "junk", "when": "during"}, "when must be one of before, after."),
        ({"kind": "junk", "method": 3}, "method must be one of GET, "),
        ({"kind": "junk", "method": "FETCH"}, "method must be one of GET, "),
        ({"kind": "junk", "path": ""}, "path must be a glob that begins with / or *, such as "),
        ({"kind": "junk", "path": "messages"}, "path must be a glob that begins with / or *"),
        ({"rules": {}}, "rules must be a list of rules."),
        ({"rules": [], "seed": "x"}, "seed must be "),
        ({"rules": [], "kind": "junk"}, "kind is no field of a list of rules: it has rules, seed."),
        ({"rules": [{"kind": "junk"}, 3]}, "rules[1] must be a JSON object."),
        ({"rules": [{"kind": "junk"}, {"kind": "junk", "seed": -1}]}, "rules[1].seed must be "),
    ],
)
def test_a_wrong_rule_is_refused_in_a_sentence_and_nothing_is_added(
    run: Run, rule: Any, sentence: str
) -> None:
    async def scenario(client: httpx.AsyncClient) -> None:
        answer = await client.post("/_twin/faults", content=json.dumps(rule))
        assert answer.status_code == 400
        assert answer.json()["error"].startswith(sentence)
        assert answer.json()["error"][-1] in ".?"
        assert (await client.get("/_twin/faults")).json() == {"rules": []}

    run(Shelf().app(), scenario)


def test_the_table_in_the_docs_has_every_kind_with_its_fields() -> None:
    lines = (Path(__file__).parents[3] / "docs" / "twins.md").read_text().splitlines()
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    described = {row[0].strip("`"): row[-1] for row in rows if row[0].strip("`") in KINDS}
    assert list(described) == list(KINDS)
    for kind, options in KINDS.items():
        named = re.findall(r"`([a-z_]+)`", described[kind])
        assert set(options) <= set(named), kind
