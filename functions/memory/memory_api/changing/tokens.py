"""Tokens by which a person confirms what they were shown. They hold ids and a time, no text."""

import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as NotBase64
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, ValidationError

from tandem.errors import InvalidInput
from tandem.ids import AccountId

GOOD_FOR: Final = timedelta(minutes=10)
MAX_TOKEN_CHARACTERS: Final = 8_192
_SIGNATURE_BYTES: Final = 32


class _Confirmed(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    account: UUID
    items: tuple[str, ...]
    expires_at: AwareDatetime


@dataclass(frozen=True, slots=True)
class ForgetTokens:
    """Makes and reads tokens, signed with HMAC-SHA256.

    Args:
        keys: of the signatures, secret; new tokens get the first one's, any other is still read.
        now: aware.
    """

    keys: Callable[[], Sequence[bytes]]
    now: Callable[[], datetime]

    def issue(self, account_id: AccountId, item_ids: Sequence[str]) -> tuple[str, datetime]:
        """A token for forgetting these items, and when it stops being good: in ten minutes."""
        expires_at = self.now() + GOOD_FOR
        confirmed = _Confirmed(account=account_id, items=tuple(item_ids), expires_at=expires_at)
        body = confirmed.model_dump_json().encode()
        token = urlsafe_b64encode(_signature(self.keys()[0], body) + body).decode().rstrip("=")
        return token, expires_at

    def read(self, account_id: AccountId, token: str) -> Sequence[str]:
        """The items that this person was shown.

        Raises:
            InvalidInput: `invalid_token`, it isn't one of ours, is another's, or has expired.
        """
        try:
            raw = urlsafe_b64decode(token.encode("ascii") + b"=" * (-len(token) % 4))
            signature, body = raw[:_SIGNATURE_BYTES], raw[_SIGNATURE_BYTES:]
            signed = [hmac.compare_digest(signature, _signature(k, body)) for k in self.keys()]
            if not any(signed):
                raise _invalid()
            confirmed = _Confirmed.model_validate_json(body)
        except (UnicodeError, NotBase64, ValidationError):
            raise _invalid() from None
        if confirmed.account != account_id or confirmed.expires_at <= self.now():
            raise _invalid()
        return confirmed.items


def _signature(key: bytes, body: bytes) -> bytes:
    return hmac.digest(key, body, "sha256")


def _invalid() -> InvalidInput:
    return InvalidInput(
        "This token is not valid, or not any more. Ask again what would be forgotten.",
        code="invalid_token",
    )
