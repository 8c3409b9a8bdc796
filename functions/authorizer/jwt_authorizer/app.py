"""Lambda authorizer of the HTTP API (payload 2.0, simple responses).

API Gateway answers 401 only to an error whose text is exactly `Unauthorized`; any other error is
its 500, which is what a missing secret deserves: the token may be perfectly good.
"""

import json
import os
import sys
from typing import Any

from jwt_authorizer.secret import SecretMissing, SigningKeys, fetch_keys
from jwt_authorizer.settings import KEY_BYTES, load
from jwt_authorizer.tokens import TokenRefused, bearer, check_with_any

settings = load(os.environ)
signing_keys = SigningKeys(
    lambda: fetch_keys(settings.secret_arn), at_least_bytes=KEY_BYTES[settings.algorithm]
)


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Allows a request that carries a good access token, and tells the function whose it is."""
    try:
        token = bearer(str((event.get("identitySource") or [""])[0]))
        context = check_with_any(token, signing_keys.value(), settings)
    except TokenRefused as refusal:
        _log("INFO", "token refused", event, reason=str(refusal))
        raise Exception("Unauthorized") from None
    except SecretMissing as missing:
        _log("ERROR", "secret missing", event, setting=str(missing))
        raise
    return {"isAuthorized": True, "context": context}


def _log(level: str, message: str, event: dict[str, Any], **fields: str) -> None:
    line = {
        "level": level,
        "message": message,
        "service": os.environ.get("POWERTOOLS_SERVICE_NAME", "authorizer"),
        "request_id": event.get("requestContext", {}).get("requestId"),
    }
    sys.stdout.write(json.dumps(line | fields) + "\n")
