"""What Zep is told and answers, as far as Tandem uses it. The rules are in `provider_model.py`."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, Any, Final, Literal, get_args

from pydantic import BeforeValidator, Field, ValidationInfo, field_validator, model_validator

from tandem.clients.provider_model import Items, Metadata, Moment, ProviderModel, blank_is_none
from tandem.ids import ZepUuid

ZepTaskStatus = Literal["pending", "processing", "succeeded", "partial", "failed", "unknown"]
_ZEP_STATUSES: Final = frozenset(get_args(ZepTaskStatus))
ENDED_ATTRIBUTE: Final = "tandem_ended_at"
"""Where an edge says since when it no longer holds, because v4 takes no `invalid_at`."""


def _zep_status(value: object) -> object:
    return value if isinstance(value, str) and value in _ZEP_STATUSES else "unknown"


class Page[T](ProviderModel):
    """Some items in the provider's order. `next_cursor` is None on the last page."""

    items: Items[T]
    next_cursor: Annotated[str | None, BeforeValidator(blank_is_none)] = None

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
    first_name: str | None = None
    last_name: str | None = None
    metadata: Metadata = Field(default_factory=dict)
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
    metadata: Metadata = Field(default_factory=dict)
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
    to `expired_at`. `score` and `relevance` come with search results only.

    `ended_at` is an end that we have marked (`ZepClient.update_edge`); where Zep knows none before
    it, that is `invalid_at`.
    """

    uuid: ZepUuid
    fact: str = ""
    name: str = ""
    source_node_uuid: ZepUuid | None = None
    source_node_name: str | None = None
    target_node_uuid: ZepUuid | None = None
    target_node_name: str | None = None
    valid_at: Moment = None
    ended_at: Moment = None
    invalid_at: Annotated[Moment, Field(validate_default=True)] = None
    created_at: Moment = None
    expired_at: Moment = None
    episode_uuids: Items[ZepUuid] = ()
    score: float | None = None
    relevance: float | None = None

    @classmethod
    def _reshape(cls, data: dict[str, Any]) -> dict[str, Any]:
        attributes = data.get("attributes")
        ended = attributes.get(ENDED_ATTRIBUTE) if isinstance(attributes, dict) else None
        # Others may write attributes too: what is no time is no mark.
        return {**data, "ended_at": ended if _is_time(ended) else None}

    @field_validator("invalid_at")
    @classmethod
    def _ended_when_marked(cls, value: datetime | None, info: ValidationInfo) -> datetime | None:
        marked: datetime | None = info.data.get("ended_at")
        return min(value or marked, marked) if marked else value


class ZepNode(ProviderModel):
    """An entity."""

    uuid: ZepUuid
    name: str = ""
    summary: str = ""
    labels: Items[str] = ()
    created_at: Moment = None
    episode_uuids: Items[ZepUuid] = ()
    score: float | None = None
    relevance: float | None = None


class ZepEpisode(ProviderModel):
    """A piece of what was told to the graph: a message of a thread (`thread_uuid`, `role`; its UUID
    is the message's) or a text. `reference_time` is when it was said, `created_at` when it came.
    `score` and `relevance` come with search results only."""

    uuid: ZepUuid
    content: str = ""
    source: str = ""
    role: str | None = None
    role_name: str | None = None
    thread_uuid: ZepUuid | None = None
    metadata: Metadata = Field(default_factory=dict)
    reference_time: Moment = None
    created_at: Moment = None
    processed: bool = False
    score: float | None = None
    relevance: float | None = None


class ThreadContext(ProviderModel):
    """What Zep would tell a model about the newest words of a thread. `context` is free text."""

    context: str = ""

    @classmethod
    def _reshape(cls, data: dict[str, Any]) -> dict[str, Any]:
        # Without facts there is no context, which Zep may leave out; another object is none.
        if data and "context" not in data:
            raise ValueError("not a context")
        return data


class GraphContext(ProviderModel):
    """What Zep would tell a model about a question.

    `context` is free text for a prompt, not to be parsed; `edges` and `nodes` are what it was made
    of, best first, empty unless they were asked for.
    """

    context: str = ""
    truncated: bool = False
    edges: Items[ZepEdge] = ()
    nodes: Items[ZepNode] = ()

    @classmethod
    def _reshape(cls, data: dict[str, Any]) -> dict[str, Any]:
        if data and not data.keys() & {"context", "truncated", "results", "edges", "nodes"}:
            raise ValueError("not a context")
        chosen = data.pop("results", {})
        if not isinstance(chosen, dict):
            raise ValueError("not a context")
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

    messages: Items[ZepMessage]
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


def _is_time(value: object) -> bool:
    try:
        return isinstance(value, str) and datetime.fromisoformat(value).tzinfo is not None
    except ValueError:
        return False


def _uuid_in(data: dict[str, Any], name: str) -> Any:
    inner = data.get(name)
    return inner.get("uuid") if isinstance(inner, dict) else None
