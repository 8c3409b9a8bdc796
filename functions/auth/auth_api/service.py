"""The rules of accounts and logins."""

import hmac
import ipaddress
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple, NoReturn, Protocol
from uuid import UUID, uuid4

from auth_api.common_passwords import is_common
from auth_api.emails import normalise_email
from tandem import observability
from tandem.cursors import Cursor, Moment, read_cursor, write_cursor
from tandem.db.accounts import Account, NewAccount
from tandem.db.logins import (
    Attempt,
    LoginsPage,
    NewLogin,
    NewPassword,
    OpenLogin,
    Renewal,
    Subjects,
)
from tandem.errors import Conflict, Forbidden, InvalidInput, RateLimited, Unauthenticated
from tandem.ids import AccountId, LoginId
from tandem.passwords import Verdict, hash_password, verify_password
from tandem.principal import Principal
from tandem.tokens import new_refresh_token, refresh_digest


class AccountStore(Protocol):
    """What the service needs of the accounts."""

    async def create(self, new: NewAccount) -> Account | None: ...
    async def own(self, principal: Principal) -> Account: ...


class LoginStore(Protocol):
    """What the service needs of the logins."""

    async def attempt(self, email: str, subjects: Subjects) -> Attempt: ...
    async def open(self, new: NewLogin, subjects: Subjects) -> None: ...
    async def rotate(self, old_digest: bytes, new_digest: bytes) -> Renewal | None: ...
    async def end(self, principal: Principal, *, everywhere: bool) -> None: ...
    async def list(
        self, principal: Principal, *, before: tuple[datetime, UUID] | None, limit: int
    ) -> LoginsPage: ...
    async def end_one(self, principal: Principal, login_id: LoginId) -> None: ...
    async def attempt_own(self, principal: Principal, subjects: Subjects) -> Attempt: ...
    async def change_password(
        self, principal: Principal, new: NewPassword, subjects: Subjects
    ) -> bool: ...


class TokenIssuer(Protocol):
    """What the service needs of the access tokens."""

    def issue(self, account_id: AccountId, login_id: LoginId) -> str: ...


@dataclass(frozen=True, slots=True)
class Passwords:
    """How passwords are hashed and checked."""

    hash: Callable[[str], Awaitable[str]] = hash_password
    verify: Callable[[str, str | None], Awaitable[Verdict]] = verify_password


class Person(NamedTuple):
    """Who signs up. `email` is normalised; without a `user_id` one is made."""

    email: str
    password: str
    user_id: str | None
    first_name: str | None
    last_name: str | None


class Tokens(NamedTuple):
    """What a login is worth to the client."""

    access_token: str
    refresh_token: str
    user_id: str


class LoginList(NamedTuple):
    """Some of a person's logins, newest first, and where they go on."""

    items: Sequence[OpenLogin]
    next_cursor: str | None


class LoginsCursor(Cursor):
    """The last login that was seen."""

    created_at: Moment
    id: UUID


@dataclass(frozen=True, slots=True)
class AuthService:
    """Signs up, logs in, refreshes, lists and ends logins, changes passwords.

    Args:
        key: reads the secret key, which also hides whose failed logins are counted.
    """

    accounts: AccountStore
    logins: LoginStore
    tokens: TokenIssuer
    key: Callable[[], str]
    passwords: Passwords = Passwords()

    async def sign_up(self, person: Person) -> Account:
        """The new account.

        Raises:
            InvalidInput: `password_is_email`, `password_too_common`.
            Conflict: `user_exists`, the user_id or the e-mail is taken.
        """
        _refuse_email(person.password, person.email)
        _refuse_common(person.password)
        new = NewAccount(
            id=AccountId(uuid4()),
            user_id=person.user_id or f"u-{uuid4().hex}",
            email=person.email,
            password_hash=await self.passwords.hash(person.password),
            first_name=person.first_name,
            last_name=person.last_name,
        )
        account = await self.accounts.create(new)
        if account is None:
            raise Conflict("This user_id or e-mail is taken.", code="user_exists")
        observability.note(account_id=new.id)
        return account

    async def log_in(self, email: str, password: str, address: str) -> Tokens:
        """Tokens of a new login.

        Args:
            email: normalised.
            address: of the network that the request came from.

        Raises:
            RateLimited: `too_many_logins`, nothing was checked.
            Unauthenticated: `bad_credentials`, alike for an unknown e-mail and a wrong password.
        """
        subjects = self._subjects(f"account\0{email}", address)
        attempt = await self.logins.attempt(email, subjects)
        _refuse_too_many(attempt)
        known = attempt.credentials
        verdict = await self.passwords.verify(password, known.password_hash if known else None)
        if known is None or not verdict.correct:
            raise Unauthenticated("E-mail or password is wrong.", code="bad_credentials")
        observability.note(account_id=known.account_id)
        login_id, refresh = LoginId(uuid4()), new_refresh_token()
        access = self.tokens.issue(known.account_id, login_id)
        new = NewLogin(
            account_id=known.account_id,
            login_id=login_id,
            token_digest=refresh.digest,
            password_version=known.password_version,
            renewed_hash=verdict.renewed_hash,
        )
        await self.logins.open(new, subjects)
        return Tokens(access, refresh.value, known.user_id)

    async def refresh(self, refresh_token: str) -> Tokens:
        """New tokens of the same login. The refresh token given is used up.

        One that is used again ends its login, unless that is within seconds of its first use.

        Raises:
            Unauthenticated: `bad_refresh_token`, whether unknown, used, expired or logged out.
        """
        # The token is used up by the next statement: whatever can be missing is asked for before.
        self.key()
        refresh = new_refresh_token()
        renewal = await self.logins.rotate(refresh_digest(refresh_token), refresh.digest)
        if renewal is None:
            _refuse_refresh()
        observability.note(account_id=renewal.account_id)
        if renewal.reused:
            observability.note(refresh_token_reused=True)
            _refuse_refresh()
        access = self.tokens.issue(renewal.account_id, renewal.login_id)
        return Tokens(access, refresh.value, renewal.user_id)

    async def log_out(self, principal: Principal, *, everywhere: bool = False) -> None:
        """Ends the caller's login on the server, or all of the person's.

        Raises:
            Unauthenticated: it had ended before.
        """
        await self.logins.end(principal, everywhere=everywhere)

    async def open_logins(
        self, principal: Principal, *, limit: int, cursor: str | None
    ) -> LoginList:
        """The person's live logins, newest first.

        Raises:
            InvalidInput: `invalid_cursor`.
            Unauthenticated: the login has ended.
        """
        scope = f"logins:{principal.account_id}"
        before = None
        if cursor is not None:
            seen = read_cursor(LoginsCursor, cursor, scope=scope)
            before = (seen.created_at, seen.id)
        page = await self.logins.list(principal, before=before, limit=limit)
        if not page.more:
            return LoginList(page.items, None)
        last = page.items[-1]
        place = LoginsCursor(created_at=last.created_at, id=last.id)
        return LoginList(page.items, write_cursor(place, scope=scope))

    async def end_login(self, principal: Principal, login_id: LoginId) -> None:
        """Ends one of the person's logins, which may be the caller's own.

        Raises:
            NotFound: `login_not_found`, also when it is somebody else's.
            Unauthenticated: the caller's login has ended.
        """
        await self.logins.end_one(principal, login_id)

    async def change_password(
        self, principal: Principal, *, current: str, new: str, address: str
    ) -> None:
        """Gives the account another password and ends all of the person's other logins.

        Wrong guesses at the current one are counted and slowed as failed logins are, of the same
        address together with them.

        Args:
            address: of the network that the request came from.

        Raises:
            RateLimited: `too_many_logins`, nothing was checked.
            Forbidden: `bad_credentials`, the current password is not right.
            InvalidInput: `password_is_email`, `password_too_common`.
            Unauthenticated: the login has ended.
        """
        _refuse_common(new)
        subjects = self._subjects(f"password\0{principal.account_id}", address)
        attempt = await self.logins.attempt_own(principal, subjects)
        _refuse_too_many(attempt)
        known = attempt.credentials
        verdict = await self.passwords.verify(current, known.password_hash if known else None)
        if known is None or not verdict.correct:
            _refuse_password()
        _refuse_email(new, known.email)
        made = NewPassword(await self.passwords.hash(new), known.password_version)
        if not await self.logins.change_password(principal, made, subjects):
            _refuse_password()

    async def me(self, principal: Principal) -> Account:
        """The caller's account.

        Raises:
            Unauthenticated: the login has ended.
        """
        return await self.accounts.own(principal)

    def _subjects(self, account: str, address: str) -> Subjects:
        # NUL keeps these apart from anything else that is signed with the key, such as tokens.
        key = self.key().encode()
        return Subjects(
            account=hmac.digest(key, f"failures\0{account}".encode(), "sha256"),
            address=hmac.digest(
                key, f"failures\0address\0{network_of(address)}".encode(), "sha256"
            ),
        )


def _refuse_email(password: str, email: str) -> None:
    if normalise_email(password) == email:
        raise InvalidInput("The password may not be the e-mail.", code="password_is_email")


def _refuse_common(password: str) -> None:
    if is_common(password):
        raise InvalidInput("Too many people have this password.", code="password_too_common")


def _refuse_too_many(attempt: Attempt) -> None:
    if attempt.wait_seconds is not None:
        raise RateLimited(
            "Too many failed logins. Try again later.",
            code="too_many_logins",
            retry_after_seconds=max(1, attempt.wait_seconds),
        )


def _refuse_password() -> NoReturn:
    raise Forbidden("The current password is wrong.", code="bad_credentials")


def _refuse_refresh() -> NoReturn:
    raise Unauthenticated(
        "This refresh token can't be used. Log in again.", code="bad_refresh_token"
    )


def network_of(address: str) -> str:
    """What stands for one caller: an IPv4 address, or the /64 network that a site gets of IPv6."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, ipaddress.IPv4Address):
        return str(parsed)
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return str(ipaddress.ip_network((parsed, 64), strict=False))
