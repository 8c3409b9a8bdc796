"""Two conversations: what is found of what was said, and what must not be stored."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from evaluation import sets
from evaluation.report import Line, Share
from evaluation.sets import Conversation, Question
from evaluation.world import Someone, World
from local.person import until

NAMES: Final = ("ify", "esteban")
_TOPS: Final = {5: 0.75, 10: 0.8}
"""How many are looked at, and how often what answers must be among them: a little below what was
measured, so that a search that got worse is noticed."""
_ABOVE: Final = 0.9
_PAST: Final = frozenset({"past", "range"})
"""Kinds of questions whose answer no longer holds. It's Zep that keeps the past, and its twin makes
facts of few sentences, so what a run has hidden is found by these only where it did."""
_PRESENT: Final = frozenset({"current", "negated", "other"})
"""Kinds to which something that holds is the answer; `never` has none."""


@dataclass(frozen=True)
class Found:
    """Where a search put what answers a question, and what must stand below it; from 1."""

    question: Question
    evidence_at: int | None
    superseded_at: int | None

    @property
    def is_above(self) -> bool:
        """What answers stands above what it has replaced, if that was found at all."""
        below = self.superseded_at
        return self.evidence_at is not None and (below is None or self.evidence_at < below)


def found(world: World, *, by_labels: bool) -> list[Line]:
    """How well search finds what was said, when each statement was given as a sentence.

    Args:
        by_labels: the judge knows what took another's place; else the twin's rules say it.
    """
    conversations = [sets.conversation(name) for name in NAMES]
    known = [relation for one in conversations for relation in one.relations]
    world.judge("labels" if by_labels else "rules", known)
    world.meanings(_matters(known) if by_labels else [])
    results = [one for conversation in conversations for one in _asked(world, conversation)]
    present = [one for one in results if one.question.kind in _PRESENT]
    past = [one for one in results if one.question.kind in _PAST]
    lines: list[Line] = []
    for top, bar in _TOPS.items():
        lines.append(Share(f"recall@{top} of what holds", _within(present, top), len(present), bar))
        lines.append(Share(f"recall@{top} of the past", _within(past, top), len(past)))
    rivals = [one for one in present if one.question.superseded and one.evidence_at]
    above = sum(one.is_above for one in rivals)
    needed = _ABOVE if by_labels else None
    return [*lines, Share("current above superseded", above, len(rivals), needed)]


def _within(results: Sequence[Found], top: int) -> int:
    return sum(one.evidence_at is not None and one.evidence_at <= top for one in results)


def stored(world: World) -> list[Line]:
    """What is made of the conversations as they were spoken, junk among it."""
    junk = bad = 0
    for name in NAMES:
        conversation = sets.conversation(name)
        [someone] = world.people(1)
        turns = {
            said.id: _say(world, someone, f"{said.session}", said.text)
            for said in conversation.messages
        }
        _until_learned(world, someone)
        texts = _texts_by_turn(world, someone)
        junk += len(conversation.junk)
        for message, never in conversation.junk.items():
            made = texts.get(turns[message], [])
            bad += any(not never or any(words in text for words in never) for text in made)
    return [Share("junk stored", bad, junk, 0.05, "most")]


# ------------------------------------------------------------------ what is asked


def _matters(relations: Sequence[tuple[str, str, str]]) -> list[set[str]]:
    """The statements that have to do with each other, each in one group."""
    groups: list[set[str]] = []
    for left, right, _ in relations:
        joined = {left, right}.union(*(group for group in groups if {left, right} & group))
        groups = [group for group in groups if not group & joined] + [joined]
    return groups


def _asked(world: World, conversation: Conversation) -> list[Found]:
    """Each statement is given when it is first said and again when it is repeated; each question
    is asked after its message, once everything until then has been learned and tidied."""
    [someone] = world.people(1)
    says: dict[str, list[str]] = {}
    for text, evidence in conversation.stored:
        for message in evidence:
            says.setdefault(message, []).append(text)
    asked: dict[str, list[Question]] = {}
    for question in conversation.questions:
        asked.setdefault(question.after, []).append(question)
    rests_on: dict[str, str] = {}
    results = []
    for said in conversation.messages:
        for text in says.get(said.id, ()):
            body = {
                "statement": text,
                "session_id": said.session,
                "said_at": said.at.isoformat(),
            }
            made = world.call(someone, "POST", "/api/memory", body)
            rests_on[made["source"][0]["turn_id"]] = said.id
        if said.id in asked:
            _until_learned(world, someone)
            world.consolidate(someone)
            results += [_search(world, someone, one, rests_on) for one in asked[said.id]]
    return results


def _search(
    world: World, someone: Someone, question: Question, rests_on: Mapping[str, str]
) -> Found:
    body = {"query": question.ask, "scope": "hybrid", "limit": max(_TOPS)}
    items = world.call(someone, "POST", "/api/memory/search", body)["items"]
    evidence = [_messages(item, rests_on) for item in items]
    hit = next((at for at, m in enumerate(evidence, 1) if m & question.evidence), None)
    below = next(
        (at for at, m in enumerate(evidence, 1) if m and m <= question.superseded),
        None,
    )
    return Found(question, hit, below)


def _messages(item: Mapping[str, Any], rests_on: Mapping[str, str]) -> set[str]:
    turns = (source["turn_id"] for source in item["source"])
    return {rests_on[turn] for turn in turns if turn in rests_on}


# ------------------------------------------------------------------ what is stored


def _say(world: World, someone: Someone, session: str, text: str) -> str:
    body = {"session_id": session, "message": text}
    return str(world.call(someone, "POST", "/api/chat", body)["turn_id"])


def _until_learned(world: World, someone: Someone) -> None:
    sql = (
        "select count(*) from deliveries where account_id = :account and state in ('owed', 'sent')"
    )
    until(
        lambda: world.rows(sql, account=someone.account_id) == [[0]],
        "everything said has been learned",
        within_seconds=180,
    )


def _texts_by_turn(world: World, someone: Someone) -> dict[str, list[str]]:
    """What both stores hold, in small letters, by the turn that it rests on."""
    view: dict[str, list[str]] = {}
    cursor = ""
    while True:
        path = f"/api/memory?limit=100&include_superseded=true{cursor}"
        page = world.call(someone, "GET", path)
        for item in page["facts"]:
            for source in item["source"]:
                view.setdefault(source["turn_id"], []).append(_plain(item["text"]))
        if page["next_cursor"] is None:
            return view
        cursor = f"&cursor={page['next_cursor']}"


def _plain(text: str) -> str:
    return " ".join(text.casefold().split())
