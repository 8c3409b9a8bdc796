"""The stores' clients as the functions use them: from settings and secrets to something that calls.

Nothing is connected and no key is read before the first call.
"""

from tandem.clients.bounds import Bounds
from tandem.clients.breaker import Breaker
from tandem.clients.call_log import log_call, log_opened
from tandem.clients.connections import build_http_client
from tandem.clients.http import ProviderHttp
from tandem.clients.mem0 import Mem0Client
from tandem.clients.zep import ZepClient
from tandem.errors import Provider
from tandem.secrets import Secrets
from tandem.settings import Mem0Settings, ZepSettings


def zep_client(
    settings: ZepSettings, secrets: Secrets, *, bounds: Bounds | None = None
) -> ZepClient:
    """Zep at its address, with its key from the secret and one log line a call.

    Args:
        bounds: the budget of those who share the key, and a breaker if somebody else must know
            whether Zep is there. Without them it has a breaker of its own.
    """
    http = _http("zep", settings.zep_base_url, bounds)
    return ZepClient(http, api_key=lambda: secrets.value("ZEP_API_KEY"))


def mem0_client(
    settings: Mem0Settings, secrets: Secrets, *, bounds: Bounds | None = None
) -> Mem0Client:
    """Mem0 at its address, with its key from the secret and one log line a call.

    Args:
        bounds: as for Zep.
    """
    http = _http("mem0", settings.mem0_api_url, bounds)
    return Mem0Client(http, api_key=lambda: secrets.value("MEM0_API_KEY"))


def _http(provider: Provider, base_url: str, bounds: Bounds | None) -> ProviderHttp:
    given = bounds or Bounds()
    return ProviderHttp(
        provider,
        build_http_client(base_url=base_url),
        breaker=given.breaker or Breaker(provider, on_open=log_opened),
        budget=given.budget,
        on_call=log_call,
    )
