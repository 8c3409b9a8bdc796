"""What the providers answer, as far as Tandem uses it.

One rule for all of them: unknown fields are ignored, a null field counts as absent, an unknown
word where a list of words is expected becomes "unknown", and every time is aware UTC.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Annotated, Any, Final, Literal, get_args

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    JsonValue,
    model_validator,
)

from tandem.ids import Mem0Id, ZepUuid

Metadata = dict[str, JsonValue]


def _in_utc(value: datetime) -> datetime:
    """The same moment in UTC; a time without an offset is taken as UTC."""
    if value.tzinfo is None:
        return value.replace(tzinfo=UTC)
    try:
        return value.astimezone(UTC)
    except OverflowError as cause:
        raise ValueError("out of range") from cause


def _blank_is_none(value: object) -> object:
    return None if value == "" else value


def _date_or_none(value: object) -> date | None:
    # Mem0 keeps a date that it can't read as it is, and treats it as "does not expire".
    try:
        return date.fromisoformat(str(value)[:10])
    except ValueError:
        return None


Moment = Annotated[
    Annotated[datetime, AfterValidator(_in_utc)] | None, BeforeValidator(_blank_is_none)
]

ZepTaskStatus = Literal["pending", "processing", "succeeded", "partial", "failed", "unknown"]
Mem0Status = Literal["PENDING", "RUNNING", "SUCCEEDED", "FAILED", "unknown"]
_ZEP_STATUSES: Final = frozenset(get_args(ZepTaskStatus))
_MEM0_STATUSES: Final = frozenset(get_args(Mem0Status))


def _objects_only(value: object) -> object:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else value


def _zep_status(value: object) -> object:
    return value if isinstance(value, str) and value in _ZEP_STATUSES else "unknown"


def _mem0_status(value: object) -> object:
    return value if isinstance(value, str) and value in _MEM0_STATUSES else "unknown"


def rfc3339(moment: datetime) -> str:
    """`moment` as both stores take it on the wire: RFC 3339 in UTC, ending in Z.

    Raises:
        ValueError: the time has no offset, so nobody knows which moment it is.
    """
    if moment.tzinfo is None:
        raise ValueError("a time needs its offset")
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


class ProviderModel(BaseModel):
    """Base of every payload: frozen, tolerant of more, strict about what is used.

    Validation errors hide their input, because they end up as the cause of ours.
    """

    model_config = ConfigDict(
        frozen=True, extra="ignore", hide_input_in_errors=True, defer_build=True
    )

    @model_validator(mode="before")
    @classmethod
    def _null_is_absent(cls, data: Any) -> Any:
        if not isinstance(data, dict):
            return data
        return cls._reshape({name: value for name, value in data.items() if value is not None})

    @classmethod
    def _reshape(cls, data: dict[str, Any]) -> dict[str, Any]:
        """Hook: the wire's names and forms into ours."""
        return data


class Page[T](ProviderModel):
    """Some items in the provider's order. `next_cursor` is None on the last page."""

    items: tuple[T, ...]
    next_cursor: Annotated[str | None, BeforeValidator(_blank_is_none)] = None

    @model_validator(mode="before")
    @classmethod
    def _null_items_are_none(cls, data: Any) -> Any:
        if isinstance(data, dict) and data.get("items", ...) is None:
            return {**data, "items": ()}
        return data


class ZepUser(ProviderModel):
    """A person at Zep. `user_id` is the id we gave; the UUIDs are Zep's."""

    uuid: ZepUuid
    graph_uuid: ZepUuid
    user_id: str | None = None
    created_at: Moment = None

    @classmethod
    def _reshape(cls, data: dict[str, Any]) -> dict[str, Any]:
        # Zep takes a user's own UUID wherever it asks for that user's graph.
        return {"graph_uuid": data.get("uuid"), **data}


class ZepThread(ProviderModel):
    """A session, as Zep knows it."""

    uuid: ZepUuid
    user_uuid: ZepUuid | None = None
    created_at: Moment = None


class ZepMessage(ProviderModel):
    """One message of a thread. `reference_time` is when it was said, `created_at` when it came."""

    uuid: ZepUuid
    role: str = ""
    content: str = ""
    name: str | None = None
    metadata: Metadata = {}
    reference_time: Moment = None
    created_at: Moment = None
    processed: bool = False


class ZepTask(ProviderModel):
    """Work that Zep does after it has answered."""

    uuid: ZepUuid
    status: Annotated[ZepTaskStatus, BeforeValidator(_zep_status)] = "unknown"
    type: str = ""
    completed_at: Moment = None

    @property
    def finished(self) -> bool:
        """Zep won't change this task any more."""
        return self.status in {"succeeded", "partial", "failed"}


class ZepEdge(ProviderModel):
    """A fact. True in the world from `valid_at` to `invalid_at`, known to Zep from `created_at`
    to `expired_at`. `score` and `relevance` come with search results only."""

    uuid: ZepUuid
    fact: str = ""
    name: str = ""
    source_node_uuid: ZepUuid | None = None
    source_node_name: str | None = None
    target_node_uuid: ZepUuid | None = None
    target_node_name: str | None = None
    valid_at: Moment = None
    invalid_at: Moment = None
    created_at: Moment = None
    expired_at: Moment = None
    episode_uuids: tuple[ZepUuid, ...] = ()
    score: float | None = None
    relevance: float | None = None


class ZepNode(ProviderModel):
    """An entity."""

    uuid: ZepUuid
    name: str = ""
    summary: str = ""
    labels: tuple[str, ...] = ()
    created_at: Moment = None
    episode_uuids: tuple[ZepUuid, ...] = ()
    score: float | None = None
    relevance: float | None = None


class GraphContext(ProviderModel):
    """What Zep would tell a model about a question.

    `context` is free text for a prompt, not to be parsed; `edges` and `nodes` are what it was made
    of, best first, empty unless they were asked for.
    """

    context: str = ""
    truncated: bool = False
    edges: tuple[ZepEdge, ...] = ()
    nodes: tuple[ZepNode, ...] = ()

    @classmethod
    def _reshape(cls, data: dict[str, Any]) -> dict[str, Any]:
        if data and not data.keys() & {"context", "truncated", "results", "edges", "nodes"}:
            raise ValueError("not a context")
        results = data.pop("results", None)
        chosen = results if isinstance(results, dict) else {}
        found = {name: chosen[name] for name in ("edges", "nodes") if chosen.get(name)}
        return {**data, **found}


@dataclass(frozen=True, slots=True)
class NewMessage:
    """A message to be added to a thread. `reference_time` (aware) is when it was said."""

    role: Literal["user", "assistant", "system"]
    content: str
    reference_time: datetime
    name: str | None = None
    metadata: Metadata = field(default_factory=dict)


class AddedMessages(ProviderModel):
    """Messages as Zep has taken them, in the order sent, and the task that ingests them."""

    messages: tuple[ZepMessage, ...]
    task_uuid: ZepUuid | None = None

    @classmethod
    def _reshape(cls, data: dict[str, Any]) -> dict[str, Any]:
        return {"task_uuid": _uuid_in(data, "task"), **data}


class AddedEpisode(ProviderModel):
    """A piece of text as Zep has taken it, and the task that ingests it."""

    episode_uuid: ZepUuid
    task_uuid: ZepUuid | None = None

    @classmethod
    def _reshape(cls, data: dict[str, Any]) -> dict[str, Any]:
        found = {"episode_uuid": _uuid_in(data, "episode"), "task_uuid": _uuid_in(data, "task")}
        return {**found, **data}


class ZepDeletion(ProviderModel):
    """The task that deletes, when Zep names one."""

    task_uuid: ZepUuid | None = None

    @classmethod
    def _reshape(cls, data: dict[str, Any]) -> dict[str, Any]:
        return {"task_uuid": _uuid_in(data, "task"), **data}


def _uuid_in(data: dict[str, Any], name: str) -> Any:
    inner = data.get(name)
    return inner.get("uuid") if isinstance(inner, dict) else None


class Mem0Memory(ProviderModel):
    """A statement that Mem0 keeps. `created_at` is the evidence time when one was given on add.
    `score` (0 to 1, no cosine) comes with search results only."""

    id: Mem0Id
    text: str
    user_id: str | None = None
    run_id: str | None = None
    metadata: Metadata = {}
    categories: tuple[str, ...] = ()
    created_at: Moment = None
    updated_at: Moment = None
    expiration_date: Annotated[date | None, BeforeValidator(_date_or_none)] = None
    replaced_by: str | None = None
    score: float | None = None

    @classmethod
    def _reshape(cls, data: dict[str, Any]) -> dict[str, Any]:
        # The same value is `run_id` in search answers and `session_id` in all others.
        return {"text": data.get("memory"), "run_id": data.get("session_id"), **data}


class Mem0Change(ProviderModel):
    """One thing that an add has done: `event` is a word like ADD. Any part may be missing,
    because Mem0 doesn't specify these elements."""

    id: Mem0Id | None = None
    event: str = ""
    text: str = ""

    @classmethod
    def _reshape(cls, data: dict[str, Any]) -> dict[str, Any]:
        inner = data.get("data")
        text = inner.get("memory") if isinstance(inner, dict) else data.get("memory")
        return {"text": text or "", **data}


_Mem0Changes = Annotated[tuple[Mem0Change, ...], BeforeValidator(_objects_only)]


class Mem0Added(ProviderModel):
    """What became of an add. With inference: an event to poll, no results yet."""

    event_id: Mem0Id | None = None
    status: Annotated[Mem0Status, BeforeValidator(_mem0_status)] = "unknown"
    results: _Mem0Changes = ()

    @model_validator(mode="before")
    @classmethod
    def _from_any_form(cls, data: Any) -> Any:
        # Older answers are an array: of changes, or of the one queued job.
        if isinstance(data, list):
            queued = [item for item in data if isinstance(item, dict) and "event_id" in item]
            return queued[0] if queued else {"status": "SUCCEEDED", "results": data}
        if isinstance(data, dict) and not data.keys() & {"event_id", "status", "results"}:
            raise ValueError("not an add")
        return data


class Mem0Event(ProviderModel):
    """A job of Mem0's. SUCCEEDED with no results is normal: there was nothing worth keeping."""

    id: Mem0Id
    status: Annotated[Mem0Status, BeforeValidator(_mem0_status)]
    event_type: str = ""
    results: _Mem0Changes = ()
    created_at: Moment = None
    completed_at: Moment = None

    @property
    def finished(self) -> bool:
        """Mem0 won't change this job any more."""
        return self.status in {"SUCCEEDED", "FAILED"}


class Mem0Page(ProviderModel):
    """Memories in Mem0's order. `total` counts those on all pages."""

    items: tuple[Mem0Memory, ...]
    total: int
    has_next: bool = False

    @model_validator(mode="before")
    @classmethod
    def _from_list_or_envelope(cls, data: Any) -> Any:
        items, envelope = (data, {}) if isinstance(data, list) else (None, data)
        if isinstance(envelope, dict) and items is None:
            if "results" not in envelope:
                return envelope
            items = envelope["results"] or []
        if not isinstance(items, Sequence):
            return data
        total = envelope.get("count")
        return {
            "items": items,
            "total": len(items) if total is None else total,
            "has_next": bool(envelope.get("next")),
        }


class Mem0Deletion(ProviderModel):
    """The job that deletes, when Mem0 names one."""

    event_id: Mem0Id | None = None
