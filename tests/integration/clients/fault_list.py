"""Every way in which a call is made to fail, and what it must become.

The rules are those of the twins' `/_twin/faults`. What a provider says in them has a word of its
own, which must not be found anywhere afterwards.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from tandem.errors import (
    UpstreamError,
    UpstreamRateLimited,
    UpstreamRejected,
    UpstreamTimeout,
    UpstreamUnavailable,
)

CANARY = "canaryword"
QUICK, SLOW, BIG = 6.0, 0.8, 6.0
"""Deadlines in seconds: for what fails at once and is repeated, for what never ends, and for what
takes its time to read."""

_MIB = 2**20
_PAGE = f"<html><head><title>{CANARY}</title></head><body>{CANARY}</body></html>"
_TOLD = {"error": {"message": CANARY, "code": CANARY, "details": [CANARY]}, "detail": CANARY}
_HEADERS = {"x-note": CANARY, "set-cookie": f"{CANARY}={CANARY}"}


@dataclass(frozen=True, kw_only=True)
class Fault:
    """One fault.

    Attributes:
        error: what it becomes; None when every method must get through.
        reason: the word in the error's context.
        status: of the provider's answer, if there is one.
        retry_after: what the provider asks for, in seconds.
        passing: it may pass, so that a call which may be repeated is.
        seconds: the deadline.
        at_once: how many calls may be made at the same time.
        answer: what it is for methods to which that is an answer.
    """

    name: str
    rule: dict[str, Any]
    error: type[UpstreamError] | None
    reason: str = "status"
    status: int | None = None
    retry_after: int | None = None
    passing: bool = False
    seconds: float = QUICK
    at_once: int = 100
    answer: Literal["missing", "empty", "object", None] = None

    @property
    def late(self) -> bool:
        """Whether it strikes when the provider has done what was asked."""
        return self.rule.get("when") == "after"


def _refused(status: int, error: type[UpstreamError], **more: Any) -> list[Fault]:
    """In the service's envelope, in other JSON, in words and as a page."""
    bodies: dict[str, dict[str, Any]] = {
        "": {},
        " in JSON": {"body": _TOLD},
        " in text": {"body": CANARY, "headers": _HEADERS},
        " in HTML": {"body": _PAGE, "headers": {"content-type": "text/html"}},
    }
    return [
        Fault(
            name=f"status {status}{form}",
            rule={"kind": "status", "status": status, **body},
            error=error,
            status=status,
            **more,
        )
        for form, body in bodies.items()
    ]


def _later(status: int, error: type[UpstreamError], asked: str | int, **more: Any) -> Fault:
    return Fault(
        name=f"status {status}, Retry-After {str(asked)[:3]}",
        rule={"kind": "status", "status": status, "body": _TOLD, "retry_after": asked},
        error=error,
        status=status,
        **more,
    )


def _junk(name: str, body: Any, **more: Any) -> Fault:
    """A success that is none."""
    return Fault(
        name=name,
        rule={"kind": "status", "status": 200, "body": body, "headers": more.pop("headers", None)},
        error=UpstreamUnavailable,
        reason="unreadable",
        status=200,
        **more,
    )


def _cut(name: str, **rule: Any) -> Fault:
    return Fault(name=name, rule=rule, error=UpstreamUnavailable, reason="cut", passing=True)


def _endless(name: str, **rule: Any) -> Fault:
    return Fault(name=name, rule=rule, error=UpstreamTimeout, reason="deadline", seconds=SLOW)


def _moved(status: int) -> Fault:
    rule = {"kind": "status", "status": status, "headers": {"location": f"/{CANARY}"}}
    return Fault(name=f"status {status}", rule=rule, error=UpstreamUnavailable, status=status)


REFUSALS = [
    *_refused(400, UpstreamRejected),
    *_refused(401, UpstreamUnavailable),
    *_refused(402, UpstreamUnavailable),
    *_refused(403, UpstreamUnavailable),
    *_refused(404, UpstreamRejected, answer="missing"),
    *_refused(409, UpstreamRejected),
    *_refused(422, UpstreamRejected),
    *(
        Fault(
            name=f"status {status}",
            rule={"kind": "status", "status": status},
            error=UpstreamTimeout if status == 408 else UpstreamRejected,
            status=status,
        )
        for status in (405, 406, 408, 410, 413, 415, 418, 451)
    ),
]
FAILURES = [
    *_refused(429, UpstreamRateLimited, passing=True),
    _later(429, UpstreamRateLimited, 30, retry_after=30),
    _later(429, UpstreamRateLimited, 0, retry_after=0, passing=True),
    _later(429, UpstreamRateLimited, CANARY, passing=True),
    _later(429, UpstreamRateLimited, "Fri, 01 Jan 2100 00:00:00 GMT", retry_after=86_400),
    _later(503, UpstreamUnavailable, 30, retry_after=30),
    *_refused(500, UpstreamUnavailable),
    *_refused(502, UpstreamUnavailable, passing=True),
    *_refused(503, UpstreamUnavailable, passing=True),
    *_refused(504, UpstreamTimeout, passing=True),
    *(
        Fault(
            name=f"status {status}",
            rule={"kind": "status", "status": status},
            error=UpstreamUnavailable,
            status=status,
        )
        for status in (501, 505, 599)
    ),
]
BROKEN_ANSWERS = [
    Fault(
        name="junk",
        rule={"kind": "junk"},
        error=UpstreamUnavailable,
        reason="unreadable",
        status=200,
    ),
    _junk("words of junk", f'{{"items": ["{CANARY}",, '),
    _junk("a string", f'"{CANARY}"'),
    _junk("a number", "7"),
    _junk("null", "null"),
    _junk("text", CANARY),
    _junk("a page for an answer", _PAGE, headers={"content-type": "text/html", **_HEADERS}),
    _junk("a list of words", [CANARY]),
    _junk("packed in a way nobody asked for", CANARY, headers={"content-encoding": "br"}),
    _junk("not packed as it says", CANARY, headers={"content-encoding": "gzip"}),
    Fault(
        name="a list in place of an object",
        rule={"kind": "wrong_shape", "shape": "list"},
        error=UpstreamUnavailable,
        reason="unreadable",
        status=200,
    ),
    Fault(
        name="words in place of objects",
        rule={"kind": "wrong_shape", "shape": "strings", "when": "after"},
        error=UpstreamUnavailable,
        reason="unreadable",
        status=200,
        answer="object",
    ),
    _junk("an empty object", {}, answer="object"),
    Fault(
        name="empty",
        rule={"kind": "empty"},
        error=UpstreamUnavailable,
        reason="unreadable",
        status=200,
        answer="empty",
    ),
    Fault(
        name="status 204",
        rule={"kind": "status", "status": 204},
        error=UpstreamUnavailable,
        reason="unreadable",
        status=204,
        answer="empty",
    ),
    Fault(
        name="a page of an error",
        rule={"kind": "html"},
        error=UpstreamUnavailable,
        status=502,
        passing=True,
    ),
    Fault(
        name="redirect",
        rule={"kind": "redirect", "to": f"/{CANARY}"},
        error=UpstreamUnavailable,
        status=307,
    ),
    *(_moved(status) for status in (300, 301, 302, 303, 304, 308)),
    Fault(
        name="huge",
        rule={"kind": "huge", "bytes": 16 * _MIB},
        error=UpstreamUnavailable,
        reason="too_large",
        status=200,
        seconds=BIG,
        at_once=4,
    ),
]
BROKEN_CONNECTIONS = [
    _cut("reset", kind="reset"),
    _cut("reset when it was done", kind="reset", when="after"),
    _cut("closed without an answer", kind="hang", milliseconds=20),
    _cut("truncated", kind="truncate"),
    _cut("truncated when it was done", kind="truncate", when="after"),
    _endless("no answer", kind="hang"),
    _endless("no answer when it was done", kind="hang", when="after"),
    _endless("too late", kind="latency", milliseconds=60_000),
    _endless("drip", kind="drip", milliseconds=50),
    Fault(
        name="a little late",
        rule={"kind": "latency", "milliseconds": {"uniform": [5, 40]}, "when": "after"},
        error=None,
    ),
]
