"""What is stored beside a reply gives the same answer again."""

import json
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat_api.turn import answer_of, stored_facts
from tandem.clients.models import Mem0Memory
from tandem.ids import TurnId
from tandem.recall.items import Draft, RecalledItem, ResolvedSource, Source
from tandem.recall.routing import ROUTES
from tandem.recall.stores import memory_draft

TURN = TurnId(UUID(int=7))
# What the stores' texts are like once they are cleaned, and what jsonb takes.
WORDS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=40)
MOMENTS = st.datetimes(datetime(1, 1, 2), datetime(9998, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
NAMES = st.sampled_from(["zep-1", "zep-2", "mem0-1", "mem0-2"])
TURNS = st.uuids().map(TurnId)
ITEMS = st.builds(
    RecalledItem,
    id=WORDS,
    text=WORDS,
    valid_from=st.none() | MOMENTS,
    valid_to=st.none() | MOMENTS,
    last_confirmed_at=st.none() | MOMENTS,
    score=st.none() | st.floats(allow_nan=False, allow_infinity=False),
    source=st.just(()),
)
DRAFTS = st.lists(
    st.builds(
        Draft,
        item=ITEMS,
        provider_ids=st.lists(NAMES, max_size=3).map(tuple),
        turn_ids=st.lists(TURNS, max_size=2).map(tuple),
        superseded_at=st.none(),
    ),
    max_size=4,
)
USAGE = st.dictionaries(
    st.sampled_from(["input_tokens", "output_tokens", "model_calls"]), st.integers(0, 10**9)
)
FOUND = st.lists(st.tuples(st.none() | NAMES, TURNS, WORDS, st.uuids(), MOMENTS), max_size=4)


def as_sources(rows: list[tuple[Any, ...]]) -> list[ResolvedSource]:
    return [
        ResolvedSource(
            provider_id=name,
            turn_id=turn_id,
            source=Source(session_id=session, message_id=message, turn_id=turn_id),
            said_at=said_at,
        )
        for name, turn_id, session, message, said_at in rows
    ]


def as_stored(rows: list[tuple[Any, ...]]) -> list[dict[str, Any]]:
    """The same rows as PostgreSQL keeps them."""
    return [
        {
            "provider_id": name,
            "turn_id": str(turn_id),
            "session_id": session,
            "message_id": str(message),
            "said_at": said_at.isoformat(),
        }
        for name, turn_id, session, message, said_at in rows
    ]


@given(st.sampled_from(ROUTES), USAGE, st.sets(st.sampled_from(["zep", "mem0"])), DRAFTS, FOUND)
def test_a_repeat_gives_the_answer_that_was_given(
    route: Any, usage: dict[str, int], degraded: set[str], drafts: list[Draft], rows: list[Any]
) -> None:
    facts = stored_facts(route, usage, sorted(degraded), drafts)

    given_first = answer_of(TURN, "s1", "A reply.", facts, as_sources(rows))
    stored = json.loads(json.dumps(facts)) | {"sources": as_stored(rows)}

    assert answer_of(TURN, "s1", "A reply.", stored) == given_first


@given(DRAFTS)
def test_items_whose_sources_nobody_knows_stay_as_they_are(drafts: list[Draft]) -> None:
    facts = json.loads(json.dumps(stored_facts("recall", {}, [], drafts)))

    answer = answer_of(TURN, "s1", "A reply.", facts)

    assert list(answer.recalled) == [draft.item for draft in drafts]


def test_facts_that_have_left_the_ledger_leave_a_bare_answer() -> None:
    answer = answer_of(TURN, "s1", "A reply.", {})

    assert (answer.route, list(answer.recalled), answer.usage, list(answer.degraded)) == (
        "converse",
        [],
        {},
        [],
    )


@pytest.mark.parametrize("score", ["NaN", "Infinity", "-Infinity", "1e999"])
def test_a_score_that_can_not_be_stored_is_left_out(score: str) -> None:
    memory = Mem0Memory.model_validate_json(f'{{"id": "m", "memory": "x", "score": {score}}}')

    facts = stored_facts("recall", {}, [], [memory_draft(memory)])

    assert json.dumps(facts, allow_nan=False)
    assert facts["recalled"][0]["item"]["score"] is None
