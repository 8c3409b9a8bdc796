"""`/_twin/requests`: who called what and how it ended, and the rest only on demand."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import httpx
import pytest

from local.twins import records
from tests.functional.twins.small_twin import Shelf, eventually, on_a_socket

Run = Callable[..., None]


async def _recorded(client: httpx.AsyncClient) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await client.get("/_twin/requests")).json()["requests"]
    return found


def test_a_record_says_who_called_which_route_and_how_it_ended(run: Run) -> None:
    async def scenario(client: httpx.AsyncClient) -> None:
        await client.get(
            "/v1/things/a%2Fb?secret=canary", headers={"user-agent": "zep-cloud/4.0.1"}
        )
        await client.post("/v1/things", content="canary")
        await client.head("/v1/things")
        await client.put("/v1/things", json={})
        found = await _recorded(client)
        assert [(r["method"], r["path"], r["route"], r["status"]) for r in found] == [
            ("GET", "/v1/things/a%2Fb", "GET /v1/things/{number}", 200),
            ("POST", "/v1/things", "POST /v1/things", 400),
            ("HEAD", "/v1/things", "GET /v1/things", 200),
            ("PUT", "/v1/things", None, 404),
        ]
        assert found[0]["client"] == "zep-cloud/4.0.1"
        assert all(r["fault"] is None and 0 < r["milliseconds"] < 5000 for r in found)
        assert datetime.fromisoformat(found[0]["at"]) <= datetime.fromisoformat(found[1]["at"])
        names = {"method", "path", "at", "status", "milliseconds", "route", "client", "fault"}
        assert set(found[0]) == names
        assert "canary" not in (await client.get("/_twin/requests")).text

    run(Shelf().app(), scenario)


@pytest.mark.parametrize(
    ("headers", "client"),
    [
        ({"user-agent": "httpx/1", "x-mem0-client": "mem0-python/2.2.1"}, "mem0-python/2.2.1"),
        ({"x-goog-api-client": "google-genai-sdk/3.3.0 gl-python/3"}, "google-genai-sdk/3.3.0"),
        ({"user-agent": "Mozilla/5.0 (X11; canary)"}, "Mozilla/5.0"),
        ({"user-agent": "asha@example.com says/hello"}, None),
        ({"user-agent": "x" * 41 + "/1"}, None),
        ({"user-agent": ""}, None),
    ],
)
def test_a_client_is_a_product_and_its_version_and_no_more(
    run: Run, headers: dict[str, str], client: str | None
) -> None:
    async def scenario(caller: httpx.AsyncClient) -> None:
        await caller.get("/v1/things", headers={"user-agent": "", **headers})
        assert (await _recorded(caller))[0]["client"] == client

    run(Shelf().app(), scenario)


def test_whole_calls_are_recorded_when_asked_for_and_no_longer_after_a_reset(run: Run) -> None:
    async def scenario(client: httpx.AsyncClient) -> None:
        assert (await client.post("/_twin/requests", json={"whole": True})).json() == {
            "whole": True
        }
        keys = {"authorization": "Token test-key", "x-goog-api-key": "test-key", "x-other": "seen"}
        address = "/v1/things?a=1&a=2&key=test-key&empty="
        answer = await client.post(address, json={"said": "Grüße"}, headers=keys)
        assert answer.json()["thing"] == {"said": "Grüße"}
        await client.post("/v1/things", content="no json")
        await client.get("/v1/things")
        shown = await client.get("/_twin/requests")
        assert "test-key" not in shown.text
        first, second, third = shown.json()["requests"]
        assert first["headers"]["authorization"] == "Token ***"
        assert first["headers"]["x-goog-api-key"] == "***"
        assert first["headers"]["x-other"] == "seen"
        assert first["query"] == [["a", "1"], ["a", "2"], ["key", "***"], ["empty", ""]]
        assert (first["body"], second["body"], third["body"]) == (
            {"said": "Grüße"},
            "no json",
            None,
        )
        await client.post("/_twin/requests", json={"whole": False})
        await client.get("/v1/things")
        assert "headers" not in (await _recorded(client))[-1]
        await client.post("/_twin/requests", json={"whole": True})
        await client.post("/_twin/reset")
        assert (await client.get("/_twin/requests")).json() == {
            "requests": [], "dropped": 0, "whole": False}  # fmt: skip
        await client.post("/v1/things", json={})
        assert "body" not in (await _recorded(client))[0]

    run(Shelf().app(), scenario)


@pytest.mark.parametrize("body", ["[]", "{}", '{"whole": 1}', '{"whole": true, "more": 1}'])
def test_what_is_recorded_cannot_be_chosen_wrongly(run: Run, body: str) -> None:
    async def scenario(client: httpx.AsyncClient) -> None:
        answer = await client.post("/_twin/requests", content=body)
        assert answer.status_code == 400
        assert "whole" in answer.json()["error"]

    run(Shelf().app(), scenario)


def test_records_alone_can_be_cleared(run: Run) -> None:
    shelf = Shelf()

    async def scenario(client: httpx.AsyncClient) -> None:
        await client.post("/_twin/requests", json={"whole": True})
        await client.post("/_twin/faults", json={"kind": "empty", "path": "/nowhere"})
        await client.post("/v1/things", json={"a": 1})
        await client.delete("/_twin/requests")
        assert (await client.get("/_twin/requests")).json() == {
            "requests": [], "dropped": 0, "whole": True}  # fmt: skip
        assert len((await client.get("/_twin/faults")).json()["rules"]) == 1
        assert shelf.kept == [{"a": 1}]

    run(shelf.app(), scenario)


def test_the_newest_are_kept_and_the_dropped_are_counted(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(records, "KEPT", 3)

    async def scenario(client: httpx.AsyncClient) -> None:
        for number in range(5):
            await client.get(f"/v1/things/{number}")
        shown = (await client.get("/_twin/requests")).json()
        assert [r["path"] for r in shown["requests"]] == [f"/v1/things/{n}" for n in (2, 3, 4)]
        assert shown["dropped"] == 2

    run(Shelf().app(), scenario)


def test_a_call_that_still_goes_on_is_shown_without_an_end() -> None:
    with (
        on_a_socket(Shelf().app()) as url,
        httpx.Client(base_url=url, trust_env=False) as client,
    ):

        def last() -> dict[str, Any]:
            found: list[dict[str, Any]] = client.get("/_twin/requests").json()["requests"]
            return found[-1] if found else {"fault": None}

        client.post("/_twin/faults", json={"kind": "drip", "path": "*/7"})
        with httpx.stream("GET", f"{url}/v1/things/7", trust_env=False):
            eventually(lambda: last()["fault"], "the call is not shown")
            assert (last()["status"], last()["milliseconds"]) == (200, None)
        eventually(lambda: last()["milliseconds"], "the call never ended")


@pytest.mark.parametrize("value", ['"3"', "true", "-1", "NaN", "null"])
def test_a_latency_is_a_number(run: Run, value: str) -> None:
    async def scenario(client: httpx.AsyncClient) -> None:
        body = f'{{"milliseconds": {value}}}'
        answer = await client.post("/_twin/latency", content=body)
        assert answer.status_code == 400
        assert answer.json()["error"].startswith("milliseconds must be")

    run(Shelf().app(), scenario)
