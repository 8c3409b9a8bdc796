"""A person's two memories in a few lines, and a judge that knows what is true."""

import random
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

from memory_api.consolidation.plan import plan
from memory_api.consolidation.shortlist import to_judge
from memory_api.consolidation.statement import (
    ConflictKey,
    Decision,
    Hidden,
    LinkedPair,
    PairToJudge,
    Picture,
    Plan,
    Statement,
    pair_key,
)
from tandem.changes.model import Change, Relation
from tandem.ids import Mem0Id, TurnId, ZepUuid
from tandem.recall.normalise import statement_hash

START = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Truth:
    """What a statement is about. Topics that never change contradict, the others are updated."""

    topic: str
    value: str
    changes: bool = True


@dataclass
class World:
    """What both stores hold and what is known of it. Texts are `topic value wording`."""

    seed: int = 0
    truths: dict[str, Truth] = field(default_factory=dict)
    memories: dict[str, Statement] = field(default_factory=dict)
    facts: dict[str, Statement] = field(default_factory=dict)
    hidden: dict[str, tuple[Statement, Hidden]] = field(default_factory=dict)
    decisions: dict[tuple[str, str], Decision] = field(default_factory=dict)
    links: set[LinkedPair] = field(default_factory=set)
    conflicts: set[ConflictKey] = field(default_factory=set)
    judged: int = 0
    judges: bool = True

    def __post_init__(self) -> None:
        self.draw = random.Random(self.seed)  # noqa: S311 - a world, not a secret

    def new_id(self) -> UUID:
        return UUID(int=self.draw.getrandbits(128), version=4)

    def say(self, kind: str, truth: Truth, wording: str, day: float | None, **more: bool) -> str:
        """Puts a memory (`mem`) or a fact (`fact`) where a store would have put it."""
        text = f"{truth.topic} {truth.value} {wording}".strip()
        said_at = None if day is None else START + timedelta(days=day)
        one = Statement(
            f"{kind}_{self.new_id()}",
            text,
            statement_hash(text),
            said_at,
            () if day is None else (TurnId(self.new_id()),),
            **more,
        )
        (self.memories if kind == "mem" else self.facts)[one.id] = one
        self.truths[text] = truth
        return one.id

    def end_facts(self, topic: str, *, except_value: str) -> None:
        """Zep has noticed that what it knows of a topic is over."""
        for one in self.facts.values():
            truth = self.truths[one.text]
            if truth.topic == topic and truth.value != except_value:
                self.facts[one.id] = replace(one, holds=False)

    def vectors(self) -> dict[str, list[float]]:
        """What is of one topic lies near, what says the same nearer."""
        found = {}
        for one in (*self.memories.values(), *self.facts.values()):
            truth = self.truths[one.text]
            topic, value, own = (
                _direction(truth.topic),
                _direction(f"{truth}"),
                _direction(one.text),
            )
            found[one.id] = [2 * a + b + c / 2 for a, b, c in zip(topic, value, own, strict=True)]
        return found

    def picture(self, pairs: Sequence[PairToJudge] = ()) -> Picture:
        return Picture(
            statements=[*self.memories.values(), *self.facts.values()],
            hidden=[one for _, one in self.hidden.values()],
            decisions=list(self.decisions.values()),
            links=sorted(self.links),
            listed=[pair.key for pair in pairs],
            conflicts=frozenset(self.conflicts),
        )

    def run(self, max_changes: int = 1000) -> Plan:
        """Shortlist, judge, plan and carry out."""
        made = self.planned(max_changes)
        self.apply(made)
        return made

    def planned(self, max_changes: int = 1000) -> Plan:
        pairs = to_judge(self.picture(), self.vectors())
        self.judged = len(pairs)
        for pair in pairs if self.judges else ():
            self.decide(pair.left, pair.right, self.truth_of(pair))
        return plan(self.picture(pairs), new_id=self.new_id, max_changes=max_changes)

    def truth_of(self, pair: PairToJudge) -> Relation:
        left, right = self.truths[pair.left.text], self.truths[pair.right.text]
        if left.topic != right.topic:
            return "distinct"
        if left.value == right.value:
            return "same"
        return "update" if left.changes else "contradiction"

    def decide(
        self, a: Statement, b: Statement, relation: Relation, day: float | None = None
    ) -> None:
        left, right = sorted((a, b), key=lambda one: one.id)
        self.decisions[left.id, right.id] = Decision(
            left.id,
            right.id,
            left.hash,
            right.hash,
            relation,
            "judge" if day is None else "person",
            None if day is None else START + timedelta(days=day),
        )

    def apply(self, made: Plan) -> None:
        self.conflicts |= {conflict.key for conflict in made.conflicts}
        for change in made.changes:
            {"hide": self._hide, "show": self._show, "add": self._add, "link": self._link}[
                change.kind
            ](change)

    def undo(self, made: Plan, day: float) -> None:
        """Takes a plan back, and notes what the person has decided by that."""
        for change in reversed(made.changes):
            if change.kind == "hide":
                statement, _ = self.hidden.pop(f"mem_{change.mem0_id}")
                self.memories[statement.id] = statement
                self._set_apart(statement.id, str(change.kept_id), day)
            elif change.kind == "link":
                self.links.discard(self._pair(change))
                self._set_apart(f"mem_{change.mem0_id}", f"fact_{change.edge_uuid}", day)
            else:
                self._keep_out(change, day)

    def _keep_out(self, change: Change, day: float) -> None:
        if change.kind == "add":
            (added,) = (
                pair.mem0_id
                for pair in self.links
                if pair.edge_uuid == change.edge_uuid and pair.mem0_id.startswith("copy")
            )
            del self.memories[f"mem_{added}"]
            self.links = {pair for pair in self.links if pair.mem0_id != added}
        else:
            shown = self.memories.pop(f"mem_{change.mem0_id}")
            self.hidden[shown.id] = (shown, Hidden(shown.id, shown.hash, None, None, "update"))
        one = self.facts[f"fact_{change.edge_uuid}"]
        self.decisions[one.id, ""] = Decision(
            one.id, "", one.hash, b"", "distinct", "person", START + timedelta(days=day)
        )

    def _set_apart(self, a: str, b: str, day: float) -> None:
        left, right = (self._any(one) for one in pair_key(a, b))
        if left is not None and right is not None:
            self.decide(left, right, "distinct", day)

    def _any(self, one: str) -> Statement | None:
        hidden = self.hidden.get(one)
        return self.memories.get(one) or self.facts.get(one) or (hidden[0] if hidden else None)

    def _hide(self, change: Change) -> None:
        one = self.memories.pop(f"mem_{change.mem0_id}")
        said_at = change.details["said_at"]
        self.hidden[one.id] = (
            one,
            Hidden(
                one.id,
                one.hash,
                datetime.fromisoformat(said_at) if said_at else None,
                change.kept_id,
                change.reason,
            ),
        )
        self._take_over(change, one)

    def _show(self, change: Change) -> None:
        one, _ = self.hidden.pop(f"mem_{change.mem0_id}")
        said_at = datetime.fromisoformat(change.details["said_at"])
        self.memories[one.id] = replace(one, said_at=said_at)
        if change.edge_uuid is not None:
            self.links.add(self._pair(change))

    def _add(self, change: Change) -> None:
        fact = self.facts[f"fact_{change.edge_uuid}"]
        assert change.edge_uuid is not None
        copy = replace(fact, id=f"mem_copy-{self.new_id()}")
        self.memories[copy.id] = copy
        for edge in (change.edge_uuid, *map(UUID, change.details["also_edges"])):
            self.links.add(LinkedPair(Mem0Id(copy.id.removeprefix("mem_")), ZepUuid(edge)))

    def _link(self, change: Change) -> None:
        self.links.add(self._pair(change))
        self._take_over(change, self.facts[f"fact_{change.edge_uuid}"])

    def _take_over(self, change: Change, one: Statement) -> None:
        """What stays counts as said when those turns were."""
        kept = self.memories.get(str(change.kept_id))
        if kept is not None and change.turn_ids:
            times = [time for time in (kept.said_at, one.said_at) if time is not None]
            turns = (*kept.turn_ids, *change.turn_ids)
            self.memories[kept.id] = replace(kept, turn_ids=turns, said_at=max(times))

    @staticmethod
    def _pair(change: Change) -> LinkedPair:
        assert change.mem0_id is not None
        assert change.edge_uuid is not None
        return LinkedPair(change.mem0_id, change.edge_uuid)

    def shown(self) -> set[str]:
        """The texts of the memories that are visible."""
        return {one.text for one in self.memories.values()}

    def values(self) -> dict[str, set[str]]:
        """What is visible of each topic, in Mem0 or as a fact that holds."""
        found: dict[str, set[str]] = {}
        visible = (*self.memories.values(), *(one for one in self.facts.values() if one.holds))
        for one in visible:
            truth = self.truths[one.text]
            found.setdefault(truth.topic, set()).add(truth.value)
        return found


def _direction(seed: str) -> list[float]:
    draw = random.Random(seed)  # noqa: S311 - the same for the same words
    return [draw.gauss() for _ in range(24)]
