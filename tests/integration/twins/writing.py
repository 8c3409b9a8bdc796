"""A process of many writers: `python -m tests.integration.twins.writing PLAN`.

Each writer tells its twin numbered statements one after the other, and notes what became of each
before it goes on. How many requests are on their way is to be seen in a file that the parent maps.
"""

from __future__ import annotations

import asyncio
import json
import mmap
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TextIO
from uuid import UUID

import httpx

from tandem.clients.connections import build_http_client, build_ssl_context
from tandem.clients.http import ProviderHttp
from tandem.clients.mem0 import Mem0Client
from tandem.clients.models import NewMessage
from tandem.clients.zep import ZepClient
from tandem.errors import Provider, UpstreamError
from tandem.ids import ZepUuid

STOP = 0
"""The byte of the gauge that ends the writing; byte n + 1 is 1 while writer n has a request out."""
PATIENCE_SECONDS = 30.0
PAUSE_SECONDS = 0.05
SAID_AT = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)


def statement(writer: int, number: int) -> str:
    """What writer `writer` says as its `number`th."""
    return f"I like w{writer}n{number}"


class Gauged(httpx.AsyncBaseTransport):
    """Shows that a request is under way, and counts those whose connection was cut."""

    def __init__(self, gauge: mmap.mmap, writer: int) -> None:
        self._inner = httpx.AsyncHTTPTransport(verify=build_ssl_context(), trust_env=False)
        self._gauge, self._slot = gauge, writer + 1
        self.cut = 0

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self._gauge[self._slot] = 1
        try:
            return await self._inner.handle_async_request(request)
        except (httpx.ReadError, httpx.WriteError, httpx.RemoteProtocolError):
            self.cut += 1
            raise
        finally:
            self._gauge[self._slot] = 0

    async def aclose(self) -> None:
        await self._inner.aclose()


@dataclass
class Writer:
    """One who writes, where to, and where it notes what became of it."""

    number: int
    place: str
    transport: Gauged
    http: ProviderHttp
    notes: TextIO

    def note(self, number: int, outcome: str, **more: Any) -> None:
        """Writes a line that is in the file when this returns."""
        line = {"writer": self.number, "place": self.place, "number": number, "outcome": outcome}
        cut, self.transport.cut = self.transport.cut, 0
        self.notes.write(json.dumps({**line, "cut": cut, **more}) + "\n")
        self.notes.flush()


async def write_zep(writer: Writer, stopped: Callable[[], bool]) -> None:
    """Repeats each statement under its key until it is acknowledged."""
    zep = ZepClient(writer.http, api_key=lambda: "test-key")
    number = 0
    owed = False  # sent, and not acknowledged
    while owed or not stopped():
        text = statement(writer.number, number)
        try:
            added = await zep.add_messages(
                ZepUuid(UUID(writer.place)),
                [NewMessage(role="user", content=text, reference_time=SAID_AT)],
                idempotency_key=text,
                timeout_seconds=PATIENCE_SECONDS,
            )
        except UpstreamError as error:
            writer.note(number, "again", status=error.status)
            owed = True
            await asyncio.sleep(PAUSE_SECONDS)
            continue
        owed = False
        writer.note(
            number,
            "acknowledged",
            ids=[str(message.uuid) for message in added.messages],
            job=str(added.task_uuid),
        )
        number += 1


async def write_mem0(writer: Writer, stopped: Callable[[], bool]) -> None:
    """Repeats a statement only while Mem0 can't have seen it; every other one isn't inferred."""
    mem0 = Mem0Client(writer.http, api_key=lambda: "test-key")
    number = 0
    while not stopped():
        text = statement(writer.number, number)
        try:
            added = await mem0.add(
                text, user_id=writer.place, infer=bool(number % 2), timeout_seconds=PATIENCE_SECONDS
            )
        except UpstreamError as error:
            if error.context["sent"] is False:
                writer.note(number, "again")
                await asyncio.sleep(PAUSE_SECONDS)
                continue
            writer.note(number, "unknown", status=error.status)
        else:
            ids = [change.id for change in added.results]
            writer.note(number, "acknowledged", ids=ids, job=added.event_id)
        number += 1


_WRITES = {"zep": write_zep, "mem0": write_mem0}


async def write(plan: dict[str, Any], gauge: mmap.mmap, notes: TextIO) -> None:
    """Has all writers of this process write until the gauge says stop."""
    provider: Provider = plan["provider"]
    clients, tasks = [], []
    for number, place in plan["writers"]:
        transport = Gauged(gauge, number)
        clients.append(build_http_client(base_url=plan["url"], transport=transport))
        writer = Writer(number, place, transport, ProviderHttp(provider, clients[-1]), notes)
        tasks.append(_WRITES[provider](writer, lambda: gauge[STOP] == 1))
    try:
        await asyncio.gather(*tasks)
    finally:
        for client in clients:
            await client.aclose()


def main(plan_file: str) -> None:
    """Writes as the plan says."""
    plan = json.loads(Path(plan_file).read_text())
    with (
        Path(plan["gauge"]).open("r+b") as file,
        mmap.mmap(file.fileno(), 0) as gauge,
        Path(plan["notes"]).open("a") as notes,
    ):
        asyncio.run(write(plan, gauge, notes))


if __name__ == "__main__":
    main(sys.argv[1])
