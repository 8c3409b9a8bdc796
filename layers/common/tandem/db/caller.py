"""How every authenticated statement starts: with the question whether the login is still live.

API Gateway caches the authorizer's word and the token says nothing of a logout, so each function
asks the database, in the same round trip as the work itself. Use:

    STATEMENT = as_caller('''
        , found as (select … from sessions join caller using (account_id) where caller.allowed …)
        select standing.live, standing.allowed, found.* from standing left join found on true
    ''')
    rows = await database.rows(STATEMENT, **identity(principal, user_id), …)
    admit(rows[0])

What changes data must itself depend on `caller.allowed`: `admit` comes too late to stop it.
"""

from typing import TypedDict

from tandem.db.connection import Row
from tandem.errors import Forbidden, Unauthenticated
from tandem.ids import AccountId, LoginId
from tandem.principal import Principal

CALLER = """
with caller as (
    select accounts.id as account_id, accounts.user_id, accounts.zep_user_uuid,
           accounts.zep_graph_uuid, accounts.password_version,
           accounts.user_id = coalesce(cast(:user_id as text), accounts.user_id) as allowed
      from logins
      join accounts on accounts.id = logins.account_id
     where logins.id = :login_id
       and accounts.id = :account_id
       and logins.revoked_at is null
       and logins.expires_at > now()
       and logins.password_version = accounts.password_version
), standing as (
    select exists (select from caller) as live,
           exists (select from caller where allowed) as allowed
)
"""
"""`caller`: one row if the login is live, else none; `allowed` is false when the request named
somebody else's `user_id`. `standing`: always one row, `live` and `allowed`. Parameters:
`:account_id`, `:login_id`, `:user_id` (null: the caller's own)."""


class Identity(TypedDict):
    """The parameters of `CALLER`."""

    account_id: AccountId
    login_id: LoginId
    user_id: str | None


def as_caller(sql: str) -> str:
    """A statement that begins with `CALLER`.

    Args:
        sql: `, name as (…) … select …` or a plain `select …`.
    """
    return CALLER + sql


def identity(principal: Principal, user_id: str | None = None) -> Identity:
    """The parameters of `CALLER` for this caller.

    Args:
        user_id: the label that the request names; none means the caller's own.
    """
    return Identity(account_id=principal.account_id, login_id=principal.login_id, user_id=user_id)


def admit(row: Row) -> None:
    """Passes when `standing`, selected into this row, says that the caller may.

    Raises:
        Unauthenticated: the login has ended.
        Forbidden: `forbidden_user`, the request names somebody else's `user_id`.
    """
    if not row["live"]:
        raise Unauthenticated
    if not row["allowed"]:
        raise Forbidden(code="forbidden_user", detail="That user_id is not yours.")
