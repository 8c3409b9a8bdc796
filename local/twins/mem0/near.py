"""When two memories say the same.

Two texts are near-duplicates when they have the same words in the same order, apart from case,
punctuation, articles and the endings of plurals: "Likes mangoes" and "likes the mango!", but not
"Does not like mangoes", "Likes green mangoes", or "Likes markets" and "Likes marketing". Signs that
are no punctuation count ("C", "C++", "C#"), and names are told apart by every letter.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

from local.twins.verbs import word_set

_ARTICLES = word_set("a an the my our some")
_PLURAL = re.compile(r"(?<=[a-z]{2})(?:(?<=o|x|z)es|(?<=ch|sh|ss)es|(?<![sui'])s)$")
_COUNTING = frozenset("#%&@*+'")
"""Punctuation by its category that makes a difference."""


def normal(text: str) -> str:
    """Equal for texts that differ in case, spaces or final punctuation alone."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split()).rstrip(" .!?")


@lru_cache(maxsize=4096)
def near(text: str, *, part: bool = False) -> str:
    """Equal for near-duplicates. `part`: of a sentence, so that a first capital is a name's."""
    plain = unicodedata.normalize("NFKC", text).replace("\u2019", "'")
    words = "".join(one if _counts(one) else " " for one in plain).split()
    kept = [_plain(word, first=not (place or part)) for place, word in enumerate(words)]
    return " ".join(word for word in kept if word) or text.strip()


def _counts(character: str) -> bool:
    return character in _COUNTING or unicodedata.category(character)[0] not in "PZC"


def _plain(word: str, *, first: bool) -> str:
    """The word without case and ending; "" for an article."""
    folded = word.casefold().strip("'")
    if word[:1].isupper() and not first:
        return folded
    return "" if folded in _ARTICLES else _PLURAL.sub("", re.sub("ies$", "y", folded))
