"""Construction of the Gemini client that Agno is given.

google-genai is imported only when a client is built, so that importing this module costs nothing.
"""

import ssl
from typing import TYPE_CHECKING, Final

import httpx

if TYPE_CHECKING:
    from google import genai

ATTEMPTS: Final = 2
_RETRIED_STATUSES: Final = [429, 500, 503]


def build_genai_client(
    *,
    api_key: str,
    base_url: str | None = None,
    timeout_seconds: float,
    async_client: httpx.AsyncClient,
    sync_client: httpx.Client | None = None,
    ssl_context: ssl.SSLContext,
) -> "genai.Client":
    """A `genai.Client` that uses our connections and builds no SSL context of its own.

    It makes at most two attempts at a call, with about 0.3 s between them; nothing above it
    (Agno's model, Agno's agent) may retry as well, because the counts multiply.

    Args:
        api_key: for the Gemini Developer API.
        base_url: scheme and host; Google's own when None.
        timeout_seconds: for each phase of an attempt, and told to the server. The SDK ignores the
            injected client's own timeouts. It is no deadline for the whole call.
        async_client: what calls are made with; stays the caller's to close.
        sync_client: only there because the SDK would build one; made here when None.
        ssl_context: the process's one.

    Raises:
        ValueError: the SDK was given an empty key.

    Source: google-genai 3.3.0, read and captured (`01-plain-history`, `40-sdk-direct-*`).

    Wire: none yet. Later POST {base_url}/v1/models/{model}:generateContent with the headers
    `x-goog-api-key` and `x-server-timeout` (seconds).
    """
    # Costs 200 ms, which only the chat function should pay.
    from google import genai  # noqa: PLC0415
    from google.genai.types import HttpOptions, HttpRetryOptions  # noqa: PLC0415

    options = HttpOptions(
        base_url=base_url,
        api_version="v1",
        timeout=round(timeout_seconds * 1000),
        httpx_async_client=async_client,
        httpx_client=sync_client or httpx.Client(verify=ssl_context, trust_env=False),
        # Without it the SDK builds another context, for websockets that we never open.
        async_client_args={"ssl": ssl_context},
        retry_options=HttpRetryOptions(
            attempts=ATTEMPTS,
            initial_delay=0.3,
            max_delay=1.0,
            jitter=0.2,
            http_status_codes=_RETRIED_STATUSES,
        ),
    )
    return genai.Client(vertexai=False, api_key=api_key, http_options=options)
