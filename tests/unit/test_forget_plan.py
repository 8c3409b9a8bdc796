"""What goes with what is forgotten, what stays, and what has come back."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from tandem.changes import forget_plan as plans
from tandem.changes.forget_plan import Doomed, Standing
from tandem.changes.model import RunId
from tandem.clients.models import Mem0Memory, ZepEdge, ZepNode
from tandem.db.tombstones import Tombstone, TurnEvidence
from tandem.ids import Mem0Id, TurnId, ZepUuid

KEY = b"a key of the tests"
FORGOTTEN = datetime(2026, 11, 20, 12, tzinfo=UTC)
BEFORE, AFTER = FORGOTTEN - timedelta(hours=1), FORGOTTEN + timedelta(hours=1)
PERSON = ZepUuid(uuid4())


def zep_uuid() -> ZepUuid:
    return ZepUuid(uuid4())


def edge(fact: str, *episodes: ZepUuid, about: ZepUuid | None = None) -> ZepEdge:
    return ZepEdge(
        uuid=zep_uuid(),
        fact=fact,
        source_node_uuid=PERSON,
        target_node_uuid=about or zep_uuid(),
        episode_uuids=episodes,
    )


def evidence(*provider_ids: object, said_at: datetime = BEFORE, **more: Any) -> TurnEvidence:
    return TurnEvidence(
        turn_id=more.pop("turn_id", TurnId(uuid4())),
        said_at=said_at,
        message=more.pop("message", None),
        deleted=False,
        under_way=False,
        provider_ids=frozenset(map(str, provider_ids)),
        message_parts=(),
    )


def tombstone(text: str, *turns: TurnId, spared: tuple[str, ...] = ()) -> Tombstone:
    hashed = plans.keyed_hash(KEY, text)
    return Tombstone(hashed, frozenset(turns), frozenset(spared), FORGOTTEN)


def standing(
    text: str,
    *turns: TurnId,
    said_at: datetime | None = BEFORE,
    copy_of: str | None = None,
) -> Standing:
    return Standing(str(uuid4()), text, frozenset(turns), said_at, copy_of)


def back(
    all_of_it: list[Standing], *tombstones: Tombstone, keys: tuple[bytes, ...] = (KEY,)
) -> list[str]:
    going = plans.learned_again(all_of_it, tombstones, keys=keys)
    return [one.text for one in all_of_it if one.id in going]


def test_an_episode_that_another_fact_rests_on_stays() -> None:
    shared, alone = zep_uuid(), zep_uuid()
    dog, delhi = edge("Has a dog", shared, alone), edge("Lives in Delhi", shared)
    doomed = Doomed(edges={dog.uuid: dog})
    assert plans.lonely_episodes(doomed, [dog, delhi], []) == [alone]
    assert plans.lonely_episodes(doomed, [dog], []) == sorted([shared, alone])


def test_an_entity_goes_when_no_fact_is_about_it_any_more_but_the_person_never_does() -> None:
    rex = zep_uuid()
    dog, named = edge("Has a dog", about=rex), edge("The dog is called Rex", about=rex)
    only = Doomed(edges={dog.uuid: dog})
    assert plans.bare_nodes(only, [dog, named]) == []
    both = Doomed(edges={dog.uuid: dog, named.uuid: named})
    assert plans.bare_nodes(both, [dog, named]) == sorted([PERSON, rex])
    assert plans.may_go(ZepNode(uuid=rex), both, [])
    assert not plans.may_go(ZepNode(uuid=PERSON, labels=("Entity", "User")), both, [])
    assert not plans.may_go(ZepNode(uuid=rex, episode_uuids=(zep_uuid(),)), both, [])


def test_a_summary_that_shares_a_word_with_what_goes_tells_of_it() -> None:
    dog = edge("Has a dog")
    doomed = Doomed({Mem0Id("m1"): "Walks Rex"}, {dog.uuid: dog})
    for summary, tells in [
        ("Ada has a dog.", True),
        ("Walks a lot.", True),
        ("Likes tea.", False),
        ("", False),
    ]:
        node = ZepNode(uuid=PERSON, name="Rex", summary=summary)
        assert plans.tells_of(node, doomed) is tells, summary
    assert not plans.tells_of(ZepNode(uuid=PERSON, name="Rex", summary="Rex"), doomed)


def test_the_same_wish_is_planned_the_same_way_and_without_a_word_of_it() -> None:
    dog, run_id = edge("Has a dog", zep_uuid()), RunId(uuid4())
    doomed = Doomed({Mem0Id("m1"): "Has a dog"}, {dog.uuid: dog})
    episodes = list(dog.episode_uuids)
    first = plans.planned(
        run_id, doomed, episodes=episodes, nodes=[zep_uuid()], summaries=[zep_uuid()]
    )
    assert [change.kind for change in first] == [
        "delete_fact",
        "delete_node",
        "delete_memory",
        "delete_episode",
        "clear_summary",
    ]
    assert [change.seq for change in first] == [1, 2, 3, 4, 5]
    assert "dog" not in repr(first).lower()
    again = plans.planned(run_id, doomed, episodes=episodes, nodes=[])
    assert {change.id for change in again} < {change.id for change in first}


def test_a_tombstone_knows_the_words_only_by_a_key_and_spares_what_else_was_learned() -> None:
    episode = zep_uuid()
    dog, delhi = edge("Has a dog", episode), edge("Lives in Delhi", episode)
    turn = evidence(episode, "m-dog", "m-delhi")
    doomed = Doomed({Mem0Id("m-dog"): "Has a dog."}, {dog.uuid: dog})
    run_id = RunId(uuid4())
    [one] = plans.buried(run_id, doomed, [turn], [dog, delhi], episodes=[], key=KEY)
    assert one.statement_hash == plans.keyed_hash(KEY, "has a dog")
    assert one.statement_hash != plans.keyed_hash(b"another key", "has a dog")
    assert one.turn_ids == (turn.turn_id,)
    assert set(one.spared) == {str(episode), "m-delhi", str(delhi.uuid)}


def test_what_is_pending_is_buried_with_its_own_words() -> None:
    turn = evidence(message="I have a dog")
    doomed = Doomed(turn_ids=frozenset({turn.turn_id}))
    [one] = plans.buried(RunId(uuid4()), doomed, [turn], [], episodes=[], key=KEY)
    assert one.statement_hash == plans.keyed_hash(KEY, "I have a dog")


def test_what_comes_back_in_the_same_words_goes_unless_it_was_said_since() -> None:
    grave = tombstone("Has a dog")
    assert back([standing("has a dog!", TurnId(uuid4()))], grave) == ["has a dog!"]
    assert back([standing("Has a dog", TurnId(uuid4()), said_at=AFTER)], grave) == []
    assert back([standing("Has a dog", said_at=None)], grave) == []


def test_what_rests_on_a_buried_turn_alone_goes_in_whatever_words() -> None:
    turn, other = TurnId(uuid4()), TurnId(uuid4())
    grave = tombstone("Has a dog", turn)
    assert back([standing("Owns a puppy", turn)], grave) == ["Owns a puppy"]
    assert back([standing("Owns a puppy", turn, other)], grave) == []
    assert back([standing("Owns a puppy")], grave) == []


def test_what_was_to_stay_stays_and_so_does_what_says_the_same_as_it() -> None:
    turn = TurnId(uuid4())
    delhi = standing("Lives in Delhi", turn)
    grave = tombstone("Has a dog", turn, spared=(delhi.id,))
    told_again = standing("lives in delhi", turn)
    assert back([delhi, told_again, standing("Has a dog", turn)], grave) == ["Has a dog"]


def test_what_was_said_again_keeps_what_says_the_same() -> None:
    turn, since = TurnId(uuid4()), TurnId(uuid4())
    grave = tombstone("Has a dog", turn)
    again = standing("Has a dog", since, said_at=AFTER)
    assert back([again, standing("Owns a puppy", turn)], grave) == ["Owns a puppy"]


def test_a_copy_of_a_fact_goes_with_it_and_does_not_keep_it() -> None:
    turn = TurnId(uuid4())
    fact = standing("Owns a puppy", turn)
    copy = standing("Owns a puppy", copy_of=fact.id)
    assert back([fact, copy], tombstone("Has a dog", turn)) == ["Owns a puppy", "Owns a puppy"]


@pytest.mark.parametrize(
    ("message", "only"),
    [
        ("Please forget that I have a dog.", True),
        ("Yes, please.", True),
        ("yes, forget the dogs", True),
        ("Forget that I have a dog, I live in Pune now", False),
        ("Forget my dog. I have a cat.", False),
    ],
)
def test_a_request_that_tells_something_else_is_not_about_the_wish_alone(
    message: str, only: bool
) -> None:
    assert plans.speaks_only_of(message, ["Has a dog"]) is only


@pytest.mark.parametrize("said_at", [None, 7, "soon", "2026-11-20T09:00:00", {}])
def test_a_time_that_is_none_is_not_known(said_at: Any) -> None:
    memory = Mem0Memory(id=Mem0Id("m"), text="Has a dog", metadata={"said_at": said_at})
    [one] = plans.standing_of([memory], [], [])
    assert (one.said_at, one.turn_ids) == (None, frozenset())


def test_what_stands_knows_its_turns_from_the_ledger_and_from_what_was_sent_along() -> None:
    episode, unknown = zep_uuid(), zep_uuid()
    first = evidence(episode)
    second = evidence("m1", said_at=AFTER)
    third = evidence(turn_id=TurnId(UUID(int=3)))
    memories = [
        Mem0Memory(id=Mem0Id("m1"), text="a", metadata={"turn_id": str(third.turn_id)}),
        Mem0Memory(id=Mem0Id("m2"), text="b", metadata={"said_at": BEFORE.isoformat()}),
        Mem0Memory(id=Mem0Id("m3"), text="c", metadata={"turn_id": "none"}),
    ]
    edges = [edge("d", episode), edge("e", episode, unknown), edge("f")]
    told = plans.standing_of(memories, edges, [first, second, third])
    assert [one.turn_ids for one in told] == [
        {second.turn_id, third.turn_id},
        frozenset(),
        frozenset(),
        {first.turn_id},
        None,
        None,
    ]
    assert [one.said_at for one in told] == [AFTER, BEFORE, None, BEFORE, BEFORE, None]


def test_the_same_words_are_known_by_a_tombstone_of_the_key_before() -> None:
    dog = standing("Has a dog")
    dead = tombstone("Has a dog.")
    assert back([dog], dead, keys=(b"new", KEY)) == ["Has a dog"]
    assert back([dog], dead, keys=(b"new",)) == []
