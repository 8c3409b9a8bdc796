"""Who may call. Any key is good but those that say what is wrong with them."""

from __future__ import annotations

from local.twins.gemini import wire
from local.twins.server import Answer, Call, Refusal


def guard(call: Call) -> None:
    """Refuses calls without a key, with a token instead, and with a key named for its fault.

    Raises:
        Refusal: 403 without a key, 401 with a bearer token alone, 400 for a key that begins with
            `invalid`, 403 for one that begins with `denied`.
    """
    key = call.headers.get("x-goog-api-key") or call.query.get("key") or ""
    refused = _refused(key, call.headers.get("authorization", ""))
    if refused:
        raise Refusal(refused)


def _refused(key: str, authorization: str) -> Answer | None:
    if key.startswith("invalid"):
        message = "API key not valid. Please pass a valid API key."
        return wire.refused_key(400, message, "API_KEY_INVALID")
    if key.startswith("denied"):
        message = (
            "Generative Language API has not been used in this project before or it is disabled."
        )
        return wire.refused_key(403, message, "SERVICE_DISABLED")
    if key:
        return None
    if authorization:
        message = (
            "Request had invalid authentication credentials. Expected OAuth 2 access token, login "
            "cookie or other valid authentication credential."
        )
        return wire.refused_key(401, message, "ACCESS_TOKEN_TYPE_UNSUPPORTED")
    message = (
        "Method doesn't allow unregistered callers (callers without established identity). "
        "Please use API Key or other form of API consumer identity to call this API."
    )
    return wire.error(403, message)
