"""Whom a change of memory is about: an account, and what Zep calls that person."""

from dataclasses import dataclass

from tandem.db.caller import admit, as_caller, identity
from tandem.db.connection import Database, Row
from tandem.ids import AccountId, ZepUuid
from tandem.principal import Principal

_CALLER = as_caller("""
select standing.live, standing.allowed, caller.account_id, caller.zep_user_uuid,
       caller.zep_graph_uuid
  from standing
  left join caller on true
""")

_ACCOUNT = """
select a.id as account_id, a.zep_user_uuid, a.zep_graph_uuid
  from accounts a
 where a.id = :account_id
"""


@dataclass(frozen=True, slots=True)
class Subject:
    """A person. Zep has no names for whom it doesn't know yet."""

    account_id: AccountId
    zep_user_uuid: ZepUuid | None = None
    zep_graph_uuid: ZepUuid | None = None


class People:
    """Looks people up. Every method is one round trip and raises `Unavailable` when the database
    is away."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def admitted(self, principal: Principal, user_id: str | None = None) -> Subject:
        """The caller.

        Args:
            user_id: the label that the request names, if any.

        Raises:
            Unauthenticated: the login has ended.
            Forbidden: `forbidden_user`.
        """
        row = await self._database.row(_CALLER, repeatable=True, **identity(principal, user_id))
        admit(row)
        return subject_of(row)

    async def find(self, account_id: AccountId) -> Subject | None:
        """The person of this account, None when there is no such account."""
        rows = await self._database.rows(_ACCOUNT, repeatable=True, account_id=account_id)
        return subject_of(rows[0]) if rows else None


def subject_of(row: Row) -> Subject:
    """The person of a row that has `account_id` and what Zep calls them."""
    return Subject(
        account_id=AccountId(row["account_id"]),
        zep_user_uuid=row["zep_user_uuid"],
        zep_graph_uuid=row["zep_graph_uuid"],
    )
