"""The sets, read."""

import json
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final, Literal

SETS: Final = Path(__file__).parent / "sets"
Label = Literal["same", "update", "contradiction", "distinct"]


@dataclass(frozen=True)
class Side:
    """A statement and when it was said; None if nobody knows."""

    text: str
    said_at: datetime | None


@dataclass(frozen=True)
class Pair:
    """Two statements of one person. `newer` is set for an update whose times are known."""

    id: str
    label: Label
    a: Side
    b: Side
    newer: Literal["a", "b"] | None = None

    @property
    def sides(self) -> tuple[Side, Side]:
        """Both statements."""
        return self.a, self.b

    @property
    def texts(self) -> list[str]:
        """Both texts."""
        return [self.a.text, self.b.text]


@dataclass(frozen=True)
class Equal:
    """Two texts that are or are not equal after normalising."""

    id: str
    a: str
    b: str
    equal: bool


@dataclass(frozen=True)
class Said:
    """One message of a conversation, and when it is said."""

    id: str
    session: str
    text: str
    at: datetime


@dataclass(frozen=True)
class Question:
    """What is asked after a message, and what must and must not answer it.

    Attributes:
        evidence: messages of which one must lie under a hit.
        superseded: messages that only stand under what must come below it.
    """

    id: str
    ask: str
    after: str
    kind: str
    evidence: frozenset[str]
    superseded: frozenset[str]


@dataclass(frozen=True)
class Conversation:
    """A conversation, what is to be stored of it, and what is asked about it.

    Attributes:
        stored: statements in our words, each with the messages that say it.
        relations: (statement, statement, relation): what took another's place, and what clashes.
        junk: messages of which nothing may be stored, each with what must not be said; nothing
            at all if that is empty.
    """

    name: str
    messages: tuple[Said, ...]
    stored: tuple[tuple[str, tuple[str, ...]], ...]
    relations: tuple[tuple[str, str, str], ...]
    junk: dict[str, tuple[str, ...]]
    questions: tuple[Question, ...]


def pairs(name: str = "pairs") -> list[Pair]:
    """The labelled pairs; those of `planted` are all the same."""
    return [
        Pair(
            row["id"], row.get("label", "same"), _side(row["a"]), _side(row["b"]), row.get("newer")
        )
        for row in _lines(f"{name}.jsonl")
    ]


def equals() -> list[Equal]:
    """The pairs for the one rule that needs no judge."""
    return [Equal(row["id"], row["a"], row["b"], row["equal"]) for row in _lines("equals.jsonl")]


def conversation(name: str) -> Conversation:
    """One of the two conversations, by its person's name."""
    found = tomllib.loads((SETS / f"conversation_{name}.toml").read_text())
    return Conversation(
        name=name,
        messages=tuple(
            Said(
                message["id"],
                session["id"],
                message["text"],
                session["started_at"] + timedelta(minutes=number),
            )
            for session in found["session"]
            for number, message in enumerate(session["messages"])
        ),
        stored=tuple((store["says"], tuple(store["evidence"])) for store in found["store"]),
        relations=tuple(_relations(found)),
        junk={entry["message"]: tuple(entry.get("must_not_say", ())) for entry in found["junk"]},
        questions=tuple(
            Question(
                question["id"],
                question["ask"],
                question["after"],
                question["kind"],
                frozenset(question.get("evidence", ())),
                frozenset(question.get("superseded", ())),
            )
            for question in found["question"]
        ),
    )


def _relations(found: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    says = {store["id"]: store["says"] for store in found["store"]}
    for store in found["store"]:
        if "replaced_by" in store:
            yield store["says"], says[store["replaced_by"]], "update"
    for conflict in found["conflict"]:
        left, right = conflict["statements"]
        yield says[left], says[right], "contradiction"


def moment(said_at: str) -> datetime:
    """A time as the sets write it."""
    return datetime.fromisoformat(said_at)


def _side(side: dict[str, Any]) -> Side:
    said_at = side["said_at"]
    return Side(side["text"], moment(said_at) if said_at else None)


def _lines(name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (SETS / name).read_text().splitlines()]
