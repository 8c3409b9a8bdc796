"""Gemini's client as the functions use it, apart from `ready`, so that not every one imports it."""

from tandem.clients.bounds import Bounds
from tandem.clients.breaker import Breaker
from tandem.clients.call_log import log_call, log_opened
from tandem.clients.connections import Timeouts, build_http_client
from tandem.clients.gemini import GOOGLE_URL, GeminiClient
from tandem.clients.http import ProviderHttp
from tandem.secrets import Secrets
from tandem.settings import GeminiSettings

_READ_SECONDS = 120.0


def gemini_client(
    settings: GeminiSettings, secrets: Secrets, *, bounds: Bounds | None = None
) -> GeminiClient:
    """Gemini at its address, with its key from the secret and one log line a call.

    A long answer may take longer to begin than a store's; how long is the caller's to bound.

    Args:
        bounds: as for Zep; see `ready.zep_client`.
    """
    http = build_http_client(
        base_url=settings.gemini_base_url or GOOGLE_URL,
        timeouts=Timeouts(read_seconds=_READ_SECONDS),
    )
    given = bounds or Bounds()
    breaker = given.breaker or Breaker("gemini", on_open=log_opened)
    return GeminiClient(
        ProviderHttp("gemini", http, breaker=breaker, budget=given.budget, on_call=log_call),
        api_key=lambda: secrets.value("GEMINI_API_KEY"),
    )
