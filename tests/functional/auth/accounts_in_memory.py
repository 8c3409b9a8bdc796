"""Accounts, logins and hashes that are dictionaries and plain text."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from tandem.db.accounts import Account, NewAccount
from tandem.db.logins import Attempt, Credentials, NewLogin, Renewal, Subjects
from tandem.errors import Unauthenticated
from tandem.ids import AccountId, LoginId
from tandem.passwords import Verdict
from tandem.principal import Principal

Call = Callable[..., tuple[int, dict[str, Any]]]
CREATED = datetime(2026, 11, 20, 11, 0, tzinfo=UTC)
ADA = {
    "email": "ada@example.com",
    "password": "correct horse",
    "user_id": "ada",
    "first_name": "Ada",
    "last_name": "Lovelace",
}


class Tables:
    """Accounts and logins in memory."""

    def __init__(self) -> None:
        self.accounts: dict[AccountId, NewAccount] = {}
        self.logins: dict[LoginId, NewLogin] = {}
        self.subjects: list[Subjects] = []
        self.ended: set[LoginId] = set()
        self.wait_seconds: int | None = None

    async def create(self, new: NewAccount) -> Account | None:
        for other in self.accounts.values():
            if other.user_id == new.user_id or other.email == new.email:
                return None
        self.accounts[new.id] = new
        return shown(new)

    async def own(self, principal: Principal) -> Account:
        if principal.login_id in self.ended:
            raise Unauthenticated
        return shown(self.accounts[principal.account_id])

    async def attempt(self, email: str, subjects: Subjects) -> Attempt:
        self.subjects.append(subjects)
        for account in self.accounts.values():
            if account.email == email:
                known = Credentials(account.id, account.user_id, account.password_hash)
                return Attempt(self.wait_seconds, known)
        return Attempt(self.wait_seconds, None)

    async def open(self, new: NewLogin, _subjects: Subjects) -> None:
        self.logins[new.login_id] = new

    async def rotate(self, old_digest: bytes, new_digest: bytes) -> Renewal | None:
        for login in self.logins.values():
            if login.token_digest == old_digest:
                account = self.accounts[login.account_id]
                self.logins[login.login_id] = NewLogin(account.id, login.login_id, new_digest, None)
                return Renewal(account.id, login.login_id, account.user_id)
        return None

    async def end(self, principal: Principal) -> None:
        if principal.login_id in self.ended:
            raise Unauthenticated
        self.ended.add(principal.login_id)


def shown(account: NewAccount) -> Account:
    return Account(account.user_id, account.email, account.first_name, account.last_name, CREATED)


class Hashing:
    """Passwords whose hash is their length and themselves, and a list of what was checked."""

    def __init__(self) -> None:
        self.checked: list[str | None] = []

    async def hash(self, password: str) -> str:
        return f"hash of {password}"

    async def verify(self, password: str, stored_hash: str | None) -> Verdict:
        self.checked.append(stored_hash)
        return Verdict(stored_hash == f"hash of {password}", None)


class Issuer:
    def issue(self, account_id: AccountId, login_id: LoginId) -> str:
        return f"access of {account_id} {login_id}"
