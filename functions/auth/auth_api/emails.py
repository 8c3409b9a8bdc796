"""E-mail addresses: the one form in which they are compared and stored."""

import re
import unicodedata

_ADDRESS = re.compile(r"[^@\s]{1,64}@[^@\s.]+(\.[^@\s.]+)+")
_MOST_CHARACTERS = 254  # RFC 5321 §4.5.3.1.3, without the angle brackets


def normalise_email(text: str) -> str:
    """The text as an address is stored: NFKC, no spaces around it, lower case."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).strip().lower())


def is_email(address: str) -> bool:
    """Whether a normalised text looks like an address. Whether mail arrives there, nobody knows."""
    return (
        len(address) <= _MOST_CHARACTERS
        and _ADDRESS.fullmatch(address) is not None
        and not has_control_characters(address)
    )


def has_control_characters(text: str) -> bool:
    """Whether there is a line break, a tab or another control character in it."""
    return any(unicodedata.category(character) == "Cc" for character in text)
