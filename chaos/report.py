"""What a run says: counts, and which of them are judged."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal

from chaos.plan import Plan

_MARKS: Final = {True: "ok", False: "FAIL", None: ""}
_SIGNS: Final = {"least": "≥", "most": "≤", "equals": "="}


@dataclass(frozen=True)
class Line:
    """One count or figure.

    Attributes:
        bar: what it is held against; None for what is only told.
    """

    name: str
    measured: float
    bar: float | None = None
    direction: Literal["least", "most", "equals"] = "equals"
    detail: str = ""

    @property
    def passes(self) -> bool | None:
        """Whether the bar is kept; None without one."""
        if self.bar is None:
            return None
        if self.direction == "equals":
            return self.measured == self.bar
        if self.direction == "least":
            return self.measured >= self.bar
        return self.measured <= self.bar

    @property
    def cells(self) -> tuple[str, str, str, str, str]:
        """Name, figure, bar, mark and detail."""
        bar = "" if self.bar is None else f"{_SIGNS[self.direction]} {self.bar:g}"
        return self.name, f"{self.measured:g}", bar, _MARKS[self.passes], self.detail


def none(name: str, found: Iterable[object], *, of: int | None = None) -> Line:
    """There may be none of these; the first few are named."""
    listed = [str(one) for one in found]
    some = "; ".join(listed[:3]) + (" …" if len(listed) > 3 else "")  # noqa: PLR2004 - a few
    detail = " ".join(part for part in (f"of {of}" if of is not None else "", some) if part)
    return Line(name, len(listed), 0, detail=detail)


def settings_table(plan: Plan) -> str:
    """What this run changes by a setting, and how its twins are set."""
    lines = [
        f"  {name} {setting.here} instead of {setting.usual}: {setting.because}"
        for name, setting in plan.settings.items()
    ]
    twins = (
        "Zep forgets an Idempotency-Key after 1 s and allows 1,300 calls a minute; Mem0 loses"
        " answers to what it has written"
    )
    return "\n".join(
        ["changed by a setting; all else is as in the cloud", *lines, f"the twins: {twins}"]
    )


def table(title: str, lines: Iterable[Line]) -> str:
    """The title, and one aligned line for each."""
    rows = [line.cells for line in lines]
    widths = [max((len(row[column]) for row in rows), default=0) for column in range(4)]
    written = [
        f"{row[0]:<{widths[0]}}  {row[1]:>{widths[1]}}  {row[2]:<{widths[2]}}  "
        f"{row[3]:<{widths[3]}}  {row[4]}".rstrip()
        for row in rows
    ]
    return "\n".join([title, *(f"  {line}" for line in written)])
