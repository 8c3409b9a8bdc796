"""Where a list goes on: opaque to the client, checked when it comes back."""

import binascii
from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import UTC, datetime
from hashlib import blake2s
from typing import Annotated, Final

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, ValidationError

from tandem.errors import InvalidInput

MAX_CURSOR_CHARACTERS: Final = 4_096

_DIGEST_BYTES: Final = 8


def _in_utc(moment: datetime) -> datetime:
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise ValueError("out of range") from None


Moment = Annotated[AwareDatetime, AfterValidator(_in_utc)]
"""A time in a cursor, as UTC: the database's driver fails on one that is out of range there."""


class Cursor(BaseModel):
    """Base of every cursor: a place in one list, small and without anything a person said.

    Fields need bounds that the database can bear: the digest finds damage and mix-ups, but it is
    no signature, so anybody can make a cursor that passes it.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


def write_cursor(cursor: Cursor, *, scope: str) -> str:
    """The cursor as the client gets it: base64url of a digest and compact JSON.

    Args:
        scope: which list of whom it belongs to. It isn't in the text, only in its digest.
    """
    body = cursor.model_dump_json().encode()
    return urlsafe_b64encode(_digest(body, scope) + body).decode().rstrip("=")


def read_cursor[C: Cursor](kind: type[C], text: str, *, scope: str) -> C:
    """What `write_cursor` was given.

    Raises:
        InvalidInput: `invalid_cursor`, it isn't one of ours, or is one of another list or person.
    """
    try:
        raw = urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4))
        digest, body = raw[:_DIGEST_BYTES], raw[_DIGEST_BYTES:]
        if digest != _digest(body, scope):
            raise invalid_cursor()
        return kind.model_validate_json(body)
    except (UnicodeError, binascii.Error, ValidationError):
        raise invalid_cursor() from None


def invalid_cursor() -> InvalidInput:
    """The error of a cursor that can't be used with this list."""
    return InvalidInput("This cursor is not of this list.", code="invalid_cursor")


def _digest(body: bytes, scope: str) -> bytes:
    return blake2s(scope.encode() + b"\0" + body, digest_size=_DIGEST_BYTES).digest()
