"""What waits for a person's word from one turn to the next, in a real ledger."""

import asyncio
from uuid import UUID, uuid4

import pytest

from tandem.db.connection import Database, OneRoundTrip
from tandem.db.proposals import Effects, OpenConflict, OpenProposal
from tandem.db.turns import Reply, Turn, Turns
from tests.integration.turn_ledger import FACTS, Someone, new_turn

pytestmark = pytest.mark.integration


@pytest.fixture
def bea(connection: OneRoundTrip) -> Someone:
    """Somebody else."""
    return Someone.sign_up(connection)


FORGET = Effects(kind="forget", item_ids=["mem_1", "fact_2"])


async def proposing(
    turns: Turns, someone: Someone, effects: Effects = FORGET, session: str = "s1", **facts: str
) -> Turn:
    turn = await someone.open(turns, new_turn("forget my dog", session=session))
    reply = Reply(text="Shall I?", facts=FACTS | facts, drafts=[], effects=effects)
    assert await turns.commit(turn, someone.account_id, reply) is not None
    return turn


async def deciding(turns: Turns, someone: Someone, turn: Turn, decision: Effects) -> None:
    reply = Reply(text="Done.", facts=FACTS, drafts=[], effects=decision)
    assert await turns.commit(turn, someone.account_id, reply) is not None


def conflict_of(someone: Someone, days_old: int = 0) -> UUID:
    conflict = uuid4()
    someone.run(
        "insert into conflicts (id, account_id, left_id, right_id, left_hash, right_hash,"
        " found_at) values (:id, :account, :left, 'mem_1', '', '', now() - :days * interval '1 d')",
        id=conflict,
        left=f"fact_{conflict}",
        days=days_old,
    )
    return conflict


def test_a_proposal_waits_for_the_next_message_of_its_session_alone(
    container: Database, ada: Someone
) -> None:
    turns = Turns(container)

    async def story() -> list[OpenProposal | None]:
        proposed = await proposing(turns, ada)
        elsewhere = await ada.open(turns, new_turn("yes", session="s2"))
        following = await ada.open(turns, new_turn("yes", session="s1"))
        after = await ada.open(turns, new_turn("yes", session="s1"))
        assert proposed.said_at is not None
        assert following.awaiting.proposal == OpenProposal(
            proposed.turn_id, proposed.said_at, "forget", ("mem_1", "fact_2"), None
        )
        return [elsewhere.awaiting.proposal, after.awaiting.proposal]

    assert asyncio.run(story()) == [None, None]


def test_a_turn_that_was_not_committed_has_proposed_nothing(
    container: Database, ada: Someone
) -> None:
    turns = Turns(container)

    async def story() -> Turn:
        await ada.open(turns, new_turn("forget my dog", session="s1"))
        return await ada.open(turns, new_turn("yes", session="s1"))

    assert asyncio.run(story()).awaiting.proposal is None
    assert ada.rows("proposals", "turn_id", "turn_id") == []


def test_a_confirming_turn_that_failed_finds_its_proposal_again_until_it_is_committed(
    container: Database, ada: Someone
) -> None:
    turns = Turns(container)

    async def story() -> None:
        proposed = await proposing(turns, ada)
        first = await ada.open(turns, new_turn("yes", session="s1", key="k"))
        await turns.release(first)
        again = await ada.open(turns, new_turn("yes", session="s1", key="k"))
        assert again.attempt == 2
        assert again.awaiting == first.awaiting
        assert again.awaiting.proposal is not None
        await deciding(turns, ada, again, Effects(decided=proposed.turn_id, decision="confirmed"))
        assert ada.rows("proposals", "state, decided_turn", "turn_id") == [
            ["confirmed", again.turn_id]
        ]

    asyncio.run(story())


def test_a_declined_proposal_is_closed(container: Database, ada: Someone) -> None:
    turns = Turns(container)

    async def story() -> None:
        proposed = await proposing(turns, ada)
        turn = await ada.open(turns, new_turn("no", session="s1"))
        await deciding(turns, ada, turn, Effects(decided=proposed.turn_id, decision="declined"))

    asyncio.run(story())
    assert ada.rows("proposals", "state", "turn_id") == [["declined"]]


def test_nobody_decides_what_was_proposed_to_somebody_else(
    container: Database, ada: Someone, bea: Someone
) -> None:
    turns = Turns(container)

    async def story() -> None:
        proposed = await proposing(turns, ada)
        turn = await bea.open(turns, new_turn("yes", session="s1"))
        assert turn.awaiting.proposal is None
        await deciding(turns, bea, turn, Effects(decided=proposed.turn_id, decision="confirmed"))

    asyncio.run(story())
    assert ada.rows("proposals", "state", "turn_id") == [["open"]]


def test_a_correction_waits_as_long_as_its_words_are_there(
    container: Database, ada: Someone
) -> None:
    turns = Turns(container)
    correct = Effects(kind="correct", item_ids=["mem_1"])

    async def story() -> list[OpenProposal | None]:
        proposed = await proposing(turns, ada, correct, replacement="My sister is Anika")
        first = await ada.open(turns, new_turn("yes", session="s1", key="k"))
        await turns.release(first)
        ada.run("update turns set answer = null where id = :t", t=proposed.turn_id)
        again = await ada.open(turns, new_turn("yes", session="s1", key="k"))
        return [first.awaiting.proposal, again.awaiting.proposal]

    there, gone = asyncio.run(story())
    assert there is not None
    assert (there.kind, there.replacement) == ("correct", "My sister is Anika")
    assert gone is None


def test_the_oldest_conflict_is_offered_until_it_was_asked_about_and_then_with_the_answer(
    container: Database, ada: Someone, bea: Someone
) -> None:
    turns = Turns(container)
    newer, older = conflict_of(ada), conflict_of(ada, 1)
    conflict_of(bea, 2)

    async def story() -> None:
        unasked = await ada.open(turns, new_turn("hello", session="s1"))
        await ada.commit(turns, unasked)  # the reply didn't ask
        asking = await ada.open(turns, new_turn("hello", session="s1"))
        wanted = OpenConflict(older, f"fact_{older}", "mem_1")
        assert unasked.awaiting.conflict == asking.awaiting.conflict == wanted
        await deciding(turns, ada, asking, Effects(asked=older))
        answering = await ada.open(turns, new_turn("I eat meat", session="s1"))
        assert answering.awaiting.asked == wanted
        assert answering.awaiting.conflict is not None
        assert answering.awaiting.conflict.id == newer
        later = await ada.open(turns, new_turn("hello", session="s1"))
        assert later.awaiting.asked is None

    asyncio.run(story())


def test_nobody_marks_somebody_elses_conflict_as_asked(
    container: Database, ada: Someone, bea: Someone
) -> None:
    turns, conflict = Turns(container), conflict_of(ada)

    async def story() -> None:
        turn = await bea.open(turns, new_turn("hello"))
        assert turn.awaiting.conflict is None
        await deciding(turns, bea, turn, Effects(asked=conflict))

    asyncio.run(story())
    assert ada.rows("conflicts", "asked_turn", "id") == [[None]]


def test_a_repeat_of_an_answered_turn_waits_for_nothing(container: Database, ada: Someone) -> None:
    turns = Turns(container)
    conflict_of(ada)

    async def story() -> Turn:
        turn = await ada.open(turns, new_turn("hello", session="s1", key="k"))
        await ada.commit(turns, turn)
        return await ada.open(turns, new_turn("hello", session="s1", key="k"))

    repeat = asyncio.run(story())
    assert repeat.outcome == "answered"
    assert repeat.awaiting.conflict is None


def test_the_latest_messages_come_along_with_what_rests_on_them_but_for_the_forgotten(
    container: Database, ada: Someone, bea: Someone
) -> None:
    turns = Turns(container)

    async def story() -> list[tuple[str, frozenset[str]]]:
        await bea.say(turns, "I am somebody else", "s1")
        home = await ada.say(turns, "I live in Delhi", "s1")
        dog = await ada.say(turns, "I have a dog", "s2")
        for name, role in (("m1", "user"), ("e1", "user"), ("a1", "assistant")):
            ada.run(
                "insert into sources (provider_id, account_id, turn_id, role)"
                " values (:name, :account, :turn, :role)",
                name=name,
                turn=home.turn_id,
                role=role,
            )
        ada.run(
            "insert into tombstones (id, account_id, statement_hash, turn_ids)"
            " values (gen_random_uuid(), :account, '', array[cast(:turn as uuid)])",
            turn=dog.turn_id,
        )
        turn = await ada.open(turns, new_turn("Where do I live?", session="s3"))
        return [(one.message, one.provider_ids) for one in turn.said]

    assert asyncio.run(story()) == [("I live in Delhi", frozenset({"m1", "e1"}))]
