"""One log line and three or four figures for every call to a provider."""

from http import HTTPStatus
from typing import Final, NamedTuple

from tandem import observability
from tandem.clients.breaker import PATIENCE
from tandem.clients.http import Outcome, UpstreamCall
from tandem.errors import Provider
from tandem.observability import MetricName


class _Metrics(NamedTuple):
    calls: MetricName
    failures: MetricName
    not_sent: MetricName
    milliseconds: MetricName


_METRICS: Final[dict[Provider, _Metrics]] = {
    "zep": _Metrics("ZepCalls", "ZepFailures", "ZepNotSent", "ZepMilliseconds"),
    "mem0": _Metrics("Mem0Calls", "Mem0Failures", "Mem0NotSent", "Mem0Milliseconds"),
    "gemini": _Metrics("GeminiCalls", "GeminiFailures", "GeminiNotSent", "GeminiMilliseconds"),
}
_FAILURES: Final[frozenset[Outcome]] = frozenset({"timeout", "unavailable", "rate_limited"})
# Not asked for the provider's sake; what can't be sent at all is about us.
_HELD_BACK: Final = frozenset({"breaker_open", "held", "budget"})


def log_call(call: UpstreamCall) -> None:
    """Logs one attempt at a provider and measures it: for `ProviderHttp(on_call=…)`.

    That something isn't there is an answer like another: who asked for it says whether it is worse.
    A refusal for good is no failure of the provider's either, nor is a call that we broke off
    sooner than a breaker would have.
    """
    fine = call.outcome in {"ok", "not_sent"} or call.status == HTTPStatus.NOT_FOUND
    write = observability.info if fine else observability.warning
    milliseconds = round(call.duration_seconds * 1_000, 1)
    write(
        "upstream_call",
        provider=call.provider,
        operation=call.operation,
        status=call.status,
        outcome=call.outcome,
        duration_ms=milliseconds,
        attempt=call.attempt,
        reason=call.reason,
    )
    if call.outcome == "not_sent":
        if call.reason in _HELD_BACK:
            _count(call.provider, not_sent=1)
        return
    _count(call.provider, calls=1, failures=int(_failed(call)))
    observability.measure(_METRICS[call.provider].milliseconds, milliseconds)


def log_opened(provider: Provider, seconds: float) -> None:
    """Logs and counts that a provider won't be asked for a while: for `Breaker(on_open=…)`."""
    observability.warning("breaker_opened", provider=provider, seconds=round(seconds, 1))
    observability.count("BreakerOpened")


def _failed(call: UpstreamCall) -> bool:
    if call.outcome == "cancelled":
        return call.duration_seconds >= PATIENCE[call.provider].answer_seconds
    return call.outcome in _FAILURES


def _count(provider: Provider, *, calls: int = 0, failures: int = 0, not_sent: int = 0) -> None:
    # Noughts too: an alarm that divides needs a value of each.
    names = _METRICS[provider]
    observability.count(names.calls, calls)
    observability.count(names.failures, failures)
    observability.count(names.not_sent, not_sent)
