"""The rules of accounts and logins."""

import hmac
import ipaddress
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import NamedTuple, NoReturn, Protocol
from uuid import uuid4

from auth_api.emails import normalise_email
from tandem import observability
from tandem.db.accounts import Account, NewAccount
from tandem.db.logins import Attempt, NewLogin, Renewal, Subjects
from tandem.errors import Conflict, InvalidInput, RateLimited, Unauthenticated
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
    async def end(self, principal: Principal) -> None: ...


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


@dataclass(frozen=True, slots=True)
class AuthService:
    """Signs up, logs in, refreshes, logs out.

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
            InvalidInput: `password_is_email`.
            Conflict: `user_exists`, the user_id or the e-mail is taken.
        """
        if normalise_email(person.password) == person.email:
            raise InvalidInput("The password may not be the e-mail.", code="password_is_email")
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
        subjects = self._subjects(email, address)
        attempt = await self.logins.attempt(email, subjects)
        if attempt.wait_seconds is not None:
            raise RateLimited(
                "Too many failed logins. Try again later.",
                code="too_many_logins",
                retry_after_seconds=max(1, attempt.wait_seconds),
            )
        known = attempt.credentials
        verdict = await self.passwords.verify(password, known.password_hash if known else None)
        if known is None or not verdict.correct:
            raise Unauthenticated("E-mail or password is wrong.", code="bad_credentials")
        observability.note(account_id=known.account_id)
        login_id, refresh = LoginId(uuid4()), new_refresh_token()
        access = self.tokens.issue(known.account_id, login_id)
        new = NewLogin(known.account_id, login_id, refresh.digest, verdict.renewed_hash)
        await self.logins.open(new, subjects)
        return Tokens(access, refresh.value, known.user_id)

    async def refresh(self, refresh_token: str) -> Tokens:
        """New tokens of the same login. The refresh token given is used up.

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
        access = self.tokens.issue(renewal.account_id, renewal.login_id)
        return Tokens(access, refresh.value, renewal.user_id)

    async def log_out(self, principal: Principal) -> None:
        """Ends the caller's login on the server.

        Raises:
            Unauthenticated: it had ended before.
        """
        await self.logins.end(principal)

    async def me(self, principal: Principal) -> Account:
        """The caller's account.

        Raises:
            Unauthenticated: the login has ended.
        """
        return await self.accounts.own(principal)

    def _subjects(self, email: str, address: str) -> Subjects:
        # NUL keeps these apart from anything else that is signed with the key, such as tokens.
        key = self.key().encode()
        return Subjects(
            account=hmac.digest(key, f"failures\0account\0{email}".encode(), "sha256"),
            address=hmac.digest(
                key, f"failures\0address\0{network_of(address)}".encode(), "sha256"
            ),
        )


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
