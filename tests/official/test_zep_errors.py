"""How zep-cloud ends when the Zep twin fails on purpose: classes, attempts, keys."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest
from zep_cloud.core.api_error import ApiError
from zep_cloud.core.parse_error import ParsingError
from zep_cloud.errors import BadRequestError, NotFoundError, UnauthorizedError

from tests.official.called import refused
from tests.official.clients import Play
from tests.official.twin_process import TwinProcess
from tests.official.zep_story import UNKNOWN

ENVELOPE = {"error": {"code": "some_code", "message": "some message"}}
ONCE = {"request_options": {"max_retries": 0}}
RETRIED = (408, 409, 429, 500, 502, 503, 504)


def _user(number: int) -> str:
    """A UUID with the number in it."""
    return f"11111111-2222-4333-8444-{number:012d}"


def _attempts(twin: TwinProcess, path: str) -> list[dict[str, Any]]:
    return [record for record in twin.records() if record["path"].endswith(path)]


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, BadRequestError),
        (401, UnauthorizedError),
        (403, ApiError),
        (404, NotFoundError),
        (409, ApiError),
        (413, ApiError),
        (422, ApiError),
        (429, ApiError),
        (500, ApiError),
        (503, ApiError),
    ],
)
def test_a_status_is_the_class_that_user_get_declares(
    zep: Play, zep_twin: TwinProcess, status: int, kind: type[ApiError]
) -> None:
    zep_twin.fault("/api/v4/users/*", "status", status=status, body=ENVELOPE)

    async def scenario(zep: Any) -> None:
        error = await refused(zep.user.get(UNKNOWN, **ONCE), kind)
        assert error.status_code == status
        if kind is ApiError:
            assert error.body == ENVELOPE
        else:
            assert error.body.error.code == "some_code"

    zep(scenario)
    assert len(_attempts(zep_twin, UNKNOWN)) == 1


def test_junk_is_an_error_of_its_own_kind(zep: Play, zep_twin: TwinProcess) -> None:
    zep_twin.fault("/api/v4/users/*", "junk")
    zep_twin.fault("/api/v4/threads/*", "html", status=502)

    async def scenario(zep: Any) -> None:
        error = await refused(zep.user.get(UNKNOWN, **ONCE), ApiError)
        assert error.status_code == 200
        error = await refused(zep.thread.get(UNKNOWN, **ONCE), ApiError)
        assert error.status_code == 502
        assert "<html" in str(error.body).lower()

    zep(scenario)


def test_an_answer_of_the_wrong_shape_is_a_parsing_error(zep: Play, zep_twin: TwinProcess) -> None:
    zep_twin.fault("/api/v4/users/*", "status", status=200, body={"uuid": 7})

    async def scenario(zep: Any) -> None:
        await refused(zep.user.get(UNKNOWN), ParsingError)

    zep(scenario)


def test_three_attempts_are_made_where_it_may_help_and_one_elsewhere(
    zep: Play, zep_twin: TwinProcess
) -> None:
    statuses = {**{_user(status): status for status in RETRIED}, _user(400): 400, _user(404): 404}
    for uuid, status in statuses.items():
        zep_twin.fault(f"/api/v4/users/{uuid}", "status", status=status, body=ENVELOPE)

    async def scenario(zep: Any) -> None:
        ended = await asyncio.gather(
            *(zep.user.get(uuid) for uuid in statuses), return_exceptions=True
        )
        assert [error.status_code for error in ended] == list(statuses.values())

    zep(scenario)
    for uuid, status in statuses.items():
        attempts = len(_attempts(zep_twin, uuid))
        assert attempts == (3 if status in RETRIED else 1), status


def test_a_write_that_is_repeated_keeps_its_key_and_happens_once(
    zep: Play, zep_twin: TwinProcess
) -> None:
    zep_twin.tell("requests", whole=True)
    zep_twin.fault("/api/v4/users", "status", status=503, times=2, retry_after=1)

    async def scenario(zep: Any) -> None:
        made = await zep.user.create(user_id="dev:ada")
        assert await zep.user.lookup(user_id="dev:ada") == made

    zep(scenario)
    posts = _attempts(zep_twin, "/users")
    assert [record["status"] for record in posts] == [503, 503, 201]
    assert len({record["headers"]["idempotency-key"] for record in posts}) == 1


def test_an_answer_that_breaks_off_is_asked_for_again(zep: Play, zep_twin: TwinProcess) -> None:
    zep_twin.fault("/api/v4/users/*", "truncate", times=1)

    async def scenario(zep: Any) -> None:
        await refused(zep.user.get(UNKNOWN), NotFoundError)

    zep(scenario)
    assert len(_attempts(zep_twin, UNKNOWN)) == 2


def test_a_reset_connection_ends_the_call(zep: Play, zep_twin: TwinProcess) -> None:
    zep_twin.fault("/api/v4/users/*", "reset", times=1)

    async def scenario(zep: Any) -> None:
        await refused(zep.user.get(UNKNOWN), httpx.ReadError)

    zep(scenario)
    assert len(_attempts(zep_twin, UNKNOWN)) == 1


def test_the_callers_number_of_retries_is_kept(zep: Play, zep_twin: TwinProcess) -> None:
    zep_twin.fault("/api/v4/users/*", "status", status=503)

    async def scenario(zep: Any) -> None:
        calls = [
            zep.user.get(_user(retries), request_options={"max_retries": retries})
            for retries in (0, 1)
        ]
        await asyncio.gather(*calls, return_exceptions=True)

    zep(scenario)
    assert [len(_attempts(zep_twin, _user(retries))) for retries in (0, 1)] == [1, 2]


def test_what_the_twin_does_not_serve_is_501_in_the_same_envelope(zep: Play) -> None:
    async def scenario(zep: Any) -> None:
        for call in (zep.project.get(**ONCE), zep.graph.warm(UNKNOWN, **ONCE)):
            error = await refused(call, ApiError)
            assert error.status_code == 501
            assert set(error.body) == {"error"}

    zep(scenario)
