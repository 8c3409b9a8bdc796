"""Signing up and logging in on real PostgreSQL: races and limits."""

import asyncio
from typing import Any
from uuid import uuid4

import pytest

from auth_api.service import Tokens
from tandem.db.accounts import NewAccount
from tandem.db.connection import OneRoundTrip
from tandem.db.logins import NewLogin, Subjects
from tandem.db.sweeping import Sweeping
from tandem.errors import Conflict, RateLimited, Unauthenticated
from tandem.ids import AccountId, LoginId
from tandem.tokens import new_refresh_token
from tests.integration.accounts.instances import (
    ADDRESS,
    Container,
    Hashing,
    id_of,
    logged_in,
    outcome,
    signed_up,
    someone,
)
from tests.integration.lock_waits import DEADLINE_SECONDS, until_somebody_waits

pytestmark = pytest.mark.integration


@pytest.mark.parametrize("same", ["email", "user_id"])
def test_of_parallel_sign_ups_for_one_name_one_gets_it(
    same: str, containers: list[Container], connection: OneRoundTrip
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
    assert connection.run(query, name=next(iter(shared.values()))) == [[1]]


@pytest.mark.parametrize(("end", "conflict"), [("commit", True), ("rollback", False)])
def test_a_sign_up_waits_for_another_one_that_is_still_open(
    end: str, conflict: bool, containers: list[Container], connection: OneRoundTrip
) -> None:
    person = someone()
    insert = (
        "insert into accounts (id, user_id, email, password_hash)"
        " values (:id, :user_id, :email, 'x')"
    )

    async def story() -> Any:
        connection.run("begin")
        connection.run(insert, id=uuid4(), user_id=f"q-{uuid4().hex}", email=person.email)
        second = asyncio.create_task(outcome(containers[0].service.sign_up(person)))
        async with asyncio.timeout(DEADLINE_SECONDS):
            await until_somebody_waits(connection)
            connection.run(end)
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


def failures_lie_back(connection: OneRoundTrip, interval: str) -> None:
    connection.run(
        "update login_failures set window_started = window_started - cast(:i as interval)",
        i=interval,
    )


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
    containers: list[Container], connection: OneRoundTrip, hashing: Hashing
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

        connection.run(
            "update login_failures set window_started = window_started - interval '880 s'"
        )
        late = await outcome(logged_in(containers[0], person))
        assert isinstance(late, RateLimited)
        assert late.retry_after_seconds in range(10, 21)

        connection.run(
            "update login_failures set window_started = window_started - interval '20 s'"
        )
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
    containers: list[Container], connection: OneRoundTrip
) -> None:
    service = containers[0].service

    async def story() -> None:
        person = await signed_up(containers[0])
        for _ in range(4):
            await outcome(service.log_in(person.email, "guess", ADDRESS))
        await logged_in(containers[0], person)
        await logged_in(containers[0], person)

    asyncio.run(story())
    assert connection.run("select failures from login_failures order by failures") == [[0], [4]]


def test_parallel_good_logins_of_one_person_all_pass(containers: list[Container]) -> None:
    async def story() -> list[Any]:
        person = await signed_up(containers[0])
        return await asyncio.gather(*(outcome(logged_in(containers[n], person)) for n in range(5)))

    assert all(isinstance(result, Tokens) for result in asyncio.run(story()))


def test_the_table_of_failures_names_nobody(
    containers: list[Container], connection: OneRoundTrip
) -> None:
    asyncio.run(_fail(containers[0]))

    rows = connection.run("select subject from login_failures")
    assert rows is not None
    assert [len(row[0]) for row in rows] == [32, 32]
    stored = b"".join(row[0] for row in rows)
    assert b"nobody" not in stored
    assert ADDRESS.encode() not in stored


def test_old_counts_are_dropped_and_one_that_is_in_use_is_not_waited_for(
    containers: list[Container], connection: OneRoundTrip
) -> None:
    async def story() -> None:
        await _fail(containers[0])
        connection.run(
            "update login_failures set window_started = window_started - interval '2 days'"
        )
        connection.run("insert into login_failures values ('recent', now(), 1)")
        connection.run("begin")
        [[held]] = connection.run("select subject from login_failures limit 1 for update") or []
        await Sweeping(containers[0].database).forget_expired()
        connection.run("commit")

        left = connection.run("select subject from login_failures order by window_started")
        assert left == [[held], [b"recent"]]

    asyncio.run(story())


async def _fail(container: Container) -> None:
    await outcome(container.service.log_in("nobody@example.com", "guess", ADDRESS))


def test_a_renewed_hash_is_stored_with_the_login(
    containers: list[Container], connection: OneRoundTrip
) -> None:
    async def story() -> None:
        person = await signed_up(containers[0])
        account = AccountId(id_of(connection, person))
        for renewed in ("renewed", None):
            new = NewLogin(account, LoginId(uuid4()), new_refresh_token().digest, 0, renewed)
            await containers[0].logins.open(new, Subjects(b"a", b"b"))
            await containers[1].logins.open(new, Subjects(b"a", b"b"))
        query = "select password_hash from accounts where id = :id"
        assert connection.run(query, id=account) == [["renewed"]]
        query = "select count(*) from logins where account_id = :id"
        assert connection.run(query, id=account) == [[2]]

    asyncio.run(story())
