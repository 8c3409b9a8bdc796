"""Listing and ending one's logins, and changing the password, on real PostgreSQL."""

import asyncio
from typing import Any
from uuid import uuid4

import pytest

from auth_api.service import Person, Tokens
from tandem.db.connection import OneRoundTrip
from tandem.db.logins import NewLogin, NewPassword, Subjects
from tandem.errors import AppError, Forbidden, NotFound, RateLimited, Unauthenticated
from tandem.ids import LoginId
from tandem.principal import Principal
from tandem.tokens import new_refresh_token
from tests.integration.accounts.instances import (
    ADDRESS,
    Container,
    logged_in,
    newest_login,
    outcome,
    principal_of,
    signed_up,
)
from tests.integration.lock_waits import until_somebody_waits

pytestmark = pytest.mark.integration
NEW = "another battery"


async def changed(
    container: Container, principal: Principal, *, current: str = "correct horse", new: str = NEW
) -> Any:
    return await outcome(
        container.service.change_password(principal, current=current, new=new, address=ADDRESS)
    )


async def more_logins(
    container: Container, connection: OneRoundTrip, person: Person, count: int
) -> list[Principal]:
    found = []
    for _ in range(count):
        await logged_in(container, person)
        found.append(newest_login(connection, person))
    return found


async def is_live(container: Container, principal: Principal) -> bool:
    return not isinstance(await outcome(container.service.me(principal)), AppError)


def test_the_list_has_the_person_s_live_logins_newest_first_page_by_page(
    containers: list[Container], connection: OneRoundTrip
) -> None:
    service = containers[0].service

    async def story() -> None:
        await principal_of(containers[0], connection)
        person, first = await principal_of(containers[0], connection)
        others = await more_logins(containers[0], connection, person, 4)
        await service.log_out(others[1])
        connection.run("update logins set expires_at = now() where id = :id", id=others[2].login_id)

        page = await service.open_logins(first, limit=2, cursor=None)
        rest = await service.open_logins(first, limit=2, cursor=page.next_cursor)
        assert [one.id for one in page.items] == [others[3].login_id, others[0].login_id]
        assert [one.id for one in rest.items] == [first.login_id]
        assert rest.next_cursor is None
        assert page.items[0].created_at.tzname() == "UTC"

        _, eve = await principal_of(containers[0], connection)
        refused = await outcome(service.open_logins(eve, limit=2, cursor=page.next_cursor))
        assert isinstance(refused, AppError)
        assert refused.code == "invalid_cursor"

    asyncio.run(story())


def test_one_login_is_ended_by_its_id_and_may_be_ended_again(
    containers: list[Container], connection: OneRoundTrip
) -> None:
    async def story() -> None:
        person, first = await principal_of(containers[0], connection)
        [other, third] = await more_logins(containers[0], connection, person, 2)
        for _ in range(2):
            await containers[0].service.end_login(first, other.login_id)
        assert not await is_live(containers[1], other)
        assert await is_live(containers[1], third)
        await containers[0].service.end_login(first, first.login_id)
        assert not await is_live(containers[1], first)

    asyncio.run(story())


def test_somebody_else_s_login_and_an_unknown_one_are_not_found_and_go_on(
    containers: list[Container], connection: OneRoundTrip
) -> None:
    async def story() -> None:
        _, ada = await principal_of(containers[0], connection)
        _, eve = await principal_of(containers[0], connection)
        for login_id in (ada.login_id, LoginId(uuid4())):
            with pytest.raises(NotFound) as refused:
                await containers[0].service.end_login(eve, login_id)
            assert refused.value.code == "login_not_found"
        assert await is_live(containers[0], ada)
        await containers[0].service.log_out(eve)
        with pytest.raises(Unauthenticated):
            await containers[0].service.end_login(eve, eve.login_id)

    asyncio.run(story())


def test_a_changed_password_ends_the_other_logins_and_only_the_new_one_logs_in(
    containers: list[Container], connection: OneRoundTrip
) -> None:
    async def story() -> None:
        person = await signed_up(containers[0])
        tokens = [await logged_in(containers[0], person) for _ in range(2)]
        mine = newest_login(connection, person)
        _, eve = await principal_of(containers[0], connection)

        assert await changed(containers[0], mine) is None
        assert await is_live(containers[1], mine)
        assert await is_live(containers[1], eve)
        refused = await outcome(containers[1].service.refresh(tokens[0].refresh_token))
        assert isinstance(refused, Unauthenticated)
        assert isinstance(await containers[1].service.refresh(tokens[1].refresh_token), Tokens)
        assert isinstance(await outcome(logged_in(containers[0], person)), Unauthenticated)
        again = person._replace(password=NEW)
        assert isinstance(await logged_in(containers[0], again), Tokens)
        listed = await containers[0].service.open_logins(mine, limit=9, cursor=None)
        assert len(listed.items) == 2

    asyncio.run(story())


def test_a_login_checked_with_the_old_password_is_dead_when_it_opens_after_the_change(
    containers: list[Container], connection: OneRoundTrip
) -> None:
    async def story() -> None:
        person, mine = await principal_of(containers[0], connection)
        subjects = Subjects(b"a", b"b")
        attempt = await containers[1].logins.attempt(person.email, subjects)
        assert attempt.credentials is not None
        assert await changed(containers[0], mine) is None
        late, token = LoginId(uuid4()), new_refresh_token()
        version = attempt.credentials.password_version
        new = NewLogin(mine.account_id, late, token.digest, version, "rehashed old one")
        await containers[1].logins.open(new, subjects)
        assert not await is_live(containers[1], Principal(mine.account_id, late))
        refused = await outcome(containers[1].service.refresh(token.value))
        assert isinstance(refused, Unauthenticated)
        assert isinstance(await logged_in(containers[0], person._replace(password=NEW)), Tokens)

    asyncio.run(story())


def test_a_login_that_is_being_opened_while_the_password_changes_does_not_survive(
    containers: list[Container], connection: OneRoundTrip
) -> None:
    async def story() -> None:
        person, mine = await principal_of(containers[0], connection)
        late = LoginId(uuid4())
        connection.run("begin")
        connection.run(
            "update accounts set first_name = 'held' where email = :email", email=person.email
        )
        change = asyncio.create_task(changed(containers[0], mine))
        await until_somebody_waits(connection)
        connection.run(
            "insert into logins (id, account_id, expires_at)"
            " values (:id, :account, now() + interval '1 day')",
            id=late,
            account=mine.account_id,
        )
        connection.run("commit")
        assert await change is None
        assert not await is_live(containers[1], Principal(mine.account_id, late))
        assert await is_live(containers[1], mine)

    asyncio.run(story())


def test_of_two_changes_at_once_one_wins_and_the_other_is_told_so(
    containers: list[Container], connection: OneRoundTrip
) -> None:
    async def story() -> None:
        person, first = await principal_of(containers[0], connection)
        [second] = await more_logins(containers[0], connection, person, 1)
        connection.run("begin")
        connection.run("select 1 from accounts where email = :email for update", email=person.email)
        both = [
            asyncio.create_task(changed(one, login, new=f"battery number {n}"))
            for n, (one, login) in enumerate(zip(containers, (first, second), strict=False))
        ]
        await until_somebody_waits(connection, count=2)
        connection.run("commit")
        answers = await asyncio.gather(*both)
        assert [type(answer) for answer in answers if answer] == [Forbidden]
        winner = answers.index(None)
        kept = [await is_live(containers[2], login) for login in (first, second)]
        assert kept == [winner == 0, winner == 1]
        now = person._replace(password=f"battery number {winner}")
        assert isinstance(await logged_in(containers[0], now), Tokens)

    asyncio.run(story())


def test_a_change_sent_again_after_a_lost_answer_is_the_same_change(
    containers: list[Container], connection: OneRoundTrip
) -> None:
    async def story() -> None:
        _, mine = await principal_of(containers[0], connection)
        new, subjects = NewPassword("hash", 0), Subjects(b"a", b"b")
        assert await containers[0].logins.change_password(mine, new, subjects)
        assert await containers[1].logins.change_password(mine, new, subjects)
        other = NewPassword("other hash", 0)
        assert not await containers[1].logins.change_password(mine, other, subjects)
        assert await is_live(containers[0], mine)

    asyncio.run(story())


def test_wrong_guesses_at_the_current_password_are_slowed_and_a_right_one_takes_them_back(
    containers: list[Container], connection: OneRoundTrip
) -> None:
    async def story() -> None:
        _, mine = await principal_of(containers[0], connection)
        for _ in range(4):
            guessed = await changed(containers[0], mine, current="guess")
            assert isinstance(guessed, Forbidden)
            assert guessed.code == "bad_credentials"
        assert await changed(containers[0], mine) is None
        for n in range(5):
            assert isinstance(await changed(containers[n], mine, current="guess"), Forbidden)
        slowed = await changed(containers[0], mine, current=NEW)
        assert isinstance(slowed, RateLimited)
        assert slowed.code == "too_many_logins"

    asyncio.run(story())


def test_guesses_at_logins_and_at_the_current_password_count_together_for_an_address(
    containers: list[Container], connection: OneRoundTrip
) -> None:
    async def story() -> None:
        _, mine = await principal_of(containers[0], connection)
        for n in range(12):
            await outcome(containers[0].service.log_in(f"nobody{n}@example.com", "x", ADDRESS))
        assert isinstance(await changed(containers[0], mine), RateLimited)

    asyncio.run(story())


def test_a_login_that_has_ended_changes_no_password_and_counts_no_guess(
    containers: list[Container], connection: OneRoundTrip
) -> None:
    async def story() -> None:
        person, mine = await principal_of(containers[0], connection)
        await containers[0].service.log_out(mine)
        connection.run("truncate login_failures")
        assert isinstance(await changed(containers[0], mine), Unauthenticated)
        assert connection.run("select count(*) from login_failures") == [[0]]
        new, subjects = NewPassword("hash", 0), Subjects(b"a", b"b")
        with pytest.raises(Unauthenticated):
            await containers[0].logins.change_password(mine, new, subjects)
        assert isinstance(await logged_in(containers[0], person), Tokens)

    asyncio.run(story())
