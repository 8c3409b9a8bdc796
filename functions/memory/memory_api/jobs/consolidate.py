"""The consolidate job: fed by SQS, it tidies the memories of the people it is told of."""

from collections.abc import Mapping
from typing import Any

from memory_api.consolidation.wiring import build_consolidation
from memory_api.jobs.planning import Plan
from memory_api.jobs.steps import Clean, Purge, Tidy
from memory_api.jobs.tidying import Tidying
from tandem import observability
from tandem.changes.ready import Parts
from tandem.changes.wake import ConsolidationWake
from tandem.clients.jobs_ready import JobBounds
from tandem.clients.ready import mem0_client, zep_client
from tandem.db.connection import Database
from tandem.db.hidden import HiddenMemories
from tandem.db.people import People
from tandem.db.planning import Planning
from tandem.db.rate_budgets import RateBudgets
from tandem.deadline import deadline_of
from tandem.loop import run, use_container_loop
from tandem.secrets import secrets_from_environment
from tandem.settings import (
    ConsolidationQueueSettings,
    DatabaseSettings,
    Mem0Settings,
    RateSettings,
    StageSettings,
    TidyingSettings,
    ZepSettings,
    load,
)
from tandem.snapshot import ready_for_snapshot

# A minute less than Lambda allows: whoever is at work then ends at a safe place.
_LONGEST_RUN_SECONDS = 840.0

use_container_loop()
settings = load(TidyingSettings)
hidden_days = settings.hidden_memory_days
secrets = secrets_from_environment()
database = Database(lambda: secrets.value("DATABASE_URL"), load(DatabaseSettings))
bounds = JobBounds(load(RateSettings), RateBudgets(database), share="jobs")
parts = Parts(
    database,
    zep_client(load(ZepSettings), secrets, bounds=bounds.of("zep")),
    mem0_client(load(Mem0Settings), secrets, bounds=bounds.of("mem0")),
    secrets,
    load(StageSettings).stage,
    gemini_bounds=bounds.of("gemini"),
)
planning = Planning(database)
messages = ConsolidationWake(load(ConsolidationQueueSettings).consolidation_queue_url)
tidying = Tidying(
    [
        Clean(People(database), parts.cleaning()),
        Tidy(planning, build_consolidation(parts), hidden_days=hidden_days),
        Purge(HiddenMemories(database), parts.mem0, hidden_days, parts.call_seconds),
    ],
    Plan(planning, messages, hidden_days=hidden_days),
    messages,
    at_once=settings.tidying_people_at_once,
)
ready_for_snapshot(database.close, secrets.forget)


def handler(event: Mapping[str, Any], context: Any) -> dict[str, Any]:
    """Handles a batch of messages. Those that failed are named, so that only they come again."""
    deadline = deadline_of(context, at_most_seconds=_LONGEST_RUN_SECONDS)
    with observability.log_context(request_id=getattr(context, "aws_request_id", None)):
        failed = run(tidying.handle(event.get("Records", []), deadline))
    return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in failed]}
