"""One log line for every call to a provider."""

from tandem import observability
from tandem.clients.http import UpstreamCall


def log_call(call: UpstreamCall) -> None:
    """Logs one attempt at a provider and measures it: for `ProviderHttp(on_call=…)`."""
    write = observability.info if call.outcome == "ok" else observability.warning
    milliseconds = round(call.duration_seconds * 1_000, 1)
    write(
        "upstream_call",
        provider=call.provider,
        operation=call.operation,
        status=call.status,
        outcome=call.outcome,
        duration_ms=milliseconds,
        attempt=call.attempt,
    )
    observability.measure(f"{call.provider.capitalize()}Milliseconds", milliseconds)
