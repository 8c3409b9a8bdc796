"""Makes docs/coverage.md of what the contract suite has seen, or checks that it still says so.

The suite leaves its records in `.tandem/contract/called.json`: which client's which method reached
which route of a twin, as the twin recorded it. `--write` writes the table.
"""

import json
import sys
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
SEEN = ROOT / ".tandem" / "contract" / "called.json"
TABLE = ROOT / "docs" / "coverage.md"
PROVIDERS = {
    "Zep": ({"zep-cloud": "zep-cloud 4.0.1"}, "ZepClient"),
    "Mem0": ({"mem0ai": "mem0ai 2.2.1", "mem0ai-0x": "mem0ai 0.1.118"}, "Mem0Client"),
    "Gemini": ({"google-genai": "google-genai 3.3.0"}, "GeminiClient"),
}
HEAD = """# What the official clients, the twins and our clients cover

Written by `make contract COVERAGE=write` from the twins' own records of one run of the contract
suite; `make contract` fails when this file says something else. A route stands here because a twin
has recorded an official client's request for it. What is left out, and why, is in
`tests/official/excluded.toml`. An empty cell under "our client" means that Tandem does without.
"Only ever to be refused" stands where nothing that can be made here would be found: what was
tested is that the client understands the refusal.
"""
COLUMNS = (
    "| operation | our client | served by the twin as | called by |\n| --- | --- | --- | --- |"
)


@dataclass
class Operation:
    """A row of the table."""

    routes: set[str] = field(default_factory=set)
    kinds: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    """Official client → in which of its kinds it was called."""
    answered: bool = False
    ours: set[str] = field(default_factory=set)


def operations(seen: dict[str, Any], labels: dict[str, str], client: str) -> dict[str, Operation]:
    """The rows of one provider, by operation."""
    rows: dict[str, Operation] = defaultdict(Operation)
    for called_by, operation, route, answered in seen["calls"]:
        name, _, kind = called_by.rpartition(" ")
        if name in labels:
            row = rows[operation]
            row.routes.add(route)
            row.kinds[labels[name]].add(kind)
            row.answered = row.answered or answered
    for method, official in seen["counterparts"].items():
        if method.startswith(f"{client}."):
            for operation in official:
                rows[operation].ours.add(method.partition(".")[2])
    return dict(sorted(rows.items()))


def by_agno(seen: dict[str, Any]) -> set[str]:
    """The routes that Agno has called."""
    return {route for called_by, _, route, _ in seen["calls"] if called_by == "agno"}


def no_official(seen: dict[str, Any], client: str) -> Iterator[tuple[str, str]]:
    """Methods of ours that no official client has, with their routes."""
    for called_by, method, route, _ in seen["calls"]:
        if called_by == f"tandem {client}" and f"{client}.{method}" not in seen["counterparts"]:
            yield method, route


def row(name: str, operation: Operation, agno: set[str]) -> str:
    """One line of the table."""
    callers = [
        f"{client} ({', '.join(sorted(kinds, reverse=True))})"
        for client, kinds in sorted(operation.kinds.items(), reverse=True)
    ]
    if operation.routes & agno:
        callers.append("Agno 3.1.10")
    told = "; ".join(callers)
    if not operation.answered:
        told += "; only ever to be refused"
    return _line([f"`{name}`", _code(operation.ours), _code(operation.routes), told])


def _code(names: set[str]) -> str:
    return "<br>".join(f"`{name}`" for name in sorted(names))


def _line(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


def table(seen: dict[str, Any]) -> str:
    """The whole file."""
    parts = [HEAD]
    for provider, (labels, client) in PROVIDERS.items():
        rows = operations(seen, labels, client)
        ours = sum(1 for each in rows.values() if each.ours)
        lines = [row(name, each, by_agno(seen)) for name, each in rows.items()]
        lines += [
            _line(["not in any official client", f"`{method}`", f"`{route}`", ""])
            for method, route in sorted(set(no_official(seen, client)))
        ]
        parts.append(
            f"\n## {provider}\n\n{len(rows)} operations, {ours} of them in `{client}`.\n\n"
            f"{COLUMNS}\n" + "\n".join(lines) + "\n"
        )
    return "".join(parts)


def main(arguments: list[str]) -> int:
    """Writes or checks the table; returns the exit code."""
    wanted = table(json.loads(SEEN.read_text()))
    if arguments == ["--write"]:
        TABLE.write_text(wanted)
        print(f"{TABLE.relative_to(ROOT)} written.")
        return 0
    if TABLE.is_file() and TABLE.read_text() == wanted:
        print(f"{TABLE.relative_to(ROOT)} says what this run has seen.")
        return 0
    print(f"{TABLE.relative_to(ROOT)} is not what this run has seen: make contract COVERAGE=write")
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
