"""What a person's memories and facts rest on, and when each was last said."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from tandem.db.connection import Database
from tandem.ids import AccountId, Mem0Id, TurnId, ZepUuid

MAX_IDS = 20_000
"""How many ids one statement is asked about: it stays far below its time limit."""

# Turns of deleted sessions count: what was said was said. Each turn's time comes once.
_GATHER = """
with resting as (
    select s.provider_id, s.turn_id
      from sources s
     where s.account_id = :account_id and s.role = 'user'
       and s.provider_id = any(cast(:provider_ids as text[]))
), said as (
    select t.id, t.said_at
      from turns t
     where t.account_id = :account_id
       and (t.id = any(cast(:turn_ids as uuid[])) or t.id in (select turn_id from resting))
)
select (select coalesce(json_agg(json_build_array(r.provider_id, r.turn_id)), '[]'::json)
          from resting r) as resting,
       (select coalesce(json_agg(json_build_array(s.id, s.said_at)), '[]'::json)
          from said s) as said
"""

_STANDING = """
select (select coalesce(json_agg(json_build_array(l.mem0_id, l.edge_uuid,
                   encode(l.statement_hash, 'hex'), encode(l.fact_hash, 'hex'))
                   order by l.mem0_id, l.edge_uuid), '[]'::json)
          from links l where l.account_id = :account_id) as links,
       (select coalesce(json_agg(json_build_array(encode(t.statement_hash, 'hex'), t.turn_ids,
                   t.spared) order by t.forgotten_at, t.id), '[]'::json)
          from tombstones t where t.account_id = :account_id) as tombstones,
       (select coalesce(json_agg(distinct d.turn_id), '[]'::json)
          from deliveries d
         where d.account_id = :account_id and d.role = 'user'
           and d.state in ('owed', 'sent')) as on_their_way
"""


@dataclass(frozen=True, slots=True)
class Evidence:
    """Which turns items rest on.

    Attributes:
        turns: by Mem0's id of a memory, or Zep's of an episode, the turns that it rests on.
        said_at: when each of these turns, and of those asked about, was said (aware UTC).
    """

    turns: Mapping[str, Sequence[TurnId]] = field(default_factory=dict)
    said_at: Mapping[TurnId, datetime] = field(default_factory=dict)


class KnownLink(NamedTuple):
    """A memory and a fact that say the same. `fact_hash` equals `statement_hash`, the memory's,
    unless they say it in other words."""

    mem0_id: Mem0Id
    edge_uuid: ZepUuid
    statement_hash: bytes
    fact_hash: bytes


class Forgotten(NamedTuple):
    """What was to be forgotten: a keyed hash of the statement, the turns that said it, and the
    items that rested on them too and stay."""

    statement_hash: bytes
    turn_ids: frozenset[TurnId]
    spared: frozenset[str]


@dataclass(frozen=True, slots=True)
class Standing:
    """What the database knows about a person's memory beside hidden memories and decisions.

    Attributes:
        on_their_way: turns whose words a store has yet to take in.
    """

    links: Sequence[KnownLink] = ()
    forgotten: Sequence[Forgotten] = ()
    on_their_way: frozenset[TurnId] = frozenset()


class EvidenceLedger:
    """Reads what a run of consolidation needs to know. Every method raises `Unavailable` when the
    database is away."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def gather(
        self,
        account_id: AccountId,
        provider_ids: Collection[str],
        turn_ids: Collection[TurnId] = (),
    ) -> Evidence:
        """When the words were said that these items rest on. One round trip for 20,000 ids.

        Args:
            provider_ids: Mem0's ids of memories and Zep's of episodes.
            turn_ids: that a store itself names, through metadata that we sent along.
        """
        items, named = sorted(set(provider_ids)), sorted(set(turn_ids))
        turns: dict[str, list[TurnId]] = {}
        said_at: dict[TurnId, datetime] = {}
        for start in range(0, max(len(items), len(named), 1), MAX_IDS):
            row = await self._database.row(
                _GATHER,
                repeatable=True,
                account_id=account_id,
                provider_ids=items[start : start + MAX_IDS],
                turn_ids=[str(turn) for turn in named[start : start + MAX_IDS]],
            )
            for provider_id, turn in row["resting"]:
                turns.setdefault(provider_id, []).append(TurnId(UUID(turn)))
            said_at.update(
                (TurnId(UUID(turn)), datetime.fromisoformat(at)) for turn, at in row["said"]
            )
        return Evidence(turns, said_at)

    async def standing(self, account_id: AccountId) -> Standing:
        """A person's links, what they want forgotten, and what is on its way. One round trip."""
        row = await self._database.row(_STANDING, repeatable=True, account_id=account_id)
        return Standing(
            links=[_link(*link) for link in row["links"]],
            forgotten=[
                Forgotten(bytes.fromhex(digest), _turns(turns), frozenset(spared))
                for digest, turns, spared in row["tombstones"]
            ],
            on_their_way=_turns(row["on_their_way"]),
        )


def _link(mem0_id: str, edge_uuid: str, statement_hash: str, fact_hash: str | None) -> KnownLink:
    return KnownLink(
        Mem0Id(mem0_id),
        ZepUuid(UUID(edge_uuid)),
        bytes.fromhex(statement_hash),
        bytes.fromhex(fact_hash or statement_hash),
    )


def _turns(names: Sequence[str]) -> frozenset[TurnId]:
    return frozenset(TurnId(UUID(name)) for name in names)
