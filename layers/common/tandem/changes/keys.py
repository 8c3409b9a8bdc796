"""Keys for what memory's changes have to sign or hash, made from the one secret key."""

import hmac
from typing import Literal

from tandem.secrets import Secrets

Purpose = Literal["forgotten-statement", "forget-token"]
_LEAST_KEY_BYTES = 32


def derived_key(secrets: Secrets, purpose: Purpose) -> bytes:
    """32 bytes that tell nothing of `SECRET_KEY` nor of the key for another purpose.

    Raises:
        Unavailable: the secret can't be read, or is shorter than 32 bytes.
    """
    secret = secrets.value("SECRET_KEY", at_least_bytes=_LEAST_KEY_BYTES)
    return hmac.digest(secret.encode(), f"tandem/{purpose}".encode(), "sha256")
