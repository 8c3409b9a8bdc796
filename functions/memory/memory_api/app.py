"""The memory function: wired at import, but nothing secret is read and nothing connected yet."""

from typing import TYPE_CHECKING

from memory_api.changing.endpoints import wire_changing
from memory_api.consolidation.endpoints import wire_consolidation
from memory_api.reading import StoreReader
from memory_api.routes import create_router
from memory_api.service import MemoryService
from tandem import settings as s
from tandem.changes.wake import ConsolidationWake
from tandem.clients.people_ready import PeopleBounds
from tandem.clients.ready import mem0_client, zep_client
from tandem.db.connection import Database
from tandem.db.memory import MemoryLedger
from tandem.db.rate_budgets import RateBudgets
from tandem.delivery.wake import Wake
from tandem.recall.gather import Gather
from tandem.secrets import secrets_from_environment
from tandem.snapshot import ready_for_snapshot
from tandem.web import create_app, create_handler

if TYPE_CHECKING:
    from tandem.changes.ready import Parts

secrets = secrets_from_environment()
database = Database(lambda: secrets.value("DATABASE_URL"), s.load(s.DatabaseSettings))
stage = s.load(s.StageSettings).stage
bounds = PeopleBounds(
    s.load(s.RateSettings), "zep", "mem0", "gemini", pause=RateBudgets(database).pause
)
zep = zep_client(s.load(s.ZepSettings), secrets, bounds=bounds["zep"])
mem0 = mem0_client(s.load(s.Mem0Settings), secrets, bounds=bounds["mem0"])
seconds = s.load(s.RetrievalSettings).retrieval_seconds
gather = Gather(zep, mem0, stage=stage)
reader = StoreReader(zep, mem0, gather, stage=stage, timeout_seconds=seconds)
service = MemoryService(MemoryLedger(database, bounds.rates), reader)


def parts() -> "Parts":
    """What changes memory is made of, loaded when somebody first changes something."""
    from tandem.changes.ready import Parts  # noqa: PLC0415 - as `wire_changing` says

    return Parts(database, zep, mem0, secrets, stage, gemini_bounds=bounds["gemini"])


changing = wire_changing(
    parts,
    Wake(s.load(s.QueueSettings).delivery_queue_url),
    ConsolidationWake(s.load(s.ConsolidationQueueSettings).consolidation_queue_url),
    turns_per_minute=s.load(s.StatementSettings).turns_per_minute,
    retrieval_seconds=seconds,
)
handler = create_handler(
    create_app(routers=[create_router(service), changing, wire_consolidation(parts)])
)
ready_for_snapshot(database.close, secrets.forget)
