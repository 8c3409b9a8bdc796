"""The signing keys: read from Secrets Manager on first use and again every five minutes.

The layer can do this too, but the authorizer goes without the layer: its cold start stands before
everybody's first request, and unpacking and importing what it doesn't use would multiply it. So
this is a small reading of the same two things: AWS Signature Version 4 ("Create a signed AWS API
request", IAM User Guide) for the one POST that GetSecretValue is.
"""

import hashlib
import hmac
import http.client
import json
import os
import time
from collections.abc import Callable
from typing import NamedTuple
from urllib.parse import urlsplit

REFRESH_SECONDS = 300.0
RETRY_SECONDS = 10.0
_FETCH_SECONDS = 2.0


class Keys(NamedTuple):
    """What tokens may be signed with: the key of now, and the one before it or empty."""

    current: str
    previous: str


class SecretMissing(Exception):
    """The key can't be had; the text names what is missing."""


class SigningKeys:
    """Hands out the keys and keeps them fresh.

    Args:
        fetch: reads the keys; may block.
        at_least_bytes: what the algorithm needs.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        fetch: Callable[[], Keys],
        *,
        at_least_bytes: int,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._fetch = fetch
        self._at_least_bytes = at_least_bytes
        self._clock = clock
        self._value = Keys("", "")
        self._good_until = float("-inf")

    def value(self) -> tuple[str, ...]:
        """The keys that a token may be signed with, the current one first.

        Raises:
            SecretMissing: they can't be read, the current one is missing, or one is too short.
        """
        if self._clock() >= self._good_until:
            self._refresh()
        return tuple(key for key in self._value if key)

    def _refresh(self) -> None:
        try:
            fresh = self._fetch()
        except (OSError, http.client.HTTPException, ValueError) as error:
            if not self._value.current:
                raise SecretMissing("SECRET_ARN") from error
            # The key of five minutes ago beats none: keep it, and ask again a little later.
            self._good_until = self._clock() + RETRY_SECONDS
            return
        if len(fresh.current.encode()) < self._at_least_bytes:
            raise SecretMissing("SECRET_KEY")
        if fresh.previous and len(fresh.previous.encode()) < self._at_least_bytes:
            raise SecretMissing("SECRET_KEY_PREVIOUS")
        self._value, self._good_until = fresh, self._clock() + REFRESH_SECONDS


def fetch_keys(arn: str) -> Keys:
    """`SECRET_KEY` and `SECRET_KEY_PREVIOUS` of the secret's JSON object, read now; empty where
    there is none in it.

    Raises:
        OSError, http.client.HTTPException: Secrets Manager can't be reached.
        ValueError: it answered something else than a secret.
    """
    region = os.environ.get("AWS_REGION", "us-east-1")
    endpoint = urlsplit(
        os.environ.get("AWS_ENDPOINT_URL_SECRETS_MANAGER")
        or os.environ.get("AWS_ENDPOINT_URL")
        or f"https://secretsmanager.{region}.amazonaws.com"
    )
    body = json.dumps({"SecretId": arn}).encode()
    secure = endpoint.scheme == "https"
    kind = http.client.HTTPSConnection if secure else http.client.HTTPConnection
    connection = kind(endpoint.netloc, timeout=_FETCH_SECONDS)
    try:
        connection.request("POST", "/", body, _signed(endpoint.netloc, region, body))
        with connection.getresponse() as answer:
            payload = answer.read(1_000_000)
    finally:
        connection.close()
    if answer.status != http.client.OK:
        raise ValueError("Secrets Manager refused")
    return _keys_in(payload)


def _keys_in(payload: bytes) -> Keys:
    try:
        values = json.loads(json.loads(payload)["SecretString"])
        current, previous = values.get("SECRET_KEY"), values.get("SECRET_KEY_PREVIOUS")
    except (KeyError, TypeError, AttributeError):
        raise ValueError("the secret is not a JSON object") from None
    return Keys(
        current if isinstance(current, str) else "", previous if isinstance(previous, str) else ""
    )


def _signed(host: str, region: str, body: bytes) -> dict[str, str]:
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    headers = {
        "content-type": "application/x-amz-json-1.1",
        "host": host,
        "x-amz-date": stamp,
        "x-amz-target": "secretsmanager.GetSecretValue",
    }
    identity, secret_key, token = _role_keys()
    if token:
        headers["x-amz-security-token"] = token
    names = ";".join(sorted(headers))
    lines = "".join(f"{name}:{headers[name]}\n" for name in sorted(headers))
    request = f"POST\n/\n\n{lines}\n{names}\n{hashlib.sha256(body).hexdigest()}"
    scope = f"{stamp[:8]}/{region}/secretsmanager/aws4_request"
    to_sign = f"AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{hashlib.sha256(request.encode()).hexdigest()}"
    key = b"AWS4" + secret_key.encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    headers["authorization"] = (
        f"AWS4-HMAC-SHA256 Credential={identity}/{scope}, SignedHeaders={names}, "
        f"Signature={hmac.digest(key, to_sign.encode(), 'sha256').hex()}"
    )
    return headers


def _role_keys() -> tuple[str, str, str]:
    """The role's key id, key and token. With SnapStart they don't stand in variables, where a
    snapshot would keep them too long, but behind an address on this machine ("Activating and
    managing Lambda SnapStart", AWS Lambda Developer Guide). Every five minutes is not too often to
    ask it."""
    address = os.environ.get("AWS_CONTAINER_CREDENTIALS_FULL_URI")
    if not address:
        return (
            os.environ.get("AWS_ACCESS_KEY_ID", ""),
            os.environ.get("AWS_SECRET_ACCESS_KEY", ""),
            os.environ.get("AWS_SESSION_TOKEN", ""),
        )
    parts = urlsplit(address)
    token = os.environ.get("AWS_CONTAINER_AUTHORIZATION_TOKEN")
    connection = http.client.HTTPConnection(parts.netloc, timeout=_FETCH_SECONDS)
    try:
        target = parts._replace(scheme="", netloc="", fragment="").geturl()
        connection.request("GET", target, headers={"authorization": token} if token else {})
        with connection.getresponse() as answer:
            keys = json.loads(answer.read(100_000))
        return str(keys["AccessKeyId"]), str(keys["SecretAccessKey"]), str(keys["Token"])
    except (KeyError, TypeError):
        raise ValueError("the role's keys can't be read") from None
    finally:
        connection.close()
