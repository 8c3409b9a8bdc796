"""The role's keys of a function: in variables or, with SnapStart, behind an address on loopback.

Source: AWS Lambda Developer Guide, "Activating and managing Lambda SnapStart"; AWS SDKs and Tools
Reference Guide, "Container credential provider", 2026.
"""

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

TEST_CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "test-key",
    "AWS_SECRET_ACCESS_KEY": "test-key",
    "AWS_SESSION_TOKEN": "test-key",
}
CREDENTIALS_PATH = "/credentials"
_LIFETIME = timedelta(hours=1)


@dataclass(frozen=True)
class RuntimeAddress:
    """Where one instance finds its Runtime API, and what it shows there to get its role's keys.

    Attributes:
        authority: `host:port`.
        token: random for each instance.
    """

    authority: str
    token: str = field(repr=False)


def credential_variables(address: RuntimeAddress, *, snap_start: bool) -> dict[str, str]:
    """What a function's environment has of its role: the keys, or where to fetch them."""
    if not snap_start:
        return TEST_CREDENTIALS.copy()
    return {
        "AWS_CONTAINER_CREDENTIALS_FULL_URI": f"http://{address.authority}{CREDENTIALS_PATH}",
        "AWS_CONTAINER_AUTHORIZATION_TOKEN": address.token,
    }


def credentials_document() -> bytes:
    """The keys as the address answers them, good for an hour."""
    document = {
        "AccessKeyId": TEST_CREDENTIALS["AWS_ACCESS_KEY_ID"],
        "SecretAccessKey": TEST_CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
        "Token": TEST_CREDENTIALS["AWS_SESSION_TOKEN"],
        "Expiration": (datetime.now(UTC) + _LIFETIME).strftime("%Y-%m-%dT%H:%M:%SZ"),
    }
    return json.dumps(document).encode()
