"""What the ledger adds to a look at somebody's memory: who they are to Zep, what they said that no
store has ingested, where items come from, and which memory says the same as which fact."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple
from uuid import UUID

from tandem.clients.budget import Tallies
from tandem.db.caller import admit, as_caller, identity
from tandem.db.connection import Database, Row
from tandem.db.hidden_listed import HIDDEN, parse_hidden
from tandem.db.pending import PENDING, Pending, parse_pending
from tandem.db.rate_budgets import Rates, parse_rates, rates_after, telling
from tandem.db.said_lately import SAID_LATELY, SAID_LIMIT, parse_said_lately
from tandem.db.sessions import session_not_found
from tandem.db.sources import RESOLVED, parameters_of, parse_resolved
from tandem.errors import Provider
from tandem.ids import AccountId, Mem0Id, TurnId, ZepUuid
from tandem.principal import Principal
from tandem.recall.items import Draft, ResolvedSource
from tandem.recall.merge import Link, Pair, edge_uuid_of, mem0_id_of
from tandem.recall.normalise import statement_hash
from tandem.recall.source_sentences import Utterance

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
    + ", "
    + SAID_LATELY
    + ", "
    + rates_after("exists (select from caller where caller.allowed)")
    + """
select standing.live, standing.allowed, caller.zep_graph_uuid, session.id as session_row,
       last.id as last_turn, last.message as last_message, pending.rows as pending,
       hidden_listed.ids as hidden, said_lately.rows as said_lately, rates.rows as rates
  from standing
  left join caller on true
  left join session on true
  left join last on true
 cross join pending
 cross join hidden_listed
 cross join said_lately
 cross join rates
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
    do update set statement_hash = excluded.statement_hash, fact_hash = null
 returning k.mem0_id
), known as (
    select l.mem0_id, l.edge_uuid, l.statement_hash, l.fact_hash
      from caller c
      join links l on l.account_id = c.account_id
     where l.mem0_id = any(cast(:shown_memories as text[]))
    union
    select l.mem0_id, l.edge_uuid, l.statement_hash, l.fact_hash
      from caller c
      join links l on l.account_id = c.account_id
     where l.edge_uuid = any(cast(:shown_facts as uuid[]))
       and not exists (select from hidden_memories h
                        where (h.account_id, h.mem0_id) = (l.account_id, l.mem0_id))
), open_conflicts as (
    select o.id, o.left_id, o.right_id
      from caller c
      join conflicts o on o.account_id = c.account_id and o.state = 'open'
     where exists (select from unnest(cast(:item_ids as text[]), cast(:item_hashes as bytea[]))
                               i (id, hash)
                    where (i.id, i.hash) in ((o.left_id, o.left_hash), (o.right_id, o.right_hash)))
)
select resolved_sources.rows as sources, (select count(*) from kept) as written,
       (select coalesce(jsonb_agg(jsonb_build_object('mem0_id', mem0_id, 'edge_uuid', edge_uuid,
                   'statement_hash', encode(statement_hash, 'hex'),
                   'fact_hash', encode(fact_hash, 'hex'))), '[]'::jsonb)
          from known) as links,
       (select coalesce(jsonb_agg(jsonb_build_array(id, left_id, right_id) order by id),
                        '[]'::jsonb)
          from open_conflicts) as conflicts
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
                  and coalesce(l.fact_hash, l.statement_hash) = f.hash
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
        said: with a session, the person's latest messages that the ledger has, newest first.
    """

    zep_graph_uuid: ZepUuid | None
    pending: Sequence[Pending]
    last_message: LastMessage | None
    hidden: frozenset[Mem0Id] = frozenset()
    said: Sequence[Utterance] = ()


class OpenConflict(NamedTuple):
    """Two items that can't both hold, which waits for the person's word."""

    conflict_id: UUID
    left_id: str
    right_id: str


class Settled(NamedTuple):
    """What the ledger knows of items that are to be shown.

    Attributes:
        links: all links of these memories, and those of these facts to memories that aren't
            hidden; whether both ends still read as then is for the caller to tell.
        conflicts: in which one of the items is named, as it reads now.
    """

    sources: Sequence[ResolvedSource] = ()
    links: Sequence[Link] = ()
    conflicts: Sequence[OpenConflict] = ()


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
    raises `Unavailable` when the database is away.

    Args:
        rates: tells and learns about the calls to the stores, with `look`.
    """

    def __init__(self, database: Database, rates: Rates | None = None) -> None:
        self._database = database
        self._rates = rates or Tallies()

    async def look(
        self,
        principal: Principal,
        *,
        user_id: str | None = None,
        session_id: str | None = None,
        asks: Sequence[Provider] = ("zep", "mem0"),
    ) -> Looked:
        """Whom this is about, and what they said lately.

        Args:
            user_id: the label that the request names, if any.
            session_id: the session whose last message is wanted, if any.
            asks: the stores that are to be asked then.

        Raises:
            Unauthenticated: the login has ended.
            Forbidden: `forbidden_user`.
            NotFound: `session_not_found`.
        """
        with telling(self._rates, asks) as told:
            row = await self._database.row(
                _LOOK,
                repeatable=True,
                **identity(principal, user_id),
                session_id=session_id,
                pending_except=None,
                said_limit=SAID_LIMIT if session_id is not None else 0,
                **told,
            )
        self._rates.learned(parse_rates(row["rates"]))
        admit(row)
        if session_id is not None and row["session_row"] is None:
            raise session_not_found()
        return Looked(
            zep_graph_uuid=row["zep_graph_uuid"],
            pending=parse_pending(row["pending"]),
            last_message=_last_message(row),
            hidden=parse_hidden(row["hidden"]),
            said=parse_said_lately(row["said_lately"]),
        )

    async def settle(
        self, account_id: AccountId, drafts: Iterable[Draft], links: Sequence[Link]
    ) -> Settled:
        """Where these items come from, what they are linked to and what they contradict; what is
        found linked is remembered on the way.

        A link that is there already stays as it is, with the time at which it was made; only its
        hash follows a changed text.
        """
        wanted = list(drafts)
        row = await self._database.row(
            _SETTLE,
            repeatable=True,
            account_id=account_id,
            mem0_ids=[link.mem0_id for link in links],
            edge_uuids=[str(link.edge_uuid) for link in links],
            hashes=[link.statement_hash for link in links],
            **parameters_of(wanted),
            **_named(wanted),
        )
        return Settled(
            parse_resolved(row["sources"]),
            [_link(each) for each in row["links"]],
            [OpenConflict(UUID(one), left, right) for one, left, right in row["conflicts"]],
        )

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


def _named(drafts: Iterable[Draft]) -> dict[str, list[Any]]:
    told = {d.item.id: d for d in drafts if d.item.kind != "entity"}
    facts = [draft for draft in told.values() if draft.item.kind == "fact"]
    memories = [draft for draft in told.values() if draft.item.kind == "memory"]
    return {
        "shown_memories": [mem0_id_of(memory) for memory in memories],
        "shown_facts": [str(edge_uuid_of(fact)) for fact in facts],
        "item_ids": list(told),
        "item_hashes": [statement_hash(draft.item.text) for draft in told.values()],
    }


def _link(row: Mapping[str, Any]) -> Link:
    fact_hash = row["fact_hash"]
    return Link(
        Mem0Id(row["mem0_id"]),
        ZepUuid(UUID(row["edge_uuid"])),
        bytes.fromhex(row["statement_hash"]),
        None if fact_hash is None else bytes.fromhex(fact_hash),
    )


def _last_message(row: Row) -> LastMessage | None:
    if row["last_turn"] is None:
        return None
    return LastMessage(TurnId(row["last_turn"]), row["last_message"])
