"""What our Zep client makes of Zep's answers, and the bounds that it keeps."""

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from tandem.clients.models import GraphContext, Metadata, NewMessage
from tandem.errors import UpstreamRejected, UpstreamTimeout
from tests.contract.wire import Recorder
from tests.contract.zep_calls import (
    A_MESSAGE,
    A_TASK,
    AN_EPISODE,
    CALLS,
    EDGE,
    EPISODE,
    GRAPH,
    MESSAGE,
    NODE,
    SAID_AT,
    TASK,
    THREAD,
    USER,
    Call,
    answered,
    failure,
    run,
)


def test_added_messages_are_given_back_with_their_task() -> None:
    added = answered(
        {"messages": [A_MESSAGE], "task": A_TASK}, CALLS["add_messages"][0], status=202
    )

    assert [message.uuid for message in added.messages] == [MESSAGE]
    assert added.task_uuid == TASK


def test_messages_may_come_without_a_task() -> None:
    assert answered({"messages": []}, CALLS["add_messages"][0]).task_uuid is None


def message(characters: int) -> NewMessage:
    return NewMessage(role="user", content="ä" * characters, reference_time=SAID_AT)


@pytest.mark.parametrize(
    "messages", [[], [message(4097)], [message(1)] * 31], ids=["none", "long", "many"]
)
def test_messages_beyond_zeps_bounds_are_refused_unsent(messages: list[NewMessage]) -> None:
    recorder = Recorder([httpx.Response(202, json={"messages": []})])

    error = failure(
        recorder,
        lambda zep: zep.add_messages(THREAD, messages, idempotency_key="k", timeout_seconds=5),
    )

    assert isinstance(error, UpstreamRejected)
    assert (error.status, error.context["reason"]) == (None, "over_limit")
    assert recorder.requests == []


def test_messages_at_zeps_bounds_are_sent() -> None:
    recorder = Recorder([httpx.Response(202, json={"messages": []})])

    run(
        recorder,
        lambda zep: zep.add_messages(
            THREAD, [message(4096)] * 30, idempotency_key="k", timeout_seconds=5
        ),
    )

    assert len(recorder.body["messages"]) == 30
    assert "ignore_roles" not in recorder.body


@pytest.mark.parametrize(
    ("data", "metadata"), [("x" * 10_001, {}), ("x", {str(number): 1 for number in range(11)})]
)
def test_an_episode_beyond_zeps_bounds_is_refused_unsent(data: str, metadata: Any) -> None:
    recorder = Recorder([httpx.Response(202)])

    error = failure(
        recorder,
        lambda zep: zep.add_episode(
            GRAPH,
            data,
            reference_time=SAID_AT,
            metadata=metadata,
            idempotency_key="k",
            timeout_seconds=5,
        ),
    )

    assert isinstance(error, UpstreamRejected)
    assert recorder.requests == []


def test_a_time_without_an_offset_is_a_mistake_of_the_caller() -> None:
    naive = NewMessage(role="user", content="x", reference_time=SAID_AT.replace(tzinfo=None))

    with pytest.raises(ValueError, match="offset"):
        run(
            Recorder([httpx.Response(202)]),
            lambda zep: zep.add_messages(THREAD, [naive], idempotency_key="k", timeout_seconds=5),
        )


def test_an_episode_is_given_back_with_its_task() -> None:
    added = answered({"episode": {"uuid": str(EDGE)}, "task": A_TASK}, CALLS["add_episode"][0])

    assert (added.episode_uuid, added.task_uuid) == (EDGE, TASK)


def test_messages_are_read_with_times_in_utc() -> None:
    wire = {
        **A_MESSAGE,
        "metadata": {"turn_id": "t1", "parts": [1, None]},
        "reference_time": "2026-11-20T14:30:00.25+05:30",
        "created_at": "2026-11-20T09:00:00",
        "new_field": {"any": 1},
        "name": None,
    }

    page = answered({"items": [wire], "next_cursor": "c2"}, CALLS["list_messages"][0])

    [read] = page.items
    assert read.reference_time == SAID_AT + timedelta(seconds=0.25)
    assert read.reference_time.utcoffset() == timedelta(0)
    assert read.created_at == SAID_AT
    assert read.metadata == {"turn_id": "t1", "parts": [1, None]}
    assert page.next_cursor == "c2"


@pytest.mark.parametrize("end", [{}, {"next_cursor": ""}, {"next_cursor": None}])
def test_the_last_page_has_no_cursor(end: dict[str, Any]) -> None:
    assert answered({"items": None, **end}, CALLS["list_edges"][0]).next_cursor is None


def test_a_question_is_trimmed_to_what_zep_reads() -> None:
    recorder = Recorder([httpx.Response(200, json={"items": []})])

    run(recorder, lambda zep: zep.search_edges(GRAPH, f"  {'ä' * 500}", timeout_seconds=5))

    assert recorder.body == {"query": "ä" * 400}


def test_a_blank_question_finds_nothing_without_a_call() -> None:
    recorder = Recorder([httpx.Response(500)])

    assert run(recorder, lambda zep: zep.search_edges(GRAPH, " \n", timeout_seconds=5)) == []
    assert run(recorder, lambda zep: zep.search_nodes(GRAPH, "", timeout_seconds=5)) == []
    assert (
        run(recorder, lambda zep: zep.graph_context(GRAPH, " ", timeout_seconds=5))
        == GraphContext()
    )
    assert recorder.requests == []


@pytest.mark.parametrize(("asked", "sent"), [(0, "1"), (-3, "1"), (50, "50"), (51, "50")])
def test_limits_are_moved_to_the_nearer_bound(asked: int, sent: str) -> None:
    recorder = Recorder([httpx.Response(200, json={"items": []})])

    run(recorder, lambda zep: zep.search_nodes(GRAPH, "x", limit=asked, timeout_seconds=5))

    assert recorder.requests[0].url.params["page_size"] == sent


def test_facts_are_read_with_the_time_in_which_they_were_true() -> None:
    wire = {
        "uuid": str(EDGE),
        "fact": "Ada lives in Delhi",
        "name": "LIVES_IN",
        "valid_at": "2026-11-01T00:00:00Z",
        "invalid_at": "",
        "expired_at": None,
        "episode_uuids": None,
        "scope": "something-new",
        "score": 0.5,
    }

    [edge] = answered({"items": [wire]}, CALLS["search_edges"][0])

    assert (edge.fact, edge.score) == ("Ada lives in Delhi", 0.5)
    assert edge.valid_at == datetime(2026, 11, 1, tzinfo=UTC)
    assert (edge.invalid_at, edge.expired_at, edge.episode_uuids) == (None, None, ())


@pytest.mark.parametrize(
    ("told", "marked", "read"),
    [
        (None, "2026-11-20T09:00:00Z", SAID_AT),
        ("2026-12-01T00:00:00Z", "2026-11-20T14:30:00+05:30", SAID_AT),
        ("2026-11-20T09:00:00Z", "2026-12-01T00:00:00Z", SAID_AT),
        ("2026-11-20T09:00:00Z", None, SAID_AT),
        (None, "soon", None),
        (None, "2026-11-20T09:00:00", None),
        (None, 7, None),
    ],
)
def test_a_fact_ends_when_we_have_marked_it_unless_zep_knows_better(
    told: str | None, marked: Any, read: datetime | None
) -> None:
    attributes = {"tandem_ended_at": marked, "colour": "green"}
    wire = {"uuid": str(EDGE), "fact": "x", "invalid_at": told, "attributes": attributes}

    assert answered(wire, CALLS["get_edge"][0]).invalid_at == read


def test_taking_the_mark_of_an_end_back_removes_the_attribute() -> None:
    recorder = Recorder([httpx.Response(200, json={"uuid": str(EDGE)})])

    run(
        recorder,
        lambda zep: zep.update_edge(
            GRAPH, EDGE, invalid_at=None, idempotency_key="k", timeout_seconds=5
        ),
    )

    assert recorder.body == {"attributes": {"tandem_ended_at": None}}


def test_facts_are_listed_by_their_ids_and_by_their_ends() -> None:
    recorder = Recorder([httpx.Response(200, json={"items": []})])

    run(
        recorder,
        lambda zep: zep.list_edges(GRAPH, edge_uuids=[EDGE], node_uuids=[NODE], timeout_seconds=5),
    )

    filters = {"edge_uuids": [str(EDGE)], "connected_node_uuids": [str(NODE)]}
    assert recorder.body == {"filters": filters}


def test_of_no_ids_no_facts_are_listed_without_a_call() -> None:
    recorder = Recorder([httpx.Response(200, json={"items": []})])

    page = run(recorder, lambda zep: zep.list_edges(GRAPH, edge_uuids=[], timeout_seconds=5))

    assert (page.items, page.next_cursor, recorder.requests) == ((), None, [])


def test_more_ids_than_zep_takes_are_refused_unsent() -> None:
    recorder = Recorder([httpx.Response(200, json={"items": []})])

    error = failure(
        recorder, lambda zep: zep.list_edges(GRAPH, node_uuids=[NODE] * 257, timeout_seconds=5)
    )

    assert (error.context["reason"], recorder.requests) == ("over_limit", [])


def test_context_comes_with_the_facts_and_entities_it_was_made_of() -> None:
    results = {
        "edges": [{"uuid": str(EDGE), "fact": "Ada likes tea", "selection_rank": 1}],
        "nodes": [{"uuid": str(USER), "name": "Ada", "summary": "s", "labels": ["Entity"]}],
        "episodes": [],
        "observations": None,
    }

    context = answered(
        {"context": "text", "truncated": True, "results": results}, CALLS["graph_context"][0]
    )

    assert (context.context, context.truncated) == ("text", True)
    assert [edge.fact for edge in context.edges] == ["Ada likes tea"]
    assert [node.name for node in context.nodes] == ["Ada"]


@pytest.mark.parametrize("empty", [{}, {"context": None}, {"context": "", "results": None}])
def test_an_empty_graph_gives_an_empty_context(empty: dict[str, Any]) -> None:
    assert answered(empty, CALLS["graph_context"][0]) == GraphContext()


@pytest.mark.parametrize(
    ("told", "read", "finished"),
    [
        ("pending", "pending", False),
        ("processing", "processing", False),
        ("succeeded", "succeeded", True),
        ("partial", "partial", True),
        ("failed", "failed", True),
        ("paused", "unknown", False),
        (None, "unknown", False),
        (7, "unknown", False),
    ],
)
def test_a_task_tells_how_far_it_is(told: Any, read: str, finished: bool) -> None:
    task = answered({**A_TASK, "status": told}, CALLS["get_task"][0])

    assert (task.status, task.finished) == (read, finished)


def test_a_timeout_is_told_as_such() -> None:
    assert isinstance(
        failure(Recorder([httpx.ReadTimeout("x")]), CALLS["add_messages"][0]), UpstreamTimeout
    )


def test_an_episode_without_metadata_sends_none() -> None:
    recorder = Recorder([httpx.Response(202, json={"episode": {"uuid": str(EDGE)}})])

    run(
        recorder,
        lambda zep: zep.add_episode(
            GRAPH, "x", reference_time=SAID_AT, idempotency_key="k", timeout_seconds=5
        ),
    )

    assert recorder.body == {"data": "x", "type": "text", "reference_time": "2026-11-20T09:00:00Z"}


def test_a_thread_of_which_zep_knows_nothing_has_an_empty_context() -> None:
    for empty in ({}, {"context": None}, {"context": ""}):
        assert answered(empty, CALLS["thread_context"][0]) == ""
    assert answered({"context": "Ada likes tea"}, CALLS["thread_context"][0]) == "Ada likes tea"


def test_what_was_told_is_read_with_who_said_it_and_when() -> None:
    wire = {
        **AN_EPISODE,
        "role_name": "Ada",
        "thread_uuid": str(THREAD),
        "metadata": {"turn_id": "t1"},
        "reference_time": "2026-11-20T09:00:00Z",
        "processed": True,
        "score": 0.5,
    }

    [episode] = answered({"items": [wire]}, CALLS["search_episodes"][0])

    assert (episode.uuid, episode.thread_uuid, episode.content) == (EPISODE, THREAD, "hi")
    assert (episode.role, episode.role_name, episode.source) == ("user", "Ada", "message")
    assert (episode.reference_time, episode.processed) == (SAID_AT, True)
    assert (episode.metadata, episode.score) == ({"turn_id": "t1"}, 0.5)
    assert answered(wire, CALLS["get_episode"][0]) == episode


def test_metadata_of_a_message_beyond_zeps_bound_is_refused_unsent() -> None:
    recorder = Recorder([httpx.Response(200, json=A_MESSAGE)])

    def tag(keys: int) -> Call:
        metadata: Metadata = {str(number): number for number in range(keys)}
        return lambda zep: zep.set_message_metadata(
            THREAD, MESSAGE, metadata, idempotency_key="k", timeout_seconds=5
        )

    error = failure(recorder, tag(11))
    assert (error.status, error.context["reason"]) == (None, "over_limit")
    assert recorder.requests == []

    assert run(recorder, tag(10)).uuid == MESSAGE
