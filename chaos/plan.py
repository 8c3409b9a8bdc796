"""How large a run is, what it changes by a setting, and what is said in it."""

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Final, NamedTuple

WORD_LETTERS: Final = 8
_CONSONANTS: Final = "bdgkmnprtvz"
_VOWELS: Final = "aou"
_STATEMENTS: Final = ("I like {}.", "I love {}.", "I enjoy {}.", "I collect {}.")


class Setting(NamedTuple):
    """A time constant or rate budget that is not what it is in the cloud."""

    usual: str
    here: str
    because: str


@dataclass(frozen=True, kw_only=True)
class Plan:
    """One run.

    Attributes:
        people, sessions, turns: so many people, sessions of each, messages in each session.
        load_seconds: over which the messages are spread.
        drain_seconds: the longest that may pass from the end of the faults until nothing is owed.
        last_words: of so many sessions, one says its last message while SQS is away.
        kill_every: the shortest and the longest time between two kills, in seconds.
        kills, strikes: how many kills have to hit something at work, and how many faults of each
            kind have to strike; 0 leaves it open.
        slow_sends: whether more of what is sent to Zep arrives late.
        sweep, leases: whether they are there at all.
        must_fail: lines that have to fail, as the judge names them; without any, none may.
        settings: what is changed, by the variable's name.
    """

    name: str
    title: str
    people: int
    sessions: int
    turns: int
    load_seconds: float
    drain_seconds: float
    last_words: int
    kill_every: tuple[float, float]
    kills: int = 0
    strikes: int = 0
    slow_sends: bool = False
    sweep: bool = True
    leases: bool = True
    must_fail: tuple[str, ...] = ()
    settings: Mapping[str, Setting] = field(default_factory=dict)

    @property
    def messages(self) -> int:
        """How many are said."""
        return self.people * self.sessions * self.turns

    @property
    def gap_seconds(self) -> float:
        """Between two messages of a session; the last one is said a gap before the end."""
        return self.load_seconds / (self.turns + 1)


SETTINGS: Final = {
    "TURN_ABANDONED_SECONDS": Setting("600", "60", "all has to be drained in five minutes"),
    "ZEP_REQUESTS_PER_MINUTE": Setting(
        "600",
        "1200",
        "400 turns a minute are more than Zep's smaller plan bears; this is felt, too",
    ),
}

_WHOLE: Final = Plan(
    name="whole",
    title="20 people, 3 sessions each, 1,200 messages",
    people=20,
    sessions=3,
    turns=20,
    load_seconds=180.0,
    drain_seconds=300.0,
    last_words=4,
    kill_every=(2.0, 4.0),
    kills=20,
    strikes=10,
    settings=SETTINGS,
)
_SMALL: Final = Plan(
    name="small",
    title="a tenth of it",
    people=4,
    sessions=3,
    turns=10,
    load_seconds=24.0,
    drain_seconds=300.0,
    last_words=2,
    kill_every=(4.0, 8.0),
    slow_sends=True,
    settings=SETTINGS,
)
RUNS: Final = {
    plan.name: plan
    for plan in (
        _WHOLE,
        _SMALL,
        replace(
            _SMALL,
            name="no-sweep",
            title="a tenth of it without the sweep, which has to fail",
            sweep=False,
            must_fail=("what is left: seconds to drain", "what is left: deliveries owed"),
        ),
        replace(
            _SMALL,
            name="no-leases",
            title="a tenth of it without leases of deliveries, which has to fail",
            leases=False,
            drain_seconds=90.0,
            must_fail=("Zep: doubled",),
        ),
    )
}
"""All runs, by name."""


def words(seed: str, count: int) -> list[str]:
    """So many words that nothing and nobody else has, all different: a capital, then small letters.

    A word says who said it: it belongs to one message.
    """
    draw = random.Random(f"{seed}/words")  # noqa: S311 - has to be repeatable
    made: dict[str, None] = {}
    while len(made) < count:
        made[_word(draw)] = None
    return list(made)


def statements(words_of_it: list[str]) -> Iterator[str]:
    """A sentence for each word: one that the rules of both stores' twins take for a fact."""
    for number, word in enumerate(words_of_it):
        yield _STATEMENTS[number % len(_STATEMENTS)].format(word)


def _word(draw: random.Random) -> str:
    pairs = (draw.choice(_CONSONANTS) + draw.choice(_VOWELS) for _ in range(WORD_LETTERS // 2))
    return "".join(pairs).capitalize()
