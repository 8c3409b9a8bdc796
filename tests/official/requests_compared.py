"""Holds the requests of our clients against those of the official ones, field by field."""

from __future__ import annotations

import tomllib
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

LEFT_OUT = Path(__file__).parent / "left_out.toml"
_TOML: dict[str, Any] = tomllib.loads(LEFT_OUT.read_text())
Record = dict[str, Any]
Call = Callable[[Any, Any], Awaitable[Any]]


@dataclass(frozen=True)
class Pair:
    """The same operation, asked for by our client and by the official one.

    Both get their client and what the story has prepared.
    """

    ours: Call
    official: Call
    fresh: bool = False
    """Whether ours must find things as the official client found them: no ids may occur then."""
    gone: bool = False
    """Whether ours is refused, because the official client has removed what it names."""


@dataclass
class Compared:
    """How much has been compared."""

    methods: int = 0
    requests: int = 0
    fields: int = 0
    left_out: set[str] = field(default_factory=set)


def without_counterpart() -> dict[str, str]:
    """Methods of ours that no official client has, with the operation they send and why."""
    return {each["method"]: each["request"] for each in _TOML["no_official_method"]}


def left_out_headers() -> dict[str, str]:
    """The headers that are not compared, each with its reason."""
    return {name: each["reason"] for each in _TOML["header"] for name in each["names"]}


def left_out_fields(route: str) -> set[str]:
    """What isn't compared in requests to one route of the twin."""
    return {name for each in _TOML["field"] if route in each["routes"] for name in each["fields"]}


def compare(method: str, official: list[Record], ours: list[Record], compared: Compared) -> None:
    """Raises AssertionError where a field differs, naming it."""
    shown = [[f"{each['method']} {each['path']}" for each in side] for side in (official, ours)]
    assert len(official) == len(ours) > 0, f"{method}: {shown[0]} officially, {shown[1]} of ours"
    for theirs, mine in zip(official, ours, strict=True):
        wanted, sent = (_fields(record) for record in (theirs, mine))
        spared = {
            name for name in wanted.keys() | sent.keys() if _is_left_out(theirs["route"], name)
        }
        compared.left_out |= spared
        names = (wanted.keys() | sent.keys()) - spared
        differing = {
            name: (wanted.get(name, "absent"), sent.get(name, "absent"))
            for name in sorted(names)
            if wanted.get(name, "absent") != sent.get(name, "absent")
        }
        assert not differing, f"{method}: (official, ours) {differing}"
        compared.requests += 1
        compared.fields += len(names)
    compared.methods += 1


def _is_left_out(route: str, name: str) -> bool:
    if name in left_out_fields(route):
        return True
    kind, _, header = name.partition(" ")
    return kind == "header" and header in left_out_headers()


def _fields(record: Record) -> dict[str, Any]:
    """Everything that was sent, each value under a name of its own."""
    found: dict[str, Any] = {"verb": record["method"], "path": record["path"]}
    for name, value in record["query"]:
        found[f"query {name}"] = [*found.get(f"query {name}", []), value]
    found |= {f"header {name}": value for name, value in record["headers"].items()}
    _leaves(record["body"], "body", found)
    return found


def _leaves(value: Any, name: str, found: dict[str, Any]) -> None:
    if isinstance(value, Mapping) and value:
        for key, inner in value.items():
            _leaves(inner, f"{name}.{key}", found)
    elif isinstance(value, list) and value:
        for number, inner in enumerate(value):
            _leaves(inner, f"{name}[{number}]", found)
    else:
        # Emptiness is told apart: {} is another body than none.
        found[name] = value
