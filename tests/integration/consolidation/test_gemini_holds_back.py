"""Gemini's refusals for now (429) while a memory is tidied, and whom they stop."""

from dataclasses import replace
from uuid import uuid4

import pytest

from memory_api.consolidation.wiring import build_consolidation
from tandem.clients.bounds import Bounds
from tandem.deadline import Deadline
from tandem.loop import run
from tests.integration.consolidation.tidied import Tidied
from tests.integration.twin_process import TwinProcess

pytestmark = pytest.mark.integration


class KeptBudget:
    """Lets everything pass and keeps what everybody is told."""

    def __init__(self) -> None:
        self.refusals: list[int | None] = []

    async def take(self, operation: str, *, seconds: float) -> None:
        """Always at once."""

    async def refused(self, retry_after_seconds: int | None) -> None:
        self.refusals.append(retry_after_seconds)


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("/v1/models/gemini-embedding-001:batchEmbedContents", []),
        ("/v1/models/gemini-3.5-flash-lite:generateContent", [30]),
    ],
    ids=["embedding", "judging"],
)
def test_only_the_model_that_people_talk_to_is_left_alone_by_everybody_when_it_asks_for_that(
    tidied: Tidied, gemini: TwinProcess, path: str, told: list[int]
) -> None:
    """Google limits each model by itself."""
    tidied.judged(("Likes tea", "Is fond of tea", "same"))
    for number, text in enumerate(("Likes tea", "Is fond of tea"), start=1):
        tidied.said(tidied.remembers(text), number, number)
    budget = KeptBudget()
    parts = replace(tidied.parts, gemini_bounds=Bounds(budget=budget))
    gemini.fault(path=path, kind="status", status=429, retry_after=30)

    work = build_consolidation(parts).run(
        tidied.person.account_id, started_by="schedule", owner=uuid4(), deadline=Deadline(20.0)
    )

    assert run(work).status == "done"
    assert budget.refusals == told
    assert tidied.visible() == {"Likes tea", "Is fond of tea"}
