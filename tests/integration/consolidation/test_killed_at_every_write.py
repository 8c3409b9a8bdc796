"""A run, or its undoing, dies at any of its writes: the next one ends where an unbroken one ends,
and undoing brings back exactly what was there."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from tandem.recall.normalise import statement_hash
from tests.integration.consolidation.attempts import Running, have_attempts_ready
from tests.integration.consolidation.killed import Moment, Write, killed_at, writes_of
from tests.integration.consolidation.life import CHANGED, Life
from tests.integration.consolidation.tidied import Twins

pytestmark = pytest.mark.integration

Live = Callable[[], Life]

DELHI = Write("PUT", "Lives in Delhi")
HIDING = [
    Write("PUT", text)
    for text in ("Lives in Mumbai", "Likes tea", "Plays the violin", "Works at Acme")
]
CHANGED_BY_A_RUN = [DELHI.text, *(write.text for write in HIDING)]
# What Mem0 goes on listing is shown again without a word to it.
RUN_WRITES = {
    "that hides": [DELHI, *HIDING, Write("POST", "Likes opera")],
    "that refuses": [*HIDING, Write("POST", "Likes opera")],
}
UNDO_WRITES = {
    "that hides": [DELHI, *HIDING, Write("DELETE", "Likes opera")],
    "that refuses": [DELHI, Write("DELETE", "Likes opera")],
}
MOMENTS: tuple[Moment, ...] = ("before", "after")
COMPLETIONS = ("the next attempt", "the next run")


@dataclass
class Unbroken:
    """What becomes of somebody whose run and whose undoing nobody kills."""

    run_writes: list[Write] = field(default_factory=list)
    undo_writes: list[Write] = field(default_factory=list)
    after_run: dict[str, Any] = field(default_factory=dict)
    after_undo: dict[str, Any] = field(default_factory=dict)

    def live(self, life: Life) -> None:
        before = life.ledger()
        self.run_writes = writes_of(life, lambda: Running(life.attempt()).result())
        self.after_run = life.portrait()
        self.undo_writes = writes_of(life, lambda: life.tidied.undo(life.last_run()))
        self.after_undo = life.portrait()
        after = self.after_undo["ledger"]
        assert after["links"] == before["links"]
        assert after["sources"] == before["sources"]


def cases(writes: dict[str, list[Write]]) -> list[tuple[str, Write, Moment]]:
    return [
        (mem0, write, moment) for mem0 in writes for write in writes[mem0] for moment in MOMENTS
    ]


def completed(
    killed: list[tuple[str, Write, Moment]],
) -> Iterator[tuple[str, Write, Moment, str]]:
    """Each write once by the next attempt at the undoing, and once by the next run."""
    for number, (mem0, write, moment) in enumerate(killed):
        turned = (number // len(MOMENTS) + number) % len(COMPLETIONS)
        yield mem0, write, moment, COMPLETIONS[turned]


@pytest.fixture(scope="module")
def known() -> dict[str, Unbroken]:
    return {}


@pytest.fixture
def mem0(mem0_kind: str, outside: Twins) -> str:
    """How Mem0 takes past dates."""
    have_attempts_ready()
    outside.mem0.post("/_twin/expiration", {"refuse_past": mem0_kind == "that refuses"})
    return mem0_kind


@pytest.fixture
def unbroken(mem0: str, live: Live, known: dict[str, Unbroken]) -> Unbroken:
    """The same for all cases with such a Mem0."""
    if mem0 not in known:
        known[mem0] = Unbroken()
        known[mem0].live(live())
    return known[mem0]


@pytest.fixture
def counted(figures: list[str]) -> Callable[[str], None]:
    """Tells how many processes were killed, and where."""

    def count(what: str) -> None:
        start = f"consolidation: killed at writes of {what}: "
        told = [line for line in figures if line.startswith(start)]
        number = int(told[0].removeprefix(start)) if told else 0
        figures[:] = [*(line for line in figures if line not in told), f"{start}{number + 1}"]

    return count


@pytest.mark.parametrize("mem0_kind", RUN_WRITES)
def test_the_writes_are_those_that_the_stores_have_recorded(unbroken: Unbroken, mem0: str) -> None:
    assert sorted(unbroken.run_writes, key=str) == sorted(RUN_WRITES[mem0], key=str)
    assert sorted(unbroken.undo_writes, key=str) == sorted(UNDO_WRITES[mem0], key=str)
    assert {f"{kind} {text}" for kind, text in confirmed_of(unbroken)} >= CHANGED


def confirmed_of(unbroken: Unbroken) -> set[tuple[str, str]]:
    rows = unbroken.after_run["ledger"]["confirmed"]
    return {(kind, name.partition(": ")[2]) for kind, _, name, *_ in rows}


@pytest.mark.parametrize(("mem0_kind", "write", "moment"), cases(RUN_WRITES), ids=str)
def test_after_a_run_was_killed_the_next_one_ends_where_an_unbroken_one_does(
    unbroken: Unbroken, live: Live, write: Write, moment: Moment, counted: Callable[[str], None]
) -> None:
    life = live()
    killed_at(life, life.attempt(), write, moment)
    counted("a run")
    life.lease_runs_out()

    again = Running(life.attempt()).result()

    assert again["status"] == "done"
    assert life.portrait() == unbroken.after_run
    assert life.tidied.consolidate()["changes"] == []
    assert life.tidied.undo(again["run_id"])["status"] == "done"
    undone_as(unbroken, life)


@pytest.mark.parametrize(
    ("mem0_kind", "write", "moment", "completed_by"), list(completed(cases(UNDO_WRITES))), ids=str
)
def test_after_an_undoing_was_killed_it_is_completed(
    unbroken: Unbroken,
    live: Live,
    write: Write,
    moment: Moment,
    completed_by: str,
    counted: Callable[[str], None],
) -> None:
    life = live()
    run_id = Running(life.attempt()).result()["run_id"]
    killed_at(life, life.attempt(undoes=run_id), write, moment)
    counted("an undoing")
    life.lease_runs_out()

    if completed_by == "the next run":
        assert life.tidied.consolidate()["changes"] == []
    else:
        assert life.tidied.undo(run_id)["status"] == "done"

    undone_as(unbroken, life)


def undone_as(unbroken: Unbroken, life: Life) -> None:
    """Everything is as it was, and no later run changes that; with the first run undone too,
    nobody could tell that there have been any."""
    assert life.portrait() == unbroken.after_undo
    assert life.tidied.consolidate()["changes"] == []
    assert life.tidied.undo(life.first_run)["status"] == "done"
    assert life.memories() == life.built
    # What reads the same is shown as one.
    assert set(map(statement_hash, life.visible())) == set(map(statement_hash, life.built))
    for text in CHANGED_BY_A_RUN:
        found = life.found(text, "mem0")
        assert statement_hash(text) in map(statement_hash, found), text
