"""A Zep with a small plan: never asked more often than it allows, by all processes together, and
nothing is lost for that."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

import httpx
import pytest

from local.person import Person
from local.stack import Stack
from tests.e2e.harness import FAST_TALKER, newcomer

pytestmark = pytest.mark.e2e

PLAN = 120
TURNS = 5


@pytest.fixture(scope="module")
def planned() -> Iterator[Stack]:
    """A stack whose Zep allows little."""
    plan = {"ZEP_REQUESTS_PER_MINUTE": str(PLAN)}
    with Stack(extra_environment=FAST_TALKER, overrides=plan) as running:
        yield running


def _talk(person: Person) -> list[tuple[str, list[str]]]:
    answers = [person.chat("one", f"I like sport number {number}.") for number in range(TURNS)]
    return [(answer["turn_id"], answer["degraded"]) for answer in answers]


def test_people_who_talk_faster_than_the_plan_allows_are_answered_and_all_arrives(
    planned: Stack,
) -> None:
    with newcomer(planned.url) as one, newcomer(planned.url) as other:
        with ThreadPoolExecutor(2) as pool:
            said = list(pool.map(_talk, (one, other)))
        for person, turns in zip((one, other), said, strict=True):
            person.until_learned([turn_id for turn_id, _ in turns])

    degraded = {store for turns in said for _, missing in turns for store in missing}
    assert degraded <= {"zep"}
    asked = httpx.get(f"{planned.zep_url}/_twin/requests").json()["requests"]
    times = [datetime.fromisoformat(record["at"]).timestamp() for record in asked]
    assert len(times) > TURNS * 4
    # A full bucket, and what flows in meanwhile and in the three seconds before.
    bucket, a_second = PLAN / 20, PLAN * 0.95 / 63
    assert _busiest(times, seconds=2) <= bucket + 5 * a_second


def _busiest(times: list[float], *, seconds: float) -> int:
    return max(sum(at <= other < at + seconds for other in times) for at in times)
