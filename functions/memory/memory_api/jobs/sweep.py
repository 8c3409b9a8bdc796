"""The sweep: once a minute it finds what crashes left behind, and clears what has had its time."""

from collections.abc import Mapping
from typing import Any

from tandem import observability
from tandem.db.backlog import Backlog
from tandem.db.connection import Database
from tandem.db.sweeping import Sweeping
from tandem.delivery.wake import Wake
from tandem.loop import run, use_container_loop
from tandem.secrets import secrets_from_environment
from tandem.settings import DatabaseSettings, QueueSettings, SweepSettings, load
from tandem.snapshot import ready_for_snapshot

use_container_loop()
settings = load(SweepSettings)
secrets = secrets_from_environment()
database = Database(lambda: secrets.value("DATABASE_URL"), load(DatabaseSettings))
sweeping = Sweeping(database)
wake = Wake(load(QueueSettings).delivery_queue_url)
ready_for_snapshot(database.close, secrets.forget)


def handler(_event: Mapping[str, Any], context: Any) -> dict[str, int]:
    """How many sessions were woken and how many turns' text was wiped."""
    with observability.log_context(request_id=getattr(context, "aws_request_id", None)):
        return run(_sweep())


async def _sweep() -> dict[str, int]:
    late = await sweeping.sessions_with_work(
        patience_seconds=settings.sweep_patience_seconds,
        abandoned_seconds=settings.turn_abandoned_seconds,
    )
    if late:
        await wake.send_all(late)
    _tell(await sweeping.backlog(abandoned_seconds=settings.turn_abandoned_seconds))
    wiped = await sweeping.wipe_text(days=settings.text_retention_days)
    await sweeping.forget_expired()
    observability.info("swept", woken=len(late), wiped=wiped)
    return {"woken": len(late), "wiped": wiped}


def _tell(backlog: Backlog) -> None:
    observability.gauge("OldestOwedSeconds", backlog.oldest_seconds)
    observability.gauge("OwedDeliveries", backlog.owed)
    observability.gauge("RefusedDeliveries", backlog.refused)
    observability.gauge("OpenTurnsOverdue", backlog.overdue)
