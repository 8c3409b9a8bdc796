"""One line a call to a provider, with nothing in it that anybody said."""

from collections.abc import Callable
from typing import Any

import pytest

from tandem import observability
from tandem.clients.call_log import log_call
from tandem.clients.http import Outcome, UpstreamCall


@pytest.mark.parametrize(("outcome", "level"), [("ok", "INFO"), ("timeout", "WARNING")])
def test_a_call_is_one_line(
    outcome: Outcome, level: str, log_lines: Callable[[], list[dict[str, Any]]]
) -> None:
    with observability.log_context(request_id="request-1"):
        log_call(UpstreamCall("zep", "thread.list_messages", 200, outcome, 0.01234, 2))

    [line] = [line for line in log_lines() if line.get("message") == "upstream_call"]
    wanted = {
        "level": level,
        "request_id": "request-1",
        "provider": "zep",
        "operation": "thread.list_messages",
        "status": 200,
        "outcome": outcome,
        "duration_ms": 12.3,
        "attempt": 2,
    }
    assert {name: line[name] for name in wanted} == wanted
