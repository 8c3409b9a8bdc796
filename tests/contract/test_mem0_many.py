"""Our Mem0 client's changes, batches, exports and lists of people."""

from datetime import UTC, datetime

import httpx
import pytest

from tandem.clients.mem0_models import MemoryUpdate
from tandem.errors import UpstreamRejected
from tandem.ids import Mem0Id
from tests.contract.mem0_calls import (
    A_MEMORY,
    EXPORT,
    MEMORY,
    METHODS,
    Call,
    answered,
    failure,
    run,
)
from tests.contract.wire import Recorder


def test_memories_are_listed_by_their_metadata_and_ids_hidden_ones_too() -> None:
    recorder = Recorder([httpx.Response(200, json={"results": []})])

    run(
        recorder,
        lambda mem0: mem0.list_memories(
            user_id="alice",
            metadata={"a": "x", "b": 2},
            memory_ids=[MEMORY],
            show_expired=True,
            timeout_seconds=5,
        ),
    )

    named = [{"metadata": {"a": "x"}}, {"metadata": {"b": 2}}, {"memory_ids": [MEMORY]}]
    assert recorder.body == {
        "filters": {"AND": [{"user_id": "alice"}, *named]},
        "show_expired": True,
    }


def test_memories_are_listed_that_have_any_of_several_metadata() -> None:
    recorder = Recorder([httpx.Response(200, json={"results": []})] * 2)
    bodies = []
    for asked in ([{"a": "x"}, {"a": "y", "b": 2}], [{"a": "x"}]):
        run(
            recorder,
            lambda mem0, asked=asked: mem0.list_memories(
                user_id="alice", metadata=asked, timeout_seconds=5
            ),
        )
        bodies.append(recorder.body)

    x, y, two = ({"metadata": each} for each in ({"a": "x"}, {"a": "y"}, {"b": 2}))
    either = {"OR": [{"AND": [x]}, {"AND": [y, two]}]}
    assert bodies == [
        {"filters": {"AND": [{"user_id": "alice"}, either]}},
        {"filters": {"AND": [{"user_id": "alice"}, x]}},
    ]


@pytest.mark.parametrize("payload", [None, "words", {}, {"metadata": None}, {"metadata": "x"}])
def test_of_a_listed_job_its_metadata_is_read_and_nothing_that_was_said(payload: object) -> None:
    job = {"id": "e1", "status": "RUNNING"}
    said = {"messages": [{"role": "user", "content": "canary"}], "metadata": {"turn_id": "t"}}
    answer = {"results": [{**job, "payload": said}, {**job, "payload": payload}]}

    known, other = answered(answer, METHODS["list_events"][0])

    assert (known.metadata, other.metadata) == ({"turn_id": "t"}, {})
    assert "canary" not in repr(known)


def entities(numbers: range, *, more: bool) -> httpx.Response:
    results = [{"id": str(n), "name": f"p{n}", "type": "user"} for n in numbers]
    following = "https://elsewhere.test/v1/entities/?page=2" if more else None
    return httpx.Response(200, json={"count": 5, "next": following, "results": results})


def test_everybody_with_memories_is_read_page_by_page() -> None:
    recorder = Recorder([entities(range(3), more=True), entities(range(2, 5), more=False)])

    found = run(recorder, METHODS["users"][0])

    assert [(entity.name, entity.type) for entity in found] == [(f"p{n}", "user") for n in range(5)]
    assert [str(request.url.query, "ascii") for request in recorder.requests] == ["", "page=2"]


def test_pages_that_are_all_the_same_are_read_twice_and_not_for_ever() -> None:
    recorder = Recorder([entities(range(3), more=True)])

    assert len(run(recorder, METHODS["users"][0])) == 3

    assert len(recorder.requests) == 2


def test_an_entity_of_an_unknown_kind_is_still_an_entity() -> None:
    [found] = answered({"results": [{"id": "1", "name": "x", "type": "team"}]}, METHODS["users"][0])

    assert (found.name, found.type) == ("x", "unknown")


def test_an_update_that_changes_nothing_is_a_mistake_of_the_caller() -> None:
    for call in (
        lambda mem0: mem0.update(MEMORY, timeout_seconds=5),
        lambda mem0: mem0.batch_update([MemoryUpdate(MEMORY)], timeout_seconds=5),
    ):
        recorder = Recorder([httpx.Response(200, json=A_MEMORY)])
        with pytest.raises(ValueError, match="nothing to change"):
            run(recorder, call)
        assert recorder.requests == []


def test_an_update_may_empty_what_is_there() -> None:
    recorder = Recorder([httpx.Response(200, json=A_MEMORY)])

    run(recorder, lambda mem0: mem0.update(MEMORY, text="", metadata={}, timeout_seconds=5))

    assert recorder.body == {"text": "", "metadata": {}}


@pytest.mark.parametrize("verb", ["PUT", "DELETE"])
def test_a_batch_holds_at_most_a_thousand(verb: str) -> None:
    def batch(size: int) -> Call:
        if verb == "PUT":
            updates = [MemoryUpdate(Mem0Id(f"m{n}"), text="x") for n in range(size)]
            return lambda mem0: mem0.batch_update(updates, timeout_seconds=5)
        ids = [Mem0Id(f"m{n}") for n in range(size)]
        return lambda mem0: mem0.batch_delete(ids, timeout_seconds=5)

    recorder = Recorder([httpx.Response(200, json={"message": "done"})])

    error = failure(recorder, batch(1001))
    assert isinstance(error, UpstreamRejected)
    assert (error.status, error.context["reason"], error.context["sent"]) == (
        None,
        "over_limit",
        False,
    )
    run(recorder, batch(0))
    assert recorder.requests == []

    run(recorder, batch(1000))
    assert recorder.requests[0].method == verb
    assert len(recorder.body["memories"]) == 1000


def test_what_has_happened_to_a_memory_is_told_in_order() -> None:
    wire = [
        {"id": "h1", "memory_id": str(MEMORY), "event": "ADD", "new_memory": "Likes tea"},
        {
            "id": "h2",
            "memory_id": str(MEMORY),
            "event": "DELETE",
            "old_memory": "Likes tea",
            "new_memory": None,
            "created_at": "2026-11-20T10:00:00+01:00",
            "embedding_qwen": [0.5],
        },
    ]

    first, last = answered(wire, METHODS["history"][0])

    assert (first.event, first.old_text, first.new_text) == ("ADD", None, "Likes tea")
    assert (last.event, last.old_text, last.new_text) == ("DELETE", "Likes tea", None)
    assert last.created_at == datetime(2026, 11, 20, 9, tzinfo=UTC)


def test_an_export_is_given_as_its_schema_shapes_it() -> None:
    document = {"full_name": "Alice", "nickname": None, "tags": [{"a": 1}]}

    assert answered(document, METHODS["get_export"][0]) == document
    assert answered({"message": "soon", "id": "e1"}, METHODS["create_export"][0]) == "e1"


def test_an_export_that_is_still_being_made_is_none() -> None:
    state = {"id": str(EXPORT), "status": "RUNNING", "message": "soon"}

    assert answered(state, METHODS["get_export"][0]) is None
    assert answered({"id": "another"}, METHODS["get_export"][0]) == {"id": "another"}


def test_an_export_needs_no_instructions() -> None:
    recorder = Recorder([httpx.Response(201, json={"id": "e1"})])

    run(
        recorder,
        lambda mem0: mem0.create_export({"type": "object"}, user_id="a", timeout_seconds=5),
    )

    assert recorder.body == {
        "schema": {"type": "object"},
        "filters": {"AND": [{"user_id": "a"}]},
    }
