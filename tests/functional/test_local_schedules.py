"""When `rate(...)` and `cron(...)` fire, and how the runner follows them."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo

import pytest

from local.resources import ScheduledCall
from local.scheduler import run_schedule
from local.schedules import ScheduleError, parse_schedule

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


class Firings:
    """Time that passes only while somebody sleeps; `oversleeps` is how much longer than asked."""

    def __init__(self) -> None:
        self.moment = FRIDAY
        self.slept: list[float] = []
        self.oversleeps = timedelta()

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.moment += timedelta(seconds=seconds) + self.oversleeps
        await asyncio.sleep(0)

    def run(self, call: ScheduledCall, invoke: Callable[[ScheduledCall], Awaitable[None]]) -> None:
        asyncio.run(run_schedule(call, invoke=invoke, now=lambda: self.moment, sleep=self.sleep))


AT_13_15_16 = ScheduledCall(
    "Nightly", "Job", parse_schedule("cron(0 13,15,16 20 11 ? 2026)", zone=UTC), '{"a": 1}'
)


def test_the_function_is_invoked_at_each_firing_whether_or_not_a_run_has_ended() -> None:
    firings = Firings()
    began: list[datetime] = []
    all_began = asyncio.Event()

    async def invoke(call: ScheduledCall) -> None:
        assert call.payload == '{"a": 1}'
        began.append(firings.moment)
        if len(began) == 3:
            all_began.set()
        await all_began.wait()

    firings.run(AT_13_15_16, invoke)
    assert len(began) == 3
    assert firings.slept == [29 * 60 + 45, 2 * 3600, 3600]


def test_a_machine_that_slept_does_not_make_up_for_what_it_missed() -> None:
    firings = Firings()
    firings.oversleeps = timedelta(minutes=150)
    began: list[datetime] = []

    async def invoke(_call: ScheduledCall) -> None:
        began.append(firings.moment)

    firings.run(AT_13_15_16, invoke)
    # 13:00 fires at 15:30, 15:00 never, 16:00 at 18:30.
    assert len(began) == 2


def test_a_firing_that_breaks_down_does_not_end_the_schedule() -> None:
    began: list[str] = []

    async def invoke(call: ScheduledCall) -> None:
        began.append(call.name)
        raise RuntimeError("a fault of the local stack's own")

    Firings().run(AT_13_15_16, invoke)
    assert len(began) == 3
