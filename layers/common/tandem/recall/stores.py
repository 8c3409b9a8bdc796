"""What the stores answer, as drafts of recalled items.

All text from a store is hostile: it was written by a person, or by a model that read one. It is
made one line, stripped of what can hide or reorder text, and cut to a length, here and once.
"""

import re
from datetime import datetime
from typing import Final
from uuid import UUID

from tandem.clients.models import Mem0Memory, ZepEdge, ZepNode
from tandem.ids import MessageId, TurnId
from tandem.recall.items import Draft, RecalledItem, Source
from tandem.recall.validity import marked_end

MAX_STATEMENT: Final = 1_000
"""Characters of a fact or memory that are kept. Zep's own facts have at most 250."""
MAX_ENTITY: Final = 2_000
"""Characters of an entity's name and summary together."""
MAX_PENDING: Final = 4_000
"""Characters of a pending statement: a whole message."""
_MAX_ID: Final = 128
_MAX_SOURCES: Final = 20

# Controls (the C0 and C1 sets), the marks that reorder or hide text, and lone surrogates. Joiners
# stay: several scripts and emoji need them.
_UNWANTED: Final = re.compile(
    "[\\x00-\\x08\\x0e-\\x1b\\x7f-\\x84\\x86-\\x9f\\u200b\\u200e\\u200f\\u202a-\\u202e"
    "\\u2060-\\u2069\\ufeff\\ufff9-\\ufffb\\ud800-\\udfff\\U000e0000-\\U000e007f]"
)


def clean(text: str, limit: int) -> str:
    """`text` as one line of at most `limit` characters; what was cut off is marked by `…`."""
    line = " ".join(_UNWANTED.sub("", text).split())
    return line if len(line) <= limit else line[: limit - 1].rstrip() + "…"


def fact_draft(edge: ZepEdge) -> Draft:
    """A fact of Zep's graph.

    It ends with `invalid_at`. An edge that only has `expired_at` was retired without a date: it
    stopped being true at some unknown time before, so the day on which that became known is the
    latest end it can have, and is taken. Nothing is said here of when the person said it: Zep's
    `created_at` is when Zep heard of it, and evidence time comes from the ledger.
    """
    return Draft(
        item=RecalledItem(
            id=f"fact_{edge.uuid}",
            store="zep",
            kind="fact",
            text=clean(edge.fact, MAX_STATEMENT),
            valid_from=edge.valid_at,
            valid_to=edge.invalid_at or edge.expired_at,
            score=edge.score,
        ),
        provider_ids=tuple(str(uuid) for uuid in edge.episode_uuids[:_MAX_SOURCES]),
        superseded_at=edge.expired_at,
        marked_end=marked_end(edge),
    )


def memory_draft(memory: Mem0Memory) -> Draft:
    """A memory of Mem0's.

    `created_at` stands in for the time at which it was said, until the ledger has told: we send
    the evidence time along and Mem0 keeps it there, but others may have written to it too.
    """
    mem0_id = clean(memory.id, _MAX_ID)
    return Draft(
        item=RecalledItem(
            id=f"mem_{mem0_id}",
            store="mem0",
            kind="memory",
            text=clean(memory.text, MAX_STATEMENT),
            last_confirmed_at=memory.created_at,
            score=memory.score,
        ),
        provider_ids=(mem0_id,),
        turn_ids=_turns_in(memory),
    )


def entity_item(node: ZepNode) -> RecalledItem:
    """A node of Zep's graph: its name and, if Zep has written one, its summary."""
    name, summary = clean(node.name, MAX_STATEMENT), clean(node.summary, MAX_ENTITY)
    text = f"{name}: {summary}" if summary else name
    return RecalledItem(
        id=f"entity_{node.uuid}",
        store="zep",
        kind="entity",
        text=clean(text, MAX_ENTITY),
        score=node.score,
    )


def entity_draft(node: ZepNode) -> Draft:
    """The same with the episodes that it rests on."""
    return Draft(
        item=entity_item(node),
        provider_ids=tuple(str(uuid) for uuid in node.episode_uuids[:_MAX_SOURCES]),
    )


def pending_item(
    turn_id: TurnId, message_id: MessageId, session_id: str, message: str, said_at: datetime
) -> RecalledItem:
    """What the person said and the stores have not ingested yet, in the person's own words."""
    return RecalledItem(
        id=f"said_{turn_id}",
        store="pending",
        kind="memory",
        text=clean(message, MAX_PENDING),
        last_confirmed_at=said_at,
        source=(Source(session_id=session_id, message_id=message_id, turn_id=turn_id),),
    )


def _turns_in(memory: Mem0Memory) -> tuple[TurnId, ...]:
    named = memory.metadata.get("turn_id")
    try:
        return (TurnId(UUID(named)),) if isinstance(named, str) else ()
    except ValueError:
        return ()
