"""Logins: attempts and their limits, the refresh tokens that renew them, and their end."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, NamedTuple
from uuid import UUID

from tandem.db import login_statements as statements
from tandem.db.caller import admit, identity
from tandem.db.connection import Database, Row
from tandem.errors import NotFound
from tandem.ids import AccountId, LoginId
from tandem.principal import Principal
from tandem.settings import LoginLimitSettings, TokenSettings

REFRESH_GRACE_SECONDS: Final = 10
"""How long after its first use a refresh token renews once more: an answer that was lost, or a
second tab. Later it is taken for stolen."""


class Credentials(NamedTuple):
    """What a password is checked against. `password_version` counts an account's passwords."""

    account_id: AccountId
    user_id: str
    email: str
    password_hash: str
    password_version: int


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
    """A login that has just been renewed, or ended because its token was `reused`."""

    account_id: AccountId
    login_id: LoginId
    user_id: str
    reused: bool


class OpenLogin(NamedTuple):
    """A login that is live. Times are aware UTC; `expires_at` is its end however often renewed."""

    id: LoginId
    created_at: datetime
    expires_at: datetime


class LoginsPage(NamedTuple):
    """Some logins, newest first, and whether there are more."""

    items: Sequence[OpenLogin]
    more: bool


@dataclass(frozen=True, slots=True)
class NewLogin:
    """What a login is made of. The ids and the refresh token are ours and fresh.

    Attributes:
        token_digest: of the first refresh token.
        password_version: of the password that was right. Is there another by now, the login is
            dead from birth.
        renewed_hash: what the account's password hash becomes, or None to leave it.
    """

    account_id: AccountId
    login_id: LoginId
    token_digest: bytes
    password_version: int
    renewed_hash: str | None


@dataclass(frozen=True, slots=True)
class NewPassword:
    """What takes a password's place.

    Attributes:
        password_version: of the password that was right.
    """

    hash: str
    password_version: int


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
            statements.ATTEMPT, repeatable=True, email=email, **self._counting(subjects)
        )
        return _attempt(row)

    async def attempt_own(self, principal: Principal, subjects: Subjects) -> Attempt:
        """The same for the caller, who says their password again.

        Raises:
            Unauthenticated: the login has ended; nothing was counted.
            Unavailable: the database can't answer.
        """
        row = await self._database.row(
            statements.ATTEMPT_OWN,
            repeatable=True,
            **identity(principal),
            **self._counting(subjects),
        )
        admit(row)
        return _attempt(row)

    def _counting(self, subjects: Subjects) -> dict[str, bytes | int]:
        return {
            "account_subject": subjects.account,
            "address_subject": subjects.address,
            "window_seconds": self._limits.login_window_seconds,
            "account_limit": self._limits.login_failures_per_account,
            "address_limit": self._limits.login_failures_per_address,
        }

    async def open(self, new: NewLogin, subjects: Subjects) -> None:
        """Opens a login with its first refresh token and takes the attempt back.

        The account's count starts again; of the address's only this attempt is taken back, or one
        own account would be enough to guess at others for ever.

        Raises:
            Unavailable: the database can't answer.
        """
        await self._database.rows(
            statements.OPEN,
            repeatable=True,
            account_subject=subjects.account,
            address_subject=subjects.address,
            account_id=new.account_id,
            login_id=new.login_id,
            token_digest=new.token_digest,
            password_version=new.password_version,
            renewed_hash=new.renewed_hash,
            idle_days=self._tokens.refresh_idle_days,
            total_days=self._tokens.refresh_total_days,
        )

    async def rotate(self, old_digest: bytes, new_digest: bytes) -> Renewal | None:
        """Swaps a refresh token for the next one; None when it can't be used (any more).

        Within `REFRESH_GRACE_SECONDS` of its first use a token brings one more successor; later it
        ends the login, and the renewal says `reused`. Of a login's unused tokens the first one
        that is used spends all others, so that whoever holds another of them is found out too.

        Raises:
            Unavailable: the database can't answer.
        """
        rows = await self._database.rows(
            statements.ROTATE,
            repeatable=True,
            old_digest=old_digest,
            new_digest=new_digest,
            grace_seconds=REFRESH_GRACE_SECONDS,
            idle_days=self._tokens.refresh_idle_days,
        )
        if not rows:
            return None
        row = rows[0]
        return Renewal(row["account_id"], row["login_id"], row["user_id"], row["reused"])

    async def end(self, principal: Principal, *, everywhere: bool) -> None:
        """Ends the caller's login, or all of the person's: their tokens are refused from the next
        request on.

        Raises:
            Unauthenticated: it had ended before.
            Unavailable: the database can't answer.
        """
        row = await self._database.row(
            statements.END, repeatable=True, **identity(principal), everywhere=everywhere
        )
        admit(row)

    async def list(
        self, principal: Principal, *, before: tuple[datetime, UUID] | None, limit: int
    ) -> LoginsPage:
        """The caller's live logins, newest first.

        Args:
            before: `created_at` and `id` of the last login that was seen.
            limit: at most so many.

        Raises:
            Unauthenticated: the login has ended.
            Unavailable: the database can't answer.
        """
        before_time, before_id = before or (None, None)
        rows = await self._database.rows(
            statements.LIST,
            repeatable=True,
            **identity(principal),
            before_time=before_time,
            before_id=before_id,
            fetch=limit + 1,
        )
        admit(rows[0])
        found = [
            OpenLogin(row["id"], row["created_at"], row["expires_at"])
            for row in rows
            if row["id"] is not None
        ]
        return LoginsPage(found[:limit], more=len(found) > limit)

    async def end_one(self, principal: Principal, login_id: LoginId) -> None:
        """Ends one of the caller's logins; one that had ended before stays so.

        Raises:
            NotFound: `login_not_found`.
            Unauthenticated: the caller's own has ended.
            Unavailable: the database can't answer.
        """
        row = await self._database.row(
            statements.END_ONE, repeatable=True, **identity(principal), named_login=login_id
        )
        admit(row)
        if not row["found"]:
            raise NotFound("You have no such login.", code="login_not_found")

    async def change_password(
        self, principal: Principal, new: NewPassword, subjects: Subjects
    ) -> bool:
        """Whether the account has the new password now. If so, the attempt is taken back and the
        person's other logins have ended; if not, somebody else changed it first.

        Raises:
            Unauthenticated: the login has ended.
            Unavailable: the database can't answer.
        """
        row = await self._database.row(
            statements.CHANGE_PASSWORD,
            repeatable=True,
            **identity(principal),
            account_subject=subjects.account,
            address_subject=subjects.address,
            new_hash=new.hash,
            password_version=new.password_version,
        )
        admit(row)
        return bool(row["changed"])


def _attempt(row: Row) -> Attempt:
    if row["id"] is None:
        return Attempt(row["wait_seconds"], None)
    known = Credentials(
        account_id=row["id"],
        user_id=row["user_id"],
        email=row["email"],
        password_hash=row["password_hash"],
        password_version=row["password_version"],
    )
    return Attempt(row["wait_seconds"], known)
