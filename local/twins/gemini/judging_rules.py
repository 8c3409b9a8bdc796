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
_PEOPLE: Final = frozenset(map(words.stem, words.PEOPLE))
_INITIALS: Final = re.compile(r"(?<!\w)(?:[A-Z]\.){2,5}|(?<!\w)[A-Z]{2,5}(?!\w)")
_FEW: Final = 2
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
    read_a, read_b = (
        read(_spelled_out(a.text, b.text), a.said_at),
        read(_spelled_out(b.text, a.text), b.said_at),
    )
    if _same(read_a, read_b) or _same(*_freer(a, b)):
        return "same"
    if _update(a, b):
        return "update"
    return "contradiction" if _contradict(read_a, read_b) else "distinct"


def _freer(a: Statement, b: Statement) -> tuple[Reading, Reading]:
    return (
        read(_spelled_out(a.text, b.text), a.said_at, freer=True),
        read(_spelled_out(b.text, a.text), b.said_at, freer=True),
    )


def _spelled_out(text: str, other: str) -> str:
    """The text with what it shortens to initials as the other one writes it."""
    found = re.findall(r"[^\W\d_]+", other)
    for short in set(_INITIALS.findall(text)):
        letters = short.replace(".", "").casefold()
        for start in range(len(found)):
            spelled = _spelled(letters, found[start:])
            if spelled:
                text = re.sub(rf"(?<!\w){re.escape(short)}(?!\w)", spelled, text)
                break
    return text


def _spelled(letters: str, said: list[str]) -> str:
    """The first words whose initials these are; small words between them may have none."""
    taken: list[str] = []
    for word in said:
        if letters and word[0].casefold() == letters[0]:
            letters = letters[1:]
        elif not taken or word not in {"of", "and", "for", "the", "in"}:
            break
        taken.append(word)
        if not letters:
            return " ".join(taken)
    return ""


def _same(a: Reading, b: Reading) -> bool:
    if a.negations != b.negations or not _names_agree(a, b):
        return False
    ours, theirs = matter(a.line), matter(b.line)
    if ours and theirs and _one_matter(ours, theirs) and _alike(ours.value, theirs.value):
        return a.tense == b.tense or ours.kind in _TIMELESS
    if a.tense != b.tense or not a.chunks:
        return False
    return a.chunks == b.chunks or _turned(a.line) == meanings(b.line) or _rearranged(a, b)


def _rearranged(a: Reading, b: Reading) -> bool:
    """The same meanings in another order, where the order tells nothing: nobody changes places."""
    if words.DIRECTED & (a.said | b.said) or _aimed(a) != _aimed(b) or _borne(a) != _borne(b):
        return False
    bag, other = _bag(a), _bag(b)
    more, less = bag - other, other - bag
    if (more or less) and not _light(more, less, bag & other):
        return False
    names = {words.stem(name) for name in a.names | b.names}
    ours, theirs = _people(a, names), _people(b, names)
    if words.MUTUAL & bag.keys():
        ours, theirs = sorted(ours), sorted(theirs)
    if "=reply" in bag:
        return [one for one in ours if one != "i"] == [one for one in theirs if one != "i"]
    return ours == theirs and len(ours) <= _FEW


def _aimed(reading: Reading) -> Counter[tuple[str, ...]]:
    """The parts that say from where and until when; "to" is one of these beside "from"."""
    leading = words.AIMED | ({"to"} if words.OVER & reading.said else set())
    return Counter(chunk for chunk in reading.chunks.elements() if chunk[0] in leading)


def _borne(reading: Reading) -> bool:
    """Whether something is done to the person: "a dog bit me", not "I bit a dog"."""
    return any(
        chunk[-1] == "i" and len(chunk) >= _FEW and chunk[-2] != "and"
        for chunk in reading.chunks
        if chunk[0] not in words.SPLITTING
    )


def _light(more: Counter[str], less: Counter[str], common: Counter[str]) -> bool:
    """Whether the difference is of words that carry no meaning, next to those in common."""
    differ = frozenset(more + less)
    few = (more.total() <= 1 and less.total() <= 1) or differ == {"=yearly", "old"}
    return few and differ in words.LIGHT and common.total() >= _FEW


def _bag(reading: Reading) -> Counter[str]:
    bag = Counter(word for chunk in reading.chunks.elements() for word in chunk)
    # It is all about the person; how often that is said tells nothing.
    empty = {"i", "my", "to", "by"}
    if "=reply" in bag:
        empty |= words.ASKING
    if words.MUTUAL & bag.keys():
        empty |= {"and", "with"}
    return Counter({word: count for word, count in bag.items() if word not in empty})


def _people(reading: Reading, names: set[str]) -> list[str]:
    """Who is spoken of, in the order in which they come first."""
    who = ["i" if word == "my" else word for word in reading.line.split()]
    behind = zip(["", *who], who, strict=False)
    named = (
        word
        for before, word in behind
        if word in _PEOPLE or (word in names and before not in {"in", "at", "on", "near"})
    )
    return list(dict.fromkeys(named))


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
