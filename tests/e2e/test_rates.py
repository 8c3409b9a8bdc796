"""What all processes together ask of a provider, and that all of them hear when it is too much."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

import httpx
import pytest

from local.person import Person, until
from local.stack import Stack
from tests.e2e.harness import FAST_TALKER, assert_problem, database_of, newcomer

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


def _pause(stack: Stack, provider: str) -> float:
    """For how many seconds nobody may call it."""
    with database_of(stack) as database:
        [[seconds]] = database.run(
            "select extract(epoch from paused_until - clock_timestamp()) from rate_budgets"
            " where provider = :provider",
            provider=provider,
        )
    return float(seconds)


def test_a_429_that_the_delivery_job_meets_keeps_a_turn_from_asking(planned: Stack) -> None:
    fault = {"kind": "status", "status": 429, "retry_after": 5, "path": "*/messages", "times": 1}
    with newcomer(planned.url) as person:
        first = person.chat("one", "I like archery.")
        person.until_learned([first["turn_id"]])
        httpx.post(f"{planned.zep_url}/_twin/faults", json=fault).raise_for_status()
        second = person.chat("one", "I like rowing.")
        until(lambda: _pause(planned, "zep") > 0, "the job has met the 429")
        third = person.chat("one", "What do I like?")
        person.until_learned([second["turn_id"], third["turn_id"]])

    assert (second["degraded"], third["degraded"]) == ([], ["zep"])


def test_gemini_is_waited_for_when_it_wants_to_be_left_alone_for_a_moment(planned: Stack) -> None:
    with newcomer(planned.url) as person:
        _pause_gemini(planned, seconds=1)
        assert person.chat("one", "I like archery.")["degraded"] == []
        assert _pause(planned, "gemini") <= 0


def test_while_gemini_wants_to_be_left_alone_for_longer_a_turn_says_so_at_once_and_is_kept(
    planned: Stack,
) -> None:
    with newcomer(planned.url) as person:
        _pause_gemini(planned, seconds=7)
        body = {"session_id": "one", "message": "I like archery."}
        refused = person.http.post("/api/chat", json=body)
        problem = assert_problem(refused, 503, "upstream_rate_limited")
        assert 5 <= int(refused.headers["retry-after"]) <= 7

        until(lambda: _pause(planned, "gemini") <= 0, "the pause is over")
        key = {"idempotency-key": problem["turn_id"]}
        assert person.http.post("/api/chat", json=body, headers=key).status_code == 200


def _pause_gemini(stack: Stack, *, seconds: int) -> None:
    with database_of(stack) as database:
        database.run(
            "update rate_budgets set paused_until = now() + make_interval(secs => :seconds)"
            " where provider = 'gemini'",
            seconds=seconds,
        )


def _busiest(times: list[float], *, seconds: float) -> int:
    return max(sum(at <= other < at + seconds for other in times) for at in times)
