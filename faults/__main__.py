"""`python -m faults [--write] [part …]`: plays the parts and prints what came of them.

Exits 1 when something is not as `expected.py` or docs/fault-matrix.md has it; `--write` writes the
latter anew, if all is as expected.
"""

import argparse
import sys
import time
from collections.abc import Sequence

from faults import document
from faults.parts import PARTS


def main(arguments: Sequence[str]) -> int:
    """Plays the named parts, or all; returns the exit code."""
    parser = argparse.ArgumentParser(prog="faults", description=__doc__)
    parser.add_argument("--write", action="store_true", help="write docs/fault-matrix.md")
    parser.add_argument("part", nargs="*", choices=[*PARTS, []])
    given = parser.parse_args(arguments)
    sections, wrong = dict[str, str](), list[str]()
    for name in given.part or PARTS:
        started = time.monotonic()
        played = PARTS[name]()
        print(f"{played.section}\n{name}: {time.monotonic() - started:.0f} s\n", flush=True)
        sections[name] = played.section
        wrong += played.wrong
    before = document.PATH.read_text() if document.PATH.exists() else ""
    if not given.write:
        wrong += document.differences(before)
    for sentence in wrong:
        print(f"WRONG: {sentence}")
    if given.write and not wrong:
        document.PATH.write_text(document.written(sections, before))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
