"""What a run reads of a person's memory: evidence times, what holds, what is out of the way."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from memory_api.consolidation.reading import Read
from memory_api.consolidation.statement import Statement
from tandem.changes.model import ChangeId, RunId
from tandem.db.evidence import Forgotten, KnownLink, Standing
from tandem.db.hidden import HiddenMemory
from tandem.db.people import Subject
from tandem.deadline import Deadline
from tandem.errors import UpstreamUnavailable
from tandem.ids import Mem0Id, ZepUuid
from tandem.recall.normalise import statement_hash
from tests.unit.consolidation.run_world import ADA, GRAPH, USER, World, day, turn


def read(world: World, subject: Subject | None = None) -> Read:
    whom = subject or Subject(ADA, USER, GRAPH)
    return asyncio.run(world.reader.read(whom, Deadline(60.0)))


def statement(world: World, item_id: str) -> Statement:
    return next(one for one in read(world).picture.statements if one.id == item_id)


def hidden(mem0_id: str, **rest: Any) -> HiddenMemory:
    known: dict[str, Any] = {
        "mem0_id": Mem0Id(mem0_id),
        "run_id": RunId(UUID(int=1)),
        "change_id": ChangeId(UUID(int=1)),
        "reason": "same",
        "kept_id": "mem_other",
        "text_hash": statement_hash("Likes tea"),
        "said_at": day(3),
        "listed": False,
        "hidden_at": day(4),
        "purged": False,
    }
    return HiddenMemory(**(known | rest))


def test_something_was_last_said_in_the_newest_of_its_turns() -> None:
    world = World()
    tea = world.remembers("Likes tea", said=1, metadata={"turn_id": str(turn("later"))})
    world.ledger.said_at[turn("later")] = day(7)

    found = statement(world, tea)

    assert found.said_at == day(7)
    assert found.turn_ids == (turn("m0"), turn("later"))


def test_a_time_that_we_noted_ourselves_counts_where_no_turn_does_and_a_store_s_never() -> None:
    world = World()
    noted = world.remembers("Likes tea", metadata={"said_at": day(2).isoformat()})
    unknown = world.remembers("Has a dog", created_at=day(5))
    odd = [
        world.remembers(f"Odd {number}", metadata={"said_at": value, "turn_id": value})
        for number, value in enumerate(("yesterday", 7, None, "2026-01-01T00:00:00"))
    ]
    fact = world.learned("Lives in Quito", created_at=day(5))

    assert statement(world, noted).said_at == day(2)
    assert [statement(world, one).said_at for one in (unknown, fact, *odd)] == [None] * 6


@pytest.mark.parametrize(
    "told", ["9999-12-31T23:59:59-14:00", "0001-01-01T00:00:00+14:00", "2999-01-01T00:00:00Z"]
)
def test_a_noted_time_at_which_nobody_can_have_said_anything_is_none(told: str) -> None:
    world = World()
    odd = world.remembers("Likes tea", metadata={"said_at": told})
    known = world.remembers("Has a dog", said=2, metadata={"said_at": told})

    assert statement(world, odd).said_at is None
    assert statement(world, known).said_at == day(2)


def test_a_memory_that_goes_by_itself_takes_no_other_s_place() -> None:
    world = World()
    stays = world.remembers("Likes tea", said=0)
    goes = world.remembers("Likes tea.", name="goes", said=1)
    memory = world.stores.memories["goes"]
    for left in (1, 0):
        until = (datetime.now(UTC) + timedelta(days=left)).date()
        world.stores.memories["goes"] = memory.model_copy(update={"expiration_date": until})
        assert {one.id for one in read(world).picture.statements} == {stays}
    world.stores.memories["goes"] = memory
    assert {one.id for one in read(world).picture.statements} == {stays, goes}


def test_of_more_memories_than_are_read_nothing_is_taken_to_be_lacking(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("memory_api.consolidation.reading.MOST_MEMORIES", 2)
    world = World()
    for number in range(3):
        world.remembers(f"Memory {number}", said=number)
    world.learned("Lives in Quito", said=1)

    found = read(world).picture

    assert len([one for one in found.statements if one.is_memory]) == 2
    assert found.has_more
    assert asyncio.run(world.run()).changes == []
    del world.stores.memories["m2"]
    assert not read(world).picture.has_more
    assert [one.kind for one in asyncio.run(world.run()).changes] == ["add"]


def test_a_turn_that_a_memory_takes_over_makes_it_no_older_than_we_noted_it_to_be() -> None:
    world = World()
    noted = {"said_at": day(9).isoformat()}
    earlier = world.remembers("Likes tea", said=2, metadata=noted)
    later = world.remembers("Has a dog", said=12, metadata=noted)

    assert statement(world, earlier).said_at == day(9)
    assert statement(world, later).said_at == day(12)


def test_a_fact_holds_until_its_end_and_is_about_the_person_when_it_begins_at_their_node() -> None:
    world = World()
    current = world.learned("Lives in Quito", said=1)
    ended = world.learned("Lives in Lima", said=0, invalid_at=day(1))
    retired = world.learned("Lives in Cusco", said=0, expired_at=day(1))
    to_come = world.learned("Works at Acme", said=0, invalid_at=day(36_500))
    someone_s = world.learned("Tom lives in Oslo", said=1, about=False)

    assert [statement(world, one).holds for one in (current, ended, retired, to_come)] == [
        True,
        False,
        False,
        True,
    ]
    assert statement(world, current).about_person
    assert not statement(world, someone_s).about_person


def test_a_fact_that_we_marked_as_ended_holds_again_when_it_was_said_since() -> None:
    world = World()
    mark = {"tandem_ended_at": day(2).isoformat()}
    over = world.learned("Is vegetarian", said=1, attributes=mark)
    again = world.learned("Eats fish", said=3, attributes=mark)

    assert [statement(world, one).holds for one in (over, again)] == [False, True]


def test_facts_of_all_pages_are_read_and_of_nobody_new_to_zep() -> None:
    world = World()
    facts = {world.learned(f"Fact {number}") for number in range(250)}

    assert {one.id for one in read(world).picture.statements} == facts
    assert read(world, Subject(ADA)).picture.statements == []


def test_what_is_hidden_here_alone_is_no_statement_and_may_have_been_said_again() -> None:
    world = World()
    world.remembers("Likes tea", name="listed", said=9)
    tea = world.remembers("Likes tea", name="shown")
    world.ledger.hidden_ = [
        hidden("listed", listed=True),
        hidden("gone", said_at=day(9)),
        hidden("shown"),
    ]
    world.ledger.turns["gone"] = world.ledger.turns["listed"]

    picture = read(world).picture

    assert [one.id for one in picture.statements] == [tea]
    assert [(one.id, one.heard_at) for one in picture.hidden] == [
        ("mem_listed", day(9)),
        ("mem_gone", None),
    ]


def test_a_link_counts_as_long_as_both_sides_read_as_they_did() -> None:
    world = World()
    tea = world.remembers("Likes tea")
    fact = world.learned("Is fond of tea")
    edge = ZepUuid(UUID(fact.removeprefix("fact_")))
    memory = Mem0Id(tea.removeprefix("mem_"))
    hashes = statement_hash("Likes tea"), statement_hash("Is fond of tea")

    def links(left: bytes, right: bytes) -> int:
        world.ledger.standing_ = Standing(links=[KnownLink(memory, edge, left, right)])
        return len(read(world).picture.links)

    assert links(*hashes) == 1
    assert links(statement_hash("Likes coffee"), hashes[1]) == 0
    assert links(hashes[0], statement_hash("Is fond of coffee")) == 0


def test_what_rests_on_forgotten_turns_alone_is_out_of_the_way_unless_it_was_spared() -> None:
    world = World()
    dog = world.remembers("Has a dog", said=1)
    tea = world.remembers("Likes tea", said=1)
    again = world.remembers("Walks the dog", said=1)
    world.remembers("Of unknown origin")
    world.ledger.turns["m2"].append(turn("later"))
    world.ledger.said_at[turn("later")] = day(2)
    world.ledger.standing_ = Standing(
        forgotten=[
            Forgotten(b"", frozenset({turn("m0"), turn("m1"), turn("m2")}), frozenset({"m1"}))
        ]
    )

    assert read(world).picture.forgotten == {dog}
    assert {tea, again} < {one.id for one in read(world).picture.statements}


def test_a_fact_whose_words_are_still_on_their_way_is_not_copied_yet() -> None:
    world = World()
    fact = world.learned("Likes tea", said=1)
    world.learned("Has a dog", said=1)
    [on_its_way] = world.ledger.turns[str(world.stores.edges[0].episode_uuids[0])]
    world.ledger.standing_ = Standing(on_their_way=frozenset({on_its_way}))

    assert read(world).picture.kept_out == {fact}


@pytest.mark.parametrize("store", ["mem0", "zep"])
def test_half_a_picture_is_none(store: str) -> None:
    world = World()
    world.stores.away = {store}
    with pytest.raises(UpstreamUnavailable) as caught:
        read(world)
    assert caught.value.provider == store


def test_a_picture_that_was_seen_before_is_known_until_anything_changes() -> None:
    world = World()
    tea = world.remembers("Likes tea", said=1)
    first = read(world)
    assert not first.is_known
    asyncio.run(world.reader.remember(ADA, first))
    assert read(world).is_known

    def is_known_after(change: Any) -> bool:
        change()
        return read(world).is_known

    assert not is_known_after(lambda: world.ledger.said_at.update({turn("m0"): day(5)}))
    assert is_known_after(lambda: world.ledger.said_at.update({turn("m0"): day(1)}))
    assert not is_known_after(lambda: world.ledger.hidden_.append(hidden("gone")))
    assert not is_known_after(lambda: world.remembers("Has a dog"))
    assert tea in read(world).texts
