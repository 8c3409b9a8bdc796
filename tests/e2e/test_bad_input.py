"""What bad input gets, through the real gateway: the right refusal, and nothing stored."""

import json
from typing import Any
from uuid import uuid4

import httpx
import pytest

from local.person import Person
from local.stack import Stack
from tests.e2e.harness import (
    assert_problem,
    newcomer,
    row_counts,
)

pytestmark = pytest.mark.e2e

SOMEBODY = {"email": "bad-input@example.test", "password": "long enough"}
NOBODYS = "00000000-0000-4000-8000-000000000000"
RESOLVE = f"/api/memory/conflicts/{NOBODYS}/resolve"
UNDO = f"/api/memory/consolidations/{NOBODYS}/undo"
# A valid body for each route that takes one; `one` is a session that the person has.
BODIES: dict[str, dict[str, Any]] = {
    "/api/auth/signup": SOMEBODY,
    "/api/auth/login": SOMEBODY,
    "/api/auth/refresh": {"refresh_token": "x" * 43},
    "/api/session/start": {"session_id": "two", "title": "A title"},
    "/api/chat": {"session_id": "one", "message": "I live in Quito."},
    "/api/memory/search": {"query": "Where do I live?"},
    "/api/memory": {"statement": "Prefers window seats"},
    "/api/memory/forget": {"query": "dog"},
    "/api/memory/consolidate": {"dry_run": True},
    RESOLVE: {"keep": "both"},
}
LISTS = (
    "/api/session",
    "/api/memory",
    "/api/memory/consolidations",
    "/api/memory/conflicts",
    "/api/history?session_id=one",
)
TEXT_FIELD = {
    "/api/auth/signup": "first_name",
    "/api/auth/login": "email",
    "/api/auth/refresh": "refresh_token",
    "/api/session/start": "title",
    "/api/chat": "message",
    "/api/memory/search": "query",
    "/api/memory": "statement",
    "/api/memory/forget": "query",
    "/api/memory/consolidate": "user_id",
    RESOLVE: "keep",
}


def _post(person: Person, path: str, content: bytes, **headers: str) -> httpx.Response:
    kind = {"content-type": "application/json"}
    return person.http.post(path, content=content, headers=kind | headers)


# ------------------------------------------------------------------ bodies


@pytest.mark.usefixtures("nothing_stored")
@pytest.mark.parametrize("path", BODIES)
def test_a_body_that_is_no_json_is_a_400(anna: Person, path: str) -> None:
    for content in (b'{"email": ', b"{'a': 1}", b"nonsense", b'{"a": 1}}', b"\xff\xfe{}"):
        assert_problem(_post(anna, path, content), 400, "malformed_body")


@pytest.mark.usefixtures("nothing_stored")
@pytest.mark.parametrize("path", BODIES)
def test_a_body_of_another_shape_is_a_422_that_names_only_our_own_fields(
    anna: Person, path: str
) -> None:
    good, text = BODIES[path], TEXT_FIELD[path]
    bodies: list[Any] = [
        [],
        "text",
        None,
        17,
        good | {"surprising_field": "unknown"},
        good | {text: 17},
        good | {text: ["a"]},
        good | {text: {"a": 1}},
        good | {text: True},
        good | {text: "x" * 4_001},
        good | {text: "a\0b"},
    ]
    for body in bodies:
        answer = _post(anna, path, json.dumps(body).encode())
        problem = assert_problem(answer, 422, "invalid_request")
        assert "surprising" not in answer.text
        assert problem["errors"], body
    surrogate = json.dumps(good | {text: "?"}).replace('"?"', '"a\\ud800b"').encode()
    assert_problem(_post(anna, path, surrogate), 422, "invalid_request")
    assert_problem(_post(anna, path, b"[" * 20_000 + b"]" * 20_000), 400, "malformed_body")


@pytest.mark.usefixtures("nothing_stored")
@pytest.mark.parametrize("path", BODIES)
def test_another_content_type_is_a_415_and_too_much_of_the_right_one_a_413(
    anna: Person, path: str
) -> None:
    content = json.dumps(BODIES[path]).encode()
    for kind in ("text/plain", "application/x-www-form-urlencoded", "application/xml", ""):
        answer = anna.http.post(path, content=content, headers={"content-type": kind})
        assert_problem(answer, 415, "unsupported_media_type")
    padded = json.dumps(BODIES[path] | {"padding": "x" * 70_000}).encode()
    assert_problem(_post(anna, path, padded), 413, "body_too_large")
    answer = _post(anna, path, b"x" * 7_000_000)
    assert (answer.status_code, answer.json()) == (413, {"message": "Request Entity Too Large"})


@pytest.mark.usefixtures("nothing_stored")
@pytest.mark.parametrize(
    ("path", "change"),
    [
        ("/api/auth/signup", {"email": "nobody"}),
        ("/api/auth/signup", {"email": "a@b@example.test"}),
        ("/api/auth/signup", {"email": "a\r\nbcc: x@example.test"}),
        ("/api/auth/signup", {"password": "7 chars"}),
        ("/api/auth/signup", {"password": "x" * 129}),
        ("/api/auth/signup", {"user_id": "-starts with a dash"}),
        ("/api/auth/signup", {"user_id": "x" * 65}),
        ("/api/auth/signup", {"first_name": "x" * 101}),
        ("/api/auth/signup", {"last_name": "a\nb"}),
        ("/api/session/start", {"session_id": "../other"}),
        ("/api/session/start", {"session_id": ""}),
        ("/api/session/start", {"title": "x" * 201}),
        ("/api/chat", {"message": ""}),
        ("/api/chat", {"message": " \n "}),
        ("/api/chat", {"session_id": "a b"}),
        ("/api/chat", {"user_id": "é"}),
        ("/api/memory/search", {"query": " "}),
        ("/api/memory/search", {"limit": 0}),
        ("/api/memory/search", {"limit": 51}),
        ("/api/memory/search", {"limit": "10"}),
        ("/api/memory/search", {"scope": "everything"}),
        ("/api/memory/consolidate", {"user_id": "é"}),
        ("/api/memory/consolidate", {"dry_run": "yes"}),
        ("/api/memory/consolidate", {"dry_run": 1}),
        (RESOLVE, {"keep": "all"}),
        (RESOLVE, {"user_id": "a b"}),
    ],
)
def test_a_field_out_of_its_bounds_is_a_422(
    anna: Person, path: str, change: dict[str, Any]
) -> None:
    answer = anna.http.post(path, json=BODIES[path] | change)
    problem = assert_problem(answer, 422, "invalid_request")
    [field] = change
    assert [place["loc"][-1] for place in problem["errors"]] == [field]


@pytest.mark.usefixtures("nothing_stored")
def test_a_password_that_is_the_email_is_a_422(anna: Person) -> None:
    body = {"email": "Bad-Input@example.test", "password": "bad-input@EXAMPLE.test"}
    answer = anna.http.post("/api/auth/signup", json=body)
    assert_problem(answer, 422, "password_is_email")


@pytest.mark.usefixtures("nothing_stored")
@pytest.mark.parametrize(
    "path",
    [
        "/api/history",
        "/api/history?session_id=a%20b",
        "/api/history?session_id=one&limit=0",
        "/api/history?session_id=one&limit=101",
        "/api/history?session_id=one&limit=many",
        "/api/history?session_id=one&surprising_field=1",
        "/api/session?limit=1e3",
        "/api/session?surprising_field=1",
        "/api/session/a%20b",
        "/api/session/one?surprising_field=1",
        "/api/memory?as_of=yesterday",
        "/api/memory?as_of=2026-01-01T00:00:00",
        "/api/memory?include_superseded=perhaps",
        "/api/memory?limit=-1",
        "/api/memory?user_id=%00",
        "/api/memory?surprising_field=1",
        "/api/memory/consolidations?limit=0",
        "/api/memory/consolidations?surprising_field=1",
        "/api/memory/consolidations/not-a-uuid",
        "/api/memory/conflicts?limit=21",
        "/api/memory/conflicts?user_id=%00",
        "/api/chat/not-a-uuid",
    ],
)
def test_a_bad_query_or_path_is_a_422(anna: Person, path: str) -> None:
    answer = anna.http.get(path)
    assert_problem(answer, 422, "invalid_request")
    assert "surprising" not in answer.text


@pytest.mark.usefixtures("nothing_stored")
def test_a_cursor_that_is_not_of_this_list_is_a_422(anna: Person) -> None:
    anothers = anna.call("GET", "/api/history", params={"session_id": "one", "limit": "1"})
    for cursor in ("nonsense", "é", "", "x" * 4_000, anothers["next_cursor"][:-2]):
        for path in LISTS:
            answer = anna.http.get(httpx.URL(path).copy_merge_params({"cursor": cursor}))
            assert_problem(answer, 422, "invalid_cursor")
    answer = anna.http.get("/api/session", params={"cursor": anothers["next_cursor"]})
    assert_problem(answer, 422, "invalid_cursor")


@pytest.mark.usefixtures("nothing_stored")
@pytest.mark.parametrize("key", ["", "two words", "k" * 256])
def test_an_idempotency_key_out_of_its_bounds_is_a_422(anna: Person, key: str) -> None:
    headers = {"idempotency-key": key}
    answer = anna.http.post("/api/chat", json=BODIES["/api/chat"], headers=headers)
    assert_problem(answer, 422, "invalid_request")


# ------------------------------------------------------------------ whose it is


@pytest.mark.usefixtures("nothing_stored")
def test_someone_elses_user_id_is_a_403_wherever_one_may_be_named(
    anna: Person,
) -> None:
    somebody = "somebody-else"
    requests: list[tuple[str, str, dict[str, Any]]] = [
        ("POST", "/api/session/start", {"json": {"user_id": somebody, "session_id": "two"}}),
        ("POST", "/api/chat", {"json": BODIES["/api/chat"] | {"user_id": somebody}}),
        ("GET", "/api/history", {"params": {"session_id": "one", "user_id": somebody}}),
        ("GET", "/api/memory", {"params": {"user_id": somebody}}),
        ("POST", "/api/memory/search", {"json": {"query": "home", "user_id": somebody}}),
        ("POST", "/api/memory/consolidate", {"json": {"user_id": somebody}}),
        ("GET", "/api/memory/consolidations", {"params": {"user_id": somebody}}),
        ("GET", UNDO.removesuffix("/undo"), {"params": {"user_id": somebody}}),
        ("POST", UNDO, {"json": {"user_id": somebody}}),
        ("GET", "/api/memory/conflicts", {"params": {"user_id": somebody}}),
        ("POST", RESOLVE, {"json": {"keep": "both", "user_id": somebody}}),
    ]
    for method, path, request in requests:
        assert_problem(anna.http.request(method, path, **request), 403, "forbidden_user")


def test_someone_elses_session_or_turn_is_a_404_like_one_that_never_was(
    stack: Stack, anna: Person
) -> None:
    turn_id = anna.history("one", limit=1)[0]["turn_id"]
    with newcomer(stack.url) as other:
        before = row_counts(stack)
        for session_id in ("one", "never-was"):
            for method, path in (
                ("GET", f"/api/session/{session_id}"),
                ("DELETE", f"/api/session/{session_id}"),
                ("GET", f"/api/history?session_id={session_id}"),
                ("GET", f"/api/memory?session_id={session_id}"),
            ):
                assert_problem(other.http.request(method, path), 404, "session_not_found")
        for turn in (turn_id, str(uuid4())):
            assert_problem(other.http.get(f"/api/chat/{turn}"), 404, "turn_not_found")
        assert row_counts(stack) == before
    assert len(anna.history("one", limit=7)) == 2


def test_someone_elses_run_is_a_404_like_one_that_never_was(stack: Stack, anna: Person) -> None:
    run_id = anna.call("POST", "/api/memory/consolidate", json={})["run_id"]
    with newcomer(stack.url) as other:
        before = row_counts(stack)
        for path in (f"/api/memory/consolidations/{run_id}", UNDO.removesuffix("/undo")):
            assert_problem(other.http.get(path), 404, "run_not_found")
            assert_problem(other.http.post(f"{path}/undo", json={}), 404, "run_not_found")
        answer = other.http.post(RESOLVE, json={"keep": "both"})
        assert_problem(answer, 404, "conflict_not_found")
        assert row_counts(stack) == before
    assert anna.call("GET", f"/api/memory/consolidations/{run_id}")["status"] == "done"


@pytest.mark.usefixtures("nothing_stored")
def test_a_second_signup_is_a_409_by_email_or_by_user_id(anna: Person) -> None:
    user_id = anna.call("GET", "/api/auth/me")["user_id"]
    for body in (
        {"email": anna.email, "password": "long enough"},
        {"email": f" {anna.email.upper()} ", "password": "long enough"},
        {"email": "bad-input@example.test", "password": "long enough", "user_id": user_id},
    ):
        assert_problem(anna.http.post("/api/auth/signup", json=body), 409, "user_exists")


def test_wrong_credentials_are_the_same_401_for_an_unknown_email(anna: Person) -> None:
    told = [
        assert_problem(anna.http.post("/api/auth/login", json=body), 401, "bad_credentials")
        for body in (
            {"email": anna.email, "password": "not this one"},
            {"email": "nobody@example.test", "password": "not this one"},
        )
    ]
    assert told[0]["detail"] == told[1]["detail"]


# ------------------------------------------------------------------ the gateway's own


@pytest.mark.usefixtures("nothing_stored")
def test_what_is_no_route_is_the_gateways_404(anna: Person) -> None:
    for method, path in (
        ("GET", "/"),
        ("GET", "/api"),
        ("GET", "/api/chat"),
        ("PUT", "/api/chat"),
        ("POST", "/api/chat/"),
        ("GET", "/docs"),
        ("GET", "/openapi.json"),
    ):
        answer = anna.http.request(method, path)
        assert (answer.status_code, answer.json()) == (404, {"message": "Not Found"}), path


def test_a_preflight_is_answered_without_a_token_and_only_for_known_origins(stack: Stack) -> None:
    asked = {"access-control-request-method": "POST", "origin": "http://localhost:5173"}
    with httpx.Client(base_url=stack.url, trust_env=False) as client:
        answer = client.options("/api/chat", headers=asked)
        assert answer.status_code == 204
        assert answer.headers["access-control-allow-origin"] == "http://localhost:5173"
        assert "POST" in answer.headers["access-control-allow-methods"]
        for name in ("authorization", "content-type", "idempotency-key"):
            assert name in answer.headers["access-control-allow-headers"].lower()
        refused = client.options("/api/chat", headers=asked | {"origin": "http://evil.test"})
        assert "access-control-allow-origin" not in refused.headers
        denied = client.post("/api/chat", headers={"origin": "http://localhost:5173"})
        assert denied.status_code == 401
        assert denied.headers["access-control-allow-origin"] == "http://localhost:5173"


def test_what_the_model_says_when_it_fails_never_reaches_the_person(stack: Stack) -> None:
    words = "quota of project 8675309 exhausted, contact sales"
    with newcomer(stack.url) as person:
        for status, expected in ((400, 503), (429, 503), (500, 503)):
            plan = {"kind": "status", "status": status, "message": words, "times": 8}
            httpx.post(f"{stack.gemini_url}/_twin/next", json=plan, trust_env=False)
            answer = person.http.post("/api/chat", json={"message": "I like yoga."})
            httpx.post(f"{stack.gemini_url}/_twin/reset", trust_env=False)
            assert answer.status_code == expected, answer.text
            problem = answer.json()
            assert answer.headers["content-type"] == "application/problem+json"
            assert int(answer.headers["retry-after"]) >= 1
            assert "8675309" not in answer.text
            assert "quota" not in answer.text
            again = person.http.post(
                "/api/chat",
                json={"message": "I like yoga."},
                headers={"idempotency-key": problem["turn_id"]},
            )
            assert again.status_code == 200, again.text
            assert again.json()["turn_id"] == problem["turn_id"]
