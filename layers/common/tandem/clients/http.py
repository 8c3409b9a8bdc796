"""One way to call a provider: bounded in time and size, retried only where that is safe.

Clients describe a call as an `ApiCall` and say which model its answer has; `ProviderHttp` sends it
and either returns that model or raises one of our `Upstream…` errors. What a provider says in an
error is read off the wire, so that the connection can be used again, and then forgotten: no error
carries it, nor a URL, nor an id.

How an answer becomes an error:

    no connection, no slot in the pool    UpstreamUnavailable or UpstreamTimeout, `sent=False`
    cut connection                        UpstreamUnavailable
    deadline or phase timeout, 408, 504   UpstreamTimeout: the outcome is unknown
    429                                   UpstreamRateLimited
    401, 402, 403                         UpstreamUnavailable: about our key or plan, not about this
                                          request, which will be fine once an operator has acted
    any other 4xx                         UpstreamRejected with its status (404 among them)
    1xx, 3xx, 5xx, junk, over 8 MiB       UpstreamUnavailable

`error.context["sent"]` is False when the provider can't have seen the request.
"""

import asyncio
import json
import random
import ssl
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from typing import Any, Final, Literal
from urllib.parse import quote

import certifi
import httpx
from pydantic import ValidationError

from tandem.clients.models import ProviderModel
from tandem.clients.retries import backoff_seconds, retry_after_seconds
from tandem.errors import (
    Provider,
    UpstreamError,
    UpstreamRateLimited,
    UpstreamRejected,
    UpstreamTimeout,
    UpstreamUnavailable,
)

MAX_BODY_BYTES: Final = 8 * 1024 * 1024
MAX_RETRIES: Final = 2
KEEPALIVE_SECONDS: Final = 60.0

_CHUNK_BYTES: Final = 64 * 1024
_SHORTEST_ATTEMPT_SECONDS: Final = 0.05
_RETRIED_STATUSES: Final = frozenset({429, 502, 503, 504})
_TIMEOUT_STATUSES: Final = frozenset({408, 504})
_ACCOUNT_STATUSES: Final = frozenset({401, 402, 403})

Outcome = Literal["ok", "timeout", "rate_limited", "rejected", "unavailable", "cancelled"]
_OUTCOMES: Final[dict[type[UpstreamError], Outcome]] = {
    UpstreamTimeout: "timeout",
    UpstreamRateLimited: "rate_limited",
    UpstreamRejected: "rejected",
    UpstreamUnavailable: "unavailable",
}


@dataclass(frozen=True, slots=True)
class Timeouts:
    """How long each phase of one attempt may take, in seconds. The call's own deadline is apart."""

    connect_seconds: float = 2.0
    read_seconds: float = 20.0
    write_seconds: float = 5.0
    pool_seconds: float = 2.0


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
    """

    operation: str
    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"]
    path: str
    ids: tuple[object, ...] = ()
    query: Mapping[str, str | int | None] = field(default_factory=dict)
    body: Mapping[str, Any] | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    retry_safe: bool = False
    empty_ok: bool = False


@dataclass(frozen=True, slots=True)
class UpstreamCall:
    """One attempt at a provider, as the log gets it. `attempt` counts from 1."""

    provider: Provider
    operation: str
    status: int | None
    outcome: Outcome
    duration_seconds: float
    attempt: int


@cache
def build_ssl_context() -> ssl.SSLContext:
    """The one SSL context of this process, trusting certifi's authorities.

    Building one costs about 16 ms, so every client shares it.
    """
    return ssl.create_default_context(cafile=certifi.where())


def build_http_client(
    *,
    base_url: str = "",
    timeouts: Timeouts | None = None,
    ssl_context: ssl.SSLContext | None = None,
    headers: Mapping[str, str] | None = None,
    transport: httpx.AsyncBaseTransport | None = None,
) -> httpx.AsyncClient:
    """An `httpx.AsyncClient` as every provider gets it.

    HTTP/1.1, idle connections kept 60 s, no redirects, no proxy or certificate from the
    environment. It belongs to the event loop that uses it first.

    Args:
        base_url: scheme and host, with or without a path prefix; paths are appended to it.
        timeouts: per phase.
        ssl_context: the process's own when left out.
        headers: sent with every request.
        transport: replaces the network in tests.
    """
    phases = timeouts or Timeouts()
    return httpx.AsyncClient(
        base_url=base_url,
        headers=headers,
        verify=ssl_context or build_ssl_context(),
        timeout=httpx.Timeout(
            connect=phases.connect_seconds,
            read=phases.read_seconds,
            write=phases.write_seconds,
            pool=phases.pool_seconds,
        ),
        limits=httpx.Limits(
            max_connections=20, max_keepalive_connections=10, keepalive_expiry=KEEPALIVE_SECONDS
        ),
        follow_redirects=False,
        trust_env=False,
        http2=False,
        transport=transport,
    )


def _utc_now() -> datetime:
    return datetime.now(UTC)


class ProviderHttp:
    """Sends calls to one provider and turns every failure into one of our errors."""

    def __init__(  # noqa: PLR0913 - two that matter, five for tests
        self,
        provider: Provider,
        client: httpx.AsyncClient,
        *,
        on_call: Callable[[UpstreamCall], None] | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        jitter: Callable[[], float] = random.random,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], datetime] = _utc_now,
    ) -> None:
        """Takes a ready client, and what a test wants to hold in its hands.

        Args:
            provider: named in errors and logs.
            client: see `build_http_client`; stays the caller's to close.
            on_call: gets every attempt, successful or not.
            sleep: waits between attempts.
            jitter: a number in [0, 1).
            clock: monotonic seconds.
            now: aware UTC, to read a Retry-After that is a date.
        """
        self.provider: Provider = provider
        self._client = client
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
                table at the top of this module.
        """
        deadline = self.deadline(timeout_seconds)
        attempt = 1
        while True:
            try:
                return await self._attempt(call, answer, attempt=attempt, deadline=deadline)
            except UpstreamError as error:
                wait_seconds = self._wait_seconds(call, error, attempt)
                spare = self.remaining(deadline) - _SHORTEST_ATTEMPT_SECONDS
                if wait_seconds is None or wait_seconds > spare:
                    raise
            await self._sleep(wait_seconds)
            attempt += 1

    async def _attempt[A: ProviderModel](
        self, call: ApiCall, answer: type[A], *, attempt: int, deadline: float
    ) -> A:
        started = self._clock()
        status: int | None = None
        outcome: Outcome = "cancelled"
        try:
            status, body = await self._exchange(call, deadline)
            parsed = self._parse(call, answer, body, status)
            outcome = "ok"
            return parsed
        except UpstreamError as error:
            status, outcome = error.status, _OUTCOMES[type(error)]
            raise
        finally:
            if self._on_call is not None:
                seconds = self._clock() - started
                self._on_call(
                    UpstreamCall(self.provider, call.operation, status, outcome, seconds, attempt)
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
                    body = await self._read(response)
                finally:
                    await response.aclose()
        except TimeoutError as cause:
            raise self._error(UpstreamTimeout, call, reason="deadline") from cause
        except httpx.LocalProtocolError:
            # Its message quotes the header that was refused, which may be the one with the key.
            raise self._error(UpstreamRejected, call, reason="unsendable", sent=False) from None
        except httpx.HTTPError as cause:
            raise self._transport_error(call, cause) from cause
        if not response.is_success:
            raise self._status_error(call, response)
        if body is None:
            raise self._unreadable(call, response.status_code, "too_large")
        return response.status_code, body

    def _request(self, call: ApiCall) -> httpx.Request:
        ids = [str(part) for part in call.ids]
        if any(part in {"", ".", ".."} for part in ids):
            raise self._error(UpstreamRejected, call, reason="bad_id", sent=False)
        headers = dict(call.headers)
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

    @staticmethod
    async def _read(response: httpx.Response) -> bytes | None:
        """The body, or None as soon as it is larger than we take."""
        body = bytearray()
        try:
            async for chunk in response.aiter_bytes(_CHUNK_BYTES):
                body += chunk
                if len(body) > MAX_BODY_BYTES:
                    return None
        except httpx.HTTPError:
            # The body of an error is not used, so its status stands although the rest is lost.
            if response.is_success:
                raise
        return bytes(body)

    def _parse[A: ProviderModel](
        self, call: ApiCall, answer: type[A], body: bytes, status: int
    ) -> A:
        if not body.strip() and call.empty_ok:
            body = b"{}"
        try:
            return answer.model_validate_json(body)
        except ValidationError as cause:
            raise self._unreadable(call, status, "unreadable") from cause

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

    def _transport_error(self, call: ApiCall, cause: httpx.HTTPError) -> UpstreamError:
        match cause:
            case httpx.ConnectTimeout():
                return self._error(UpstreamTimeout, call, reason="connect", sent=False)
            case httpx.ConnectError():
                return self._error(UpstreamUnavailable, call, reason="connect", sent=False)
            case httpx.PoolTimeout():
                return self._error(UpstreamTimeout, call, reason="pool", sent=False)
            case httpx.TimeoutException():
                return self._error(UpstreamTimeout, call, reason="phase")
            case httpx.NetworkError() | httpx.RemoteProtocolError():
                return self._error(UpstreamUnavailable, call, reason="cut")
            case _:
                return self._error(UpstreamUnavailable, call, reason="transport")

    def _status_error(self, call: ApiCall, response: httpx.Response) -> UpstreamError:
        status = response.status_code
        kind: type[UpstreamError] = UpstreamUnavailable
        if status in _TIMEOUT_STATUSES:
            kind = UpstreamTimeout
        elif status == httpx.codes.TOO_MANY_REQUESTS:
            kind = UpstreamRateLimited
        elif response.is_client_error and status not in _ACCOUNT_STATUSES:
            kind = UpstreamRejected
        return kind(
            self.provider,
            operation=call.operation,
            status=status,
            retry_after_seconds=retry_after_seconds(
                response.headers.get("retry-after"), now=self._now()
            ),
            reason="status",
            sent=True,
        )

    def _unreadable(self, call: ApiCall, status: int, reason: str) -> UpstreamUnavailable:
        return UpstreamUnavailable(
            self.provider, operation=call.operation, status=status, reason=reason, sent=True
        )

    def _error[E: UpstreamError](
        self, kind: type[E], call: ApiCall, *, reason: str, sent: bool = True
    ) -> E:
        return kind(self.provider, operation=call.operation, reason=reason, sent=sent)
