"""Every public method of our clients, and chat's way to Gemini, each ready to be called."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal
from uuid import uuid4

from pydantic import BaseModel

from chat_api.answering import Answering, AnswerLimits, silence_agno
from chat_api.turn import Prompt
from tandem.clients.call_log import log_call
from tandem.clients.connections import build_http_client, build_ssl_context
from tandem.clients.gemini import GeminiClient, build_genai_client
from tandem.clients.gemini_models import Said
from tandem.clients.http import ProviderHttp, UpstreamCall
from tandem.clients.mem0 import Mem0Client
from tandem.clients.mem0_models import MemoryUpdate
from tandem.clients.models import NewMessage
from tandem.clients.zep import ZepClient
from tandem.errors import Provider

SPOKEN = "spokencanary"
KEY = "keycanary"
SAID_AT = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
MODEL, EMBEDDER = "gemini-3.5-flash-lite", "gemini-embedding-001"
PROMPT = Prompt(
    agent="converse",
    message=f"Hello {SPOKEN}",
    earlier=[("user", "Hi"), ("assistant", "Hello")],
    context="",
    person="p",
    session="s",
)
CLIENTS: dict[type[Any], Provider] = {ZepClient: "zep", Mem0Client: "mem0", GeminiClient: "gemini"}


class City(BaseModel):
    """What a structured answer has to be."""

    name: str


@dataclass(frozen=True)
class Method:
    """One method: how it is called with a deadline, and what it makes of unusual answers."""

    call: Callable[[Any, Any, float], Awaitable[Any]]
    """(client, world, seconds)."""
    missing: Literal["error", "answer"] = "error"
    """What a 404 is."""
    unread: bool = False
    """Nothing of the body is used: none will do, and so will any object."""
    repeated: bool = True
    """It may be sent again after the provider may have seen it."""


def _find(call: Callable[[Any, Any, float], Awaitable[Any]]) -> Method:
    return Method(call, missing="answer")


def _gone(call: Callable[[Any, Any, float], Awaitable[Any]]) -> Method:
    return Method(call, missing="answer", unread=True)


def _key() -> str:
    return uuid4().hex


def _message() -> NewMessage:
    return NewMessage(role="user", content=f"I like {SPOKEN}", reference_time=SAID_AT)


ZEP = {
    "find_user": _find(lambda c, w, s: c.find_user(w.user_id, timeout_seconds=s)),
    "get_user": _find(lambda c, w, s: c.get_user(w.user, timeout_seconds=s)),
    "user_node": _find(lambda c, w, s: c.user_node(w.user, timeout_seconds=s)),
    "create_user": Method(
        lambda c, _, s: c.create_user(_key(), idempotency_key=_key(), timeout_seconds=s)
    ),
    "ensure_user": Method(
        lambda c, w, s: c.ensure_user(w.user_id, idempotency_key=_key(), timeout_seconds=s)
    ),
    "update_user": Method(
        lambda c, w, s: c.update_user(
            w.user, first_name=SPOKEN, idempotency_key=_key(), timeout_seconds=s
        )
    ),
    "delete_user": _gone(
        lambda c, w, s: c.delete_user(w.doomed_user, idempotency_key=_key(), timeout_seconds=s)
    ),
    "create_thread": Method(
        lambda c, w, s: c.create_thread(w.user, idempotency_key=_key(), timeout_seconds=s)
    ),
    "get_thread": _find(lambda c, w, s: c.get_thread(w.thread, timeout_seconds=s)),
    "list_threads": Method(lambda c, w, s: c.list_threads(w.user, timeout_seconds=s)),
    "thread_context": Method(lambda c, w, s: c.thread_context(w.thread, timeout_seconds=s)),
    "delete_thread": _gone(
        lambda c, w, s: c.delete_thread(w.doomed_thread, idempotency_key=_key(), timeout_seconds=s)
    ),
    "add_messages": Method(
        lambda c, w, s: c.add_messages(
            w.thread, [_message()], idempotency_key=_key(), timeout_seconds=s
        ),
        repeated=False,
    ),
    "list_messages": Method(lambda c, w, s: c.list_messages(w.thread, timeout_seconds=s)),
    "get_message": _find(lambda c, w, s: c.get_message(w.thread, w.message, timeout_seconds=s)),
    "set_message_metadata": Method(
        lambda c, w, s: c.set_message_metadata(
            w.thread, w.message, {"seen": True}, idempotency_key=_key(), timeout_seconds=s
        )
    ),
    "graph_context": Method(lambda c, w, s: c.graph_context(w.graph, SPOKEN, timeout_seconds=s)),
    "search_edges": Method(lambda c, w, s: c.search_edges(w.graph, SPOKEN, timeout_seconds=s)),
    "search_nodes": Method(lambda c, w, s: c.search_nodes(w.graph, SPOKEN, timeout_seconds=s)),
    "search_episodes": Method(
        lambda c, w, s: c.search_episodes(w.graph, SPOKEN, timeout_seconds=s)
    ),
    "list_edges": Method(lambda c, w, s: c.list_edges(w.graph, timeout_seconds=s)),
    "get_edge": _find(lambda c, w, s: c.get_edge(w.graph, w.edge, timeout_seconds=s)),
    "update_edge": Method(
        lambda c, w, s: c.update_edge(
            w.graph, w.edge, invalid_at=SAID_AT, idempotency_key=_key(), timeout_seconds=s
        )
    ),
    "delete_edge": _gone(
        lambda c, w, s: c.delete_edge(
            w.doomed_graph, w.doomed_edge, idempotency_key=_key(), timeout_seconds=s
        )
    ),
    "list_nodes": Method(lambda c, w, s: c.list_nodes(w.graph, timeout_seconds=s)),
    "get_node": _find(lambda c, w, s: c.get_node(w.graph, w.node, timeout_seconds=s)),
    "clear_summary": Method(
        lambda c, w, s: c.clear_summary(w.graph, w.node, idempotency_key=_key(), timeout_seconds=s)
    ),
    "delete_node": _gone(
        lambda c, w, s: c.delete_node(
            w.doomed_graph, w.doomed_node, idempotency_key=_key(), timeout_seconds=s
        )
    ),
    "add_episode": Method(
        lambda c, w, s: c.add_episode(
            w.graph,
            f"I like {SPOKEN}",
            reference_time=SAID_AT,
            idempotency_key=_key(),
            timeout_seconds=s,
        )
    ),
    "list_episodes": Method(lambda c, w, s: c.list_episodes(w.graph, timeout_seconds=s)),
    "get_episode": _find(lambda c, w, s: c.get_episode(w.graph, w.message, timeout_seconds=s)),
    "delete_episode": _gone(
        lambda c, w, s: c.delete_episode(
            w.doomed_graph, w.doomed_episode, idempotency_key=_key(), timeout_seconds=s
        )
    ),
    "get_task": Method(lambda c, w, s: c.get_task(w.task, timeout_seconds=s)),
    "wait_for_task": Method(lambda c, w, s: c.wait_for_task(w.task, timeout_seconds=s)),
}

MEM0 = {
    "add": Method(
        lambda c, w, s: c.add(f"I like {SPOKEN}", user_id=w.user_id, timeout_seconds=s),
        repeated=False,
    ),
    "search": Method(lambda c, w, s: c.search(SPOKEN, user_id=w.user_id, timeout_seconds=s)),
    "list_memories": Method(lambda c, w, s: c.list_memories(user_id=w.user_id, timeout_seconds=s)),
    "list_all": Method(lambda c, w, s: c.list_all(user_id=w.user_id, timeout_seconds=s)),
    "get": _find(lambda c, w, s: c.get(w.memory, timeout_seconds=s)),
    "update": Method(lambda c, w, s: c.update(w.memory, text=SPOKEN, timeout_seconds=s)),
    "delete": _gone(lambda c, w, s: c.delete(w.doomed_memory, timeout_seconds=s)),
    "history": Method(lambda c, w, s: c.history(w.memory, timeout_seconds=s)),
    "batch_update": Method(
        lambda c, w, s: c.batch_update(
            [MemoryUpdate(memory, text=f"{SPOKEN} {memory}") for memory in w.batch],
            timeout_seconds=s,
        ),
        unread=True,
    ),
    "batch_delete": Method(
        lambda c, w, s: c.batch_delete(w.doomed_batch, timeout_seconds=s), unread=True
    ),
    "create_export": Method(
        lambda c, w, s: c.create_export(
            {"type": "object"}, user_id=w.user_id, instructions=SPOKEN, timeout_seconds=s
        ),
        repeated=False,
    ),
    "get_export": _find(lambda c, w, s: c.get_export(w.export, timeout_seconds=s)),
    "get_event": Method(lambda c, w, s: c.get_event(w.event, timeout_seconds=s)),
    "list_events": Method(lambda c, _, s: c.list_events(timeout_seconds=s)),
    "wait_for_event": Method(lambda c, w, s: c.wait_for_event(w.event, timeout_seconds=s)),
    "users": Method(lambda c, _, s: c.users(timeout_seconds=s)),
    "delete_user": _gone(lambda c, w, s: c.delete_user(w.doomed_user_id, timeout_seconds=s)),
}
GEMINI = {
    "structured": Method(
        lambda c, _, s: c.structured(
            MODEL,
            [Said("user", f"I live in Delhi, {SPOKEN}. Where do I live?")],
            answer=City,
            max_output_tokens=4000,
            timeout_seconds=s,
        )
    ),
    "embed": Method(lambda c, _, s: c.embed(EMBEDDER, [SPOKEN], dimensions=768, timeout_seconds=s)),
    "count_tokens": Method(
        lambda c, _, s: c.count_tokens(MODEL, [Said("user", SPOKEN)], timeout_seconds=s)
    ),
}
METHODS: dict[type[Any], dict[str, Method]] = {
    ZepClient: ZEP,
    Mem0Client: MEM0,
    GeminiClient: GEMINI,
}
CHAT = Method(lambda c, _, s: c.answer(PROMPT, None, seconds=s), repeated=False)
"""Not a client of ours: Agno and google-genai behind chat's gate, with a deadline of its own."""


def public_methods(client: type[Any]) -> set[str]:
    """Names of the methods that a client offers."""
    found = inspect.getmembers(client, inspect.isfunction)
    return {name for name, _ in found if not name.startswith("_")}


class Caller:
    """A method with a client of its own, so that the twin can tell who calls, and that a connection
    which one failure keeps is missed by the next."""

    def __init__(self, client: type[Any] | None, name: str, method: Method, *, url: str) -> None:
        """`client`: None for chat."""
        self.provider: Provider = "gemini" if client is None else CLIENTS[client]
        self.name = f"{self.provider}.{name}"
        self.method, self.is_chat = method, client is None
        self.calls: list[UpstreamCall] = []
        # As the twins record it: google-genai says its own name there.
        self.recorded_as = "" if client is None else f"{self.name}/1"
        self.http = build_http_client(
            base_url="" if client is None else url, headers={"user-agent": f"{self.name}/1"}
        )
        self.client = self._chat(url) if client is None else self._client(client)

    def _told(self, call: UpstreamCall) -> None:
        log_call(call)
        self.calls.append(call)

    def _client(self, client: type[Any]) -> Any:
        # No jitter: how often a call is repeated within the deadline is to be known.
        http = ProviderHttp(self.provider, self.http, on_call=self._told, jitter=lambda: 0.0)
        return client(http, api_key=lambda: KEY)

    def _chat(self, url: str) -> Answering:
        silence_agno()
        genai = build_genai_client(
            api_key=KEY,
            base_url=url,
            timeout_seconds=5.0,
            async_client=self.http,
            ssl_context=build_ssl_context(),
        )
        limits = AnswerLimits(model_calls=2, max_output_tokens=4000)
        return Answering(MODEL, client=lambda: genai, limits=limits, on_call=self._told)

    async def call(self, world: Any, seconds: float) -> Any:
        """What the method gives."""
        return await self.method.call(self.client, world, seconds)
