"""Accounts: making one, and showing a caller their own."""

from dataclasses import dataclass
from datetime import datetime

from tandem.db.caller import admit, as_caller, identity
from tandem.db.connection import Database, Row
from tandem.ids import AccountId
from tandem.principal import Principal

_CREATE = """
with made as (
    insert into accounts (id, user_id, email, password_hash, first_name, last_name)
    values (:account_id, :user_id, :email, :password_hash, :first_name, :last_name)
    on conflict do nothing
    returning user_id, email, first_name, last_name, created_at
)
select user_id, email, first_name, last_name, created_at from made
union all
select user_id, email, first_name, last_name, created_at
  from accounts
 where id = :account_id
"""

_OWN = as_caller("""
select standing.live, standing.allowed, accounts.user_id, accounts.email, accounts.first_name,
       accounts.last_name, accounts.created_at
  from standing
  left join caller on true
  left join accounts on accounts.id = caller.account_id
""")


@dataclass(frozen=True, slots=True)
class Account:
    """A person's account as they may see it. `created_at` is aware UTC."""

    user_id: str
    email: str
    first_name: str | None
    last_name: str | None
    created_at: datetime


@dataclass(frozen=True, slots=True)
class NewAccount:
    """What an account is made of. `id` is ours and fresh; `email` is normalised."""

    id: AccountId
    user_id: str
    email: str
    password_hash: str
    first_name: str | None
    last_name: str | None


class Accounts:
    """The table of accounts."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def create(self, new: NewAccount) -> Account | None:
        """The account just made, or None when the user_id or the e-mail is taken.

        Two that want the same name at once: one gets it. Sent again on a fresh connection the
        statement finds what it had made already, by the account's own id.

        Raises:
            Unavailable: the database can't answer.
        """
        rows = await self._database.rows(
            _CREATE,
            repeatable=True,
            account_id=new.id,
            user_id=new.user_id,
            email=new.email,
            password_hash=new.password_hash,
            first_name=new.first_name,
            last_name=new.last_name,
        )
        return _account(rows[0]) if rows else None

    async def own(self, principal: Principal) -> Account:
        """The caller's account.

        Raises:
            Unauthenticated: the login has ended.
            Unavailable: the database can't answer.
        """
        row = await self._database.row(_OWN, repeatable=True, **identity(principal))
        admit(row)
        return _account(row)


def _account(row: Row) -> Account:
    return Account(
        user_id=row["user_id"],
        email=row["email"],
        first_name=row["first_name"],
        last_name=row["last_name"],
        created_at=row["created_at"],
    )
