"""A conflict is settled: whose memories are hidden and whose facts end, and once each."""

import asyncio
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from tandem.changes.model import Change, RunId, RunState
from tandem.changes.path import Carried
from tandem.changes.settling import Settled, Settling
from tandem.clients.models import Mem0Memory, ZepEdge
from tandem.db.conflicts import ConflictPair, Keep, OpenConflict
from tandem.db.runs import Started
from tandem.deadline import Deadline
from tandem.errors import Unavailable
from tandem.ids import AccountId, Mem0Id, TurnId, ZepUuid
from tandem.recall.gather import Person
from tandem.recall.merge import Link
from tandem.recall.normalise import statement_hash

NOW = datetime(2026, 7, 1, tzinfo=UTC)
ADA = Person(AccountId(UUID(int=1)), ZepUuid(UUID(int=2)))
STEAK, LOVES = ZepUuid(UUID(int=3)), ZepUuid(UUID(int=4))
TEXTS = {"veg": "Is vegetarian", "steak": "Loves steak", "beef": "Likes steak a lot"}


@dataclass
class World:
    """Vegetarian against steak; of steak there is a fact and another memory, too."""

    conflict: OpenConflict = field(
        default_factory=lambda: OpenConflict(
            id=UUID(int=9),
            pair=ConflictPair(
                "mem_steak",
                "mem_veg",
                statement_hash(TEXTS["steak"]),
                statement_hash(TEXTS["veg"]),
            ),
            found_at=NOW,
            asked_turn=None,
            state="open",
            kept=None,
            resolved_at=None,
        )
    )
    links: list[Link] = field(
        default_factory=lambda: [
            Link(Mem0Id("beef"), STEAK, *(statement_hash(TEXTS[one]) for one in ("beef", "steak"))),
            Link(Mem0Id("steak"), STEAK, statement_hash(TEXTS["steak"])),
        ]
    )
    ended: set[ZepUuid] = field(default_factory=set)
    ends_at: datetime = NOW
    gone: set[str] = field(default_factory=set)
    hidden: set[str] = field(default_factory=set)
    states: dict[RunId, RunState] = field(default_factory=dict)
    of_turn: dict[TurnId, RunId] = field(default_factory=dict)
    changes: list[Change] = field(default_factory=list)
    time_is_over: bool = False

    async def resolve(
        self, account_id: AccountId, conflict_id: UUID, *, keep: Keep
    ) -> OpenConflict:
        assert (account_id, conflict_id) == (ADA.account_id, self.conflict.id)
        self.conflict = replace(
            self.conflict,
            state="resolved",
            kept=keep,
            resolved_at=self.conflict.resolved_at or NOW,
        )
        return self.conflict

    async def around(self, account_id: AccountId, item_ids: Collection[str]) -> list[Link]:
        assert account_id == ADA.account_id
        named = set(item_ids)
        return [one for one in self.links if "mem_steak" in named]

    async def start_unleased(self, account_id: AccountId, **given: Any) -> Started:
        assert account_id == ADA.account_id
        assert given["kind"] == "settle"
        run_id = given["run_id"]
        if given.get("turn_id") is not None:
            assert given["started_by"] == "chat"
            run_id = self.of_turn.setdefault(given["turn_id"], run_id)
        state = self.states.setdefault(run_id, "running")
        return Started(run_id, run_id != given["run_id"], "reading", NOW, state)

    async def finish(self, account_id: AccountId, run_id: RunId, **given: Any) -> None:
        assert account_id == ADA.account_id
        self.states[run_id] = given["state"]

    async def record(self, account_id: AccountId, run_id: RunId, changes: Sequence[Change]) -> bool:
        assert account_id == ADA.account_id
        assert self.states[run_id] == "running"
        taken = {one.seq for one in self.changes}
        self.changes += [one for one in changes if one.seq not in taken]
        return True

    async def unfinished(self, run_id: RunId) -> list[Change]:
        assert run_id in self.states
        return [one for one in self.changes if one.state == "planned"]

    async def carry_out(
        self, person: Person, run_id: RunId, changes: Sequence[Change], **given: Any
    ) -> Carried:
        assert person == ADA
        assert run_id in self.states
        assert (given["owner"], given["read_at"]) == (None, None)
        if self.time_is_over:
            return Carried(left=len(changes))
        self.changes = [replace(one, state="confirmed") for one in self.changes]
        return Carried(confirmed=len(changes))

    async def get(self, memory_id: Mem0Id, *, timeout_seconds: float) -> Mem0Memory | None:
        assert timeout_seconds > 0
        if memory_id in self.gone:
            return None
        hidden = datetime(2026, 6, 1, tzinfo=UTC).date() if memory_id in self.hidden else None
        return Mem0Memory(id=memory_id, text=TEXTS[memory_id], expiration_date=hidden)

    async def get_edge(
        self, graph_uuid: ZepUuid, edge_uuid: ZepUuid, *, timeout_seconds: float
    ) -> ZepEdge | None:
        assert graph_uuid == ADA.zep_graph_uuid
        assert timeout_seconds > 0
        ended = self.ends_at if edge_uuid in self.ended else None
        return ZepEdge(uuid=edge_uuid, fact="Loves steak", invalid_at=ended)

    def settle(self, keep: Keep, *, person: Person = ADA, turn_id: TurnId | None = None) -> Settled:
        settling = Settling(
            self, self, self, self, self, self, self, call_seconds=5.0, now=lambda: NOW
        )
        work = settling.settle(
            person, self.conflict.id, keep, turn_id=turn_id, deadline=Deadline(20.0)
        )
        return asyncio.run(work)

    def done(self) -> list[tuple[str, str]]:
        return [(one.kind, str(one.mem0_id or one.edge_uuid)) for one in self.changes]


def test_all_that_says_what_was_given_up_goes_from_both_stores() -> None:
    world = World()

    settled = world.settle("right")

    assert world.done() == [("hide", "steak"), ("hide", "beef"), ("end_fact", str(STEAK))]
    assert [one.seq for one in world.changes] == [1, 2, 3]
    assert {one.reason for one in world.changes} == {"resolved"}
    assert {one.kept_id for one in world.changes} == {"mem_veg"}
    kept_hash = statement_hash("Is vegetarian").hex()
    assert {one.details["kept_hash"] for one in world.changes} == {kept_hash}
    assert world.changes[2].details["invalid_at"] == NOW.isoformat()
    assert (settled.confirmed, world.states[settled.run_id]) == (3, "done")


@pytest.mark.parametrize(
    ("keep", "kinds"),
    [
        ("left", [("hide", "veg")]),
        ("both", []),
        (
            "neither",
            [("hide", "veg"), ("hide", "steak"), ("hide", "beef"), ("end_fact", str(STEAK))],
        ),
    ],
)
def test_the_choice_says_what_goes(keep: Keep, kinds: list[tuple[str, str]]) -> None:
    world = World()
    world.settle(keep)
    assert world.done() == kinds


def test_a_fact_that_would_end_later_goes_as_well() -> None:
    world = World(ended={STEAK}, ends_at=NOW + timedelta(days=1))
    world.settle("right")
    assert ("end_fact", str(STEAK)) in world.done()


def test_what_is_gone_hidden_or_ended_already_is_left_alone() -> None:
    world = World(ended={STEAK}, gone={"beef"}, hidden={"steak"})
    assert world.settle("right") == Settled(next(iter(world.states)))
    assert world.changes == []


def test_what_reads_otherwise_than_when_the_conflict_was_found_is_left_alone() -> None:
    world = World()
    pair = world.conflict.pair._replace(left_hash=statement_hash("Loved steak once"))
    world.conflict = replace(world.conflict, pair=pair)
    assert world.settle("right").confirmed == 0
    assert world.changes == []


def test_a_link_that_was_made_for_other_words_takes_nothing_along() -> None:
    world = World()
    world.links[0] = world.links[0]._replace(statement_hash=statement_hash("Eats beef"))
    world.settle("right")
    assert world.done() == [("hide", "steak"), ("end_fact", str(STEAK))]


def test_someone_new_to_zep_has_no_facts_to_end() -> None:
    world = World()
    world.conflict = replace(
        world.conflict, pair=world.conflict.pair._replace(left_id=f"fact_{LOVES}")
    )
    world.settle("right", person=Person(ADA.account_id, None))
    assert world.changes == []


def test_what_there_was_no_time_for_is_done_when_the_choice_is_repeated() -> None:
    world = World(time_is_over=True)
    with pytest.raises(Unavailable) as caught:
        world.settle("right")
    assert caught.value.code == "unfinished"
    planned = list(world.changes)

    world.time_is_over = False
    settled = world.settle("right")

    assert settled.confirmed == 3
    assert [one.id for one in world.changes] == [one.id for one in planned]
    assert world.settle("right") == Settled(settled.run_id)


def test_a_turn_that_settles_two_conflicts_has_a_run_for_each() -> None:
    turn, first = TurnId(uuid4()), World()
    one = first.settle("right", turn_id=turn)
    assert first.settle("right", turn_id=turn).run_id == one.run_id
    other = World(states=first.states, of_turn=first.of_turn)
    other.conflict = replace(other.conflict, id=UUID(int=10))

    assert other.settle("right", turn_id=turn).run_id != one.run_id
    assert other.done()
