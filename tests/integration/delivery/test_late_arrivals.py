"""Calls whose answers are lost, by stores that act on them later: the twins, by way of a slow door.

Zep's twin forgets Idempotency-Keys at once, so that only looking in time keeps words from being
there twice.
"""

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from types import ModuleType

import httpx
import pytest

from tandem.clients.connections import build_http_client
from tandem.clients.http import ProviderHttp
from tandem.clients.zep import ZepClient
from tandem.db.deliveries import Deliveries
from tandem.delivery.stores import Sent, Utterances
from tandem.delivery.zep_delivery import ZepDelivery
from tests.integration.delivery.job_world import World
from tests.integration.delivery.stores_and_queue import WITHIN_SECONDS, Twin
from tests.local_servers import LocalServer, QuietHandler, serving

pytestmark = pytest.mark.integration

CALL_SECONDS = 1.0
LATE_SECONDS = 4.5
DOUBT_SECONDS = 6.0
"""Less than this after a call was made nobody can know that it will not arrive."""


class SlowDoor(LocalServer):
    """Lets calls through to a twin. Those to be late go in when their caller has long left.

    Attributes:
        late: the ends of the paths to which the next calls are late, each once.
        ended: is set when the last of them has been let in.
    """

    def __init__(self, twin: Twin) -> None:
        super().__init__(_Passing)
        self.twin = twin
        self.late: list[str] = []
        self.ended = threading.Event()


class _Passing(QuietHandler):
    server: SlowDoor

    def _pass(self) -> None:
        body = self.body() if self.command == "POST" else b""
        late = bool(self.server.late) and self.path.endswith(self.server.late[0])
        if self.command == "POST" and late:
            self.server.late.pop(0)
            threading.Event().wait(LATE_SECONDS)
        kept = {"authorization", "content-type", "idempotency-key"}
        try:
            answer = httpx.request(
                self.command,
                f"{self.server.twin.url}{self.path}",
                content=body,
                headers={name: text for name, text in self.headers.items() if name.lower() in kept},
                trust_env=False,
            )
        except httpx.HTTPError:
            return  # and the caller's connection ends as this one did
        if late:
            self.server.ended.set()
            return
        self.send_response(answer.status_code)
        self.send_header("content-length", str(len(answer.content)))
        self.end_headers()
        self.wfile.write(answer.content)

    do_GET = do_POST = do_DELETE = _pass


@pytest.fixture
def door(zep: Twin) -> Iterator[SlowDoor]:
    with serving(SlowDoor(zep)) as server:
        yield server


@pytest.fixture
def deliver(
    world: World,
    door: SlowDoor,
    jobs: Callable[[str], ModuleType],
    monkeypatch: pytest.MonkeyPatch,
) -> Callable[[], None]:
    """Runs the job again and again, with its rests, until all is ingested."""
    monkeypatch.setenv("ZEP_BASE_URL", door.url)
    monkeypatch.setenv("DELIVERY_CALL_SECONDS", str(CALL_SECONDS))
    monkeypatch.setenv("DELIVERY_DOUBT_SECONDS", str(DOUBT_SECONDS))
    monkeypatch.setenv("INGESTION_POLL_SECONDS", "0.5")
    handler = jobs("deliver").handler

    def run() -> None:
        deadline = time.monotonic() + WITHIN_SECONDS
        while world.states() != {"ingested"}:
            assert time.monotonic() < deadline, world.person.owed()
            assert handler(world.event(), None) == {"batchItemFailures": []}

    return run


def test_words_that_zep_takes_long_after_their_call_was_given_up_are_in_the_thread_once(
    world: World, door: SlowDoor, deliver: Callable[[], None]
) -> None:
    world.say("I live in Delhi", "How nice")
    deliver()
    door.late = ["/messages"]
    world.say("I like chess", "Chess is fine")
    world.say("I have a dog", "Good dog")

    deliver()

    assert door.ended.wait(WITHIN_SECONDS)
    assert world.thread() == [
        ("user", "I live in Delhi"),
        ("assistant", "How nice"),
        ("user", "I like chess"),
        ("assistant", "Chess is fine"),
        ("user", "I have a dog"),
        ("assistant", "Good dog"),
    ]


def test_words_that_were_never_heard_are_sent_when_they_can_no_longer_arrive(
    world: World, zep: Twin, deliver: Callable[[], None]
) -> None:
    rule = {"method": "POST", "path": "*/messages", "kind": "reset", "times": 1}
    httpx.post(f"{zep.url}/_twin/faults", json=rule, trust_env=False).raise_for_status()
    world.say("I live in Delhi", "How nice")
    began = time.monotonic()

    deliver()

    assert time.monotonic() - began >= DOUBT_SECONDS
    assert world.thread() == [("user", "I live in Delhi"), ("assistant", "How nice")]


@pytest.mark.parametrize("kind", ["reset", "truncate", "junk", "empty"])
def test_a_lost_answer_is_found_out_long_before_that(
    kind: str, world: World, zep: Twin, deliver: Callable[[], None]
) -> None:
    rule = {"method": "POST", "path": "*/messages", "kind": kind, "when": "after", "times": 1}
    httpx.post(f"{zep.url}/_twin/faults", json=rule, trust_env=False).raise_for_status()
    world.say("I live in Delhi", "How nice")
    world.say("I like chess", "Chess is fine")

    deliver()

    assert [content for _, content in world.thread()] == [
        *("I live in Delhi", "How nice"),
        *("I like chess", "Chess is fine"),
    ]


def test_a_thread_that_is_made_late_stays_empty_and_takes_no_words_away(
    world: World, door: SlowDoor, deliver: Callable[[], None]
) -> None:
    door.late = ["/threads"]
    world.say("I live in Delhi", "How nice")

    deliver()
    assert door.ended.wait(WITHIN_SECONDS)
    world.say("I like chess", "Chess is fine")
    deliver()

    assert len(world.thread()) == 4


def test_a_statement_that_mem0_is_still_reading_is_not_added_again(
    world: World, mem0: Twin, deliver: Callable[[], None]
) -> None:
    rule = {"method": "POST", "path": "*/add/", "kind": "reset", "when": "after", "times": 1}
    httpx.post(f"{mem0.url}/_twin/faults", json=rule, trust_env=False).raise_for_status()
    slow = {"milliseconds": 1000 * (DOUBT_SECONDS + 1.5)}
    httpx.post(f"{mem0.url}/_twin/ingestion", json=slow, trust_env=False).raise_for_status()
    adds = mem0.calls("POST", "/add/")
    world.say("I live in Delhi", "How nice")

    try:
        deliver()
    finally:
        soon = {"milliseconds": 30}
        httpx.post(f"{mem0.url}/_twin/ingestion", json=soon, trust_env=False).raise_for_status()

    assert mem0.calls("POST", "/add/") - adds == 1
    assert world.memories() == ["Lives in Delhi"]


def test_an_attempt_to_have_words_ingested_again_is_found_by_its_number(
    world: World, zep: Twin, deliver: Callable[[], None]
) -> None:
    world.say("I live in Delhi", "How nice")
    deliver()
    world.person.run("update deliveries set state = 'sent' where account_id = :account")

    first, found, second = asyncio.run(_give_again(world, zep))

    assert found is not None
    assert found.provider_ids == first.provider_ids
    assert found.check_id == f"episode:{first.provider_ids[0].id}"
    assert second is None


async def _give_again(world: World, zep: Twin) -> tuple[Sent, Sent | None, Sent | None]:
    deliveries = Deliveries(world.container)
    due = await deliveries.due(world.row, "zep")
    turn = Utterances(due.words[0].turn_id, due.words)
    later = [replace(words, ingestions=words.ingestions + 1) for words in due.words]
    async with build_http_client(base_url=zep.url) as http:
        client = ZepClient(ProviderHttp("zep", http), api_key=lambda: "test-key")
        store = ZepDelivery(client, deliveries, stage="test", call_seconds=8.0)
        first = await store.give_again(due, turn)
        found = await store.find_again(due, turn)
        return first, found, await store.find_again(due, Utterances(turn.turn_id, later))
