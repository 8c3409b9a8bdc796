import json
from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest

from tandem import observability
from tandem.errors import NotFound, UpstreamTimeout

ACCOUNT = UUID("0b0e1c52-6f0e-4f6c-9d0e-0a4f5d1c2b3a")


LogLines = Callable[[], list[dict[str, Any]]]


def test_lines_of_a_request_carry_its_fields_and_what_became_known_in_it(
    log_lines: LogLines,
) -> None:
    with observability.log_context(request_id="r-1"):
        observability.info("first")
        observability.note(account_id=ACCOUNT)
        observability.warning("second", attempt=2)
    observability.error("third")

    first, second, third = log_lines()
    assert (first["message"], first["level"], first["request_id"]) == ("first", "INFO", "r-1")
    assert "account_id" not in first
    assert (second["account_id"], second["attempt"]) == (str(ACCOUNT), 2)
    assert second["level"] == "WARNING"
    assert third["level"] == "ERROR"
    assert "request_id" not in third


def test_what_is_noted_outside_of_a_request_goes_nowhere(log_lines: LogLines) -> None:
    observability.note(account_id=ACCOUNT)
    observability.info("line")

    assert "account_id" not in log_lines()[0]


def test_an_error_of_ours_is_described_by_its_code_and_context() -> None:
    try:
        try:
            raise TimeoutError("canary")
        except TimeoutError as cause:
            raise UpstreamTimeout("zep", operation="get_context") from cause
    except UpstreamTimeout as error:
        fields = observability.describe(error)

    assert fields["error"] == "UpstreamTimeout"
    assert fields["caused_by"] == "TimeoutError"
    assert fields["context_operation"] == "get_context"
    assert "canary" not in str(fields)
    assert "frames" not in observability.describe(NotFound())


def test_a_foreign_error_is_described_by_where_it_arose_and_never_by_its_text() -> None:
    try:
        raise ValueError("canary")
    except ValueError as error:
        fields = observability.describe(error)

    assert fields["error"] == "ValueError"
    assert str(fields["frames"]).startswith("test_observability.py:")
    assert "canary" not in str(fields)


@pytest.fixture(autouse=True)
def nothing_counted_yet() -> None:
    observability.metrics.clear_metrics()


def test_metrics_are_written_out_at_the_end_of_the_request(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(observability.metrics.provider, "service", "auth")

    with observability.log_context(request_id="r-1"):
        observability.count("DeliveriesRefused")
        observability.measure("ZepMilliseconds", 12.5)
        observability.gauge("OldestOwedSeconds", 60)
        assert capsys.readouterr().out == ""

    metric = json.loads(capsys.readouterr().out)
    assert metric["DeliveriesRefused"] == [1.0]
    assert metric["ZepMilliseconds"] == [12.5]
    assert units(metric) == {
        "DeliveriesRefused": "Count",
        "ZepMilliseconds": "Milliseconds",
        "OldestOwedSeconds": "Seconds",
    }


def test_metrics_stand_for_the_stage_and_for_the_function_in_every_request(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(observability.metrics.provider, "service", "auth")
    monkeypatch.setenv("STAGE", "prod")
    observability._stage.cache_clear()

    for _ in range(2):
        with observability.log_context(request_id="r-1"):
            observability.count("TurnsAnswered")
    observability._stage.cache_clear()

    for line in capsys.readouterr().out.splitlines():
        metric = json.loads(line)
        [directive] = metric["_aws"]["CloudWatchMetrics"]
        assert directive["Namespace"] == "Tandem"
        assert [sorted(each) for each in directive["Dimensions"]] == [
            ["service", "stage"],
            ["stage"],
        ]
        assert (metric["stage"], metric["service"]) == ("prod", "auth")


def test_metrics_of_more_than_a_hundred_calls_keep_their_dimensions(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with observability.log_context(request_id="r-1"):
        for _ in range(250):
            observability.count("ZepCalls")

    metrics = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [len(metric["ZepCalls"]) for metric in metrics] == [100, 100, 50]
    assert {str(metric["_aws"]["CloudWatchMetrics"][0]["Dimensions"]) for metric in metrics} == {
        str(metrics[0]["_aws"]["CloudWatchMetrics"][0]["Dimensions"])
    }


def units(metric: dict[str, Any]) -> dict[str, str]:
    [directive] = metric["_aws"]["CloudWatchMetrics"]
    return {each["Name"]: each["Unit"] for each in directive["Metrics"]}
