"""What Mem0 is told and answers, as far as Tandem uses it. The rules are in `provider_model.py`."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Any, Final, Literal, get_args

from pydantic import BeforeValidator, Field, model_validator

from tandem.clients.provider_model import Items, Metadata, Moment, ProviderModel
from tandem.ids import Mem0Id

Mem0Status = Literal["PENDING", "RUNNING", "SUCCEEDED", "FAILED", "unknown"]
Mem0EntityType = Literal["user", "agent", "app", "run", "unknown"]
_MEM0_STATUSES: Final = frozenset(get_args(Mem0Status))
_MEM0_ENTITY_TYPES: Final = frozenset(get_args(Mem0EntityType))


def _date_or_none(value: object) -> date | None:
    # Mem0 keeps a date that it can't read as it is, and treats it as "does not expire".
    try:
        return date.fromisoformat(str(value)[:10])
    except ValueError:
        return None


def _objects_only(value: Any) -> Any:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else value


def _mem0_status(value: object) -> object:
    return value if isinstance(value, str) and value in _MEM0_STATUSES else "unknown"


def _mem0_entity_type(value: object) -> object:
    return value if isinstance(value, str) and value in _MEM0_ENTITY_TYPES else "unknown"


class Mem0Memory(ProviderModel):
    """A statement that Mem0 keeps. `created_at` is the evidence time when one was given on add.
    `score` (0 to 1, no cosine) comes with search results only."""

    id: Mem0Id
    text: str
    user_id: str | None = None
    run_id: str | None = None
    metadata: Metadata = Field(default_factory=dict)
    categories: Items[str] = ()
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


_Mem0Changes = Annotated[Items[Mem0Change], BeforeValidator(_objects_only)]


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
            changes = _objects_only(data)
            if data and not changes:
                raise ValueError("not an add")
            queued = [item for item in changes if "event_id" in item]
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


class Mem0ListedEvent(Mem0Event):
    """A job among others. `metadata` is what it was asked for with; of the rest of its payload,
    which has what was said, nothing is kept."""

    metadata: Metadata = Field(default_factory=dict)

    @classmethod
    def _reshape(cls, data: dict[str, Any]) -> dict[str, Any]:
        payload = data.get("payload")
        asked = payload.get("metadata") if isinstance(payload, dict) else None
        return {**data, "metadata": asked if isinstance(asked, dict) else {}}


class _Mem0Paged(ProviderModel):
    """`items` of some kind, bare or in an envelope. `total` counts those on all pages."""

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


class Mem0Page(_Mem0Paged):
    """Memories in Mem0's order. `total` counts those on all pages."""

    items: Items[Mem0Memory]


class Mem0EventPage(_Mem0Paged):
    """Jobs in Mem0's order. `total` counts those on all pages."""

    items: Items[Mem0ListedEvent]


class Mem0Entity(ProviderModel):
    """Somebody or something that has memories: `name` is the id that we gave, `id` is Mem0's."""

    id: str
    name: str
    type: Annotated[Mem0EntityType, BeforeValidator(_mem0_entity_type)] = "unknown"
    created_at: Moment = None
    updated_at: Moment = None


class Mem0EntityPage(_Mem0Paged):
    """Entities in Mem0's order. `total` counts those on all pages."""

    items: Items[Mem0Entity]


class Mem0HistoryEntry(ProviderModel):
    """One change of a memory. `event` is a word like ADD, UPDATE or DELETE; `old_text` is None for
    the first, `new_text` for the last."""

    id: str
    memory_id: Mem0Id
    event: str = ""
    old_text: str | None = None
    new_text: str | None = None
    metadata: Metadata = Field(default_factory=dict)
    created_at: Moment = None
    updated_at: Moment = None

    @classmethod
    def _reshape(cls, data: dict[str, Any]) -> dict[str, Any]:
        return {"old_text": data.get("old_memory"), "new_text": data.get("new_memory"), **data}


class Mem0History(_Mem0Paged):
    """Changes of a memory in Mem0's order."""

    items: Items[Mem0HistoryEntry]


class Mem0ExportJob(ProviderModel):
    """An export that Mem0 has begun to make."""

    id: Mem0Id


class Mem0Export(ProviderModel):
    """An export, shaped by the schema that it was asked for with."""

    document: Metadata

    @model_validator(mode="before")
    @classmethod
    def _whole(cls, data: Any) -> Any:
        return {"document": data}


@dataclass(frozen=True, slots=True)
class MemoryUpdate:
    """A change of one memory among many; what is None stays as it is."""

    memory_id: Mem0Id
    text: str | None = None
    metadata: Metadata | None = None


class Mem0Done(ProviderModel):
    """An answer of which only that it is one matters."""


class Mem0Deletion(ProviderModel):
    """The job that deletes, when Mem0 names one."""

    event_id: Mem0Id | None = None
