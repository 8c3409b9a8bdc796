"""How the chat function starts: in a process of its own, as a container does."""

import json
import subprocess
from collections.abc import Callable
from typing import Any

import pytest

from tests.own_process import run_python

SETTINGS = {
    "STAGE": "test",
    "ZEP_BASE_URL": "http://127.0.0.1:9",
    "MEM0_API_URL": "http://127.0.0.1:9",
    "GEMINI_BASE_URL": "http://127.0.0.1:9",
    "DELIVERY_QUEUE_URL": "http://127.0.0.1:9/queue",
    "AWS_REGION": "us-east-1",
    "AWS_ACCESS_KEY_ID": "test-key",
    "AWS_SECRET_ACCESS_KEY": "test-key",
    "POWERTOOLS_METRICS_NAMESPACE": "Tandem",
}


def start(code: str, given: Any = None, **environment: str) -> subprocess.CompletedProcess[str]:
    return run_python(
        code,
        "layers/common",
        "functions/chat",
        environment=SETTINGS | environment,
        given=given,
        measured=True,
    )


def test_it_starts_without_a_secret_or_a_network_and_without_boto3() -> None:
    code = """
import socket, sys
def refuse(*_): raise AssertionError("connected at import")
socket.create_connection = socket.socket.connect = refuse
import chat_api.app
print(*sys.modules)
"""
    started = start(code, SECRET_ARN="arn:test")

    assert started.returncode == 0, started.stderr
    modules = set(started.stdout.split())
    assert {"agno", "google.genai"} <= modules
    assert not modules & {"boto3", "passlib", "dateparser", "sqlalchemy", "openai"}


def test_it_rehearses_a_turn_that_calls_nobody_writes_nothing_and_leaves_nothing_behind() -> None:
    code = """
import asyncio, socket, sys
def refuse(*_): raise AssertionError("connected at import")
socket.create_connection = socket.socket.connect = refuse
import chat_api.app as app
from chat_api.warm_up import rehearse
from tandem.loop import container_loop
from tandem.observability import metrics
loaded = set(sys.modules)
reply = rehearse(app.service.gather)
assert reply.text == "Ready." and reply.usage["model_calls"] == 1
print(sorted(set(sys.modules) - loaded), app.gemini._client, app.gemini._key == "",
      app.secrets._values, metrics.metric_set, asyncio.all_tasks(container_loop()))
"""
    started = start(code, SECRET_ARN="arn:test")

    # Nothing is loaded the second time, and not one line of log or metrics is written.
    assert started.stdout.strip() == "[] None True {} {} set()", started.stderr


def test_a_rehearsal_that_goes_wrong_is_only_a_slower_first_turn() -> None:
    code = """
import httpx
httpx.MockTransport.handle_async_request = None
import chat_api.app as app
from chat_api.warm_up import rehearse
print(rehearse(app.service.gather), callable(app.handler))
"""
    started = start(code)

    assert started.stdout.strip() == "None True", started.stderr


_WRONG = "has a value that is not accepted"
WRONG_SETTINGS = [
    ("STAGE", "", "is missing"),
    ("STAGE", "Canary!", _WRONG),
    ("ZEP_BASE_URL", "canary", _WRONG),
    ("MEM0_API_URL", "", "is missing"),
    ("GEMINI_BASE_URL", "canary", _WRONG),
    ("DELIVERY_QUEUE_URL", "", "is missing"),
    ("MODEL_CALLS_PER_TURN", "0", _WRONG),
    ("MODEL_SECONDS", "canary", _WRONG),
    ("DATABASE_STATEMENT_SECONDS", "-1", _WRONG),
]


def test_it_refuses_to_start_with_a_wrong_setting_and_names_it() -> None:
    code = """
import importlib, json, os, sys
from tandem.errors import ConfigurationError
for name, value, _ in json.load(sys.stdin):
    before = os.environ.get(name)
    os.environ[name] = value
    try:
        importlib.import_module("chat_api.app")
    except ConfigurationError as error:
        print(error)
    finally:
        os.environ.pop(name) if before is None else os.environ.update({name: before})
import chat_api.app  # with all of them right again
print("started")
"""
    started = start(code, WRONG_SETTINGS)

    assert started.returncode == 0, started.stderr
    assert started.stdout.splitlines() == [
        *(f"{name}: {reason}" for name, _, reason in WRONG_SETTINGS),
        "started",
    ]


def test_before_a_snapshot_connection_key_and_secrets_are_let_go() -> None:
    code = """
import snapshot_restore_py
import chat_api.app as app
app.secrets._values, app.secrets._good_until = {"GEMINI_API_KEY": "test-key"}, float("inf")
before = app.gemini.client()
for action, arguments, options in snapshot_restore_py.get_before_snapshot():
    action(*arguments, **options)
print(app.secrets._values, app.database._connection, app.gemini._client, app.gemini._key == "")
"""
    started = start(code)

    assert started.stdout.strip() == "{} None None True", started.stderr


_TWO_REQUESTS = """
import json, sys
import chat_api.app as app
for event in json.load(sys.stdin):
    answer = app.handler(event, None)
    print("ANSWER " + json.dumps([answer["statusCode"], answer["headers"], answer["body"]]))
"""


@pytest.mark.parametrize(
    ("secrets", "code"),
    [
        ({"DATABASE_URL": "postgresql://nobody:canary@127.0.0.1:9/none"}, "database_unavailable"),
        ({}, "not_configured"),
    ],
)
def test_without_its_database_or_a_secret_it_says_when_to_come_back(
    http_event: Callable[..., dict[str, Any]], secrets: dict[str, str], code: str
) -> None:
    events = [http_event("chat", body={"message": "canary"}), http_event("chat_turn")]

    started = start(_TWO_REQUESTS, events, **secrets)

    assert started.returncode == 0, started.stderr
    lines = started.stdout.splitlines()
    answers = [json.loads(line.removeprefix("ANSWER ")) for line in lines if "ANSWER" in line]
    for status, headers, body in answers:
        assert (status, json.loads(body)["code"]) == (503, code)
        assert headers["retry-after"] == "2"
    assert ["turn_id" in json.loads(body) for _, _, body in answers] == [True, False]
    logged = [json.loads(line) for line in lines if "ANSWER" not in line and '"level"' in line]
    assert [line["status"] for line in logged if line["message"] == "request"] == [503, 503]
    assert "canary" not in started.stdout + started.stderr
    if not secrets:
        assert {line.get("context_setting") for line in logged} == {"DATABASE_URL"}
