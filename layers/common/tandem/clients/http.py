"""One way to call a provider: bounded in time and size, retried only where that is safe.

Clients describe a call as an `ApiCall` and say which model its answer has; `ProviderHttp` sends it
and either returns that model or raises one of our `Upstream…` errors. What a provider says in an
error is read off the wire, so that the connection can be used again, and then forgotten: no error
carries it, nor a URL, nor an id.

How an answer becomes an error is told in `failures.py`.
"""

import asyncio
import json
import random
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final, Literal
from urllib.parse import quote

import httpx
from pydantic import ValidationError

from tandem.clients.bodies import (
    ACCEPTED_ENCODING,
    BodyTooLargeError,
    BodyUnreadableError,
    read_body,
)
from tandem.clients.bounds import Bounds
from tandem.clients.breaker import Breaker, Passage
from tandem.clients.budget import Budget
from tandem.clients.failures import (
    Told,
    never_left,
    status_error,
    tellable,
    transport_error,
    unreadable,
)
from tandem.clients.provider_model import ProviderModel
from tandem.clients.retries import backoff_seconds
from tandem.errors import (
    AppError,
    Provider,
    UpstreamError,
    UpstreamRateLimited,
    UpstreamRejected,
    UpstreamTimeout,
    UpstreamUnavailable,
)

MAX_BODY_BYTES: Final = 8 * 1024 * 1024
MAX_RETRIES: Final = 2

_MAX_REFUSAL_BYTES: Final = 64 * 1024
_SHORTEST_ATTEMPT_SECONDS: Final = 0.05
_RETRIED_STATUSES: Final = frozenset({429, 502, 503, 504})

Method = Literal["GET", "POST", "PUT", "PATCH", "DELETE"]
Outcome = Literal[
    "ok", "timeout", "rate_limited", "rejected", "unavailable", "cancelled", "not_sent"
]
_OUTCOMES: Final[dict[type[UpstreamError], Outcome]] = {
    UpstreamTimeout: "timeout",
    UpstreamRateLimited: "rate_limited",
    UpstreamRejected: "rejected",
    UpstreamUnavailable: "unavailable",
}


@dataclass(frozen=True, slots=True)
class ApiCall:
    """One request to a provider, described.

    Attributes:
        operation: constant name for logs and errors, like `thread.add_messages`.
        method: HTTP verb.
        path: path with `{}` for each of `ids`; everything else in it is sent as it stands.
        ids: what goes into the path, quoted; an id can't leave its place in the path.
        query: query parameters in order; `None` values are left out.
        body: JSON to send, or None for no body.
        headers: further headers (authorisation, Idempotency-Key).
        retry_safe: the call may be repeated after the provider may have seen it, because it
            only reads, is idempotent or carries a key.
        empty_ok: an answer without a body counts as `{}`.
        told: reads from a refusal's body what its status doesn't say; never raises.
    """

    operation: str
    method: Method
    path: str
    ids: tuple[object, ...] = ()
    query: Mapping[str, str | int | None] = field(default_factory=dict)
    body: Mapping[str, Any] | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    retry_safe: bool = False
    empty_ok: bool = False
    told: Callable[[bytes], Told] | None = None


@dataclass(frozen=True, slots=True)
class UpstreamCall:
    """One attempt at a provider, as the log gets it.

    Attributes:
        outcome: `not_sent` says nothing about the provider: it was not even tried.
        attempt: counts from 1.
        reason: in a word, of what went wrong, like `breaker_open`, `held`, `budget`, `connect`.
    """

    provider: Provider
    operation: str
    status: int | None
    outcome: Outcome
    duration_seconds: float
    attempt: int
    reason: str | None = None


def outcome_of(error: AppError) -> Outcome:
    """What an error says of an attempt."""
    if not isinstance(error, UpstreamError) or never_left(error):
        return "not_sent"
    return _OUTCOMES[type(error)]


def _utc_now() -> datetime:
    return datetime.now(UTC)


class ProviderHttp:
    """Sends calls to one provider and turns every failure into one of our errors."""

    def __init__(  # noqa: PLR0913 - two that matter, two that bound them, five for tests
        self,
        provider: Provider,
        client: httpx.AsyncClient,
        *,
        breaker: Breaker | None = None,
        budget: Budget | None = None,
        on_call: Callable[[UpstreamCall], None] | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        jitter: Callable[[], float] = random.random,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], datetime] = _utc_now,
    ) -> None:
        """Takes a ready client, and what a test wants to hold in its hands.

        Args:
            provider: named in errors and logs.
            client: see `connections.build_http_client`; stays the caller's to close.
            breaker: asked once for each call, whatever it takes; shared by all who ask this
                provider in this process.
            budget: asked before every attempt.
            on_call: gets every attempt, successful, failed or not made.
            sleep: waits between attempts.
            jitter: a number in [0, 1).
            clock: monotonic seconds.
            now: aware UTC, to read a Retry-After that is a date.
        """
        self.provider: Provider = provider
        self._client = client
        self._bounds = Bounds(breaker, budget)
        self._on_call = on_call
        self._sleep = sleep
        self._jitter = jitter
        self._clock = clock
        self._now = now

    def deadline(self, timeout_seconds: float) -> float:
        """The moment, on this object's clock, at which `timeout_seconds` from now are over."""
        return self._clock() + timeout_seconds

    def remaining(self, deadline: float) -> float:
        """Seconds left until `deadline`; not positive once it has passed."""
        return deadline - self._clock()

    async def pause(self, attempt: int, *, most_seconds: float) -> None:
        """Waits as after attempt 1, 2, …, but never longer than `most_seconds`."""
        await self._sleep(min(backoff_seconds(attempt, jitter=self._jitter), most_seconds))

    async def send_or_none[A: ProviderModel](
        self, call: ApiCall, answer: type[A], *, timeout_seconds: float
    ) -> A | None:
        """As `send`, but None when the provider says that there is no such thing (404)."""
        try:
            return await self.send(call, answer, timeout_seconds=timeout_seconds)
        except UpstreamRejected as error:
            if error.status == httpx.codes.NOT_FOUND:
                return None
            raise

    async def send[A: ProviderModel](
        self, call: ApiCall, answer: type[A], *, timeout_seconds: float
    ) -> A:
        """The provider's answer to `call`, validated.

        Repeats a call at most twice: after a failed connection always, after a cut connection or
        429, 502, 503, 504 when the call is `retry_safe`. Waits about 0.2 s, then 0.4 s, or what
        Retry-After asks, and only if that leaves time for another attempt.

        Args:
            call: what to send.
            answer: the model of a 2xx body.
            timeout_seconds: for everything together, attempts, waiting and reading.

        Raises:
            UpstreamTimeout, UpstreamRateLimited, UpstreamRejected, UpstreamUnavailable: see the
                table in `failures.py`.
        """
        deadline = self.deadline(timeout_seconds)
        with await self._passage(call, deadline) as passage:
            attempt = 1
            while True:
                try:
                    return await self._attempt(call, answer, passage, attempt, deadline)
                except UpstreamError as error:
                    wait_seconds = self._wait_seconds(call, error, attempt)
                    spare = self.remaining(deadline) - _SHORTEST_ATTEMPT_SECONDS
                    if wait_seconds is None or wait_seconds > spare:
                        raise
                await self._sleep(wait_seconds)
                attempt += 1

    async def _passage(self, call: ApiCall, deadline: float) -> Passage:
        try:
            # At most half of what is left, for the call needs time as well.
            return await self._bounds.enter(
                call.operation, seconds=self.remaining(deadline) / 2, sleep=self._sleep
            )
        except UpstreamError as error:
            self._tell(call, 1, self._clock(), error=error)
            raise

    async def _attempt[A: ProviderModel](
        self, call: ApiCall, answer: type[A], passage: Passage, attempt: int, deadline: float
    ) -> A:
        started = self._clock()
        try:
            await self._bounds.take(call.operation, seconds=self.remaining(deadline) / 2)
            started = self._clock()
            passage.asked()
            status, body = await self._exchange(call, deadline)
            parsed = self._parse(call, answer, body, status)
        except UpstreamError as error:
            self._tell(call, attempt, started, error=error)
            await self._bounds.failed(error, seconds=self.remaining(deadline))
            raise
        except BaseException:
            self._tell(call, attempt, started)
            raise
        self._tell(call, attempt, started, status=status)
        return parsed

    def _tell(
        self,
        call: ApiCall,
        attempt: int,
        started: float,
        *,
        status: int | None = None,
        error: UpstreamError | None = None,
    ) -> None:
        if self._on_call is None:
            return
        outcome: Outcome = "cancelled" if status is None else "ok"
        reason: str | None = None
        if error is not None:
            status, reason = error.status, str(error.context.get("reason"))
            outcome = outcome_of(error)
        seconds = self._clock() - started
        self._on_call(
            UpstreamCall(self.provider, call.operation, status, outcome, seconds, attempt, reason)
        )

    async def _exchange(self, call: ApiCall, deadline: float) -> tuple[int, bytes]:
        request = self._request(call)
        remaining = self.remaining(deadline)
        if remaining <= 0:
            raise self._error(UpstreamTimeout, call, reason="deadline", sent=False)
        try:
            async with asyncio.timeout(remaining):
                response = await self._client.send(request, stream=True, follow_redirects=False)
                try:
                    body = await self._body(call, response)
                finally:
                    await response.aclose()
        except TimeoutError as cause:
            raise self._error(UpstreamTimeout, call, reason="deadline") from cause
        except httpx.LocalProtocolError:
            # Its message quotes the header that was refused, which may be the one with the key.
            raise self._error(UpstreamRejected, call, reason="unsendable", sent=False) from None
        except httpx.HTTPError as cause:
            raise transport_error(self.provider, call.operation, cause) from tellable(cause)
        return response.status_code, body

    async def _body(self, call: ApiCall, response: httpx.Response) -> bytes:
        """The body of a success. That of a refusal is read, within bounds, and forgotten."""
        status = response.status_code
        if not response.is_success:
            # Its status stands, whatever becomes of the rest.
            body = b""
            with suppress(httpx.HTTPError, BodyTooLargeError, BodyUnreadableError):
                body = await read_body(response, most_bytes=_MAX_REFUSAL_BYTES)
            told = call.told(body) if call.told else Told()
            raise status_error(self.provider, call.operation, response, now=self._now(), told=told)
        try:
            return await read_body(response, most_bytes=MAX_BODY_BYTES)
        except BodyTooLargeError:
            raise unreadable(self.provider, call.operation, status, reason="too_large") from None
        except BodyUnreadableError:
            raise unreadable(self.provider, call.operation, status, reason="unreadable") from None

    def _request(self, call: ApiCall) -> httpx.Request:
        ids = [str(part) for part in call.ids]
        if any(part in {"", ".", ".."} for part in ids):
            raise self._error(UpstreamRejected, call, reason="bad_id", sent=False)
        headers = {"accept-encoding": ACCEPTED_ENCODING, **call.headers}
        content: bytes | None = None
        if call.body is not None:
            headers["content-type"] = "application/json"
            text = json.dumps(call.body, ensure_ascii=False, separators=(",", ":"))
            content = text.encode("utf-8", errors="replace")
        query = {name: value for name, value in call.query.items() if value is not None}
        try:
            return self._client.build_request(
                call.method,
                call.path.format(*(quote(part, safe="") for part in ids)),
                params=query or None,
                content=content,
                headers=headers,
            )
        except (httpx.InvalidURL, UnicodeError):
            # Both quote what they choke on: an id, or the key.
            raise self._error(UpstreamRejected, call, reason="unsendable", sent=False) from None

    def _parse[A: ProviderModel](
        self, call: ApiCall, answer: type[A], body: bytes, status: int
    ) -> A:
        if not body.strip() and call.empty_ok:
            body = b"{}"
        try:
            return answer.model_validate_json(body)
        except ValidationError as cause:
            raise unreadable(self.provider, call.operation, status, reason="unreadable") from cause

    def _wait_seconds(self, call: ApiCall, error: UpstreamError, attempt: int) -> float | None:
        """How long to wait before another attempt, or None when there must be none."""
        reason = error.context.get("reason")
        repeatable = reason == "connect" or (
            call.retry_safe and (reason == "cut" or error.status in _RETRIED_STATUSES)
        )
        if not repeatable or attempt > MAX_RETRIES:
            return None
        backoff = backoff_seconds(attempt, jitter=self._jitter)
        return max(backoff, float(error.retry_after_seconds or 0))

    def _error[E: UpstreamError](
        self, kind: type[E], call: ApiCall, *, reason: str, sent: bool = True
    ) -> E:
        return kind(self.provider, operation=call.operation, reason=reason, sent=sent)
