"""The plan job: once a day it finds whose memory wants tidying, and has that done."""

from collections.abc import Mapping
from typing import Any

from memory_api.jobs.planning import Plan
from tandem import observability
from tandem.changes.wake import ConsolidationWake
from tandem.db.connection import Database
from tandem.db.planning import Planning
from tandem.deadline import deadline_of
from tandem.loop import run, use_container_loop
from tandem.secrets import secrets_from_environment
from tandem.settings import (
    ConsolidationQueueSettings,
    DatabaseSettings,
    TidyingSettings,
    load,
)
from tandem.snapshot import ready_for_snapshot

_LONGEST_RUN_SECONDS = 290.0

use_container_loop()
secrets = secrets_from_environment()
database = Database(lambda: secrets.value("DATABASE_URL"), load(DatabaseSettings))
plan = Plan(
    Planning(database),
    ConsolidationWake(load(ConsolidationQueueSettings).consolidation_queue_url),
    hidden_days=load(TidyingSettings).hidden_memory_days,
)
ready_for_snapshot(database.close, secrets.forget)


def handler(_event: Mapping[str, Any], context: Any) -> dict[str, int]:
    """How many people got a message, and whether the consolidate job plans for the others.

    Raises:
        PlanInterrupted, Unavailable: it ended early. Lambda then starts it again.
    """
    deadline = deadline_of(context, at_most_seconds=_LONGEST_RUN_SECONDS)
    with observability.log_context(request_id=getattr(context, "aws_request_id", None)):
        counts = run(plan.carry_out(None, deadline)).counts()
        observability.count("PlansMade")
        return counts
