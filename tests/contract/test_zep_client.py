"""Our Zep client against what zep-cloud 4.0.1 sends, and against Zep's refusals."""

import asyncio
from collections.abc import Awaitable, Collection
from inspect import signature
from typing import Any

import httpx
import pytest

from tandem.clients.zep import ZepClient
from tandem.errors import UpstreamRejected
from tests.contract.wire import Recorder, recorded_calls
from tests.contract.zep_calls import (
    A_TASK,
    A_USER,
    CALLS,
    COMPOSED,
    GRAPH,
    NOT_FOUND,
    TASK,
    USER,
    answered,
    failure,
    run,
)


@pytest.mark.parametrize(
    "recorded", recorded_calls("zep-cloud-4.0.1.json"), ids=lambda call: call["operation"]
)
def test_each_request_is_the_one_that_the_official_client_sends(recorded: dict[str, Any]) -> None:
    call, answer = CALLS[recorded["operation"]]
    recorder = Recorder([httpx.Response(200, json=answer)])

    run(recorder, call)

    [request] = recorder.requests
    assert request.method == recorded["method"]
    assert recorder.path == recorded["path"]
    assert [list(pair) for pair in request.url.params.multi_items()] == recorded["query"]
    assert recorder.body == recorded["body"]
    sent = {name: request.headers[name] for name in recorded["headers"]}
    assert sent == recorded["headers"]
    assert ("content-type" in request.headers) == ("content-type" in recorded["headers"])


def test_the_recording_covers_every_call_of_the_client() -> None:
    recorded = {call["operation"] for call in recorded_calls("zep-cloud-4.0.1.json")}
    public = {name for name in dir(ZepClient) if not name.startswith("_")}

    assert recorded == CALLS.keys() == public - COMPOSED.keys()


@pytest.mark.parametrize("name", sorted(CALLS))
def test_writes_carry_the_callers_key_in_every_attempt_and_reads_none(name: str) -> None:
    call, answer = CALLS[name]
    recorder = Recorder([httpx.ConnectError("refused"), httpx.Response(200, json=answer)])

    run(recorder, call)

    keys = [request.headers.get("idempotency-key") for request in recorder.requests]
    assert keys == (["key-1"] * 2 if "idempotency_key" in parameters(name) else [None] * 2)


def test_a_key_is_asked_for_whatever_changes_something() -> None:
    keyed = {name for name in CALLS if "idempotency_key" in parameters(name)}
    official = {
        call["operation"]
        for call in recorded_calls("zep-cloud-4.0.1.json")
        if call["idempotency_key"]
    }

    assert keyed <= official
    # Official clients send one with every POST; these only read.
    assert official - keyed == {
        "find_user",
        "graph_context",
        "search_edges",
        "search_nodes",
        "search_episodes",
        "list_edges",
        "list_nodes",
        "list_episodes",
    }


def parameters(name: str) -> Collection[str]:
    return signature(getattr(ZepClient, name)).parameters


def test_the_key_is_asked_anew_for_each_call() -> None:
    recorder = Recorder([httpx.Response(200, json=A_TASK)])
    keys = iter(["old", "new\n"])

    async def scenario() -> None:
        zep = ZepClient(recorder.http("zep"), api_key=lambda: next(keys))
        await zep.get_task(TASK, timeout_seconds=5)
        await zep.get_task(TASK, timeout_seconds=5)

    asyncio.run(scenario())

    sent = [request.headers["authorization"] for request in recorder.requests]
    assert sent == ["Api-Key old", "Api-Key new"]


def test_a_user_that_zep_does_not_know_is_none() -> None:
    assert run(Recorder([NOT_FOUND]), CALLS["find_user"][0]) is None


def test_a_user_without_a_graph_of_its_own_is_addressed_by_its_own_id() -> None:
    user = answered({"uuid": str(USER), "graph_uuid": None}, CALLS["find_user"][0])

    assert (user.uuid, user.graph_uuid) == (USER, USER)


def ensure(zep: ZepClient) -> Awaitable[Any]:
    return zep.ensure_user("dev:ada", first_name="Ada", idempotency_key="key-1", timeout_seconds=5)


def test_a_known_user_is_not_created() -> None:
    recorder = Recorder([httpx.Response(200, json=A_USER)])

    assert run(recorder, ensure).graph_uuid == GRAPH

    assert len(recorder.requests) == 1


def test_an_unknown_user_is_created() -> None:
    recorder = Recorder([NOT_FOUND, httpx.Response(201, json=A_USER)])

    assert run(recorder, ensure).uuid == USER

    assert recorder.body == {"user_id": "dev:ada", "first_name": "Ada"}


@pytest.mark.parametrize("status", [400, 409])
def test_a_user_whom_somebody_else_has_just_created_is_found(status: int) -> None:
    recorder = Recorder([NOT_FOUND, httpx.Response(status), httpx.Response(200, json=A_USER)])

    assert run(recorder, ensure).uuid == USER

    assert [request.url.path for request in recorder.requests] == [
        "/api/v4/users/lookup",
        "/api/v4/users",
        "/api/v4/users/lookup",
    ]


@pytest.mark.parametrize(("status", "requests"), [(400, 3), (413, 2)])
def test_a_user_whom_zep_will_not_take_is_an_error(status: int, requests: int) -> None:
    recorder = Recorder([NOT_FOUND, httpx.Response(status), NOT_FOUND])

    error = failure(recorder, ensure)

    assert isinstance(error, UpstreamRejected)
    assert error.status == status
    assert len(recorder.requests) == requests


def test_registering_a_user_keeps_one_deadline_for_all_calls() -> None:
    busy = httpx.Response(503, headers={"retry-after": "4"})
    recorder = Recorder([busy, NOT_FOUND, busy, httpx.Response(201, json=A_USER)])

    assert failure(recorder, ensure).status == 503

    assert recorder.waits == [4.0]


@pytest.mark.parametrize("name", [name for name in CALLS if name.startswith("delete_")])
def test_deleting_what_is_gone_is_done(name: str) -> None:
    assert run(Recorder([NOT_FOUND]), CALLS[name][0]) is None


@pytest.mark.parametrize("name", [name for name in CALLS if name.startswith("delete_")])
def test_deleting_gives_the_task_when_there_is_one(name: str) -> None:
    assert answered({"task": A_TASK}, CALLS[name][0], status=202) == TASK
    assert answered({}, CALLS[name][0]) is None
    assert run(Recorder([httpx.Response(204)]), CALLS[name][0]) is None


def test_a_deletion_without_a_key_sends_none() -> None:
    recorder = Recorder([httpx.Response(202, json={"task": A_TASK})])

    run(recorder, lambda zep: zep.delete_user(USER, timeout_seconds=5))

    assert "idempotency-key" not in recorder.requests[0].headers
