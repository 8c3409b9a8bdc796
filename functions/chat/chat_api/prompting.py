"""What the model is given in a turn, and what of that is told to the client."""

from collections.abc import Sequence
from datetime import datetime
from typing import Literal

from chat_api.course import AgentName
from chat_api.turn import Prompt
from tandem.db.turns import Turn
from tandem.recall.context import SHARES, context_items
from tandem.recall.evidence import conflict_line, note_line
from tandem.recall.gather import Gathered
from tandem.recall.items import Draft
from tandem.recall.normalise import normalise
from tandem.recall.rank import states_nothing
from tandem.recall.routing import Route
from tandem.recall.source_sentences import evidence_with_sources
from tandem.recall.stores import pending_item


def offered_drafts(
    route: Route, turn: Turn, message: str, gathered: Gathered, *, now: datetime
) -> list[Draft]:
    """What the model is given, best first: what the stores know and what is still pending."""
    pending = pending_drafts(turn)
    drafts = {draft.item.id: draft for draft in [*gathered.drafts, *pending]}
    chosen = context_items(
        [draft.item for draft in gathered.drafts],
        [draft.item for draft in pending],
        route=route,
        query=message,
        now=now,
    )
    return [drafts[item.id] for item in chosen]


def pending_drafts(turn: Turn) -> list[Draft]:
    """What the person stated lately and the stores have not ingested."""
    return [
        Draft(pending_item(p.turn_id, p.message_id, p.session_id, p.message, p.said_at))
        for p in turn.pending
        if not states_nothing(p.message)
    ]


def evidence_for(
    route: Route,
    turn: Turn,
    offered: Sequence[Draft],
    disputed: Sequence[Draft],
    notes: Sequence[str],
) -> str:
    """The evidence block: notes of ours, the two sides of a conflict, and what is remembered."""
    more = [note_line(note) for note in notes]
    if disputed:
        first, second = disputed
        more.append(conflict_line(first.item, second.item))
    return evidence_with_sources(offered, turn.said, tokens=SHARES[route].tokens, more=more)


def make_prompt(
    agent: AgentName, turn: Turn, message: str, evidence: str, *, person: str, now: datetime
) -> Prompt:
    """All that the model is given."""
    time = f"The time is {now:%Y-%m-%dT%H:%MZ}."
    return Prompt(
        agent=agent,
        message=message,
        earlier=_earlier(turn.recent),
        context=f"{evidence}\n{time}".lstrip(),
        person=person,
        session=str(turn.session_row),
    )


def each_once(drafts: Sequence[Draft]) -> list[Draft]:
    """Drafts in their order, without what a tool found again."""
    once: dict[tuple[str, bool], Draft] = {}
    for draft in drafts:
        said = normalise(draft.item.text) if draft.item.store != "pending" else draft.item.id
        once.setdefault((said, draft.item.valid_to is None), draft)
    return list(once.values())


def _earlier(
    recent: Sequence[tuple[str, str | None]],
) -> list[tuple[Literal["user", "assistant"], str]]:
    earlier: list[tuple[Literal["user", "assistant"], str]] = []
    for message, reply in recent:
        earlier.append(("user", message))
        if reply is not None:
            earlier.append(("assistant", reply))
    return earlier
