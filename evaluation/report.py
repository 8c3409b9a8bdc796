"""What an evaluation says: counts with their bounds, and which of them are judged."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal

from evaluation.bounds import interval

_MARKS: Final = {True: "ok", False: "BELOW", None: ""}


class EvaluationError(Exception):
    """Something could not be evaluated, so there is no count to judge."""


@dataclass(frozen=True)
class Share:
    """So many of so many.

    Attributes:
        bar: the share that is needed; None for what is only told.
        direction: whether the bar is a least or a most.
    """

    name: str
    hits: int
    of: int
    bar: float | None = None
    direction: Literal["least", "most"] = "least"
    detail: str = ""

    @property
    def passes(self) -> bool | None:
        """Whether the bar is kept; None without one. Nothing seen keeps none."""
        if self.bar is None:
            return None
        if self.of == 0:
            return False
        share = self.hits / self.of
        return share >= self.bar if self.direction == "least" else share <= self.bar

    @property
    def cells(self) -> tuple[str, str, str, str, str, str]:
        """Name, count, share with its 95 % bounds, bar, mark and detail."""
        low, high = interval(self.hits, self.of)
        shown = f"{_percent(self.hits / self.of)}" if self.of else "none"
        bar = ""
        if self.bar is not None:
            bar = f"{'≥' if self.direction == 'least' else '≤'} {_percent(self.bar)}"
        return (
            self.name,
            f"{self.hits} of {self.of}",
            f"{shown} ({_percent(low)} to {_percent(high)})",
            bar,
            _MARKS[self.passes],
            self.detail,
        )


@dataclass(frozen=True)
class Figure:
    """One number that may not be too large or too small."""

    name: str
    measured: float
    bar: float | None = None
    direction: Literal["least", "most"] = "most"
    detail: str = ""

    @property
    def passes(self) -> bool | None:
        """Whether the bar is kept; None without one."""
        if self.bar is None:
            return None
        if self.direction == "least":
            return self.measured >= self.bar
        return self.measured <= self.bar

    @property
    def cells(self) -> tuple[str, str, str, str, str, str]:
        """Name, figure, nothing, bar, mark and detail."""
        bar = ""
        if self.bar is not None:
            bar = f"{'≥' if self.direction == 'least' else '≤'} {self.bar:g}"
        return self.name, f"{self.measured:g}", "", bar, _MARKS[self.passes], self.detail


Line = Share | Figure


def table(title: str, lines: Iterable[Line]) -> str:
    """The title, and one aligned line for each."""
    rows = [line.cells for line in lines]
    widths = [max((len(row[column]) for row in rows), default=0) for column in range(5)]
    written = [
        "  ".join(
            [f"{row[0]:<{widths[0]}}", f"{row[1]:>{widths[1]}}"]
            + [f"{row[column]:<{widths[column]}}" for column in (2, 3, 4)]
            + [row[5]]
        ).rstrip()
        for row in rows
    ]
    return "\n".join([title, *("  " + line for line in written)])


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"
