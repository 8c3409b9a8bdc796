"""What tests of every kind share: requests as API Gateway gives them to a function."""

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tandem import observability

EVENTS = Path(__file__).parent / "events"

Event = dict[str, Any]
MakeEvent = Callable[..., Event]


@pytest.fixture
def http_event() -> MakeEvent:
    """Reads `tests/events/NAME.json` and changes it for the test."""

    def make(
        name: str,
        *,
        body: Any = None,
        claims: dict[str, Any] | None = None,
        headers: dict[str, str] | None = None,
    ) -> Event:
        """An event.

        Args:
            body: replaces the body; text is taken as it is, anything else is written as JSON.
            claims: replaces what the authorizer says.
            headers: added to the event's own.
        """
        event: Event = json.loads((EVENTS / f"{name}.json").read_text())
        if body is not None:
            event["body"] = body if isinstance(body, str) else json.dumps(body)
        if claims is not None:
            event["requestContext"]["authorizer"] = {"lambda": claims}
        event["headers"] |= headers or {}
        return event

    return make


@pytest.fixture
def log_lines(monkeypatch: pytest.MonkeyPatch) -> Callable[[], list[dict[str, Any]]]:
    """Reads what has been logged since the test began, a dict a line."""
    written = io.StringIO()
    # The logger took hold of standard output when it was imported, before pytest's capture.
    monkeypatch.setattr(observability.logger.registered_handler, "stream", written)
    return lambda: [json.loads(line) for line in written.getvalue().splitlines()]


@pytest.fixture
def metrics_written(
    capsys: pytest.CaptureFixture[str],
) -> Callable[[], list[dict[str, Any]]]:
    """Reads what has been written of metrics since the test began, a dict a request.

    What is counted outside of a request is written with it.
    """
    observability.metrics.clear_metrics()

    def read() -> list[dict[str, Any]]:
        with observability.log_context():
            pass
        lines = capsys.readouterr().out.splitlines()
        return [json.loads(line) for line in lines if '"_aws"' in line]

    return read
