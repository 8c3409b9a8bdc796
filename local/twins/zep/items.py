"""The fields of nodes and edges that a caller gives, checked."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from local.twins.server import Json
from local.twins.zep import checks, rows
from local.twins.zep.errors import invalid

MOST_ITEMS = 100
MOST_NAME = 50
MOST_LABEL = 100
MOST_FACT = 250
MOST_SUMMARY = 5000


def items(body: Mapping[str, Any], name: str, most: int) -> list[Json]:
    """A list of 1 to `most` objects."""
    value = body.get(name)
    if not isinstance(value, list) or not 1 <= len(value) <= most:
        raise invalid(f"{name} must be a list of 1 to {most}", name)
    if not all(isinstance(item, dict) for item in value):
        raise invalid(f"each of {name} must be an object", name)
    return value


def attributes(body: Mapping[str, Any]) -> Json:
    """`attributes`, {} when there are none."""
    value = body.get("attributes")
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise invalid("attributes must be an object", "attributes")
    return value


def merged(known: str | None, given: Mapping[str, Any]) -> str:
    """Attributes as stored, with others merged in; null removes one."""
    return json.dumps(rows.without_nulls({**json.loads(known or "{}"), **given}))


class Given:
    """One item of a request, read field by field."""

    def __init__(self, item: Mapping[str, Any]) -> None:
        self._item = item

    def name(self, *, required: bool = True) -> str | None:
        """A node's name."""
        return self._text("name", MOST_NAME, required)

    def summary(self) -> str | None:
        """A node's summary."""
        return checks.text(self._item, "summary", most=MOST_SUMMARY, required=False)

    def label(self) -> str | None:
        """A node's label."""
        return self._text("label", MOST_LABEL, required=False)

    def labels(self) -> list[str]:
        """A node's labels."""
        labels = checks.strings(self._item, "labels")
        if any(not label.strip() or len(label) > MOST_LABEL for label in labels):
            raise invalid(f"a label has 1 to {MOST_LABEL} characters", "labels")
        return labels

    def fact(self, *, required: bool = True) -> str | None:
        """An edge's fact."""
        return self._text("fact", MOST_FACT, required)

    def fact_name(self) -> str:
        """An edge's name."""
        return self._text("fact_name", MOST_NAME, required=True) or ""

    def _text(self, name: str, most: int, required: bool) -> str | None:
        value = checks.text(self._item, name, most=most, required=required)
        if value is not None and not value.strip():
            raise invalid(f"{name} must not be empty", name)
        return value
