"""Which texts share rare words: what is left of likeness when there are no vectors."""

import math
import re
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Collection, Mapping
from typing import Final

from tandem.recall.words import telling_words

_COMMON: Final = 64
"""A word in more texts than this is looked up only next to the text itself."""
_ENDING: Final = re.compile(r"(?:ing|ed|es|er|ly|e|s)\Z")
_LEAST_STEM: Final = 3
_FIRST_WITHOUT_SPACES: Final = "\u2e80"
"""From here on stand the scripts that write no spaces between words."""


def nearest_by_words(
    texts: Mapping[str, str], count: int, *, apart: Collection[str] = ()
) -> dict[str, list[str]]:
    """For each text the ids of up to `count` that share its rarest words, best first.

    Takes time about linear in the number of texts: the words that many share are looked at only
    where nothing rarer is shared, and then only among a few texts.

    Args:
        apart: find the others and are found by them, but not each other.
    """
    words = {one: stems(text) for one, text in texts.items()}
    postings = defaultdict[str, list[str]](list)
    for one in sorted(words):
        for word in words[one]:
            postings[word].append(one)
    weights = {word: math.log1p(len(texts) / len(those)) for word, those in postings.items()}
    sizes = {one: math.hypot(*(weights[word] for word in own)) for one, own in words.items()}
    found: dict[str, list[str]] = {}
    for one, own in words.items():
        scores = defaultdict[str, float](float)
        for word in sorted(own, key=lambda word: (len(postings[word]), word)):
            those = postings[word]
            if len(those) > _COMMON:
                if len(scores) >= count:
                    break
                those = _around(one, those)
            for other in those:
                if other != one and not (one in apart and other in apart):
                    scores[other] += weights[word] ** 2 / sizes[other]
        best = sorted(scores.items(), key=lambda item: (-item[1], item[0]))
        found[one] = [other for other, _ in best[:count]]
    return found


def stems(text: str) -> frozenset[str]:
    """The telling words of a text without their endings; pairs of signs where no spaces stand."""
    found = set[str]()
    for word in telling_words(text):
        if word >= _FIRST_WITHOUT_SPACES:
            found.update(word[start : start + 2] for start in range(max(1, len(word) - 1)))
        else:
            found.add(_stem(word))
    return frozenset(found)


def _stem(word: str) -> str:
    short = _ENDING.sub("", word)
    if len(short) < _LEAST_STEM:
        return word
    return short[:-1] if short[-1] == short[-2] else short


def _around(one: str, those: list[str]) -> list[str]:
    place = bisect_left(those, one)
    return those[max(0, place - _COMMON // 2) : place + _COMMON // 2]
