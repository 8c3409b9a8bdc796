"""One run: the load under fire, the time until everything has arrived, and what is found then."""

import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from chaos.faults import Faults
from chaos.kills import hits, killer_of
from chaos.ledger import Account, Turn, Unfinished
from chaos.plan import Plan, statements, words
from chaos.stores import Add, Episode, Memory, Message
from chaos.talk import Crowd, Said, Talk
from chaos.world import World, world
from local.person import Person

_STEP_SECONDS: Final = 0.1
_HASTE: Final = 0.6  # those who keep their last word have said the others early
_HANG_SECONDS: Final = 4.0
_IDLE: Final = 2
_IDLE_SECONDS: Final = 50.0
_CUT_SECONDS: Final = 15.0
_SETTLED_SECONDS: Final = 1.0
_STILL_SECONDS: Final = 25.0  # longer than a run takes when nothing fails
_READERS: Final = 4

# Slow enough that a second owner of the same session comes meanwhile, if it can.
SLOW_SENDING: Final[Mapping[str, list[dict[str, Any]]]] = {
    "zep": [
        {
            "path": "*/messages",
            "method": "POST",
            "kind": "latency",
            "milliseconds": 4_000,
            "probability": 0.25,
        }
    ]
}


@dataclass(frozen=True)
class Shown:
    """What the API shows to one person afterwards.

    Attributes:
        history: of each session: (role, text, whether it is in Zep).
        texts: everything else: the view of the memory, and what searches find.
    """

    history: Mapping[str, list[tuple[str, str, bool]]]
    texts: list[str]


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """All that is known of a run when it is over.

    Attributes:
        drained_seconds: from the end of the faults until nothing was unfinished, or None.
        shown: by e-mail.
    """

    plan: Plan
    said: Sequence[Said]
    load_seconds: float
    drained_seconds: float | None
    unfinished: Unfinished
    struck: Mapping[str, Counter[str]]
    killed: Counter[str]
    hits: Counter[str]
    restarts: int
    lost_wake_ups: int
    held_back: int
    queued: Mapping[str, int]
    states: Mapping[tuple[str, str], int]
    accounts: Sequence[Account]
    turns: Sequence[Turn]
    messages: Sequence[Message]
    episodes: Sequence[Episode]
    memories: Sequence[Memory]
    adds: Sequence[Add]
    shown: Mapping[str, Shown]


def play(plan: Plan, *, seed: str, keep_logs: Path | None = None) -> Evidence:
    """Plays the whole of it on a stack of its own."""
    with world(plan) as made:
        try:
            return _Run(plan, made, seed).play()
        finally:
            if keep_logs is not None:
                _copy_logs(made.stack.log_dir, keep_logs / plan.name)


class _Run:
    def __init__(self, plan: Plan, made: World, seed: str) -> None:
        self._plan = plan
        self._world = made
        self._seed = f"{seed}/{plan.name}"
        self._last_word = threading.Event()
        self._crowd = Crowd(list(self._talks()), seed=self._seed)
        self._restarts = 0

    def play(self) -> Evidence:
        more = SLOW_SENDING if self._plan.slow_sends else None
        faults = Faults(self._world.urls, seed=self._number("faults"), more=more)
        draw = random.Random(f"{self._seed}/kills")  # noqa: S311 - has to be repeatable
        killer = killer_of(self._world.stack, every=self._plan.kill_every, draw=draw)
        faults.begin()
        self._crowd.start()
        for _ in self._events():
            if not self._last_word.is_set():
                killer.step(self._crowd.seconds)
            time.sleep(_STEP_SECONDS)
        load_seconds = self._crowd.seconds
        struck = faults.end()
        drained = self._drain()
        return self._evidence(
            load_seconds=load_seconds,
            drained_seconds=drained,
            struck=struck,
            killed=killer.killed,
        )

    # ------------------------------------------------------------------ the load

    def _talks(self) -> Iterator[Talk]:
        plan = self._plan
        drawn = words(self._seed, plan.messages)
        sentences = iter(zip(drawn, statements(drawn), strict=True))
        number = 0
        for place, person in enumerate(self._world.people):
            offset = plan.gap_seconds * place / plan.people
            for session in range(plan.sessions):
                label = f"{person.email.partition('@')[0]}-session-{session}"
                said = [
                    Said(person.email, label, turn, f"{label}-{turn}", *next(sentences))
                    for turn in range(plan.turns)
                ]
                waits = number % plan.last_words == 0
                gap = plan.gap_seconds * (_HASTE if waits else 1.0)
                times = [offset + gap * turn for turn in range(plan.turns)]
                yield Talk(person, label, said, times, self._last_word if waits else None)
                number += 1

    def _events(self) -> Iterator[None]:
        """All that happens besides faults and kills, in its time; ends with the load."""
        wire, load = self._world.queue_wire, self._plan.load_seconds
        yield from self._until(lambda: self._crowd.seconds > load * 0.3)
        wire.mode = "hang"
        yield from self._for(_HANG_SECONDS)
        wire.mode = "pass"
        yield from self._until(lambda: self._crowd.seconds > load * 0.5)
        self._world.stack.restart("postgres")
        self._restarts += 1
        yield from self._until(lambda: self._crowd.only_last_words and self._crowd.seconds >= load)
        held = [talk.session_id for talk in self._crowd.talks if talk.last_word is not None]
        yield from self._until_idle(held)
        wire.mode = "refuse"
        self._last_word.set()
        ends_at = time.monotonic() + _CUT_SECONDS
        yield from self._until(lambda: self._crowd.is_done or time.monotonic() > ends_at)
        wire.mode = "pass"
        yield from self._until(lambda: self._crowd.is_done)

    def _until_idle(self, labels: list[str]) -> Iterator[None]:
        """Until some of these sessions have nothing under way that would wake the job for them."""
        ends_at = time.monotonic() + _IDLE_SECONDS
        while self._world.ledger.idle(labels) < _IDLE and time.monotonic() < ends_at:
            yield from self._for(1.0)

    def _until(self, condition: Callable[[], bool]) -> Iterator[None]:
        while not condition():
            yield

    def _for(self, seconds: float) -> Iterator[None]:
        ends_at = time.monotonic() + seconds
        return self._until(lambda: time.monotonic() > ends_at)

    # ------------------------------------------------------------------ afterwards

    def _drain(self) -> float | None:
        """Seconds until nothing is unfinished; None when that takes too long, or when nobody is
        left who could change anything."""
        started = changed = time.monotonic()
        before: Unfinished | None = None
        while (seconds := time.monotonic() - started) < self._plan.drain_seconds:
            left = self._world.ledger.unfinished()
            if left.is_nothing:
                return seconds
            if left != before:
                before, changed = left, time.monotonic()
            elif time.monotonic() - changed > _STILL_SECONDS and self._is_stuck():
                return None
            time.sleep(_SETTLED_SECONDS)
        return None

    def _is_stuck(self) -> bool:
        """Whether nobody is going to come: no sweep, no wake-up but those that the dead hold."""
        return not self._plan.sweep and self._world.awaited() == 0

    def _evidence(self, **known: Any) -> Evidence:
        made, ledger = self._world, self._world.ledger
        accounts = ledger.accounts()
        with_graph = [(one.zep_user, one.zep_graph) for one in accounts]
        with ThreadPoolExecutor(_READERS) as readers:
            seen = list(readers.map(self._shown, made.people))
        return Evidence(
            plan=self._plan,
            said=self._crowd.said(),
            unfinished=ledger.unfinished(),
            hits=hits(made.stack.log_dir),
            restarts=self._restarts,
            lost_wake_ups=_logged(made.stack.log_dir, '"wake_up_lost"'),
            held_back=_logged(made.stack.log_dir, '"reason":"budget"'),
            queued=made.queued(),
            states=ledger.states(),
            accounts=accounts,
            turns=ledger.turns(),
            messages=made.stores.messages(),
            episodes=[
                episode
                for user, graph in with_graph
                if user is not None and graph is not None
                for episode in made.stores.episodes(user, graph)
            ],
            memories=[m for one in accounts for m in made.stores.memories(one.account_id)],
            adds=made.stores.adds(),
            shown={person.email: one for person, one in zip(made.people, seen, strict=True)},
            **known,
        )

    def _shown(self, person: Person) -> Shown:
        labels = [talk.session_id for talk in self._crowd.talks if talk.person is person]
        theirs = [said.word for said in self._crowd.said() if said.email == person.email]
        others = [said.word for said in self._crowd.said() if said.email != person.email]
        view = person.memory()
        found = [
            item
            for query in (theirs[-1], others[0])
            for item in person.search(query, scope="hybrid")
        ]
        return Shown(
            {
                label: [
                    (item["role"], item["content"], item["delivered"])
                    for item in person.history(label, limit=50)
                ]
                for label in labels
            },
            [str(one) for one in (*view["facts"], *view["entities"], *view["pending"], *found)],
        )

    def _number(self, name: str) -> int:
        return random.Random(f"{self._seed}/{name}").getrandbits(31)  # noqa: S311


def _logged(log_dir: Path, words: str) -> int:
    """How often chat and the delivery job have logged these words."""
    logs = (log_dir / f"{name}.log" for name in ("ChatFunction", "DeliverFunction"))
    return sum(log.read_text(errors="replace").count(words) for log in logs if log.exists())


def _copy_logs(log_dir: Path, target: Path) -> None:
    target.mkdir(parents=True, exist_ok=True)
    for log in log_dir.iterdir():
        (target / log.name).write_bytes(log.read_bytes())
