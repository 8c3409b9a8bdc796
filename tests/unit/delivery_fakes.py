"""Zep and Mem0 behind their wires, the ledger, the queue and the time: all in memory."""

import asyncio
import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Literal
from uuid import UUID, uuid4

import httpx

from tandem.clients.http import ProviderHttp, build_http_client
from tandem.clients.mem0 import Mem0Client
from tandem.clients.zep import ZepClient
from tandem.db.deliveries import (
    Deliveries,
    Due,
    Lease,
    LeaseLost,
    ProviderId,
    Role,
    StoreName,
    Words,
)
from tandem.deadline import Deadline
from tandem.delivery.mem0_delivery import Mem0Delivery
from tandem.delivery.service import Delivery, Pace
from tandem.delivery.stores import StoreDelivery
from tandem.delivery.wake import Wake
from tandem.delivery.zep_delivery import ZepDelivery
from tandem.errors import Provider
from tandem.ids import AccountId, SessionRowId, TurnId, ZepUuid

SAID_AT = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
SESSION = SessionRowId(uuid4())
ACCOUNT = AccountId(uuid4())


class Crash(BaseException):
    """The process dies here."""


class Time:
    """Seconds that pass only when somebody waits."""

    def __init__(self) -> None:
        self.now = 0.0
        self.slept: list[float] = []

    def clock(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.now += seconds
        self.slept.append(seconds)


@dataclass
class Fault:
    """What a call meets instead of its answer; with `after`, once the store has acted."""

    pattern: str
    outcome: httpx.Response | BaseException
    after: bool = False


class Wire:
    """One store as a transport. `faults` are met in order, each once."""

    provider: Provider

    def __init__(self, time: Time) -> None:
        self.time = time
        self.requests: list[httpx.Request] = []
        self.faults: list[Fault] = []
        self.seconds_a_call = 0.0
        self.watch: Callable[[], None] = lambda: None

    def fail(self, pattern: str, *outcomes: int | BaseException, after: bool = False) -> None:
        """Calls whose `METHOD path` matches fail with these statuses or exceptions, in turn."""
        for outcome in outcomes:
            answer = httpx.Response(outcome, json={}) if isinstance(outcome, int) else outcome
            self.faults.append(Fault(pattern, answer, after))

    def calls(self, pattern: str) -> list[httpx.Request]:
        return [request for request in self.requests if re.search(pattern, _name(request))]

    def http(self) -> ProviderHttp:
        transport = httpx.MockTransport(self._answer)
        return ProviderHttp(
            self.provider,
            build_http_client(base_url="http://store.test", transport=transport),
            sleep=self.time.sleep,
            jitter=lambda: 0.5,
            clock=self.time.clock,
        )

    def _answer(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        self.time.now += self.seconds_a_call
        self.watch()
        fault = next((f for f in self.faults if re.search(f.pattern, _name(request))), None)
        if fault is None:
            return self.act(request)
        self.faults.remove(fault)
        if fault.after:
            self.act(request)
        if isinstance(fault.outcome, BaseException):
            raise fault.outcome
        return fault.outcome

    def act(self, request: httpx.Request) -> httpx.Response:
        raise NotImplementedError


class ZepWire(Wire):
    """Users, threads, messages, episodes and tasks.

    Attributes:
        ingestion: how the next tasks end; "succeeded" when nothing is left here.
        remembers_keys: whether a repeated Idempotency-Key gets the earlier answer.
    """

    provider = "zep"

    def __init__(self, time: Time) -> None:
        super().__init__(time)
        self.users: dict[str, str] = {}
        self.threads: dict[str, list[dict[str, Any]]] = {}
        self.episodes: list[dict[str, Any]] = []
        self.tasks: dict[str, str] = {}
        self.ingestion: list[str] = []
        self.remembers_keys = True
        self._answered: dict[tuple[str, str], httpx.Response] = {}

    @property
    def messages(self) -> list[dict[str, Any]]:
        return [message for thread in self.threads.values() for message in thread]

    def act(self, request: httpx.Request) -> httpx.Response:
        key = (request.headers.get("idempotency-key", ""), request.url.path)
        if self.remembers_keys and key in self._answered:
            return self._answered[key]
        answer = self._act(_name(request), _body(request))
        if key[0] and answer.is_success:
            self._answered[key] = answer
        return answer

    def _act(self, call: str, body: Any) -> httpx.Response:
        method, path = call.split(" ")
        match path.split("/")[3:]:
            case ["users", *_]:
                return self._user(body["user_id"], make=not path.endswith("lookup"))
            case ["threads", *rest]:
                return self._thread(method, rest, body)
            case ["graphs", graph, "episodes"] if graph in self.users.values():
                self.episodes.append(body)
                answer = {"episode": {"uuid": str(uuid4())}, "task": self._task()}
                return httpx.Response(202, json=answer)
            case ["tasks", task] if task in self.tasks:
                return httpx.Response(200, json={"uuid": task, "status": self.tasks[task]})
        return _missing()

    def _thread(self, method: str, rest: list[str], body: Any) -> httpx.Response:
        answer = _missing()
        match method, rest:
            case "POST", [] if body["user_uuid"] in self.users.values():
                thread = str(uuid4())
                self.threads[thread] = []
                answer = httpx.Response(201, json={"uuid": thread})
            case _, [thread, *_] if thread not in self.threads:
                pass
            case "POST", [thread, "messages"]:
                answer = self._add(thread, body["messages"])
            case "GET", [thread, "messages"]:
                answer = httpx.Response(200, json={"items": self.threads[thread][::-1]})
            case "DELETE", [thread]:
                del self.threads[thread]
                answer = httpx.Response(202, json={"task": {"uuid": str(uuid4())}})
        return answer

    def _user(self, name: str, *, make: bool) -> httpx.Response:
        if make:
            self.users[name] = str(uuid4())
        if name not in self.users:
            return _missing()
        return httpx.Response(200, json={"uuid": self.users[name], "user_id": name})

    def _add(self, thread: str, messages: list[dict[str, Any]]) -> httpx.Response:
        taken = [{"uuid": str(uuid4()), "processed": False, **message} for message in messages]
        self.threads[thread] += taken
        return httpx.Response(202, json={"messages": taken, "task": self._task()})

    def _task(self) -> dict[str, str]:
        task = str(uuid4())
        self.tasks[task] = self.ingestion.pop(0) if self.ingestion else "succeeded"
        return {"uuid": task, "status": "pending"}


class Mem0Wire(Wire):
    """Memories, one for each add, and events. `ingestion` as for Zep."""

    provider = "mem0"

    def __init__(self, time: Time) -> None:
        super().__init__(time)
        self.memories: list[dict[str, Any]] = []
        self.events: dict[str, tuple[str, list[Any]]] = {}
        self.ingestion: list[str] = []

    @property
    def added(self) -> list[Any]:
        return [_body(request) for request in self.calls("POST /v3/memories/add/$")]

    def act(self, request: httpx.Request) -> httpx.Response:
        call, body = _name(request), _body(request)
        if call == "POST /v3/memories/add/":
            event = str(uuid4())
            status = self.ingestion.pop(0) if self.ingestion else "SUCCEEDED"
            made = []
            if status == "SUCCEEDED":
                memory = {"id": str(uuid4()), "memory": body["messages"][0]["content"]}
                self.memories.insert(0, {**memory, "metadata": body["metadata"]})
                made = [{**memory, "event": "ADD"}]
            self.events[event] = (status, made)
            return httpx.Response(200, json={"event_id": event, "status": "PENDING"})
        if call == "POST /v3/memories/":
            page = {"count": len(self.memories), "next": None, "results": self.memories}
            return httpx.Response(200, json=page)
        event = call.split("/")[-2]
        if event not in self.events:
            return httpx.Response(404, json={"error": "no such event"})
        status, made = self.events[event]
        return httpx.Response(200, json={"id": event, "status": status, "results": made})


@dataclass
class Row:
    """One delivery."""

    store: StoreName
    words: Words
    state: str = "owed"
    provider_ids: list[str] = field(default_factory=list)


@dataclass
class Held:
    """A row of `delivery_leases`."""

    owner: UUID | None = None
    until: float = float("-inf")
    not_before: float = float("-inf")
    unclear: bool = False
    failures: int = 0


class LedgerInMemory(Deliveries):
    """One session's deliveries and leases, by the rules of the real ones."""

    def __init__(self, time: Time) -> None:
        self.time = time
        self.rows: list[Row] = []
        self.leases: dict[StoreName, Held] = {"zep": Held(), "mem0": Held()}
        self.user: ZepUuid | None = None
        self.thread: ZepUuid | None = None
        self.deletion: Literal["owed", "done"] | None = None
        self.before_mark: Callable[[], None] = lambda: None
        self.prolonged = 0

    def owe(self, message: str, reply: str | None = None) -> TurnId:
        """The next turn's words, owed to both stores; the reply to Zep alone."""
        seq = 1 + len({row.words.turn_id for row in self.rows})
        turn = TurnId(UUID(int=seq))
        said = SAID_AT + timedelta(minutes=seq)
        told: list[tuple[StoreName, Role, str]] = [("zep", "user", message)]
        told += [("zep", "assistant", reply)] if reply is not None else []
        for store, role, text in [*told, ("mem0", "user", message)]:
            at = said if role == "user" else said + timedelta(seconds=2)
            words = Words(turn, role, "owed", seq, text, at, None, 0, None)
            self.rows.append(Row(store, words))
        return turn

    def states(self, store: StoreName) -> list[str]:
        return [row.state for row in self.rows if row.store == store]

    async def settle(self, session_row: SessionRowId) -> bool:
        return session_row == SESSION

    async def lease(
        self, session_row: SessionRowId, store: StoreName, *, owner: UUID, seconds: float
    ) -> Lease | None:
        held = self.leases[store]
        if max(held.until, held.not_before) > self.time.now:
            return None
        held.unclear = held.unclear or held.owner is not None
        held.owner, held.until = owner, self.time.now + seconds
        return Lease(session_row, store, owner, seconds, held.unclear, held.failures)

    async def is_resting(self, session_row: SessionRowId, store: StoreName) -> bool:
        assert session_row == SESSION
        return self.leases[store].not_before > self.time.now

    async def prolong(self, lease: Lease) -> None:
        self._mark(lease)
        self.prolonged += 1

    async def release(
        self, lease: Lease, *, unclear: bool, failures: int, rest_seconds: float
    ) -> None:
        if self.leases[lease.store].owner == lease.owner:
            not_before = self.time.now + rest_seconds
            self.leases[lease.store] = Held(
                not_before=not_before, unclear=unclear, failures=failures
            )

    async def due(self, session_row: SessionRowId, store: StoreName) -> Due:
        return Due(
            session_row=session_row,
            account_id=ACCOUNT,
            first_name="Asha",
            last_name=None,
            zep_user_uuid=self.user,
            zep_graph_uuid=self.user,
            zep_thread_uuid=self.thread,
            deletion_owed=self.deletion == "owed",
            words=[
                row.words
                for row in self.rows
                if row.store == store and row.state in {"owed", "sent"}
            ],
        )

    async def sent(
        self,
        lease: Lease,
        turn_id: TurnId,
        roles: Sequence[Role],
        *,
        check_id: str | None,
        provider_ids: Sequence[ProviderId],
    ) -> None:
        for row in self._rows(lease, turn_id, roles):
            row.state = "sent"
            row.words = replace(
                row.words,
                state="sent",
                check_id=check_id,
                ingestions=row.words.ingestions + 1,
                sent_at=datetime.now(UTC),
            )
            row.provider_ids += [p.id for p in provider_ids if p.role == row.words.role]

    async def finished(
        self,
        lease: Lease,
        turn_id: TurnId,
        roles: Sequence[Role],
        *,
        state: Literal["ingested", "refused", "cancelled"],
        provider_ids: Sequence[ProviderId] = (),
    ) -> None:
        for row in self._rows(lease, turn_id, roles):
            row.state = state
            row.provider_ids += [p.id for p in provider_ids if p.role == row.words.role]

    async def set_zep_user(
        self, account_id: AccountId, user_uuid: ZepUuid, graph_uuid: ZepUuid
    ) -> None:
        assert (account_id, graph_uuid) == (ACCOUNT, user_uuid)
        self.user = user_uuid

    async def set_thread(self, session_row: SessionRowId, thread_uuid: ZepUuid) -> None:
        assert session_row == SESSION
        self.thread = thread_uuid

    async def thread_deleted(self, session_row: SessionRowId) -> None:
        assert session_row == SESSION
        self.deletion = "done"

    def _mark(self, lease: Lease) -> None:
        self.before_mark()
        held = self.leases[lease.store]
        if held.owner != lease.owner:
            raise LeaseLost
        held.until = self.time.now + lease.seconds

    def _rows(self, lease: Lease, turn_id: TurnId, roles: Sequence[Role]) -> list[Row]:
        self._mark(lease)
        return [
            row
            for row in self.rows
            if (row.store, row.words.turn_id) == (lease.store, turn_id)
            and row.words.role in roles
            and row.state in {"owed", "sent"}
        ]


class KeptWakes(Wake):
    """Keeps the delays of wake-ups."""

    def __init__(self) -> None:
        self.delays: list[int] = []

    async def send(self, session_row: SessionRowId, *, delay_seconds: int = 0) -> bool:
        assert session_row == SESSION
        self.delays.append(delay_seconds)
        return True


class World:
    """A session, both stores and the delivery job over them."""

    def __init__(self) -> None:
        self.time = Time()
        self.zep, self.mem0 = ZepWire(self.time), Mem0Wire(self.time)
        self.ledger, self.wakes = LedgerInMemory(self.time), KeptWakes()
        self.zep_store = ZepDelivery(
            ZepClient(self.zep.http(), api_key=lambda: "test-key"),
            self.ledger,
            stage="test",
            call_seconds=8.0,
        )
        self.mem0_store = Mem0Delivery(
            Mem0Client(self.mem0.http(), api_key=lambda: "test-key"), stage="test", call_seconds=8.0
        )

    def run(
        self,
        *,
        seconds: float = 58.0,
        stores: Sequence[StoreDelivery] | None = None,
        share: float = 0.5,
        session: SessionRowId = SESSION,
    ) -> list[int]:
        """Runs the job once; the delays of the wake-ups that it has sent."""
        delivery = Delivery(
            self.ledger,
            [self.zep_store, self.mem0_store] if stores is None else stores,
            self.wakes,
            Pace(45.0, 4.0, 8.0, self.time.sleep, self.time.clock, lambda: share),
        )
        self.wakes.delays.clear()
        asyncio.run(delivery.deliver(session, Deadline(seconds, clock=self.time.clock)))
        return list(self.wakes.delays)

    def crash(self) -> None:
        """Runs the job until it dies, and lets its leases run out."""
        try:
            self.run()
        except Crash:
            self.time.now += 46
            return
        raise AssertionError("it went on living")


def _name(request: httpx.Request) -> str:
    return f"{request.method} {request.url.path}"


def _body(request: httpx.Request) -> Any:
    return json.loads(request.content) if request.content else None


def _missing() -> httpx.Response:
    return httpx.Response(404, json={"error": {"code": "not_found"}})
