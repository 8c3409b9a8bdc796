"""What a measurement says, and how it is printed."""

from collections.abc import Iterable
from dataclasses import dataclass


class BenchError(Exception):
    """A measurement could not be made, so there is no figure to judge."""


@dataclass(frozen=True)
class Result:
    """One measured figure and the most it may be.

    Attributes:
        name: what was measured.
        measured: the figure; usually a ratio of two medians of the same run, an int if counted.
        limit: the budget; more than that fails.
        unit: "x" for ratios, else "MiB", "pairs" and so on; nothing for plain counts.
        detail: the figures behind a ratio, for people.
    """

    name: str
    measured: float
    limit: float
    unit: str = "x"
    detail: str = ""

    @property
    def is_within(self) -> bool:
        """Whether the budget holds; not a number never does."""
        return self.measured <= self.limit


def table(results: Iterable[Result]) -> str:
    """One aligned line a result, with a mark on those over budget."""
    rows = [
        (
            result.name,
            f"{_figure(result.measured)} {result.unit}",
            f"{result.limit:g} {result.unit}",
            "ok" if result.is_within else "OVER",
            result.detail,
        )
        for result in results
    ]
    rows.insert(0, ("what", "measured", "budget", "", ""))
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    lines = (
        f"{row[0]:<{widths[0]}}  {row[1]:>{widths[1]}}  {row[2]:>{widths[2]}}  "
        f"{row[3]:<{widths[3]}}  {row[4]}".rstrip()
        for row in rows
    )
    return "\n".join(lines)


def _figure(value: float) -> str:
    return str(value) if isinstance(value, int) else f"{value:.2f}"
