"""Tidying the memories of the people whom a batch of messages names, a few side by side."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Protocol
from uuid import UUID

from memory_api.jobs.planning import Planned
from tandem import observability
from tandem.deadline import Deadline
from tandem.errors import UpstreamError, UpstreamRateLimited
from tandem.ids import AccountId

LEAST_SECONDS: Final = 60.0
"""With less time than this nobody's memory is begun with; the message is sent anew."""

MOST_CONTINUATIONS: Final = 50
"""How often a memory that a run was too short for is gone on with before the next plan."""

LEAST_REST_SECONDS: Final = 60
"""How long a memory is left alone, at least, when a provider wouldn't be called any more."""

_LONGEST_REST_SECONDS: Final = 900

Step = Callable[[AccountId, Deadline], Awaitable[bool]]
"""Something that is done for a person. False: the time did not suffice, and it has to go on."""


class Plan(Protocol):
    """Sends messages for people who are due; see `memory_api.jobs.planning.Plan`."""

    async def carry_out(self, after: AccountId | None, deadline: Deadline) -> Planned: ...


class Messages(Protocol):
    """The queue that the batch came from; see `tandem.changes.wake.ConsolidationWake`."""

    async def send(
        self, account_id: AccountId, *, continuation: int = 0, delay_seconds: int = 0
    ) -> bool: ...


@dataclass(slots=True)
class _Person:
    """What a batch asks for one person: ids of the messages, how often this was gone on with."""

    message_ids: list[str] = field(default_factory=list)
    continuation: int = 0

    def add(self, message_id: str, continuation: int) -> None:
        self.message_ids.append(message_id)
        self.continuation = max(self.continuation, continuation)


class Tidying:
    """Handles batches of the consolidate job's queue.

    Args:
        steps: what is done for a person, each only when those before it are done.
        plan: goes on with what the plan job had no time for.
        messages: where to ask for more time.
        at_once: how many people side by side.
    """

    def __init__(
        self, steps: Sequence[Step], plan: Plan, messages: Messages, *, at_once: int
    ) -> None:
        self._steps = steps
        self._plan = plan
        self._messages = messages
        self._at_once = at_once

    async def handle(self, records: Sequence[Mapping[str, Any]], deadline: Deadline) -> list[str]:
        """Ids of the messages that have to come again, because what they ask for failed.

        Args:
            records: of SQS's event; a body is `{"account"}`, maybe with `continuation`, or
                `{"plan_after"}`.
            deadline: what is begun ends before it.
        """
        people: dict[AccountId, _Person] = {}
        failed: list[str] = []
        for record in records:
            message_id = record["messageId"]
            try:
                message = json.loads(record["body"])
                if "plan_after" in message:
                    after = AccountId(UUID(message["plan_after"]))
                    failed += [] if await self._go_on_planning(after, deadline) else [message_id]
                else:
                    account_id = AccountId(UUID(message["account"]))
                    continuation = int(message.get("continuation", 0))
                    people.setdefault(account_id, _Person()).add(message_id, continuation)
            except (ValueError, KeyError, TypeError, AttributeError):
                observability.error("message_unreadable", message_id=message_id)
                failed.append(message_id)
        return failed + await self._tidy_all(people, deadline)

    async def _go_on_planning(self, after: AccountId, deadline: Deadline) -> bool:
        try:
            await self._plan.carry_out(after, deadline)
        except Exception as error:  # this message alone comes again
            observability.error("planning_failed", **observability.describe(error))
            return False
        return True

    async def _tidy_all(self, people: Mapping[AccountId, _Person], deadline: Deadline) -> list[str]:
        waiting: Iterator[tuple[AccountId, _Person]] = iter(people.items())
        failed: list[str] = []

        async def work() -> None:
            for account_id, person in waiting:  # shared: whoever is free takes the next one
                if not await self._tidy(account_id, person.continuation, deadline):
                    failed.extend(person.message_ids)

        async with asyncio.TaskGroup() as workers:
            for _ in range(self._at_once):
                workers.create_task(work())
        return failed

    async def _tidy(self, account_id: AccountId, continuation: int, deadline: Deadline) -> bool:
        """Whether the messages are done with: all is done, or another message asks for the rest."""
        try:
            if deadline.left() < LEAST_SECONDS:
                return await self._messages.send(account_id, continuation=continuation)
            for step in self._steps:
                if not await step(account_id, deadline):
                    return await self._go_on_later(account_id, continuation + 1)
        except Exception as error:  # this person alone comes again; the others go on
            if isinstance(error, UpstreamError) and _is_for_later(error):
                return await self._put_off(account_id, continuation + 1, error)
            observability.error(
                "tidying_failed", account=str(account_id), **observability.describe(error)
            )
            return False
        return True

    async def _put_off(
        self, account_id: AccountId, continuation: int, error: UpstreamError
    ) -> bool:
        observability.warning(
            "tidying_put_off", account=str(account_id), **observability.describe(error)
        )
        rest = max(error.retry_after_seconds or 0, LEAST_REST_SECONDS)
        return await self._go_on_later(
            account_id, continuation, delay_seconds=min(rest, _LONGEST_REST_SECONDS)
        )

    async def _go_on_later(
        self, account_id: AccountId, continuation: int, *, delay_seconds: int = 0
    ) -> bool:
        if continuation > MOST_CONTINUATIONS:
            observability.error("tidying_never_ends", account=str(account_id))
            observability.count("TidyingNeverEnds")
            return True  # the next plan finds it
        return await self._messages.send(
            account_id, continuation=continuation, delay_seconds=delay_seconds
        )


def _is_for_later(error: UpstreamError) -> bool:
    """Whether a provider isn't to be asked now, for others' sake or its own. The queue would wait
    for hours, and everybody in it would be refused as quickly."""
    return isinstance(error, UpstreamRateLimited) or error.context.get("reason") == "breaker_open"
