"""Our Mem0 client against what mem0ai 2.2.1 sends, and against Mem0's answers."""

from collections.abc import Awaitable
from datetime import UTC, date, datetime
from typing import Any

import httpx
import pytest

from tandem.clients.mem0 import Mem0Client
from tandem.errors import UpstreamRateLimited
from tandem.ids import Mem0Id
from tests.contract.mem0_calls import (
    A_MEMORY,
    A_PAGE,
    ADD,
    EVENT,
    EVENT_CALL,
    FEWER,
    MEMORY,
    METHODS,
    QUEUED,
    RECORDED,
    SAID_AT,
    SAME,
    SEARCH,
    answered,
    failure,
    run,
)
from tests.contract.wire import Recorder


def compare_all_but_the_body(recorder: Recorder, recorded: dict[str, Any]) -> None:
    [request] = recorder.requests
    assert request.method == recorded["method"]
    assert recorder.path == recorded["path"]
    assert [list(pair) for pair in request.url.params.multi_items()] == recorded["query"]
    assert request.headers["authorization"] == recorded["authorization"]


@pytest.mark.parametrize("name", sorted(SAME))
def test_each_request_is_the_one_that_the_official_client_sends(name: str) -> None:
    call, answer = SAME[name]
    recorder = Recorder([httpx.Response(200, json=answer)])

    run(recorder, call)

    compare_all_but_the_body(recorder, RECORDED[name])
    assert recorder.body == RECORDED[name]["body"]


@pytest.mark.parametrize("name", sorted(FEWER))
def test_what_is_sent_has_the_official_clients_names_and_values(name: str) -> None:
    call, answer = FEWER[name]
    recorder = Recorder([httpx.Response(200, json=answer)])

    run(recorder, call)

    compare_all_but_the_body(recorder, RECORDED[name])
    ours = {k: v for k, v in recorder.body.items() if k != "top_k"}
    assert ours == {k: RECORDED[name]["body"][k] for k in ours}


def test_search_bounds_have_the_official_clients_names_and_values() -> None:
    recorder = Recorder([httpx.Response(200, json=A_PAGE)])

    run(
        recorder,
        lambda mem0: mem0.search(
            "tea?", user_id="alice", limit=5, threshold=0.2, timeout_seconds=5
        ),
    )

    recorded = RECORDED["search_filters"]
    compare_all_but_the_body(recorder, recorded)
    assert recorder.body.pop("filters") == {"user_id": "alice"}
    ours = {k: v for k, v in recorder.body.items() if k != "filters"}
    assert ours == {k: recorded["body"][k] for k in ("query", "top_k", "threshold")}


def test_an_event_is_asked_for_by_its_singular_path() -> None:
    recorder = Recorder([httpx.Response(200, json={"id": str(EVENT), "status": "PENDING"})])

    run(recorder, EVENT_CALL)

    assert (recorder.requests[0].method, recorder.path) == ("GET", f"/v1/event/{EVENT}/")


@pytest.mark.parametrize(
    "reply",
    [
        *map(httpx.Response, (429, 500, 502, 503, 504)),
        httpx.ReadTimeout("x"),
        httpx.ReadError("x"),
        httpx.WriteError("x"),
        httpx.RemoteProtocolError("x"),
    ],
)
def test_an_add_is_not_repeated_once_it_may_have_been_sent(reply: Any) -> None:
    recorder = Recorder([reply, httpx.Response(200, json=QUEUED)])

    assert failure(recorder, ADD).context["sent"] is True

    assert len(recorder.requests) == 1


def test_an_add_is_repeated_when_there_was_no_connection() -> None:
    recorder = Recorder([httpx.ConnectError("x"), httpx.Response(200, json=QUEUED)])

    assert run(recorder, ADD).event_id == EVENT


def test_a_rate_limit_says_when_to_come_back() -> None:
    error = failure(Recorder([httpx.Response(429, headers={"retry-after": "60"})]), SEARCH)

    assert isinstance(error, UpstreamRateLimited)
    assert error.retry_after_seconds == 60


@pytest.mark.parametrize(
    ("answer", "event_id", "status", "texts"),
    [
        (QUEUED, EVENT, "PENDING", []),
        ([{"message": "queued", **QUEUED}], EVENT, "PENDING", []),
        ({"results": [{"event": "ADD", "memory": "Likes tea"}]}, None, "unknown", ["Likes tea"]),
        (
            {
                "message": "done",
                "status": "SUCCEEDED",
                "event_id": str(EVENT),
                "results": [
                    {"id": str(MEMORY), "data": {"memory": "Likes tea"}, "event": "ADD"},
                    "odd",
                    {"id": None},
                ],
            },
            EVENT,
            "SUCCEEDED",
            ["Likes tea", ""],
        ),
        (
            [{"id": str(MEMORY), "data": {"memory": "Likes tea"}, "event": "ADD"}],
            None,
            "SUCCEEDED",
            ["Likes tea"],
        ),
        ({"event_id": str(EVENT), "status": "DEFERRED"}, EVENT, "unknown", []),
    ],
)
def test_every_form_of_an_add_answer_is_read(
    answer: Any, event_id: Mem0Id | None, status: str, texts: list[str]
) -> None:
    added = answered(answer, ADD)

    assert (added.event_id, added.status) == (event_id, status)
    assert [change.text for change in added.results] == texts


@pytest.mark.parametrize(
    ("told", "read", "finished"),
    [
        ("PENDING", "PENDING", False),
        ("RUNNING", "RUNNING", False),
        ("SUCCEEDED", "SUCCEEDED", True),
        ("FAILED", "FAILED", True),
        ("CANCELLED", "unknown", False),
    ],
)
def test_an_event_tells_how_far_it_is(told: str, read: str, finished: bool) -> None:
    event = answered({"id": str(EVENT), "status": told, "results": None}, EVENT_CALL)

    assert (event.status, event.finished, event.results) == (read, finished, ())


def test_an_unknown_event_is_told_apart_by_its_status() -> None:
    assert failure(Recorder([httpx.Response(404, json={"error": "x"})]), EVENT_CALL).status == 404


@pytest.mark.parametrize("envelope", [A_PAGE, [A_MEMORY]])
def test_memories_come_in_a_list_or_in_an_envelope(envelope: Any) -> None:
    [found] = answered(envelope, SEARCH)

    assert (found.id, found.text) == (MEMORY, "Likes tea")


@pytest.mark.parametrize(
    "wire", [{"run_id": "r1"}, {"session_id": "r1"}, {"run_id": None, "session_id": "r1"}]
)
def test_the_run_is_read_from_either_name(wire: dict[str, Any]) -> None:
    assert answered({**A_MEMORY, **wire}, SAME["get"][0]).run_id == "r1"


def test_a_memory_is_read_with_times_in_utc_and_nulls_as_absent() -> None:
    wire = {
        **A_MEMORY,
        "created_at": "2026-11-20T01:00:00-08:00",
        "updated_at": None,
        "metadata": None,
        "categories": None,
        "expiration_date": "2026-11-19",
        "structured_attributes": {"year": 2026},
    }

    memory = answered(wire, SAME["get"][0])

    assert memory.created_at == datetime(2026, 11, 20, 9, tzinfo=UTC)
    assert (memory.updated_at, memory.metadata, memory.categories) == (None, {}, ())
    assert memory.expiration_date == date(2026, 11, 19)


def test_an_expiration_date_that_is_no_date_is_none() -> None:
    memory = answered({**A_MEMORY, "expiration_date": "someday"}, SAME["get"][0])

    assert memory.expiration_date is None


def test_deleting_a_person_gives_the_job() -> None:
    assert answered({"message": "soon", "event_id": str(EVENT)}, METHODS["delete_user"][0]) == EVENT
    assert run(Recorder([httpx.Response(204)]), METHODS["delete_user"][0]) is None


def test_a_blank_question_finds_nothing_without_a_call() -> None:
    recorder = Recorder([httpx.Response(500)])

    assert run(recorder, lambda mem0: mem0.search(" ", user_id="a", timeout_seconds=5)) == []

    assert recorder.requests == []


@pytest.mark.parametrize(("asked", "sent"), [(0, 1), (1000, 1000), (5000, 1000)])
def test_limits_are_moved_to_the_nearer_bound(asked: int, sent: int) -> None:
    recorder = Recorder([httpx.Response(200, json=A_PAGE)])

    run(recorder, lambda mem0: mem0.search("x", user_id="a", limit=asked, timeout_seconds=5))

    assert recorder.body["top_k"] == sent


def test_a_time_without_an_offset_is_a_mistake_of_the_caller() -> None:
    naive = SAID_AT.replace(tzinfo=None)

    with pytest.raises(ValueError, match="offset"):
        run(
            Recorder([httpx.Response(200)]),
            lambda mem0: mem0.add("x", user_id="a", timestamp=naive, timeout_seconds=5),
        )


def page(numbers: range, *, more: bool) -> httpx.Response:
    results = [{**A_MEMORY, "id": f"m{number}"} for number in numbers]
    following = "https://elsewhere.test/v3/memories/?page=2" if more else None
    return httpx.Response(200, json={"count": 5, "next": following, "results": results})


def everything(mem0: Mem0Client) -> Awaitable[Any]:
    return mem0.list_all(user_id="alice", timeout_seconds=5)


def test_all_memories_are_read_page_by_page_and_each_is_given_once() -> None:
    recorder = Recorder([page(range(3), more=True), page(range(2, 5), more=False)])

    found = run(recorder, everything)

    assert [memory.id for memory in found] == ["m0", "m1", "m2", "m3", "m4"]
    assert [request.url.params["page"] for request in recorder.requests] == ["1", "2"]
    assert {request.url.host for request in recorder.requests} == {"provider.test"}


def test_a_last_page_that_has_gone_meanwhile_ends_the_list() -> None:
    recorder = Recorder(
        [page(range(3), more=True), httpx.Response(404, json={"detail": "Invalid page."})]
    )

    assert len(run(recorder, everything)) == 3


def test_an_empty_page_that_promises_more_ends_the_list() -> None:
    recorder = Recorder([page(range(0), more=True)])

    assert run(recorder, everything) == []

    assert len(recorder.requests) == 1


def test_a_missing_first_page_is_an_error() -> None:
    assert failure(Recorder([httpx.Response(404)]), everything).status == 404


def test_a_list_stops_at_the_callers_bound() -> None:
    recorder = Recorder([page(range(3), more=True)])

    found = run(
        recorder, lambda mem0: mem0.list_all(user_id="alice", max_items=2, timeout_seconds=5)
    )

    assert len(found) == 2
    assert len(recorder.requests) == 1
