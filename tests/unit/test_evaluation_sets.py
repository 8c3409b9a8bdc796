import json
import re
import tomllib
from collections import Counter
from datetime import datetime
from itertools import chain, combinations
from pathlib import Path
from typing import Any

import pytest

from evaluation import unrelated
from tandem.recall.normalise import normalise

SETS = Path(unrelated.__file__).parent / "sets"
LABELS = {"same", "update", "contradiction", "distinct"}
TINY = frozenset(
    re.findall(
        r"\S+",
        """a an the i me my user user's their they is was are in of on at to by for from and with
        under that this who which when where""",
    )
)


def read(name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (SETS / name).read_text().splitlines()]


PAIRS = read("pairs.jsonl")
PLANTED = read("planted.jsonl")
EQUALS = read("equals.jsonl")


def words(text: str) -> frozenset[str]:
    return frozenset(re.findall(r"\w+(?:'\w+)?", text.casefold())) - TINY


def moment(said_at: str) -> datetime:
    found = datetime.fromisoformat(said_at)
    assert found.tzinfo is not None
    return found


def check_side(side: dict[str, Any]) -> None:
    assert side.keys() == {"text", "said_at"}
    assert side["text"].strip() == side["text"] != ""
    if side["said_at"] is not None:
        assert moment(side["said_at"]).year in range(2021, 2026)


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: pair["id"])
def test_a_pair_has_two_statements_a_label_a_reason_and_tags(pair: dict[str, Any]) -> None:
    more = {"newer"} if pair["label"] == "update" else set()
    more |= {"expected_without_time"} & pair.keys()
    assert pair.keys() == {"id", "label", "a", "b", "reason", "tags"} | more
    assert pair["label"] in LABELS
    check_side(pair["a"])
    check_side(pair["b"])
    assert len(pair["reason"].split()) >= 4
    assert pair["reason"].endswith(".")
    assert pair["tags"]
    assert all(re.fullmatch(r"[a-z]+(-[a-z]+)*", tag) for tag in pair["tags"])


def test_each_label_has_as_many_pairs_as_promised() -> None:
    counts = Counter(pair["label"] for pair in PAIRS)

    assert counts["same"] >= 100
    assert counts["update"] >= 80
    assert counts["contradiction"] >= 60
    assert counts["distinct"] >= 60


def test_no_pair_can_be_decided_by_normalising() -> None:
    for pair in chain(PAIRS, PLANTED):
        assert normalise(pair["a"]["text"]) != normalise(pair["b"]["text"]), pair["id"]


@pytest.mark.parametrize("row", EQUALS, ids=lambda row: row["id"])
def test_what_is_said_to_be_equal_after_normalising_is(row: dict[str, Any]) -> None:
    assert row.keys() == {"id", "a", "b", "equal", "reason"}
    assert (normalise(row["a"]) == normalise(row["b"])) is row["equal"]


def test_ids_are_unique_over_all_sets_of_pairs() -> None:
    ids = [row["id"] for row in chain(PAIRS, PLANTED, EQUALS)]

    assert len(set(ids)) == len(ids)


def test_no_pair_of_statements_is_there_twice() -> None:
    seen = Counter(
        frozenset(normalise(pair[side]["text"]) for side in "ab") for pair in chain(PAIRS, PLANTED)
    )

    assert [pair for pair, times in seen.items() if times > 1] == []


def test_the_newer_side_of_an_update_is_the_one_said_later() -> None:
    updates = [pair for pair in PAIRS if pair["label"] == "update"]
    for pair in updates:
        times = {side: pair[side]["said_at"] for side in "ab"}
        if None in times.values():
            assert pair["newer"] is None, pair["id"]
            assert pair["expected_without_time"] == "undecided", pair["id"]
        else:
            assert "expected_without_time" not in pair
            assert pair["newer"] == max("ab", key=lambda side: moment(times[side])), pair["id"]
    newer = Counter(pair["newer"] for pair in updates)
    assert min(newer["a"], newer["b"]) >= 20
    assert newer[None] >= 8


def test_what_misleads_is_spread_over_the_labels() -> None:
    """No label can be told by a number, a negation, a name or a missing time alone."""
    for tag in ("number", "negation", "name"):
        having = Counter(pair["label"] for pair in PAIRS if tag in "".join(pair["tags"]))
        assert min(having[label] for label in LABELS) >= 3, (tag, having)
    timeless = Counter(
        pair["label"] for pair in PAIRS if None in (pair["a"]["said_at"], pair["b"]["said_at"])
    )
    assert set(timeless) == LABELS


def test_likeness_of_words_misleads_in_both_directions() -> None:
    """Among the least alike third are pairs that say the same, among the most alike few do."""

    def likeness(pair: dict[str, Any]) -> float:
        a, b = words(pair["a"]["text"]), words(pair["b"]["text"])
        return len(a & b) / len(a | b)

    ranked = sorted(PAIRS, key=likeness)
    third = len(ranked) // 3
    least = Counter(pair["label"] for pair in ranked[:third])
    most = Counter(pair["label"] for pair in ranked[-third:])
    assert least["same"] >= 25
    assert most["same"] <= third // 3
    assert most["distinct"] >= 15


def test_planted_duplicates_are_a_hundred_pairs_of_their_own() -> None:
    assert len(PLANTED) == 100
    for pair in PLANTED:
        assert pair.keys() == {"id", "a", "b", "tags"}
        check_side(pair["a"])
        check_side(pair["b"])
        assert moment(pair["a"]["said_at"])
        assert moment(pair["b"]["said_at"])
    texts = [normalise(pair[side]["text"]) for pair in chain(PAIRS, PLANTED) for side in "ab"]
    twice = {text for text, times in Counter(texts).items() if times > 1}
    assert not twice & {normalise(pair[side]["text"]) for pair in PLANTED for side in "ab"}


def test_unrelated_memories_are_the_same_each_time() -> None:
    made = unrelated.memories(2_000, seed=4)

    assert made == unrelated.memories(2_000, seed=4)
    assert made == unrelated.memories(5_000, seed=4)[:2_000]
    assert {memory.text for memory in made} != {
        memory.text for memory in unrelated.memories(2_000, seed=5)
    }


@pytest.mark.parametrize("seed", [4, 20_260])
def test_unrelated_memories_differ_pairwise_on_both_sides(seed: int) -> None:
    said = [words(memory.text) for memory in unrelated.memories(2_000, seed=seed)]

    close = [
        (sorted(one), sorted(other))
        for one, other in combinations(said, 2)
        if not one - other or not other - one or len(one ^ other) < 4
    ]
    assert close == []


def test_unrelated_memories_don_t_speak_of_what_is_planted() -> None:
    planted = [words(pair[side]["text"]) for pair in PLANTED for side in "ab"]
    for memory in unrelated.memories(5_000, seed=4):
        said = words(memory.text)
        assert all(len(said & other) <= 2 for other in planted), memory.text


def test_more_memories_than_the_lists_yield_are_refused() -> None:
    with pytest.raises(ValueError, match="can be made"):
        unrelated.memories(1_000_000, seed=4)


def test_unrelated_memories_have_times_spread_over_years() -> None:
    years = Counter(moment(memory.said_at).year for memory in unrelated.memories(2_000, seed=4))

    assert len(years) == 4
    assert min(years.values()) >= 300


def test_lists_of_words_have_no_entry_twice() -> None:
    for name, entries in unrelated._lists().items():
        assert len(entries) >= unrelated.PRIME, name
        assert len({entry.casefold() for entry in entries}) == len(entries), name


def test_the_sets_hold_no_address_number_or_key_of_a_real_person() -> None:
    for path in SETS.iterdir():
        text = path.read_text()
        assert re.findall(r"[\w.]+@(?!example\.(?:org|com))[\w.]+", text) == [], path.name
        assert re.findall(r"https?://|www\.", text) == [], path.name
        digits = re.sub(r"\d{4}-\d\d-\d\d(T[\d:]+Z)?", "", text)
        assert re.findall(r"\d(?:[ -]?\d){7,}", digits) == [], path.name


CONVERSATIONS = {
    path.stem: tomllib.loads(path.read_text()) for path in sorted(SETS.glob("conversation_*.toml"))
}
KINDS = {"current": 8, "past": 4, "range": 2, "never": 3, "negated": 3, "other": 3}
each_conversation = pytest.mark.parametrize(
    "talk", CONVERSATIONS.values(), ids=CONVERSATIONS.keys()
)


def messages(talk: dict[str, Any]) -> dict[str, str]:
    return {
        message["id"]: message["text"]
        for session in talk["session"]
        for message in session["messages"]
    }


def test_there_are_two_conversations_and_sixty_questions() -> None:
    assert len(CONVERSATIONS) == 2
    assert sum(len(talk["question"]) for talk in CONVERSATIONS.values()) == 60


@each_conversation
def test_a_conversation_has_a_hundred_messages_in_sessions_that_follow_each_other(
    talk: dict[str, Any],
) -> None:
    said = [message for session in talk["session"] for message in session["messages"]]
    starts = [session["started_at"] for session in talk["session"]]

    assert len(said) == len({message["id"] for message in said}) == 100
    assert len({message["text"] for message in said}) == 100
    assert all(message["text"].strip() == message["text"] != "" for message in said)
    assert len({session["id"] for session in talk["session"]}) == len(starts) >= 4
    assert starts == sorted(starts)
    assert all(start.utcoffset() is not None for start in starts)


@each_conversation
def test_each_message_is_evidence_junk_or_neutral(talk: dict[str, Any]) -> None:
    evidence = {name for entry in talk["store"] for name in entry["evidence"]}
    wholly_junk = {row["message"] for row in talk["junk"] if "must_not_say" not in row}
    partly_junk = {row["message"] for row in talk["junk"] if "must_not_say" in row}
    neutral = set(talk["neutral"])

    assert evidence | wholly_junk | partly_junk | neutral == messages(talk).keys()
    assert not evidence & wholly_junk
    assert not neutral & (evidence | wholly_junk | partly_junk)
    assert all(row["why"] for row in talk["junk"])
    assert len(wholly_junk) >= 15
    assert len({row["message"] for row in talk["junk"]}) == len(talk["junk"])


@each_conversation
def test_what_ought_to_be_stored_points_to_messages_in_order(talk: dict[str, Any]) -> None:
    order = list(messages(talk))
    entries = {entry["id"]: entry for entry in talk["store"]}

    assert len(entries) == len(talk["store"]) >= 40
    for entry in talk["store"]:
        places = [order.index(name) for name in entry["evidence"]]
        assert places == sorted(set(places)), entry["id"]
        assert places, entry["id"]
        assert all(word == word.casefold() for word in entry["words"])
        if "replaced_by" in entry:
            newer = entries[entry["replaced_by"]]
            assert order.index(newer["evidence"][-1]) > places[-1], entry["id"]
    assert sum(len(entry["evidence"]) > 1 for entry in talk["store"]) >= 4
    assert sum("about" in entry for entry in talk["store"]) >= 10


@each_conversation
def test_traps_and_conflicts_are_about_statements_to_be_stored(talk: dict[str, Any]) -> None:
    entries = {entry["id"]: entry for entry in talk["store"]}

    assert len(talk["trap"]) >= 8
    for trap in talk["trap"]:
        assert trap["why"].endswith((".", '"'))
        chain = [trap["older"]]
        while "replaced_by" in entries[chain[-1]]:
            chain.append(entries[chain[-1]]["replaced_by"])
            assert len(chain) <= len(entries)
        assert trap["newer"] in chain[1:], trap
    assert talk["conflict"]
    for conflict in talk["conflict"]:
        assert len(conflict["statements"]) == 2
        assert all("replaced_by" not in entries[name] for name in conflict["statements"])


@each_conversation
def test_answers_rest_on_messages_said_before_the_question(talk: dict[str, Any]) -> None:
    order = list(messages(talk))

    assert len(talk["question"]) == 30
    assert len({question["id"] for question in talk["question"]}) == 30
    kinds = Counter(question["kind"] for question in talk["question"])
    assert kinds.keys() == KINDS.keys()
    assert all(kinds[kind] >= least for kind, least in KINDS.items())
    stored = {name for entry in talk["store"] for name in entry["evidence"]}
    for question in talk["question"]:
        last = order.index(question["after"])
        pointed = [*question["evidence"], *question.get("superseded", [])]
        assert all(order.index(name) <= last for name in pointed), question["id"]
        assert set(pointed) <= stored, question["id"]
        assert not set(question["evidence"]) & set(question.get("superseded", []))
        unknown = question["kind"] == "never"
        assert (question["evidence"] == []) is (question["expect"] == []) is unknown
        assert ("from" in question) is ("until" in question) is (question["kind"] == "range")


@each_conversation
def test_a_question_of_old_and_new_prefers_the_newer(talk: dict[str, Any]) -> None:
    order = list(messages(talk))
    for question in talk["question"]:
        for older in question.get("superseded", []):
            newest = max(order.index(name) for name in question["evidence"])
            assert order.index(older) < newest, question["id"]


@each_conversation
def test_the_words_expected_of_an_answer_stand_in_its_evidence_or_what_is_to_be_stored(
    talk: dict[str, Any],
) -> None:
    text = messages(talk)
    for question in talk["question"]:
        if question["kind"] in {"never", "negated"}:
            continue
        sources = set(question["evidence"])
        told = [text[name] for name in question["evidence"]]
        told += [e["says"] for e in talk["store"] if sources & set(e["evidence"])]
        for group in question["expect"]:
            assert any(word.casefold() in " ".join(told).casefold() for word in group), question


def test_wordings_are_five_facts_in_three_wordings_for_any_value() -> None:
    facts = tomllib.loads((SETS / "wordings.toml").read_text())["fact"]

    assert len({fact["id"] for fact in facts}) == len(facts) == 5
    for fact in facts:
        assert len(set(fact["values"])) == len(fact["values"]) >= 5
        assert len({normalise(wording) for wording in fact["wordings"]}) == 3
        assert all(wording.count("{value}") == 1 for wording in fact["wordings"])
