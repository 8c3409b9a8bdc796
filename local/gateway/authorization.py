"""The Lambda authorizer and its cache.

Source: API Gateway Developer Guide, "Control access to HTTP APIs with AWS Lambda authorizers"
(read November 2026); what is not from there says so.
"""

import asyncio
import json
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any, Protocol

from local.gateway.events import build_authorizer_event
from local.gateway.request import Request
from local.resources import Authorizer
from local.runtime.outcome import Failure, Outcome

_TIMEOUT_SECONDS = 10.0  # documented


class Invoker(Protocol):
    """Runs functions; `local.runtime.pool.Runtime` is one."""

    def invoke(self, function_id: str, payload: bytes) -> Coroutine[Any, Any, Outcome]:
        """Invokes a function and waits for it."""
        ...


@dataclass(frozen=True)
class Refused:
    """The request goes no further; the status to answer."""

    status: int


@dataclass(frozen=True)
class Allowed:
    """The request goes on with this context (None when the authorizer gave none)."""

    context: dict[str, Any] | None


Verdict = Allowed | Refused


class Authorizations:
    """Asks authorizers and remembers what they said.

    Args:
        invoker: runs the authorizer's function.
        clock: seconds, monotonic; only differences matter.
        timeout_seconds: how long an authorizer may take.
    """

    def __init__(
        self,
        invoker: Invoker,
        *,
        clock: Callable[[], float],
        timeout_seconds: float = _TIMEOUT_SECONDS,
    ) -> None:
        self._invoker = invoker
        self._clock = clock
        self._timeout_seconds = timeout_seconds
        self._cache: dict[tuple[str, ...], tuple[float, Verdict]] = {}

    def reset(self) -> None:
        """Forgets everything, like `aws apigatewayv2 reset-authorizers-cache`."""
        self._cache.clear()

    async def check(
        self, authorizer: Authorizer, request: Request, event: dict[str, Any]
    ) -> Verdict:
        """What the authorizer says of this request, now or within its TTL."""
        identity = [_identity(source, request, event) for source in authorizer.identity_sources]
        # Documented: a missing or empty identity source is a 401, and the function is not asked.
        if not all(identity):
            return Refused(401)
        values = [value for value in identity if value]
        # Documented: the key is the identity, whatever the route, unless the route is part of it.
        key = (authorizer.name, *values)
        if (known := self._cache.get(key)) and self._clock() < known[0]:
            return known[1]
        verdict, is_cacheable = await self._ask(authorizer, build_authorizer_event(event, values))
        if is_cacheable and authorizer.ttl_seconds and values:
            self._cache[key] = (self._clock() + authorizer.ttl_seconds, verdict)
        return verdict

    async def _ask(self, authorizer: Authorizer, event: dict[str, Any]) -> tuple[Verdict, bool]:
        payload = json.dumps(event).encode()
        asked = asyncio.create_task(self._invoker.invoke(authorizer.function_id, payload))
        done, _ = await asyncio.wait({asked}, timeout=self._timeout_seconds)
        if not done:
            return Refused(500), False
        return _read(asked.result())


def _read(outcome: Outcome) -> tuple[Verdict, bool]:
    """Verdict, and whether it is kept (observed by others: denials are, errors are not)."""
    try:
        answer = outcome.value()
    except ValueError:
        return Refused(500), False
    if outcome.failure is not None:
        # Documented: this one message turns an error into a 401.
        said = answer.get("errorMessage") if outcome.failure is Failure.FUNCTION else None
        return Refused(401 if said == "Unauthorized" else 500), False
    if not isinstance(answer, dict) or not isinstance(answer.get("isAuthorized"), bool):
        return Refused(500), False
    context = answer.get("context")
    if context is not None and not isinstance(context, dict):
        return Refused(500), False
    return (Allowed(context or None) if answer["isAuthorized"] else Refused(403)), True


def _identity(source: str, request: Request, event: dict[str, Any]) -> str | None:
    if source.startswith("$request.header."):
        return request.header(source.removeprefix("$request.header.").lower())
    if source.startswith("$request.querystring."):
        return request.query.get(source.removeprefix("$request.querystring."))
    value: Any = event["requestContext"]
    for name in source.removeprefix("$context.").split("."):
        value = value.get(name) if isinstance(value, dict) else None
    return str(value) if value is not None else None
