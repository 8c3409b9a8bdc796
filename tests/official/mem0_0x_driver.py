"""Drives mem0ai 0.1.118 in its own environment: a call a line in, its outcome a line out, as JSON.

Run as a script, so it imports its neighbours by their own names.
"""

import asyncio
import inspect
import json
import sys
import warnings
from typing import Any

import loopback_guard

loopback_guard.start()

import operations  # noqa: E402 - nothing may be imported before the guard
from mem0 import AsyncMemoryClient, MemoryClient  # noqa: E402

# It says so at every add, which is how that version was.
warnings.filterwarnings("ignore", category=DeprecationWarning, module="mem0|__main__")


def say(told: dict[str, Any]) -> None:
    """Writes one line for the process that drives this one."""
    sys.stdout.write(json.dumps(told) + "\n")
    sys.stdout.flush()


async def outcome(client: Any, call: dict[str, Any]) -> dict[str, Any]:
    """What one call returned or raised."""
    try:
        answer = getattr(client, call["method"])(*call["arguments"], **call["options"])
        if inspect.isawaitable(answer):
            answer = await answer
    except Exception as error:
        return {
            "raised": type(error).__name__,
            "module": type(error).__module__,
            "text": str(error),
            "error_code": getattr(error, "error_code", None),
        }
    return {"returned": answer}


async def main(kind: str, host: str) -> None:
    """Makes a client and answers until the input ends."""
    made = MemoryClient if kind == "sync" else AsyncMemoryClient
    try:
        client: Any = made(api_key="test-key", host=host)
    except Exception as error:
        say({"raised": type(error).__name__, "text": str(error)})
        return
    say({"operations": sorted(operations.operations(client))})
    # Nothing else runs on this loop while it waits for a line.
    for line in sys.stdin:
        say(await outcome(client, json.loads(line)))
    say({"attempts": loopback_guard.attempts})


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2]))
