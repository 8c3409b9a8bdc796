"""The chat function: wired at import, but nothing secret is read and nothing connected yet."""

from chat_api.answering import Answering, AnswerLimits, silence_agno
from chat_api.changes_on_demand import ChangesOnDemand
from chat_api.changing import MemoryChanges
from chat_api.gemini import GeminiConnection
from chat_api.routes import create_router
from chat_api.service import ChatLimits, ChatService
from chat_api.warm_up import rehearse
from tandem import settings as s
from tandem.clients.connections import build_http_client
from tandem.clients.people_ready import PeopleBounds
from tandem.clients.ready import mem0_client, zep_client
from tandem.db.connection import Database
from tandem.db.rate_budgets import RateBudgets
from tandem.db.turns import TurnLimits, Turns
from tandem.delivery.wake import Wake
from tandem.recall.gather import Gather
from tandem.secrets import secrets_from_environment
from tandem.snapshot import ready_for_snapshot
from tandem.web import create_app, create_handler

silence_agno()
chat, google = s.load(s.ChatSettings), s.load(s.GeminiSettings)
secrets = secrets_from_environment()
database = Database(lambda: secrets.value("DATABASE_URL"), s.load(s.DatabaseSettings))
bounds = PeopleBounds(
    s.load(s.RateSettings), "zep", "mem0", "gemini", pause=RateBudgets(database).pause
)
zep = zep_client(s.load(s.ZepSettings), secrets, bounds=bounds["zep"])
mem0 = mem0_client(s.load(s.Mem0Settings), secrets, bounds=bounds["mem0"])
gemini = GeminiConnection(
    google, secrets, timeout_seconds=chat.model_seconds, http=build_http_client()
)
stage = s.load(s.StageSettings).stage


def _changes() -> MemoryChanges:
    from chat_api.memory_changes import wire_changes  # noqa: PLC0415 - see ChangesOnDemand
    from tandem.changes.ready import Parts  # noqa: PLC0415

    return wire_changes(Parts(database, zep, mem0, secrets, stage, call_seconds=4.0))


turn_limits = TurnLimits(chat.turns_per_minute, chat.turn_lease_seconds, chat.recent_turns)
service = ChatService(
    ledger=Turns(database, bounds.rates),
    gather=Gather(zep, mem0, stage=stage, breakers=(bounds.breaker("zep"), bounds.breaker("mem0"))),
    answerer=Answering(
        google.gemini_model,
        client=gemini.client,
        limits=AnswerLimits(chat.model_calls_per_turn, chat.max_output_tokens),
        bounds=bounds["gemini"],
    ),
    changes=ChangesOnDemand(_changes),
    wake=Wake(s.load(s.QueueSettings).delivery_queue_url),
    limits=ChatLimits(turn_limits, chat.retrieval_seconds, chat.model_seconds),
)
handler = create_handler(create_app(routers=[create_router(service)]))
rehearse(service.gather)
ready_for_snapshot(database.close, secrets.forget, gemini.forget)
