"""The consolidate job: fed by SQS, it tidies the memories of the people it is told of."""

from collections.abc import Mapping, Sequence
from typing import Any

from memory_api.jobs.planning import Plan
from memory_api.jobs.tidying import Step, Tidying
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

# A minute less than Lambda allows: whoever is at work then ends at a safe place.
_LONGEST_RUN_SECONDS = 840.0

use_container_loop()
settings = load(TidyingSettings)
secrets = secrets_from_environment()
database = Database(lambda: secrets.value("DATABASE_URL"), load(DatabaseSettings))
planning = Planning(database)
messages = ConsolidationWake(load(ConsolidationQueueSettings).consolidation_queue_url)
steps: Sequence[Step] = ()
tidying = Tidying(
    steps,
    Plan(planning, messages, hidden_days=settings.hidden_memory_days),
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
