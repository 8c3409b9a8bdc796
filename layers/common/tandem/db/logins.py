"""Logins: attempts and their limits, the refresh tokens that renew them, and their end."""

from dataclasses import dataclass
from typing import NamedTuple

from tandem.db.caller import admit, as_caller, identity
from tandem.db.connection import Database
from tandem.ids import AccountId, LoginId
from tandem.principal import Principal
from tandem.settings import LoginLimitSettings, TokenSettings

# Every statement touches the account's row of login_failures before the address's, so that two of
# them never wait for each other.
_ATTEMPT = """
with attempts as (
    insert into login_failures (subject, window_started, failures)
    values (:account_subject, now(), 1), (:address_subject, now(), 1)
    on conflict (subject) do update
       set failures = case
               when login_failures.window_started + make_interval(secs => :window_seconds) <= now()
               then 1 else login_failures.failures + 1 end,
           window_started = case
               when login_failures.window_started + make_interval(secs => :window_seconds) <= now()
               then now() else login_failures.window_started end
    returning subject, window_started, failures
), limits as (
    select max(extract(epoch from
                       window_started + make_interval(secs => :window_seconds) - now())
              ) as seconds_left
      from attempts
     where failures > case subject
               when :account_subject then cast(:account_limit as int)
               else cast(:address_limit as int) end
)
select cast(ceil(limits.seconds_left) as int) as wait_seconds, accounts.id, accounts.user_id,
       accounts.password_hash
  from limits
  left join accounts on accounts.email = :email
"""

_OPEN = """
with taken_back as (
    insert into login_failures (subject, window_started, failures)
    values (:account_subject, now(), 0), (:address_subject, now(), 0)
    on conflict (subject) do update
       set failures = case login_failures.subject
               when :account_subject then 0
               else greatest(login_failures.failures - 1, 0) end
), renewed as (
    update accounts
       set password_hash = :renewed_hash
     where id = :account_id
       and cast(:renewed_hash as text) is not null
), login as (
    insert into logins (id, account_id, expires_at)
    values (:login_id, :account_id, now() + make_interval(days => :total_days))
    on conflict (id) do nothing
)
insert into refresh_tokens (token_hash, login_id, expires_at)
values (:token_digest, :login_id, now() + make_interval(days => least(:idle_days, :total_days)))
on conflict (token_hash) do nothing
"""

# The second half of the union is for the statement's own repetition after a lost answer.
_ROTATE = """
with spent as (
    update refresh_tokens
       set used_at = now()
      from logins
     where refresh_tokens.token_hash = :old_digest
       and refresh_tokens.used_at is null
       and refresh_tokens.expires_at > now()
       and logins.id = refresh_tokens.login_id
       and logins.revoked_at is null
       and logins.expires_at > now()
    returning logins.id, logins.account_id, logins.expires_at
), made as (
    insert into refresh_tokens (token_hash, login_id, expires_at)
    select :new_digest, spent.id,
           least(spent.expires_at, now() + make_interval(days => :idle_days))
      from spent
), renewed as (
    select id, account_id from spent
    union all
    select logins.id, logins.account_id
      from refresh_tokens
      join logins on logins.id = refresh_tokens.login_id
     where refresh_tokens.token_hash = :new_digest
)
select renewed.id as login_id, renewed.account_id, accounts.user_id
  from renewed
  join accounts on accounts.id = renewed.account_id
"""

_END = as_caller("""
, ended as (
    update logins
       set revoked_at = now()
      from caller
     where logins.id = :login_id
       and caller.allowed
)
select live, allowed from standing
""")


class Credentials(NamedTuple):
    """What a password is checked against."""

    account_id: AccountId
    user_id: str
    password_hash: str


class Attempt(NamedTuple):
    """A counted attempt to log in.

    Attributes:
        wait_seconds: None, or how long until one more attempt will be heard.
        credentials: None when there is no such account.
    """

    wait_seconds: int | None
    credentials: Credentials | None


class Subjects(NamedTuple):
    """Whose failures are counted: keyed hashes, so that the table names nobody."""

    account: bytes
    address: bytes


class Renewal(NamedTuple):
    """A login that has just been renewed."""

    account_id: AccountId
    login_id: LoginId
    user_id: str


@dataclass(frozen=True, slots=True)
class NewLogin:
    """What a login is made of. The ids and the refresh token are ours and fresh.

    Attributes:
        token_digest: of the first refresh token.
        renewed_hash: what the account's password hash becomes, or None to leave it.
    """

    account_id: AccountId
    login_id: LoginId
    token_digest: bytes
    renewed_hash: str | None


class Logins:
    """The tables of logins, refresh tokens and failed attempts.

    Every statement carries its own key or does no harm when it is sent twice, so each is repeated
    on a fresh connection when the old one turns out to be dead.
    """

    def __init__(
        self, database: Database, *, tokens: TokenSettings, limits: LoginLimitSettings
    ) -> None:
        self._database = database
        self._tokens = tokens
        self._limits = limits

    async def attempt(self, email: str, subjects: Subjects) -> Attempt:
        """Counts an attempt as failed before it is looked at, and reads what it is checked against.

        Counted first, parallel guesses can't slip past the limit. `open` takes it back.

        Args:
            email: normalised.

        Raises:
            Unavailable: the database can't answer.
        """
        row = await self._database.row(
            _ATTEMPT,
            repeatable=True,
            email=email,
            account_subject=subjects.account,
            address_subject=subjects.address,
            window_seconds=self._limits.login_window_seconds,
            account_limit=self._limits.login_failures_per_account,
            address_limit=self._limits.login_failures_per_address,
        )
        known = row["id"] is not None
        return Attempt(
            wait_seconds=row["wait_seconds"],
            credentials=Credentials(row["id"], row["user_id"], row["password_hash"])
            if known
            else None,
        )

    async def open(self, new: NewLogin, subjects: Subjects) -> None:
        """Opens a login with its first refresh token and takes the attempt back.

        The account's count starts again; of the address's only this attempt is taken back, or one
        own account would be enough to guess at others for ever.

        Raises:
            Unavailable: the database can't answer.
        """
        await self._database.rows(
            _OPEN,
            repeatable=True,
            account_subject=subjects.account,
            address_subject=subjects.address,
            account_id=new.account_id,
            login_id=new.login_id,
            token_digest=new.token_digest,
            renewed_hash=new.renewed_hash,
            idle_days=self._tokens.refresh_idle_days,
            total_days=self._tokens.refresh_total_days,
        )

    async def rotate(self, old_digest: bytes, new_digest: bytes) -> Renewal | None:
        """Swaps a refresh token for the next one; None when it can't be used (any more).

        Of two requests with the same token the second waits for the first and then finds it used.

        Raises:
            Unavailable: the database can't answer.
        """
        rows = await self._database.rows(
            _ROTATE,
            repeatable=True,
            old_digest=old_digest,
            new_digest=new_digest,
            idle_days=self._tokens.refresh_idle_days,
        )
        if not rows:
            return None
        return Renewal(rows[0]["account_id"], rows[0]["login_id"], rows[0]["user_id"])

    async def end(self, principal: Principal) -> None:
        """Ends the caller's login: its tokens are refused from the next request on.

        Raises:
            Unauthenticated: it had ended before.
            Unavailable: the database can't answer.
        """
        admit(await self._database.row(_END, repeatable=True, **identity(principal)))
