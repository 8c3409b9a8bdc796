"""The mark of words that were on their way while their session was deleted."""

import asyncio

import pytest

from tandem.db.deliveries import Role
from tests.integration.delivery.talk import Talk

pytestmark = pytest.mark.integration

ROLES: list[Role] = ["user", "assistant"]


def test_a_mark_says_whether_the_words_were_still_owed(talk: Talk) -> None:
    first, second = talk.say("one"), talk.say("two")
    lease = talk.held()

    async def mark(turn_id: object) -> bool:
        return await talk.deliveries.sent(lease, turn_id, ROLES, check_id="job", provider_ids=())  # type: ignore[arg-type]

    assert asyncio.run(mark(first.turn_id))
    talk.delete()
    assert not asyncio.run(mark(second.turn_id))
    assert {state for *_, state in talk.states()} == {"cancelled"}
