"""Gemini as Agno's model, made safe: bounded, and honest about why it ended.

Agno reports a failed call as text in an otherwise normal result and throws away why a reply
ended. Both are noted here, in a trace that belongs to one turn.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final

import httpx
from agno.exceptions import ModelProviderError, RetryableModelProviderError
from agno.models.google import Gemini
from agno.models.response import ModelResponse
from google.genai import Client
from google.genai.errors import APIError
from google.genai.types import GenerateContentResponse

from tandem.clients.http import Outcome, UpstreamCall
from tandem.errors import (
    AppError,
    UpstreamError,
    UpstreamRateLimited,
    UpstreamRejected,
    UpstreamTimeout,
    UpstreamUnavailable,
)

OPERATION: Final = "generate_content"
_ACCOUNT_STATUSES: Final = {
    HTTPStatus.UNAUTHORIZED,
    HTTPStatus.PAYMENT_REQUIRED,
    HTTPStatus.FORBIDDEN,
}
"""About our key or plan, not about this request: it is fine once an operator has acted."""
_OUTCOMES: Final[dict[type[AppError], Outcome]] = {
    UpstreamTimeout: "timeout",
    UpstreamRateLimited: "rate_limited",
    UpstreamRejected: "rejected",
}


@dataclass(slots=True)
class Trace:
    """What the model did in one turn.

    Attributes:
        most_calls: how many calls the turn may make; Agno's own limit doesn't end its loop.
        text: of the last reply alone; Agno puts what came with calls of tools before it.
        finish_reason: of the last reply, by Google's name (`STOP`, `MAX_TOKENS`, `SAFETY`).
        block_reason: why the prompt itself was refused, if it was.
        error: why the last call failed, if it did.
    """

    most_calls: int
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
        on_call: Callable[[UpstreamCall], None],
    ) -> None:
        """Takes a model id, a way to its client, which is asked on every call, and who is told.

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
        self._on_call = on_call

    def get_client(self) -> Client:
        """The client, with the key as it is now."""
        return self._make_client()

    async def ainvoke(self, *args: Any, **kwargs: Any) -> ModelResponse:
        """One call of the model, counted.

        Raises:
            ModelProviderError: it failed, its key can't be read, or the turn has had its calls.
                Agno turns this into a result; the trace keeps what it means.
        """
        trace = _trace.get()
        trace.calls += 1
        if trace.calls > trace.most_calls:
            trace.error = UpstreamUnavailable("gemini", operation=OPERATION, reason="call_limit")
            raise ModelProviderError(message="too many model calls")
        with _told(trace, self._on_call):
            return await super().ainvoke(*args, **kwargs)

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


@contextmanager
def _told(trace: Trace, on_call: Callable[[UpstreamCall], None]) -> Iterator[None]:
    """Says how the call inside went, and notes its failure in the trace."""
    started = time.perf_counter()
    status: int | None = None
    outcome: Outcome = "cancelled"
    try:
        yield
        outcome = "ok"
    except RetryableModelProviderError:  # a whole answer, though none to go on with
        outcome = "ok"
        raise
    except ModelProviderError as error:
        # Agno wraps what the SDK or our own code raised.
        problem = as_our_error(error.__cause__ or error)
        trace.error, outcome = problem, _OUTCOMES.get(type(problem), "unavailable")
        status = problem.status if isinstance(problem, UpstreamError) else None
        raise
    finally:
        seconds = time.perf_counter() - started
        on_call(UpstreamCall("gemini", OPERATION, status, outcome, seconds, attempt=1))


def as_our_error(cause: BaseException) -> AppError:
    """What a failed call means, without the provider's words."""
    if isinstance(cause, AppError):
        return cause
    if isinstance(cause, httpx.TimeoutException | TimeoutError):
        return UpstreamTimeout("gemini", operation=OPERATION)
    if isinstance(cause, APIError):
        return _of_status(cause.code or 0)
    return UpstreamUnavailable("gemini", operation=OPERATION, reason=type(cause).__name__)


def _of_status(status: int) -> UpstreamError:
    kind: type[UpstreamError] = UpstreamUnavailable
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        kind = UpstreamRateLimited
    elif status in {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.GATEWAY_TIMEOUT}:
        kind = UpstreamTimeout
    elif (
        HTTPStatus.BAD_REQUEST <= status < HTTPStatus.INTERNAL_SERVER_ERROR
        and status not in _ACCOUNT_STATUSES
    ):
        kind = UpstreamRejected
    return kind("gemini", operation=OPERATION, status=status)


def _name(reason: Any) -> str | None:
    return None if reason is None else str(getattr(reason, "name", reason))
