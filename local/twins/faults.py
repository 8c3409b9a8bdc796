"""Rules by which a twin fails on purpose: which call is struck, how, and how often it was."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from random import Random
from typing import Any

from local.twins.fault_fields import read_rules

Json = dict[str, Any]


@dataclass(kw_only=True)
class Rule:
    """One rule, with its own draws: the n-th call that it sees is struck or not by seed alone."""

    kind: str
    options: Json
    path: str
    method: str | None
    probability: float
    times: int | None
    when: str
    seed: int
    seen: int = 0
    struck: int = 0
    _draws: Random = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._draws = Random(self.seed)  # noqa: S311 - to be repeatable is the point

    def fits(self, method: str, path: str) -> bool:
        """Whether a call is one of those that it may strike."""
        return self.method in {None, method} and fnmatchcase(path, self.path)

    def draw(self) -> bool:
        """Counts a call as seen and says whether luck has it struck."""
        self.seen += 1
        return self._draws.random() < self.probability

    def strike(self) -> bool:
        """Counts a strike, unless it has struck as often as it may."""
        if self.times is not None and self.struck >= self.times:
            return False
        self.struck += 1
        return True

    def milliseconds(self) -> float:
        """How long a latency lasts this time."""
        given = self.options["milliseconds"]
        if not isinstance(given, dict):
            return float(given)
        if "uniform" in given:
            return self._draws.uniform(*given["uniform"])
        if "normal" in given:
            return max(0.0, self._draws.gauss(*given["normal"]))
        median, sigma = given["lognormal"]
        return float(median * self._draws.lognormvariate(0, sigma))

    def shown(self) -> Json:
        """The rule as it was understood, with its counts."""
        names = "path method kind probability times when seed"
        return {
            **{name: getattr(self, name) for name in names.split()},
            **{name: value for name, value in self.options.items() if value is not None},
            "seen": self.seen,
            "struck": self.struck,
        }


class Faults:
    """The rules of one twin, in the order in which they were given."""

    def __init__(self) -> None:
        self._rules: list[Rule] = []

    def add(self, given: Any) -> None:
        """Adds a rule, or all of `rules` or none.

        Raises:
            BadRule: something is wrong; its text names the field.
        """
        rules, seed = read_rules(given)
        if seed is None:
            seed = secrets.randbelow(2**32)
        for offset, rule in enumerate(rules):
            own = rule.pop("seed")
            self._rules.append(Rule(seed=seed + offset if own is None else own, **rule))

    def drawn(self, method: str, path: str) -> list[Rule]:
        """Those that luck has strike this call; the caller says which of them really does."""
        return [rule for rule in self._rules if rule.fits(method, path) and rule.draw()]

    def shown(self) -> Json:
        """All rules with their counts."""
        return {"rules": [rule.shown() for rule in self._rules]}

    def clear(self) -> None:
        """Removes every rule."""
        self._rules.clear()
