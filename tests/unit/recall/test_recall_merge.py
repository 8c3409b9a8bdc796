from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid5

from hypothesis import given
from hypothesis import strategies as st

from tandem.clients.models import Mem0Memory, ZepEdge
from tandem.ids import Mem0Id, ZepUuid
from tandem.recall.items import Draft
from tandem.recall.merge import Link, Pair, links, merge
from tandem.recall.normalise import normalise, statement_hash
from tandem.recall.stores import fact_draft, memory_draft

NAMES = UUID("6a4f3f2e-0000-4000-8000-000000000000")
NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


def day(number: int) -> datetime:
    return NOON + timedelta(days=number)


def fact(
    text: str,
    name: str,
    *,
    start: int | None = 0,
    end: int | None = None,
    known: int | None = None,
) -> Draft:
    return fact_draft(
        ZepEdge(
            uuid=ZepUuid(uuid5(NAMES, name)),
            fact=text,
            valid_at=None if start is None else day(start),
            invalid_at=None if end is None else day(end),
            expired_at=None if known is None else day(known),
            episode_uuids=(ZepUuid(uuid5(NAMES, f"episode of {name}")),),
        )
    )


def memory(text: str, name: str, *, said: int | None = 0, score: float | None = None) -> Draft:
    return memory_draft(
        Mem0Memory(
            id=Mem0Id(name),
            text=text,
            created_at=None if said is None else day(said),
            score=score,
        )
    )


def told(drafts: list[Draft]) -> list[tuple[str, str]]:
    return [(draft.item.id, draft.item.store) for draft in drafts]


def test_a_memory_and_a_fact_in_the_same_words_become_one_item_with_both_sources() -> None:
    [merged] = merge([fact("Lives in Delhi", "f", start=-3)], [memory("lives in delhi.", "m")])
    assert merged.item.id == "mem_m"
    assert merged.item.store == "both"
    assert merged.item.text == "lives in delhi."
    assert (merged.item.valid_from, merged.item.valid_to) == (day(-3), None)
    assert merged.provider_ids == ("m", str(uuid5(NAMES, "episode of f")))


def test_memories_come_first_and_both_keep_their_order() -> None:
    merged = merge(
        [fact("C", "c"), fact("A", "a"), fact("D", "d")], [memory("B", "b"), memory("A", "a")]
    )
    assert [draft.item.text for draft in merged] == ["B", "A", "C", "D"]


def test_two_memories_in_the_same_words_are_one_item_last_said_at_the_later_time() -> None:
    [merged] = merge([], [memory("A", "1", said=1, score=0.2), memory("a", "2", said=3, score=0.9)])
    assert merged.item.id == "mem_1"
    assert merged.item.last_confirmed_at == day(3)
    assert merged.item.score == 0.9
    assert merged.provider_ids == ("1", "2")


def test_of_the_same_fact_twice_the_one_that_holds_speaks_whatever_the_order() -> None:
    then, now = fact("Lives in Delhi", "then", start=-9, end=-5), fact("Lives in Delhi", "now")
    for facts in ([then, now], [now, then]):
        [merged] = merge(facts, [])
        assert merged.item.id == now.item.id
        assert merged.item.valid_to is None
        assert set(merged.provider_ids) == {*then.provider_ids, *now.provider_ids}


def test_of_the_same_fact_ended_twice_the_newest_speaks() -> None:
    first = fact("Lives in Delhi", "first", start=-9, end=-7)
    second = fact("Lives in Delhi", "second", start=-5, end=-2)
    [merged] = merge([second, first], [])
    assert merged.item.id == second.item.id


def test_a_memory_of_a_superseded_fact_is_superseded_too() -> None:
    moved_away = fact("Lives in Delhi", "delhi", start=-9, end=-2, known=-2)
    [merged] = merge([moved_away], [memory("Lives in Delhi", "m", said=-9)])
    assert merged.item.valid_to == day(-2)


def test_a_memory_is_superseded_by_a_change_that_happened_before_it_but_was_told_after_it() -> None:
    # Said yesterday: "I live in Delhi". Said today: "I moved to Mumbai last month".
    moved_away = fact("Lives in Delhi", "delhi", start=-1, end=-30, known=0)
    [merged] = merge([moved_away], [memory("Lives in Delhi", "m", said=-1)])
    assert merged.item.valid_to == day(-30)


def test_a_memory_said_again_after_the_fact_ended_holds_from_then_on() -> None:
    moved_away = fact("Lives in Delhi", "delhi", start=-9, end=-5, known=-4)
    [merged] = merge([moved_away], [memory("Lives in Delhi", "m", said=-1)])
    assert (merged.item.valid_from, merged.item.valid_to) == (day(-1), None)
    assert merged.superseded_at is None
    assert merged.item.store == "both"


def test_a_memory_of_unknown_time_can_not_outlive_its_fact() -> None:
    moved_away = fact("Lives in Delhi", "delhi", end=-5)
    [merged] = merge([moved_away], [memory("Lives in Delhi", "m", said=None)])
    assert merged.item.valid_to == day(-5)
    assert merged.item.last_confirmed_at is None


def test_a_fact_retired_without_a_date_has_ended_when_that_became_known() -> None:
    [merged] = merge([fact("Lives in Delhi", "delhi", known=-1)], [])
    assert merged.item.valid_to == day(-1)


def test_as_of_a_day_the_fact_that_held_then_speaks() -> None:
    facts = [
        fact("Lives in Delhi", "then", start=-9, end=-5, known=-5),
        fact("Lives in Delhi", "now", start=-2),
    ]
    again = [memory("Lives in Delhi", "m", said=-2)]
    [merged] = merge(facts, again, as_of=day(-7))
    assert (merged.item.valid_from, merged.item.valid_to) == (day(-9), day(-5))
    [merged] = merge(facts, again, as_of=day(-1))
    assert (merged.item.valid_from, merged.item.valid_to) == (day(-2), None)


def test_as_of_a_day_what_was_said_later_does_not_count_yet() -> None:
    facts = [fact("Lives in Delhi", "then", start=-9, end=-5, known=-5)]
    [merged] = merge(facts, [memory("Lives in Delhi", "m", said=-2)], as_of=day(-3))
    assert (merged.item.valid_from, merged.item.valid_to) == (day(-9), day(-5))


def test_statements_without_text_are_left_out() -> None:
    assert merge([fact(" \x00", "f")], [memory("...", "m")]) == []


def test_a_link_names_the_memory_the_fact_that_speaks_and_what_they_say() -> None:
    facts = [fact("Lives in Delhi", "then", end=-5), fact("lives in Delhi.", "now")]
    memories = [memory("Lives in Delhi", "1"), memory("LIVES IN DELHI", "2"), memory("Else", "3")]
    now = ZepUuid(uuid5(NAMES, "now"))
    said = statement_hash("Lives in Delhi")
    assert links(facts, memories) == [Link(Mem0Id("1"), now, said), Link(Mem0Id("2"), now, said)]


def pair(memory_name: str, fact_name: str) -> Pair:
    return Pair(Mem0Id(memory_name), ZepUuid(uuid5(NAMES, fact_name)))


def test_what_is_linked_says_the_same_whatever_its_words() -> None:
    facts = [fact("Likes chess", "f"), fact("Resides in Delhi", "g", start=-9, end=-2, known=-2)]
    memories = [memory("Lives in Delhi", "m", said=-9), memory("Is a resident of Delhi", "n")]
    merged = merge(facts, memories, pairs=[pair("m", "g"), pair("n", "g")])
    assert told(merged) == [("mem_m", "both"), (facts[0].item.id, "zep")]
    assert merged[0].item.valid_to is None  # the second of the memories was said after the end
    assert set(merged[0].provider_ids) == {"m", "n", str(uuid5(NAMES, "episode of g"))}


def test_links_of_what_is_not_at_hand_change_nothing() -> None:
    facts, memories = [fact("A", "a")], [memory("B", "b")]
    strangers = [pair("b", "elsewhere"), pair("elsewhere", "a")]
    assert merge(facts, memories, pairs=strangers) == merge(facts, memories)


STATEMENTS = st.sampled_from(["Likes tea", "likes tea.", "Likes coffee", "LIKES COFFEE!", "Runs"])
FACTS = st.lists(
    st.builds(
        fact,
        STATEMENTS,
        st.uuids().map(str),
        start=st.integers(-9, 0) | st.none(),
        end=st.integers(-9, 9) | st.none(),
        known=st.integers(-9, 0) | st.none(),
    ),
    max_size=8,
)
MEMORIES = st.lists(
    st.builds(memory, STATEMENTS, st.uuids().map(str), said=st.integers(-9, 0) | st.none()),
    max_size=8,
)


@given(FACTS, MEMORIES)
def test_each_statement_is_there_exactly_once_and_no_source_is_lost(
    facts: list[Draft], memories: list[Draft]
) -> None:
    merged = merge(facts, memories)
    said = [normalise(draft.item.text) for draft in merged]
    assert sorted(said) == sorted({normalise(d.item.text) for d in [*facts, *memories]})
    sources = [name for draft in merged for name in draft.provider_ids]
    assert sorted(sources) == sorted({n for d in [*facts, *memories] for n in d.provider_ids})


@given(FACTS, MEMORIES)
def test_a_statement_with_a_fact_that_holds_is_never_superseded(
    facts: list[Draft], memories: list[Draft]
) -> None:
    holding = {normalise(fact.item.text) for fact in facts if fact.item.valid_to is None}
    for draft in merge(facts, memories):
        if normalise(draft.item.text) in holding:
            assert draft.item.valid_to is None


@given(FACTS, MEMORIES)
def test_links_are_the_pairs_that_are_shown_as_one(
    facts: list[Draft], memories: list[Draft]
) -> None:
    both = {
        d.item.id.removeprefix("mem_") for d in merge(facts, memories) if d.item.store == "both"
    }
    found = links(facts, memories)
    assert both <= {link.mem0_id for link in found}
    assert len({link.mem0_id for link in found}) == len(found) <= len(memories)


def test_delhi_then_mumbai_then_delhi_again_shows_delhi_as_current_and_mumbai_as_past() -> None:
    facts = [
        fact("Lives in Delhi", "d1", start=-30, end=-20, known=-20),
        fact("Lives in Mumbai", "m1", start=-20, end=-1, known=-1),
        fact("Lives in Delhi", "d2", start=-1),
    ]
    memories = [memory("Lives in Mumbai", "m", said=-20), memory("Lives in Delhi", "d", said=-30)]
    mumbai, delhi = merge(facts, memories)
    assert told([mumbai, delhi]) == [("mem_m", "both"), ("mem_d", "both")]
    assert mumbai.item.valid_to == day(-1)
    assert (delhi.item.valid_from, delhi.item.valid_to) == (day(-1), None)


@given(FACTS, MEMORIES, st.data())
def test_links_join_statements_and_lose_no_source(
    facts: list[Draft], memories: list[Draft], data: st.DataObject
) -> None:
    possible = [
        Pair(Mem0Id(one.item.id[4:]), ZepUuid(UUID(other.item.id[5:])))
        for one in memories
        for other in facts
    ]
    pairs = data.draw(st.lists(st.sampled_from(possible), max_size=5)) if possible else []
    merged = merge(facts, memories, pairs=pairs)
    names = [name for draft in merged for name in draft.provider_ids]
    everything = {name for draft in [*facts, *memories] for name in draft.provider_ids}
    assert sorted(names) == sorted(everything)
    for one, other in pairs:
        [home] = [draft for draft in merged if one in draft.provider_ids]
        fact_of = next(draft for draft in facts if draft.item.id == f"fact_{other}")
        assert set(fact_of.provider_ids) <= set(home.provider_ids)
