import asyncio
from datetime import datetime, timedelta
from uuid import uuid4

import pytest

from memory_api.reading import Found, Reading, Scope
from memory_api.service import MemoryService, View, ViewQuery
from tandem.clients.models import Mem0Memory, ZepNode
from tandem.db.memory import LastMessage, Looked
from tandem.errors import InvalidInput
from tandem.ids import AccountId, Mem0Id, TurnId
from tandem.principal import Principal
from tandem.recall.stores import fact_draft
from tests.unit.memory.service_fakes import (
    GRAPH,
    ME,
    NOW,
    FakeLedger,
    FakeReader,
    day,
    edge,
    linked,
    memory,
    said,
    search,
    texts,
    view,
)

MOVED = Reading(
    edges=[
        edge("Lives in Mumbai", start=-2),
        edge("Lives in Delhi", start=-9, end=-2),
        edge("Likes chess"),
    ],
    memories=[memory("Lives in Delhi"), memory("Likes chess"), memory("Has a dog", said=-1)],
)


def test_the_view_hides_what_is_superseded_and_merges_what_is_the_same() -> None:
    shown = view(MOVED)
    assert [(item.text, item.store) for item in shown.facts] == [
        ("Likes chess", "both"),
        ("Has a dog", "mem0"),
        ("Lives in Mumbai", "zep"),
    ]


def test_the_view_still_shows_delhi_with_its_end_when_superseded_facts_are_asked_for() -> None:
    shown = view(MOVED, include_superseded=True)
    [delhi] = [item for item in shown.facts if item.text == "Lives in Delhi"]
    assert (delhi.store, delhi.valid_from, delhi.valid_to) == ("both", day(-9), day(-2))
    [mumbai] = [item for item in shown.facts if item.text == "Lives in Mumbai"]
    assert mumbai.valid_to is None


@pytest.mark.parametrize(
    ("moment", "include_superseded", "expected"),
    [
        (day(-5), False, ["Lives in Delhi", "Likes chess"]),
        (day(-1), False, ["Likes chess", "Has a dog", "Lives in Mumbai"]),
        (day(-1), True, ["Lives in Delhi", "Likes chess", "Has a dog", "Lives in Mumbai"]),
        (day(-10), True, []),
    ],
)
def test_the_view_as_of_a_moment_shows_what_was_held_true_then(
    moment: datetime, include_superseded: bool, expected: list[str]
) -> None:
    shown = view(MOVED, as_of=moment, include_superseded=include_superseded)
    assert texts(shown.facts) == expected


def test_every_item_of_the_view_says_where_it_comes_from() -> None:
    reading = Reading(
        edges=[edge("Likes chess")],
        memories=[memory("Likes chess")],
        nodes=[ZepNode(uuid=GRAPH, name="Bruno", episode_uuids=(GRAPH,))],
    )
    shown = view(reading)
    assert len(shown.facts[0].source) == 2
    assert shown.facts[0].last_confirmed_at == day(-8)
    assert [(item.kind, len(item.source)) for item in shown.entities] == [("entity", 1)]


def test_the_view_takes_two_round_trips_and_remembers_the_pairs_it_saw() -> None:
    ledger = FakeLedger()
    view(MOVED, ledger=ledger, user_id="ada", session_id="sess789")
    assert ledger.round_trips == ["look ada sess789", "settle"]
    assert [link.mem0_id for link in ledger.links] == ["id of Lives in Delhi", "id of Likes chess"]


def test_a_person_of_whom_nothing_is_known_costs_one_round_trip() -> None:
    ledger = FakeLedger(Looked(None, [], None))
    shown = view(ledger=ledger)
    assert shown == View((), (), (), (), None, None)
    assert len(ledger.round_trips) == 1


def test_pending_is_shown_newest_first_and_not_before_it_was_said() -> None:
    ledger = FakeLedger(
        Looked(GRAPH, [said("older", minutes_ago=9), said("newer", minutes_ago=1)], None)
    )
    assert texts(view(ledger=ledger).pending) == ["newer", "older"]
    assert texts(view(ledger=ledger, as_of=NOW - timedelta(minutes=5)).pending) == ["older"]


def test_what_is_degraded_is_named_in_one_order() -> None:
    assert view(Reading(degraded={"zep", "mem0"})).degraded == ("mem0", "zep")


def test_paging_goes_on_where_the_cursor_says_and_keeps_the_size() -> None:
    reader = FakeReader(Reading(memories=[memory("A")], more_memories=True))
    service = MemoryService(FakeLedger(), reader, lambda: NOW)
    first = asyncio.run(service.view(ME, ViewQuery(limit=7)))
    assert first.next_cursor is not None
    asyncio.run(service.view(ME, ViewQuery(limit=50, cursor=first.next_cursor)))
    assert [(wanted.place.page, wanted.place.size) for wanted in reader.wanted] == [(1, 7), (2, 7)]


def test_a_cursor_of_somebody_else_is_refused_before_anything_is_asked() -> None:
    reader = FakeReader(Reading(memories=[memory("A")], more_memories=True))
    ledger = FakeLedger()
    mine = asyncio.run(MemoryService(FakeLedger(), reader).view(ME, ViewQuery())).next_cursor
    you = Principal(AccountId(uuid4()), ME.login_id)
    for principal, cursor in ((you, mine), (ME, "nonsense")):
        with pytest.raises(InvalidInput) as refused:
            asyncio.run(MemoryService(ledger, reader).view(principal, ViewQuery(cursor=cursor)))
        assert refused.value.code == "invalid_cursor"
    assert ledger.round_trips == []


def test_no_context_is_given_unless_a_session_is_named() -> None:
    last = LastMessage(TurnId(uuid4()), "Where do I live?")
    shown = view(MOVED, ledger=FakeLedger(Looked(GRAPH, [], last)))
    assert shown.context is None


def test_the_context_is_what_the_last_message_of_the_session_is_answered_from() -> None:
    question = said("Where do I live, do you think", minutes_ago=1)
    ledger = FakeLedger(
        Looked(
            GRAPH,
            [said("I live in Pune now", minutes_ago=5), question],
            LastMessage(question.turn_id, question.message),
        )
    )
    reading = Reading(edges=MOVED.edges, context=[fact_draft(edge("Lives in Mumbai", start=-2))])
    reader = FakeReader(reading)
    service = MemoryService(ledger, reader, lambda: NOW)
    shown = asyncio.run(service.view(ME, ViewQuery(session_id="sess789")))
    assert shown.context is not None
    assert shown.context.index("I live in Pune now") < shown.context.index("Lives in Mumbai")
    assert "do you think" not in shown.context
    assert "chess" not in shown.context
    assert '"said_at":"2026-11-12T12:00:00Z"' in shown.context
    assert reader.wanted[0].message == question.message


def test_in_a_session_without_a_message_the_context_is_what_holds_today() -> None:
    ledger = FakeLedger(Looked(GRAPH, [said("I live in Pune now")], None))
    shown = view(MOVED, ledger=ledger, session_id="quiet", as_of=day(-5), include_superseded=True)
    assert shown.context is not None
    for text in ("Lives in Mumbai", "Likes chess", "Has a dog", "I live in Pune now"):
        assert text in shown.context
    assert "Delhi" not in shown.context


def test_the_context_comes_with_the_first_page_alone() -> None:
    reader = FakeReader(Reading(memories=[memory("A")], more_memories=True))
    last = LastMessage(TurnId(uuid4()), "Where do I live?")
    service = MemoryService(FakeLedger(Looked(GRAPH, [], last)), reader, lambda: NOW)
    query = ViewQuery(session_id="sess789")
    first = asyncio.run(service.view(ME, query))
    second = asyncio.run(
        service.view(ME, ViewQuery(session_id="sess789", cursor=first.next_cursor))
    )
    assert first.context is not None
    assert second.context is None
    assert [wanted.message for wanted in reader.wanted] == ["Where do I live?", None]


def test_a_session_of_which_nothing_is_known_has_an_empty_context() -> None:
    assert view(session_id="quiet").context == ""


def test_search_gives_memories_best_first_with_scores_and_sources() -> None:
    ledger = FakeLedger(pairs=frozenset({linked("id of Lives in Delhi")}))
    found = Found([memory("Lives in Delhi", score=0.9), memory("Likes chess", score=0.2)])
    result = search("Where do I live?", found, ledger=ledger)
    assert [(item.text, item.score, item.store) for item in result.items] == [
        ("Lives in Delhi", 0.9, "both"),
        ("Likes chess", 0.2, "mem0"),
    ]
    assert all(item.source for item in result.items)
    assert ledger.round_trips == ["look None None", "trace"]


def test_search_puts_a_pending_statement_about_the_same_before_what_mem0_knows() -> None:
    pending = [said("I live in Mumbai now"), said("My cat is ill"), said("Where do I live?")]
    ledger = FakeLedger(Looked(GRAPH, pending, None))
    found = Found([memory("Lives in Delhi", score=0.9)])
    result = search("Where do I live?", found, ledger=ledger)
    assert texts(result.items) == ["I live in Mumbai now", "Lives in Delhi", "My cat is ill"]
    assert texts(search("Where do I live?", found, ledger=ledger, limit=1).items) == [
        "I live in Mumbai now"
    ]


def test_search_without_mem0_offers_what_is_pending_and_says_so() -> None:
    ledger = FakeLedger(Looked(GRAPH, [said("I live in Mumbai now")], None))
    result = search("Where do I live?", Found(degraded={"mem0"}), ledger=ledger)
    assert texts(result.items) == ["I live in Mumbai now"]
    assert result.degraded == ("mem0",)
    assert ledger.round_trips == ["look None None"]


def test_memories_in_the_same_words_are_found_once() -> None:
    twice = [
        Mem0Memory(id=Mem0Id("1"), text="Likes tea", score=0.5),
        Mem0Memory(id=Mem0Id("2"), text="likes tea.", score=0.7),
    ]
    ledger = FakeLedger(pairs=frozenset({linked("2")}))
    [item] = search("tea", Found(twice), ledger=ledger).items
    assert (item.id, item.store, item.score) == ("mem_1", "both", 0.7)


def test_a_search_of_zep_has_what_no_longer_holds_marked_and_last() -> None:
    found = Found(edges=[*MOVED.edges[1:2], *MOVED.edges[:1]])
    ledger = FakeLedger(elsewhere=frozenset({MOVED.edges[0].uuid}))
    result = search("Where do I live?", found, ledger=ledger, scope="zep")
    assert [(item.text, item.store, item.valid_to) for item in result.items] == [
        ("Lives in Mumbai", "both", None),
        ("Lives in Delhi", "zep", day(-2)),
    ]
    assert all(item.kind == "fact" and item.source for item in result.items)
    assert ledger.round_trips == ["look None None", "trace"]


def test_a_hybrid_search_has_each_statement_once_with_the_sources_of_both_stores() -> None:
    found = Found(
        [memory("Likes chess"), memory("Is fond of tea"), memory("lives in mumbai.")],
        [*MOVED.edges, edge("Drinks tea")],
    )
    ledger = FakeLedger(pairs=frozenset({linked("id of Is fond of tea", found.edges[3])}))
    result = search("Where do I live?", found, ledger=ledger, scope="hybrid")
    assert [(item.text, item.store, len(item.source)) for item in result.items] == [
        ("lives in mumbai.", "both", 2),
        ("Likes chess", "both", 2),
        ("Is fond of tea", "both", 2),
        ("Lives in Delhi", "zep", 1),
    ]
    assert result.items[0].valid_from == day(-2)
    assert result.items[0].id == "mem_id of lives in mumbai."


def test_a_memory_ends_with_its_linked_fact_and_stands_behind_what_holds() -> None:
    home = memory("Delhi is home", score=0.9)
    mumbai, delhi, _ = MOVED.edges
    ledger = FakeLedger(pairs=frozenset({linked(home.id, delhi)}))
    found = Found([home, memory("Has a dog")], [delhi, mumbai])
    result = search("Where do I live?", found, ledger=ledger, scope="hybrid")
    assert [(item.text, item.store, item.valid_to) for item in result.items] == [
        ("Lives in Mumbai", "zep", None),
        ("Has a dog", "mem0", None),
        ("Delhi is home", "both", day(-2)),
    ]
    assert len(result.items[-1].source) == 2


@pytest.mark.parametrize(
    ("query", "first"),
    [
        ("Where do I live?", "Lives in Mumbai"),
        ("Where did I live before Mumbai?", "Lives in Delhi"),
        ("Where did I live before?", "Lives in Delhi"),
        ("Where did I live on 15 November 2026?", "Lives in Delhi"),
    ],
)
@pytest.mark.parametrize("scope", ["zep", "hybrid"])
def test_a_search_puts_what_was_true_at_the_time_first(
    query: str, first: str, scope: Scope
) -> None:
    memories = [memory("Lives in Delhi"), memory("Has a dog")]
    found = Found(memories if scope == "hybrid" else [], MOVED.edges)
    assert search(query, found, scope=scope).items[0].text == first


def test_without_dates_mem0_alone_answers_a_question_about_a_time_as_any_other() -> None:
    found = Found([memory("Likes chess"), memory("Used to live in Delhi")])
    assert texts(search("Where did I live before?", found).items) == [
        "Likes chess",
        "Used to live in Delhi",
    ]


def test_a_hybrid_search_places_what_was_just_said_as_any_search_does() -> None:
    ledger = FakeLedger(Looked(GRAPH, [said("I live in Pune now")], None))
    found = Found([memory("Lives in Delhi"), memory("Has a dog")], MOVED.edges)
    result = search("Where do I live?", found, ledger=ledger, scope="hybrid")
    assert texts(result.items)[:2] == ["I live in Pune now", "Lives in Mumbai"]
    nothing = Found(degraded={"zep", "mem0"})
    result = search("Where do I live?", nothing, ledger=ledger, scope="hybrid")
    assert texts(result.items) == ["I live in Pune now"]
    assert result.degraded == ("mem0", "zep")


@pytest.mark.parametrize(
    ("scope", "asks"), [("mem0", ("mem0",)), ("zep", ("zep",)), ("hybrid", ("zep", "mem0"))]
)
def test_a_search_asks_the_shared_budget_only_for_the_stores_it_asks(
    scope: Scope, asks: tuple[str, ...]
) -> None:
    ledger = FakeLedger()
    search("Where do I live?", Found([], []), ledger=ledger, scope=scope)

    assert ledger.asks == asks
