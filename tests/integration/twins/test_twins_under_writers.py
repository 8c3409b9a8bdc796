"""200 writers in four processes while their twin is killed: nothing is lost that was acknowledged,
and nothing is done twice."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.integration.twin_process import TwinProcess, running
from tests.integration.twins import reckoning
from tests.integration.twins.reckoning import Reckoning
from tests.integration.twins.writers import Note, Writers, until

pytestmark = pytest.mark.integration

PROCESSES, WRITERS, KILLS = 4, 200, 3
LEAST_IN_FLIGHT = 100
# How many are acknowledged between two kills.
WRITTEN = 120
SECONDS = 60.0
# Many answers go out late, so that a kill comes between commit and answer, and some not at all.
LATE = {"kind": "latency", "when": "after", "milliseconds": {"uniform": [0, 150]}, "method": "POST"}
UNHEARD = {"kind": "reset", "when": "after", "probability": 0.04, "method": "POST"}

RECKON: dict[str, Callable[[TwinProcess, list[Note]], Reckoning]] = {
    "zep": reckoning.of_zep,
    "mem0": reckoning.of_mem0,
}


def zep_threads(zep: TwinProcess, *, people: int, each: int, writers: int) -> list[str]:
    """A thread for each writer; several write to one."""
    threads = []
    for person in range(people):
        user = zep.post("/api/v4/users", {"user_id": f"test:{person}"})
        for _ in range(each):
            threads.append(zep.post("/api/v4/threads", {"user_uuid": user["uuid"]})["uuid"])
    return [threads[writer % len(threads)] for writer in range(writers)]


def kill_under_load(twin: TwinProcess, writers: Writers, *, least: int, written: int) -> int:
    """Kills it while at least `least` requests are under way; answers how many were.

    `written`: statements that are to be acknowledged first.
    """
    wanted = writers.acknowledged() + written
    until(lambda: writers.acknowledged() >= wanted, seconds=SECONDS, what="statements acknowledged")
    until(lambda: writers.in_flight >= least, seconds=SECONDS, what="requests under way")
    in_flight = writers.in_flight
    twin.kill()
    return in_flight


def storm(name: str, twin: TwinProcess, places: list[str], folder: Path) -> tuple[Reckoning, str]:
    """Writes, kills and starts again, several times; answers what is there, and figures."""
    with Writers(twin, name, places, folder, PROCESSES) as writers:
        under_way = []
        for _ in range(KILLS):
            twin.fault(rules=[LATE, UNHEARD])
            under_way.append(kill_under_load(twin, writers, least=LEAST_IN_FLIGHT, written=WRITTEN))
            twin.start_again()
        wanted = writers.acknowledged() + WRITTEN
        until(lambda: writers.acknowledged() >= wanted, seconds=SECONDS, what="they went on")
        writers.stop()
        notes = writers.notes()
    found = RECKON[name](twin, notes)
    cut = sum(note.cut for note in notes)
    counted = ", ".join(f"{number} {what}" for what, number in found.counts.items())
    assert min(under_way) >= LEAST_IN_FLIGHT
    assert cut >= KILLS * LEAST_IN_FLIGHT
    assert len({note.writer for note in notes}) == WRITERS
    return found, f"{name} killed with {under_way} requests under way, {cut} cut off: {counted}"


def test_zep_keeps_what_it_acknowledged_to_200_writers_and_does_nothing_twice(
    tmp_path: Path, figures: list[str]
) -> None:
    with running("zep", "--data", str(tmp_path / "zep"), "--ingestion-ms", "20") as zep:
        places = zep_threads(zep, people=10, each=5, writers=WRITERS)
        found, counted = storm("zep", zep, places, tmp_path)
        figures.append(counted)
        assert found.right, found
        assert found.counts["acknowledged"] == found.counts["messages"] == found.counts["facts"]


def test_mem0_keeps_what_it_acknowledged_to_200_writers_and_does_nothing_twice(
    tmp_path: Path, figures: list[str]
) -> None:
    with running("mem0", "--data", str(tmp_path / "mem0"), "--ingestion-ms", "20") as mem0:
        places = [f"test:{writer % 20}" for writer in range(WRITERS)]
        found, counted = storm("mem0", mem0, places, tmp_path)
        figures.append(counted)
        assert found.right, found
        assert found.counts["unknown"] >= LEAST_IN_FLIGHT
        assert found.counts["acknowledged"] <= found.counts["memories"]


@pytest.mark.parametrize("name", ["zep", "mem0"])
def test_a_twin_that_answers_before_it_commits_is_found_out(tmp_path: Path, name: str) -> None:
    options = ("--data", str(tmp_path / "twin"), "--ingestion-ms", "20")
    places = [f"test:{writer}" for writer in range(10)]
    if name == "zep":
        with running(name, *options) as zep:
            places = zep_threads(zep, people=1, each=2, writers=10)
    with (
        running(name, *options, broken="late") as twin,
        Writers(twin, name, places, tmp_path, 1) as writers,
    ):
        kill_under_load(twin, writers, least=5, written=50)
        twin.start_again()
        wanted = writers.acknowledged() + 20
        until(lambda: writers.acknowledged() >= wanted, seconds=SECONDS, what="they went on")
        writers.stop()
        found = RECKON[name](twin, writers.notes())
    assert len([one for one in found.lost if one.startswith("statement")]) >= 50


def test_a_twin_that_forgets_its_keys_is_found_out(tmp_path: Path) -> None:
    with running("zep", "--data", str(tmp_path / "twin"), broken="keyless") as zep:
        places = zep_threads(zep, people=1, each=2, writers=10)
        zep.fault(**{**UNHEARD, "probability": 1.0, "times": 5})
        with Writers(zep, "zep", places, tmp_path, 1) as writers:
            until(lambda: writers.acknowledged() >= 50, seconds=SECONDS, what="they wrote")
            writers.stop()
            found = reckoning.of_zep(zep, writers.notes())
    assert len([one for one in found.twice if one.startswith("statement")]) == 5
