"""Special answers that a test queues at `/_twin/next`, each for a number of calls."""

from __future__ import annotations

from collections import deque
from dataclasses import replace

from local.twins.gemini import wire
from local.twins.server import Answer, Json, Refusal

KINDS = (
    "text",
    "max_tokens",
    "safety",
    "blocked",
    "empty",
    "no_text",
    "malformed",
    "status",
    "function_call",
    "normal",
)


class Planned:
    """The queue; the oldest answer goes first."""

    def __init__(self) -> None:
        self._queue: deque[Json] = deque()

    def add(self, body: Json) -> Answer:
        """Queues `{kind, times?, text?, status?, message?, retry?, name?, args?, milliseconds?}`.

        `normal` is the answer by rule, for a delay alone. Every kind may have `milliseconds`.
        """
        if body.get("kind") not in KINDS:
            raise Refusal(wire.error(400, f"kind must be one of {', '.join(KINDS)}"))
        for _ in range(int(body.get("times", 1))):
            self._queue.append(body)
        return Answer({"queued": len(self._queue)})

    def take(self) -> Json | None:
        """The next special answer, if there is one."""
        return self._queue.popleft() if self._queue else None

    def clear(self) -> None:
        """Forgets what is queued."""
        self._queue.clear()


def answered(planned: Json, request: Json, model: str, by_rule: Answer) -> Answer:
    """The answer that was planned for this request."""
    made = _made(planned, request, model, by_rule)
    return replace(made, delay=float(planned.get("milliseconds", 0)) / 1000)


def _made(planned: Json, request: Json, model: str, by_rule: Answer) -> Answer:
    kind = planned["kind"]
    spoken = [{"text": str(planned.get("text", "This reply was cut off he"))}]
    if kind == "status":
        status = int(planned.get("status", 503))
        message = str(planned.get("message", "The model is overloaded. Please try again later."))
        return wire.error(status, message, retry=planned.get("retry"))
    if kind == "malformed":
        return Answer(text='{"candidates": [{"content": ', media_type="application/json")
    if kind == "function_call":
        call = {"name": planned.get("name", "search_facts"), "args": planned.get("args", {})}
        return wire.generated(request, model, [{"functionCall": call}])
    shapes = {
        "text": lambda: wire.generated(request, model, spoken),
        "max_tokens": lambda: wire.generated(request, model, spoken, finish="MAX_TOKENS"),
        "safety": lambda: wire.generated(request, model, [], finish="SAFETY"),
        "no_text": lambda: wire.generated(request, model, [{"text": ""}]),
        "blocked": lambda: wire.without_candidates(request, model, blocked="SAFETY"),
        "empty": lambda: wire.without_candidates(request, model),
    }
    return shapes[kind]() if kind in shapes else by_rule
