"""When `rate(...)` and `cron(...)` fire, and how the runner follows them."""

import asyncio
from datetime import UTC, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo

import pytest

from local.resources import ScheduledCall
from local.runtime.outcome import Outcome
from local.scheduler import run_schedule
from local.schedules import ScheduleError, parse_schedule
from tests.functional.gateway_harness import Functions, returns

FRIDAY = datetime(2026, 11, 20, 12, 30, 15, tzinfo=UTC)


def next_of(expression: str, moment: datetime = FRIDAY, zone: tzinfo = UTC) -> str:
    due = parse_schedule(expression, zone=zone).next_after(moment)
    assert due is not None
    return due.astimezone(UTC).strftime("%Y-%m-%d %H:%M")


@pytest.mark.parametrize(
    ("expression", "due"),
    [
        ("rate(1 minute)", "2026-11-20 12:31"),
        ("rate(2 hours)", "2026-11-20 14:30"),
        ("rate(7 days)", "2026-11-27 12:30"),
        ("cron(* * * * ? *)", "2026-11-20 12:31"),
        ("cron(30 12 * * ? *)", "2026-11-21 12:30"),
        ("cron(0/15 * * * ? *)", "2026-11-20 12:45"),
        ("cron(0 3 ? * MON-FRI *)", "2026-11-23 03:00"),
        ("cron(0 3 ? * 1 *)", "2026-11-22 03:00"),
        ("cron(0 3 1,15 * ? *)", "2026-12-01 03:00"),
        ("cron(0 3 L * ? *)", "2026-11-30 03:00"),
        ("cron(0 3 1W * ? *)", "2026-12-01 03:00"),
        ("cron(0 3 ? * 6L *)", "2026-11-27 03:00"),
        ("cron(0 3 ? * FRI#1 *)", "2026-12-04 03:00"),
        ("cron(0 0 29 FEB ? *)", "2028-02-29 00:00"),
        ("cron(0 0 1 JAN ? 2030)", "2030-01-01 00:00"),
        ("cron(10-40/10 12 * * ? *)", "2026-11-20 12:40"),
    ],
)
def test_the_next_firing_is_the_first_match_after_now(expression: str, due: str) -> None:
    assert next_of(expression) == due


def test_the_nearest_weekday_stays_in_its_month() -> None:
    # 1 August 2026 is a Saturday, 31 May 2026 a Sunday.
    assert next_of("cron(0 0 1W 8 ? 2026)", datetime(2026, 7, 1, tzinfo=UTC)) == "2026-08-03 00:00"
    assert next_of("cron(0 0 31W 5 ? 2026)", datetime(2026, 5, 1, tzinfo=UTC)) == "2026-05-29 00:00"


def test_cron_fires_in_the_zone_of_the_schedule() -> None:
    assert next_of("cron(0 9 * * ? *)", zone=ZoneInfo("Asia/Kolkata")) == "2026-11-21 03:30"


def test_a_schedule_that_is_over_never_fires() -> None:
    assert parse_schedule("cron(0 0 1 1 ? 2020)", zone=UTC).next_after(FRIDAY) is None


@pytest.mark.parametrize(
    "expression",
    [
        *("rate(0 minutes)", "rate(1 minutes)", "rate(2 minute)", "rate(5 weeks)", "every day"),
        *("cron(0 3 * * *)", "cron(0 3 * * * *)", "cron(0 3 ? * ? *)", "cron(60 3 * * ? *)"),
        *("cron(0 24 * * ? *)", "cron(0 3 32 * ? *)", "cron(0 3 ? * 8 *)", "cron(0 3 * 13 ? *)"),
        *("cron(30-10 3 * * ? *)", "cron(x 3 * * ? *)", "cron(0/0 3 * * ? *)", "at(2026-01-01)"),
    ],
)
def test_what_the_service_refuses_is_refused(expression: str) -> None:
    with pytest.raises(ScheduleError):
        parse_schedule(expression, zone=UTC)


def test_the_runner_invokes_with_the_input_at_each_firing() -> None:
    moment = FRIDAY
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        nonlocal moment
        slept.append(seconds)
        moment += timedelta(seconds=seconds)

    def overrun(_event: dict[str, object]) -> Outcome:
        nonlocal moment
        moment += timedelta(minutes=61)
        return returns(None)

    functions = Functions(Job=overrun)
    schedule = parse_schedule("cron(0 13,15,16 20 11 ? 2026)", zone=UTC)
    call = ScheduledCall("Nightly", "Job", schedule, '{"a": 1}')
    asyncio.run(run_schedule(call, invoker=functions, now=lambda: moment, sleep=sleep))
    # 13:00, 15:00, and not 16:00, which passed while the second run was busy until 16:01.
    assert functions.events("Job") == [{"a": 1}, {"a": 1}]
    assert slept == [29 * 60 + 45, 59 * 60]
