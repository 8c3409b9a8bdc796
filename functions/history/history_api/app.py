"""The history function: wired at import, but nothing secret is read and nothing connected yet."""

from history_api.routes import create_router
from history_api.service import HistoryService, SessionService
from tandem.clients.people_ready import PeopleBounds
from tandem.clients.ready import zep_client
from tandem.db.connection import Database
from tandem.db.history import MessageIndex
from tandem.db.rate_budgets import RateBudgets
from tandem.db.sessions import Sessions
from tandem.delivery.wake import Wake
from tandem.secrets import secrets_from_environment
from tandem.settings import (
    DatabaseSettings,
    QueueSettings,
    RateSettings,
    RetrievalSettings,
    ZepSettings,
    load,
)
from tandem.snapshot import ready_for_snapshot
from tandem.web import create_app, create_handler

secrets = secrets_from_environment()
database = Database(lambda: secrets.value("DATABASE_URL"), load(DatabaseSettings))
bounds = PeopleBounds(load(RateSettings), "zep", pause=RateBudgets(database).pause)
zep = zep_client(load(ZepSettings), secrets, bounds=bounds["zep"])
sessions = SessionService(Sessions(database), Wake(load(QueueSettings).delivery_queue_url))
history = HistoryService(
    MessageIndex(database, bounds.rates), zep, load(RetrievalSettings).retrieval_seconds
)
handler = create_handler(create_app(routers=[create_router(sessions, history)]))
ready_for_snapshot(database.close, secrets.forget)
