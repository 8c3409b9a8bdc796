"""The words by which texts are compared: no model, no language in particular."""

import re
from typing import Final

from tandem.recall.normalise import normalise

_WORD: Final = re.compile(r"[^\W_]+")
# Words that say nothing of what a sentence is about.
_EMPTY_WORDS: Final = """
a about am an and any are as at be been but by can could d did do does for from had has have he her
him his how i if in is it its ll m me my no not of on or our re s she should so t tell than that the
their them they this to u us ve was we were what when where which who whom whose why will with would
you your
"""
_EMPTY: Final = frozenset(_EMPTY_WORDS.split())


def telling_words(text: str) -> frozenset[str]:
    """What `text` is about: its words without the empty ones, whatever their case and plural."""
    found = _WORD.findall(normalise(text))
    return frozenset(_stem(word) for word in found if word not in _EMPTY)


def coverage(text: str, query: str) -> float:
    """Which part (0 to 1) of the query's telling words occurs in `text`, whatever their ending."""
    return part_of(telling_words(query), telling_words(text))


def part_of(wanted: frozenset[str], words: frozenset[str]) -> float:
    """Which part (0 to 1) of the wanted words is among `words`; of none, none is."""
    return len(wanted & words) / len(wanted) if wanted else 0.0


def _stem(word: str) -> str:
    return word.removesuffix("s") if len(word) > 3 else word  # noqa: PLR2004 - "is", "gas" stay
