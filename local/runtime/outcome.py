"""What comes back from invoking a function."""

import json
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

PAYLOAD_LIMIT_BYTES = 6_291_556
"""Lambda's limit for a synchronous request and for its response."""


class Failure(StrEnum):
    """Why there is no result; the values are the words that Lambda uses for it."""

    FUNCTION = "Unhandled"
    INIT = "Runtime.InitError"
    TIMEOUT = "Sandbox.Timedout"
    CRASH = "Runtime.ExitError"
    THROTTLED = "TooManyRequestsException"
    REQUEST_TOO_LARGE = "RequestTooLargeException"
    RESPONSE_TOO_LARGE = "Function.ResponseSizeTooLarge"


@dataclass(frozen=True)
class Outcome:
    """The JSON text a function returned, or the error document and the kind of failure."""

    payload: bytes
    failure: Failure | None = None

    def value(self) -> Any:
        """The payload as Python values."""
        return json.loads(self.payload)


def failed(failure: Failure, message: str) -> Outcome:
    """An outcome in the shape that Lambda gives its own failures."""
    document = {"errorType": failure.value, "errorMessage": message}
    return Outcome(json.dumps(document).encode(), failure)
