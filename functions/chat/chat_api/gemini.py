"""The Gemini client of this container: made on first use, and again when the key has changed."""

import httpx
from google.genai import Client

from tandem.clients.connections import build_ssl_context
from tandem.clients.gemini import build_genai_client
from tandem.secrets import Secrets
from tandem.settings import GeminiSettings


class GeminiConnection:
    """Hands out the client with the key as it is now.

    The connections outlive a change of the key: they carry it in no header of their own.
    """

    def __init__(
        self,
        settings: GeminiSettings,
        secrets: Secrets,
        *,
        timeout_seconds: float,
        http: httpx.AsyncClient,
    ) -> None:
        self._settings = settings
        self._secrets = secrets
        self._timeout_seconds = timeout_seconds
        self._http = http
        self._key = ""
        self._client: Client | None = None

    def client(self) -> Client:
        """The client.

        Raises:
            Unavailable: the key can't be read.
        """
        key = self._secrets.value("GEMINI_API_KEY")
        if self._client is None or key != self._key:
            self._key = key
            self._client = build_genai_client(
                api_key=key,
                base_url=self._settings.gemini_base_url,
                timeout_seconds=self._timeout_seconds,
                async_client=self._http,
                ssl_context=build_ssl_context(),
            )
        return self._client

    def forget(self) -> None:
        """Drops the client and the key in it (before a snapshot)."""
        self._key, self._client = "", None
