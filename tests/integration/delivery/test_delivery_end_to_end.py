"""The job's handlers between a real PostgreSQL and the twins of Zep and Mem0, as processes."""

import asyncio
import json
import os
import random
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from types import ModuleType
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import httpx
import pytest

from local import processes
from local.postgres import Postgres
from tandem.clients.connections import build_http_client
from tandem.clients.http import ProviderHttp
from tandem.clients.mem0 import Mem0Client
from tandem.clients.zep import ZepClient
from tandem.db.deliveries import Deliveries
from tandem.db.sessions import Sessions
from tandem.db.turns import Turns
from tandem.deadline import Deadline
from tandem.delivery.mem0_delivery import Mem0Delivery
from tandem.delivery.pace import Pace
from tandem.delivery.service import Delivery
from tandem.delivery.wake import Wake
from tandem.delivery.zep_delivery import ZepDelivery
from tandem.errors import Unavailable
from tests.integration.conftest import open_connection
from tests.integration.delivery.job_world import World
from tests.integration.delivery.stores_and_queue import (
    ROOT,
    WITHIN_SECONDS,
    ZEP_KEY,
)
from tests.integration.turn_ledger import database_at, new_turn

pytestmark = pytest.mark.integration

CRASH = """
import json, os, sys
import memory_api.jobs.deliver as job
store = next(store for store in job.delivery._stores if store.name == sys.argv[1])
real = type(store).send
async def send(self, *call):
    await real(self, *call)
    os._exit(9)
type(store).send = send
job.handler(json.loads(sys.argv[2]), None)
"""


def test_twenty_turns_answered_side_by_side_stand_in_the_thread_in_order_and_once(
    world: World,
) -> None:
    seed = uuid4().int % 2**32
    print(f"seed {seed}")  # noqa: T201 - pytest shows it when the test fails
    draw = random.Random(seed)  # noqa: S311 - an order, not a secret
    adds = world.mem0.calls("POST", "/add/")

    asyncio.run(_answer_and_deliver_side_by_side(world, draw))

    seqs = world.person.rows("turns", "seq, message", "seq")
    assert [seq for seq, _ in seqs] == list(range(1, 21))
    said = [[("user", text), ("assistant", f"re {text}")] for _, text in seqs]
    assert world.thread() == [message for turn in said for message in turn]
    assert world.mem0.calls("POST", "/add/") - adds == 20
    assert world.states() == {"ingested"}
    assert world.memories() == sorted(f"Likes piece{number}" for number in range(20))


async def _answer_and_deliver_side_by_side(world: World, draw: random.Random) -> None:
    databases = [database_at(world.database_url) for _ in range(8)]
    delivering = [Deliveries(each) for each in databases[:4]]
    answering = [Turns(each) for each in databases[4:]]

    async def talk(number: int) -> None:
        turns = answering[number % 4]
        message = f"I like piece{number}"
        turn = await world.person.open(turns, new_turn(message, session="talk"))
        for _ in range(draw.randrange(40)):
            await asyncio.sleep(0)
        assert await world.person.commit(turns, turn, f"re {message}") is not None

    async def work(deliveries: Deliveries) -> None:
        deadline = time.monotonic() + WITHIN_SECONDS
        async with _delivery(world, deliveries) as delivery:
            while world.states() != {"ingested"} or len(world.person.owed()) < 60:
                assert time.monotonic() < deadline, world.person.owed()
                if world.person.turns():
                    await delivery.deliver(world.row, Deadline(58.0))
                await asyncio.sleep(0.02)

    await asyncio.gather(*(talk(number) for number in range(20)), *map(work, delivering))
    for database in databases:
        database.close()


@asynccontextmanager
async def _delivery(world: World, deliveries: Deliveries) -> AsyncIterator[Delivery]:
    """A container of the delivery job, with connections of its own."""
    async with (
        build_http_client(base_url=world.zep.url) as to_zep,
        build_http_client(base_url=world.mem0.url) as to_mem0,
        httpx.AsyncClient(base_url=world.queue.url) as to_queue,
    ):
        zep = ZepClient(ProviderHttp("zep", to_zep), api_key=lambda: "test-key")
        mem0 = Mem0Client(ProviderHttp("mem0", to_mem0), api_key=lambda: "test-key")
        yield Delivery(
            deliveries,
            [
                ZepDelivery(zep, deliveries, stage="test", call_seconds=8.0),
                Mem0Delivery(mem0, stage="test", call_seconds=8.0),
            ],
            Wake(f"{world.queue.url}/1/q", to_queue),
            Pace(lease_seconds=45.0, poll_seconds=0.5, call_seconds=8.0),
        )


def test_a_reply_of_nine_thousand_characters_arrives_whole_in_parts(
    world: World, jobs: Callable[[str], ModuleType]
) -> None:
    reply = "".join(f"{number:08d} " for number in range(1000))
    world.say("I live in Delhi", reply)

    world.deliver(jobs("deliver").handler)

    (role, message), *parts = world.thread()
    assert (role, message) == ("user", "I live in Delhi")
    assert [(role, len(text)) for role, text in parts] == [
        ("assistant", 4096),
        ("assistant", 4096),
        ("assistant", 808),
    ]
    assert "".join(text for _, text in parts) == reply
    assert (world.facts(), world.memories()) == (["Lives in Delhi"], ["Lives in Delhi"])


@pytest.mark.parametrize("store", ["zep", "mem0"])
def test_words_arrive_although_the_job_is_killed_between_the_call_and_its_mark(
    store: str, world: World, jobs: Callable[[str], ModuleType]
) -> None:
    world.say("I live in Delhi", "How nice")
    adds = world.mem0.calls("POST", "/add/")
    paths = os.pathsep.join(str(ROOT / part) for part in ("layers/common", "functions/memory"))
    killed = subprocess.run(
        [sys.executable, "-c", CRASH, store, json.dumps(world.event())],
        env={**processes.plain_environment(), **world.environment, "PYTHONPATH": paths},
        cwd=ROOT,
        capture_output=True,
        check=False,
        timeout=WITHIN_SECONDS,
    )
    assert killed.returncode == 9, killed.stderr
    assert "owed" in world.states()
    world.person.run("update delivery_leases set lease_until = now() where owner is not null")

    world.deliver(jobs("deliver").handler)

    assert world.thread() == [("user", "I live in Delhi"), ("assistant", "How nice")]
    assert world.mem0.calls("POST", "/add/") - adds == 1
    assert world.memories() == ["Lives in Delhi"]
    assert world.states() == {"ingested"}
    sources = {row[0] for row in world.person.rows("sources", "role", "role")}
    assert sources == {"user", "assistant"}


def test_words_whose_ingestion_fails_reach_the_graph_as_an_episode_and_mem0_again(
    world: World, jobs: Callable[[str], ModuleType]
) -> None:
    world.say("I live in Delhi", "How nice")
    adds = world.mem0.calls("POST", "/add/")
    world.zep.fail_jobs(
        "tasks when new.type = 'thread.add_messages' begin"
        " update tasks set payload = '{}' where uuid = new.uuid; end"
    )
    world.mem0.fail_jobs(
        "events when not exists (select 1 from events where fails) begin"
        " update events set fails = 1 where id = new.id; end"
    )
    try:
        world.deliver(jobs("deliver").handler)
    finally:
        world.zep.heal()
        world.mem0.heal()

    assert world.thread() == [("user", "I live in Delhi"), ("assistant", "How nice")]
    assert world.zep.calls("POST", "/episodes") >= 1
    assert world.mem0.calls("POST", "/add/") - adds == 2
    assert (world.facts(), world.memories()) == (["Lives in Delhi"], ["Lives in Delhi"])
    assert world.states() == {"ingested"}


def test_a_session_that_is_deleted_while_words_are_owed_takes_its_thread_and_them_away(
    world: World, jobs: Callable[[str], ModuleType]
) -> None:
    handler = jobs("deliver").handler
    world.say("I live in Delhi", "How nice")
    world.deliver(handler)
    assert len(world.thread()) == 2
    world.say("I have a secret plan", "Tell me")
    asyncio.run(Sessions(world.container).delete(world.person.principal, "talk"))

    world.deliver(handler)

    deadline = time.monotonic() + WITHIN_SECONDS
    while world.thread():
        assert time.monotonic() < deadline
    assert world.states() == {"ingested", "cancelled"}
    assert world.person.rows("sessions", "thread_deletion", "id") == [["done"]]
    assert world.memories() == ["Lives in Delhi"]


def test_an_abandoned_message_arrives_alone_and_the_reply_when_its_turn_is_resumed(
    world: World, jobs: Callable[[str], ModuleType]
) -> None:
    handler = jobs("deliver").handler
    left = world.open("I live in Delhi", key="k1")
    world.say("I like chess", "Chess is fine")
    world.deliver(handler)
    assert world.person.rows("sessions", "zep_thread_uuid", "id") == [[None]]

    world.person.run("update turns set lease_until = now() where id = :t", t=left.turn_id)
    world.deliver(handler)
    assert world.thread() == [
        ("user", "I live in Delhi"),
        ("user", "I like chess"),
        ("assistant", "Chess is fine"),
    ]

    world.answer(world.open("I live in Delhi", key="k1"), "How nice")
    world.deliver(handler)
    assert world.thread()[3:] == [("assistant", "How nice")]
    assert world.memories() == ["Likes chess", "Lives in Delhi"]
    assert world.states() == {"ingested"}


def test_zep_s_thread_deleted_by_somebody_else_is_made_anew(
    world: World, jobs: Callable[[str], ModuleType]
) -> None:
    handler = jobs("deliver").handler
    world.say("I live in Delhi", "How nice")
    world.deliver(handler)
    [[thread]] = world.person.rows("sessions", "zep_thread_uuid", "id")
    httpx.delete(f"{world.zep.url}/api/v4/threads/{thread}", headers=ZEP_KEY)
    deadline = time.monotonic() + WITHIN_SECONDS
    while world.thread():
        assert time.monotonic() < deadline
    world.say("I like chess", "Chess is fine")

    world.deliver(handler)

    assert world.thread() == [("user", "I like chess"), ("assistant", "Chess is fine")]


def test_the_sweep_finds_words_whose_wake_up_was_lost(
    world: World, jobs: Callable[[str], ModuleType]
) -> None:
    world.say("I live in Delhi", "How nice")
    sweep = jobs("sweep").handler
    world.person.run("update deliveries set owed_at = now() - interval '61 s'")

    assert sweep({}, None)["woken"] >= 1
    assert json.dumps({"session": str(world.row)}) in world.queue.bodies

    world.deliver(jobs("deliver").handler)
    world.queue.bodies.clear()
    sweep({}, None)
    assert json.dumps({"session": str(world.row)}) not in world.queue.bodies


def test_migrating_by_the_handler_applies_all_once_and_a_failure_names_nothing_secret(
    postgres: Postgres,
    jobs: Callable[[str], ModuleType],
    monkeypatch: pytest.MonkeyPatch,
    log_lines: Callable[[], list[dict[str, Any]]],
) -> None:
    fresh, broken = f"test_{uuid4().hex}", f"test_{uuid4().hex}"
    for name in (fresh, broken):
        postgres.create_database(name)
    monkeypatch.setenv("DATABASE_URL", postgres.url(fresh))
    handler = jobs("migrate").handler
    applied = handler({}, None)["applied"]
    assert applied[0] == "0001_accounts.sql"
    assert applied == sorted(applied)
    assert handler({}, None) == {"applied": []}

    monkeypatch.setenv("DATABASE_URL", postgres.url(broken))
    connection = open_connection(postgres.url(broken))
    connection.run("create table accounts (canary text)")
    with pytest.raises(Unavailable) as failed:
        jobs("migrate").handler({}, None)
    assert connection.run("select count(*) from pg_tables where schemaname = 'public'") == [[1]]
    connection.close()

    password = urlsplit(postgres.url(broken)).password or "canary"
    told = f"{failed.value} {failed.value.context} {log_lines()}"
    assert "migration_failed" in told
    assert not [word for word in ("canary", password, broken) if word in told]
