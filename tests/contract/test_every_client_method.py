"""Each public method of our store clients against each kind of answer that a store may give.

A new method fails here until it has a row.
"""

import inspect
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Literal

import httpx
import pytest

from tandem.clients.mem0 import Mem0Client
from tandem.clients.zep import ZepClient
from tandem.errors import (
    UpstreamError,
    UpstreamRateLimited,
    UpstreamRejected,
    UpstreamTimeout,
    UpstreamUnavailable,
)
from tests.contract import mem0_calls, zep_calls
from tests.contract.wire import Recorder

PRIVATE = "what the person said"


@dataclass(frozen=True)
class Row:
    """What a method does with an answer that isn't the usual one.

    Attributes:
        missing: a 404 is an error, or it is an answer.
        empty: a success without a body is an error, or it is a success.
        object_of_any_kind: the answer isn't used, so any object will do.
        repeated: it may be sent again after the store may have seen it.
    """

    missing: Literal["error", "answer"] = "error"
    empty: Literal["error", "success"] = "error"
    object_of_any_kind: bool = False
    repeated: bool = True


READ = Row()
FIND = Row(missing="answer")
DELETE = Row(missing="answer", empty="success", object_of_any_kind=True)
BATCH = Row(empty="success", object_of_any_kind=True)
NEW = Row(repeated=False)

ROWS: dict[tuple[type[Any], str], Row] = {
    **{
        (ZepClient, name): row
        for name, row in {
            "find_user": FIND,
            "get_user": FIND,
            "user_node": FIND,
            "create_user": READ,
            "ensure_user": READ,
            "update_user": READ,
            "delete_user": DELETE,
            "create_thread": READ,
            "get_thread": FIND,
            "list_threads": READ,
            "delete_thread": DELETE,
            "thread_context": READ,
            "add_messages": NEW,
            "list_messages": READ,
            "get_message": FIND,
            "set_message_metadata": READ,
            "graph_context": READ,
            "search_edges": READ,
            "search_nodes": READ,
            "search_episodes": READ,
            "list_edges": READ,
            "get_edge": FIND,
            "update_edge": READ,
            "delete_edge": DELETE,
            "list_nodes": READ,
            "get_node": FIND,
            "clear_summary": READ,
            "delete_node": DELETE,
            "add_episode": READ,
            "list_episodes": READ,
            "get_episode": FIND,
            "delete_episode": DELETE,
            "get_task": READ,
            "wait_for_task": READ,
        }.items()
    },
    **{
        (Mem0Client, name): row
        for name, row in {
            "add": NEW,
            "search": READ,
            "list_memories": READ,
            "list_all": READ,
            "get": FIND,
            "update": READ,
            "delete": DELETE,
            "history": READ,
            "batch_update": BATCH,
            "batch_delete": BATCH,
            "create_export": NEW,
            "get_export": Row(missing="answer", object_of_any_kind=True),
            "get_event": READ,
            "list_events": READ,
            "wait_for_event": READ,
            "users": READ,
            "delete_user": DELETE,
        }.items()
    },
}
CALLS: dict[tuple[type[Any], str], tuple[Callable[[Any], Awaitable[Any]], Any]] = {
    **{(ZepClient, name): call for name, call in (zep_calls.CALLS | zep_calls.COMPOSED).items()},
    **{(Mem0Client, name): call for name, call in mem0_calls.METHODS.items()},
}
Method = tuple[type[Any], str]
every_method = pytest.mark.parametrize("method", ROWS, ids=lambda method: "-".join(_names(method)))


def _names(method: Method) -> tuple[str, str]:
    return method[0].__name__, method[1]


def play(method: Method, recorder: Recorder) -> Any:
    run_one = zep_calls.run if method[0] is ZepClient else mem0_calls.run
    return run_one(recorder, CALLS[method][0])


def run(method: Method, *replies: httpx.Response | Exception) -> tuple[Any, Recorder]:
    recorder = Recorder(list(replies))
    return play(method, recorder), recorder


def shown(error: BaseException | None) -> str:
    """What a traceback would say of an error and of those behind it."""
    if error is None:
        return ""
    behind = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return f"{error!r} {error} {shown(behind)}"


def failure(method: Method, reply: httpx.Response | Exception) -> UpstreamError:
    with pytest.raises(UpstreamError) as caught:
        run(method, reply)
    assert PRIVATE not in f"{shown(caught.value)} {caught.value.detail} {caught.value.context}"
    assert caught.value.provider == ("zep" if method[0] is ZepClient else "mem0")
    return caught.value


def good(method: Method) -> httpx.Response:
    return httpx.Response(200, json=CALLS[method][1])


def test_every_public_method_has_a_row_and_a_call() -> None:
    public = {
        (client, name)
        for client in (ZepClient, Mem0Client)
        for name, _ in inspect.getmembers(client, inspect.iscoroutinefunction)
        if not name.startswith("_")
    }

    assert public == ROWS.keys() == CALLS.keys()


@every_method
def test_its_docstring_shows_what_it_sends(method: Method) -> None:
    client, name = method
    told = inspect.getdoc(getattr(client, name)) or ""
    parts = [told.find(part) for part in ("Args:\n", "Raises:\n", "Source: ", "Wire: ")]
    assert min(parts) > 0
    assert parts == sorted(parts)
    wire = told[parts[-1] :]
    if named := re.match(r"Wire: as `(\w+)`", wire):
        wire = re.sub(
            r".*Wire: ", "Wire: ", inspect.getdoc(getattr(client, named[1])) or "", flags=re.S
        )
    line = re.match(r"Wire: (GET|POST|PUT|PATCH|DELETE) (/[\w/{}-]+)", wire)
    assert line is not None

    _, recorder = run(method, good(method))

    request = recorder.requests[0]
    assert request.method == line[1]
    assert re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", line[2]), recorder.path)
    for field in recorder.body or {}:
        assert f'"{field}"' in wire


@every_method
def test_a_good_answer_ends_it_after_one_request(method: Method) -> None:
    _, recorder = run(method, good(method))

    assert len(recorder.requests) == 1
    assert [call.outcome for call in recorder.calls] == ["ok"]


@every_method
def test_what_is_not_there_is_an_answer_or_an_error_as_its_row_says(method: Method) -> None:
    for reply in (
        httpx.Response(404, json={"error": {"code": "not_found", "message": PRIVATE}}),
        httpx.Response(404, json={"error": PRIVATE}),
        httpx.Response(404, text="404 page not found\n"),
    ):
        if ROWS[method].missing == "answer":
            assert run(method, reply)[0] is None
        else:
            error = failure(method, reply)
            assert isinstance(error, UpstreamRejected)
            assert error.status == 404


REFUSALS: list[tuple[httpx.Response | Exception, type[UpstreamError]]] = [
    (httpx.Response(400, json={"error": {"code": "x", "message": PRIVATE}}), UpstreamRejected),
    (httpx.Response(400, json={"message": PRIVATE, "request_id": "r"}), UpstreamRejected),
    (httpx.Response(400, json={"detail": PRIVATE}), UpstreamRejected),
    (httpx.Response(400, json={"error": PRIVATE}), UpstreamRejected),
    (
        httpx.Response(400, json={"error": "400", "details": {"message": PRIVATE}}),
        UpstreamRejected,
    ),
    (httpx.Response(400, json={"name": [PRIVATE]}), UpstreamRejected),
    (httpx.Response(400, json=[PRIVATE]), UpstreamRejected),
    (httpx.Response(400, json=PRIVATE), UpstreamRejected),
    (httpx.Response(400, text=f"{PRIVATE}\n"), UpstreamRejected),
    (httpx.Response(409, json={"error": {"message": PRIVATE}}), UpstreamRejected),
    (httpx.Response(413, content=b""), UpstreamRejected),
    (httpx.Response(422, html=f"<html>{PRIVATE}</html>"), UpstreamRejected),
    (httpx.Response(401, text="unauthorized\n"), UpstreamUnavailable),
    (httpx.Response(401, json={"detail": PRIVATE}), UpstreamUnavailable),
    (httpx.Response(402, content=b""), UpstreamUnavailable),
    (httpx.Response(403, json={"error": PRIVATE}), UpstreamUnavailable),
    (httpx.Response(408, text=PRIVATE), UpstreamTimeout),
    (httpx.Response(500, json={"error": {"message": PRIVATE}}), UpstreamUnavailable),
    (httpx.Response(500, content=b""), UpstreamUnavailable),
    (httpx.Response(502, html=f"<html>{PRIVATE}</html>"), UpstreamUnavailable),
    (httpx.Response(503, text=PRIVATE), UpstreamUnavailable),
    (httpx.Response(504, html=f"<html>{PRIVATE}</html>"), UpstreamTimeout),
    (httpx.Response(301, headers={"location": f"//{PRIVATE}"}), UpstreamUnavailable),
    (httpx.Response(307, headers={"location": "javascript:x"}), UpstreamUnavailable),
    (httpx.ConnectError("x"), UpstreamUnavailable),
    (httpx.ConnectTimeout("x"), UpstreamTimeout),
    (httpx.PoolTimeout("x"), UpstreamTimeout),
    (httpx.ReadTimeout("x"), UpstreamTimeout),
    (httpx.ReadError("x"), UpstreamUnavailable),
    (httpx.RemoteProtocolError(PRIVATE), UpstreamUnavailable),
]


@every_method
def test_a_failure_is_one_of_our_errors_whatever_its_body(method: Method) -> None:
    for reply, kind in REFUSALS:
        error = failure(method, reply)

        status = reply.status_code if isinstance(reply, httpx.Response) else None
        assert (type(error), error.status) == (kind, status)


@every_method
def test_a_rate_limit_says_when_to_come_back(method: Method) -> None:
    for body in (b"", b"Rate limit exceeded", b'{"error": "slow down"}'):
        reply = httpx.Response(429, content=body, headers={"retry-after": "60"})
        error = failure(method, reply)

        assert isinstance(error, UpstreamRateLimited)
        assert error.retry_after_seconds == 60


@every_method
def test_a_success_without_a_body_counts_as_its_row_says(method: Method) -> None:
    for status in (200, 204):
        if ROWS[method].empty == "success":
            assert run(method, httpx.Response(status))[0] is None
        else:
            error = failure(method, httpx.Response(status))
            assert isinstance(error, UpstreamUnavailable)
            assert error.status == status


JUNK = [
    f"<html>{PRIVATE}</html>".encode(),
    f'{{"error": "{PRIVATE}'.encode(),
    PRIVATE.encode(),
    f'"{PRIVATE}"'.encode(),
    b"\xff\xfe\x00",
    b"null",
    b"7",
    b"true",
    b"[1]",
    f'["{PRIVATE}"]'.encode(),
    b"[" * 50_000,
    b'{"a":' * 50_000,
]


@every_method
def test_junk_in_place_of_an_answer_means_unavailable(method: Method) -> None:
    for content in JUNK:
        error = failure(method, httpx.Response(200, content=content))

        assert isinstance(error, UpstreamUnavailable), content[:20]
        assert (error.status, error.context["reason"]) == (200, "unreadable")


@every_method
def test_an_object_of_another_kind_means_unavailable_where_the_answer_is_used(
    method: Method,
) -> None:
    for thing in ({"message": PRIVATE}, {"detail": PRIVATE, "uuid": PRIVATE, "id": [PRIVATE]}):
        reply = httpx.Response(200, json=thing)
        if ROWS[method].object_of_any_kind:
            run(method, reply)
        else:
            assert isinstance(failure(method, reply), UpstreamUnavailable)


@every_method
def test_it_is_sent_again_only_where_that_is_safe(method: Method) -> None:
    for reply in (httpx.Response(503), httpx.Response(429), httpx.ReadError("x")):
        recorder = Recorder([reply, good(method)])
        if ROWS[method].repeated:
            play(method, recorder)
            assert len(recorder.requests) == 2
        else:
            with pytest.raises(UpstreamError):
                play(method, recorder)
            assert len(recorder.requests) == 1


@every_method
def test_it_is_sent_again_when_there_was_no_connection(method: Method) -> None:
    _, recorder = run(method, httpx.ConnectError("x"), good(method))

    assert len(recorder.requests) == 2
    assert len({(request.method, request.content) for request in recorder.requests}) == 1
