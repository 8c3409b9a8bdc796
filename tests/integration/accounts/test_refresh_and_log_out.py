"""What a login may until it ends, and how it is renewed, on real PostgreSQL."""

import asyncio
from typing import Any
from uuid import uuid4

import pytest

from auth_api.service import Person, Tokens
from tandem.db.caller import admit, as_caller, identity
from tandem.db.connection import OneRoundTrip
from tandem.db.logins import NewLogin, Subjects
from tandem.errors import Forbidden, Unauthenticated
from tandem.ids import AccountId, LoginId
from tandem.principal import Principal
from tandem.tokens import new_refresh_token
from tests.integration.accounts.instances import (
    Container,
    id_of,
    logged_in,
    outcome,
    signed_up,
)
from tests.integration.lock_waits import until_somebody_waits

pytestmark = pytest.mark.integration


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
    containers: list[Container], connection: OneRoundTrip
) -> None:
    async def story() -> Any:
        tokens = await logged_in(containers[0], await signed_up(containers[0]))
        connection.run("begin")
        connection.run("update refresh_tokens set used_at = now() where used_at is null")
        second = asyncio.create_task(outcome(containers[0].service.refresh(tokens.refresh_token)))
        await until_somebody_waits(connection)
        connection.run("commit")
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
    change: str, containers: list[Container], connection: OneRoundTrip
) -> None:
    async def story() -> Any:
        tokens = await logged_in(containers[0], await signed_up(containers[0]))
        connection.run(change)
        return await outcome(containers[0].service.refresh(tokens.refresh_token))

    refused = asyncio.run(story())
    assert isinstance(refused, Unauthenticated)
    assert refused.code == "bad_refresh_token"


def test_a_refresh_token_lives_30_days_idle_and_never_longer_than_the_login_s_90(
    containers: list[Container], connection: OneRoundTrip
) -> None:
    days = (
        "select round(extract(epoch from max(refresh_tokens.expires_at) - now()) / 86400)::int,"
        " round(extract(epoch from max(logins.expires_at) - now()) / 86400)::int"
        " from refresh_tokens join logins on logins.id = login_id where account_id = :account"
    )

    async def story() -> None:
        person = await signed_up(containers[0])
        tokens = await logged_in(containers[0], person)
        account = id_of(connection, person)
        assert connection.run(days, account=account) == [[30, 90]]

        connection.run(
            "update logins set expires_at = now() + interval '10 days' where account_id = :account",
            account=account,
        )
        connection.run("delete from refresh_tokens where used_at is not null")
        tokens = await containers[0].service.refresh(tokens.refresh_token)
        connection.run("delete from refresh_tokens where used_at is not null")
        assert connection.run(days, account=account) == [[10, 10]]
        assert isinstance(await containers[0].service.refresh(tokens.refresh_token), Tokens)

    asyncio.run(story())


STANDING = as_caller("select live, allowed from standing")


async def principal_of(container: Container, connection: OneRoundTrip) -> tuple[Person, Principal]:
    person = await signed_up(container)
    await logged_in(container, person)
    account = id_of(connection, person)
    rows = connection.run("select id from logins where account_id = :account", account=account)
    assert rows
    return person, Principal(AccountId(account), LoginId(rows[0][0]))


def test_a_live_login_may_act_as_itself_and_under_its_own_label_alone(
    containers: list[Container], connection: OneRoundTrip
) -> None:
    database = containers[0].database

    async def story() -> None:
        person, principal = await principal_of(containers[0], connection)
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
    change: str, containers: list[Container], connection: OneRoundTrip
) -> None:
    async def story() -> None:
        _, principal = await principal_of(containers[0], connection)
        connection.run(change, id=principal.login_id)
        with pytest.raises(Unauthenticated) as refused:
            admit(await containers[0].database.row(STANDING, **identity(principal)))
        assert refused.value.code == "login_ended"
        for work in (containers[0].accounts.own, containers[0].logins.end):
            with pytest.raises(Unauthenticated):
                await work(principal)

    asyncio.run(story())


def test_a_login_of_another_account_and_an_unknown_login_are_none(
    containers: list[Container], connection: OneRoundTrip
) -> None:
    async def story() -> None:
        _, ada = await principal_of(containers[0], connection)
        _, eve = await principal_of(containers[0], connection)
        for principal in (
            Principal(ada.account_id, eve.login_id),
            Principal(ada.account_id, LoginId(uuid4())),
            Principal(AccountId(uuid4()), ada.login_id),
        ):
            with pytest.raises(Unauthenticated):
                admit(await containers[0].database.row(STANDING, **identity(principal)))

    asyncio.run(story())


def test_logging_out_ends_this_login_and_leaves_the_person_s_others(
    containers: list[Container], connection: OneRoundTrip
) -> None:
    async def story() -> None:
        person, first = await principal_of(containers[0], connection)
        other = await logged_in(containers[0], person)
        await containers[0].service.log_out(first)
        with pytest.raises(Unauthenticated):
            await containers[1].service.me(first)
        assert isinstance(await containers[1].service.refresh(other.refresh_token), Tokens)

    asyncio.run(story())


def test_two_that_log_out_at_once_both_succeed(
    containers: list[Container], connection: OneRoundTrip
) -> None:
    async def story() -> None:
        _, principal = await principal_of(containers[0], connection)
        connection.run("begin")
        connection.run("select 1 from logins where id = :id for update", id=principal.login_id)
        both = [asyncio.create_task(one.service.log_out(principal)) for one in containers[:2]]
        await until_somebody_waits(connection, count=2)
        connection.run("commit")
        await asyncio.gather(*both)

    asyncio.run(story())
