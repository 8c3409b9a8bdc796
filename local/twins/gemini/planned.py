"""Special answers that a test queues at `/_twin/next`, each for a number of calls."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import replace
from typing import Final

from local.twins.gemini import function_calls, replies, wire
from local.twins.gemini.replies import Reply
from local.twins.server import Answer, Json, Refusal

_CUT: Final = "This reply was cut off he"
_SAID: Final = "This is the reply that was planned."
_BUSY: Final = "The model is overloaded. Please try again later."
_BROKEN: Final = '{"candidates": [{"content": '
_SPOKEN: Final[dict[str, Callable[[Json], Reply]]] = {
    "text": lambda plan: replies.text(plan.get("text", _SAID)),
    "max_tokens": lambda plan: _finished(plan, "MAX_TOKENS"),
    "finish": lambda plan: _finished(plan, plan.get("finish", "OTHER")),
    "safety": lambda _: Reply(finish="SAFETY"),
    "no_text": lambda _: replies.text(""),
    "blocked": lambda plan: Reply(
        candidate=False, finish=None, blocked=plan.get("reason", "SAFETY")
    ),
    "empty": lambda _: Reply(candidate=False, finish=None),
    "function_call": lambda plan: Reply([_call(plan)]),
}
_ANYWHERE: Final = ("status", "malformed", "normal")
"""Kinds that are also for calls that generate nothing."""
_STREAMED: Final = ("stream_error", "stream_cut")
KINDS: Final = (*_SPOKEN, *_ANYWHERE, *_STREAMED)


_BETWEEN: Final = {
    "times": (1, 10_000),
    "milliseconds": (0, 600_000),
    "after": (0, 10_000),
    "status": (400, 599),
}
_TEXTS: Final = ("kind", "text", "finish", "reason", "message", "name")


def _problem(name: str, value: object) -> str | None:
    """What is wrong with a field of a plan."""
    if name in _BETWEEN:
        low, high = _BETWEEN[name]
        fits = type(value) is int and low <= value <= high
        return None if fits else f"must be a whole number from {low} to {high}"
    if name in _TEXTS:
        return None if isinstance(value, str) else "must be a text"
    if name == "retry":
        return None if isinstance(value, int | float | str) else 'must be seconds, or like "2s"'
    if name == "args":
        return None if isinstance(value, dict) else "must be an object"
    return "is not known here"


class Planned:
    """The queue; the oldest answer goes first."""

    def __init__(self) -> None:
        self._queue: deque[Json] = deque()

    def add(self, body: Json) -> Answer:
        """Queues `{kind, times?, milliseconds?, …}`.

        `text` and `max_tokens` take `text`; `finish` takes `finish` and `text`; `blocked` takes
        `reason`; `status` takes `status`, `message` and `retry`; `function_call` takes `name` and
        `args`. `stream_error` (with `status`, `message`) and `stream_cut` end a stream after
        `after` chunks, 1 when not said. `normal` is the answer by rule, for a delay alone.
        """
        if body.get("kind") not in KINDS:
            raise Refusal(wire.error(400, f"kind must be one of {', '.join(KINDS)}"))
        for name, value in body.items():
            problem = _problem(name, value)
            if problem:
                raise Refusal(wire.error(400, f"{name} {problem}"))
        self._queue.extend([body] * body.get("times", 1))
        return Answer({"queued": len(self._queue)})

    def take(self, *, generates: bool = True) -> Json | None:
        """The next special answer, if there is one that fits a call of this sort."""
        if not self._queue or not (generates or self._queue[0]["kind"] in _ANYWHERE):
            return None
        return self._queue.popleft()

    def clear(self) -> None:
        """Forgets what is queued."""
        self._queue.clear()


def delayed(answer: Answer, plan: Json | None) -> Answer:
    """The answer after the plan's `milliseconds`."""
    return replace(answer, delay=(plan or {}).get("milliseconds", 0) / 1000)


def failed(plan: Json, *, stream: bool = False) -> Answer | None:
    """The answer of a plan that is a failure of the whole call; None when it is none."""
    if plan["kind"] == "status" or (plan["kind"] == "stream_error" and not stream):
        return problem(plan)
    if plan["kind"] == "malformed" or (plan["kind"] == "stream_cut" and not stream):
        events = "text/event-stream"
        start, kind = ("data: ", events) if stream else ("", "application/json")
        return Answer(text=start + _BROKEN, media_type=kind)
    return None


def problem(plan: Json) -> Answer:
    """The error that a plan describes."""
    status, message = plan.get("status", 503), plan.get("message", _BUSY)
    retry = plan.get("retry")
    seconds = f"{retry}s" if isinstance(retry, int | float) else retry
    return wire.error(status, message, retry=seconds)


def spoken(plan: Json) -> Reply | None:
    """The reply that a plan describes; None when the rules are to speak."""
    make = _SPOKEN.get(plan["kind"])
    return make(plan) if make else None


def broken_off(plan: Json, events: list[Json]) -> list[Json]:
    """A stream as it is cut or failed in the middle, by the plan."""
    if plan["kind"] not in _STREAMED:
        return events
    # The last chunk says that it ended, so it never comes.
    kept = events[: min(plan.get("after", 1), len(events) - 1)]
    return kept if plan["kind"] == "stream_cut" else [*kept, problem(plan).body]


def _finished(plan: Json, finish: str) -> Reply:
    return Reply([{"text": plan.get("text", _CUT)}], finish=finish)


def _call(plan: Json) -> Json:
    call = {"name": plan.get("name", "search_facts"), "args": plan.get("args", {})}
    return function_calls.part(call)
