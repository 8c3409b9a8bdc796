"""The two gates that are other people's programs: cfn-lint and `sam validate`."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from scripts.validate.stack import Finding

# Only names a region whose resource types are checked; nothing is called there.
_REGION = "eu-central-1"


def environment() -> dict[str, str]:
    """The shell's variables without an AWS account, and with the network's temptations off."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    return kept | {
        "AWS_DEFAULT_REGION": _REGION,
        "AWS_EC2_METADATA_DISABLED": "true",
        "SAM_CLI_TELEMETRY": "0",
        "SAM_CLI_CHECK_UPDATE": "0",
    }


def cfn_lint(processed: dict[str, Any]) -> Iterator[Finding]:
    """What cfn-lint says about the translated template, warnings too; rules by its numbers."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "processed.json"
        path.write_text(json.dumps(processed, indent=1))
        finished = _run(
            "cfn-lint", "--regions", _REGION, "--format", "json", "--template", str(path)
        )
    for match in json.loads(finished.stdout or "[]"):
        where = "/".join(str(part) for part in match["Location"]["Path"] or ["template"])
        yield Finding(match["Rule"]["Id"], where, match["Message"])
    if finished.returncode and not finished.stdout.strip():
        yield Finding("cfn-lint", "template", finished.stderr.strip() or "failed without a word")


def sam_validate(path: Path) -> Iterator[Finding]:
    """What `sam validate` says about the template as written."""
    finished = _run("sam", "validate", "--region", _REGION, "--template-file", str(path))
    if finished.returncode:
        lines = [line.strip() for line in finished.stderr.splitlines() if line.strip()]
        yield Finding("sam-validate", "template", " ".join(lines[-3:]))


def _run(program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    # By this interpreter: a script's first line names where the clone lay when it was set up.
    command = [sys.executable, str(Path(sys.executable).parent / program), *arguments]
    return subprocess.run(command, env=environment(), capture_output=True, text=True, check=False)
