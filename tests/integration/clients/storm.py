"""Waves of calls, each wave under one fault: how every call ended, and how often it was struck."""

from __future__ import annotations

import asyncio
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tandem.errors import AppError
from tests.integration.clients.fault_list import Fault
from tests.integration.clients.methods import Caller
from tests.integration.twin_process import TwinProcess

SLACK_SECONDS = 0.3
_HANGS_AFTER_SECONDS = 20.0
_ASKED_AGAIN = 2
_GENAI = "google-genai-sdk/"

Worlds = Callable[[bool], Mapping[str, Any]]
"""By provider what is there; new when it is true."""


@dataclass
class Ended:
    """How one call ended under one fault."""

    caller: Caller
    fault: Fault
    error: BaseException | None
    seconds: float
    asked_again: int = 0
    """How often it was repeated alone, because it had been late among the others."""
    struck: int = 0
    attempts: int = 0
    """As the client told them."""
    others: int = 0
    """Requests that came to the twin and were not struck."""

    @property
    def in_time(self) -> bool:
        """Whether it ended within its deadline and a little."""
        return self.seconds <= self.fault.seconds + SLACK_SECONDS


async def wave(
    fault: Fault, callers: Sequence[Caller], twins: Mapping[str, TwinProcess], worlds: Worlds
) -> list[Ended]:
    """Every caller's call under the fault, all at the same time.

    A machine that is busy with other things makes anyone late, so a call that was late, or whose
    request did not even come to the twin, is made again alone. One that is late by itself stays so.
    """
    ended = await _at_once(fault, callers, twins, worlds)
    for place, caller in enumerate(callers):
        for again in range(1, _ASKED_AGAIN + 1):
            if ended[place].in_time and ended[place].struck:
                break
            [ended[place]] = await _at_once(fault, [caller], twins, worlds)
            ended[place].asked_again = again
    return ended


async def _at_once(
    fault: Fault, callers: Sequence[Caller], twins: Mapping[str, TwinProcess], worlds: Worlds
) -> list[Ended]:
    for twin in twins.values():
        twin.heal()
    # What happens when the provider has done its work happens to things that are there.
    world = worlds(fault.late)
    for twin in twins.values():
        twin.client.delete("/_twin/requests").raise_for_status()
        twin.fault(**fault.rule)
    for caller in callers:
        caller.calls.clear()
    turn = asyncio.Semaphore(fault.at_once)

    async def one(caller: Caller) -> Ended:
        async with turn:
            return await _asked(caller, fault, world[caller.provider])

    ended = list(await asyncio.gather(*(one(caller) for caller in callers)))
    _count(ended, twins)
    return ended


async def _asked(caller: Caller, fault: Fault, world: Any) -> Ended:
    error: BaseException | None = None
    started = time.perf_counter()
    try:
        async with asyncio.timeout(_HANGS_AFTER_SECONDS):
            await caller.call(world, fault.seconds)
    except Exception as caught:
        error = caught
    return Ended(caller, fault, error, time.perf_counter() - started)


def _count(ended: list[Ended], twins: Mapping[str, TwinProcess]) -> None:
    struck, others = Counter[tuple[str, str]](), Counter[tuple[str, str]]()
    for name, twin in twins.items():
        shown = twin.get("/_twin/requests")
        assert not shown["dropped"]
        for record in shown["requests"]:
            client = record["client"] or ""
            who = "" if client.startswith(_GENAI) else client
            (struck if record["fault"] else others)[name, who] += 1
        counted = sum(count for (twin_name, _), count in struck.items() if twin_name == name)
        assert counted == twin.struck(), "somebody was struck who isn't known"
    for one in ended:
        who = (one.caller.provider, one.caller.recorded_as)
        one.struck, one.others = struck[who], others[who]
        one.attempts = len(one.caller.calls)


def shown(error: BaseException) -> str:
    """Everything that a log or a debugger would show of an error and of those behind it."""
    parts = "".join(traceback.format_exception(error))
    for one in _chain(error):
        parts += f"{one!s} {one!r} {one.args} {getattr(one, '__notes__', '')}"
        if isinstance(one, AppError):
            parts += f"{vars(one)}"
    return parts


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
