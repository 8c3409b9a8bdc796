"""What the connection must never do: hand on somebody else's answer, or quote its address."""

import asyncio

import pytest

from tandem.db.connection import connect
from tandem.errors import ConfigurationError
from tandem.settings import DatabaseSettings
from tests.integration.turn_ledger import database_at

pytestmark = pytest.mark.integration

UNREADABLE = """
select cast('{"a": 1' || repeat('0', 5000) || '}' as jsonb) as number, cast(:who as text) as who
  from generate_series(1, 3)
"""


def test_after_an_answer_that_can_not_be_read_nobody_gets_the_rest_of_it(database: str) -> None:
    async def ask() -> list[str]:
        container = database_at(database)
        # Python reads no whole number of so many digits; the rest of the answer is left unread.
        with pytest.raises(ValueError, match="4300 digits"):
            await container.rows(UNREADABLE, who="ada")
        answers = [
            (await container.row("select cast(:who as text) as who", who=who))["who"]
            for who in ("bob", "cy", "dee")
        ]
        container.close()
        return answers

    assert asyncio.run(ask()) == ["bob", "cy", "dee"]


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://u:canary/tail@db.example/tandem",
        "postgresql://u:canary@db.example:99999/tandem",
        "postgresql://u:canary\u2100@db.example/tandem",
        "postgresql://u:canary[@db.example/tandem",
    ],
)
def test_an_address_that_can_not_be_taken_apart_is_not_quoted_either(url: str) -> None:
    with pytest.raises(ConfigurationError, match=r"^DATABASE_URL: ") as refused:
        connect(url, DatabaseSettings())

    assert "canary" not in str(refused.value)
    assert refused.value.__suppress_context__
