"""What the ledger adds to a look at somebody's memory: who they are to Zep, what they said that no
store has ingested, where items come from, and which memory says the same as which fact."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple
from uuid import UUID

from tandem.db.caller import admit, as_caller, identity
from tandem.db.connection import Database, Row
from tandem.db.hidden_listed import HIDDEN, parse_hidden
from tandem.db.pending import PENDING, Pending, parse_pending
from tandem.db.sessions import session_not_found
from tandem.db.sources import RESOLVED, parameters_of, parse_resolved
from tandem.ids import AccountId, Mem0Id, TurnId, ZepUuid
from tandem.principal import Principal
from tandem.recall.items import Draft, ResolvedSource
from tandem.recall.merge import Link, Pair, edge_uuid_of, mem0_id_of
from tandem.recall.normalise import statement_hash

_LOOK = (
    as_caller("""
, session as (
    select s.id
      from sessions s
      join caller c on c.account_id = s.account_id and c.allowed
     where s.session_id = :session_id and s.deleted_at is null
), last as (
    select t.id, t.message
      from turns t
      join session on session.id = t.session_row
     where t.message is not null
     order by t.seq desc
     limit 1
), """)
    + PENDING
    + ", "
    + HIDDEN
    + """
select standing.live, standing.allowed, caller.zep_graph_uuid, session.id as session_row,
       last.id as last_turn, last.message as last_message, pending.rows as pending,
       hidden_listed.ids as hidden
  from standing
  left join caller on true
  left join session on true
  left join last on true
 cross join pending
 cross join hidden_listed
"""
)

_KNOWN_CALLER = "with caller as (select cast(:account_id as uuid) as account_id), "

# Most pages find their links as they are and write nothing. Rows are written in one order, so that
# two of these statements never wait for each other in a ring.
_SETTLE = (
    _KNOWN_CALLER
    + RESOLVED
    + """
, seen as (
    select distinct on (l.mem0_id, l.edge_uuid) c.account_id, l.mem0_id, l.edge_uuid,
           l.statement_hash
      from caller c
     cross join unnest(cast(:mem0_ids as text[]), cast(:edge_uuids as uuid[]),
                       cast(:hashes as bytea[])) l (mem0_id, edge_uuid, statement_hash)
     order by l.mem0_id, l.edge_uuid
), kept as (
    insert into links as k (account_id, mem0_id, edge_uuid, statement_hash)
    select seen.account_id, seen.mem0_id, seen.edge_uuid, seen.statement_hash
      from seen
     where not exists (select from links l
                        where (l.account_id, l.mem0_id, l.edge_uuid, l.statement_hash)
                            = (seen.account_id, seen.mem0_id, seen.edge_uuid, seen.statement_hash))
     order by seen.mem0_id, seen.edge_uuid
    on conflict (account_id, mem0_id, edge_uuid)
    do update set statement_hash = excluded.statement_hash
 returning k.mem0_id
)
select resolved_sources.rows as sources, (select count(*) from kept) as written
  from resolved_sources
"""
)

_TRACE = (
    _KNOWN_CALLER
    + RESOLVED
    + """
, pairs as (
    select distinct l.mem0_id, l.edge_uuid
      from caller c
     cross join unnest(cast(:mem0_ids as text[]), cast(:hashes as bytea[])) m (mem0_id, hash)
      join links l on l.account_id = c.account_id and l.mem0_id = m.mem0_id
                  and l.statement_hash = m.hash
), elsewhere as (
    select distinct l.edge_uuid
      from caller c
     cross join unnest(cast(:edge_uuids as uuid[]), cast(:fact_hashes as bytea[]))
                f (edge_uuid, hash)
      join links l on l.account_id = c.account_id and l.edge_uuid = f.edge_uuid
                  and l.statement_hash = f.hash
     where l.mem0_id <> all(cast(:mem0_ids as text[]))
       and not exists (select from hidden_memories h
                        where (h.account_id, h.mem0_id) = (l.account_id, l.mem0_id))
)
select resolved_sources.rows as sources,
       (select coalesce(jsonb_agg(jsonb_build_array(mem0_id, edge_uuid)), '[]'::jsonb)
          from pairs) as pairs,
       (select coalesce(jsonb_agg(edge_uuid), '[]'::jsonb) from elsewhere) as elsewhere
  from resolved_sources
"""
)


class LastMessage(NamedTuple):
    """What was said last in a session, as far as the ledger still has its text."""

    turn_id: TurnId
    text: str


@dataclass(frozen=True, slots=True)
class Looked:
    """What the first statement finds.

    Attributes:
        zep_graph_uuid: None before the person's first contact with Zep.
        pending: oldest first.
        last_message: of the session that was asked about, if there was one.
        hidden: memories that Mem0 may list and that aren't to be seen.
    """

    zep_graph_uuid: ZepUuid | None
    pending: Sequence[Pending]
    last_message: LastMessage | None
    hidden: frozenset[Mem0Id] = frozenset()


class Traced(NamedTuple):
    """Where found items come from, and which of them are linked.

    Attributes:
        pairs: links of the memories that were found, whose facts may have been found or not.
        elsewhere: facts that were found and are linked to memories that were not.
    """

    sources: Sequence[ResolvedSource] = ()
    pairs: frozenset[Pair] = frozenset()
    elsewhere: frozenset[ZepUuid] = frozenset()


class MemoryLedger:
    """The ledger's part in the memory view and in search. Every method is one round trip and
    raises `Unavailable` when the database is away."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def look(
        self, principal: Principal, *, user_id: str | None = None, session_id: str | None = None
    ) -> Looked:
        """Whom this is about, and what they said lately.

        Args:
            user_id: the label that the request names, if any.
            session_id: the session whose last message is wanted, if any.

        Raises:
            Unauthenticated: the login has ended.
            Forbidden: `forbidden_user`.
            NotFound: `session_not_found`.
        """
        row = await self._database.row(
            _LOOK,
            repeatable=True,
            **identity(principal, user_id),
            session_id=session_id,
            pending_except=None,
        )
        admit(row)
        if session_id is not None and row["session_row"] is None:
            raise session_not_found()
        return Looked(
            zep_graph_uuid=row["zep_graph_uuid"],
            pending=parse_pending(row["pending"]),
            last_message=_last_message(row),
            hidden=parse_hidden(row["hidden"]),
        )

    async def settle(
        self, account_id: AccountId, drafts: Iterable[Draft], links: Sequence[Link]
    ) -> list[ResolvedSource]:
        """Where these items come from; what is linked is remembered on the way.

        A link that is there already stays as it is, with the time at which it was made; only its
        hash follows a changed text.
        """
        row = await self._database.row(
            _SETTLE,
            repeatable=True,
            account_id=account_id,
            mem0_ids=[link.mem0_id for link in links],
            edge_uuids=[str(link.edge_uuid) for link in links],
            hashes=[link.statement_hash for link in links],
            **parameters_of(drafts),
        )
        return parse_resolved(row["sources"])

    async def trace(
        self, account_id: AccountId, *, facts: Sequence[Draft], memories: Sequence[Draft]
    ) -> Traced:
        """Where these facts and memories come from, and what they are linked to as they read.

        A link counts as long as the memory, or the fact when the memory isn't at hand, has the
        words for which it was made.
        """
        row = await self._database.row(
            _TRACE,
            repeatable=True,
            account_id=account_id,
            mem0_ids=[mem0_id_of(memory) for memory in memories],
            hashes=[statement_hash(memory.item.text) for memory in memories],
            edge_uuids=[str(edge_uuid_of(fact)) for fact in facts],
            fact_hashes=[statement_hash(fact.item.text) for fact in facts],
            **parameters_of([*memories, *facts]),
        )
        return Traced(
            parse_resolved(row["sources"]),
            frozenset(Pair(Mem0Id(one), ZepUuid(UUID(other))) for one, other in row["pairs"]),
            frozenset(ZepUuid(UUID(name)) for name in row["elsewhere"]),
        )


def _last_message(row: Row) -> LastMessage | None:
    if row["last_turn"] is None:
        return None
    return LastMessage(TurnId(row["last_turn"]), row["last_message"])
