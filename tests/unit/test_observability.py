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


def test_metrics_are_written_out_at_the_end_of_the_request(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(observability.metrics.provider, "service", "auth")

    with observability.log_context(request_id="r-1"):
        observability.count("deliveries_refused")
        observability.measure("upstream_ms", 12.5)
        assert capsys.readouterr().out == ""

    metric = json.loads(capsys.readouterr().out)
    assert metric["deliveries_refused"] == [1.0]
    assert metric["upstream_ms"] == [12.5]
