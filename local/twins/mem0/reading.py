"""What requests may hold: checks that refuse the rest."""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

from local.twins import moments
from local.twins.calls import parsed
from local.twins.mem0.conditions import ENTITIES
from local.twins.mem0.errors import bad_input, refused
from local.twins.server import Call, Json

_ROLES = {"user", "assistant", "system"}
_FILES = {"image_url", "pdf_url", "txt_url", "mdx_url"}
_DAY = re.compile(r"\d{4}-\d\d-\d\d")
_UNSEEN = {"timestamp", "org_id", "project_id"}


def scope_of(given: Mapping[str, Any]) -> dict[str, str]:
    """The entities that are named.

    Raises:
        Refusal: 400, for one that is no text.
    """
    scope = {name: given[name] for name in ENTITIES if given.get(name)}
    for name, value in scope.items():
        if not isinstance(value, str):
            raise refused(f"{name} must be a string")
    return scope


def addition(body: Json) -> Json:
    """The job of an add: scope, messages and options, flat.

    Raises:
        Refusal: 400. Who the memories belong to is for the caller to check.
    """
    infer, immutable = body.get("infer"), body.get("immutable")
    if not all(flag is None or isinstance(flag, bool) for flag in (infer, immutable)):
        raise bad_input("infer and immutable must be true or false")
    metadata = body.get("metadata")
    if metadata is not None and not isinstance(metadata, dict):
        raise bad_input("metadata must be an object")
    return {
        **scope_of(body),
        "messages": _messages(body.get("messages"), infer=infer is not False),
        "metadata": metadata or {},
        "expiration_date": expiry(body.get("expiration_date")),
        "created_at": moment(body.get("timestamp")) or moments.stamp(moments.now()),
        "infer": infer is not False,
        "immutable": immutable is True,
        "custom_categories": _catalogue(body.get("custom_categories")),
    }


def payload(body: Json) -> Json:
    """A request as its event shows it."""
    return {name: value for name, value in body.items() if name not in _UNSEEN}


def _messages(messages: Any, *, infer: bool) -> list[Json]:
    if not isinstance(messages, list) or not messages:
        raise bad_input("messages is required and cannot be empty")
    for message in messages:
        if not isinstance(message, dict) or "content" not in message:
            raise bad_input("each message needs a role and a content")
        if str(message.get("role")) not in _ROLES:
            raise bad_input("role must be user, assistant or system")
        if isinstance(message["content"], str):
            continue
        if not infer:
            raise bad_input("content must be text when infer is false")
        _check_parts(message["content"])
    return messages


def _check_parts(content: Any) -> None:
    parts = content if isinstance(content, list) else [content]
    for part in parts:
        kind = part.get("type") if isinstance(part, dict) else None
        if kind == "text" and isinstance(part.get("text"), str):
            continue
        file = part.get(kind) if isinstance(kind, str) and kind in _FILES else None
        if not isinstance(file, dict) or not isinstance(file.get("url"), str):
            raise bad_input("content must be text, or parts of a known type with their url")


def _catalogue(value: Any) -> list[dict[str, str]] | None:
    if value is None:
        return None
    if not isinstance(value, list) or not all(_catalogued(one) for one in value):
        raise bad_input("custom_categories must be a list of {name: description}")
    return value


def _catalogued(one: Any) -> bool:
    return isinstance(one, dict) and all(isinstance(about, str) for about in one.values())


def moment(value: Any, *, text: bool = False) -> str | None:
    """Unix seconds, or with `text` also an ISO 8601 text, as a stamp.

    Raises:
        Refusal: 400.
    """
    if value is None:
        return None
    try:
        if text and isinstance(value, str):
            said = datetime.fromisoformat(value)
            return moments.stamp(said if said.tzinfo else said.replace(tzinfo=UTC))
        whole = isinstance(value, int) or (text and isinstance(value, float))
        if isinstance(value, bool) or not whole:
            raise bad_input("timestamp must be Unix seconds")
        return moments.stamp(datetime.fromtimestamp(value, UTC))
    except (OverflowError, OSError, ValueError):
        raise bad_input("timestamp is out of range") from None


def expiry(value: Any) -> str | None:
    """A date, or None for none.

    Raises:
        Refusal: 400.
    """
    if value is None:
        return None
    if not isinstance(value, str) or not _DAY.fullmatch(value):
        raise bad_input("expiration_date must be YYYY-MM-DD")
    try:
        return date.fromisoformat(value).isoformat()
    except ValueError:
        raise bad_input("expiration_date must be YYYY-MM-DD") from None


def day_of(value: Any) -> str | None:
    """The UTC day of a `reference_date`: Unix seconds, a date or an ISO 8601 text."""
    stamp = moment(value, text=True)
    return stamp[:10] if stamp else None


def number(body: Json, name: str, default: float, *, low: float, high: float) -> float:
    """A number within bounds.

    Raises:
        Refusal: 400.
    """
    value = body.get(name)
    if value is None:
        return default
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        raise refused(f"{name} must be {low} to {high}")
    return value


def whole(body: Json, name: str, default: int, *, low: int, high: int) -> int:
    """The same for whole numbers."""
    value = number(body, name, default, low=low, high=high)
    if value != int(value):
        raise refused(f"{name} must be {low} to {high}")
    return int(value)


def names(body: Json, name: str) -> list[str] | None:
    """A list of texts, None when it isn't given.

    Raises:
        Refusal: 400.
    """
    value = body.get(name)
    if value is None:
        return None
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        raise refused(f"{name} must be a list of strings")
    return value


def flag(body: Json, name: str) -> bool:
    """true or false; false when it isn't given.

    Raises:
        Refusal: 400.
    """
    value = body.get(name)
    if value is None or isinstance(value, bool):
        return value is True
    raise refused(f"{name} must be true or false")


def identifier(value: Any, name: str = "memory_id") -> str:
    """A UUID.

    Raises:
        Refusal: 400.
    """
    try:
        return str(uuid.UUID(value))
    except (ValueError, AttributeError, TypeError):
        raise refused(f"{name} should be a valid UUID") from None


def object_in_query(call: Call, name: str) -> Json | None:
    """A JSON object in the query, None when it isn't given.

    Raises:
        Refusal: 400.
    """
    if name not in call.query:
        return None
    value = parsed(call.query[name].encode())
    if value is None:
        raise refused(f"{name} must be a JSON object")
    return value


def list_in_query(call: Call, name: str) -> list[str] | None:
    """The values of a name in the query, one each or with commas between."""
    given = parse_qs(urlsplit(call.url).query).get(name)
    return [one for value in given for one in value.split(",")] if given else None
