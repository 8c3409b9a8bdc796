"""Each fault on each method of our clients, over sockets: it ends in time, in an error of ours."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tandem.clients.zep import ZepClient
from tests.integration.clients.expectations import expected
from tests.integration.clients.fault_list import (
    BROKEN_ANSWERS,
    BROKEN_CONNECTIONS,
    CANARY,
    FAILURES,
    REFUSALS,
    Fault,
)
from tests.integration.clients.methods import (
    CHAT,
    CLIENTS,
    KEY,
    METHODS,
    SPOKEN,
    ZEP,
    Caller,
    public_methods,
)
from tests.integration.clients.storm import Ended, Worlds, shown, wave
from tests.integration.clients.worlds import mem0_world, zep_world
from tests.integration.twin_process import TwinProcess, running

pytestmark = pytest.mark.integration

GROUPS = {
    "refusals": REFUSALS,
    "failures": FAILURES,
    "broken answers": BROKEN_ANSWERS,
    "broken connections": BROKEN_CONNECTIONS,
}
# More than a client has connections.
CROWD = 30
STAYING = [*BROKEN_CONNECTIONS, *(fault for fault in BROKEN_ANSWERS if fault.name == "huge")]

Twins = dict[str, TwinProcess]


@pytest.fixture(scope="module")
def twins(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Twins]:
    data = ("--data", str(tmp_path_factory.mktemp("twins")), "--ingestion-ms", "1")
    with (
        running("zep", *data) as zep,
        running("mem0", *data) as mem0,
        running("gemini") as gemini,
    ):
        yield {"zep": zep, "mem0": mem0, "gemini": gemini}


def all_callers(twins: Twins) -> list[Caller]:
    callers = [Caller(None, "chat", CHAT, url=twins["gemini"].url)]
    for client, methods in METHODS.items():
        url = twins[CLIENTS[client]].url
        callers += [Caller(client, name, method, url=url) for name, method in methods.items()]
    return callers


def worlds_of(twins: Twins) -> Worlds:
    worlds: dict[str, Any] = {}

    def give(new: bool) -> dict[str, Any]:
        if new or not worlds:
            worlds["zep"], worlds["mem0"] = zep_world(twins["zep"]), mem0_world(twins["mem0"])
            worlds["gemini"] = None
        return worlds

    return give


async def storm(faults: list[Fault], twins: Twins) -> list[Ended]:
    """All faults, one after the other, and then a call of each method that must get through."""
    callers, worlds = all_callers(twins), worlds_of(twins)
    ended = [one for fault in faults for one in await wave(fault, callers, twins, worlds)]
    for twin in twins.values():
        twin.heal()
    world = worlds(True)
    for caller in callers:
        await caller.call(world[caller.provider], 10.0)
        await caller.http.aclose()
    return ended


def test_every_public_method_is_called() -> None:
    for client, methods in METHODS.items():
        assert methods.keys() == public_methods(client)


@pytest.mark.parametrize("group", GROUPS)
def test_every_fault_ends_every_method_in_time_in_an_error_of_ours_that_quotes_nobody(
    group: str,
    twins: Twins,
    figures: list[str],
    log_lines: Callable[[], list[dict[str, Any]]],
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    caplog.set_level(logging.INFO)
    ended = asyncio.run(storm(GROUPS[group], twins))
    problems = [
        f"{one.caller.name}, {one.fault.name}: {problem}"
        for one in ended
        for problem in expected(one).problems(one)
    ]
    assert not problems, "\n".join(problems)
    logged = f"{log_lines()} {caplog.text} {capfd.readouterr()}"
    said = logged + "".join(shown(one.error) for one in ended if one.error)
    for word in (CANARY, KEY, SPOKEN):
        assert word not in said
    figures.append(_summary(group, ended))


def _summary(group: str, ended: list[Ended]) -> str:
    faults, callers = {one.fault.name for one in ended}, {one.caller.name for one in ended}
    kinds = Counter[str]()
    for one in ended:
        kinds[one.fault.rule["kind"]] += one.struck
    struck = ", ".join(f"{kind} {count}" for kind, count in sorted(kinds.items()))
    fine = sum(one.error is None for one in ended)
    again = sum(one.asked_again > 0 for one in ended)
    return (
        f"{group}: {len(faults)} faults x {len(callers)} methods = {len(ended)} calls, "
        f"{fine} of them answered; struck: {struck}; {again} asked again"
    )


async def crowd(fault: Fault, zep: TwinProcess, *, cancelled: bool = False) -> list[Any]:
    """Many calls fail on one client at the same time, and as many are made when all is well."""
    caller = Caller(ZepClient, "list_threads", ZEP["list_threads"], url=zep.url)
    world = zep_world(zep)
    zep.fault(**fault.rule)
    failing = [
        asyncio.create_task(caller.call(world, 30.0 if cancelled else fault.seconds))
        for _ in range(CROWD)
    ]
    if cancelled:
        await asyncio.wait(failing, timeout=0.5)
        assert zep.struck()
        for task in failing:
            task.cancel()
    await asyncio.gather(*failing, return_exceptions=True)
    zep.heal()
    answers = await asyncio.gather(*(caller.call(world, 10.0) for _ in range(CROWD)))
    await caller.http.aclose()
    return answers


@pytest.mark.parametrize("fault", STAYING, ids=lambda fault: fault.name)
def test_a_crowd_of_failures_leaves_every_connection_free(fault: Fault, twins: Twins) -> None:
    twins["zep"].heal()
    assert len(asyncio.run(crowd(fault, twins["zep"]))) == CROWD


def test_a_crowd_that_gives_up_leaves_every_connection_free(twins: Twins) -> None:
    twins["zep"].heal()
    hang = Fault(name="no answer", rule={"kind": "hang"}, error=None)
    assert len(asyncio.run(crowd(hang, twins["zep"], cancelled=True))) == CROWD
