"""What each kind of change does to the stores: a look at how things are, then one call."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final, Literal
from uuid import UUID

from tandem.changes.model import Change, ChangeKind
from tandem.changes.stores import Graph, Memories, Prepared, Ready, Skipped, Task, given
from tandem.clients.models import (
    Mem0Added,
    Mem0Event,
    Mem0Memory,
    Metadata,
    ZepEdge,
    rfc3339,
)
from tandem.db.changes import Begun, Outcome
from tandem.delivery.stores import name_at_stores
from tandem.errors import UpstreamRejected
from tandem.ids import Mem0Id, ZepUuid
from tandem.recall.normalise import statement_hash
from tandem.recall.validity import holds_again

REFUSALS: Final = frozenset({400, 413, 422, None})
"""Answers that are about the change itself; None: the client knew and didn't even ask."""

_BAD_REQUEST: Final = 400
_ALL: Final = 10_000
_BEFORE: Final = "before"
_RUN: Final = "run_id"
_EXPIRES: Final = "expiration_date"
_LONGEST_RUN: Final = 200


GONE: Final = Skipped("gone")
CHANGED: Final = Skipped("changed")


class Operations:
    """The kinds of change.

    Args:
        now: aware; tells which day was yesterday.
    """

    def __init__(
        self, mem0: Memories, zep: Graph, *, stage: str, now: Callable[[], datetime]
    ) -> None:
        self._mem0 = mem0
        self._zep = zep
        self._stage = stage
        self._now = now
        self._kinds: Mapping[ChangeKind, Callable[[Task], Awaitable[Prepared]]] = {
            "hide": self._hide,
            "show": self._show,
            "add": self._add,
            "rewrite": self._rewrite,
            "delete_memory": self._delete_memory,
            "end_fact": self._end_fact,
            "restore_fact": self._restore_fact,
            "delete_fact": self._delete_fact,
            "delete_episode": self._delete_episode,
            "delete_node": self._delete_node,
            "clear_summary": self._clear_summary,
            "link": _ours_alone,
            "unlink": _ours_alone,
        }

    async def prepare(self, task: Task) -> Prepared:
        """Looks at what the change is about; nothing is changed yet.

        Raises:
            UpstreamError: a store failed.
        """
        return await self._kinds[task.change.kind](task)

    async def delete_copy(self, task: Task, mem0_id: Mem0Id) -> None:
        """Deletes a copy whose fact is to be forgotten. Raises as `prepare` does."""
        await self._mem0.delete(mem0_id, timeout_seconds=task.seconds())

    async def _hide(self, task: Task) -> Prepared:
        memory = await self._mem0.get(task.mem0_id, timeout_seconds=task.seconds())
        if memory is None:
            return GONE
        if self._is_hidden(memory):
            if memory.metadata.get(_RUN) != str(task.run_id):
                return Skipped("hidden_already")
            return await self._hidden(task, memory, task.change.details.get(_BEFORE) or {})
        if statement_hash(memory.text) != task.change.text_hash:
            return CHANGED
        if not _can_be_noted(memory.metadata.get(_RUN)):
            return Ready(_hide_here_alone)
        before = _as_it_was(memory)

        async def send(_: Begun) -> Outcome | Skipped:
            try:
                hidden = await self._mem0.update(
                    memory.id,
                    expiration_date=self._today() - timedelta(days=1),
                    metadata={**memory.metadata, _RUN: str(task.run_id)},
                    timeout_seconds=task.seconds(),
                )
            except UpstreamRejected as error:
                if error.status != _BAD_REQUEST:
                    raise
                return Outcome(listed=True)
            return await self._hidden(task, hidden, before)

        return Ready(send, {_BEFORE: before})

    async def _hidden(
        self, task: Task, memory: Mem0Memory, before: Mapping[str, Any]
    ) -> Outcome | Skipped:
        """Hidden for good, unless it was corrected after it had been looked at."""
        if statement_hash(memory.text) == task.change.text_hash:
            return Outcome()
        await self._put_back(task, memory, before)
        return CHANGED

    async def _put_back(self, task: Task, memory: Mem0Memory, before: Mapping[str, Any]) -> None:
        await self._mem0.update(
            memory.id,
            expiration_date=_expiry(before),
            metadata=_metadata_before(memory, before),
            timeout_seconds=task.seconds(),
        )

    def _is_hidden(self, memory: Mem0Memory) -> bool:
        return memory.expiration_date is not None and memory.expiration_date < self._today()

    def _today(self) -> date:
        return self._now().astimezone(UTC).date()

    async def _show(self, task: Task) -> Prepared:
        memory = await self._mem0.get(task.mem0_id, timeout_seconds=task.seconds())
        if memory is None:
            return GONE

        async def send(begun: Begun) -> Outcome | Skipped:
            if not begun.hidden:
                return Skipped("not_hidden")
            if not begun.listed:
                await self._put_back(task, memory, begun.put_back)
            return Outcome()

        return Ready(send)

    async def _add(self, task: Task) -> Prepared:
        change, user_id = task.change, name_at_stores(self._stage, task.person.account_id)
        if change.state == "sent":
            made = await self._made_by(change, user_id, task)
            if made is not None:
                return Outcome(made_id=made)
        text = await self._text_to_add(task)
        if isinstance(text, Skipped):
            return text

        async def send(_: Begun) -> Outcome | Skipped:
            said_at = _moment(change.details.get("said_at"))
            added = await self._mem0.add(
                text,
                user_id=user_id,
                metadata=_metadata_of_copy(change, said_at),
                timestamp=said_at,
                infer=False,
                timeout_seconds=task.seconds(),
            )
            made = _made(added)
            if made is None and added.event_id and added.status in {"PENDING", "RUNNING"}:
                made = _made(
                    await self._mem0.wait_for_event(added.event_id, timeout_seconds=task.seconds())
                )
            return Skipped("held_already") if made is None else Outcome(made_id=made)

        return Ready(send)

    async def _text_to_add(self, task: Task) -> str | Skipped:
        if task.change.edge_uuid is None:
            return task.text or Skipped("no_text")
        edge = await self._edge(task)
        if isinstance(edge, Skipped):
            return edge
        said_at = _moment(task.change.details.get("said_at"))
        over = edge.invalid_at is not None and edge.invalid_at <= self._now()
        if (over or edge.expired_at is not None) and not holds_again(edge, said_at):
            return Skipped("ended")
        return edge.fact

    async def _made_by(self, change: Change, user_id: str, task: Task) -> Mem0Id | None:
        memories = await self._mem0.list_all(
            user_id=user_id, max_items=_ALL, timeout_seconds=task.seconds_of_all()
        )
        mark = str(change.id)
        found = (one.id for one in memories if one.metadata.get("change_id") == mark)
        return next(found, None)

    async def _rewrite(self, task: Task) -> Prepared:
        change = task.change
        memory = await self._mem0.get(task.mem0_id, timeout_seconds=task.seconds())
        if memory is None:
            return GONE
        if memory.metadata.get("change_id") == str(change.id):
            return Outcome()
        if task.text is None:
            return Skipped("no_text")
        if change.text_hash is not None and statement_hash(memory.text) != change.text_hash:
            return CHANGED
        text, said_at = task.text, _moment(change.details.get("said_at"))
        # What the person says instead is to be seen, even if a run hides the old at this moment.
        is_hidden = self._is_hidden(memory)
        until = None if is_hidden else memory.expiration_date
        # It is a copy of that fact no more.
        gone = {"edge_uuid", _RUN} if is_hidden else {"edge_uuid"}
        kept = {name: value for name, value in memory.metadata.items() if name not in gone}
        if change.turn_ids:
            kept["turn_id"] = str(change.turn_ids[-1])

        async def send(_: Begun) -> Outcome | Skipped:
            await self._mem0.update(
                memory.id,
                text=text,
                metadata={**kept, **_marks(change, said_at)},
                timestamp=said_at,
                expiration_date=until or "never",
                timeout_seconds=task.seconds(),
            )
            return Outcome()

        return Ready(send)

    async def _delete_memory(self, task: Task) -> Prepared:
        if task.change.reason == "undo":
            memory = await self._mem0.get(task.mem0_id, timeout_seconds=task.seconds())
            if memory is not None and statement_hash(memory.text) != task.change.text_hash:
                return CHANGED

        async def send(_: Begun) -> Outcome | Skipped:
            await self._mem0.delete(task.mem0_id, timeout_seconds=task.seconds())
            return Outcome()

        return Ready(send)

    async def _end_fact(self, task: Task) -> Prepared:
        edge = await self._edge(task)
        if isinstance(edge, Skipped):
            return edge
        ends_at = _moment(task.change.details.get("invalid_at")) or self._now()
        if edge.invalid_at is not None and edge.invalid_at <= ends_at:
            done = task.change.state == "sent" and edge.invalid_at == ends_at
            return Outcome() if done else Skipped("ended")
        before = None if edge.invalid_at is None else edge.invalid_at.isoformat()
        return Ready(self._ending(task, ends_at), {_BEFORE: {"invalid_at": before}})

    async def _restore_fact(self, task: Task) -> Prepared:
        return GONE if task.person.zep_graph_uuid is None else Ready(self._ending(task, None))

    def _ending(
        self, task: Task, ends_at: datetime | None
    ) -> Callable[[Begun], Awaitable[Outcome | Skipped]]:
        async def send(_: Begun) -> Outcome | Skipped:
            await self._zep.update_edge(
                given(task.person.zep_graph_uuid),
                given(task.change.edge_uuid),
                invalid_at=ends_at,
                idempotency_key=task.key,
                timeout_seconds=task.seconds(),
            )
            return Outcome()

        return send

    async def _delete_fact(self, task: Task) -> Prepared:
        return self._deleting(task, task.change.edge_uuid, self._zep.delete_edge)

    async def _delete_episode(self, task: Task) -> Prepared:
        return self._deleting(task, task.change.episode_uuid, self._zep.delete_episode)

    async def _delete_node(self, task: Task) -> Prepared:
        return self._deleting(task, _node_of(task), self._zep.delete_node)

    async def _clear_summary(self, task: Task) -> Prepared:
        graph_uuid, node_uuid = task.person.zep_graph_uuid, _node_of(task)
        if graph_uuid is None:
            return GONE

        async def send(_: Begun) -> Outcome | Skipped:
            try:
                await self._zep.clear_summary(
                    graph_uuid,
                    node_uuid,
                    idempotency_key=task.key,
                    timeout_seconds=task.seconds(),
                )
            except UpstreamRejected as error:
                if error.status != _BAD_REQUEST:
                    raise
                return Skipped("kept")  # what it rests on goes all the same
            return Outcome()

        return Ready(send)

    def _deleting(
        self, task: Task, uuid: ZepUuid | None, delete: Callable[..., Awaitable[object]]
    ) -> Prepared:
        graph_uuid = task.person.zep_graph_uuid
        if graph_uuid is None or uuid is None:
            return GONE

        async def send(_: Begun) -> Outcome | Skipped:
            await delete(graph_uuid, uuid, idempotency_key=task.key, timeout_seconds=task.seconds())
            return Outcome()

        return Ready(send)

    async def _edge(self, task: Task) -> ZepEdge | Skipped:
        """The fact, if it is there and reads as it did."""
        graph_uuid, edge_uuid = task.person.zep_graph_uuid, task.change.edge_uuid
        if graph_uuid is None or edge_uuid is None:
            return GONE
        edge = await self._zep.get_edge(graph_uuid, edge_uuid, timeout_seconds=task.seconds())
        if edge is None:
            return GONE
        return edge if statement_hash(edge.fact) == task.change.text_hash else CHANGED


def _node_of(task: Task) -> ZepUuid:
    return ZepUuid(UUID(str(task.change.details["node_uuid"])))


async def _ours_alone(_: Task) -> Prepared:
    """No store has a part in it."""

    async def send(_: Begun) -> Outcome | Skipped:
        return Outcome()

    return Ready(send)


async def _hide_here_alone(_: Begun) -> Outcome | Skipped:
    return Outcome(listed=True)


def _can_be_noted(run_id: object) -> bool:
    """The journal takes the name of a run that somebody else has noted, but no words and nothing
    that it can't store."""
    if run_id is None:
        return True
    return isinstance(run_id, str) and len(run_id) <= _LONGEST_RUN and run_id.isprintable()


def _as_it_was(memory: Mem0Memory) -> dict[str, Any]:
    """What hiding changes and showing puts back; never a word of the memory itself."""
    until = memory.expiration_date
    expires = {} if until is None else {_EXPIRES: until.isoformat()}
    return {name: memory.metadata[name] for name in (_RUN,) if name in memory.metadata} | expires


def _expiry(before: Mapping[str, Any]) -> date | Literal["never"]:
    until = before.get(_EXPIRES)
    return "never" if until is None else date.fromisoformat(until)


def _metadata_before(memory: Mem0Memory, before: Mapping[str, Any]) -> Metadata:
    kept = {name: value for name, value in memory.metadata.items() if name != _RUN}
    return kept | ({_RUN: before[_RUN]} if _RUN in before else {})


def _metadata_of_copy(change: Change, said_at: datetime | None) -> Metadata:
    copied: Metadata = {} if change.edge_uuid is None else {"edge_uuid": str(change.edge_uuid)}
    return copied | _marks(change, said_at)


def _marks(change: Change, said_at: datetime | None) -> Metadata:
    """By which a memory of ours is found again, and when it was said."""
    said: Metadata = {} if said_at is None else {"said_at": rfc3339(said_at)}
    return {"change_id": str(change.id), **said}


def _made(added: Mem0Added | Mem0Event) -> Mem0Id | None:
    """The memory that was made; none when Mem0 holds the statement already."""
    made = (one.id for one in added.results if one.id and one.event.upper() != "NONE")
    return next(made, None)


def _moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
