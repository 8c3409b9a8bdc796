"""What is left of a fault once it is over: failed turns are asked for again, and everything that
was said is in both stores exactly once."""

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import httpx

from faults.endpoints import Answer, Asked, answer_of
from faults.stores import mem0_additions, zep_messages
from faults.world import World
from local.person import Person

_AGAIN_SECONDS: Final = 60.0
"""Longer than a turn's lease (35 s): one that was opened unnoticed is free by then."""
_DRAINED_SECONDS: Final = 150.0
_PAUSE_SECONDS: Final = 0.5


@dataclass(frozen=True, slots=True)
class Said:
    """A message that was sent while something was broken, and what came of it."""

    fault: str
    asked: Asked
    answer: Answer


@dataclass(frozen=True, slots=True)
class Kept:
    """What became of everything that was said during the faults, by count."""

    said: int
    answered_at_once: int
    answered_again: int
    zep_messages: int
    mem0_additions: int

    def __str__(self) -> str:
        return (
            f"{self.said} messages were sent while something was broken: {self.answered_at_once}"
            f" were answered, {self.answered_again} when they were sent again with the `turn_id`"
            f" of the problem as their key. Afterwards Zep had {self.zep_messages} messages of"
            f" them and had Mem0 taken {self.mem0_additions}: each once."
        )


def kept(world: World, person: Person, said: Sequence[Said]) -> tuple[Kept, list[str]]:
    """Asks again for what failed, waits until nothing is owed and counts; with what is wrong."""
    wrong: list[str] = []
    turns: dict[str, Said] = {}
    again = 0
    for one in said:
        turn_id = one.answer.turn_id
        if one.answer.status != httpx.codes.OK:
            wrong += _of_failure(one)
            turn_id, again = _asked_again(person, one, wrong), again + 1
        if turn_id is not None:
            turns[turn_id] = one
    wrong += drained(world)
    wrong += _in_ledger(world, said)
    at_zep, at_mem0 = zep_messages(world, turns), mem0_additions(world)
    wrong += _once(turns, at_zep, at_mem0)
    wrong += _in_history(person, turns.values())
    counts = Kept(
        said=len(said),
        answered_at_once=len(said) - again,
        answered_again=again,
        zep_messages=sum(at_zep[turn, role] for turn in turns for role in ("user", "assistant")),
        mem0_additions=sum(at_mem0[turn] for turn in turns),
    )
    return counts, wrong


def _of_failure(one: Said) -> list[str]:
    """What a client needs in order to go on."""
    answer = one.answer
    missing = [
        name
        for name, value in (("turn_id", answer.turn_id), ("Retry-After", answer.retry_after))
        if not value
    ]
    return [f"{one.fault}: the {answer.status} of chat has no {name}" for name in missing]


def _asked_again(person: Person, one: Said, wrong: list[str]) -> str | None:
    """The turn that the message became, asked for with the key that the problem gave."""
    key = one.answer.turn_id
    if key is None:
        return None
    body = {"session_id": one.asked.session_id, "message": one.asked.message}
    ends_at = time.monotonic() + _AGAIN_SECONDS
    while True:
        response = person.http.post("/api/chat", json=body, headers={"idempotency-key": key})
        answer = answer_of(response, 0.0, "reply")
        if answer.status == httpx.codes.OK:
            break
        if answer.status != httpx.codes.CONFLICT or time.monotonic() > ends_at:
            told = f"{answer.status} {answer.code}"
            wrong.append(f"{one.fault}: asked again with its key, chat answered {told}")
            return None
        time.sleep(_PAUSE_SECONDS)
    return answer.turn_id


def drained(world: World) -> list[str]:
    """Lets the sweep find what was left behind until nothing is owed; what still is, after long."""
    ends_at = time.monotonic() + _DRAINED_SECONDS
    while left := world.owed():
        if time.monotonic() > ends_at:
            return [f"after {_DRAINED_SECONDS:.0f} s still owed: {'; '.join(left)}"]
        world.sweep()
        time.sleep(_PAUSE_SECONDS)
    return []


def _in_ledger(world: World, said: Sequence[Said]) -> list[str]:
    """Each message is one turn, and is answered."""
    with world.database() as connection:
        rows: list[Any] = connection.run(
            "select message, count(*), bool_and(state = 'answered') from turns"
            " where message = any(:messages) group by message",
            messages=[one.asked.message for one in said],
        )
    found = {message: (count, answered) for message, count, answered in rows}
    return [
        f"{one.fault}: in the ledger (turns, all answered) is {found.get(one.asked.message)}"
        for one in said
        if found.get(one.asked.message) != (1, True)
    ]


def _once(
    turns: dict[str, Said], at_zep: Counter[tuple[str, str]], at_mem0: Counter[str]
) -> list[str]:
    wrong = []
    for turn_id, one in turns.items():
        counts = (at_zep[turn_id, "user"], at_zep[turn_id, "assistant"], at_mem0[turn_id])
        if counts != (1, 1, 1):
            wrong.append(
                f"{one.fault}: Zep has its message and its reply {counts[0]} and {counts[1]}"
                f" times, Mem0 took it {counts[2]} times"
            )
    return wrong


def _in_history(person: Person, said: Sequence[Said] | Any) -> list[str]:
    return [
        f"{one.fault}: afterwards history shows {shown}"
        for one in said
        if (shown := shown_in_history(person, one.asked)) != ["user", "assistant"]
    ]


def shown_in_history(person: Person, asked: Asked) -> list[str]:
    """Roles of the messages that history shows of a round, if the person's words are there."""
    items = person.history(asked.session_id, limit=100)
    words = [item["content"] for item in items]
    if asked.message not in words or None in words:
        return []
    return [item["role"] for item in items]
