"""What a change of memory is, before, while and after it is carried out. No text anywhere."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal, NewType
from uuid import UUID

from tandem.ids import Mem0Id, TurnId, ZepUuid

RunId = NewType("RunId", UUID)
ChangeId = NewType("ChangeId", UUID)

RunKind = Literal["consolidate", "undo", "correct", "forget", "settle"]
StartedBy = Literal["request", "schedule", "chat"]
RunState = Literal["running", "done", "failed", "undone"]
Phase = Literal["reading", "judging", "applying", "over"]

Relation = Literal["same", "update", "contradiction", "distinct"]
DecidedBy = Literal["rule", "judge", "person"]

ChangeKind = Literal[
    "hide",
    "show",
    "add",
    "rewrite",
    "delete_memory",
    "end_fact",
    "restore_fact",
    "delete_fact",
    "delete_episode",
    "delete_node",
    "clear_summary",
    "link",
    "unlink",
]
"""What is done to the stores. `hide` and `show` are Mem0's expiration date; `add` copies a fact
into Mem0; `rewrite` gives a memory another text; `end_fact` says that a fact no longer holds and
`restore_fact` takes that back; `delete_node` removes an entity (`details["node_uuid"]`) that no
fact is about any more, and `clear_summary` what Zep has written about one that stays; `link` and
`unlink` are ours alone."""

Reason = Literal[
    "equal",
    "same",
    "update",
    "lacking",
    "said_again",
    "resolved",
    "corrected",
    "forgotten",
    "undo",
]
ChangeState = Literal["planned", "sent", "confirmed", "skipped", "refused"]

UNDOABLE: Final[frozenset[RunKind]] = frozenset({"consolidate", "settle"})


@dataclass(frozen=True, slots=True)
class Change:
    """One change of one thing in one store.

    Attributes:
        seq: its place in its run, from 1.
        kept_id: the recalled item that stays, where one stays (`mem_…` or `fact_…`); of a `link`
            the memory.
        text_hash: `statement_hash` of the statement as it was read; what reads otherwise by the
            time of the change is left alone. Of `add` and `link` it is the fact's.
        turn_ids: sources that what stays takes over.
        details: evidence and what to put back, as JSON. From whoever plans: `said_at` (of what is
            changed), `kept_said_at`, `kept_hash` (`statement_hash` in hex of the item that stays,
            so that an undo can tell which pair the person has decided), `decided_by`,
            `invalid_at`. From the path itself: `before` (`run_id` and `expiration_date`, or
            `invalid_at`, as they were) and `why` it was skipped or refused. Of an undo: `undoes`
            (the change) and `decisions`.
    """

    id: ChangeId
    seq: int
    kind: ChangeKind
    reason: Reason
    mem0_id: Mem0Id | None = None
    edge_uuid: ZepUuid | None = None
    episode_uuid: ZepUuid | None = None
    kept_id: str | None = None
    text_hash: bytes | None = None
    turn_ids: tuple[TurnId, ...] = ()
    details: Mapping[str, Any] = field(default_factory=dict)
    state: ChangeState = "planned"
