"""The jobs' handlers: deliver, sweep and migrate, as Lambda calls them."""

import asyncio
import importlib
import json
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from types import ModuleType, SimpleNamespace
from typing import Any
from uuid import UUID, uuid4

import pytest

from tandem.db.backlog import Backlog
from tandem.deadline import Deadline
from tandem.errors import ConfigurationError, Unavailable
from tandem.ids import SessionRowId
from tandem.loop import container_loop
from tests.own_process import run_python

SETTINGS = {
    "STAGE": "test",
    "SECRET_ARN": "arn:test",
    "ZEP_BASE_URL": "http://127.0.0.1:1",
    "MEM0_API_URL": "http://127.0.0.1:1",
    "DELIVERY_QUEUE_URL": "http://127.0.0.1:1/queue",
    "CONSOLIDATION_QUEUE_URL": "http://127.0.0.1:1/queue",
}
Logs = Callable[[], list[dict[str, Any]]]


@pytest.fixture
def job(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], ModuleType]]:
    """Imports a job afresh, with settings and with a database that nobody serves."""
    with socket.create_server(("127.0.0.1", 0)) as gone:
        port = gone.getsockname()[1]
    for name, value in SETTINGS.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("SECRET_ARN")
    monkeypatch.setenv("DATABASE_URL", f"postgresql://canary:canary@127.0.0.1:{port}/canary")

    def start(name: str) -> ModuleType:
        full_name = f"memory_api.jobs.{name}"
        sys.modules.pop(full_name, None)
        return importlib.import_module(full_name)

    yield start
    for name in [name for name in sys.modules if name.startswith("memory_api.jobs.")]:
        del sys.modules[name]


class Deliveries:
    """Stands in for the delivery service: keeps what it was asked and fails where told to."""

    def __init__(self) -> None:
        self.asked: list[SessionRowId] = []
        self.deadlines: list[Deadline] = []
        self.failures: dict[SessionRowId, Exception] = {}
        self.done: list[SessionRowId] = []
        self.stuck: set[SessionRowId] = set()

    async def deliver(self, session_row: SessionRowId, deadline: Deadline) -> None:
        self.asked.append(session_row)
        self.deadlines.append(deadline)
        if session_row in self.failures:
            raise self.failures[session_row]
        if session_row in self.stuck:
            await asyncio.Event().wait()
        for _ in range(5):
            await asyncio.sleep(0)
        self.done.append(session_row)


@pytest.fixture
def deliveries(job: Callable[[str], ModuleType]) -> Deliveries:
    service = Deliveries()
    job("deliver").delivery = service  # type: ignore[attr-defined]
    return service


def wake_up(session: UUID, message_id: str) -> dict[str, Any]:
    return {"messageId": message_id, "body": json.dumps({"session": str(session)})}


def deliver(*records: dict[str, Any], context: Any = None) -> list[str]:
    answer = sys.modules["memory_api.jobs.deliver"].handler({"Records": list(records)}, context)
    assert list(answer) == ["batchItemFailures"]
    return [failure["itemIdentifier"] for failure in answer["batchItemFailures"]]


# ---------------------------------------------------------------- deliver


def test_several_wake_ups_of_one_session_are_one_delivery(deliveries: Deliveries) -> None:
    one, other = uuid4(), uuid4()

    assert deliver(wake_up(one, "a"), wake_up(other, "b"), wake_up(one, "c")) == []

    assert deliveries.asked == [one, other]


@pytest.mark.parametrize(
    "body",
    ["", "canary", "[]", "7", "null", '{"other": 1}', '{"session": "canary"}', '{"session": 5}'],
)
def test_a_wake_up_that_can_not_be_read_comes_again_alone_and_is_not_quoted(
    body: str, deliveries: Deliveries, log_lines: Logs
) -> None:
    good = uuid4()

    assert deliver({"messageId": "bad", "body": body}, wake_up(good, "good")) == ["bad"]

    assert deliveries.done == [good]
    assert "wake_up_unreadable" in {line["message"] for line in log_lines()}
    assert "canary" not in str(log_lines())


@pytest.mark.parametrize("failure", [Unavailable(), ZeroDivisionError("canary")])
def test_a_session_that_fails_comes_again_with_all_its_wake_ups_and_the_others_are_done(
    failure: Exception, deliveries: Deliveries, log_lines: Logs
) -> None:
    bad, good = uuid4(), uuid4()
    deliveries.failures[SessionRowId(bad)] = failure

    failed = deliver(wake_up(bad, "a"), wake_up(good, "b"), wake_up(bad, "c"))

    assert failed == ["a", "c"]
    assert deliveries.done == [good]
    [line] = [line for line in log_lines() if line["message"] == "delivery_run_failed"]
    assert (line["session"], line["error"]) == (str(bad), type(failure).__name__)
    assert "canary" not in str(log_lines())


def test_a_session_that_never_ends_is_broken_off_in_time_and_the_others_count(
    deliveries: Deliveries, log_lines: Logs
) -> None:
    stuck, good = uuid4(), uuid4()
    deliveries.stuck.add(SessionRowId(stuck))
    context = SimpleNamespace(get_remaining_time_in_millis=lambda: 50, aws_request_id="request-1")

    assert deliver(wake_up(stuck, "a"), wake_up(good, "b"), context=context) == ["a"]

    assert deliveries.done == [good]
    [line] = [line for line in log_lines() if line["message"] == "delivery_run_overdue"]
    assert line["session"] == str(stuck)
    assert asyncio.all_tasks(container_loop()) == set()


def test_nothing_is_left_on_the_loop_when_the_handler_returns(deliveries: Deliveries) -> None:
    bad = uuid4()
    deliveries.failures[SessionRowId(bad)] = ZeroDivisionError()

    deliver(wake_up(bad, "a"), *(wake_up(uuid4(), str(number)) for number in range(9)))

    assert len(deliveries.done) == 9
    assert asyncio.all_tasks(container_loop()) == set()


def test_no_records_are_no_failures(deliveries: Deliveries) -> None:
    assert deliver() == deliveries.asked == []
    assert sys.modules["memory_api.jobs.deliver"].handler({}, None) == {"batchItemFailures": []}


@pytest.mark.parametrize(("remaining_ms", "seconds"), [(60_000, 58.0), (20_000, 20.0)])
def test_a_run_ends_before_lambda_ends_it(
    remaining_ms: int, seconds: float, deliveries: Deliveries
) -> None:
    context = SimpleNamespace(
        get_remaining_time_in_millis=lambda: remaining_ms, aws_request_id="request-1"
    )
    deliver(wake_up(uuid4(), "a"), context=context)

    [deadline] = deliveries.deadlines
    assert seconds - 5 < deadline.left() <= seconds


def test_with_the_database_away_every_wake_up_comes_again(
    job: Callable[[str], ModuleType], log_lines: Logs
) -> None:
    job("deliver")

    assert deliver(wake_up(uuid4(), "a"), wake_up(uuid4(), "b")) == ["a", "b"]

    failed = [line for line in log_lines() if line["message"] == "delivery_run_failed"]
    assert [line["code"] for line in failed] == ["database_unavailable"] * 2
    assert "canary" not in str(log_lines())


# ---------------------------------------------------------------- sweep


class Sweep:
    """Stands in for the sweep's statements and the queue."""

    def __init__(self, late: list[UUID]) -> None:
        self.late = late
        self.asked: list[tuple[str, Any]] = []

    async def sessions_with_work(
        self, *, patience_seconds: float, abandoned_seconds: float
    ) -> list[UUID]:
        self.asked.append(("late", (patience_seconds, abandoned_seconds)))
        return self.late

    async def backlog(self, *, abandoned_seconds: float) -> Backlog:
        self.asked.append(("backlog", abandoned_seconds))
        return Backlog(owed=7, oldest_seconds=61.5, refused=0, overdue=1)

    async def wipe_text(self, *, days: int) -> int:
        self.asked.append(("wipe", days))
        return 3

    async def forget_expired(self) -> None:
        self.asked.append(("forget", None))

    async def send_all(self, sessions: list[UUID]) -> bool:
        self.asked.append(("wake", sessions))
        return False


@pytest.mark.parametrize("late", [[], [uuid4(), uuid4()]])
def test_the_sweep_wakes_what_is_late_tells_how_things_stand_wipes_and_forgets(
    late: list[UUID],
    job: Callable[[str], ModuleType],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("SWEEP_PATIENCE_SECONDS", "90")
    monkeypatch.setenv("TURN_ABANDONED_SECONDS", "120")
    monkeypatch.setenv("TEXT_RETENTION_DAYS", "7")
    module, sweep = job("sweep"), Sweep(late)
    module.sweeping = module.wake = sweep  # type: ignore[attr-defined]

    assert module.handler({}, None) == {"woken": len(late), "wiped": 3}

    wakes = [("wake", late)] if late else []
    cleared = [("wipe", 7), ("forget", None)]
    assert sweep.asked == [("late", (90.0, 120.0)), *wakes, ("backlog", 120.0), *cleared]
    [metrics] = [
        json.loads(line) for line in capsys.readouterr().out.splitlines() if "_aws" in line
    ]
    gauges = ("OldestOwedSeconds", "OwedDeliveries", "RefusedDeliveries", "OpenTurnsOverdue")
    assert [metrics[name] for name in gauges] == [[61.5], [7.0], [0.0], [1.0]]


def test_with_the_database_away_the_sweep_fails_without_a_word_of_its_address(
    job: Callable[[str], ModuleType],
) -> None:
    with pytest.raises(Unavailable) as failed:
        job("sweep").handler({}, None)
    assert "canary" not in f"{failed.value!r} {failed.value.context}"


# ---------------------------------------------------------------- migrate


def test_with_the_database_away_migrating_fails_without_a_word_of_its_address(
    job: Callable[[str], ModuleType], log_lines: Logs
) -> None:
    with pytest.raises(Unavailable) as failed:
        job("migrate").handler({}, None)

    assert str(failed.value) == failed.value.code == "database_unavailable"
    [line] = log_lines()
    assert (line["message"], line["error"]) == ("migration_failed", "ConnectionRefusedError")
    assert "canary" not in str(line)


def test_migrating_names_a_setting_that_is_wrong_and_not_its_value(
    job: Callable[[str], ModuleType], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", "canary")
    with pytest.raises(ConfigurationError, match=r"^DATABASE_URL: ") as failed:
        job("migrate").handler({}, None)
    assert "canary" not in str(failed.value)


# ---------------------------------------------------------------- starting


def start(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return run_python(code, "layers/common", "functions/memory", environment=environment)


@pytest.mark.parametrize("name", ["deliver", "sweep", "plan", "consolidate", "migrate"])
def test_a_job_starts_without_a_secret_or_a_network_and_imports_only_what_it_needs(
    name: str,
) -> None:
    code = f"""
import socket, sys
def refuse(*_): raise AssertionError("connected at import")
socket.create_connection = socket.socket.connect = refuse
import memory_api.jobs.{name}
print(*sys.modules)
"""
    started = start(code, **SETTINGS)

    assert started.returncode == 0, started.stderr
    modules = set(started.stdout.split())
    assert f"memory_api.jobs.{name}" in modules
    strangers = {"fastapi", "mangum", "agno", "google.genai", "boto3", "sqlalchemy"}
    assert not modules & strangers
    assert ("httpx" in modules) == (name != "migrate")


@pytest.mark.parametrize(
    ("name", "setting"),
    [
        ("deliver", "STAGE"),
        ("deliver", "ZEP_BASE_URL"),
        ("deliver", "MEM0_API_URL"),
        ("deliver", "DELIVERY_QUEUE_URL"),
        ("deliver", "CONSOLIDATION_QUEUE_URL"),
        ("sweep", "DELIVERY_QUEUE_URL"),
        ("plan", "CONSOLIDATION_QUEUE_URL"),
        ("consolidate", "CONSOLIDATION_QUEUE_URL"),
    ],
)
def test_a_job_refuses_to_start_without_a_setting_and_names_it(name: str, setting: str) -> None:
    environment = {key: value for key, value in SETTINGS.items() if key != setting}
    started = start(f"import memory_api.jobs.{name}", **environment)

    assert started.returncode != 0
    assert f"{setting}: is missing" in started.stderr


@pytest.mark.parametrize(
    ("name", "setting"),
    [
        ("deliver", "DELIVERY_LEASE_SECONDS"),
        ("deliver", "DELIVERY_CALL_SECONDS"),
        ("deliver", "INGESTION_POLL_SECONDS"),
        ("deliver", "TURN_ABANDONED_SECONDS"),
        ("sweep", "SWEEP_PATIENCE_SECONDS"),
        ("sweep", "TURN_ABANDONED_SECONDS"),
        ("sweep", "TEXT_RETENTION_DAYS"),
        ("plan", "HIDDEN_MEMORY_DAYS"),
        ("consolidate", "HIDDEN_MEMORY_DAYS"),
        ("consolidate", "TIDYING_PEOPLE_AT_ONCE"),
    ],
)
def test_a_job_refuses_to_start_with_a_wrong_setting_and_does_not_quote_it(
    name: str, setting: str
) -> None:
    started = start(f"import memory_api.jobs.{name}", **SETTINGS, **{setting: "canary"})

    assert started.returncode != 0
    assert f"{setting}: has a value that is not accepted" in started.stderr
    assert "canary" not in started.stderr


@pytest.mark.parametrize(
    ("name", "queue"),
    [("sweep", "DELIVERY_QUEUE_URL"), ("plan", "CONSOLIDATION_QUEUE_URL"), ("migrate", None)],
)
def test_a_job_does_not_ask_for_what_it_does_not_use(name: str, queue: str | None) -> None:
    needed = {queue: SETTINGS[queue]} if queue else {}
    started = start(f"import memory_api.jobs.{name}", **needed)

    assert started.returncode == 0, started.stderr
