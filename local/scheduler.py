"""EventBridge Scheduler on this machine: invokes functions when their schedules fire."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

from local.gateway.authorization import Invoker
from local.resources import ScheduledCall


async def run_schedule(
    call: ScheduledCall,
    *,
    invoker: Invoker,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> None:
    """Invokes the function each time; a run longer than the interval delays the next one.

    Returns when the schedule never fires again.
    """
    moment = now()
    while (due := call.schedule.next_after(moment)) is not None:
        await sleep(max(0.0, (due - now()).total_seconds()))
        await invoker.invoke(call.function_id, call.payload.encode())
        # A machine that slept does not make up for every firing it missed.
        moment = max(due, now())
