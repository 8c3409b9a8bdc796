from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from tandem.ids import MessageId, TurnId
from tandem.recall.context import SHARES, context_items
from tandem.recall.evidence import evidence_block
from tandem.recall.items import RecalledItem
from tandem.recall.rank import estimate_tokens
from tandem.recall.routing import ROUTES, Route
from tandem.recall.stores import pending_item

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)


def memory(text: str, *, ended: bool = False) -> RecalledItem:
    end = NOW - timedelta(hours=1) if ended else None
    return RecalledItem(id=f"mem_{text}", store="mem0", kind="memory", text=text, valid_to=end)


def said(text: str) -> RecalledItem:
    return pending_item(TurnId(uuid4()), MessageId(uuid4()), "s", text, NOW)


def test_a_turn_is_given_what_was_just_said_then_what_holds_then_what_is_past() -> None:
    items = context_items(
        [memory("Lives in Delhi", ended=True), memory("Lives in Mumbai")],
        [said("I live in Pune now")],
        route="recall",
        query="Where do I live?",
        now=NOW,
    )
    assert [item.text for item in items] == [
        "I live in Pune now",
        "Lives in Mumbai",
        "Lives in Delhi",
    ]


def test_a_turn_that_asks_nothing_of_the_person_is_not_given_what_is_past() -> None:
    known = [memory("Lives in Delhi", ended=True), memory("Lives in Mumbai")]
    items = context_items(known, [], route="converse", query="Tell me a joke", now=NOW)
    assert [item.text for item in items] == ["Lives in Mumbai"]


@pytest.mark.parametrize("route", ROUTES)
def test_a_turns_context_is_bounded_whatever_the_stores_know(route: Route) -> None:
    many = [memory(f"{n} " + "long " * n) for n in range(500)]
    much = [said("x" * 4_000) for _ in range(20)]
    items = context_items(many, much, route=route, query="x", now=NOW)
    assert len(items) <= SHARES[route].items
    assert estimate_tokens(evidence_block(items)) <= SHARES[route].tokens


@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize("words", [1, 20, 60, 150])
def test_the_budget_holds_for_the_block_as_it_is_sent_and_is_used(route: Route, words: int) -> None:
    many = [memory(f'{n} "<' + "weit " * words) for n in range(40)]
    items = context_items(many, [said("<\u200b" * 90)], route=route, query="x", now=NOW)
    tokens = estimate_tokens(evidence_block(items))
    assert tokens <= SHARES[route].tokens
    one_more = estimate_tokens(evidence_block(many[:1]))
    assert len(items) == SHARES[route].items or tokens + one_more > SHARES[route].tokens
