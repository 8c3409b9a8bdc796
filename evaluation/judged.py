"""What becomes of the labelled pairs: each pair is all that one person's memory holds."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from evaluation import sets
from evaluation.report import Figure, Line, Share
from evaluation.sets import Pair, Side
from evaluation.world import JudgeMode, Someone, World, each

_SAME_BY_LABELS = 0.95
_SAME_BY_RULES = 0.25
_GUARDS = ("numbers", "names", "negation", "time")


@dataclass(frozen=True)
class Outcome:
    """What a run has left of a pair: which side is visible, and what the run said."""

    pair: Pair
    visible: frozenset[str]
    conflicts: int
    counts: dict[str, Any]
    undone_exactly: bool | None

    @property
    def is_whole(self) -> bool:
        """Both sides can be seen."""
        return self.visible == {"a", "b"}

    @property
    def is_merged(self) -> bool:
        """One of two stands for both."""
        return len(self.visible) == 1

    @property
    def is_lost(self) -> bool:
        """What holds now can't be seen any more."""
        if self.pair.label == "update" and self.pair.newer is not None:
            return self.pair.newer not in self.visible
        return self.pair.label in {"update", "contradiction"} and not self.is_whole


def judged(world: World, mode: JudgeMode) -> list[Line]:
    """The pairs of the set with this judge."""
    outcomes = played(world, mode, sets.pairs())
    lines = _kept(outcomes, all_reported=mode == "labels")
    same = _of(outcomes, "same")
    merged = sum(one.is_merged for one in same)
    bars = {"labels": _SAME_BY_LABELS, "rules": _SAME_BY_RULES}
    lines.insert(0, Share("`same` merged", merged, len(same), bars.get(mode)))
    if mode == "rules":
        lines[1:1] = _halves(same)
    if mode == "off":
        touched = sum(not one.is_whole for one in outcomes)
        lines = [Share("pairs touched without a judge", touched, len(outcomes), 0, "most")]
    if mode == "same":
        lines = _held(outcomes)
    undone = [one for one in outcomes if one.undone_exactly is not None]
    if undone:
        exact = sum(bool(one.undone_exactly) for one in undone)
        lines.append(Share("undone exactly", exact, len(undone), 1.0))
    return lines


def equals(world: World) -> list[Line]:
    """What is merged without any judge: what is equal after normalising, and nothing else."""
    rows = sets.equals()
    found = played(
        world,
        "off",
        [Pair(row.id, "distinct", Side(row.a, None), Side(row.b, None)) for row in rows],
    )
    right = sum(one.is_merged == row.equal for one, row in zip(found, rows, strict=True))
    return [Share("equals merged, and only they", right, len(rows), 1.0)]


def played(world: World, mode: JudgeMode, pairs: Sequence[Pair]) -> list[Outcome]:
    """Each pair is given to a person of its own, consolidated, looked at and undone."""
    world.judge(mode, [(pair.a.text, pair.b.text, pair.label) for pair in pairs])
    someone = world.people(len(pairs))
    return each(lambda given: _play(world, *given), list(zip(someone, pairs, strict=True)))


def _play(world: World, someone: Someone, pair: Pair) -> Outcome:
    ids = {name: world.remember(someone, side) for name, side in zip("ab", pair.sides, strict=True)}
    before = _as_stored(world, ids.values())
    run = world.consolidate(someone)
    seen = world.visible(someone)
    conflicts = world.call(someone, "GET", "/api/memory/conflicts")["items"]
    visible = frozenset(name for name, memory_id in ids.items() if memory_id in seen)
    exactly = None
    if run["changes"]:
        world.call(someone, "POST", f"/api/memory/consolidations/{run['run_id']}/undo")
        after = _as_stored(world, ids.values())
        exactly = after == before and world.visible(someone) == set(ids.values())
    return Outcome(pair, visible, len(conflicts), run["counts"], exactly)


def _as_stored(world: World, ids: Any) -> list[dict[str, Any]]:
    told = ("id", "memory", "metadata", "created_at", "expiration_date")
    memories = [world.mem0("GET", f"/v1/memories/{memory_id}/") for memory_id in ids]
    return [{name: memory.get(name) for name in told} for memory in memories]


def _kept(outcomes: Sequence[Outcome], *, all_reported: bool) -> list[Line]:
    """The worst errors first: there may be none of them."""
    update, contradiction = _of(outcomes, "update"), _of(outcomes, "contradiction")
    distinct = _of(outcomes, "distinct")
    dated = [one for one in update if one.pair.newer is not None]
    risky = [*update, *contradiction]
    reported = sum(one.is_whole and one.conflicts == 1 for one in contradiction)
    return [
        Share("updates lost", sum(one.is_lost for one in risky), len(risky), 0, "most"),
        Share(
            "distinct hidden",
            sum(not one.is_whole for one in distinct),
            len(distinct),
            0,
            "most",
        ),
        Share("`update` with times: older hidden", sum(one.is_merged for one in dated), len(dated)),
        Share(
            "`contradiction` kept and reported",
            reported,
            len(contradiction),
            1.0 if all_reported else None,
        ),
    ]


def _halves(same: Sequence[Outcome]) -> list[Line]:
    """The rules were written with the pairs of odd numbers in view, and counted on the others."""
    halves: dict[str, list[Outcome]] = {"in view of the rules": [], "held out": []}
    for one in same:
        is_odd = int(one.pair.id[1:]) % 2 == 1
        halves["in view of the rules" if is_odd else "held out"].append(one)
    return [
        Share(f"`same` merged, {name}", sum(one.is_merged for one in half), len(half))
        for name, half in halves.items()
    ]


def _held(outcomes: Sequence[Outcome]) -> list[Line]:
    """With a judge that is always wrong: what the guards alone have held."""
    others = [one for one in outcomes if one.pair.label != "same"]
    guards: Counter[str] = Counter()
    for one in others:
        guards.update({name: one.counts.get(f"held_{name}", 0) for name in _GUARDS})
    kept = sum(one.is_whole for one in others)
    lines: list[Line] = [Share("not `same`, kept by a guard", kept, len(others))]
    return lines + [Figure(f"held by {name}", guards[name]) for name in _GUARDS]


def _of(outcomes: Sequence[Outcome], label: str) -> list[Outcome]:
    return [one for one in outcomes if one.pair.label == label]
