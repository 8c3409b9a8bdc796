"""The chat function's handler: requests as API Gateway gives them, answers as it takes them."""

import json
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest

from chat_api.routes import create_router
from tandem import errors
from tandem.db.turns import TurnStatus
from tandem.ids import TurnId
from tandem.web import create_app, create_handler
from tests.conftest import MakeEvent
from tests.functional.chat_wires import memory
from tests.unit.chat_world import ADA, NOW, World

CLAIMS = {"sub": str(ADA.account_id), "sid": str(ADA.login_id), "exp": 4_102_444_800}
CANARY = "canary-7f3a"
TURN = "00000000-0000-4000-8000-000000000007"


class Chat:
    """The handler over a service whose neighbours are fakes."""

    def __init__(self, http_event: MakeEvent) -> None:
        self.world = World()
        app = create_app(routers=[create_router(self.world.service())])
        self._handler = create_handler(app)
        self._event = http_event

    def send(self, body: Any = None, context: Any = None, **changes: Any) -> dict[str, Any]:
        event = self._event("chat", body=body, **({"claims": CLAIMS} | changes))
        return self._handler(event, context)

    def read(self, turn_id: str, **changes: Any) -> dict[str, Any]:
        event = self._event("chat_turn", **({"claims": CLAIMS} | changes))
        event["rawPath"] = event["requestContext"]["http"]["path"] = f"/api/chat/{turn_id}"
        return self._handler(event, None)

    def untouched(self) -> bool:
        world = self.world
        return not (world.ledger.opened or world.stores.asked or world.answerer.prompts)


@pytest.fixture
def chat(http_event: MakeEvent) -> Chat:
    return Chat(http_event)


def problem_in(answer: dict[str, Any], status: int, code: str) -> dict[str, Any]:
    """The problem document, which says no more than it should."""
    assert answer["headers"]["content-type"] == "application/problem+json"
    assert answer["headers"]["cache-control"] == "no-store"
    assert answer["headers"]["x-request-id"].startswith("request-chat")
    assert answer["isBase64Encoded"] is False
    assert CANARY not in json.dumps(answer)
    document: dict[str, Any] = json.loads(answer["body"])
    assert (answer["statusCode"], document["status"], document["code"]) == (status, status, code)
    assert document["instance"] in {"/api/chat", "/api/chat/{turn_id}", "unmatched"}
    return document


def test_a_message_is_answered_in_the_shape_that_is_promised(chat: Chat) -> None:
    chat.world.stores.memories = [memory("Lives in Delhi", said_at=NOW)]
    chat.world.ledger.user_id = "ada"

    answer = chat.send(
        {"message": "Where do I live?", "session_id": "s1", "user_id": "ada"},
        headers={"idempotency-key": "k-1"},
    )

    assert (answer["statusCode"], answer["isBase64Encoded"]) == (200, False)
    assert answer["headers"]["x-request-id"] == "request-chat"
    assert answer["headers"]["cache-control"] == "no-store"
    body = json.loads(answer["body"])
    [item] = body.pop("recalled")
    assert (item["text"], item["store"], item["source"]) == ("Lives in Delhi", "mem0", [])
    assert body == {
        "turn_id": str(chat.world.ledger.opened[0].turn_id),
        "session_id": "s1",
        "reply": "The reply.",
        "route": "recall",
        "usage": {"input_tokens": 5, "output_tokens": 3, "model_calls": 1},
        "degraded": [],
    }
    [new] = chat.world.ledger.opened
    assert (new.key, new.given_session, new.message) == ("k-1", "s1", "Where do I live?")


@pytest.mark.parametrize("message", ["x" * 4_000, "😀" * 4_000, " ? ", "a\nb\ttab", "\u202eñ"])
def test_any_storable_message_of_up_to_four_thousand_characters_is_taken_as_it_is(
    chat: Chat, message: str
) -> None:
    assert chat.send({"message": message})["statusCode"] == 200
    assert chat.world.ledger.opened[0].message == message
    assert chat.world.answerer.prompts[0].message == message


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ("{", 400, "malformed_body"),
        ("", 422, "invalid_request"),
        (f'{{"message": "{CANARY}",}}', 400, "malformed_body"),
        (f"{CANARY}", 400, "malformed_body"),
        (f'"{CANARY}"', 422, "invalid_request"),
        ([CANARY], 422, "invalid_request"),
        ("null", 422, "invalid_request"),
        ("[" * 30_000, 400, "malformed_body"),
        ({"message": CANARY * 7_000}, 413, "body_too_large"),
    ],
)
def test_a_body_that_is_no_request_is_refused(
    chat: Chat, body: Any, status: int, code: str
) -> None:
    problem_in(chat.send(body), status, code)
    assert chat.untouched()


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ({"message": None}, ["body", "message"]),
        ({"message": 5}, ["body", "message"]),
        ({"message": [CANARY]}, ["body", "message"]),
        ({"message": ""}, ["body", "message"]),
        ({"message": " \n\t\u3000"}, ["body", "message"]),
        ({"message": CANARY + "x" * 4_000}, ["body", "message"]),
        ({"message": f"{CANARY}\x00"}, ["body", "message"]),
        ({"message": f"{CANARY}\ud800"}, ["body", "message"]),
        ({"message": f"\udfff{CANARY}"}, ["body", "message"]),
        ({CANARY: "x"}, ["body"]),
        ({"route": "recall"}, ["body"]),
        ({"session_id": ""}, ["body", "session_id"]),
        ({"session_id": f"-{CANARY}"}, ["body", "session_id"]),
        ({"session_id": f"{CANARY}/.."}, ["body", "session_id"]),
        ({"session_id": f"{CANARY}\n"}, ["body", "session_id"]),
        ({"session_id": "s" * 65}, ["body", "session_id"]),
        ({"session_id": 7}, ["body", "session_id"]),
        ({"user_id": f"{CANARY} "}, ["body", "user_id"]),
        ({"user_id": {"$ne": CANARY}}, ["body", "user_id"]),
    ],
)
def test_a_field_that_can_not_be_taken_is_named_and_never_quoted(
    chat: Chat, change: dict[str, Any], where: list[str]
) -> None:
    document = problem_in(chat.send({"message": "hello"} | change), 422, "invalid_request")

    assert [error["loc"] for error in document["errors"]] == [where]
    assert {frozenset(error) for error in document["errors"]} == {frozenset({"loc", "type", "msg"})}
    assert chat.untouched()


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", ""])
def test_another_content_type_is_refused(chat: Chat, content_type: str) -> None:
    answer = chat.send({"message": CANARY}, headers={"content-type": content_type})

    problem_in(answer, 415, "unsupported_media_type")
    assert chat.untouched()


@pytest.mark.parametrize("key", ["", " ", f"{CANARY} x", f"{CANARY}é", "k" * 256, f"{CANARY}\t"])
def test_an_idempotency_key_that_can_not_be_taken_is_refused(chat: Chat, key: str) -> None:
    answer = chat.send({"message": "hello"}, headers={"idempotency-key": key})

    document = problem_in(answer, 422, "invalid_request")
    assert [error["loc"] for error in document["errors"]] == [["header", "idempotency-key"]]
    assert chat.untouched()


@pytest.mark.parametrize(
    ("claims", "code"),
    [
        ({}, "no_login"),
        (CLAIMS | {"exp": 1}, "token_expired"),
        (CLAIMS | {"sub": CANARY}, "no_login"),
        ({"sub": CLAIMS["sub"], "exp": CLAIMS["exp"]}, "no_login"),
    ],
)
@pytest.mark.parametrize("route", ["send", "read"])
def test_without_a_live_token_nothing_is_done(
    chat: Chat, route: str, claims: dict[str, Any], code: str
) -> None:
    body: Any = {"message": "hello"} if route == "send" else TURN

    answer = getattr(chat, route)(body, claims=claims)

    problem_in(answer, 401, code)
    assert answer["headers"]["www-authenticate"] == "Bearer"
    assert chat.untouched()
    assert chat.world.ledger.asked_for == []


@pytest.mark.parametrize(
    ("error", "status", "retry_after"),
    [
        (errors.UpstreamTimeout("gemini", operation="x", note=CANARY), 504, "2"),
        (errors.UpstreamUnavailable("gemini", operation="x", reason=CANARY), 503, "2"),
        (errors.UpstreamRateLimited("gemini", operation="x"), 503, "2"),
    ],
)
def test_a_model_that_fails_is_told_with_the_turn_to_come_back_with(
    chat: Chat, error: errors.AppError, status: int, retry_after: str
) -> None:
    chat.world.answerer.outcome = error

    answer = chat.send({"message": "hello"})

    document = problem_in(answer, status, error.code)
    assert answer["headers"]["retry-after"] == retry_after
    assert document["turn_id"] == str(chat.world.ledger.opened[0].turn_id)


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (errors.RateLimited(code="too_many_turns", retry_after_seconds=7), 429),
        (errors.Conflict(code="idempotency_conflict"), 409),
        (errors.Forbidden(code="forbidden_user"), 403),
        (errors.Unauthenticated(), 401),
        (errors.NotFound(code="session_not_found"), 404),
        (errors.Unavailable(code="database_unavailable"), 503),
    ],
)
def test_what_the_ledger_refuses_has_its_status(
    chat: Chat, error: errors.AppError, status: int
) -> None:
    chat.world.ledger.open_error = error

    answer = chat.send({"message": "hello"}, headers={"idempotency-key": CANARY})

    problem_in(answer, status, error.code)
    waits = str(error.retry_after_seconds) if error.retry_after_seconds else None
    assert answer["headers"].get("retry-after") == waits


def test_an_unforeseen_error_is_a_problem_without_its_text(chat: Chat, log_lines: Any) -> None:
    chat.world.answerer.outcome = ValueError(CANARY)

    problem_in(chat.send({"message": CANARY}), 500, "internal_error")

    lines = log_lines()
    assert CANARY not in json.dumps(lines)
    assert [line["status"] for line in lines if line["message"] == "request"] == [500]


def test_nothing_that_was_said_or_chosen_is_logged(chat: Chat, log_lines: Any) -> None:
    chat.world.stores.memories = [memory(CANARY)]
    chat.world.stores.status["zep"] = 400
    chat.world.ledger.user_id = CANARY
    chat.world.answerer.outcome = CANARY
    body = {"message": f"Where is {CANARY}?", "session_id": CANARY, "user_id": CANARY}

    assert chat.send(body, headers={"idempotency-key": CANARY})["statusCode"] == 200
    chat.send({CANARY: CANARY})

    lines = log_lines()
    assert CANARY not in json.dumps(lines)
    [first, *_] = [line for line in lines if line["message"] == "request"]
    turn = chat.world.ledger.opened[0]
    assert (first["turn_id"], first["session"]) == (str(turn.turn_id), str(turn.session_row))
    assert (first["account_id"], first["route"]) == (str(ADA.account_id), "/api/chat")


@pytest.mark.parametrize(
    ("milliseconds", "model_seconds"), [(29_000, 20.0), (10_000, 6.5), (100_000, 20.0)]
)
def test_lambdas_remaining_time_bounds_the_turn(
    chat: Chat, milliseconds: int, model_seconds: float
) -> None:
    context = SimpleNamespace(get_remaining_time_in_millis=lambda: milliseconds)

    assert chat.send({"message": "hello"}, context)["statusCode"] == 200

    assert chat.world.answerer.seconds == [pytest.approx(model_seconds, abs=0.2)]


def test_a_turn_is_read_with_its_deliveries(chat: Chat) -> None:
    turn = TurnStatus(
        turn_id=TurnId(UUID(TURN)),
        session_id="s1",
        state="answered",
        message="Hello",
        reply="Hi",
        answer={"route": "converse"},
        said_at=NOW,
        replied_at=NOW,
        deliveries=[("mem0", "user", "ingested"), ("zep", "assistant", "owed")],
    )
    chat.world.ledger.statuses = [turn]

    answer = chat.read(TURN)

    assert answer["statusCode"] == 200
    assert json.loads(answer["body"]) == {
        "turn_id": TURN,
        "session_id": "s1",
        "state": "answered",
        "message": "Hello",
        "said_at": "2026-11-20T12:00:00Z",
        "replied_at": "2026-11-20T12:00:00Z",
        "answer": {
            "turn_id": TURN,
            "session_id": "s1",
            "reply": "Hi",
            "route": "converse",
            "recalled": [],
            "usage": {"input_tokens": 0, "output_tokens": 0, "model_calls": 0},
            "degraded": [],
        },
        "deliveries": [
            {"store": "mem0", "role": "user", "state": "ingested"},
            {"store": "zep", "role": "assistant", "state": "owed"},
        ],
    }
    assert chat.world.ledger.asked_for == [UUID(TURN)]


def test_a_turn_of_nobody_or_of_somebody_else_is_not_found(
    chat: Chat, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def read(*_: Any) -> None:
        raise errors.NotFound("There is no such turn.", code="turn_not_found")

    monkeypatch.setattr(chat.world.ledger, "read", read)

    problem_in(chat.read(TURN), 404, "turn_not_found")


@pytest.mark.parametrize("turn_id", [CANARY, "7", "00000000-0000-4000-8000-00000000000g", "%00"])
def test_a_turn_id_that_is_none_is_refused(chat: Chat, turn_id: str) -> None:
    document = problem_in(chat.read(turn_id), 422, "invalid_request")

    assert [error["type"] for error in document["errors"]] == ["uuid_parsing"]
    assert chat.world.ledger.asked_for == []


def test_an_answer_can_not_be_deleted_and_other_paths_do_not_exist(
    chat: Chat, http_event: MakeEvent
) -> None:
    problem_in(chat.read(f"{TURN}/{CANARY}"), 404, "not_found")
    event = http_event("chat_turn", claims=CLAIMS)
    event["requestContext"]["http"]["method"] = "DELETE"
    problem_in(chat._handler(event, None), 405, "method_not_allowed")
