"""The history function's handler over what is in memory."""

import json
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest

from history_api.routes import create_router
from history_api.service import HistoryService, SessionService
from tandem.clients.connections import build_http_client
from tandem.clients.http import ProviderHttp
from tandem.clients.zep import ZepClient
from tandem.web import create_app, create_handler
from tests.conftest import MakeEvent
from tests.functional.history.sessions_in_memory import Call, Queue, Table, Zep
from tests.unit.history.fake_conversation import CALLER, Conversation


@pytest.fixture
def table() -> Table:
    return Table()


@pytest.fixture
def queue() -> Queue:
    return Queue()


@pytest.fixture
def zep() -> Zep:
    conversation = Conversation()
    for message, reply in (("I live in Delhi.", "Noted."), ("And you? é", "Nowhere at all.")):
        for utterance in conversation.say(message, reply):
            conversation.deliver(utterance)
    conversation.say("Still there?", None)
    return Zep(conversation)


@pytest.fixture
def call(table: Table, queue: Queue, zep: Zep, http_event: MakeEvent) -> Call:
    transport = httpx.MockTransport(zep)
    http = build_http_client(base_url="http://zep.test", transport=transport)
    client = ZepClient(ProviderHttp("zep", http), api_key=lambda: "test-key")
    router = create_router(
        SessionService(table, queue), HistoryService(zep.conversation, client, 2.5)
    )
    handler = create_handler(create_app(routers=[router]))
    claims = {"sub": str(CALLER.account_id), "sid": str(CALLER.login_id), "exp": 4_102_444_800}

    def send(
        name: str, *, query: dict[str, str] | None = None, path: str | None = None, **changes: Any
    ) -> tuple[int, dict[str, Any]]:
        event = http_event(name, **({"claims": claims} | changes))
        if query is not None:
            event["rawQueryString"] = urlencode(query)
        if path is not None:
            event["rawPath"] = event["requestContext"]["http"]["path"] = path
        answer = handler(event, None)
        assert answer["headers"]["cache-control"] == "no-store"
        return answer["statusCode"], json.loads(answer.get("body") or "{}")

    return send
