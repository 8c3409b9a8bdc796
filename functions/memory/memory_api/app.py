"""The memory function: wired at import, but nothing secret is read and nothing connected yet."""

from memory_api.reading import StoreReader
from memory_api.routes import create_router
from memory_api.service import MemoryService
from tandem.clients.ready import mem0_client, zep_client
from tandem.db.connection import Database
from tandem.db.memory import MemoryLedger
from tandem.recall.gather import Gather
from tandem.secrets import secrets_from_environment
from tandem.settings import DatabaseSettings, Mem0Settings, RetrievalSettings, ZepSettings, load
from tandem.settings import StageSettings as Stage
from tandem.snapshot import ready_for_snapshot
from tandem.web import create_app, create_handler

secrets = secrets_from_environment()
database = Database(lambda: secrets.value("DATABASE_URL"), load(DatabaseSettings))
stage = load(Stage).stage
zep, mem0 = zep_client(load(ZepSettings), secrets), mem0_client(load(Mem0Settings), secrets)
seconds = load(RetrievalSettings).retrieval_seconds
gather = Gather(zep, mem0, stage=stage)
reader = StoreReader(zep, mem0, gather, stage=stage, timeout_seconds=seconds)
service = MemoryService(MemoryLedger(database), reader)
handler = create_handler(create_app(routers=[create_router(service)]))
ready_for_snapshot(database.close, secrets.forget)
