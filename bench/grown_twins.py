"""Twins of Zep and Mem0 in which one person has said much or little."""

import json
import sys
import tempfile
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

from bench.results import BenchError
from local.processes import LOOPBACK, answers, free_port, spawn, stop
from local.stack import ROOT

KEYS = {"zep": "Api-Key test-key", "mem0": "Token test-key"}
PERSON = "bench"

_COLOURS = ["red", "green", "blue", "white", "black", "amber", "violet", "olive", "coral", "beige"]
_AT_ONCE = 30
_STARTED_WITHIN_SECONDS = 30.0
_LEARNED_WITHIN_SECONDS = 300.0


def statement(number: int) -> str:
    """What is said as the `number`th: a word that all have, one that a tenth has, a rare one."""
    return f"I like {_COLOURS[number % len(_COLOURS)]} thing{number}"


class Caller:
    """One connection to a twin, with as little of its own as possible around each call."""

    def __init__(self, port: int, key: str) -> None:
        self._connection = HTTPConnection(LOOPBACK, port, timeout=60)
        self._headers = {"authorization": key, "content-type": "application/json"}

    def __call__(self, method: str, path: str, body: Any = None) -> Any:
        """The JSON of its answer.

        Raises:
            BenchError: it was no success.
        """
        sent = None if body is None else json.dumps(body)
        self._connection.request(method, path, sent, self._headers)
        answer = self._connection.getresponse()
        raw = answer.read()
        if answer.status >= 300:
            raise BenchError(f"{method} {path} was answered {answer.status}")
        return json.loads(raw) if raw else None

    def close(self) -> None:
        """Ends the connection."""
        self._connection.close()


@dataclass(kw_only=True)
class Learner(ABC):
    """A person whom a twin learns about."""

    said: int = 0
    """How many different statements."""
    job: str = ""

    @abstractmethod
    def say(self, *texts: str) -> None:
        """Adds messages."""

    @abstractmethod
    def settle(self) -> None:
        """Returns once everything that was said is learned."""

    @abstractmethod
    def first_ones_at(self) -> str:
        """When the first of what is known came."""

    def say_next(self, count: int = 1) -> None:
        """Says so many statements that were not said before."""
        self.said += count
        self.say(*(statement(number) for number in range(self.said - count, self.said)))

    def learn(self, count: int) -> None:
        """Says so many statements more, and waits until all are known."""
        end = self.said + count
        while self.said < end:
            self.say_next(min(_AT_ONCE, end - self.said))
        self.settle()


@dataclass
class Zep(Learner):
    """A person at Zep who said everything in one thread."""

    call: Caller
    graph: str
    thread: str

    def say(self, *texts: str) -> None:
        """Adds messages to the thread."""
        body = {"messages": [{"role": "user", "content": text} for text in texts]}
        added = self.call("POST", f"/api/v4/threads/{self.thread}/messages", body)
        self.job = added["task"]["uuid"]

    def settle(self) -> None:
        """Returns once everything that was said is learned."""
        _until(lambda: self.call("GET", f"/api/v4/tasks/{self.job}")["status"], "succeeded")

    def first_ones_at(self) -> str:
        """When the first few facts came."""
        path = f"/api/v4/threads/{self.thread}/messages?page_size=1"
        message = self.call("GET", path)["items"][0]["uuid"]
        path = f"/api/v4/graphs/{self.graph}/edges/list?page_size=1"
        fact = self.call("POST", path, {"filters": {"episode_uuids": [message]}})["items"][0]
        return str(fact["created_at"])


@dataclass
class Mem0(Learner):
    """A person at Mem0."""

    call: Caller

    def say(self, *texts: str) -> None:
        """Adds messages."""
        body = {"messages": [{"role": "user", "content": text} for text in texts]}
        added = self.call("POST", "/v3/memories/add/", {**body, "user_id": PERSON})
        self.job = added["event_id"]

    def settle(self) -> None:
        """Returns once everything that was said is learned."""
        _until(lambda: self.call("GET", f"/v1/event/{self.job}/")["status"], "SUCCEEDED")

    def first_ones_at(self) -> str:
        """When the first memory came."""
        path = f"/v3/memories/?page={self.said}&page_size=1"
        return str(
            self.call("POST", path, {"filters": {"user_id": PERSON}})["results"][0]["created_at"]
        )


def _until(status: Callable[[], str], wanted: str) -> None:
    deadline = time.monotonic() + _LEARNED_WITHIN_SECONDS
    while (now := status()) != wanted:
        if now in {"failed", "partial", "FAILED"} or time.monotonic() > deadline:
            raise BenchError(f"a twin's ingestion is {now}")


@contextmanager
def grown_zep(facts: int) -> Iterator[Zep]:
    """A Zep twin of its own, with a person of whom it knows so many facts."""
    with _caller("zep") as call:
        user = call("POST", "/api/v4/users", {"user_id": PERSON})
        thread = call("POST", "/api/v4/threads", {"user_uuid": user["uuid"]})
        zep = Zep(call, user["graph_uuid"], thread["uuid"])
        zep.learn(facts)
        yield zep


@contextmanager
def grown_mem0(facts: int) -> Iterator[Mem0]:
    """A Mem0 twin of its own, with a person of whom it has so many memories."""
    with _caller("mem0") as call:
        mem0 = Mem0(call)
        mem0.learn(facts)
        yield mem0


@contextmanager
def _caller(name: str) -> Iterator[Caller]:
    with ExitStack() as open_:
        folder = Path(open_.enter_context(tempfile.TemporaryDirectory()))
        port = free_port()
        command = [sys.executable, "-m", f"local.twins.{name}", "--port", str(port)]
        command += ["--data", str(folder), "--ingestion-ms", "0"]
        process = spawn(command, log=folder / "log", cwd=ROOT)
        open_.callback(stop, process)
        deadline = time.monotonic() + _STARTED_WITHIN_SECONDS
        while not answers(port):
            if process.poll() is not None or time.monotonic() > deadline:
                raise BenchError(f"the {name} twin did not start")
            time.sleep(0.02)
        call = Caller(port, KEYS[name])
        open_.callback(call.close)
        yield call
