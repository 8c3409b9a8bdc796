"""The history function's routes and rules through Mangum; Zep's client over a mock transport."""

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import quote
from uuid import UUID, uuid4

import pytest

from tests.functional.history.sessions_in_memory import STARTED, Call, Queue, Table, Zep


def pages(call: Call, name: str, **query: str) -> Sequence[dict[str, Any]]:
    found = []
    while True:
        status, page = call(name, query=query)
        assert status == 200
        found.append(page)
        if page["next_cursor"] is None:
            return found
        query["cursor"] = page["next_cursor"]


def test_a_session_is_started_once_and_named_again_afterwards(call: Call, table: Table) -> None:
    first = call("session_start")
    again = call("session_start", body={"session_id": "s1", "user_id": "ada", "title": "Other"})
    answer = {"session_id": "s1", "user_id": "ada", "created_at": "2026-11-20T11:00:00Z"}
    assert first == (201, answer)
    assert again == (200, answer)
    assert [row.title for row in table.rows] == ["Chess"]


def test_a_session_without_a_name_gets_one(call: Call) -> None:
    names = {call("session_start", body={})[1]["session_id"] for _ in range(2)}
    assert len(names) == 2
    assert all(UUID(name) for name in names)


def test_a_session_for_somebody_else_is_forbidden(call: Call, table: Table) -> None:
    status, problem = call("session_start", body={"user_id": "bob"})
    assert (status, problem["code"]) == (403, "forbidden_user")
    assert table.rows == []


@pytest.mark.parametrize(
    "body",
    [
        {"session_id": ""},
        {"session_id": "-a"},
        {"session_id": "a" * 65},
        {"session_id": "a b"},
        {"session_id": "a\n"},
        {"session_id": 5},
        {"user_id": "../x"},
        {"title": "x" * 201},
        {"title": ""},
        {"title": "a\x00b"},
        '{"title": "\\ud800"}',
        {"forget": True},
        [],
        "null",
    ],
)
def test_a_start_that_makes_no_sense_is_refused(call: Call, table: Table, body: Any) -> None:
    status, problem = call("session_start", body=body)
    assert (status, problem["code"]) == (422, "invalid_request")
    assert table.rows == []


@pytest.mark.parametrize(
    "name", ["session_start", "session_list", "session_get", "session_delete", "history_read"]
)
def test_an_unknown_query_parameter_is_refused_everywhere(
    call: Call, table: Table, name: str
) -> None:
    call("session_start")
    status, problem = call(name, query={"session_id": "s1", "forget": "true"})
    assert (status, problem["code"]) == (422, "invalid_request")
    assert "forget" not in json.dumps(problem)
    assert len(table.rows) == 1


@pytest.mark.parametrize("name", ["session_list", "session_get", "history_read"])
def test_without_claims_nothing_is_told(call: Call, name: str) -> None:
    status, problem = call(name, claims={})
    assert (status, problem["code"]) == (401, "no_login")


def test_sessions_are_listed_newest_first_without_their_inner_ids(call: Call) -> None:
    for number in range(5):
        call("session_start", body={"session_id": f"s{number}", "title": f"t{number}"})
    found = pages(call, "session_list", limit="2")
    assert [len(page["items"]) for page in found] == [2, 2, 1]
    items = [item for page in found for item in page["items"]]
    assert [item["session_id"] for item in items] == ["s4", "s3", "s2", "s1", "s0"]
    assert items[0] == {
        "session_id": "s4",
        "title": "t4",
        "created_at": "2026-11-20T11:00:04Z",
        "last_turn_at": None,
        "turns": 0,
    }


@pytest.mark.parametrize("limit", ["0", "101", "-1", "x", "1.5", ""])
@pytest.mark.parametrize("name", ["session_list", "history_read"])
def test_limits_are_bounded(call: Call, name: str, limit: str) -> None:
    status, _ = call(name, query={"session_id": "s1", "limit": limit})
    assert status == 422


def test_a_session_is_shown_with_its_turns(call: Call, table: Table) -> None:
    call("session_start")
    table.rows[0] = replace(table.rows[0], turns=3, last_turn_at=STARTED)
    status, session = call("session_get")
    assert status == 200
    assert session == {
        "session_id": "s1",
        "title": "Chess",
        "created_at": "2026-11-20T11:00:00Z",
        "last_turn_at": "2026-11-20T11:00:00Z",
        "turns": 3,
    }


def test_a_deleted_session_is_gone_and_the_job_is_told(
    call: Call, table: Table, queue: Queue
) -> None:
    call("session_start")
    row = table.rows[0].id
    assert call("session_delete") == (204, {})
    assert queue.sent == [row]
    for name in ("session_delete", "session_get"):
        status, problem = call(name)
        assert (status, problem["code"]) == (404, "session_not_found")
        assert problem["instance"] == "/api/session/{session_id}"


def test_a_session_that_zep_never_saw_wakes_nobody(call: Call, table: Table, queue: Queue) -> None:
    table.thread_owed = False
    call("session_start")
    assert call("session_delete")[0] == 204
    assert queue.sent == []


def test_a_wake_up_that_is_lost_does_not_fail_the_deletion(call: Call, queue: Queue) -> None:
    queue.works = False
    call("session_start")
    assert call("session_delete")[0] == 204


@pytest.mark.parametrize("label", ["-", "a b", "a" * 65, "é", "a\x00"])
def test_a_name_that_no_session_can_have_is_refused(call: Call, label: str) -> None:
    # API Gateway has decoded the path once already; Mangum decodes it again.
    status, problem = call("session_get", path=f"/api/session/{quote(label)}")
    assert (status, problem["code"]) == (422, "invalid_request")
    assert [error["loc"] for error in problem["errors"]] == [["path", "session_id"]]


def test_history_is_read_oldest_first_with_what_is_not_delivered_yet(call: Call, zep: Zep) -> None:
    status, page = call("history_read")
    assert status == 200
    said = [(item["role"], item["content"], item["delivered"]) for item in page["items"]]
    assert said == [
        ("user", "I live in Delhi.", True),
        ("assistant", "Noted.", True),
        ("user", "And you? é", True),
        ("assistant", "Nowhere at all.", True),
        ("user", "Still there?", False),
    ]
    utterances = [u for u in zep.conversation.utterances if u.given]
    assert [(i["message_id"], i["turn_id"]) for i in page["items"]] == [
        (str(u.message_id), str(u.turn_id)) for u in utterances
    ]
    assert page["items"][0]["created_at"] == "2026-11-20T09:00:01Z"
    assert (page["next_cursor"], page["degraded"]) == (None, [])
    assert [request.headers["authorization"] for request in zep.requests] == ["Api-Key test-key"]


def test_history_pages_join_to_the_whole(call: Call, zep: Zep) -> None:
    for utterance in zep.conversation.utterances:
        utterance.wiped = utterance.delivered
    [whole] = pages(call, "history_read", session_id="s1")
    for limit in ("1", "2", "3"):
        found = pages(call, "history_read", session_id="s1", limit=limit)
        assert [item for page in found for item in page["items"]] == whole["items"]


@pytest.mark.parametrize("status", [404, 401, 429, 500])
def test_with_zep_failing_the_history_comes_from_the_ledger(
    call: Call, zep: Zep, status: int
) -> None:
    zep.status = status
    answer, page = call("history_read")
    assert (answer, page["degraded"]) == (200, ["zep"])
    assert [item["content"] for item in page["items"]][:2] == ["I live in Delhi.", "Noted."]


def test_an_unknown_sessions_history_is_not_found(call: Call) -> None:
    status, problem = call("history_read", query={"session_id": "s2"})
    assert (status, problem["code"]) == (404, "session_not_found")


def foreign_cursors(call: Call) -> dict[str, str]:
    for number in range(2):
        call("session_start", body={"session_id": f"s{number}"})
    sessions = call("session_list", query={"limit": "1"})[1]["next_cursor"]
    history = call("history_read", query={"session_id": "s1", "limit": "1"})[1]["next_cursor"]
    return {"session_list": history, "history_read": sessions}


@pytest.mark.parametrize("name", ["session_list", "history_read"])
@pytest.mark.parametrize("cursor", ["foreign", "", "x", "AAAA", "é", "💥", "a" * 4_096, "\x00"])
def test_a_cursor_that_is_not_of_this_list_is_refused(call: Call, name: str, cursor: str) -> None:
    given = foreign_cursors(call)[name] if cursor == "foreign" else cursor
    query = {"cursor": given} | ({"session_id": "s1"} if name == "history_read" else {})
    status, problem = call(name, query=query)
    expected = "invalid_request" if cursor == "\x00" else "invalid_cursor"
    assert (status, problem["code"]) == (422, expected)


def test_a_cursor_is_of_no_use_to_somebody_else(call: Call) -> None:
    cursor = call("history_read", query={"session_id": "s1", "limit": "1"})[1]["next_cursor"]
    other = {"sub": str(uuid4()), "sid": str(uuid4()), "exp": 4_102_444_800}
    query = {"session_id": "s1", "cursor": cursor}
    status, problem = call("history_read", query=query, claims=other)
    assert (status, problem["code"]) == (422, "invalid_cursor")


def test_nothing_that_was_said_or_named_is_logged(
    call: Call, zep: Zep, log_lines: Callable[[], list[dict[str, Any]]]
) -> None:
    call("session_start", body={"session_id": "s1", "title": "Chess"})
    call("history_read")
    zep.status = 500
    call("history_read")
    call("session_delete")
    text = json.dumps(log_lines())
    assert "history_without_zep" in text
    for secret in ("Delhi", "Noted", "Chess", "s1", "test-key", "secret of Zep"):
        assert secret not in text
