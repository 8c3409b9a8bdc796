"""Judging a pair by rule. Careful: what isn't plain is `distinct`.

Two statements are the `same` when their words mean the same, part by part, in whatever order the
parts stand, or when both say the same of one everyday matter. A number, a name, a negation or a
time that only one of them has is among those parts, or is looked at first.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from local.twins.gemini import judging_words as words
from local.twins.gemini.judging_matters import Matter, matter
from local.twins.gemini.judging_reading import Reading, meanings, read

_YEAR_DAYS: Final = 365.25
_TIMELESS: Final = frozenset({"birthday", "born", "name"})
"""Matters in which "was" and "is" say the same."""
_SINGLE: Final = frozenset({"live", "job", "employer"})
"""Matters with one value at a time."""
_MEASURED: Final = frozenset({"age", "weight"})
_OPPOSITES: Final = ({"like", "dislike"}, {"like", "hate"})


@dataclass(frozen=True, slots=True)
class Statement:
    """What somebody said, and when, if that is known."""

    text: str
    said_at: datetime | None = None


def relation(a: Statement, b: Statement) -> str:
    """One of `same`, `update`, `contradiction`, `distinct`."""
    if a.text.casefold().split() == b.text.casefold().split():
        return "same"
    read_a, read_b = read(a.text), read(b.text)
    if _same(read_a, read_b):
        return "same"
    if _update(a, b):
        return "update"
    return "contradiction" if _contradict(read_a, read_b) else "distinct"


def _same(a: Reading, b: Reading) -> bool:
    if a.negations != b.negations or not _names_agree(a, b):
        return False
    ours, theirs = matter(a.line), matter(b.line)
    if ours and theirs and _one_matter(ours, theirs) and _alike(ours.value, theirs.value):
        return a.tense == b.tense or ours.kind in _TIMELESS
    if a.tense != b.tense or not a.chunks:
        return False
    return a.chunks == b.chunks or _turned(a.line) == meanings(b.line)


def _names_agree(a: Reading, b: Reading) -> bool:
    """Each name inside one text stands in the other, be it at its beginning."""
    return _bare(a.names) <= _bare(b.said) and _bare(b.names) <= _bare(a.said)


def _bare(names: frozenset[str]) -> set[str]:
    # Only what an ending of case or number adds may differ: the Alps, the Smiths.
    return {name.removesuffix("s") for name in names}


def _one_matter(a: Matter, b: Matter) -> bool:
    if {a.kind, b.kind} == {"job", "be"}:
        return True
    return a.kind == b.kind != "be" and meanings(a.about) == meanings(b.about)


def _alike(a: str, b: str) -> bool:
    """Two values mean the same; what stands in a list may stand there in another order."""
    return bool(_items(a)) and _items(a) == _items(b)


def _items(value: str) -> Counter[tuple[str, ...]]:
    items = [meanings(item) for item in re.split(r" (?:and|but) ", value)]
    return Counter(item for item in items if item)


def _turned(line: str) -> tuple[str, ...] | None:
    """ "A is B" as "B is A"; None for what is nothing of the kind."""
    left, middle, right = line.partition(" is ")
    plain = middle and " is " not in right and "not" not in line.split()
    return meanings(right) + meanings(left) if plain else None


def _update(a: Statement, b: Statement) -> bool:
    """The later one plainly tells of a change in a matter that has one value at a time."""
    if not a.said_at or not b.said_at or a.said_at == b.said_at:
        return False
    older, newer = (a, b) if a.said_at < b.said_at else (b, a)
    before, after = read(older.text), read(newer.text)
    old, new = matter(before.line), matter(after.line)
    if not old or not new or old.kind != new.kind or _alike(old.value, new.value):
        return False
    if before.tense or before.negations or after.negations or after.tense - {"past", "perfect"}:
        return False
    if old.kind in _MEASURED:
        return _measured(old, new, (newer.said_at - older.said_at).days)  # type: ignore[operator]
    if old.kind not in _SINGLE or not words.CHANGED & after.said:
        return False
    return old.kind == "job" or bool(before.names and after.names)


def _measured(old: Matter, new: Matter, days: int) -> bool:
    first, *unit = old.value.split()
    then, *other = new.value.split()
    if unit != other:
        return False
    if old.kind == "weight":
        return True
    # Ages must have grown with the calendar.
    grown = float(then) - float(first)
    return grown > 0 and abs(grown - days / _YEAR_DAYS) <= 1


def _contradict(a: Reading, b: Reading) -> bool:
    """One plainly denies the other, and neither tells of a change or of another time."""
    timed = words.TIME_WORDS & (a.said | b.said)
    if timed or a.tense != b.tense or a.tense or not _names_agree(a, b):
        return False
    ours, theirs = matter(a.line), matter(b.line)
    if ours and theirs and {ours.kind, theirs.kind} in _OPPOSITES:
        return a.negations == b.negations and _alike(ours.value, theirs.value)
    more, less = (a, b) if a.negations.total() > b.negations.total() else (b, a)
    if more.negations != Counter({"not": 1}) or less.negations:
        return False
    return _without_not(more) == less.chunks


def _without_not(reading: Reading) -> Counter[tuple[str, ...]]:
    kept = Counter[tuple[str, ...]]()
    for chunk, count in reading.chunks.items():
        rest = tuple(word for word in chunk if word != "not")
        if rest:
            kept[rest] += count
    return kept
