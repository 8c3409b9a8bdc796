"""Zep Cloud over its v4 REST API, as one class.

    zep_users.py      people: find, get, create, ensure, update, delete; the entity they are
    zep_threads.py    threads: create, get, list, delete; context of a thread
    zep_messages.py   messages: add, list, get, set metadata
    zep_search.py     context of a question; search of edges, nodes, episodes
    zep_edges.py      edges: list, get, delete; mark as ended
    zep_graph.py      nodes, episodes: list, get, delete; add an episode
    zep.py            tasks: get, wait

Zep made every UUID here; nothing can be found again by an id of ours except a user, so callers keep
them.
"""

from tandem.clients.polling import wait_until
from tandem.clients.zep_edges import ZepEdgeCalls
from tandem.clients.zep_graph import ZepGraphCalls
from tandem.clients.zep_messages import MAX_MESSAGE_CHARACTERS, MAX_MESSAGES, ZepMessageCalls
from tandem.clients.zep_models import ZepTask
from tandem.clients.zep_search import ZepSearchCalls
from tandem.clients.zep_threads import ZepThreadCalls
from tandem.clients.zep_users import ZepUserCalls
from tandem.ids import ZepUuid

__all__ = ["MAX_MESSAGES", "MAX_MESSAGE_CHARACTERS", "ZepClient"]


class ZepClient(
    ZepUserCalls, ZepThreadCalls, ZepMessageCalls, ZepSearchCalls, ZepEdgeCalls, ZepGraphCalls
):
    """Zep for one project. Safe to share between requests of one event loop."""

    async def get_task(self, task_uuid: ZepUuid, *, timeout_seconds: float) -> ZepTask:
        """How far Zep has got with a task.

        Args:
            task_uuid: from the answer that started it.
            timeout_seconds: for the call with its retries.

        Raises:
            UpstreamRejected: 404 when Zep no longer knows the task.
            UpstreamError: its other kinds.

        Source: capture zep v4.0.1 `task.get`. A status that isn't known here reads "unknown".

        Wire: GET /api/v4/tasks/{uuid} → status, completed_at.
        """
        call = self._call("task.get", "GET", "/tasks/{}", (task_uuid,))
        return await self._http.send(call, ZepTask, timeout_seconds=timeout_seconds)

    async def wait_for_task(self, task_uuid: ZepUuid, *, timeout_seconds: float) -> ZepTask:
        """The task once it has ended: `status` is succeeded, partial or failed.

        A failed task is an answer, because only the caller knows what to do about it.

        Args:
            task_uuid: from the answer that started it.
            timeout_seconds: for all asking and waiting together.

        Raises:
            UpstreamTimeout: it hasn't ended in time; it may later.
            UpstreamRejected: 404 when Zep no longer knows the task.
            UpstreamError: its other kinds.

        Source: as `get_task`; Zep docs "check data ingestion status": seconds to minutes.

        Wire: as `get_task`, at once and then at growing distances, at most 5 s apart.
        """
        return await wait_until(
            self._http,
            lambda seconds: self.get_task(task_uuid, timeout_seconds=seconds),
            finished=lambda task: task.finished,
            operation="task.wait",
            timeout_seconds=timeout_seconds,
        )
