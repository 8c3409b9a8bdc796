"""What the functions' real processes have imported after one request to each of their routes."""

import re
from collections.abc import Iterator
from uuid import uuid4

import pytest

from local.person import Person
from local.stack import Stack
from tests.e2e.harness import FAST_TALKER, log_of, newcomer

pytestmark = pytest.mark.e2e

_IMPORTED = re.compile(r"^import time:\s+\d+ \|\s+\d+ \|\s+(\S+)$", re.MULTILINE)
# Powertools takes a look at the bare package `botocore`; what costs is below it.
HEAVY = ("agno", "google.genai", "boto3", "botocore.", "openai", "zep_cloud", "mem0")


@pytest.fixture(scope="module")
def imported() -> Iterator[dict[str, set[str]]]:
    """By function: every module that any of its processes has imported, at whatever moment."""
    with Stack(extra_environment=FAST_TALKER | {"PYTHONPROFILEIMPORTTIME": "1"}) as stack:
        _ask_every_route(stack)
        logs = {name: log_of(stack, name) for name in stack.template.functions}
        assert stack.template.api is not None
        for route in stack.template.api.routes:
            method, pattern = route.key.split(" ")
            served = f'"method":"{method}","route":"{pattern}"'
            assert served in logs[route.function_id], served
        yield {name: set(_IMPORTED.findall(log)) for name, log in logs.items()}


def _ask_every_route(stack: Stack) -> None:
    with newcomer(stack.url) as person:
        said = person.chat("one", "I like chess.")
        person.call("GET", f"/api/chat/{said['turn_id']}")
        person.call("POST", "/api/auth/refresh", json={"refresh_token": person.refresh_token})
        person.call("GET", "/api/auth/me")
        person.call("GET", "/api/auth/logins")
        person.http.delete(f"/api/auth/logins/{uuid4()}")
        same = {"current_password": person.password, "new_password": person.password}
        person.call("POST", "/api/auth/password", status=204, json=same)
        person.call("POST", "/api/session/start", status=201, json={"session_id": "two"})
        person.call("GET", "/api/session")
        person.call("GET", "/api/session/one")
        person.until_learned([said["turn_id"]])
        person.history("one", limit=7)
        person.memory(session_id="one")
        person.search("What do I like?")
        _change_memory(person)
        person.call("DELETE", "/api/session/one", status=204)
        stack.invoke("SweepFunction", {})
        stack.invoke("PlanFunction", {})
        stack.invoke("ConsolidateFunction", {"Records": []})
        person.http.get(f"/api/chat/{uuid4()}")
        person.log_out()


def _change_memory(person: Person) -> None:
    person.call("POST", "/api/memory", status=201, json={"statement": "I like tea."})
    run_id = person.call("POST", "/api/memory/consolidate", json={})["run_id"]
    person.call("GET", "/api/memory/consolidations")
    person.call("GET", f"/api/memory/consolidations/{run_id}")
    person.call("POST", f"/api/memory/consolidations/{run_id}/undo")
    person.call("GET", "/api/memory/conflicts")
    person.call("POST", "/api/memory/forget", json={"query": "chess"})
    for method, path in (
        ("POST", f"/api/memory/conflicts/{uuid4()}/resolve"),
        ("PATCH", f"/api/memory/mem_{uuid4()}"),
        ("DELETE", f"/api/memory/mem_{uuid4()}"),
        ("GET", f"/api/memory/mem_{uuid4()}/history"),
    ):
        body = {"POST": {"keep": "both"}, "PATCH": {"text": "I like tea."}}.get(method)
        assert person.http.request(method, path, json=body).status_code == 404, path


@pytest.mark.parametrize(
    "function_id",
    [
        "AuthorizerFunction",
        "AuthFunction",
        "HistoryFunction",
        "MemoryFunction",
        "DeliverFunction",
        "SweepFunction",
        "PlanFunction",
        "MigrateFunction",
    ],
)
def test_a_function_imports_neither_agno_nor_an_sdk(
    imported: dict[str, set[str]], function_id: str
) -> None:
    names = imported[function_id]
    assert "json" in names  # the list is a list of imports
    assert not {name for name in names if name.startswith(HEAVY)}


def test_the_consolidate_job_needs_no_web_and_of_the_sdks_none_but_the_judges(
    imported: dict[str, set[str]],
) -> None:
    names = imported["ConsolidateFunction"]
    assert "memory_api.jobs.tidying" in names
    heavy = tuple(name for name in HEAVY if name != "google.genai")
    assert not {name for name in names if name.startswith((*heavy, "fastapi", "mangum"))}


def test_the_authorizer_imports_no_framework(imported: dict[str, set[str]]) -> None:
    assert "jwt" in imported["AuthorizerFunction"]
    heavy = {"fastapi", "pydantic", "pg8000", "httpx", "tandem", "mangum"}
    assert not heavy & imported["AuthorizerFunction"]


def test_login_needs_no_memory_and_memory_no_password(imported: dict[str, set[str]]) -> None:
    assert "tandem.clients.zep" not in imported["AuthFunction"]
    assert "passlib" not in imported["MemoryFunction"]
    assert "passlib" not in imported["HistoryFunction"]


def test_chat_is_where_agno_is(imported: dict[str, set[str]]) -> None:
    assert {"agno", "google.genai"} <= imported["ChatFunction"]
    assert not imported["ChatFunction"] & {"boto3", "openai", "zep_cloud", "mem0"}
