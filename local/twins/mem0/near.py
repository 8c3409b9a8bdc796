"""When two memories say the same.

Two texts are near-duplicates when they have the same words in the same order, apart from case,
punctuation, articles and endings: "Likes mangoes" and "likes the mango!", but not "Does not like
mangoes" or "Likes green mangoes".
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

import snowballstemmer

from local.twins.verbs import word_set

_STEMMER = snowballstemmer.stemmer("english")
_WORD = re.compile(r"[^\W_]+(?:'[^\W_]+)?")
_ARTICLES = word_set("a an the my our some")


def normal(text: str) -> str:
    """Equal for texts that differ in case, spaces or final punctuation alone."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split()).rstrip(" .!?")


@lru_cache(maxsize=4096)
def near(text: str) -> str:
    """Equal for near-duplicates."""
    plain = normal(text).replace("\u2019", "'")
    words = [word for word in _WORD.findall(plain) if word not in _ARTICLES]
    stems: list[str] = _STEMMER.stemWords(words)
    return " ".join(stems) or text.strip()
