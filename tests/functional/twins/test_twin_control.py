"""`/_twin/*` told something wrong: one sentence says what."""

from __future__ import annotations

from collections.abc import Callable

import httpx
import pytest

from tests.functional.twins.small_twin import Shelf

Run = Callable[..., None]


@pytest.mark.parametrize("path", ["faults", "latency", "requests"])
@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ('{"kind": "junk",}', "The body is no JSON: line 1, column 16: "),
        ("{'kind': 'junk'}", "The body is no JSON: line 1, column 2: "),
        ("[" * 100_000, "The body is no JSON."),
        (b"\xff", "The body is no JSON."),
        ("", "The body is empty; it must be JSON."),
    ],
)
def test_what_is_no_json_is_refused_with_its_place(
    run: Run, path: str, body: str | bytes, sentence: str
) -> None:
    async def scenario(client: httpx.AsyncClient) -> None:
        answer = await client.post(f"/_twin/{path}", content=body)
        assert answer.status_code == 400
        assert answer.json()["error"].startswith(sentence)
        assert (await client.get("/_twin/faults")).json() == {"rules": []}

    run(Shelf().app(), scenario)


@pytest.mark.parametrize("path", ["/_twin/", "/_twin/fault", "/_twin/faults/"])
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_a_control_path_that_is_none_is_told_what_there_is(
    run: Run, path: str, method: str
) -> None:
    async def scenario(client: httpx.AsyncClient) -> None:
        answer = await client.request(method, path)
        assert answer.status_code == 404
        assert answer.json()["error"] == (
            "No such endpoint; there are GET /_twin/health, GET POST DELETE /_twin/requests, "
            "GET POST DELETE /_twin/faults, POST /_twin/latency, POST /_twin/reset."
        )
        assert (await client.get("/_twin/requests")).json()["requests"] == []

    run(Shelf().app(), scenario)


def test_a_method_that_a_control_endpoint_lacks_is_told_those_it_has(run: Run) -> None:
    async def scenario(client: httpx.AsyncClient) -> None:
        answer = await client.get("/_twin/reset")
        assert (answer.status_code, answer.headers["allow"]) == (405, "POST")
        assert answer.json() == {"error": "/_twin/reset takes POST alone."}

    run(Shelf().app(), scenario)
