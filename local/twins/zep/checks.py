"""What the service refuses before it does anything."""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from local.twins import moments
from local.twins.server import Call, Json
from local.twins.zep import rows
from local.twins.zep.errors import invalid

ROLES = ("system", "assistant", "user", "function", "tool")
MAX_MESSAGES = 30
MAX_CONTENT = 4096
MAX_DATA = 10_000
MAX_USER_ID = 500
MAX_METADATA_KEYS = 10
_SIZE = re.compile(r"[0-9]{1,6}")
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


def identifier(call: Call, name: str) -> str:
    """A UUID of the path, in lower case."""
    return uuid_of(call.params[name], name)


def uuid_of(value: Any, name: str) -> str:
    """A UUID in lower case, or 400 `invalid_identifier`."""
    if not isinstance(value, str) or not _UUID.fullmatch(value):
        raise invalid(f"{name} must be a UUID", name, "invalid_identifier")
    return str(uuid.UUID(value))


def only(body: Mapping[str, Any], *known: str) -> None:
    """Passes when no other field is given: for control endpoints, where a slip must not be lost."""
    for name in body:
        if name not in known:
            raise invalid(f"{name[:50]} is not known here; there is {', '.join(known)}", name[:50])


def text(body: Mapping[str, Any], name: str, *, most: int, required: bool = True) -> str | None:
    """A string field of at most `most` characters."""
    value = body.get(name)
    if value is None and not required:
        return None
    if not isinstance(value, str) or (required and not value.strip()):
        raise invalid(f"{name} is required and must be a string", name)
    if len(value) > most:
        raise invalid(f"{name} exceeds {most} characters", name)
    return value


def flag(body: Mapping[str, Any], name: str) -> bool | None:
    """A boolean field; None when it is absent or null."""
    value = body.get(name)
    if value is not None and not isinstance(value, bool):
        raise invalid(f"{name} must be a boolean", name)
    return value


def strings(body: Mapping[str, Any], name: str) -> list[str]:
    """A list of strings; [] when it is absent or null."""
    value = body.get(name)
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise invalid(f"{name} must be a list of strings", name)
    return value


def entries(body: Mapping[str, Any]) -> Json:
    """`metadata` of any shape: an object; {} when it is absent or null."""
    value = body.get("metadata")
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise invalid("metadata must be an object", "metadata")
    return value


def metadata(body: Mapping[str, Any], known: Mapping[str, Any] | None = None) -> Json:
    """`metadata` of at most ten keys, each a string, number, boolean or array of such.

    With `known`, what is there already: the given keys are merged into it, and a null removes one.
    """
    given = entries(body)
    merged = {**(known or {}), **given}
    if known is not None:
        merged = rows.without_nulls(merged)
    if len(merged) > MAX_METADATA_KEYS:
        raise invalid(f"metadata may have at most {MAX_METADATA_KEYS} keys", "metadata")
    for item in merged.values():
        parts = item if isinstance(item, list) else [item]
        if not all(isinstance(part, str | int | float) for part in parts):
            raise invalid("metadata values must be scalars or arrays of scalars", "metadata")
    return merged


def reference_time(body: Mapping[str, Any], default: str) -> str:
    """When it happened: `reference_time` in UTC, or the time of receipt."""
    return moment(body, "reference_time") or default


def moment(body: Mapping[str, Any], name: str) -> str | None:
    """A time in UTC; None when it is absent or null."""
    value = body.get(name)
    if value is None:
        return None
    try:
        return moments.stamp(moments.parse(value))
    except (TypeError, ValueError):
        raise invalid(f"{name} must be RFC 3339", name) from None


def time_zone(body: Mapping[str, Any]) -> str | None:
    """`time_zone` as the IANA names it."""
    name = text(body, "time_zone", most=100, required=False)
    if name is None:
        return None
    try:
        return ZoneInfo(name).key
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise invalid("time_zone must be an IANA time zone", "time_zone") from None


def messages(body: Mapping[str, Any], received: str) -> list[Json]:
    """The checked messages of an add call."""
    items = body.get("messages")
    if not isinstance(items, list) or not items:
        raise invalid("messages is required", "messages")
    if len(items) > MAX_MESSAGES:
        raise invalid(f"at most {MAX_MESSAGES} messages may be added at once", "messages")
    return [_message(item, received) for item in items]


def _message(item: Any, received: str) -> Json:
    if not isinstance(item, dict):
        raise invalid("each message must be an object", "messages")
    if item.get("uuid") is not None:
        raise invalid("a message's uuid is given by the service", "uuid")
    if item.get("role") not in ROLES:
        raise invalid(f"role must be one of {', '.join(ROLES)}", "role")
    return {
        "role": item["role"],
        "content": text(item, "content", most=MAX_CONTENT),
        "name": text(item, "name", most=MAX_USER_ID, required=False),
        "metadata": metadata(item),
        "reference_time": reference_time(item, received),
    }


def roles(body: Mapping[str, Any]) -> list[str]:
    """`ignore_roles`."""
    value = strings(body, "ignore_roles")
    if any(role not in ROLES for role in value):
        raise invalid(f"ignore_roles is a list of {', '.join(ROLES)}", "ignore_roles")
    return value


def page_size(call: Call, *, default: int = 50, most: int = 100) -> int:
    """The query's page_size."""
    value = call.query.get("page_size", str(default))
    if not _SIZE.fullmatch(value) or not 1 <= int(value) <= most:
        raise invalid(f"page_size must be 1 to {most}", "page_size")
    return int(value)


def one_of(body: Mapping[str, Any], name: str, allowed: tuple[str, ...]) -> str:
    """A field out of `allowed`; the first is meant when it is absent or null."""
    value = body.get(name)
    if value is None:
        return allowed[0]
    if not isinstance(value, str) or value not in allowed:
        raise invalid(f"{name} must be one of {', '.join(allowed)}", name)
    return value


def choice(call: Call, name: str, allowed: tuple[str, ...]) -> str:
    """A query parameter out of `allowed`; the first is the default."""
    value = call.query.get(name, allowed[0])
    if value not in allowed:
        raise invalid(f"{name} must be one of {', '.join(allowed)}", name)
    return value
