"""The handlers of the plan job and of the consolidate job, as Lambda calls them."""

import importlib
import json
import socket
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import ModuleType, SimpleNamespace
from typing import Any
from uuid import uuid4

import pytest

from memory_api.jobs.planning import Planned
from tandem.deadline import Deadline
from tandem.errors import Unavailable
from tandem.ids import AccountId

SETTINGS = {
    "STAGE": "test",
    "ZEP_BASE_URL": "http://127.0.0.1:1",
    "MEM0_API_URL": "http://127.0.0.1:1",
    "CONSOLIDATION_QUEUE_URL": "http://127.0.0.1:1/queue",
}
Logs = Callable[[], list[dict[str, Any]]]
Start = Callable[[str], ModuleType]


@pytest.fixture
def job(monkeypatch: pytest.MonkeyPatch) -> Iterator[Start]:
    """Imports a job afresh, with settings and with a database that nobody serves."""
    with socket.create_server(("127.0.0.1", 0)) as gone:
        port = gone.getsockname()[1]
    for name, value in SETTINGS.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("SECRET_ARN", raising=False)
    monkeypatch.setenv("DATABASE_URL", f"postgresql://canary:canary@127.0.0.1:{port}/canary")

    def start(name: str) -> ModuleType:
        full_name = f"memory_api.jobs.{name}"
        sys.modules.pop(full_name, None)
        return importlib.import_module(full_name)

    yield start
    for name in ("plan", "consolidate"):
        sys.modules.pop(f"memory_api.jobs.{name}", None)


def context(remaining_ms: int) -> SimpleNamespace:
    return SimpleNamespace(
        get_remaining_time_in_millis=lambda: remaining_ms, aws_request_id="request-1"
    )


class Plan:
    """Stands in for the walk over the accounts."""

    def __init__(self) -> None:
        self.asked: list[tuple[AccountId | None, float]] = []

    async def carry_out(self, after: AccountId | None, deadline: Deadline) -> Planned:
        self.asked.append((after, deadline.left()))
        return Planned(pages=3, people=7, goes_on=True)


@pytest.mark.parametrize(("remaining_ms", "seconds"), [(300_000, 290.0), (100_000, 100.0)])
def test_a_plan_is_made_of_everybody_and_ends_before_lambda_ends_it(
    remaining_ms: int,
    seconds: float,
    job: Start,
    metrics_written: Callable[[], list[dict[str, Any]]],
) -> None:
    module, plan = job("plan"), Plan()
    module.plan = plan  # type: ignore[attr-defined]

    counts = module.handler({"id": "scheduled"}, context(remaining_ms))

    assert counts == {"pages": 3, "people": 7, "goes_on": 1}
    assert [each["PlansMade"] for each in metrics_written()] == [[1.0]]
    [(after, left)] = plan.asked
    assert after is None
    assert seconds - 5 < left <= seconds


def test_with_the_database_away_a_plan_fails_so_that_lambda_starts_it_again(job: Start) -> None:
    with pytest.raises(Unavailable) as failed:
        job("plan").handler({}, None)
    assert "canary" not in f"{failed.value!r} {failed.value.context}"


class Tidying:
    """Stands in for what is done with a batch."""

    def __init__(self) -> None:
        self.batches: list[list[Mapping[str, Any]]] = []
        self.left: list[float] = []

    async def handle(self, records: Sequence[Mapping[str, Any]], deadline: Deadline) -> list[str]:
        self.batches.append(list(records))
        self.left.append(deadline.left())
        return [record["messageId"] for record in records if record["messageId"] == "bad"]


@pytest.mark.parametrize(("remaining_ms", "seconds"), [(900_000, 840.0), (500_000, 500.0)])
def test_failed_messages_are_named_and_the_job_leaves_itself_a_minute(
    remaining_ms: int, seconds: float, job: Start
) -> None:
    module, tidying = job("consolidate"), Tidying()
    module.tidying = tidying  # type: ignore[attr-defined]
    records = [{"messageId": "good", "body": "{}"}, {"messageId": "bad", "body": "{}"}]

    answer = module.handler({"Records": records}, context(remaining_ms))

    assert answer == {"batchItemFailures": [{"itemIdentifier": "bad"}]}
    assert tidying.batches == [records]
    assert seconds - 5 < tidying.left[0] <= seconds


def test_no_records_are_no_failures(job: Start) -> None:
    assert job("consolidate").handler({}, None) == {"batchItemFailures": []}


def test_with_the_database_away_every_message_comes_again_but_none_is_quoted(
    job: Start, log_lines: Logs
) -> None:
    records = [
        {"messageId": name, "body": json.dumps({"account": str(uuid4())})} for name in ("a", "b")
    ]
    records.append({"messageId": "c", "body": json.dumps({"plan_after": str(uuid4())})})

    answer = job("consolidate").handler({"Records": records}, None)

    failed = {failure["itemIdentifier"] for failure in answer["batchItemFailures"]}
    assert failed == {"a", "b", "c"}
    told = [line["message"] for line in log_lines()]
    assert (told.count("tidying_failed"), told.count("planning_failed")) == (2, 1)
    assert "canary" not in str(log_lines())
