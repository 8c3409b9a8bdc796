"""Zep and Mem0 behind their wires, and the time, in memory."""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import httpx

from tandem.clients.connections import build_http_client
from tandem.clients.http import ProviderHttp
from tandem.errors import Provider


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
            case ["graphs", graph, *rest] if graph in self.users.values():
                return self._episode(method, rest, body)
            case ["tasks", task] if task in self.tasks:
                return httpx.Response(200, json={"uuid": task, "status": self.tasks[task]})
        return _missing()

    def _episode(self, method: str, rest: list[str], body: Any) -> httpx.Response:
        match method, rest:
            case "POST", ["episodes", "list"]:
                return httpx.Response(200, json={"items": self.episodes[::-1]})
            case "GET", ["episodes", episode]:
                found = [each for each in self.episodes if each["uuid"] == episode]
                return httpx.Response(200, json=found[0]) if found else _missing()
        made = {"uuid": str(uuid4()), "processed": False, **body}
        self.episodes.append(made)
        answer = {"episode": {"uuid": made["uuid"]}, "task": self._task()}
        return httpx.Response(202, json=answer)

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
        self.payloads: dict[str, Any] = {}
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
            self.events[event], self.payloads[event] = (status, made), body
            return httpx.Response(200, json={"event_id": event, "status": "PENDING"})
        if call == "POST /v3/memories/":
            page = {"count": len(self.memories), "next": None, "results": self.memories}
            return httpx.Response(200, json=page)
        if call == "GET /v1/events/":
            listed = [
                {"id": id_, "status": status, "results": made, "payload": self.payloads[id_]}
                for id_, (status, made) in reversed(self.events.items())
            ]
            return httpx.Response(200, json={"count": len(listed), "results": listed})
        event = call.split("/")[-2]
        if event not in self.events:
            return httpx.Response(404, json={"error": "no such event"})
        status, made = self.events[event]
        return httpx.Response(200, json={"id": event, "status": status, "results": made})


def _name(request: httpx.Request) -> str:
    return f"{request.method} {request.url.path}"


def _body(request: httpx.Request) -> Any:
    return json.loads(request.content) if request.content else None


def _missing() -> httpx.Response:
    return httpx.Response(404, json={"error": {"code": "not_found"}})
