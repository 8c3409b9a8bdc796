"""As whom this function calls AWS: with its role's keys, of which Lambda hands out new ones.

Without SnapStart they stand in variables. With it they don't, because keys in a snapshot would
expire there: two variables name an address on the machine itself that gives them out. Source: AWS
Lambda Developer Guide, "Activating and managing Lambda SnapStart"; AWS SDKs and Tools Reference
Guide, "Container credential provider", 2026.
"""

import http.client
import json
import os
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

from tandem.aws_signature import AwsCredentials

_FETCH_SECONDS = 1.0
_SPARE = timedelta(minutes=5)


class NoCredentials(ValueError):
    """The role's keys can't be had. The text quotes nothing of the answer."""


class RoleCredentials:
    """Hands out the role's keys and asks for new ones before they expire.

    Args:
        environment: the process's own when left out.
        now: aware UTC.
    """

    def __init__(
        self,
        environment: Mapping[str, str] = os.environ,
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._environment = environment
        self._now = now
        self._kept: tuple[AwsCredentials, datetime] | None = None

    def current(self) -> AwsCredentials:
        """Keys that are good for some minutes. Blocks for a call on this machine when it asks.

        Raises:
            NoCredentials: the address doesn't answer, or with something else.
        """
        address = self._environment.get("AWS_CONTAINER_CREDENTIALS_FULL_URI")
        if not address:
            return AwsCredentials(
                self._environment.get("AWS_ACCESS_KEY_ID", ""),
                self._environment.get("AWS_SECRET_ACCESS_KEY", ""),
                self._environment.get("AWS_SESSION_TOKEN"),
            )
        if self._kept is None or self._kept[1] - _SPARE <= self._now():
            self._kept = _parse(self._fetch(address))
        return self._kept[0]

    def _fetch(self, address: str) -> bytes:
        parts = urlsplit(address)
        secure = parts.scheme == "https"
        kind = http.client.HTTPSConnection if secure else http.client.HTTPConnection
        token = self._environment.get("AWS_CONTAINER_AUTHORIZATION_TOKEN")
        connection = kind(parts.netloc, timeout=_FETCH_SECONDS)
        try:
            target = parts._replace(scheme="", netloc="", fragment="").geturl()
            connection.request("GET", target, headers={"authorization": token} if token else {})
            with connection.getresponse() as answer:
                payload = answer.read(100_000)
        except (OSError, http.client.HTTPException) as error:
            raise NoCredentials("the role's keys can't be reached") from error
        finally:
            connection.close()
        if answer.status != http.client.OK:
            raise NoCredentials(f"the role's keys were met with {answer.status}")
        return payload


def _parse(payload: bytes) -> tuple[AwsCredentials, datetime]:
    try:
        document = json.loads(payload)
        keys = [document[name] for name in ("AccessKeyId", "SecretAccessKey", "Token")]
        expires = datetime.fromisoformat(document["Expiration"])
    except (ValueError, KeyError, TypeError):
        raise NoCredentials("the role's keys can't be read") from None
    if not all(isinstance(key, str) for key in keys) or expires.tzinfo is None:
        raise NoCredentials("the role's keys can't be read")
    return AwsCredentials(*keys), expires
