"""The memory function's view, with both stores behind their wires."""

import json
import os
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest

from tandem.db.memory import Looked
from tandem.db.sessions import session_not_found
from tandem.errors import Forbidden, Unauthenticated
from tests.conftest import MakeEvent
from tests.functional.memory.memory_requests import Api, story
from tests.functional.memory.stores_on_wire import GRAPH, HANGS, edge, memory
from tests.own_process import run_python


def test_the_view_has_the_shape_that_is_promised(api: Api) -> None:
    story(api.stores)
    status, body = api.view()
    assert status == 200
    assert set(body) == {"entities", "facts", "pending", "degraded", "next_cursor", "context"}
    assert body["degraded"] == body["pending"] == []
    assert body["next_cursor"] is body["context"] is None
    assert [entity["text"] for entity in body["entities"]] == ["Mumbai: A city."]
    assert [(fact["text"], fact["store"], fact["kind"]) for fact in body["facts"]] == [
        ("Likes chess.", "both", "memory"),
        ("Lives in Mumbai", "zep", "fact"),
    ]
    mumbai = body["facts"][1]
    assert mumbai.pop("id").startswith("fact_")
    assert mumbai == {
        "store": "zep",
        "kind": "fact",
        "text": "Lives in Mumbai",
        "valid_from": "2026-10-20T09:00:00Z",
        "valid_to": None,
        "last_confirmed_at": None,
        "score": None,
        "source": [],
        "superseded": False,
        "conflicts": [],
    }


def test_delhi_is_still_there_with_its_end_when_superseded_facts_are_asked_for(api: Api) -> None:
    story(api.stores)
    _, body = api.view(include_superseded="true")
    [delhi] = [fact for fact in body["facts"] if fact["text"] == "Lives in Delhi"]
    assert (delhi["store"], delhi["valid_to"]) == ("both", "2026-10-20T09:00:00Z")
    superseded = {fact["text"]: fact["superseded"] for fact in body["facts"]}
    assert superseded == {"Lives in Delhi": True, "Likes chess.": False, "Lives in Mumbai": False}
    _, body = api.view(as_of="2021-06-01T00:00:00+05:30")
    assert "Lives in Delhi" in [fact["text"] for fact in body["facts"]]


def test_a_named_session_gets_the_context_of_its_next_turn(api: Api) -> None:
    story(api.stores)
    status, body = api.view(user_id="ada", session_id="sess789")
    assert status == 200
    assert body["context"].startswith("<evidence>\n")
    assert "Lives in Mumbai" in body["context"]
    assert "Lives in Delhi" not in body["context"]


def test_all_pages_together_show_every_statement_once_within_the_calls_a_page_may_make(
    api: Api,
) -> None:
    api.stores.memories = [memory(f"statement {n}") for n in range(25)]
    api.stores.edges = [edge(f"statement {n}") for n in range(20, 380)]
    shown: list[str] = []
    cursor: dict[str, str] = {}
    for _ in range(60):
        api.stores.requests.clear()
        status, body = api.view(limit="10", **cursor)
        assert status == 200
        assert len(body["facts"]) <= 10
        assert len(api.stores.asked("zep")) <= 4
        assert len(api.stores.asked("mem0")) <= 3
        shown += [fact["text"] for fact in body["facts"]]
        if body["next_cursor"] is None:
            break
        cursor = {"cursor": body["next_cursor"]}
    assert sorted(shown) == sorted(f"statement {n}" for n in range(380))


@pytest.mark.parametrize("failure", [500, 401, 400, HANGS])
def test_the_view_answers_without_a_store_that_fails_and_names_it(api: Api, failure: int) -> None:
    story(api.stores)
    api.stores.statuses = {"zep": failure}
    status, body = api.view()
    assert (status, body["degraded"]) == (200, ["zep"])
    assert [fact["text"] for fact in body["facts"]] == ["Lives in Delhi", "Likes chess."]
    api.stores.statuses = {"mem0": failure}
    status, body = api.view()
    assert (status, body["degraded"]) == (200, ["mem0"])
    assert [fact["text"] for fact in body["facts"]] == ["Lives in Mumbai", "Likes chess"]
    assert "CANARY" not in json.dumps(body)


def test_zep_is_not_called_for_a_person_who_never_had_contact(api: Api) -> None:
    api.ledger.looked = Looked(None, [], None)
    api.stores.memories = [memory("Likes chess")]
    status, body = api.view(user_id="ada", session_id="sess789")
    assert (status, body["degraded"]) == (200, [])
    assert api.stores.asked("zep") == []


def test_both_stores_are_asked_for_this_person_alone(api: Api) -> None:
    story(api.stores)
    api.view()
    api.search({"query": "Where do I live?"})
    sub = "0b0e1c52-6f0e-4f6c-9d0e-0a4f5d1c2b3a"
    asked = [body["filters"] for store, _, body in api.stores.requests if store == "mem0"]
    assert asked == [{"user_id": f"test:{sub}"}] * 2
    assert all(path.startswith(f"/api/v4/graphs/{GRAPH}/") for path in api.stores.asked("zep"))


@pytest.mark.parametrize(
    "query",
    [
        {"limit": "0"},
        {"limit": "101"},
        {"limit": "ten"},
        {"as_of": "2026-11-20T09:00:00"},
        {"as_of": "2026-11-20"},
        {"as_of": "yesterday"},
        {"include_superseded": "perhaps"},
        {"session_id": "../etc"},
        {"session_id": ""},
        {"user_id": "a" * 65},
        {"unknown_canary": "1"},
        {"cursor": "x" * 5_000},
        {"cursor": "nonsense"},
        {"cursor": ""},
    ],
)
def test_a_view_that_asks_wrongly_is_a_422_and_nothing_is_read(
    api: Api, query: dict[str, str]
) -> None:
    status, body = api.view(**query)
    assert status == 422
    assert body["code"] in {"invalid_request", "invalid_cursor"}
    assert "canary" not in json.dumps(body)
    assert api.stores.requests == []


@pytest.mark.parametrize(
    ("refusal", "expected"),
    [
        (Unauthenticated(), (401, "login_ended")),
        (Forbidden(code="forbidden_user"), (403, "forbidden_user")),
        (session_not_found(), (404, "session_not_found")),
    ],
)
def test_the_databases_no_reaches_the_caller_before_any_store_is_asked(
    api: Api, refusal: Exception, expected: tuple[int, str]
) -> None:
    api.ledger.refusal = refusal
    for status, body in (api.view(), api.search({"query": "x"})):
        assert (status, body["code"]) == expected
    assert api.stores.requests == []


def test_nothing_that_was_asked_or_is_remembered_gets_into_the_log(
    api: Api, log_lines: Callable[[], list[dict[str, Any]]]
) -> None:
    canary = f"canary{uuid4().hex}"
    api.stores.edges = [edge(f"Likes {canary}")]
    api.stores.memories = [memory(f"Likes {canary}")]
    api.stores.found = [memory(f"Likes {canary}", score=0.123456)]
    api.view()
    api.search({"query": canary})
    api.search({"query": canary, "scope": "hybrid"})
    api.search({"query": canary, canary: canary})
    api.stores.statuses = {"zep": 500, "mem0": 500}
    api.view()
    api.search({"query": f"before {canary}", "scope": "hybrid"})
    lines = log_lines()
    written = json.dumps(lines)
    assert canary not in written
    assert "0.123456" not in written
    assert "CANARY" not in written
    degraded = [line for line in lines if line["message"] == "degraded"]
    assert {line["context_provider"] for line in degraded} == {"zep", "mem0"}
    assert {line["level"] for line in degraded} == {"WARNING"}


_FRESH_PROCESS = """
import json, sys
from memory_api.app import handler
for event in json.load(sys.stdin):
    answer = handler(event, None)
    assert answer["statusCode"] == 503, answer
    assert json.loads(answer["body"])["code"] == "database_unavailable", answer
heavy = {"agno", "google.genai", "boto3", "botocore.session", "argon2", "passlib", "jwt"}
print(json.dumps(sorted(heavy & set(sys.modules))))
"""


def test_a_fresh_process_answers_without_loading_what_only_other_functions_need(
    http_event: MakeEvent,
) -> None:
    """Wired by `app.py` itself; the database is a port on which nobody listens."""
    done = run_python(
        _FRESH_PROCESS,
        "layers/common",
        "functions/memory",
        given=[http_event("memory_view"), http_event("memory_search")],
        environment={
            "PATH": os.environ["PATH"],
            "STAGE": "test",
            "DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none",
            "ZEP_BASE_URL": "http://127.0.0.1:1",
            "MEM0_API_URL": "http://127.0.0.1:1",
            "DELIVERY_QUEUE_URL": "http://127.0.0.1:1/queue",
            "CONSOLIDATION_QUEUE_URL": "http://127.0.0.1:1/queue",
            "POWERTOOLS_SERVICE_NAME": "memory",
        },
        measured=True,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1]) == []
