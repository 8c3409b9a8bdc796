"""Routes of consolidation and of conflicts."""

from collections.abc import Callable, Mapping
from datetime import datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Annotated, Any, Final
from uuid import UUID

from fastapi import APIRouter, Path, Query, Response

from memory_api.consolidation import schemas
from tandem.changes.model import Change, RunId
from tandem.db.runs import RunRow
from tandem.web import Caller

if TYPE_CHECKING:
    from memory_api.consolidation.run import RunResult
    from memory_api.consolidation.service import Services

_MEMORY: Final = "mem_"
_FACT: Final = "fact_"

RunIdInPath = Annotated[UUID, Path()]
ConflictIdInPath = Annotated[UUID, Path()]


def create_router(services: "Callable[[], Services]") -> APIRouter:
    """The routes of runs and conflicts under `/api/memory`.

    Args:
        services: asked with each request, so that they can be built with the first.
    """
    router = APIRouter(prefix="/api/memory")

    @router.post("/consolidate")
    async def consolidate(
        principal: Caller, body: schemas.ConsolidateRequest, response: Response
    ) -> schemas.ConsolidateResponse:
        result = await services().consolidation.consolidate(
            principal, user_id=body.user_id, dry_run=body.dry_run
        )
        return _result(result, response)

    @router.get("/consolidations")
    async def list_runs(
        principal: Caller, query: Annotated[schemas.RunsRequest, Query()]
    ) -> schemas.RunsResponse:
        page = await services().consolidation.list(
            principal, user_id=query.user_id, limit=query.limit, cursor=query.cursor
        )
        return schemas.RunsResponse(
            items=tuple(schemas.RunResponse(**_run(run)) for run in page.items),
            next_cursor=page.next_cursor,
        )

    @router.get("/consolidations/{run_id}")
    async def read_run(
        principal: Caller, run_id: RunIdInPath, query: Annotated[schemas.RunRequest, Query()]
    ) -> schemas.RunWithChangesResponse:
        found = await services().consolidation.read(principal, RunId(run_id), user_id=query.user_id)
        return schemas.RunWithChangesResponse(
            **_run(found.run), changes=tuple(_change(change, {}) for change in found.changes)
        )

    @router.post("/consolidations/{run_id}/undo")
    async def undo(
        principal: Caller,
        run_id: RunIdInPath,
        response: Response,
        body: schemas.UndoRequest | None = None,
    ) -> schemas.ConsolidateResponse:
        user_id = body.user_id if body is not None else None
        result = await services().consolidation.undo(principal, RunId(run_id), user_id=user_id)
        return _result(result, response)

    @router.get("/conflicts")
    async def list_conflicts(
        principal: Caller, query: Annotated[schemas.ConflictsRequest, Query()]
    ) -> schemas.ConflictsResponse:
        page = await services().conflicts.list(
            principal, user_id=query.user_id, limit=query.limit, cursor=query.cursor
        )
        return schemas.ConflictsResponse(
            items=tuple(
                schemas.ConflictResponse(
                    conflict_id=item.id,
                    left=schemas.SideResponse(id=item.left.id, text=item.left.text),
                    right=schemas.SideResponse(id=item.right.id, text=item.right.text),
                    found_at=item.found_at,
                )
                for item in page.items
            ),
            next_cursor=page.next_cursor,
            degraded=tuple(page.degraded),
        )

    @router.post("/conflicts/{conflict_id}/resolve")
    async def resolve(
        principal: Caller, conflict_id: ConflictIdInPath, body: schemas.ResolveRequest
    ) -> schemas.ResolveResponse:
        settled = await services().conflicts.resolve(
            principal, conflict_id, user_id=body.user_id, keep=body.keep
        )
        return schemas.ResolveResponse(
            conflict_id=conflict_id,
            kept=body.keep,
            run_id=settled.run_id,
            confirmed=settled.confirmed,
            skipped=settled.skipped,
            refused=settled.refused,
        )

    return router


def _result(result: "RunResult", response: Response) -> schemas.ConsolidateResponse:
    if result.status == "running":
        response.status_code = HTTPStatus.ACCEPTED
    return schemas.ConsolidateResponse(
        run_id=result.run_id,
        status=result.status,
        changes=tuple(_change(change, result.texts) for change in result.changes),
        counts=result.counts,
        undecided=result.undecided,
    )


def _run(run: RunRow) -> dict[str, Any]:
    return {
        "run_id": run.id,
        "kind": run.kind,
        "status": run.state,
        "phase": run.phase,
        "started_by": run.started_by,
        "undoes": run.undoes,
        "counts": run.counts,
        "undecided": run.counts.get("undecided", 0),
        "started_at": run.started_at,
        "finished_at": run.finished_at,
    }


def _change(change: Change, texts: Mapping[str, str]) -> schemas.ChangeResponse:
    memory_id = None if change.mem0_id is None else f"{_MEMORY}{change.mem0_id}"
    fact_id = None if change.edge_uuid is None else f"{_FACT}{change.edge_uuid}"
    details = change.details
    return schemas.ChangeResponse(
        seq=change.seq,
        kind=change.kind,
        reason=change.reason,
        memory_id=memory_id,
        fact_id=fact_id,
        kept_id=change.kept_id,
        state=change.state,
        why=details.get("why"),
        evidence=schemas.EvidenceResponse(
            said_at=_moment(details.get("said_at")),
            kept_said_at=_moment(details.get("kept_said_at")),
            decided_by=details.get("decided_by"),
        ),
        text=texts.get(memory_id or "") or texts.get(fact_id or ""),
        kept_text=texts.get(change.kept_id or ""),
    )


def _moment(told: Any) -> datetime | None:
    return datetime.fromisoformat(told) if isinstance(told, str) else None
