"""What a login may until it ends, and how it is renewed, on real PostgreSQL."""

import asyncio
from typing import Any
from uuid import uuid4

import pytest

from auth_api.service import Tokens
from tandem.db.caller import admit, as_caller, identity
from tandem.db.connection import OneRoundTrip
from tandem.errors import Forbidden, Unauthenticated
from tandem.ids import AccountId, LoginId
from tandem.principal import Principal
from tests.integration.accounts.instances import (
    Container,
    id_of,
    logged_in,
    outcome,
    principal_of,
    signed_up,
)
from tests.integration.lock_waits import until_somebody_waits

pytestmark = pytest.mark.integration


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
        for work in (containers[0].accounts.own, containers[0].service.log_out):
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


def test_logging_out_everywhere_ends_all_logins_of_the_person_and_nobody_else_s(
    containers: list[Container], connection: OneRoundTrip
) -> None:
    async def story() -> None:
        person, first = await principal_of(containers[0], connection)
        mine = [await logged_in(containers[0], person) for _ in range(2)]
        theirs = await logged_in(containers[0], await signed_up(containers[0]))
        await containers[0].service.log_out(first, everywhere=True)
        for tokens in mine:
            assert isinstance(
                await outcome(containers[1].service.refresh(tokens.refresh_token)), Unauthenticated
            )
        assert isinstance(await containers[1].service.refresh(theirs.refresh_token), Tokens)
        assert isinstance(await logged_in(containers[0], person), Tokens)

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
