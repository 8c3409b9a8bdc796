"""Memories of one person that have nothing to do with each other, to hide duplicates among.

`python -m evaluation.unrelated 2000 4` prints them as JSON lines. The same count and seed always
give the same memories, and a smaller count gives the beginning of a larger one.
"""

from __future__ import annotations

import json
import random
import sys
import tomllib
from calendar import month_name
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Final, NamedTuple

WORDS: Final = Path(__file__).parent / "sets" / "unrelated_words.toml"
PRIME: Final = 61
"""How many entries of each list are used. Prime, so that the walk of `_slots` never repeats."""
_FIRST: Final = datetime(2021, 1, 1, 7, tzinfo=UTC)
_DAYS: Final = 1_400


class Memory(NamedTuple):
    """A statement and when it was said (ISO 8601, UTC), in the form of a side of a pair."""

    text: str
    said_at: str


class Topic(NamedTuple):
    """Something that can be said of three things, in several ways.

    Attributes:
        lists: where the three come from.
        once: the first of the three has only one such statement, as a person has one job.
        wordings: with {a}, {b} and {c}.
    """

    lists: tuple[str, str, str]
    once: bool
    wordings: tuple[str, ...]


TOPICS: Final = (
    Topic(
        ("names", "things", "cities"),
        False,
        (
            "{a} gave me {b:a} when we met in {c}.",
            "User got {b:a} from {a} in {c}",
            "In {c} {a} handed me {b:a} as a present.",
        ),
    ),
    Topic(
        ("names", "dishes", "cities"),
        False,
        (
            "In {c} I shared {b} with {a}.",
            "{a} and User ate {b} together in {c}",
            "I remember a meal of {b} with {a} in {c}.",
        ),
    ),
    Topic(
        ("names", "subjects", "cities"),
        False,
        (
            "{a} and I took a weekend course on {b} in {c}.",
            "User attended evening classes about {b} with {a} in {c}",
        ),
    ),
    Topic(
        ("things", "cities", "months"),
        False,
        (
            "I found {a:a} at a flea market in {b} in {c}.",
            "User bid for {a:a} at an auction in {b} in {c}",
            "In {c} I left {a:a} behind on a train to {b}.",
        ),
    ),
    Topic(
        ("plants", "cities", "months"),
        False,
        (
            "In {c} I photographed {a} in the botanical garden of {b}.",
            "User drew {a} in a park in {b} in {c}",
        ),
    ),
    Topic(
        ("jobs", "subjects", "months"),
        False,
        (
            "In {c} I heard {a:a} give a talk about {b}.",
            "User read an interview with {a:a} on {b} in {c}",
        ),
    ),
    Topic(
        ("jobs", "dishes", "venues"),
        False,
        (
            "I once dreamt of {a:a} who sold {b} outside the {c}.",
            "User wrote a short story in which {a:a} cooks {b} at the {c}",
        ),
    ),
    Topic(
        ("names", "venues", "cities"),
        False,
        (
            "There's a snapshot of {a} and me at the {b} in {c}.",
            "User went round the {b} in {c} with {a}",
            "{a} lost a glove near the {b} in {c} and I found it.",
        ),
    ),
    Topic(
        ("jobs", "things", "cities"),
        False,
        (
            "{a:A} from {c} repaired my {b}.",
            "User sold {b:a} to {a:a} from {c}",
        ),
    ),
    Topic(
        ("names", "subjects", "months"),
        False,
        (
            "{a} wrote me a long letter about {b} in {c}.",
            "In {c} I lent {a} a book about {b}.",
            "User argued with {a} over {b} in {c}",
        ),
    ),
    Topic(
        ("names", "dishes", "months"),
        False,
        (
            "I cooked {b} for {a} in {c}.",
            "{a} burnt the {b} at User's party in {c}",
        ),
    ),
    Topic(
        ("venues", "subjects", "months"),
        False,
        (
            "In {c} I saw an exhibition about {b} in a former {a}.",
            "User watched a documentary on {b} at the {a} in {c}",
        ),
    ),
    Topic(
        ("names", "plants", "venues"),
        False,
        (
            "{a} and I put in {b} beside the {c}.",
            "User picked {b} behind the {c} for {a}",
        ),
    ),
    Topic(
        ("names", "jobs", "cities"),
        True,
        (
            "My acquaintance {a} works as {b:a} in {c}.",
            "User knows {a}, {b:a} from {c}",
        ),
    ),
    Topic(
        ("names", "dishes", "plants"),
        True,
        (
            "{a} likes {b} above all and grows {c} on the balcony.",
            "The things I connect with {a} are {b} and {c}.",
        ),
    ),
    Topic(
        ("cities", "venues", "jobs"),
        True,
        (
            "My first walk in {a} ended at the {b}, where {c:a} gave me directions.",
            "User's clearest memory of {a} is {c:a} asleep in front of the {b}",
        ),
    ),
    Topic(
        ("subjects", "things", "names"),
        True,
        (
            "What got me interested in {a} was {b:a} that {c} showed me.",
            "User keeps notes on {a} under {b:a} painted by {c}",
        ),
    ),
)


class _Phrase(str):
    """A list's entry; `{x:a}` puts its article before it, `{x:A}` with a capital."""

    __slots__ = ()

    def __format__(self, spec: str) -> str:
        if not spec:
            return str(self)
        # "a ukulele", "a eucalyptus": a u or eu that sounds like "you".
        vowel = self[0].lower() in "aeiou" and not self.startswith(("uk", "eu"))
        return f"{spec}n {self}" if vowel else f"{spec} {self}"


def memories(count: int, *, seed: int) -> list[Memory]:
    """`count` different statements of one person, none of which another one repeats or denies.

    Raises:
        ValueError: the lists don't yield as many.
    """
    made = list(islice(_endless(seed), count))
    if len(made) < count:
        raise ValueError(f"{len(made)} memories can be made, not {count}")
    return made


def _endless(seed: int) -> Iterator[Memory]:
    rng = random.Random(seed)  # noqa: S311 - repeatable, not secret
    lists = _lists()
    walks = []
    for topic in TOPICS:
        chosen = [rng.sample(lists[name], PRIME) for name in topic.lists]
        walks.append(_said(topic, chosen, rng.randrange(len(topic.wordings))))
    day = 0
    while walks:
        for walk in list(walks):
            text = next(walk, None)
            if text is None:
                walks.remove(walk)
                continue
            # 587 and 1,400 have no common factor: the days are spread, and used evenly.
            day = (day + 587) % _DAYS
            said_at = _FIRST + timedelta(days=day, minutes=rng.randrange(14 * 60))
            yield Memory(text, said_at.isoformat().replace("+00:00", "Z"))


def _said(topic: Topic, chosen: Sequence[Sequence[str]], first: int) -> Iterator[str]:
    for number, slots in enumerate(_slots(rounds=1 if topic.once else PRIME), first):
        a, b, c = (_Phrase(words[slot]) for words, slot in zip(chosen, slots, strict=True))
        yield topic.wordings[number % len(topic.wordings)].format(a=a, b=b, c=c)


def _slots(*, rounds: int) -> Iterator[tuple[int, int, int]]:
    """Triples of which any two have at most one number in common, and none within a round."""
    for turn in range(rounds):
        for step in range(PRIME):
            second = (2 * step + turn) % PRIME
            yield step, second, (step + second) % PRIME


def _lists() -> Mapping[str, Sequence[str]]:
    lists: dict[str, list[str]] = tomllib.loads(WORDS.read_text())
    months = [f"{month} {year}" for year in range(2009, 2015) for month in month_name[1:]]
    return {**lists, "months": months}


if __name__ == "__main__":
    for memory in memories(int(sys.argv[1]), seed=int(sys.argv[2])):
        sys.stdout.write(json.dumps(memory._asdict(), ensure_ascii=False) + "\n")
