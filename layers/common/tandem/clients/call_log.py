"""One log line for every call to a provider."""

from http import HTTPStatus

from tandem import observability
from tandem.clients.http import UpstreamCall


def log_call(call: UpstreamCall) -> None:
    """Logs one attempt at a provider and measures it: for `ProviderHttp(on_call=…)`.

    That something isn't there is an answer like another: who asked for it says whether it is worse.
    """
    fine = call.outcome == "ok" or call.status == HTTPStatus.NOT_FOUND
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
    )
    observability.measure(f"{call.provider.capitalize()}Milliseconds", milliseconds)
