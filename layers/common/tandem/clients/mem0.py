"""Mem0 Platform over REST, as one class: /v3 to add, search and list, the rest where no newer is.

mem0_memories.py  memories: add, search, list, get, update, delete, history
mem0_batches.py   many at once: update, delete, export
mem0.py           events: get, list, wait; people: list, delete
"""

from tandem.clients.mem0_batches import Mem0BatchCalls
from tandem.clients.mem0_memories import Mem0MemoryCalls
from tandem.clients.mem0_models import (
    Mem0Deletion,
    Mem0Entity,
    Mem0EntityPage,
    Mem0Event,
    Mem0EventPage,
    Mem0ListedEvent,
)
from tandem.clients.polling import wait_until
from tandem.ids import Mem0Id


class Mem0Client(Mem0MemoryCalls, Mem0BatchCalls):
    """Mem0 for one project. Safe to share between requests of one event loop."""

    async def get_event(self, event_id: Mem0Id, *, timeout_seconds: float) -> Mem0Event:
        """How far Mem0 has got with a job, and what it has made.

        Args:
            event_id: from `add` or a deletion.
            timeout_seconds: for the call with its retries.

        Raises:
            UpstreamRejected: 404 when Mem0 doesn't know the job (any more).
            UpstreamError: its other kinds.

        Source: OpenAPI of 2026-08-22 (`event_read`); no SDK has this call. What an element of
        `results` looks like is inferred. A status that isn't known here reads "unknown".

        Wire: GET /v1/event/{id}/ → id, status, results[].
        """
        call = self._call("event.get", "GET", "/v1/event/{}/", ids=(event_id,))
        return await self._http.send(call, Mem0Event, timeout_seconds=timeout_seconds)

    async def list_events(
        self, *, page_size: int = 100, timeout_seconds: float
    ) -> list[Mem0ListedEvent]:
        """The first jobs of the project's in Mem0's order, which is taken to be newest first: adds
        of everybody, those that are under way among them.

        Args:
            page_size: at most so many.
            timeout_seconds: for the call with its retries.

        Raises:
            UpstreamError: any of its kinds.

        Source: OpenAPI of 2026-08-22 (`events_list`), which names no parameters; those of the one
        of January 2025 are sent. That an add's `payload` has its `metadata` is inferred from
        "the original payload". No SDK has this call.

        Wire: GET /v1/events/?event_type=ADD&page_size → results[].id, status, results[],
        payload.metadata.
        """
        query = {"event_type": "ADD", "page_size": page_size}
        call = self._call("event.list", "GET", "/v1/events/", query=query)
        page = await self._http.send(call, Mem0EventPage, timeout_seconds=timeout_seconds)
        return list(page.items)

    async def wait_for_event(self, event_id: Mem0Id, *, timeout_seconds: float) -> Mem0Event:
        """The job once it has ended: `status` is SUCCEEDED or FAILED.

        A failed job is an answer, because only the caller knows what to do about it.

        Args:
            event_id: from `add` or a deletion.
            timeout_seconds: for all asking and waiting together.

        Raises:
            UpstreamTimeout: it hasn't ended in time; it may later.
            UpstreamRejected: 404 when Mem0 doesn't know the job (any more).
            UpstreamError: its other kinds.

        Source: as `get_event`.

        Wire: as `get_event`, at once and then at growing distances, at most 5 s apart.
        """
        return await wait_until(
            self._http,
            lambda seconds: self.get_event(event_id, timeout_seconds=seconds),
            finished=lambda event: event.finished,
            operation="event.wait",
            timeout_seconds=timeout_seconds,
        )

    async def users(self, *, max_items: int = 5000, timeout_seconds: float) -> list[Mem0Entity]:
        """Everybody and everything that has memories, each once, in Mem0's order.

        People are those whose `type` is "user"; their `name` is the `user_id` that we gave.

        Args:
            max_items: stop there.
            timeout_seconds: for all pages together.

        Raises:
            UpstreamError: any of its kinds. A page that has gone meanwhile ends the list.

        Source: capture mem0ai 2.2.1 `users`, which reads the first page only; OpenAPI of 2026-08-22
        says that there are more. That they are asked for by number is inferred from other lists.

        Wire: GET /v1/entities/ and then ?page → next, results[].
        """

        async def read(number: int, seconds: float) -> Mem0EntityPage:
            query = {"page": number} if number > 1 else {}
            call = self._call("user.list", "GET", "/v1/entities/", query=query)
            return await self._http.send(call, Mem0EntityPage, timeout_seconds=seconds)

        return await self._all_pages(read, max_items=max_items, timeout_seconds=timeout_seconds)

    async def delete_user(self, user_id: str, *, timeout_seconds: float) -> Mem0Id | None:
        """The job that erases a person with all memories; None if Mem0 names none.

        Args:
            user_id: whose memories.
            timeout_seconds: for the call with its retries, not for the job.

        Raises:
            UpstreamError: any of its kinds; a 404 counts as done.

        Source: capture mem0ai 2.2.1 `delete_users_one`.

        Wire: DELETE /v2/entities/user/{user_id}/ → event_id.
        """
        call = self._call(
            "user.delete", "DELETE", "/v2/entities/user/{}/", ids=(user_id,), empty_ok=True
        )
        deletion = await self._http.send_or_none(
            call, Mem0Deletion, timeout_seconds=timeout_seconds
        )
        return None if deletion is None else deletion.event_id
