"""Keys for what memory's changes have to sign or hash, made from the one secret key."""

import hmac
from collections.abc import Sequence
from typing import Literal

from tandem.secrets import Secrets

Purpose = Literal["forgotten-statement", "forget-token"]
_LEAST_KEY_BYTES = 32


def derived_keys(secrets: Secrets, purpose: Purpose) -> Sequence[bytes]:
    """The key for new things, and behind it, while there is a `SECRET_KEY_PREVIOUS`, the one that
    things from before it was changed are known by.

    Each is 32 bytes that tell nothing of the secret nor of the key for another purpose.

    Raises:
        Unavailable: the secret can't be read, or one is shorter than 32 bytes.
    """
    current = secrets.value("SECRET_KEY", at_least_bytes=_LEAST_KEY_BYTES)
    previous = secrets.optional("SECRET_KEY_PREVIOUS", at_least_bytes=_LEAST_KEY_BYTES)
    return [
        hmac.digest(secret.encode(), f"tandem/{purpose}".encode(), "sha256")
        for secret in (current, previous)
        if secret is not None
    ]
