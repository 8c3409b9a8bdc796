"""What waits for a person's word: a change of memory that was proposed, a conflict.

Read with the statement that opens a turn and written with the one that commits it, so that neither
costs a round trip and a turn that fails has proposed and asked nothing. Ids alone; the words of a
correction stand with the turn's answer, in the ledger, and go when that goes.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from tandem.ids import TurnId

ProposalKind = Literal["forget", "correct"]
Decision = Literal["confirmed", "declined"]

# CTEs to be put behind `caller` and `turn`, the turn as it stands after its opening (`own`: it is
# this request's to answer). Only the message right before can have proposed or asked: a yes that
# comes later may mean something else.
AWAITING = """
before as (
    select b.id, b.answer, b.said_at
      from turn
     cross join lateral (select t.id, t.answer, t.said_at
                           from turns t
                          where turn.own and t.session_row = turn.session_row
                            and t.seq < turn.seq and t.kind = 'turn'
                          order by t.seq desc limit 1) b
), awaiting as (
    select (select jsonb_build_object('turn_id', p.turn_id, 'kind', p.kind,
                       'item_ids', to_jsonb(p.item_ids), 'said_at', b.said_at,
                       'replacement', b.answer ->> 'replacement')
              from before b join proposals p on p.turn_id = b.id
             where p.state = 'open') as proposal,
           (select jsonb_build_object('id', c.id, 'left_id', c.left_id, 'right_id', c.right_id)
              from before b join caller k on true
              join conflicts c on c.account_id = k.account_id and c.asked_turn = b.id
             where c.state = 'open'
             order by c.found_at, c.id limit 1) as asked,
           (select jsonb_build_object('id', c.id, 'left_id', c.left_id, 'right_id', c.right_id)
              from caller k join conflicts c on c.account_id = k.account_id
             where k.allowed and c.state = 'open' and c.asked_turn is null
             order by c.found_at, c.id limit 1) as conflict
)
"""

# CTEs to be put behind `done`, the turn that is being committed.
SETTLED = """
proposed as (
    insert into proposals (turn_id, account_id, session_row, kind, item_ids)
    select d.id, d.account_id, d.session_row, cast(:proposal_kind as text),
           cast(:proposal_items as text[])
      from done d
     where cast(:proposal_kind as text) is not null
    on conflict (turn_id) do nothing
 returning turn_id
), decided as (
    update proposals p set state = cast(:decision as text), decided_turn = d.id
      from done d
     where p.turn_id = cast(:decided_proposal as uuid) and p.account_id = d.account_id
       and p.state = 'open'
 returning p.turn_id
), asked as (
    update conflicts c set asked_turn = d.id
      from done d
     where c.id = cast(:asked_conflict as uuid) and c.account_id = d.account_id
       and c.state = 'open' and c.asked_turn is null
 returning c.id
)
"""


@dataclass(frozen=True, slots=True)
class OpenProposal:
    """A change that the message before this one proposed.

    Attributes:
        turn_id: the turn that proposed it, because the person had asked for it.
        said_at: when they asked for it (aware).
        replacement: of a correction, the statement that is to stand instead.
    """

    turn_id: TurnId
    said_at: datetime
    kind: ProposalKind
    item_ids: Sequence[str]
    replacement: str | None


@dataclass(frozen=True, slots=True)
class OpenConflict:
    """Two statements (`mem_…`, `fact_…`) of which the person has to say which holds."""

    id: UUID
    left_id: str
    right_id: str


@dataclass(frozen=True, slots=True)
class Awaiting:
    """What waits for the person's word as a turn opens.

    Attributes:
        proposal: made by the message before this one in the same session.
        asked: the conflict that the reply before this one asked about.
        conflict: the oldest one that nobody has asked about yet.
    """

    proposal: OpenProposal | None = None
    asked: OpenConflict | None = None
    conflict: OpenConflict | None = None


@dataclass(frozen=True, slots=True)
class Effects:
    """What a reply proposes, decides or asks, to be stored with it.

    Attributes:
        kind, item_ids: of a proposal that this reply makes.
        decided: the turn whose proposal this message has decided.
        asked: the conflict that the reply asks about.
    """

    kind: ProposalKind | None = None
    item_ids: Sequence[str] = ()
    decided: TurnId | None = None
    decision: Decision | None = None
    asked: UUID | None = None


def parameters_of_effects(effects: Effects) -> dict[str, Any]:
    """The parameters of `SETTLED`."""
    return {
        "proposal_kind": effects.kind,
        "proposal_items": list(effects.item_ids),
        "decided_proposal": effects.decided,
        "decision": effects.decision,
        "asked_conflict": effects.asked,
    }


def parse_awaiting(row: Mapping[str, Any]) -> Awaiting:
    """`awaiting` as typed rows. A correction whose words are gone by now waits no more."""
    return Awaiting(
        proposal=_proposal(row["proposal"]),
        asked=_conflict(row["asked"]),
        conflict=_conflict(row["conflict"]),
    )


def _proposal(row: Mapping[str, Any] | None) -> OpenProposal | None:
    if row is None or (row["kind"] == "correct" and not row["replacement"]):
        return None
    return OpenProposal(
        turn_id=TurnId(UUID(row["turn_id"])),
        said_at=datetime.fromisoformat(row["said_at"]),
        kind=row["kind"],
        item_ids=tuple(row["item_ids"]),
        replacement=row["replacement"],
    )


def _conflict(row: Mapping[str, Any] | None) -> OpenConflict | None:
    if row is None:
        return None
    return OpenConflict(UUID(row["id"]), row["left_id"], row["right_id"])
