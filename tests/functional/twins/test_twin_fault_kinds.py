"""What a call gets that a fault strikes, kind by kind, on a socket."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from local.twins.gemini.app import create as gemini
from local.twins.mem0.app import create as mem0
from local.twins.zep.app import create as zep
from tests.functional.twins.small_twin import THING, Json, Served, Shelf, eventually, on_a_socket

Run = Callable[..., None]


def _struck(served: Served, kind: str, *, times: int = 1) -> None:
    """Nothing but this rule was there, and it is counted as often as it struck."""
    (rule,) = served.rules()
    assert (rule["kind"], rule["seen"], rule["struck"]) == (kind, times, times)
    assert [record["fault"] for record in served.records()] == [kind] * times


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
    served.fault(kind="html", status=504)
    answer = served.add()
    assert answer.status_code == 504
    assert "<h1>504 Gateway Timeout</h1>" in answer.text


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


@pytest.mark.parametrize(
    ("app", "envelope"),
    [
        (zep, {"code": "rate_limited", "message": "this call was made to fail"}),
        (mem0, "This call was made to fail."),
        (gemini, {"code": 429, "status": "RESOURCE_EXHAUSTED"}),
    ],
)
def test_a_status_comes_in_the_services_own_envelope(
    run: Run, app: Callable[..., Any], envelope: Any
) -> None:
    async def scenario(client: httpx.AsyncClient) -> None:
        await client.post("/_twin/faults", json={"kind": "status", "status": 429, "retry_after": 2})
        answer = await client.get("/anything")
        assert (answer.status_code, answer.headers["retry-after"]) == (429, "2")
        said = answer.json()["error"]
        if isinstance(envelope, str):
            assert said == envelope
        else:
            assert envelope.items() <= said.items()
        if app is gemini:
            assert said["details"][0]["retryDelay"] == "2s"

    run(app() if app is gemini else app(data=None), scenario)
