"""Bodies and queries of the endpoints of consolidation and of conflicts."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from tandem.changes.model import (
    ChangeKind,
    ChangeState,
    DecidedBy,
    Phase,
    Reason,
    RunKind,
    StartedBy,
)
from tandem.cursors import MAX_CURSOR_CHARACTERS
from tandem.db.conflicts import Keep
from tandem.fields import Label
from tandem.web import RequestModel, ResponseModel

Cursor = Annotated[str, Field(max_length=MAX_CURSOR_CHARACTERS)]


class ConsolidateRequest(RequestModel):
    """Whose memory is to be tidied, and whether only to say what would be done."""

    user_id: Label | None = None
    dry_run: Annotated[bool, Field(strict=True)] = False


class UndoRequest(RequestModel):
    """Nothing but whose run it is."""

    user_id: Label | None = None


class EvidenceResponse(ResponseModel):
    """When each side was last said, where that is known (aware UTC), and who decided."""

    said_at: datetime | None
    kept_said_at: datetime | None
    decided_by: DecidedBy | None


class ChangeResponse(ResponseModel):
    """One change. `text` and `kept_text` come with the run that read them alone: the journal has
    none. `why` says why it was skipped or refused."""

    seq: int
    kind: ChangeKind
    reason: Reason
    memory_id: str | None
    fact_id: str | None
    kept_id: str | None
    state: ChangeState
    why: str | None
    evidence: EvidenceResponse
    text: str | None = None
    kept_text: str | None = None


class ConsolidateResponse(ResponseModel):
    """What a run has come to. A dry run has no id and is `planned`; `running`: it goes on without
    anybody waiting."""

    run_id: UUID | None
    status: Literal["running", "done", "planned"]
    changes: tuple[ChangeResponse, ...]
    counts: Mapping[str, int]
    undecided: int


class RunResponse(ResponseModel):
    """One run. `phase` and `counts` tell how far one that is `running` has come."""

    run_id: UUID
    kind: RunKind
    status: Literal["running", "done", "failed", "undone"]
    phase: Phase
    started_by: StartedBy
    undoes: UUID | None
    counts: Mapping[str, int]
    undecided: int
    started_at: datetime
    finished_at: datetime | None


class RunWithChangesResponse(RunResponse):
    """One run and its change set."""

    changes: tuple[ChangeResponse, ...]


class RunsRequest(RequestModel):
    """Which runs are wanted."""

    user_id: Label | None = None
    limit: Annotated[int, Field(ge=1, le=100)] = 20
    cursor: Cursor | None = None


class RunsResponse(ResponseModel):
    """Some runs, newest first."""

    items: tuple[RunResponse, ...]
    next_cursor: str | None


class RunRequest(RequestModel):
    """Whose run is wanted."""

    user_id: Label | None = None


class ConflictsRequest(RequestModel):
    """Which open conflicts are wanted."""

    user_id: Label | None = None
    limit: Annotated[int, Field(ge=1, le=20)] = 20
    cursor: Cursor | None = None


class SideResponse(ResponseModel):
    """One statement of a conflict."""

    id: str
    text: str | None


class ConflictResponse(ResponseModel):
    """Two statements that can't both hold. A text is null when its store does not answer."""

    conflict_id: UUID
    left: SideResponse
    right: SideResponse
    found_at: datetime


class ConflictsResponse(ResponseModel):
    """Open conflicts, newest first. `degraded` names stores that did not answer."""

    items: tuple[ConflictResponse, ...]
    next_cursor: str | None
    degraded: tuple[str, ...]


class ResolveRequest(RequestModel):
    """Which statement holds."""

    user_id: Label | None = None
    keep: Keep


class ResolveResponse(ResponseModel):
    """What the choice has done: how many memories were hidden and facts ended, or were not."""

    conflict_id: UUID
    kept: Keep
    run_id: UUID
    confirmed: int
    skipped: int
    refused: int
