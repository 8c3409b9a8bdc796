"""The stores' clients as the functions use them: from settings and secrets to something that calls.

Nothing is connected and no key is read before the first call.
"""

from tandem.clients.breaker import Breaker
from tandem.clients.budget import Budget
from tandem.clients.call_log import log_call, log_opened
from tandem.clients.connections import build_http_client
from tandem.clients.http import ProviderHttp
from tandem.clients.mem0 import Mem0Client
from tandem.clients.zep import ZepClient
from tandem.errors import Provider
from tandem.secrets import Secrets
from tandem.settings import Mem0Settings, ZepSettings


def zep_client(
    settings: ZepSettings,
    secrets: Secrets,
    *,
    breaker: Breaker | None = None,
    budget: Budget | None = None,
) -> ZepClient:
    """Zep at its address, with its key from the secret and one log line a call.

    Args:
        breaker: for who else must know whether Zep is there; one of its own when left out.
        budget: of those who share the key.
    """
    http = _http("zep", settings.zep_base_url, breaker, budget)
    return ZepClient(http, api_key=lambda: secrets.value("ZEP_API_KEY"))


def mem0_client(
    settings: Mem0Settings,
    secrets: Secrets,
    *,
    breaker: Breaker | None = None,
    budget: Budget | None = None,
) -> Mem0Client:
    """Mem0 at its address, with its key from the secret and one log line a call.

    Args:
        breaker, budget: as for Zep.
    """
    http = _http("mem0", settings.mem0_api_url, breaker, budget)
    return Mem0Client(http, api_key=lambda: secrets.value("MEM0_API_KEY"))


def _http(
    provider: Provider, base_url: str, breaker: Breaker | None, budget: Budget | None
) -> ProviderHttp:
    return ProviderHttp(
        provider,
        build_http_client(base_url=base_url),
        breaker=breaker or Breaker(provider, on_open=log_opened),
        budget=budget,
        on_call=log_call,
    )
