"""docs/fault-matrix.md: written from runs, and read again to be held against `expected.py`."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from faults.endpoints import ENDPOINTS, Answer
from faults.expected import EXPECTED, REASONS, Expected
from faults.kinds import FAULTS
from faults.matrix import Run
from faults.world import CHANGED

PATH: Final = Path(__file__).resolve().parent.parent / "docs" / "fault-matrix.md"
TITLES: Final = {
    "zep": "Zep",
    "mem0": "Mem0",
    "both": "Zep and Mem0",
    "gemini": "Gemini",
    "postgresql": "PostgreSQL",
    "sqs": "SQS",
}
_TWO_FIGURES_BELOW: Final = 0.995

_INTRO: Final = """\
# What people get while something is broken

Written by `python -m faults --write` from its own run; `make faults` plays it again, and fails when
a status, a code or a `degraded` is another than here, or a time is over its limit
(`faults/expected.py`). It starts everything on one machine: real Lambda runtime processes,
PostgreSQL, SQS by moto, and the twins of Zep, Mem0 and Gemini. The limits that a person waits by
are production's; these settings are not: {changed}.
"""
_MATRIX: Final = """\
## Every fault at every endpoint

Faults strike one after the other. During each, all six endpoints are called at the same time, by
six people whom both stores know from before. A cell is the status, the problem's `code` or the
stores that `degraded` names, and the time at the client. What is *slanted* never asks that service,
so the fault can't matter to it: it was called all the same and has to answer as if nothing was
wrong, and in a healthy moment the twins' records hold no call of its. The last column is how long
it took, the fault mended, until all six answered as before. Between faults everything is healthy,
so no breaker opens here. Search is `scope: hybrid`; one of `mem0` or `zep` alone asks that store
alone.

Healthy, these answers took at most: {healthy}. A fault may add to that what the limits of a turn
allow: 2.5 s where a store is waited for, 20 s for the model, 3 s for the database, 1 s for a
wake-up.

{kept}
"""
_PART: Final = re.compile(r"<!-- part (\w+) -->\n(.*?)(?=<!-- part |\Z)", re.DOTALL)
_ROW: Final = re.compile(r"^\| \*\*(\S+)\*\* .*?\|(.*)\|$")
_CELL: Final = re.compile(
    r"\*?(?P<status>\d{3})(?: `(?P<code>\w+)`)?(?: · degraded (?P<degraded>[\w, ]+?))?"
    r" · \d+\.\d+ s\*?"
)


def matrix_section(run: Run) -> str:
    """The tables of a run, a service each."""
    healthy = ", ".join(f"{endpoint} {_time(run.healthy[endpoint])}" for endpoint in ENDPOINTS)
    parts = [_MATRIX.format(healthy=healthy, kept=run.kept)]
    parts += ["\n".join(_table(run, service)) for service in run.cells]
    return "\n".join(parts)


def _table(run: Run, service: str) -> Iterator[str]:
    yield f"### {TITLES[service]}\n"
    yield f"| {TITLES[service]} | {' | '.join(ENDPOINTS)} | as before after |"
    yield f"|{'---|' * (len(ENDPOINTS) + 2)}"
    meanings = {fault.name: fault.meaning for fault in FAULTS if fault.service == service}
    for name, found in run.cells[service].items():
        row = EXPECTED[service][name]
        cells = [cell(found[endpoint], row[endpoint]) for endpoint in ENDPOINTS]
        back = _time(run.back[service][name])
        yield f"| **{name}** {meanings[name]} | {' | '.join(cells)} | {back} |"
    if REASONS[service]:
        yield f"\n{REASONS[service]}"
    yield ""


def cell(answer: Answer, expected: Expected) -> str:
    """One cell."""
    code = f" `{answer.code}`" if answer.code else ""
    missing = f" · degraded {', '.join(answer.degraded)}" if answer.degraded else ""
    text = f"{answer.status}{code}{missing} · {_time(answer.seconds)}"
    return text if expected.is_asked else f"*{text}*"


def _time(seconds: float) -> str:
    return f"{seconds:.2f} s" if seconds < _TWO_FIGURES_BELOW else f"{seconds:.1f} s"


def written(sections: Mapping[str, str], before: str = "") -> str:
    """The whole document: these parts anew, the others as they were."""
    kept = {name: text.strip() for name, text in _PART.findall(before)}
    kept |= {name: text.strip() for name, text in sections.items()}
    changed = ", ".join(f"`{name}={value}`" for name, value in CHANGED.items())
    parts = [f"<!-- part {name} -->\n{text}\n" for name, text in kept.items()]
    return "\n".join([_INTRO.format(changed=changed), *parts])


def differences(text: str) -> list[str]:
    """Where the document says something else than `expected.py`, in sentences."""
    told = _told(text)
    wrong = []
    for service, rows in EXPECTED.items():
        for fault, row in rows.items():
            cells = told.get((service, fault), {})
            for endpoint, expected in row.items():
                wanted = (expected.status, expected.code, expected.degraded)
                if cells.get(endpoint) != wanted:
                    name = f"{service} {fault}, {endpoint}"
                    wrong.append(f"the document has {cells.get(endpoint)} for {name}")
    return wrong


Told = tuple[int, str, tuple[str, ...]]


def _told(text: str) -> dict[tuple[str, str], dict[str, Told]]:
    services = {title: name for name, title in TITLES.items()}
    found: dict[tuple[str, str], dict[str, Told]] = {}
    service = ""
    for line in text.splitlines():
        if line.startswith("### "):
            service = services.get(line.removeprefix("### "), "")
        elif service and (row := _ROW.match(line)):
            cells = [_CELL.fullmatch(part.strip()) for part in row[2].split("|")]
            found[service, row[1]] = {
                endpoint: _read(match)
                for endpoint, match in zip(ENDPOINTS, cells, strict=False)
                if match is not None
            }
    return found


def _read(match: re.Match[str]) -> Told:
    degraded = tuple((match["degraded"] or "").split(", ")) if match["degraded"] else ()
    return int(match["status"]), match["code"] or "", degraded
