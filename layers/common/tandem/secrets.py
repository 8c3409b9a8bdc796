"""The secrets: one Secrets Manager secret, read on first use and again every five minutes.

Nothing is read at import, so nothing secret enters a SnapStart snapshot. Without `SECRET_ARN`
(unit tests) the values come from the environment.
"""

import http.client
import json
import os
import time
from collections.abc import Callable, Mapping
from typing import Literal
from urllib.parse import urlsplit

from tandem import observability
from tandem.aws import aws_request
from tandem.errors import Unavailable

SecretName = Literal[
    "DATABASE_URL",
    "SECRET_KEY",
    "SECRET_KEY_PREVIOUS",
    "GEMINI_API_KEY",
    "ZEP_API_KEY",
    "MEM0_API_KEY",
]
REFRESH_SECONDS = 300.0
RETRY_SECONDS = 10.0
_FETCH_SECONDS = 2.0
_NEVER_READ = float("-inf")


class Secrets:
    """Hands out secrets by name and keeps them fresh.

    Args:
        fetch: reads all secrets at once; may block.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        fetch: Callable[[], Mapping[str, str]],
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._fetch = fetch
        self._clock = clock
        self._values: Mapping[str, str] = {}
        self._good_until = _NEVER_READ

    def value(self, name: SecretName, *, at_least_bytes: int = 1) -> str:
        """The secret's current value.

        Raises:
            Unavailable: it can't be read, is missing or too short; `context` names it.
        """
        if self._clock() >= self._good_until:
            self._refresh()
        value = self._values.get(name, "")
        if len(value.encode()) < at_least_bytes:
            self.forget()
            observability.count("SecretsMissing")
            raise Unavailable(code="not_configured", setting=name, reason="missing or too short")
        return value

    def optional(self, name: SecretName, *, at_least_bytes: int = 1) -> str | None:
        """The secret's current value, or None when there is none or an empty one.

        Raises:
            Unavailable: it can't be read or is too short; `context` names it.
        """
        if self._clock() >= self._good_until:
            self._refresh()
        return self.value(name, at_least_bytes=at_least_bytes) if self._values.get(name) else None

    def forget(self) -> None:
        """Drops what was read, so that the next use reads again (before a snapshot)."""
        self._values, self._good_until = {}, _NEVER_READ

    def _refresh(self) -> None:
        try:
            self._values = self._fetch()
        except (OSError, http.client.HTTPException, ValueError) as error:
            if self._good_until == _NEVER_READ:
                observability.count("SecretsMissing")
                raise Unavailable(
                    code="not_configured", setting="SECRET_ARN", reason=type(error).__name__
                ) from error
            # A value that was good five minutes ago beats none: keep it. Not asked again at once,
            # or every request would wait for an answer that doesn't come.
            self._good_until = self._clock() + RETRY_SECONDS
            return
        self._good_until = self._clock() + REFRESH_SECONDS


def secrets_from_environment() -> Secrets:
    """The secrets of this function: from Secrets Manager, or plain variables in unit tests."""
    arn = os.environ.get("SECRET_ARN")
    if not arn:
        return Secrets(lambda: dict(os.environ))
    return Secrets(lambda: fetch_secret(arn))


def fetch_secret(arn: str) -> Mapping[str, str]:
    """The secret's JSON object, read from Secrets Manager now.

    Wire: `POST /` with `X-Amz-Target: secretsmanager.GetSecretValue` and `{"SecretId": arn}`; of
    the answer `SecretString` is used. Source: AWS Secrets Manager API reference, GetSecretValue.

    Raises:
        OSError, http.client.HTTPException: it can't be reached.
        ValueError: it answered something else than a secret.
    """
    request = aws_request(
        "secretsmanager",
        "secretsmanager.GetSecretValue",
        json.dumps({"SecretId": arn}).encode(),
        json_version="1.1",
    )
    parts = urlsplit(request.base_url)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = kind(parts.netloc, timeout=_FETCH_SECONDS)
    try:
        connection.request("POST", "/", body=request.body, headers=request.headers)
        with connection.getresponse() as answer:
            payload = answer.read(1_000_000)
    finally:
        connection.close()
    if answer.status != http.client.OK:
        raise ValueError(f"Secrets Manager answered {answer.status}")
    return _parse(payload)


def _parse(payload: bytes) -> Mapping[str, str]:
    try:
        values = json.loads(json.loads(payload)["SecretString"])
        return {str(name): value for name, value in values.items() if isinstance(value, str)}
    except (KeyError, TypeError, AttributeError):
        raise ValueError("the secret is not a JSON object") from None
