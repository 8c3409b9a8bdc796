"""Embeddings without a model: lexical, so that texts which share stems lie near each other.

Each stem stands for one direction of 3,072 signs, drawn from a hash of it; a text is the sum of
its stems. Directions of different stems are about orthogonal, also in a shorter vector, which is
the beginning of the long one. Synonyms are as far apart as any two words.
"""

from __future__ import annotations

import hashlib
import math
import operator
import re
from array import array
from collections import Counter
from functools import lru_cache
from typing import Final

from local.twins.text import understand

LONGEST: Final = 3072
_TOKEN: Final = re.compile(r"[^\W_]+|\S")
_DIGITS: Final = 8
_TRACE: Final = 0.05


def embedded(text: str, size: int, *, unit: bool = True, trace: str = "") -> list[float]:
    """The vector of a text; `unit` makes its length 1, else it is the long one's beginning.

    With a `trace` it turns away a little, by a few degrees, where that text alone points.
    """
    weights = {term: 1 + math.log(count) for term, count in _terms(text).items()}
    if trace:
        weights[f"\0{trace}"] = _TRACE * math.hypot(*weights.values())
    total = [0.0] * LONGEST
    for term, weight in weights.items():
        total = list(map(operator.add, total, (weight * sign for sign in _direction(term))))
    kept = total[:size]
    length = math.sqrt(sum(value * value for value in (kept if unit else total))) or 1.0
    return [round(value / length, _DIGITS) for value in kept]


def _terms(text: str) -> Counter[str]:
    """Stems of content words; the plain tokens of a text that has none."""
    stems = understand(text).stems
    return Counter(stems or _TOKEN.findall(text.casefold()))


@lru_cache(maxsize=1024)
def _direction(term: str) -> array[int]:
    drawn = hashlib.shake_256(term.encode("utf-8", "replace")).digest(LONGEST // 8)
    return array("b", (1 if byte >> bit & 1 else -1 for byte in drawn for bit in range(8)))
