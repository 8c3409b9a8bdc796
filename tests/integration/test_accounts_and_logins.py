"""Accounts and logins on real PostgreSQL: races, limits, ends."""

import asyncio
import time
from collections.abc import Awaitable, Iterator
from typing import Any
from uuid import UUID, uuid4

import pytest

from auth_api.service import AuthService, Passwords, Person, Tokens
from tandem.db.accounts import Accounts, NewAccount
from tandem.db.caller import admit, as_caller, identity
from tandem.db.connection import Database, OneRoundTrip, connect
from tandem.db.logins import Logins, NewLogin, Subjects
from tandem.db.sweeping import Sweeping
from tandem.errors import AppError, Conflict, Forbidden, RateLimited, Unauthenticated
from tandem.ids import AccountId, LoginId
from tandem.passwords import Verdict
from tandem.principal import Principal
from tandem.secrets import Secrets
from tandem.settings import DatabaseSettings, LoginLimitSettings, TokenSettings
from tandem.tokens import AccessTokens, new_refresh_token

pytestmark = pytest.mark.integration

ADDRESS = "203.0.113.7"
DEADLINE_SECONDS = 10


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


@pytest.fixture
def hashing() -> Hashing:
    return Hashing()


@pytest.fixture
def containers(database: str, hashing: Hashing) -> Iterator[list[Container]]:
    """Eight function instances; each has a connection of its own once it is used."""
    made = [Container(database, hashing) for _ in range(8)]
    yield made
    for container in made:
        container.database.close()


@pytest.fixture
def raw(database: str) -> Iterator[OneRoundTrip]:
    """A connection beside the functions', for looking and for holding transactions open."""
    connection = connect(database, DatabaseSettings(database_statement_seconds=30))
    yield connection
    connection.close()


@pytest.fixture(autouse=True)
def _no_failures_yet(raw: OneRoundTrip) -> None:
    raw.run("truncate login_failures")


def someone(**changes: Any) -> Person:
    name = uuid4().hex
    person = Person(f"{name}@example.com", "correct horse", f"p-{name}", None, None)
    return person._replace(**changes)


async def outcome[T](work: Awaitable[T]) -> T | AppError:
    try:
        return await work
    except AppError as error:
        return error


async def until_waiting_for_a_lock(raw: OneRoundTrip, *, statements: int = 1) -> None:
    """Returns once so many statements of other connections wait for a lock."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    while len(raw.run("select distinct pid from pg_locks where not granted") or []) < statements:
        assert time.monotonic() < deadline, "nobody waits"
        await asyncio.sleep(0.005)


# ---------------------------------------------------------------- sign up


@pytest.mark.parametrize("same", ["email", "user_id"])
def test_of_parallel_sign_ups_for_one_name_one_gets_it(
    same: str, containers: list[Container], raw: OneRoundTrip
) -> None:
    name = uuid4().hex[:20]
    shared = {"email": f"{name}@example.com"} if same == "email" else {"user_id": name}

    async def story() -> list[Any]:
        return await asyncio.gather(
            *(outcome(one.service.sign_up(someone(**shared))) for one in containers)
        )

    results = asyncio.run(story())
    conflicts = [result for result in results if isinstance(result, Conflict)]
    assert [conflict.code for conflict in conflicts] == ["user_exists"] * 7
    query = "select count(*) from accounts where email = :name or user_id = :name"
    assert raw.run(query, name=next(iter(shared.values()))) == [[1]]


@pytest.mark.parametrize(("end", "conflict"), [("commit", True), ("rollback", False)])
def test_a_sign_up_waits_for_another_one_that_is_still_open(
    end: str, conflict: bool, containers: list[Container], raw: OneRoundTrip
) -> None:
    person = someone()
    insert = (
        "insert into accounts (id, user_id, email, password_hash)"
        " values (:id, :user_id, :email, 'x')"
    )

    async def story() -> Any:
        raw.run("begin")
        raw.run(insert, id=uuid4(), user_id=f"q-{uuid4().hex}", email=person.email)
        second = asyncio.create_task(outcome(containers[0].service.sign_up(person)))
        async with asyncio.timeout(DEADLINE_SECONDS):
            await until_waiting_for_a_lock(raw)
            raw.run(end)
            return await second

    assert isinstance(asyncio.run(story()), Conflict) is conflict


def test_a_sign_up_sent_again_after_a_lost_answer_finds_its_own_account(
    containers: list[Container],
) -> None:
    new = NewAccount(AccountId(uuid4()), f"p-{uuid4().hex}", "lost@example.com", "x", "Ada", None)

    async def story() -> None:
        first = await containers[0].accounts.create(new)
        second = await containers[1].accounts.create(new)
        assert first is not None
        assert first == second
        assert first.created_at.utcoffset() is not None
        assert first.created_at.tzname() == "UTC"

    asyncio.run(story())


# ---------------------------------------------------------------- log in


async def signed_up(container: Container) -> Person:
    person = someone()
    await container.service.sign_up(person)
    return person


async def logged_in(container: Container, person: Person, address: str = ADDRESS) -> Tokens:
    return await container.service.log_in(person.email, person.password, address)


def test_parallel_guesses_do_not_slip_past_the_count(
    containers: list[Container], hashing: Hashing
) -> None:
    async def story() -> list[Any]:
        person = await signed_up(containers[0])
        guesses = (
            outcome(containers[n % 8].service.log_in(person.email, f"guess {n}", f"203.0.113.{n}"))
            for n in range(30)
        )
        return await asyncio.gather(*guesses)

    results = asyncio.run(story())
    limited = [result for result in results if isinstance(result, RateLimited)]
    assert len(limited) == 25
    assert hashing.checks == 5
    for error in limited:
        assert error.code == "too_many_logins"
        assert error.retry_after_seconds is not None
        assert 890 <= error.retry_after_seconds <= 900


def test_over_the_limit_even_the_right_password_waits_and_after_the_window_it_works(
    containers: list[Container], raw: OneRoundTrip, hashing: Hashing
) -> None:
    service = containers[0].service

    async def story() -> None:
        person = await signed_up(containers[0])
        for n in range(5):
            assert isinstance(
                await outcome(service.log_in(person.email, f"guess {n}", ADDRESS)), Unauthenticated
            )
        checks = hashing.checks
        assert isinstance(await outcome(logged_in(containers[0], person)), RateLimited)
        assert hashing.checks == checks

        raw.run("update login_failures set window_started = window_started - interval '880 s'")
        late = await outcome(logged_in(containers[0], person))
        assert isinstance(late, RateLimited)
        assert late.retry_after_seconds in range(10, 21)

        raw.run("update login_failures set window_started = window_started - interval '20 s'")
        assert isinstance(await outcome(logged_in(containers[0], person)), Tokens)

    asyncio.run(story())


def test_one_address_is_limited_over_all_accounts_and_other_addresses_are_not(
    containers: list[Container],
) -> None:
    service = containers[0].service

    async def story() -> None:
        person = await signed_up(containers[0])
        for n in range(12):
            await outcome(service.log_in(f"nobody{n}@example.com", "guess", ADDRESS))

        assert isinstance(await outcome(logged_in(containers[0], person)), RateLimited)
        assert isinstance(await logged_in(containers[0], person, "203.0.113.8"), Tokens)

    asyncio.run(story())


def test_a_login_takes_its_own_attempt_back_and_clears_the_account_but_not_the_address(
    containers: list[Container], raw: OneRoundTrip
) -> None:
    service = containers[0].service

    async def story() -> None:
        person = await signed_up(containers[0])
        for _ in range(4):
            await outcome(service.log_in(person.email, "guess", ADDRESS))
        await logged_in(containers[0], person)
        await logged_in(containers[0], person)

    asyncio.run(story())
    assert raw.run("select failures from login_failures order by failures") == [[0], [4]]


def test_parallel_good_logins_of_one_person_all_pass(containers: list[Container]) -> None:
    async def story() -> list[Any]:
        person = await signed_up(containers[0])
        return await asyncio.gather(*(outcome(logged_in(containers[n], person)) for n in range(5)))

    assert all(isinstance(result, Tokens) for result in asyncio.run(story()))


def test_the_table_of_failures_names_nobody(containers: list[Container], raw: OneRoundTrip) -> None:
    asyncio.run(_fail(containers[0]))

    rows = raw.run("select subject from login_failures")
    assert rows is not None
    assert [len(row[0]) for row in rows] == [32, 32]
    stored = b"".join(row[0] for row in rows)
    assert b"nobody" not in stored
    assert ADDRESS.encode() not in stored


def test_old_counts_are_dropped_and_one_that_is_in_use_is_not_waited_for(
    containers: list[Container], raw: OneRoundTrip
) -> None:
    async def story() -> None:
        await _fail(containers[0])
        raw.run("update login_failures set window_started = window_started - interval '2 days'")
        raw.run("insert into login_failures values ('recent', now(), 1)")
        raw.run("begin")
        [[held]] = raw.run("select subject from login_failures limit 1 for update") or []
        await Sweeping(containers[0].database).forget_expired()
        raw.run("commit")

        left = raw.run("select subject from login_failures order by window_started")
        assert left == [[held], [b"recent"]]

    asyncio.run(story())


async def _fail(container: Container) -> None:
    await outcome(container.service.log_in("nobody@example.com", "guess", ADDRESS))


def test_a_renewed_hash_is_stored_with_the_login(
    containers: list[Container], raw: OneRoundTrip
) -> None:
    async def story() -> None:
        person = await signed_up(containers[0])
        account = AccountId(_id_of(raw, person))
        for renewed in ("renewed", None):
            new = NewLogin(account, LoginId(uuid4()), new_refresh_token().digest, renewed)
            await containers[0].logins.open(new, Subjects(b"a", b"b"))
            await containers[1].logins.open(new, Subjects(b"a", b"b"))
        query = "select password_hash from accounts where id = :id"
        assert raw.run(query, id=account) == [["renewed"]]
        query = "select count(*) from logins where account_id = :id"
        assert raw.run(query, id=account) == [[2]]

    asyncio.run(story())


def _id_of(raw: OneRoundTrip, person: Person) -> UUID:
    rows = raw.run("select id from accounts where email = :email", email=person.email)
    assert rows
    identifier = rows[0][0]
    assert isinstance(identifier, UUID)
    return identifier


# ---------------------------------------------------------------- refresh


def test_of_parallel_refreshes_with_one_token_one_wins(containers: list[Container]) -> None:
    async def story() -> list[Any]:
        tokens = await logged_in(containers[0], await signed_up(containers[0]))
        return await asyncio.gather(
            *(outcome(one.service.refresh(tokens.refresh_token)) for one in containers)
        )

    results = asyncio.run(story())
    refused = [result for result in results if isinstance(result, Unauthenticated)]
    assert [error.code for error in refused] == ["bad_refresh_token"] * 7


def test_a_refresh_waits_for_another_one_that_is_still_open_and_then_finds_the_token_used(
    containers: list[Container], raw: OneRoundTrip
) -> None:
    async def story() -> Any:
        tokens = await logged_in(containers[0], await signed_up(containers[0]))
        raw.run("begin")
        raw.run("update refresh_tokens set used_at = now() where used_at is null")
        second = asyncio.create_task(outcome(containers[0].service.refresh(tokens.refresh_token)))
        await until_waiting_for_a_lock(raw)
        raw.run("commit")
        return await second

    assert isinstance(asyncio.run(story()), Unauthenticated)


def test_a_refresh_sent_again_after_a_lost_answer_is_the_same_refresh(
    containers: list[Container],
) -> None:
    async def story() -> None:
        tokens = await logged_in(containers[0], await signed_up(containers[0]))
        renewal = await outcome(containers[0].service.refresh(tokens.refresh_token))
        assert isinstance(renewal, Tokens)
        old, new = new_refresh_token(), new_refresh_token()
        person = await signed_up(containers[0])
        account = await containers[0].logins.attempt(person.email, Subjects(b"a", b"b"))
        assert account.credentials is not None
        login = NewLogin(account.credentials.account_id, LoginId(uuid4()), old.digest, None)
        await containers[0].logins.open(login, Subjects(b"a", b"b"))

        first = await containers[0].logins.rotate(old.digest, new.digest)
        again = await containers[1].logins.rotate(old.digest, new.digest)
        assert first is not None
        assert first == again
        other = await containers[1].logins.rotate(old.digest, new_refresh_token().digest)
        assert other is None

    asyncio.run(story())


@pytest.mark.parametrize(
    "change",
    [
        "update refresh_tokens set expires_at = now() - interval '1 second'",
        "update logins set expires_at = now() - interval '1 second'",
        "update logins set revoked_at = now()",
    ],
)
def test_a_refresh_token_that_lay_idle_or_whose_login_has_ended_is_refused(
    change: str, containers: list[Container], raw: OneRoundTrip
) -> None:
    async def story() -> Any:
        tokens = await logged_in(containers[0], await signed_up(containers[0]))
        raw.run(change)
        return await outcome(containers[0].service.refresh(tokens.refresh_token))

    refused = asyncio.run(story())
    assert isinstance(refused, Unauthenticated)
    assert refused.code == "bad_refresh_token"


def test_a_refresh_token_lives_30_days_idle_and_never_longer_than_the_login_s_90(
    containers: list[Container], raw: OneRoundTrip
) -> None:
    days = (
        "select round(extract(epoch from max(refresh_tokens.expires_at) - now()) / 86400)::int,"
        " round(extract(epoch from max(logins.expires_at) - now()) / 86400)::int"
        " from refresh_tokens join logins on logins.id = login_id where account_id = :account"
    )

    async def story() -> None:
        person = await signed_up(containers[0])
        tokens = await logged_in(containers[0], person)
        account = _id_of(raw, person)
        assert raw.run(days, account=account) == [[30, 90]]

        raw.run(
            "update logins set expires_at = now() + interval '10 days' where account_id = :account",
            account=account,
        )
        raw.run("delete from refresh_tokens where used_at is not null")
        tokens = await containers[0].service.refresh(tokens.refresh_token)
        raw.run("delete from refresh_tokens where used_at is not null")
        assert raw.run(days, account=account) == [[10, 10]]
        assert isinstance(await containers[0].service.refresh(tokens.refresh_token), Tokens)

    asyncio.run(story())


# ---------------------------------------------------------------- the caller


STANDING = as_caller("select live, allowed from standing")


async def principal_of(container: Container, raw: OneRoundTrip) -> tuple[Person, Principal]:
    person = await signed_up(container)
    await logged_in(container, person)
    account = _id_of(raw, person)
    rows = raw.run("select id from logins where account_id = :account", account=account)
    assert rows
    return person, Principal(AccountId(account), LoginId(rows[0][0]))


def test_a_live_login_may_act_as_itself_and_under_its_own_label_alone(
    containers: list[Container], raw: OneRoundTrip
) -> None:
    database = containers[0].database

    async def story() -> None:
        person, principal = await principal_of(containers[0], raw)
        for label in (None, person.user_id):
            admit(await database.row(STANDING, **identity(principal, label)))
        for label in ("somebody", "", str(person.user_id).upper()):
            with pytest.raises(Forbidden) as refused:
                admit(await database.row(STANDING, **identity(principal, label)))
            assert refused.value.code == "forbidden_user"

    asyncio.run(story())


@pytest.mark.parametrize(
    "change",
    [
        "update logins set revoked_at = now() where id = :id",
        "update logins set expires_at = now() where id = :id",
    ],
)
def test_a_login_that_has_ended_may_nothing(
    change: str, containers: list[Container], raw: OneRoundTrip
) -> None:
    async def story() -> None:
        _, principal = await principal_of(containers[0], raw)
        raw.run(change, id=principal.login_id)
        with pytest.raises(Unauthenticated) as refused:
            admit(await containers[0].database.row(STANDING, **identity(principal)))
        assert refused.value.code == "login_ended"
        for work in (containers[0].accounts.own, containers[0].logins.end):
            with pytest.raises(Unauthenticated):
                await work(principal)

    asyncio.run(story())


def test_a_login_of_another_account_and_an_unknown_login_are_none(
    containers: list[Container], raw: OneRoundTrip
) -> None:
    async def story() -> None:
        _, ada = await principal_of(containers[0], raw)
        _, eve = await principal_of(containers[0], raw)
        for principal in (
            Principal(ada.account_id, eve.login_id),
            Principal(ada.account_id, LoginId(uuid4())),
            Principal(AccountId(uuid4()), ada.login_id),
        ):
            with pytest.raises(Unauthenticated):
                admit(await containers[0].database.row(STANDING, **identity(principal)))

    asyncio.run(story())


def test_logging_out_ends_this_login_and_leaves_the_person_s_others(
    containers: list[Container], raw: OneRoundTrip
) -> None:
    async def story() -> None:
        person, first = await principal_of(containers[0], raw)
        other = await logged_in(containers[0], person)
        await containers[0].service.log_out(first)
        with pytest.raises(Unauthenticated):
            await containers[1].service.me(first)
        assert isinstance(await containers[1].service.refresh(other.refresh_token), Tokens)

    asyncio.run(story())


def test_two_that_log_out_at_once_both_succeed(
    containers: list[Container], raw: OneRoundTrip
) -> None:
    async def story() -> None:
        _, principal = await principal_of(containers[0], raw)
        raw.run("begin")
        raw.run("select 1 from logins where id = :id for update", id=principal.login_id)
        both = [asyncio.create_task(one.service.log_out(principal)) for one in containers[:2]]
        await until_waiting_for_a_lock(raw, statements=2)
        raw.run("commit")
        await asyncio.gather(*both)

    asyncio.run(story())
