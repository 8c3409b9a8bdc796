"""The event that a function gets: payload format 2.0.

Source: API Gateway Developer Guide, "Create AWS Lambda proxy integrations for HTTP APIs" and
"Control access with Lambda authorizers" (read November 2026).
"""

import base64
import os
from datetime import datetime
from typing import Any

from local.gateway.request import Request
from local.gateway.routing import Match
from local.resources import ACCOUNT_ID, REGION

API_ID = "local"

# Documented as text. Everything else, `application/x-www-form-urlencoded` among it (observed by
# others), arrives base64. Unverified on AWS: `application/*+json` is not in the list either.
_TEXT_TYPES = ("application/json", "application/xml", "application/javascript")
# Unverified on AWS: headers that concern only the connection stay at the gateway.
_HOP_BY_HOP = frozenset({"connection", "keep-alive", "te", "transfer-encoding", "upgrade"})


def new_request_id() -> str:
    """An id in the form that API Gateway gives its requests."""
    return base64.b64encode(os.urandom(11)).decode()


def build_event(
    request: Request, match: Match, *, stage: str, request_id: str, now: datetime
) -> dict[str, Any]:
    """The event without authorizer; keys that would be empty are absent (documented)."""
    host = request.header("host") or "localhost"
    event: dict[str, Any] = {
        "version": "2.0",
        "routeKey": match.route.key,
        # Observed by others: as it was sent, not decoded, the stage included.
        "rawPath": request.raw_path,
        "rawQueryString": request.raw_query,
        "headers": _headers(request),
        "requestContext": {
            "accountId": ACCOUNT_ID,
            "apiId": API_ID,
            "domainName": host.rsplit(":", 1)[0],
            "domainPrefix": host.split(".", 1)[0].split(":", 1)[0],
            "http": {
                "method": request.method,
                "path": request.raw_path,
                "protocol": request.protocol,
                "sourceIp": request.source_ip,
                "userAgent": request.header("user-agent") or "",
            },
            "requestId": request_id,
            "routeKey": match.route.key,
            "stage": stage,
            "time": now.strftime("%d/%b/%Y:%H:%M:%S +0000"),
            "timeEpoch": int(now.timestamp() * 1000),
        },
        "isBase64Encoded": False,
    }
    cookies = _cookies(request)
    optional = {
        "cookies": cookies,
        "queryStringParameters": request.query,
        "pathParameters": match.path_parameters,
    }
    event.update({name: value for name, value in optional.items() if value})
    event.update(_body(request))
    return event


def build_authorizer_event(event: dict[str, Any], identity: list[str]) -> dict[str, Any]:
    """Documented: the request's event, its type, ARN and identity sources, and no body."""
    context = event["requestContext"]
    method, path = context["http"]["method"], context["http"]["path"]
    arn = f"arn:aws:execute-api:{REGION}:{ACCOUNT_ID}:{API_ID}/{context['stage']}/{method}{path}"
    left_out = ("body", "isBase64Encoded")
    kept = {name: value for name, value in event.items() if name not in left_out}
    return {**kept, "type": "REQUEST", "routeArn": arn, "identitySource": identity}


def _headers(request: Request) -> dict[str, str]:
    # Documented: names in lower case, duplicates joined with a comma, cookies in their own list.
    joined: dict[str, str] = {}
    for name, value in request.headers:
        if name != "cookie" and name not in _HOP_BY_HOP:
            joined[name] = f"{joined[name]},{value}" if name in joined else value
    # Observed by others: the gateway writes these itself and appends the client's address.
    forwarded = joined.get("x-forwarded-for")
    address = request.source_ip
    joined["x-forwarded-for"] = f"{forwarded}, {address}" if forwarded else address
    joined["x-forwarded-port"] = str(request.port)
    joined["x-forwarded-proto"] = request.scheme
    joined.setdefault("host", "localhost")
    joined.setdefault("x-amzn-trace-id", f"Root=1-{os.urandom(4).hex()}-{os.urandom(12).hex()}")
    return joined


def _cookies(request: Request) -> list[str]:
    values = [value for name, value in request.headers if name == "cookie"]
    return [cookie.strip() for value in values for cookie in value.split(";") if cookie.strip()]


def _body(request: Request) -> dict[str, Any]:
    if not request.body:
        return {}
    if _is_text(request):
        try:
            return {"body": request.body.decode("utf-8")}
        except UnicodeDecodeError:
            pass  # Unverified on AWS: what is no UTF-8 goes base64, so that nothing is lost.
    return {"body": base64.b64encode(request.body).decode(), "isBase64Encoded": True}


def _is_text(request: Request) -> bool:
    kind = (request.header("content-type") or "").split(";", 1)[0].strip().lower()
    return not request.header("content-encoding") and (
        kind.startswith("text/") or kind in _TEXT_TYPES
    )
