"""The fact, and how two of them relate."""

from __future__ import annotations

import re
from dataclasses import dataclass

USER = "user"


@dataclass(frozen=True, slots=True)
class Fact:
    """One statement that a person makes about themselves or someone of theirs."""

    predicate: str
    """Third person, as in the text: "lives in", "no longer likes"."""
    object: str
    family: str
    """What the predicate is about: "lives" for lives in and lives near."""
    subject: str = USER
    """`user`, or the relation: "sister", "dog"."""
    subject_name: str | None = None
    functional: bool = False
    """Only one value of the family holds at a time."""
    positive: bool = True
    """False for what is denied or disliked."""
    negated: bool = False
    """Stated with "not" or "no longer"."""
    when: str | None = None
    """The phrase of time that was said with it, as said."""

    @property
    def text(self) -> str:
        """The fact as a sentence without its first person: "Lives in Delhi"."""
        words = f"{self.owner} {self.predicate} {self.object}".strip()
        return words[:1].upper() + words[1:]

    @property
    def owner(self) -> str:
        """ "" for the user, else "Sister Priya" or "Dog"."""
        if self.subject == USER:
            return ""
        return f"{self.subject.capitalize()} {self.subject_name or ''}".strip()

    @property
    def edge_name(self) -> str:
        """The predicate in upper snake case: LIVES_IN, DOG_NAME."""
        words = self.family if self.predicate == "is" else self.predicate
        words = re.sub(r"'s?\b", "", words)
        words = re.sub(r"(?<=\w) (?:is|are)$", "", words)
        return re.sub(r"\W+", "_", words.upper()).strip("_")


def same_value(one: str, other: str) -> bool:
    """Whether two objects are the same but for case, spaces and article."""
    return value_of(one) == value_of(other)


def contradicts(new: Fact, old: Fact) -> bool:
    """Whether both can't hold at once, given that they are about the same subject."""
    if new.family != old.family:
        return False
    equal = same_value(new.object, old.object)
    if new.positive != old.positive:
        return equal
    return new.functional and old.functional and new.positive and not equal


def value_of(text: str) -> str:
    """What `same_value` compares."""
    plain = " ".join(text.casefold().split()).rstrip(".!")
    return re.sub(r"^(?:a|an|the|my|our|some) ", "", plain)
