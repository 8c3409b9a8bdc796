"""The shapes that pass through one turn of chat."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal
from uuid import UUID

from chat_api.course import AgentName
from tandem.db.sources import parse_resolved
from tandem.ids import TurnId
from tandem.recall.items import Draft, RecalledItem, ResolvedSource, resolve
from tandem.recall.routing import Route


@dataclass(frozen=True, slots=True)
class Message:
    """What a person asks for: a message, in a session of theirs or a new one."""

    text: str
    session_id: str | None
    user_id: str | None
    idempotency_key: str | None


@dataclass(frozen=True, slots=True)
class Prompt:
    """What the model is given.

    Attributes:
        agent: who answers.
        earlier: the session's last messages, oldest first.
        context: the evidence block, or nothing.
        person, session: UUIDs that keep Agno's runs of different people apart.
    """

    agent: AgentName
    message: str
    earlier: Sequence[tuple[Literal["user", "assistant"], str]]
    context: str
    person: str
    session: str


@dataclass(frozen=True, slots=True)
class ModelReply:
    """A complete reply, fit to be sent. `usage` counts tokens and calls of the model."""

    text: str
    usage: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Answer:
    """One answered turn."""

    turn_id: TurnId
    session_id: str
    reply: str
    route: str
    recalled: Sequence[RecalledItem]
    usage: Mapping[str, int]
    degraded: Sequence[str]


def stored_facts(
    route: Route,
    usage: Mapping[str, int],
    degraded: Sequence[str],
    drafts: Sequence[Draft],
    *,
    replacement: str | None = None,
) -> dict[str, Any]:
    """What is stored beside a reply, so that a repeated request gets the same answer.

    Args:
        replacement: of a correction that the reply proposes; see `tandem.db.proposals`.
    """
    proposed = {"replacement": replacement} if replacement is not None else {}
    return proposed | {
        "route": route,
        "usage": dict(usage),
        "degraded": list(degraded),
        "recalled": [
            {
                "item": draft.item.model_dump(mode="json"),
                "provider_ids": draft.provider_ids,
                "turn_ids": [str(turn_id) for turn_id in draft.turn_ids],
            }
            for draft in drafts
        ],
    }


def answer_of(
    turn_id: TurnId,
    session_id: str,
    reply: str,
    facts: Mapping[str, Any],
    sources: Sequence[ResolvedSource] | None = None,
) -> Answer:
    """The answer to a turn, from what is stored with it.

    Args:
        sources: where the items come from; those stored with the reply when left out.
    """
    found = list(parse_resolved(facts.get("sources", [])) if sources is None else sources)
    drafts = [_draft(stored) for stored in facts.get("recalled", [])]
    return Answer(
        turn_id=turn_id,
        session_id=session_id,
        reply=reply,
        route=facts.get("route", "converse"),
        recalled=[resolve(draft, found) for draft in drafts],
        usage=facts.get("usage", {}),
        degraded=facts.get("degraded", []),
    )


def _draft(stored: Mapping[str, Any]) -> Draft:
    return Draft(
        item=RecalledItem.model_validate(stored["item"]),
        provider_ids=tuple(stored["provider_ids"]),
        turn_ids=tuple(TurnId(UUID(turn_id)) for turn_id in stored["turn_ids"]),
    )
