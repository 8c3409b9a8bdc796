"""The official clients on twins that were started with other settings."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from mem0.exceptions import ValidationError
from zep_cloud.core.api_error import ApiError
from zep_cloud.errors import BadRequestError

from tests.official.called import Ledger, everything, refused
from tests.official.clients import mem0_player, zep_player
from tests.official.mem0_story import ME
from tests.official.mem0_story import settled as event_settled
from tests.official.twin_process import running
from tests.official.zep_story import ada, settled

KINDS = pytest.mark.parametrize("kind", ["sync", "async"])


@KINDS
def test_an_ingestion_that_fails_is_a_failed_task_with_an_error(
    kind: str, tmp_path: Path, ledger: Ledger
) -> None:
    async def scenario(zep: Any) -> None:
        user, thread = await ada(zep)
        added = await zep.thread.add_messages(
            thread.uuid_, messages=[{"role": "user", "content": "I like tea"}]
        )
        task = await settled(zep, added.task, "failed")
        assert task.error.code
        assert task.error.message
        failed = await everything(await zep.task.list(status="failed"))
        assert [each.uuid_ for each in failed] == [task.uuid_]
        (message,) = await everything(await zep.thread.list_messages(thread.uuid_))
        assert message.processed is False
        assert await everything(await zep.graph.edge.list(user.graph_uuid)) == []

    with running("zep", tmp_path, "--ingestion-failures", "1") as twin:
        zep_player(kind, twin, ledger)(scenario)


@KINDS
def test_a_key_is_known_as_long_as_it_lives(kind: str, tmp_path: Path, ledger: Ledger) -> None:
    async def scenario(zep: Any) -> None:
        once = {"user_id": "dev:ada", "idempotency_key": "key-1"}
        await zep.user.create(**once)
        # A key that lives for no time at all: the second call is another user by the same id.
        await refused(zep.user.create(**once, request_options={"max_retries": 0}), BadRequestError)

    with running("zep", tmp_path, "--idempotency-seconds", "0") as twin:
        zep_player(kind, twin, ledger)(scenario)


@KINDS
def test_too_many_requests_are_429_with_what_is_left(
    kind: str, tmp_path: Path, ledger: Ledger
) -> None:
    async def scenario(zep: Any) -> None:
        for _ in range(3):
            await zep.user.list()
        error = await refused(zep.user.list(request_options={"max_retries": 0}), ApiError)
        assert error.status_code == 429
        headers = {name.lower(): value for name, value in error.headers.items()}
        assert headers["x-ratelimit-limit"] == "3"
        assert headers["x-ratelimit-remaining"] == "0"
        assert int(headers["retry-after"]) > 0

    with running("zep", tmp_path, "--requests-per-minute", "3") as twin:
        zep_player(kind, twin, ledger)(scenario)


@KINDS
def test_an_add_that_fails_is_a_failed_event(kind: str, tmp_path: Path, ledger: Ledger) -> None:
    with running("mem0", tmp_path, "--ingestion-failures", "1") as twin:

        async def scenario(mem0: Any) -> None:
            added = await mem0.add("I like tea", **ME)
            event = await event_settled(twin, added["event_id"], "FAILED")
            assert event["results"] == []
            assert (await mem0.get_all(filters=ME))["count"] == 0

        mem0_player(kind, twin, ledger)(scenario)


@KINDS
def test_a_date_that_has_passed_can_be_refused(kind: str, tmp_path: Path, ledger: Ledger) -> None:
    async def scenario(mem0: Any) -> None:
        past = {"expiration_date": "2020-01-01", "infer": False}
        await refused(mem0.add("Tea", **ME, **past), ValidationError)
        assert (await mem0.get_all(filters=ME))["count"] == 0

    with running("mem0", tmp_path, "--refuse-past-expiration") as twin:
        mem0_player(kind, twin, ledger)(scenario)


def test_a_scenario_is_played_to_its_end() -> None:
    """The players await what they are given: a scenario that fails, fails the test."""

    async def scenario() -> None:
        await refused(asyncio.sleep(0), ValueError)

    with pytest.raises(AssertionError, match="ValueError was to be raised"):
        asyncio.run(scenario())
