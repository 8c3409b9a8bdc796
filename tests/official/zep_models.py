"""What every answer of the Zep twin must have been parsed into."""

from __future__ import annotations

from datetime import datetime
from typing import Any, get_args
from uuid import UUID

from tests.official.called import models_in

# The fields that the service fills in each time; the models declare nearly all of them optional.
FILLED: dict[str, frozenset[str]] = {
    "User": frozenset({"uuid_", "graph_uuid", "created_at"}),
    "Thread": frozenset({"uuid_", "user_uuid", "graph_uuid", "created_at"}),
    "Message": frozenset({"uuid_", "thread_uuid", "role", "content", "created_at", "processed"}),
    "Graph": frozenset({"uuid_", "created_at"}),
    "Node": frozenset({"uuid_", "graph_uuid", "name", "labels", "created_at"}),
    "Edge": frozenset(
        {
            "uuid_",
            "graph_uuid",
            "name",
            "fact",
            "source_node_uuid",
            "target_node_uuid",
            "episode_uuids",
            "created_at",
        }
    ),
    "Episode": frozenset({"uuid_", "graph_uuid", "content", "source", "created_at", "processed"}),
    "Task": frozenset({"uuid_", "status", "type", "created_at"}),
    "ThreadSummary": frozenset({"thread_uuid", "summary"}),
    "LookupItem": frozenset({"resource_type", "legacy_id", "found"}),
    "UserPage": frozenset({"items"}),
    "ThreadPage": frozenset({"items"}),
    "MessagePage": frozenset({"items"}),
    "GraphPage": frozenset({"items"}),
    "NodePage": frozenset({"items"}),
    "EdgePage": frozenset({"items"}),
    "EpisodePage": frozenset({"items"}),
    "TaskPage": frozenset({"items"}),
}
_TIMES = ("_at", "_time")
_UUIDS = ("uuid", "uuid_")


def check_answer(answer: Any) -> None:
    """Raises AssertionError unless the answer is made of the client's models, filled and typed."""
    pages = [answer.response] if type(answer).__name__ in {"SyncPager", "AsyncPager"} else []
    for model in models_in([answer, *pages]):
        _check(model)


def _check(model: Any) -> None:
    kind = type(model).__name__
    assert not model.model_extra, f"{kind} does not declare {sorted(model.model_extra)}"
    empty = {name for name in FILLED.get(kind, ()) if getattr(model, name) is None}
    assert not empty, f"{kind} lacks {sorted(empty)}"
    for name, declared in type(model).model_fields.items():
        value = getattr(model, name)
        if value is None:
            continue
        if name.endswith(_TIMES) and isinstance(value, str):
            assert datetime.fromisoformat(value).utcoffset() is not None, (kind, name, value)
        if name.endswith(_UUIDS) and isinstance(value, str):
            assert str(UUID(value)) == value, (kind, name, value)
        allowed = _literals(declared.annotation)
        assert not allowed or value in allowed, f"{kind}.{name} is {value!r}, not of {allowed}"


def _literals(annotation: Any) -> tuple[Any, ...]:
    """The values that `Literal[…] | Any | None` names: the client itself lets any other pass."""
    found: tuple[Any, ...] = ()
    for part in get_args(annotation):
        values = get_args(part)
        if values and all(isinstance(value, str) for value in values):
            found += values
    return found
