"""When two statements count as the same: by rule, and only when nothing but spelling differs."""

import hashlib
import re
import unicodedata
from typing import Final

# What may end a sentence without changing what it says. A question mark does change it.
_FINAL: Final = ".!,;:…。！，；：、।۔ "  # noqa: RUF001 - full stops of other scripts
_CLOSED: Final = re.compile(r"\?\W*\Z")


def normalise(text: str) -> str:
    """`text` without the differences that don't matter: NFKC, case, white space, final punctuation.

    Idempotent. A statement and a question in the same words stay different.
    """
    words = " ".join(_folded(text).split())
    if _CLOSED.search(words):
        return words
    return words.rstrip(_FINAL)


def _folded(text: str) -> str:
    if text.isascii():  # the same, and searches do it hundreds of times
        return text.lower()
    # Case folding can leave a form that NFKC would change again, hence both sides of it.
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    return unicodedata.normalize("NFKC", folded.casefold())


def statement_hash(text: str) -> bytes:
    """SHA-256 of the normalised text: tells whether a statement has changed, without keeping it."""
    return hashlib.sha256(normalise(text).encode("utf-8", errors="replace")).digest()
