"""What consolidation reads, decides and plans, as plain values."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, NamedTuple

from tandem.changes.model import Change, DecidedBy, Relation
from tandem.ids import Mem0Id, TurnId, ZepUuid

MEMORY: Literal["mem_"] = "mem_"
FACT: Literal["fact_"] = "fact_"

PairKey = tuple[str, str]
"""Two recalled items' ids, the smaller first."""


@dataclass(frozen=True, slots=True)
class Statement:
    """One memory or fact as it was read.

    Attributes:
        id: of the recalled item, `mem_…` or `fact_…`.
        hash: `statement_hash(text)`.
        said_at: evidence time, aware: when the newest of its turns was said. Never a store's own
            time; None if nobody knows.
        holds: a fact that has not ended; memories always.
        about_person: a fact whose subject is the person; memories always.
    """

    id: str
    text: str
    hash: bytes
    said_at: datetime | None
    turn_ids: tuple[TurnId, ...] = ()
    holds: bool = True
    about_person: bool = True

    @property
    def is_memory(self) -> bool:
        """It is Mem0's; else it is a fact of Zep's."""
        return self.id.startswith(MEMORY)


@dataclass(frozen=True, slots=True)
class Hidden:
    """A memory that an earlier run has hidden. Its text is not read.

    Attributes:
        id: `mem_…`.
        hash: of its text when it was hidden.
        said_at: when it had last been said when it was hidden (the mirror's `said_at`).
        kept_id: what is shown in its place, `mem_…` or `fact_…`.
        reason: `equal`, `same`, `update` or `resolved`.
        heard_at: its evidence time by now, if turns found since say it; else None.
        hidden_at: what is said later than this is said again, even where nobody knows `said_at`.
        purged: it is gone from Mem0 and can't be shown again.
    """

    id: str
    hash: bytes
    said_at: datetime | None
    kept_id: str | None
    reason: str
    heard_at: datetime | None = None
    hidden_at: datetime | None = None
    purged: bool = False


@dataclass(frozen=True, slots=True)
class Decision:
    """How two statements relate, while neither text changes; `right_id` is '' for one alone."""

    left_id: str
    right_id: str
    left_hash: bytes
    right_hash: bytes
    relation: Relation
    decided_by: DecidedBy
    decided_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class PairToJudge:
    """Two statements whose relation nobody has decided yet; `left` has the smaller id."""

    left: Statement
    right: Statement

    @property
    def key(self) -> PairKey:
        """The ids of both."""
        return pair_key(self.left.id, self.right.id)


class LinkedPair(NamedTuple):
    """A memory, visible or hidden, and a fact that were found to say the same."""

    mem0_id: Mem0Id
    edge_uuid: ZepUuid


class ConflictKey(NamedTuple):
    """What makes two reports of a conflict the same one; the smaller id is on the left."""

    left_id: str
    right_id: str
    left_hash: bytes
    right_hash: bytes


@dataclass(frozen=True, slots=True)
class Contradiction:
    """Two statements that can't both hold; the smaller id is on the left."""

    left: Statement
    right: Statement

    @property
    def key(self) -> ConflictKey:
        """What it's known by."""
        return ConflictKey(self.left.id, self.right.id, self.left.hash, self.right.hash)


@dataclass(frozen=True, slots=True)
class Picture:
    """All that a plan is made from: one person's memory, as it was read.

    Attributes:
        statements: memories that aren't hidden, and all facts, ended ones too.
        hidden: what earlier runs have hidden and nothing has shown since.
        decisions: of this run's judge and of all runs before; those whose hashes no longer fit
            are passed over, so all of the person's rows may be given.
        links: of visible and of hidden memories, those only whose memory still says the same.
        listed: the pairs that this run's shortlist held, decided or not. What is listed and has
            no decision counts as undecided.
        kept_out: facts of which the person decided that they aren't to be added, or whose
            addition they undid. Decisions with an empty `right_id` say the same.
        forgotten: ids that must not be added, shown or linked: what rests on forgotten turns.
        conflicts: all that were ever reported, open or not. They aren't reported again.
        has_more: Mem0 has more memories than were read, so that what seems to be lacking may be
            there.
    """

    statements: Sequence[Statement]
    hidden: Sequence[Hidden] = ()
    decisions: Sequence[Decision] = ()
    links: Sequence[LinkedPair] = ()
    listed: Sequence[PairKey] = ()
    kept_out: frozenset[str] = frozenset()
    forgotten: frozenset[str] = frozenset()
    conflicts: frozenset[ConflictKey] = frozenset()
    has_more: bool = False


@dataclass(frozen=True, slots=True)
class Plan:
    """What consolidation would do.

    Attributes:
        changes: in the order in which they are to be carried out; `seq` from 1. An `add` has
            `edge_uuid` and the fact's text; `details["said_at"]` is its evidence time,
            `details["also_edges"]` further facts to be linked to the new memory: of each the UUID
            and the hash, as text.
        conflicts: that weren't known before.
        undecided: pairs without a usable decision, those included that a guard held back.
        counts: `hide`, `show`, `add`, `link`, `left` (changes that the budget cut), `conflicts`,
            `held_numbers`, `held_names`, `held_negation`, `held_time`, `held_disagreement` (pairs
            whose `same` isn't used), `held_unknown_time` (updates without a direction).
        superseded_conflicts: of `Picture.conflicts`, those whose statements are hidden, gone or
            changed, or no longer contradict each other. Those still open have become moot.
    """

    changes: Sequence[Change]
    conflicts: Sequence[Contradiction]
    undecided: int
    counts: Mapping[str, int] = field(default_factory=dict)
    superseded_conflicts: Sequence[ConflictKey] = ()


def pair_key(a_id: str, b_id: str) -> PairKey:
    """The two ids, the smaller first."""
    return (a_id, b_id) if a_id < b_id else (b_id, a_id)
