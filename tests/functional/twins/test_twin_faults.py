"""`/_twin/faults`: which calls are struck, how, how often, and what is counted."""

from __future__ import annotations

import asyncio
import json
import re
import statistics
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from local.twins.fault_fields import KINDS
from local.twins.faults import Faults
from tests.functional.twins.small_twin import Shelf, eventually, on_a_socket

Run = Callable[..., None]
Json = dict[str, Any]
THING = {"said": "hello"}


class Served:
    """A small twin on a socket and a client of it."""

    def __init__(self, url: str, shelf: Shelf, client: httpx.Client) -> None:
        self.url, self.shelf, self.client = url, shelf, client

    def fault(self, **rule: Any) -> None:
        answer = self.client.post("/_twin/faults", json=rule)
        assert answer.status_code == 200, answer.text

    def add(self) -> httpx.Response:
        return self.client.post("/v1/things", json=THING)

    def rules(self) -> list[Json]:
        found: list[Json] = self.client.get("/_twin/faults").json()["rules"]
        return found

    def records(self) -> list[Json]:
        found: list[Json] = self.client.get("/_twin/requests").json()["requests"]
        return found


@pytest.fixture(scope="module")
def running() -> Iterator[tuple[str, Shelf]]:
    shelf = Shelf()
    with on_a_socket(shelf.app()) as url:
        yield url, shelf


@pytest.fixture
def served(running: tuple[str, Shelf]) -> Iterator[Served]:
    url, shelf = running
    with httpx.Client(base_url=url, trust_env=False, timeout=5) as client:
        client.post("/_twin/reset")
        yield Served(url, shelf, client)


def _struck(served: Served, kind: str, *, times: int = 1) -> None:
    """Nothing but this rule was there, and it is counted as often as it struck."""
    (rule,) = served.rules()
    assert (rule["kind"], rule["seen"], rule["struck"]) == (kind, times, times)
    assert [record["fault"] for record in served.records()] == [kind] * times


# ------------------------------------------------------------------ the kinds


def test_a_status_comes_with_its_body_and_headers(served: Served) -> None:
    served.fault(
        kind="status", status=429, body={"slow": 1}, retry_after=3, headers={"X-Limit": "a"}
    )
    answer = served.add()
    assert (answer.status_code, answer.json()) == (429, {"slow": 1})
    assert (answer.headers["retry-after"], answer.headers["x-limit"]) == ("3", "a")
    assert answer.headers["content-type"] == "application/json"
    assert served.shelf.kept == []
    assert served.records()[0]["status"] == 429
    _struck(served, "status")


@pytest.mark.parametrize(
    ("body", "said", "media_type"),
    [
        (None, '{"detail": "broken"}', "application/json"),
        ("upstream says no", "upstream says no", "text/plain; charset=utf-8"),
        ([1, "a"], '[1, "a"]', "application/json"),
    ],
)
def test_a_status_says_what_it_is_told_or_what_the_service_says(
    served: Served, body: Any, said: str, media_type: str
) -> None:
    served.fault(kind="status", status=503, body=body)
    answer = served.add()
    assert (answer.text, answer.headers["content-type"]) == (said, media_type)


def test_a_status_without_a_body_stays_one(served: Served) -> None:
    served.fault(kind="status", status=204)
    answer = served.add()
    assert (answer.status_code, answer.content) == (204, b"")
    assert served.client.get("/_twin/health").status_code == 200


def test_a_reset_is_one_of_tcp(served: Served) -> None:
    served.fault(kind="reset")
    with pytest.raises(httpx.ReadError) as caught:
        served.add()
    assert "reset" in str(caught.value).lower()
    assert served.shelf.kept == []
    _struck(served, "reset")
    assert served.records()[0]["status"] is None


def test_a_hang_gives_no_answer_until_the_client_leaves(served: Served) -> None:
    served.fault(kind="hang")
    with pytest.raises(httpx.ReadTimeout):
        httpx.post(f"{served.url}/v1/things", json=THING, timeout=0.2, trust_env=False)
    eventually(lambda: served.records()[0]["milliseconds"], "the call never ended")
    assert served.records()[0]["milliseconds"] >= 150
    assert served.shelf.kept == []
    _struck(served, "hang")


def test_a_hang_with_an_end_closes_without_an_answer(served: Served) -> None:
    served.fault(kind="hang", milliseconds=100)
    started = time.monotonic()
    with pytest.raises(httpx.RemoteProtocolError):
        served.add()
    assert 0.1 <= time.monotonic() - started < 2
    _struck(served, "hang")


def test_a_truncated_body_ends_before_its_length(served: Served) -> None:
    served.fault(kind="truncate", when="after")
    with served.client.stream("POST", "/v1/things", json=THING) as answer:
        assert answer.status_code == 201
        whole = json.dumps({"thing": THING, "tags": ["new"], "number": 1}, separators=(",", ":"))
        assert int(answer.headers["content-length"]) == len(whole)
        got = b""
        with pytest.raises(httpx.RemoteProtocolError):
            for part in answer.iter_raw():
                got += part
    assert got == whole.encode()[: len(whole) // 2]
    assert served.shelf.kept == [THING]
    _struck(served, "truncate")


def test_a_truncated_answer_of_nobody_ends_early_too(served: Served) -> None:
    served.fault(kind="truncate")
    with pytest.raises(httpx.RemoteProtocolError):
        served.add()
    assert served.shelf.kept == []


def test_junk_is_no_json(served: Served) -> None:
    served.fault(kind="junk")
    answer = served.add()
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
    with pytest.raises(ValueError, match="Expecting"):
        answer.json()
    _struck(served, "junk")


@pytest.mark.parametrize(
    ("rule", "wrong"),
    [
        ({}, ["wrong shape"]),
        ({"when": "after"}, ["wrong shape"]),
        ({"when": "after", "shape": "strings"}, {"thing": "wrong shape", "tags": "wrong shape"}),
    ],
)
def test_a_wrong_shape_is_json_of_another_shape(served: Served, rule: Json, wrong: Any) -> None:
    served.fault(kind="wrong_shape", **rule)
    answer = served.add()
    assert (answer.status_code, answer.json()) == (200, wrong)
    _struck(served, "wrong_shape")


def test_a_wrong_shape_has_strings_where_the_services_have_objects(served: Served) -> None:
    served.fault(kind="wrong_shape", shape="strings")
    answer = served.add().json()
    assert {"candidates", "results", "task", "user"} <= set(answer)
    assert set(answer.values()) == {"wrong shape"}


def test_an_html_page_is_a_gateways(served: Served) -> None:
    served.fault(kind="html")
    answer = served.add()
    assert (answer.status_code, answer.headers["content-type"]) == (502, "text/html; charset=utf-8")
    assert answer.text.startswith("<!DOCTYPE html>")
    served.client.delete("/_twin/faults")
    served.fault(kind="html", status=200)
    assert served.add().status_code == 200


def test_an_empty_answer_is_200_and_nothing(served: Served) -> None:
    served.fault(kind="empty")
    answer = served.add()
    assert (answer.status_code, answer.content, answer.headers["content-length"]) == (200, b"", "0")
    _struck(served, "empty")


def test_a_redirect_leads_elsewhere_on_the_twin(served: Served) -> None:
    served.fault(kind="redirect", path="/v1/things", to="/v1/things/7")
    assert (answer := served.add()).status_code == 307
    assert answer.headers["location"] == "/v1/things/7"
    followed = served.client.get("/v1/things", follow_redirects=True)
    assert followed.json() == {"number": "7"}


@pytest.mark.parametrize("size", [1_000_003, 0])
def test_a_huge_answer_is_streamed_and_valid(served: Served, size: int) -> None:
    served.fault(kind="huge", bytes=size)
    answer = served.add()
    assert "content-length" not in answer.headers
    assert len(answer.content) == max(size, len('{"padding": ""}'))
    assert set(answer.json()["padding"]) <= {"x"}
    _struck(served, "huge")


def test_a_huge_answer_that_nobody_reads_to_its_end_is_given_up(served: Served) -> None:
    served.fault(kind="huge", bytes=2**30)
    with served.client.stream("POST", "/v1/things", json=THING) as answer:
        next(answer.iter_raw())
    eventually(lambda: served.records()[0]["milliseconds"], "it is still being sent")


def test_a_drip_gives_a_byte_now_and_then_for_ever(served: Served) -> None:
    served.fault(kind="drip", milliseconds=20)
    got = b""
    with served.client.stream("POST", "/v1/things", json=THING) as answer:
        assert answer.status_code == 200
        for part in answer.iter_raw():
            got += part
            if len(got) >= 5:
                break
    assert got == b" " * len(got)
    eventually(lambda: served.records()[0]["milliseconds"], "it still drips")
    assert served.records()[0]["milliseconds"] >= 80
    _struck(served, "drip")


def test_what_hangs_or_drips_keeps_no_server_from_stopping() -> None:
    def call(url: str, kind: str) -> str:
        try:
            return httpx.get(f"{url}/v1/things/{kind}", trust_env=False, timeout=10).text
        except httpx.TransportError as error:
            return type(error).__name__

    with ThreadPoolExecutor(2) as callers:
        with (
            on_a_socket(Shelf().app()) as url,
            httpx.Client(base_url=url, trust_env=False) as client,
        ):
            rules = [{"kind": kind, "path": f"*/{kind}"} for kind in ("hang", "drip")]
            client.post("/_twin/faults", json={"rules": rules})
            calls = [callers.submit(call, url, rule["kind"]) for rule in rules]
            eventually(
                lambda: all(r["struck"] for r in client.get("/_twin/faults").json()["rules"]),
                "a call was not struck",
            )
            stopping = time.monotonic()
        assert time.monotonic() - stopping < 0.9  # a call that goes on has a second to end
        assert {call.result() for call in calls} <= {"ReadError", "RemoteProtocolError"}


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
        ([], "A rule must be a JSON object."),
        ({}, "kind must be one of latency, status, reset, "),
        ({"kind": ["junk"]}, "kind must be one of "),
        ({"kind": "junk", "Path": "/x"}, "Path is no field of a rule of kind junk."),
        ({"kind": "junk", "status": 500}, "status is no field of a rule of kind junk."),
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
        ({"kind": "junk", "method": 3}, "method must be an HTTP method."),
        ({"kind": "junk", "path": ""}, "path must be a glob over the path, such as */messages."),
        ({"rules": {}}, "rules must be a list of rules."),
        ({"rules": [], "seed": "x"}, "seed must be "),
        ({"rules": [], "kind": "junk"}, "kind is no field of a list of rules."),
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
        assert answer.json()["error"].endswith(".")
        assert (await client.get("/_twin/faults")).json() == {"rules": []}

    run(Shelf().app(), scenario)


def test_what_is_no_json_is_refused_as_a_rule(run: Run) -> None:
    async def scenario(client: httpx.AsyncClient) -> None:
        assert (await client.post("/_twin/faults", content="{")).status_code == 400

    run(Shelf().app(), scenario)


def test_the_table_in_the_docs_has_every_kind_with_its_fields() -> None:
    lines = (Path(__file__).parents[3] / "docs" / "twins.md").read_text().splitlines()
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    described = {row[0].strip("`"): row[-1] for row in rows if row[0].strip("`") in KINDS}
    assert list(described) == list(KINDS)
    for kind, options in KINDS.items():
        named = re.findall(r"`([a-z_]+)`", described[kind])
        assert set(options) <= set(named), kind
