"""What docs/runbook.md tells people to run against the database runs, and helps."""

import re
from pathlib import Path

import pytest

from tests.integration.delivery.talk import Talk

pytestmark = pytest.mark.integration

RUNBOOK = (Path(__file__).parents[3] / "docs" / "runbook.md").read_text()
STATEMENTS = [
    statement.strip()
    for block in re.findall(r"```sql\n(.*?)```", RUNBOOK, re.DOTALL)
    for statement in block.split(";")
    if statement.strip()
]
REPAIRS = [statement for statement in STATEMENTS if not statement.startswith("select")]


@pytest.mark.parametrize("statement", STATEMENTS)
def test_each_statement_runs_and_shows_nothing_that_was_said(talk: Talk, statement: str) -> None:
    talk.say("canary")

    assert "canary" not in str(talk.person.connection.run(statement))


def test_what_was_refused_is_owed_again_and_found_by_the_sweep(talk: Talk) -> None:
    never_taken, not_ingested = talk.say(), talk.say()
    talk.delivered(talk.say())
    zep, mem0 = talk.held("zep"), talk.held("mem0")
    talk.finished(zep, never_taken, state="refused")
    talk.finished(zep, not_ingested)
    talk.finished(mem0, never_taken)
    talk.sent(mem0, not_ingested, check="job-5")
    talk.finished(mem0, not_ingested, state="refused")
    talk.release(zep)
    talk.release(mem0)

    [repair] = REPAIRS
    talk.person.connection.run(repair)

    assert [row for row in talk.states() if row[3] != "ingested"] == [
        (1, "zep", "assistant", "owed"),
        (1, "zep", "user", "owed"),
        (2, "mem0", "user", "sent"),
    ]
    talk.age("deliveries", "owed_at = now() - interval '61 s'")
    assert talk.is_late()
