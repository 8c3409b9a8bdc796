"""Gemini as Agno's model, made safe: bounded, and honest about why it ended.

Agno reports a failed call as text in an otherwise normal result and throws away why a reply
ended. Both are noted here, in a trace that belongs to one turn.
"""

import asyncio
import json
import random
import time
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any, Final

import httpx
from agno.exceptions import ModelProviderError, RetryableModelProviderError
from agno.models.google import Gemini
from agno.models.response import ModelResponse
from google.genai import Client
from google.genai.errors import APIError
from google.genai.types import GenerateContentResponse

from tandem.clients.bounds import Bounds
from tandem.clients.breaker import Passage
from tandem.clients.failures import status_error, transport_error
from tandem.clients.gemini_refusals import told
from tandem.clients.http import Outcome, UpstreamCall, outcome_of
from tandem.clients.retries import backoff_seconds
from tandem.deadline import Deadline
from tandem.errors import AppError, UpstreamError, UpstreamTimeout, UpstreamUnavailable

OPERATION: Final = "generate_content"
HELD_SECONDS: Final = 5.0
"""How long a turn waits for a model that has asked to be left alone."""

ATTEMPTS: Final = 2
_RETRIED_STATUSES: Final = frozenset({429, 500, 502, 503})
_RETRIED_REASONS: Final = frozenset({"connect", "cut"})
_ENOUGH_SECONDS: Final = 2.0
"""What another attempt must be left, or it isn't worth the wait."""
_MARGIN_SECONDS: Final = 0.05


@dataclass(slots=True)
class Trace:
    """What the model did in one turn.

    Attributes:
        most_calls: how many calls the turn may make; Agno's own limit doesn't end its loop.
        deadline: of all of them together.
        text: of the last reply alone; Agno puts what came with calls of tools before it.
        finish_reason: of the last reply, by Google's name (`STOP`, `MAX_TOKENS`, `SAFETY`).
        block_reason: why the prompt itself was refused, if it was.
        error: why the last call failed, if it did.
    """

    most_calls: int
    deadline: Deadline
    calls: int = 0
    text: str = ""
    finish_reason: str | None = None
    block_reason: str | None = None
    error: AppError | None = None


_trace: ContextVar[Trace] = ContextVar("trace")


def follow(trace: Trace) -> None:
    """Notes in `trace` what the model does from here on, in this task and those it starts."""
    _trace.set(trace)


class TracedGemini(Gemini):
    """Agno's Gemini with our client, a bound on calls and a trace."""

    def __init__(
        self,
        model: str,
        *,
        client: Callable[[], Client],
        max_output_tokens: int,
        bounds: Bounds,
        on_call: Callable[[UpstreamCall], None],
    ) -> None:
        """Takes a model id, a way to its client, which is asked on every call, what every call
        asks before it goes out, and who is told.

        Only plain fields are set: a dict in `generation_config` would be changed by each run and
        carry one person's prompt into another's.
        """
        super().__init__(
            id=model,
            max_output_tokens=max_output_tokens,
            retries=0,
            # Left on, the SDK would make further calls inside one, which nobody counts.
            generative_model_kwargs={"automatic_continuation": False},
        )
        self._make_client = client
        self._bounds = bounds
        self._on_call = on_call

    def get_client(self) -> Client:
        """The client, with the key as it is now."""
        return self._make_client()

    async def ainvoke(self, *args: Any, **kwargs: Any) -> ModelResponse:
        """One call of the model, counted; repeated once where that may help and fits.

        Raises:
            ModelProviderError: it failed, its key can't be read, nobody may ask it now, or the
                turn has had its calls. Agno turns this into a result; the trace keeps what it
                means.
        """
        trace = _trace.get()
        trace.calls += 1
        try:
            if trace.calls > trace.most_calls:
                raise UpstreamUnavailable("gemini", operation=OPERATION, reason="call_limit")
            return await self._asked(partial(super().ainvoke, *args, **kwargs), trace.deadline)
        except AppError as error:
            trace.error = error
            raise ModelProviderError(message=error.code) from None

    async def _asked(
        self, ask: Callable[[], Awaitable[ModelResponse]], deadline: Deadline
    ) -> ModelResponse:
        with await self._passage(deadline) as passage:
            attempt = 1
            while True:
                try:
                    return await self._attempt(ask, passage, attempt, deadline)
                except RetryableModelProviderError:  # a whole answer, though none to go on with
                    passage.leave(None)
                    raise
                except UpstreamError as error:
                    wait_seconds = _wait_seconds(error, attempt)
                    if wait_seconds is None or wait_seconds > deadline.left() - _ENOUGH_SECONDS:
                        raise
                await asyncio.sleep(wait_seconds)
                attempt += 1

    async def _passage(self, deadline: Deadline) -> Passage:
        try:
            seconds = min(HELD_SECONDS, deadline.left() / 2)
            return await self._bounds.enter(OPERATION, seconds=seconds)
        except UpstreamError as error:
            self._tell(time.perf_counter(), "not_sent", 1, error)
            raise

    async def _attempt(
        self,
        ask: Callable[[], Awaitable[ModelResponse]],
        passage: Passage,
        attempt: int,
        deadline: Deadline,
    ) -> ModelResponse:
        started = time.perf_counter()
        outcome: Outcome = "cancelled"
        problem: AppError | None = None
        try:
            await self._bounds.take(OPERATION, seconds=0.0)
            passage.asked()
            answer = await _in_time(ask, deadline)
            outcome = "ok"
            return answer
        except RetryableModelProviderError:
            outcome = "ok"
            raise
        except (ModelProviderError, AppError) as error:
            # Agno wraps what the SDK or our own code raised.
            problem = as_our_error(error.__cause__ or error)
            outcome = outcome_of(problem)
            raise problem from None
        finally:
            self._tell(started, outcome, attempt, problem)
            if isinstance(problem, UpstreamError):
                await self._bounds.failed(problem, seconds=deadline.left())

    def _tell(
        self, started: float, outcome: Outcome, attempt: int, problem: AppError | None
    ) -> None:
        status, reason = None, None
        if problem is not None:
            reason = str(problem.context.get("reason", problem.code))
        if isinstance(problem, UpstreamError):
            status = problem.status
        seconds = time.perf_counter() - started
        self._on_call(UpstreamCall("gemini", OPERATION, status, outcome, seconds, attempt, reason))

    def _parse_provider_response(
        self, response: GenerateContentResponse, **kwargs: Any
    ) -> ModelResponse:
        trace = _trace.get()
        feedback = response.prompt_feedback
        trace.block_reason = _name(feedback.block_reason) if feedback else None
        candidates = response.candidates or []
        trace.finish_reason = _name(candidates[0].finish_reason) if candidates else None
        parsed = super()._parse_provider_response(response, **kwargs)
        trace.text = parsed.content if isinstance(parsed.content, str) else ""
        return parsed


async def _in_time(
    ask: Callable[[], Awaitable[ModelResponse]], deadline: Deadline
) -> ModelResponse:
    # A little before the turn's own limit, so that it is told as what it is.
    seconds = deadline.left() - _MARGIN_SECONDS
    sent = seconds > 0
    try:
        async with asyncio.timeout(seconds):
            return await ask()
    except TimeoutError:
        raise UpstreamTimeout("gemini", operation=OPERATION, reason="deadline", sent=sent) from None


def _wait_seconds(error: UpstreamError, attempt: int) -> float | None:
    """How long to wait before another attempt, or None when there must be none. Asking again is
    safe: the model only computes."""
    repeatable = (
        error.status in _RETRIED_STATUSES or error.context.get("reason") in _RETRIED_REASONS
    )
    if not repeatable or attempt >= ATTEMPTS:
        return None
    return max(
        backoff_seconds(attempt, jitter=random.random), float(error.retry_after_seconds or 0)
    )


def as_our_error(cause: BaseException) -> AppError:
    """What a failed call means, without the provider's words."""
    if isinstance(cause, AppError):
        return cause
    if isinstance(cause, TimeoutError):
        return UpstreamTimeout("gemini", operation=OPERATION, reason="phase", sent=True)
    if isinstance(cause, httpx.HTTPError):
        return transport_error("gemini", OPERATION, cause)
    if isinstance(cause, APIError):
        return _of_api_error(cause)
    return UpstreamUnavailable("gemini", operation=OPERATION, reason=type(cause).__name__)


def _of_api_error(error: APIError) -> UpstreamError:
    response = error.response
    if not isinstance(response, httpx.Response):
        response = httpx.Response(error.code or 500)
    said = told(json.dumps(error.details, default=str).encode(errors="replace"))
    return status_error("gemini", OPERATION, response, now=datetime.now(UTC), told=said)


def _name(reason: Any) -> str | None:
    return None if reason is None else str(getattr(reason, "name", reason))
