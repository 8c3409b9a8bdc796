"""Accounts, logins and hashes that are dictionaries and plain text."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from tandem.db.accounts import Account, NewAccount
from tandem.db.logins import (
    Attempt,
    Credentials,
    LoginsPage,
    NewLogin,
    NewPassword,
    OpenLogin,
    Renewal,
    Subjects,
)
from tandem.errors import NotFound, Unauthenticated
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
        self.used: dict[bytes, LoginId] = {}
        self.wait_seconds: int | None = None
        self.changed_meanwhile = False

    async def create(self, new: NewAccount) -> Account | None:
        for other in self.accounts.values():
            if other.user_id == new.user_id or other.email == new.email:
                return None
        self.accounts[new.id] = new
        return shown(new)

    async def own(self, principal: Principal) -> Account:
        self._admit(principal)
        return shown(self.accounts[principal.account_id])

    async def attempt(self, email: str, subjects: Subjects) -> Attempt:
        self.subjects.append(subjects)
        for account in self.accounts.values():
            if account.email == email:
                return Attempt(self.wait_seconds, credentials(account))
        return Attempt(self.wait_seconds, None)

    async def attempt_own(self, principal: Principal, subjects: Subjects) -> Attempt:
        self._admit(principal)
        self.subjects.append(subjects)
        return Attempt(self.wait_seconds, credentials(self.accounts[principal.account_id]))

    async def open(self, new: NewLogin, _subjects: Subjects) -> None:
        self.logins[new.login_id] = new

    async def rotate(self, old_digest: bytes, new_digest: bytes) -> Renewal | None:
        if old_digest in self.used:
            login = self.logins[self.used[old_digest]]
            self.ended.add(login.login_id)
            return Renewal(login.account_id, login.login_id, "", reused=True)
        for login in self.logins.values():
            if login.token_digest == old_digest and login.login_id not in self.ended:
                self.used[old_digest] = login.login_id
                self.logins[login.login_id] = replace(login, token_digest=new_digest)
                account = self.accounts[login.account_id]
                return Renewal(account.id, login.login_id, account.user_id, reused=False)
        return None

    async def end(self, principal: Principal, *, everywhere: bool) -> None:
        self._admit(principal)
        self.ended |= self._own(principal) if everywhere else {principal.login_id}

    async def list(
        self, principal: Principal, *, before: tuple[datetime, UUID] | None, limit: int
    ) -> LoginsPage:
        self._admit(principal)
        live = [
            OpenLogin(login_id, CREATED + timedelta(minutes=n), CREATED + timedelta(days=90))
            for n, login_id in enumerate(self.logins)
            if login_id in self._own(principal) - self.ended
        ]
        left = [one for one in reversed(live) if not before or (one.created_at, one.id) < before]
        return LoginsPage(left[:limit], more=len(left) > limit)

    async def end_one(self, principal: Principal, login_id: LoginId) -> None:
        self._admit(principal)
        if login_id not in self._own(principal):
            raise NotFound(code="login_not_found")
        self.ended.add(login_id)

    async def change_password(
        self, principal: Principal, new: NewPassword, _subjects: Subjects
    ) -> bool:
        self._admit(principal)
        if self.changed_meanwhile:
            return False
        account = self.accounts[principal.account_id]
        self.accounts[account.id] = replace(account, password_hash=new.hash)
        self.ended |= self._own(principal) - {principal.login_id}
        return True

    def _admit(self, principal: Principal) -> None:
        if principal.login_id in self.ended:
            raise Unauthenticated

    def _own(self, principal: Principal) -> set[LoginId]:
        logins = self.logins.values()
        return {login.login_id for login in logins if login.account_id == principal.account_id}


def credentials(account: NewAccount) -> Credentials:
    return Credentials(account.id, account.user_id, account.email, account.password_hash, 0)


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
