"""Instances of the auth function over a real database, and what people do with them."""

from collections.abc import Awaitable
from typing import Any
from uuid import UUID, uuid4

from auth_api.service import AuthService, Passwords, Person, Tokens
from tandem.db.accounts import Accounts
from tandem.db.connection import Database, OneRoundTrip
from tandem.db.logins import Logins
from tandem.errors import AppError
from tandem.ids import AccountId, LoginId
from tandem.passwords import Verdict
from tandem.principal import Principal
from tandem.secrets import Secrets
from tandem.settings import DatabaseSettings, LoginLimitSettings, TokenSettings
from tandem.tokens import AccessTokens

ADDRESS = "203.0.113.7"


class Hashing:
    """Passwords that are their own hash, and how many were checked."""

    def __init__(self) -> None:
        self.checks = 0

    async def hash(self, password: str) -> str:
        return password

    async def verify(self, password: str, stored_hash: str | None) -> Verdict:
        self.checks += 1
        return Verdict(password == stored_hash, None)


class Container:
    """One function instance: its own connection and service."""

    def __init__(self, url: str, hashing: Hashing) -> None:
        tokens = TokenSettings()
        self.database = Database(lambda: url, DatabaseSettings())
        self.accounts = Accounts(self.database)
        self.logins = Logins(
            self.database,
            tokens=tokens,
            limits=LoginLimitSettings(login_failures_per_account=5, login_failures_per_address=12),
        )
        secrets = Secrets(lambda: {"SECRET_KEY": "test-key" * 4})
        self.service = AuthService(
            accounts=self.accounts,
            logins=self.logins,
            tokens=AccessTokens(tokens, secrets),
            key=lambda: secrets.value("SECRET_KEY"),
            passwords=Passwords(hash=hashing.hash, verify=hashing.verify),
        )


def someone(**changes: Any) -> Person:
    name = uuid4().hex
    person = Person(f"{name}@example.com", "correct horse", f"p-{name}", None, None)
    return person._replace(**changes)


async def outcome[T](work: Awaitable[T]) -> T | AppError:
    try:
        return await work
    except AppError as error:
        return error


async def signed_up(container: Container) -> Person:
    person = someone()
    await container.service.sign_up(person)
    return person


async def logged_in(container: Container, person: Person, address: str = ADDRESS) -> Tokens:
    return await container.service.log_in(person.email, person.password, address)


def id_of(connection: OneRoundTrip, person: Person) -> UUID:
    rows = connection.run("select id from accounts where email = :email", email=person.email)
    assert rows
    identifier = rows[0][0]
    assert isinstance(identifier, UUID)
    return identifier


async def principal_of(container: Container, connection: OneRoundTrip) -> tuple[Person, Principal]:
    """Somebody new with one login."""
    person = await signed_up(container)
    await logged_in(container, person)
    return person, newest_login(connection, person)


def newest_login(connection: OneRoundTrip, person: Person) -> Principal:
    account = id_of(connection, person)
    rows = connection.run(
        "select id from logins where account_id = :account order by created_at desc limit 1",
        account=account,
    )
    assert rows
    return Principal(AccountId(account), LoginId(rows[0][0]))
