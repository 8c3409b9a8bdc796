"""A choice between two statements that broke off is carried out by the job."""

from typing import Any

import pytest

from tandem.changes.path import Carried, ChangePath
from tandem.db.conflicts import ConflictPair, Conflicts, Keep
from tandem.deadline import Deadline
from tandem.errors import Unavailable
from tandem.recall.gather import Person
from tandem.recall.normalise import statement_hash
from tests.integration.changing.memory_world import MemoryWorld

pytestmark = pytest.mark.integration

TEA, COFFEE = "Likes tea", "Likes coffee"


def conflict(memory: MemoryWorld) -> tuple[Any, Keep]:
    """A conflict between tea and coffee, and what keeps the tea."""
    memory.tell("I like tea")
    memory.tell("I like coffee")
    items = {memory.item(text): text for text in (TEA, COFFEE)}
    left, right = sorted(items)
    pair = ConflictPair(left, right, statement_hash(items[left]), statement_hash(items[right]))
    conflicts = Conflicts(memory.container)
    account = memory.person.principal.account_id
    memory.run(conflicts.report(account, None, [pair]))
    [found] = memory.run(conflicts.open(account))
    return found.id, "left" if items[left] == TEA else "right"


def choose_tea(memory: MemoryWorld) -> Any:
    """The choice was stored long enough ago for nobody to be at work on it."""
    conflict_id, keep = conflict(memory)
    memory.person.run(
        "update conflicts set state = 'resolved', kept = :keep,"
        " resolved_at = now() - interval '2 minutes' where id = :id",
        keep=keep,
        id=conflict_id,
    )
    return conflict_id, keep


def settle(memory: MemoryWorld, conflict_id: Any, keep: Keep) -> None:
    [[graph]] = memory.person.run("select zep_graph_uuid from accounts where id = :account")
    person = Person(memory.person.principal.account_id, graph)
    memory.run(memory.parts.settling().settle(person, conflict_id, keep, deadline=Deadline(20.0)))


def break_off(monkeypatch: pytest.MonkeyPatch, after: int) -> None:
    whole = ChangePath.carry_out

    async def part(self: Any, person: Any, run: Any, changes: Any, **more: Any) -> Carried:
        done = await whole(self, person, run, changes[:after], **more)
        return Carried(confirmed=done.confirmed, left=len(changes) - after)

    monkeypatch.setattr(ChangePath, "carry_out", part)


def shown(memory: MemoryWorld) -> list[str]:
    return sorted(text for name, text in memory.items() if not name.startswith("entity_"))


def runs(memory: MemoryWorld) -> list[list[Any]]:
    return memory.person.rows("runs", "kind, state", "started_at")


@pytest.mark.parametrize("after", [0, 1])
def test_a_choice_that_broke_off_is_carried_out_by_the_job(
    memory: MemoryWorld, monkeypatch: pytest.MonkeyPatch, after: int
) -> None:
    chosen = choose_tea(memory)
    break_off(monkeypatch, after)
    with pytest.raises(Unavailable):
        settle(memory, *chosen)
    monkeypatch.undo()
    assert runs(memory) == [["settle", "running"]]

    memory.clean()

    assert shown(memory) == [TEA]
    assert runs(memory) == [["settle", "done"]]
    memory.clean()
    assert runs(memory) == [["settle", "done"]], "once"


def test_a_choice_that_was_only_stored_is_carried_out_by_the_job(memory: MemoryWorld) -> None:
    choose_tea(memory)
    memory.clean()
    assert shown(memory) == [TEA]
    assert runs(memory) == [["settle", "done"]]


def test_a_choice_that_is_being_carried_out_is_left_alone(memory: MemoryWorld) -> None:
    choose_tea(memory)
    memory.person.run("update conflicts set resolved_at = now()")
    memory.clean()
    assert shown(memory) == [COFFEE, TEA]
    assert runs(memory) == []


def test_a_choice_that_was_taken_back_is_not_carried_out_again(memory: MemoryWorld) -> None:
    chosen = choose_tea(memory)
    settle(memory, *chosen)
    memory.person.run("update runs set state = 'undone' where account_id = :account")
    memory.clean()
    assert runs(memory) == [["settle", "undone"]]
