"""What the end-to-end tests know of a running stack besides its API: stores, ledger, processes."""

import contextlib
import json
import random
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import jwt
import pg8000.native

from local.person import Person, until
from local.queues import AwsCall
from local.resources import ACCOUNT_ID
from local.stack import Stack
from tandem.db.connection import connect
from tandem.settings import DatabaseSettings

ROOT = Path(__file__).parents[2]
FAST_TALKER = {"TURNS_PER_MINUTE": "100000"}
"""Tests speak faster than a person would."""
IMPATIENT = FAST_TALKER | {
    "TURN_LEASE_SECONDS": "8",
    "DELIVERY_LEASE_SECONDS": "8",
    "DELIVERY_CALL_SECONDS": "2",
    "DELIVERY_DOUBT_SECONDS": "4",
    "SWEEP_PATIENCE_SECONDS": "1",
}
"""What a crash leaves locked is free again after seconds, not after a minute."""
PROBLEM_MEMBERS = {"type", "title", "status", "detail", "instance", "code", "request_id"}
_STAGE = "dev"  # the template's default
_ZEP_KEY = {"authorization": "Api-Key test-key"}
_MEM0_KEY = {"authorization": "Token test-key"}


@contextlib.contextmanager
def newcomer(url: str, *, seed: random.Random | None = None, **names: str) -> Iterator[Person]:
    """Somebody who has just signed up and logged in."""
    draw = seed or random.SystemRandom()
    email = f"someone-{draw.getrandbits(64):x}@example.test"
    with Person(url, email=email, password=f"pass-{draw.getrandbits(64):x}") as person:
        person.sign_up(**names)
        person.log_in()
        yield person


def token_of(person: Person) -> str:
    """The access token that goes with the person's calls."""
    return str(person.http.headers["authorization"]).removeprefix("Bearer ")


def claims_of(token: str) -> dict[str, Any]:
    """What a token says; nothing is checked."""
    claims: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})
    return claims


def assert_problem(answer: httpx.Response, status: int, code: str) -> dict[str, Any]:
    """Holds an answer to design §2's problem document; returns it."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["cache-control"] == "no-store"
    body: dict[str, Any] = answer.json()
    assert body.keys() - {"errors", "turn_id"} == PROBLEM_MEMBERS
    assert (body["status"], body["code"]) == (status, code), body
    assert body["request_id"] == answer.headers["x-request-id"]
    for place in body.get("errors", []):
        assert place.keys() == {"loc", "type", "msg"}
    return body


# ------------------------------------------------------------------ the stores


def zep(stack: Stack, method: str, path: str, **request: Any) -> Any:
    """One call to Zep's twin, as anybody with a key may make it."""
    return _asked(f"{stack.zep_url}/api/v4{path}", method, _ZEP_KEY, request)


def mem0(stack: Stack, method: str, path: str, **request: Any) -> Any:
    """One call to Mem0's twin."""
    return _asked(f"{stack.mem0_url}{path}", method, _MEM0_KEY, request)


def name_at_stores(person: Person) -> str:
    """What the stores call a person."""
    return f"{_STAGE}:{claims_of(token_of(person))['sub']}"


def delete_at_stores(stack: Stack, person: Person) -> None:
    """Asks both stores to forget what they know of somebody, and waits until they have."""
    name = name_at_stores(person)
    graph = zep(stack, "POST", "/users/lookup", json={"user_id": name})["graph_uuid"]
    tasks = [
        zep(stack, "DELETE", f"/graphs/{graph}/edges/{edge['uuid']}")["task"]["uuid"]
        for edge in zep(stack, "POST", f"/graphs/{graph}/edges/list", json={})["items"]
    ]
    event = mem0(stack, "DELETE", "/v1/memories/", params={"user_id": name})["event_id"]
    for task in tasks:
        until(partial(_is_done_at_zep, stack, task), "Zep has deleted a fact")
    until(
        lambda: mem0(stack, "GET", f"/v1/event/{event}/")["status"] == "SUCCEEDED",
        "Mem0 has deleted the memories",
    )


def _is_done_at_zep(stack: Stack, task: str) -> bool:
    return bool(zep(stack, "GET", f"/tasks/{task}")["status"] == "succeeded")


def thread_of(stack: Stack, thread_uuid: str) -> list[tuple[str, str]]:
    """Everything in a thread of Zep's, in its order: (role, content)."""
    said: list[tuple[str, str]] = []
    cursor: str | None = None
    while True:
        query = {"page_size": "100"} | ({"cursor": cursor} if cursor else {})
        page = zep(stack, "GET", f"/threads/{thread_uuid}/messages", params=query)
        said += [(message["role"], message["content"]) for message in page["items"]]
        cursor = page.get("next_cursor")
        if cursor is None:
            return said


def _asked(url: str, method: str, key: Mapping[str, str], request: Mapping[str, Any]) -> Any:
    with httpx.Client(trust_env=False, timeout=10) as client:
        answer = client.request(method, url, headers=dict(key), **request)
    answer.raise_for_status()
    return answer.json() if answer.content else None


# ------------------------------------------------------------------ the ledger


@contextlib.contextmanager
def database_of(stack: Stack) -> Iterator[pg8000.native.Connection]:
    """A connection to the stack's own database."""
    connection = connect(stack.database_url, DatabaseSettings(database_statement_seconds=20))
    try:
        yield connection
    finally:
        connection.close()


def row_counts(stack: Stack) -> dict[str, int]:
    """How many rows each table has."""
    with database_of(stack) as connection:
        tables = connection.run(
            "select relname from pg_stat_user_tables where schemaname = 'public' order by relname"
        )
        return {
            name: connection.run(f'select count(*) from "{name}"')[0][0]  # noqa: S608 - its own names
            for (name,) in tables
        }


def age_refresh_tokens(stack: Stack) -> None:
    """As if every refresh token that was used had been so a minute ago."""
    with database_of(stack) as connection:
        connection.run("update refresh_tokens set used_at = used_at - interval '1 minute'")


def nothing_is_owed(stack: Stack) -> bool:
    """Whether everything that anybody said has arrived at both stores."""
    with database_of(stack) as connection:
        unfinished = "select exists (select from deliveries where state in ('owed', 'sent'))"
        return not connection.run(unfinished)[0][0]


def thread_uuid_of(stack: Stack, person: Person, session_id: str) -> str:
    """The thread that stands for a session of this person at Zep."""
    with database_of(stack) as connection:
        [[found]] = connection.run(
            "select zep_thread_uuid from sessions where account_id = cast(:sub as uuid)"
            " and session_id = :label and deleted_at is null",
            sub=claims_of(token_of(person))["sub"],
            label=session_id,
        )
    return str(found)


def until_caught_up(stack: Stack, person: Person, session_ids: Sequence[str]) -> None:
    """Lets the sweep find what is left to be delivered, until all of these sessions is ingested."""

    def is_delivered() -> bool:
        stack.invoke("SweepFunction", {})
        with database_of(stack) as connection:
            [[left]] = connection.run(
                "select count(*) from turns t join sessions s on s.id = t.session_row"
                " left join deliveries d on d.turn_id = t.id"
                " where s.account_id = cast(:sub as uuid) and s.session_id = any(:labels)"
                " and (d.state is null or d.state not in ('ingested', 'cancelled'))",
                sub=claims_of(token_of(person))["sub"],
                labels=list(session_ids),
            )
        return bool(left == 0)

    until(is_delivered, "everything said has been ingested")


# ------------------------------------------------------------------ the queues


def send_message(stack: Stack, queue_id: str, body: str) -> None:
    """Puts a message into a queue."""
    _sqs(stack, queue_id, "SendMessage", MessageBody=body)


def messages_in(stack: Stack, queue_id: str) -> int:
    """How many messages a queue has, those that are being worked on among them."""
    found = _sqs(stack, queue_id, "GetQueueAttributes", AttributeNames=["All"])["Attributes"]
    names = ("ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible")
    return sum(int(found[name]) for name in names)


def _sqs(stack: Stack, queue_id: str, operation: str, **body: Any) -> Any:
    url = f"{stack.aws_url}/{ACCOUNT_ID}/{stack.template.queues[queue_id].name}"
    call = AwsCall(stack.aws_url).build("sqs", operation, {"QueueUrl": url, **body})
    with httpx.Client(trust_env=False, timeout=10) as client:
        answer = client.send(call).raise_for_status()
    return answer.json() if answer.content else None


# ------------------------------------------------------------------ the secret, the output


def change_secret(stack: Stack, **changes: str) -> dict[str, str]:
    """Puts a new version of the secret in place, as an operator does; returns what it was."""
    [name] = stack.template.secret_names.values()
    call = AwsCall(stack.aws_url)
    with httpx.Client(trust_env=False, timeout=10) as client:

        def send(operation: str, **body: str) -> Any:
            return client.send(call.build("secretsmanager", operation, body)).raise_for_status()

        before: dict[str, str] = json.loads(
            send("GetSecretValue", SecretId=name).json()["SecretString"]
        )
        send("PutSecretValue", SecretId=name, SecretString=json.dumps(before | changes))
    return before


def kill_instances(stack: Stack, function_id: str) -> None:
    """Ends every process of a function; the next call starts a new one."""
    for name in stack.pids:
        if name.startswith(f"{function_id}."):
            stack.kill(name)


def log_of(stack: Stack, name: str) -> str:
    """What a process or function has written."""
    path = stack.log_dir / f"{name}.log"
    return path.read_text(errors="replace") if path.exists() else ""
