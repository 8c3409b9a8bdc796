"""Which pairs are put to the judge, in which portions, and where that stops."""

import asyncio
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, Protocol

from memory_api.consolidation.judge import AT_ONCE, Embedder, Judge
from memory_api.consolidation.shortlist import to_judge
from memory_api.consolidation.statement import (
    Decision,
    PairKey,
    PairToJudge,
    Picture,
    Statement,
)
from tandem import observability
from tandem.deadline import RESERVE_SECONDS, Deadline
from tandem.errors import UpstreamError

TEXTS_AT_ONCE: Final = 500
"""Between so many vectors a run looks at the clock and makes its lease longer."""

MOST_CHARACTERS: Final = 4_000
"""As many as a message may have. What is longer comes from elsewhere, costs as much as it likes and
is judged by nobody."""

SIGN_OF_LIFE_SECONDS: Final = 15.0
"""How long a run computes before it makes its lease longer."""

Vectors = Mapping[str, Sequence[float]]


class OutOfTime(Exception):
    """The run has to stop at this place and to be resumed."""


@dataclass(frozen=True, slots=True)
class JudgingLimits:
    """What judging may cost.

    Attributes:
        max_calls: of the judge in one run.
        pairs_per_call: how many pairs the judge is given in one call, for counting calls.
        round_seconds: for the calls that are made side by side.
        embedding_seconds: for the vectors of `TEXTS_AT_ONCE` texts.
    """

    max_calls: int = 400
    pairs_per_call: int = 20
    round_seconds: float = 60.0
    embedding_seconds: float = 30.0

    @property
    def round_pairs(self) -> int:
        """How many pairs are judged between two looks at the clock."""
        return AT_ONCE * self.pairs_per_call


@dataclass(slots=True)
class Judged:
    """What judging has come to.

    Attributes:
        decisions: new ones.
        listed: all pairs of the shortlist, decided or not.
        whole: nothing was left out for want of a judge, of vectors or of calls.
        sighted: there were vectors, so that what isn't listed is far from all else.
    """

    decisions: list[Decision] = field(default_factory=list)
    listed: list[PairKey] = field(default_factory=list)
    calls: int = 0
    whole: bool = True
    sighted: bool = True

    def counts(self, before: Mapping[str, int]) -> dict[str, int]:
        """As they are shown.

        Args:
            before: what the run had counted when this judging began: what was judged by then isn't
                listed any more.
        """
        judged = before.get("judged", 0)
        return {
            "pairs": judged + len(self.listed),
            "judged": judged + len(self.decisions),
            "judge_calls": before.get("judge_calls", 0) + self.calls,
        }


class Watch(Protocol):
    """Who is told how far a run has come."""

    async def alive(self) -> None:
        """The run goes on."""
        ...

    async def decided(self, judged: Judged, new: Sequence[Decision]) -> None:
        """What has been decided so far, and what of it is new."""
        ...


class Judging:
    """Finds pairs that may say the same or clash, and has them judged."""

    def __init__(self, judge: Judge, embedder: Embedder, limits: JudgingLimits) -> None:
        self._judge = judge
        self._embedder = embedder
        self._limits = limits

    async def decide(
        self, picture: Picture, *, calls: int, deadline: Deadline, watch: Watch
    ) -> Judged:
        """The decisions that the judge has made about this picture, and what was put to it.

        Without vectors or a judge there are none, or fewer; that is no error.

        Args:
            calls: how many the run has made before; they count towards its limit.
            watch: told after each portion, so that what was paid for is kept.

        Raises:
            OutOfTime: the time is over; `watch` has been told what was decided.
        """
        short = [one for one in picture.statements if len(one.text) <= MOST_CHARACTERS]
        picture = replace(picture, statements=short)
        vectors = await self._vectors(short, deadline, watch)
        found = await _shortlist(picture, vectors, deadline, watch)
        judged = Judged(listed=[pair.key for pair in found])
        if vectors is None:
            # Words alone miss too much to say that the judge was asked about all that matters.
            judged.whole = judged.sighted = False
            return judged
        size = self._limits.round_pairs
        for start in range(0, len(found), size):
            portion = found[start : start + size]
            cost = math.ceil(len(portion) / self._limits.pairs_per_call)
            if calls + judged.calls + cost > self._limits.max_calls:
                judged.whole = False
                break
            judged.calls += cost
            if not await self._round(judged, portion, deadline, watch):
                judged.whole = False
                break
        return judged

    async def _round(
        self, judged: Judged, pairs: Sequence[PairToJudge], deadline: Deadline, watch: Watch
    ) -> bool:
        """False when the judge has said nothing at all: it is away."""
        _check(deadline)
        relations = await self._judge.decide(
            pairs, seconds=deadline.step(self._limits.round_seconds)
        )
        new = [
            Decision(
                left_id=pair.left.id,
                right_id=pair.right.id,
                left_hash=pair.left.hash,
                right_hash=pair.right.hash,
                relation=relation,
                decided_by="judge",
            )
            for pair, relation in zip(pairs, relations, strict=True)
            if relation is not None
        ]
        judged.decisions += new
        judged.whole = judged.whole and len(new) == len(pairs)
        await watch.decided(judged, new)
        if len(new) < len(pairs):
            _check(deadline)
        return bool(new)

    async def _vectors(
        self, statements: Sequence[Statement], deadline: Deadline, watch: Watch
    ) -> Vectors | None:
        texts = {statement.hash: statement.text for statement in statements}
        hashes = sorted(texts)
        found: dict[bytes, Sequence[float]] = {}
        for start in range(0, len(hashes), TEXTS_AT_ONCE):
            _check(deadline)
            portion = hashes[start : start + TEXTS_AT_ONCE]
            try:
                vectors = await self._embedder.embed(
                    [texts[one] for one in portion],
                    seconds=deadline.step(self._limits.embedding_seconds),
                )
            except UpstreamError as error:
                _check(deadline)
                observability.warning("degraded", **observability.describe(error))
                return None
            found.update(zip(portion, vectors, strict=True))
            await watch.alive()
        return {statement.id: found[statement.hash] for statement in statements}


async def _shortlist(
    picture: Picture, vectors: Vectors | None, deadline: Deadline, watch: Watch
) -> list[PairToJudge]:
    """Of thousands of statements it takes long, and the lease has to outlast it."""
    work = asyncio.create_task(asyncio.to_thread(to_judge, picture, vectors))
    while True:
        done, _ = await asyncio.wait({work}, timeout=SIGN_OF_LIFE_SECONDS)
        if done:
            return work.result()
        _check(deadline)
        await watch.alive()


def _check(deadline: Deadline) -> None:
    if deadline.left() <= RESERVE_SECONDS:
        raise OutOfTime
