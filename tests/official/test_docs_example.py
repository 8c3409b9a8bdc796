"""The program in docs/twins.md, as it stands there."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.official.twin_process import TwinProcess

DOCS = Path(__file__).parents[2] / "docs" / "twins.md"


def test_the_program_in_the_docs_finds_what_it_said(
    zep_twin: TwinProcess, mem0_twin: TwinProcess, gemini_twin: TwinProcess
) -> None:
    program = DOCS.read_text().split("```python\n")[1].split("```")[0]
    for port, twin in (("8101", zep_twin), ("8102", mem0_twin), ("8103", gemini_twin)):
        assert f"http://127.0.0.1:{port}" in program
        program = program.replace(f"http://127.0.0.1:{port}", twin.url)
    # A process of its own: the program leaves it to the end to close what it opened.
    ran = subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, text=True, timeout=60
    )
    zep, mem0, gemini = ran.stdout.splitlines()
    assert zep == "['Lives in Delhi']"
    assert "'Lives in Delhi'" in mem0
    assert gemini
