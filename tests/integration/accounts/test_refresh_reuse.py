"""A refresh token that is used again, on real PostgreSQL: forgiven at once, found out later."""

import asyncio
from typing import Any
from uuid import uuid4

import pytest

from auth_api.service import Tokens
from tandem.db.connection import OneRoundTrip
from tandem.db.logins import NewLogin, Subjects
from tandem.errors import Unauthenticated
from tandem.ids import LoginId
from tandem.tokens import new_refresh_token, refresh_digest
from tests.integration.accounts.instances import Container, logged_in, outcome, signed_up
from tests.integration.lock_waits import until_somebody_waits

pytestmark = pytest.mark.integration


async def first_tokens(containers: list[Container]) -> Tokens:
    return await logged_in(containers[0], await signed_up(containers[0]))


async def refreshed(container: Container, tokens: Tokens) -> Any:
    return await outcome(container.service.refresh(tokens.refresh_token))


def used_earlier(connection: OneRoundTrip, tokens: Tokens, seconds: int) -> None:
    """As if the token had been used (or spent) so long ago."""
    connection.run(
        "update refresh_tokens set used_at = used_at - make_interval(secs => :seconds)"
        " where token_hash = :digest",
        seconds=seconds,
        digest=refresh_digest(tokens.refresh_token),
    )


def test_within_ten_seconds_a_used_token_brings_a_working_pair_again(
    containers: list[Container], connection: OneRoundTrip
) -> None:
    async def story() -> None:
        tokens = await first_tokens(containers)
        first = await refreshed(containers[0], tokens)
        used_earlier(connection, tokens, 9)
        second = await refreshed(containers[1], tokens)
        assert first.user_id == second.user_id
        assert len({tokens.refresh_token, first.refresh_token, second.refresh_token}) == 3
        assert isinstance(await refreshed(containers[0], second), Tokens)

    asyncio.run(story())


def test_later_it_ends_the_login_with_every_token_of_it_and_no_other_login(
    containers: list[Container], connection: OneRoundTrip
) -> None:
    async def story() -> None:
        person = await signed_up(containers[0])
        tokens, other = [await logged_in(containers[0], person) for _ in range(2)]
        successor = await refreshed(containers[0], tokens)
        used_earlier(connection, tokens, 11)
        for stolen in (tokens, successor, tokens):
            refused = await refreshed(containers[1], stolen)
            assert isinstance(refused, Unauthenticated)
            assert refused.code == "bad_refresh_token"
        assert isinstance(await refreshed(containers[0], other), Tokens)

    asyncio.run(story())


def test_the_ten_seconds_count_from_the_first_use_however_often_it_is_used(
    containers: list[Container], connection: OneRoundTrip
) -> None:
    async def story() -> None:
        tokens = await first_tokens(containers)
        for _ in range(3):
            assert isinstance(await refreshed(containers[0], tokens), Tokens)
            used_earlier(connection, tokens, 3)
        used_earlier(connection, tokens, 2)
        assert isinstance(await refreshed(containers[0], tokens), Unauthenticated)

    asyncio.run(story())


def test_whoever_took_a_twin_token_within_the_grace_is_still_found_out(
    containers: list[Container], connection: OneRoundTrip
) -> None:
    async def story() -> None:
        tokens = await first_tokens(containers)
        owner = await refreshed(containers[0], tokens)
        thief = await refreshed(containers[1], tokens)
        later = await refreshed(containers[0], owner)
        used_earlier(connection, thief, 11)
        assert isinstance(await refreshed(containers[1], thief), Unauthenticated)
        assert isinstance(await refreshed(containers[0], later), Unauthenticated)

    asyncio.run(story())


def test_two_tabs_that_keep_in_step_go_on_with_a_token_each(containers: list[Container]) -> None:
    async def story() -> None:
        tokens = await first_tokens(containers)
        tabs = [await refreshed(one, tokens) for one in containers[:2]]
        for _ in range(4):
            both = zip(containers, tabs, strict=False)
            tabs = await asyncio.gather(*(refreshed(one, tab) for one, tab in both))
            assert all(isinstance(tab, Tokens) for tab in tabs)

    asyncio.run(story())


def test_parallel_refreshes_with_one_token_all_get_a_pair_of_their_own(
    containers: list[Container],
) -> None:
    async def story() -> list[Any]:
        tokens = await first_tokens(containers)
        return await asyncio.gather(*(refreshed(one, tokens) for one in containers))

    pairs = asyncio.run(story())
    assert len({pair.refresh_token for pair in pairs}) == 8


@pytest.mark.parametrize(("ago", "kind"), [("9", Tokens), ("11", Unauthenticated)])
def test_a_refresh_waits_for_one_that_is_still_open_and_sees_when_it_used_the_token(
    ago: str, kind: type, containers: list[Container], connection: OneRoundTrip
) -> None:
    async def story() -> Any:
        tokens = await first_tokens(containers)
        connection.run("begin")
        connection.run(
            "update refresh_tokens set used_at = now() - cast(:ago as interval)"
            " where token_hash = :digest",
            ago=f"{ago} seconds",
            digest=refresh_digest(tokens.refresh_token),
        )
        second = asyncio.create_task(refreshed(containers[0], tokens))
        await until_somebody_waits(connection)
        connection.run("commit")
        return await second

    assert isinstance(asyncio.run(story()), kind)


def test_a_refresh_that_waited_for_the_login_s_end_is_refused(
    containers: list[Container], connection: OneRoundTrip
) -> None:
    async def story() -> Any:
        tokens = await first_tokens(containers)
        connection.run("begin")
        connection.run("update logins set revoked_at = now() where revoked_at is null")
        second = asyncio.create_task(refreshed(containers[0], tokens))
        await until_somebody_waits(connection)
        connection.run("commit")
        return await second

    assert isinstance(asyncio.run(story()), Unauthenticated)


def test_a_refresh_sent_again_after_a_lost_answer_is_the_same_refresh_however_late(
    containers: list[Container], connection: OneRoundTrip
) -> None:
    async def story() -> None:
        person = await signed_up(containers[0])
        known = await containers[0].logins.attempt(person.email, Subjects(b"a", b"b"))
        assert known.credentials is not None
        old, new = new_refresh_token(), new_refresh_token()
        account = known.credentials.account_id
        login = NewLogin(account, LoginId(uuid4()), old.digest, 0, None)
        await containers[0].logins.open(login, Subjects(b"a", b"b"))

        first = await containers[0].logins.rotate(old.digest, new.digest)
        used_earlier(connection, Tokens("", old.value, ""), 11)
        again = await containers[1].logins.rotate(old.digest, new.digest)
        assert first is not None
        assert first == again
        other = await containers[1].logins.rotate(old.digest, new_refresh_token().digest)
        assert other is not None
        assert other.reused

    asyncio.run(story())


def test_a_token_that_lay_idle_unused_is_refused_and_ends_nothing(
    containers: list[Container], connection: OneRoundTrip
) -> None:
    async def story() -> None:
        tokens = await first_tokens(containers)
        twin = await refreshed(containers[0], tokens)
        connection.run(
            "update refresh_tokens set expires_at = now() where token_hash = :digest",
            digest=refresh_digest(twin.refresh_token),
        )
        assert isinstance(await refreshed(containers[0], twin), Unauthenticated)
        assert isinstance(await refreshed(containers[0], tokens), Tokens)

    asyncio.run(story())
