"""Somebody with memories and facts at both stores' twins, and the path on which they change."""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from tandem.changes.model import Change, ChangeId, RunId
from tandem.changes.path import Carried, ChangePath
from tandem.changes.undoing import undo_changes
from tandem.clients.connections import build_http_client
from tandem.clients.http import ProviderHttp
from tandem.clients.mem0 import Mem0Client
from tandem.clients.zep import ZepClient
from tandem.deadline import Deadline
from tandem.ids import Mem0Id, ZepUuid
from tandem.recall.gather import Person
from tests.integration.changes.journal import Tidier
from tests.integration.twin_process import TwinProcess
from tests.integration.twins.writers import until

STAGE = "test"
CALL_SECONDS = 5.0


@dataclass
class Stores:
    """The twins, for one person."""

    zep: TwinProcess
    mem0: TwinProcess
    tidier: Tidier
    graph: str = ""
    thread: str = ""

    def __post_init__(self) -> None:
        user = self.zep.post("/api/v4/users", {"user_id": self.name})
        self.graph = user["graph_uuid"]
        self.thread = self.zep.post("/api/v4/threads", {"user_uuid": user["uuid"]})["uuid"]

    @property
    def name(self) -> str:
        return f"{STAGE}:{self.tidier.account_id}"

    @property
    def person(self) -> Person:
        return Person(self.tidier.account_id, ZepUuid(UUID(self.graph)))

    def remembered(self, text: str, **rest: Any) -> Mem0Id:
        """A memory as it stands."""
        body = {"user_id": self.name, "messages": [{"role": "user", "content": text}], **rest}
        added = self.mem0.post("/v3/memories/add/", {"infer": False, **body})
        return Mem0Id(added["results"][0]["id"])

    def told(self, *words: str) -> dict[str, ZepUuid]:
        """Facts by their text, once Zep has drawn them from these words."""
        messages = [{"role": "user", "content": text} for text in words]
        added = self.zep.post(f"/api/v4/threads/{self.thread}/messages", {"messages": messages})
        task = f"/api/v4/tasks/{added['task']['uuid']}"
        done = lambda: self.zep.get(task)["status"] == "succeeded"  # noqa: E731
        until(done, seconds=20, what="messages ingested")
        return {edge["fact"]: ZepUuid(UUID(edge["uuid"])) for edge in self.edges()}

    def edges(self) -> list[dict[str, Any]]:
        edges: list[dict[str, Any]] = self.zep.post(f"/api/v4/graphs/{self.graph}/edges/list", {})[
            "items"
        ]
        return edges

    def memory(self, memory_id: Mem0Id) -> dict[str, Any]:
        """All that Mem0 says of it but when it was last changed and who read it."""
        found = self.mem0.get(f"/v1/memories/{memory_id}/")
        found.pop("updated_at")
        return found

    def visible(self) -> dict[Mem0Id, str]:
        """What Mem0 lists."""
        listed = self.mem0.post("/v3/memories/", {"filters": {"user_id": self.name}})["results"]
        return {Mem0Id(one["id"]): one["memory"] for one in listed}

    def found(self, query: str) -> set[str]:
        """What Mem0 finds."""
        body = {"query": query, "filters": {"user_id": self.name}, "threshold": 0.0}
        return {one["id"] for one in self.mem0.post("/v3/memories/search/", body)["results"]}

    def carry_out(
        self,
        run_id: RunId,
        changes: Sequence[Change],
        *,
        texts: Mapping[ChangeId, str] | None = None,
        seconds: float = 60.0,
        leased: bool = True,
        read_at: datetime | None = None,
    ) -> Carried:
        """As a function does, with clients of its own."""

        async def work() -> Carried:
            async with AsyncExitStack() as open_clients:
                https = {
                    "zep": build_http_client(base_url=self.zep.url),
                    "mem0": build_http_client(base_url=self.mem0.url),
                }
                for http in https.values():
                    await open_clients.enter_async_context(http)
                path = ChangePath(
                    self.tidier.changes,
                    Mem0Client(ProviderHttp("mem0", https["mem0"]), api_key=lambda: "test-key"),
                    ZepClient(ProviderHttp("zep", https["zep"]), api_key=lambda: "test-key"),
                    stage=STAGE,
                    call_seconds=CALL_SECONDS,
                )
                return await path.carry_out(
                    self.person,
                    run_id,
                    changes,
                    owner=self.tidier.owner if leased else None,
                    read_at=read_at,
                    deadline=Deadline(seconds),
                    texts=texts,
                )

        return asyncio.run(work())

    def apply(self, *planned: Change, **rest: Any) -> RunId:
        """A whole run of these changes, all of which happen."""
        run_id = self.tidier.start().run_id
        recorded = self.tidier.record(run_id, *planned)
        carried = self.carry_out(run_id, recorded, **rest)
        assert carried == Carried(confirmed=len(planned)), carried
        self.tidier.finish(run_id)
        return run_id

    def undo(self, run_id: RunId) -> None:
        """A whole run that takes another one back."""
        tidier = self.tidier
        inverses = undo_changes(asyncio.run(tidier.changes.all(tidier.account_id, run_id)))
        started = tidier.start("undo", undoes=run_id)
        recorded = tidier.record(started.run_id, *inverses)
        assert self.carry_out(started.run_id, recorded) == Carried(confirmed=len(inverses))
        tidier.finish(started.run_id)


def some_uuid() -> ZepUuid:
    return ZepUuid(uuid4())
