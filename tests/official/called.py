"""What the official clients have called, each call checked against the twin's own records."""

from __future__ import annotations

import asyncio
import inspect
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.official.twin_process import TwinProcess


@dataclass
class Called:
    """One call of one method of a client."""

    client: str
    operation: str
    routes: list[str]
    """The routes of the requests that reached the twin, as it recorded them."""
    seen_as: set[str | None] = field(default_factory=set)
    """How the program called itself in these requests; None where it didn't."""
    raised: str | None = None
    expected: bool = False
    """Whether the test had foreseen what it raised."""

    @property
    def counts(self) -> bool:
        """Whether it reached the twin and ended as it should."""
        return bool(self.routes) and (self.raised is None or self.expected)


@dataclass
class Ledger:
    """All calls of a run."""

    calls: list[Called] = field(default_factory=list)
    counterparts: dict[str, list[str]] = field(default_factory=dict)
    """Method of ours → the operations of the official client whose requests it equals."""

    def counted(self, client: str) -> set[str]:
        """The operations of one client that a test has called with success."""
        return {call.operation for call in self.calls if call.client == client and call.counts}

    def answered(self, client: str) -> set[str]:
        """The operations of one client that have returned an answer."""
        return {
            call.operation
            for call in self.calls
            if call.client == client and call.counts and call.raised is None
        }

    def write(self, path: Path) -> None:
        """Keeps what counted, once each, for the coverage table."""
        seen = {
            (call.client, call.operation, route, call.operation in self.answered(call.client))
            for call in self.calls
            if call.counts
            for route in call.routes
        }
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(
            json.dumps({"calls": sorted(seen), "counterparts": self.counterparts}, indent=1)
        )


class Refused(AssertionError):
    """A call was refused in another way than the test said."""


@dataclass
class Watched:
    """A part of a client whose calls are awaitable, noted and checked, sync and async alike."""

    part: Any
    client: str
    twin: TwinProcess
    ledger: Ledger
    check: Callable[[Any], None]
    """Raises when an answer isn't what the client declares."""
    prefix: str = ""

    def __getattr__(self, name: str) -> Any:
        found = getattr(self.part, name)
        if callable(found):
            return self._method(found, self.prefix + name)
        return Watched(
            found, self.client, self.twin, self.ledger, self.check, f"{self.prefix}{name}."
        )

    def _method(self, method: Callable[..., Any], operation: str) -> Callable[..., Any]:
        async def call(*arguments: Any, **options: Any) -> Any:
            return await noted(self, operation, lambda: _answer(method, arguments, options))

        return call


async def noted(watched: Watched, operation: str, make: Callable[[], Awaitable[Any]]) -> Any:
    """Makes a call, and notes what the twin saw of it."""
    called = Called(watched.client, operation, [])
    watched.ledger.calls.append(called)
    before = watched.twin.count()
    try:
        answer = await make()
    except Exception as error:
        called.raised = type(error).__name__
        error.called = called  # type: ignore[attr-defined]
        raise
    finally:
        got = [record for record in watched.twin.records(before) if record["route"]]
        called.routes = [record["route"] for record in got]
        called.seen_as = {record["client"] for record in got}
    watched.check(answer)
    return answer


async def _answer(method: Callable[..., Any], arguments: Any, options: Any) -> Any:
    if inspect.iscoroutinefunction(method):
        answer = method(*arguments, **options)
    else:
        # On a thread, so that calls of a blocking client may overlap like the others.
        answer = await asyncio.to_thread(method, *arguments, **options)
    if inspect.isawaitable(answer):
        answer = await answer
    if type(answer).__name__.endswith("Pager"):
        return answer
    # A stream asks only once it is read.
    if hasattr(answer, "__anext__"):
        return [part async for part in answer]
    if hasattr(answer, "__next__"):
        return await asyncio.to_thread(list, answer)
    return answer


async def everything(pager: Any) -> list[Any]:
    """All items of all pages, whichever kind of pager it is."""
    return [item async for item in _items(pager)]


async def _items(pager: Any) -> AsyncIterator[Any]:
    if hasattr(pager, "__aiter__"):
        async for item in pager:
            yield item
    else:
        for item in await asyncio.to_thread(list, pager):
            yield item


async def refused[E: Exception](call: Awaitable[Any], kind: type[E]) -> E:
    """The error of exactly this class that the call ends with."""
    try:
        answer = await call
    except Exception as error:
        if type(error) is not kind:
            raise Refused(f"{kind.__name__} was to be raised, not {error!r}") from error
        called = getattr(error, "called", None)
        if called:
            called.expected = True
        return error
    raise Refused(f"{kind.__name__} was to be raised, not {answer!r} returned")


def models_in(value: Any) -> Iterator[Any]:
    """Every pydantic model inside an answer, itself included."""
    if isinstance(value, list | tuple):
        for part in value:
            yield from models_in(part)
    elif isinstance(value, dict):
        yield from models_in(list(value.values()))
    elif hasattr(type(value), "model_fields"):
        yield value
        for name in type(value).model_fields:
            yield from models_in(getattr(value, name))
    elif type(value).__name__ in {"SyncPager", "AsyncPager"}:
        yield from models_in(value.items)
