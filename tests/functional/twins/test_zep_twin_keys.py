"""What holds for every call to the Zep twin: idempotency keys, limits on requests, errors."""

from __future__ import annotations

import math
import time
import uuid
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx

from local.twins.zep.app import create

KEY = "Api-Key test-key"
V4 = "/api/v4"
Run = Callable[..., None]
Settled = Callable[..., Awaitable[dict[str, Any]]]


def _key() -> dict[str, str]:
    return {"Idempotency-Key": str(uuid.uuid4())}


def test_every_kind_of_write_is_done_once_for_its_key(run: Run) -> None:
    async def scenario(client: httpx.AsyncClient) -> None:
        async def twice(method: str, path: str, body: Any = None) -> dict[str, Any]:
            headers = _key()
            first = await client.request(method, V4 + path, json=body, headers=headers)
            again = await client.request(method, V4 + path, json=body, headers=headers)
            assert (first.status_code, first.json()) == (again.status_code, again.json())
            assert first.status_code < 300
            return first.json()  # type: ignore[no-any-return]

        user = await twice("POST", "/users", {"user_id": "test:1"})
        where = f"/users/{user['uuid']}"
        renamed = await twice("PATCH", where, {"first_name": "Ada"})
        assert renamed["first_name"] == "Ada"
        await twice("PUT", f"{where}/summary-instructions", {"instructions": []})
        thread = await twice("POST", "/threads", {"user_uuid": user["uuid"]})
        assert (await client.get(f"{V4}/threads")).json()["total_size"] == 1
        body = {"messages": [{"role": "user", "content": "Hello"}]}
        added = await twice("POST", f"/threads/{thread['uuid']}/messages", body)
        assert added["task"]["status"] == "pending"
        await twice("DELETE", f"/threads/{thread['uuid']}")
        assert (await client.get(f"{V4}/tasks")).json()["total_size"] == 2

    run(create(data=None, ingestion_ms=60_000), scenario, authorization=KEY)


def test_a_key_that_comes_back_with_another_body_is_refused(run: Run) -> None:
    async def scenario(client: httpx.AsyncClient) -> None:
        headers = _key()
        first = await client.post(f"{V4}/users", json={"user_id": "a"}, headers=headers)
        other = await client.post(f"{V4}/users", json={"user_id": "b"}, headers=headers)
        assert (other.status_code, other.json()["error"]["code"]) == (400, "idempotency_mismatch")
        elsewhere = await client.post(
            f"{V4}/threads", json={"user_uuid": first.json()["uuid"]}, headers=headers
        )
        assert elsewhere.status_code == 201
        assert (await client.post(f"{V4}/users/list")).json()["total_size"] == 1

    run(create(data=None), scenario, authorization=KEY)


def test_reads_by_post_are_answered_afresh_though_they_carry_a_key(run: Run) -> None:
    async def scenario(client: httpx.AsyncClient) -> None:
        headers = _key()
        calls = [
            ("/users/list", {}, lambda body: body["total_size"]),
            ("/lookup", {"users": ["a"]}, lambda body: body["items"][0]["found"]),
        ]
        for expected in ([0, False], [1, True]):
            for (path, body, seen), wanted in zip(calls, expected, strict=True):
                answer = await client.post(V4 + path, json=body, headers=headers)
                assert seen(answer.json()) == wanted
            await client.post(f"{V4}/users", json={"user_id": "a"})

    run(create(data=None), scenario, authorization=KEY)


def test_a_refusal_is_not_kept_for_its_key(run: Run) -> None:
    async def scenario(client: httpx.AsyncClient) -> None:
        headers = _key()
        lookup = {"user_id": "a"}
        path = f"{V4}/users/lookup"
        assert (await client.post(path, json=lookup, headers=headers)).status_code == 404
        await client.post(f"{V4}/users", json={"user_id": "a"})
        assert (await client.post(path, json=lookup, headers=headers)).status_code == 200
        headers = _key()
        taken = await client.post(f"{V4}/users", json={"user_id": "a"}, headers=headers)
        assert taken.status_code == 400
        free = await client.post(f"{V4}/users", json={"user_id": "b"}, headers=headers)
        assert free.status_code == 201

    run(create(data=None), scenario, authorization=KEY)


def test_a_key_is_known_after_a_restart_and_forgotten_in_time(run: Run, tmp_path: Path) -> None:
    headers, answers = _key(), []

    async def scenario(client: httpx.AsyncClient) -> None:
        answer = await client.post(f"{V4}/users", json={}, headers=headers)
        answers.append(answer.json()["uuid"])

    for lifetime in (60, 60, 0):
        app = create(data=tmp_path, idempotency_seconds=lifetime)
        run(app, scenario, authorization=KEY)
    assert answers[0] == answers[1] != answers[2]


def test_what_was_answered_about_a_deleted_thread_is_told_to_nobody(
    run: Run, settled: Settled
) -> None:
    async def scenario(client: httpx.AsyncClient) -> None:
        user = (await client.post(f"{V4}/users", json={})).json()["uuid"]
        thread = (await client.post(f"{V4}/threads", json={"user_uuid": user})).json()["uuid"]
        path, headers = f"{V4}/threads/{thread}/messages", _key()
        body = {"messages": [{"role": "user", "content": "I like tea"}]}
        assert (await client.post(path, json=body, headers=headers)).status_code == 202
        goodbye = _key()
        deleted = await client.delete(f"{V4}/threads/{thread}", headers=goodbye)
        await settled(client, f"{V4}/tasks/{deleted.json()['task']['uuid']}", "succeeded")
        assert (await client.post(path, json=body, headers=headers)).status_code == 404
        again = await client.delete(f"{V4}/threads/{thread}", headers=goodbye)
        assert (again.status_code, again.json()) == (202, deleted.json())
        assert (await client.delete(f"{V4}/threads/{thread}", headers=_key())).status_code == 404

    run(create(data=None, ingestion_ms=1), scenario, authorization=KEY)


def test_a_limit_on_requests_is_told_and_kept(run: Run) -> None:
    async def scenario(client: httpx.AsyncClient) -> None:
        paths = ["/users/list", "/nowhere", f"/users/{uuid.uuid4()}", "/users/list"]
        for left, path in zip((3, 2, 1, 0), paths, strict=True):
            answer = await client.post(V4 + path, json={})
            assert answer.status_code in {200, 501}
            assert answer.headers["X-RateLimit-Limit"] == "4"
            assert answer.headers["X-RateLimit-Remaining"] == str(left)
            assert answer.headers["X-RateLimit-Increment"] == "1"
            assert 0 < int(answer.headers["X-RateLimit-Reset"]) - time.time() <= 61
            assert "Retry-After" not in answer.headers
        refused = await client.get(f"{V4}/threads")
        assert (refused.status_code, refused.json()["error"]["code"]) == (429, "rate_limited")
        wait = int(refused.headers["Retry-After"])
        assert wait == math.ceil(wait) and 0 < wait <= 60
        assert refused.headers["X-RateLimit-Remaining"] == "0"
        unauthorised = await client.get(f"{V4}/threads", headers={"authorization": ""})
        assert unauthorised.status_code == 401
        await client.post("/_twin/reset")
        assert (await client.get(f"{V4}/threads")).status_code == 200

    run(create(data=None, requests_per_minute=4), scenario, authorization=KEY)


def test_without_a_limit_no_header_speaks_of_one(run: Run) -> None:
    async def scenario(client: httpx.AsyncClient) -> None:
        answer = await client.get(f"{V4}/threads")
        assert not [name for name in answer.headers if "ratelimit" in name.lower()]

    run(create(data=None), scenario, authorization=KEY)


def test_every_refusal_below_v4_has_the_same_form(run: Run) -> None:
    async def scenario(client: httpx.AsyncClient) -> None:
        for method, path, content, status, code in (
            ("POST", "/users", b"{", 400, "invalid_request"),
            ("POST", "/users", b"[]", 400, "invalid_request"),
            ("POST", "/users", b"\xff", 400, "invalid_request"),
            ("GET", "/users", b"", 501, "not_implemented"),
            ("PUT", f"/users/{uuid.uuid4()}", b"{}", 501, "not_implemented"),
            ("POST", "/context-templates", b"{}", 501, "not_implemented"),
            ("GET", "/threads/a", b"", 400, "invalid_identifier"),
            ("GET", f"/tasks/{uuid.uuid4()}", b"", 404, "not_found"),
        ):
            answer = await client.request(method, V4 + path, content=content)
            assert answer.status_code == status, path
            error = answer.json()["error"]
            assert set(error) == {"code", "message", "param", "details", "request_id"}
            assert (error["code"], error["details"]) == (code, {})
            assert uuid.UUID(error["request_id"])
        for key in ("", "Bearer test-key", "Api-Key", "Api-Key  "):
            refused = await client.get(f"{V4}/users/x", headers={"authorization": key})
            assert (refused.status_code, refused.json()["error"]["code"]) == (401, "unauthorized")

    run(create(data=None), scenario, authorization=KEY)
