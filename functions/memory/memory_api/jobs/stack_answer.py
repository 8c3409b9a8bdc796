"""What CloudFormation asks of a custom resource, and the one answer that each question needs.

Source: AWS CloudFormation User Guide, "Custom resource request and response reference",
November 2026.
"""

import http.client
import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Literal
from urllib.parse import urlsplit

from tandem import observability

Status = Literal["SUCCESS", "FAILED"]

ANSWER_SECONDS = 10.0
"""What an answer may take with all its attempts; the work has to leave that much time."""

_PHYSICAL_ID = "schema"  # never another: CloudFormation would take it for a replacement
_LOOPBACK = {"127.0.0.1", "::1", "localhost"}
_LONGEST_REASON = 1_000  # the whole answer may have 4,096 bytes
_ATTEMPTS = 3
_ATTEMPT_SECONDS = 1.5
_PAUSE_SECONDS = 0.25


def is_from_stack(event: Mapping[str, Any]) -> bool:
    """Whether CloudFormation sent this event and waits for an answer to it."""
    return "RequestType" in event and "ResponseURL" in event


def goes_back(event: Mapping[str, Any]) -> bool:
    """Whether a deployment that failed is being undone: the code gets an older version again.

    CloudFormation doesn't say so; it sends an `Update` to the properties that were there before.
    """
    before, after = (
        _version(event.get(k)) for k in ("OldResourceProperties", "ResourceProperties")
    )
    return before is not None and after is not None and after < before


class StackAnswer:
    """Tells CloudFormation how it went, once.

    Args:
        event: what CloudFormation sent.
    """

    def __init__(self, event: Mapping[str, Any]) -> None:
        self._event = event
        self._mutex = threading.Lock()
        self._is_sent = False

    @contextmanager
    def failing_after(self, seconds: float, reason: str) -> Iterator[None]:
        """Answers `FAILED` when the work inside has not ended by then; Lambda would end it mute."""
        timer = threading.Timer(seconds, self.send, ("FAILED", reason))
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()

    def send(self, status: Status, reason: str) -> None:
        """Sends the answer, unless one has been sent. Blocks for at most `ANSWER_SECONDS`.

        Wire: `PUT` of a JSON object to the event's presigned `ResponseURL`, without a content
        type, since the signature covers an empty one. An answer that can't be delivered is logged
        and ends the waiting after the resource's ServiceTimeout.

        Args:
            reason: shown in the stack's events; anyone who may read those reads it.
        """
        with self._mutex:
            if self._is_sent:
                return
            self._is_sent = True
            body = {
                "Status": status,
                "Reason": reason[:_LONGEST_REASON],
                "PhysicalResourceId": _PHYSICAL_ID,
                **{key: self._event.get(key) for key in ("StackId", "RequestId")},
                "LogicalResourceId": self._event.get("LogicalResourceId"),
            }
            self._deliver(json.dumps(body).encode())

    def _deliver(self, body: bytes) -> None:
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                _put(str(self._event["ResponseURL"]), body)
                return
            except (OSError, http.client.HTTPException, ValueError) as error:
                observability.error(
                    "stack_not_answered", attempt=attempt, **observability.describe(error)
                )
            threading.Event().wait(_PAUSE_SECONDS)


def _version(properties: Mapping[str, Any] | None) -> int | None:
    """The number at the end of a published version's ARN."""
    number = str((properties or {}).get("CodeVersion")).rpartition(":")[2]
    return int(number) if number.isdecimal() else None


def _put(url: str, body: bytes) -> None:
    parts = urlsplit(url)
    if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in _LOOPBACK):
        raise ValueError("only https addresses are answered")
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = kind(parts.netloc, timeout=_ATTEMPT_SECONDS)
    try:
        target = parts._replace(scheme="", netloc="", fragment="").geturl()
        connection.request("PUT", target, body=body, headers={"content-type": ""})
        with connection.getresponse() as answer:
            answer.read(10_000)
    finally:
        connection.close()
    if answer.status != http.client.OK:
        raise ValueError(f"the answer was met with {answer.status}")
