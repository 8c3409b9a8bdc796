"""The delivery job: woken by SQS, it delivers what the named sessions owe."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from tandem import observability
from tandem.changes.wake import ConsolidationWake
from tandem.clients.jobs_ready import JobBounds
from tandem.clients.ready import mem0_client, zep_client
from tandem.db.connection import Database
from tandem.db.deliveries import Deliveries
from tandem.db.rate_budgets import RateBudgets
from tandem.deadline import Deadline, deadline_of
from tandem.delivery.mem0_delivery import Mem0Delivery
from tandem.delivery.pace import Pace
from tandem.delivery.service import Delivery
from tandem.delivery.wake import Wake
from tandem.delivery.zep_delivery import ZepDelivery
from tandem.ids import SessionRowId
from tandem.loop import run, use_container_loop
from tandem.secrets import secrets_from_environment
from tandem.settings import (
    ConsolidationQueueSettings,
    DatabaseSettings,
    DeliverySettings,
    Mem0Settings,
    QueueSettings,
    RateSettings,
    StageSettings,
    ZepSettings,
    load,
)
from tandem.snapshot import ready_for_snapshot

_LONGEST_RUN_SECONDS = 58.0

use_container_loop()
settings = load(DeliverySettings)
stage = load(StageSettings).stage
secrets = secrets_from_environment()
database = Database(lambda: secrets.value("DATABASE_URL"), load(DatabaseSettings))
bounds = JobBounds(load(RateSettings), RateBudgets(database), share="deliveries")
deliveries = Deliveries(database, abandoned_seconds=settings.turn_abandoned_seconds)
delivery = Delivery(
    deliveries,
    [
        ZepDelivery(
            zep_client(load(ZepSettings), secrets, bounds=bounds.of("zep")),
            deliveries,
            stage=stage,
            call_seconds=settings.delivery_call_seconds,
        ),
        Mem0Delivery(
            mem0_client(load(Mem0Settings), secrets, bounds=bounds.of("mem0")),
            stage=stage,
            call_seconds=settings.delivery_call_seconds,
        ),
    ],
    Wake(load(QueueSettings).delivery_queue_url),
    Pace(
        lease_seconds=settings.delivery_lease_seconds,
        poll_seconds=settings.ingestion_poll_seconds,
        call_seconds=settings.delivery_call_seconds,
        doubt_seconds=settings.delivery_doubt_seconds,
    ),
    tidy=ConsolidationWake(load(ConsolidationQueueSettings).consolidation_queue_url),
)
ready_for_snapshot(database.close, secrets.forget)


def handler(event: Mapping[str, Any], context: Any) -> dict[str, Any]:
    """Handles a batch of wake-ups. Those that failed are named, so that only they come again."""
    deadline = deadline_of(context, at_most_seconds=_LONGEST_RUN_SECONDS)
    with observability.log_context(request_id=getattr(context, "aws_request_id", None)):
        failed = run(_deliver_all(event.get("Records", []), deadline))
    return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in failed]}


async def _deliver_all(records: Sequence[Mapping[str, Any]], deadline: Deadline) -> list[str]:
    """Message ids of the wake-ups whose sessions could not be dealt with."""
    sessions: dict[SessionRowId | None, list[str]] = {}
    for record in records:
        sessions.setdefault(_session_of(record), []).append(record["messageId"])
    unreadable = sessions.pop(None, [])
    runs = {row: asyncio.ensure_future(_deliver(row, deadline)) for row in sessions if row}
    if runs:
        await _end_in_time(runs, deadline)
    failed = [ids for row, ids in sessions.items() if row and not _is_done(runs[row])]
    return unreadable + [message_id for ids in failed for message_id in ids]


async def _end_in_time(
    runs: Mapping[SessionRowId, asyncio.Future[bool]], deadline: Deadline
) -> None:
    """Waits for the runs, and breaks off those that still wait for the database at the deadline:
    their leases run out, and what the others have done counts."""
    await asyncio.wait(runs.values(), timeout=max(0.0, deadline.left()))
    for row, run_ in runs.items():
        if not run_.done():
            observability.error("delivery_run_overdue", session=str(row))
            run_.cancel()
    await asyncio.gather(*runs.values(), return_exceptions=True)


def _is_done(finished: asyncio.Future[bool]) -> bool:
    return not finished.cancelled() and finished.result()


async def _deliver(session_row: SessionRowId, deadline: Deadline) -> bool:
    try:
        await delivery.deliver(session_row, deadline)
    except Exception as error:  # this session alone comes again; the others go on
        observability.error(
            "delivery_run_failed",
            session=str(session_row),
            **observability.describe(error),
        )
        return False
    return True


def _session_of(record: Mapping[str, Any]) -> SessionRowId | None:
    try:
        return SessionRowId(UUID(json.loads(record["body"])["session"]))
    except (ValueError, KeyError, TypeError, AttributeError):
        observability.error("wake_up_unreadable", message_id=record.get("messageId"))
        return None
