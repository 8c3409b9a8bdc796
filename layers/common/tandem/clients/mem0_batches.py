"""Mem0 Platform over REST: many memories in one call, and exports."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from tandem.clients.http import Method
from tandem.clients.mem0_base import Mem0Base
from tandem.clients.mem0_models import Mem0Done, Mem0Export, Mem0ExportJob, MemoryUpdate
from tandem.clients.provider_model import Metadata
from tandem.errors import UpstreamRejected
from tandem.ids import Mem0Id

MAX_BATCH: Final = 1000


class Mem0BatchCalls(Mem0Base):
    """The part of `Mem0Client` that is about many memories at once."""

    async def batch_update(
        self, updates: Sequence[MemoryUpdate], *, timeout_seconds: float
    ) -> None:
        """Nothing, once all memories are changed. No updates make no call.

        Args:
            updates: at most 1,000, each with a text or metadata.
            timeout_seconds: for the call with its retries.

        Raises:
            ValueError: an update changes nothing.
            UpstreamRejected: 400 or 404 when one of them is gone; with status None when there are
                too many, in which case nothing was sent and never can be.
            UpstreamError: its other kinds. Which of them are changed is then unknown; repeating the
                same changes is harmless.

        Source: capture mem0ai 2.2.1 `batch_update`; OpenAPI of 2026-08-22 for the bound. Whether
        one that is gone spoils the others, and with which status, is not known.

        Wire: PUT /v1/batch/ `{"memories":[{"memory_id","text","metadata"}]}` → 200, body unused.
        """
        await self._batch(
            "batch.update", "PUT", [_update_json(u) for u in updates], timeout_seconds
        )

    async def batch_delete(self, memory_ids: Sequence[Mem0Id], *, timeout_seconds: float) -> None:
        """Nothing, once all memories are gone. No ids make no call.

        Args:
            memory_ids: at most 1,000.
            timeout_seconds: for the call with its retries.

        Raises:
            UpstreamRejected: 400 or 404 when one of them was gone before, as after a repeated call;
                the others may still be there. With status None when there are too many, in which
                case nothing was sent and never can be.
            UpstreamError: its other kinds. Which of them are gone is then unknown.

        Source: capture mem0ai 2.2.1 `batch_delete`; OpenAPI of 2026-08-22 for the bound. Whether
        one that is gone spoils the others, and with which status, is not known.

        Wire: DELETE /v1/batch/ with a body, `{"memories":[{"memory_id"}]}` → 200, body unused.
        """
        memories = [{"memory_id": memory_id} for memory_id in memory_ids]
        await self._batch("batch.delete", "DELETE", memories, timeout_seconds)

    async def create_export(
        self,
        schema: Mapping[str, Any],
        *,
        user_id: str,
        instructions: str | None = None,
        timeout_seconds: float,
    ) -> Mem0Id:
        """The export that Mem0 has begun to make, to be fetched with `get_export`.

        Args:
            schema: a JSON schema of the document that is wanted.
            user_id: whose memories.
            instructions: how to fill the document, in words.
            timeout_seconds: for the call, not for the export.

        Raises:
            UpstreamRejected: Mem0 won't take this schema (400).
            UpstreamError: its other kinds. The export may have been begun then; another one does
                no harm.

        Source: capture mem0ai 2.2.1 `create_memory_export`; OpenAPI of 2026-08-22, which wants the
        filter in its AND form and lacks `export_instructions`.

        Wire: POST /v1/exports/ `{"schema","filters":{"AND":[{"user_id"}]},"export_instructions"}` →
        201 id.
        """
        body: dict[str, Any] = {"schema": schema, "filters": {"AND": [{"user_id": user_id}]}}
        if instructions is not None:
            body["export_instructions"] = instructions
        call = self._call("export.create", "POST", "/v1/exports/", body=body, retry_safe=False)
        job = await self._http.send(call, Mem0ExportJob, timeout_seconds=timeout_seconds)
        return job.id

    async def get_export(self, export_id: Mem0Id, *, timeout_seconds: float) -> Metadata | None:
        """The exported document, or None when Mem0 has none by this id, perhaps not yet.

        Args:
            export_id: from `create_export`.
            timeout_seconds: for the call with its retries.

        Raises:
            UpstreamError: any of its kinds; a 404 is an answer, not an error.

        Source: capture mem0ai 2.2.1 `get_memory_export`; OpenAPI of 2026-08-22. What Mem0 answers
        while it still makes the export is not known: an object with the export's own id is taken
        as its state.

        Wire: POST /v1/exports/get/ `{"memory_export_id"}` → the document, shaped by the schema.
        """
        body = {"memory_export_id": export_id}
        call = self._call("export.get", "POST", "/v1/exports/get/", body=body)
        export = await self._http.send_or_none(call, Mem0Export, timeout_seconds=timeout_seconds)
        if export is None or export.document.get("id") == export_id:
            return None
        return export.document

    async def _batch(
        self,
        operation: str,
        method: Method,
        memories: Sequence[Mapping[str, Any]],
        timeout_seconds: float,
    ) -> None:
        if len(memories) > MAX_BATCH:
            # Mem0 would answer 400, so the caller is told the same in the same way.
            raise UpstreamRejected("mem0", operation=operation, reason="over_limit", sent=False)
        if not memories:
            return
        call = self._call(
            operation, method, "/v1/batch/", body={"memories": memories}, empty_ok=True
        )
        await self._http.send(call, Mem0Done, timeout_seconds=timeout_seconds)


def _update_json(update: MemoryUpdate) -> dict[str, Any]:
    changes = {"text": update.text, "metadata": update.metadata}
    body = {name: value for name, value in changes.items() if value is not None}
    if not body:
        raise ValueError("nothing to change")
    return {"memory_id": update.memory_id, **body}
