"""`python -m scripts.validate [--template PATH] [--root FOLDER]`: prints what is wrong, by rule."""

import argparse
import os
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from scripts.validate import (
    rules_access,
    rules_alarms,
    rules_api,
    rules_events,
    rules_functions,
    rules_migration,
)
from scripts.validate.gates import cfn_lint, environment, sam_validate
from scripts.validate.stack import Finding, Stack
from scripts.validate.translation import TranslationError, parse, translate

Rule = Callable[[Stack], Iterator[Finding]]
RULES: tuple[Rule, ...] = (
    *rules_api.RULES,
    *rules_functions.RULES,
    *rules_access.RULES,
    *rules_events.RULES,
    *rules_migration.RULES,
    *rules_alarms.RULES,
)


def check(template: Path, root: Path) -> list[Finding]:
    """Everything that is wrong with a template; empty when it may be deployed.

    Args:
        template: the SAM template.
        root: the folder that its code paths are relative to.
    """
    with ThreadPoolExecutor(max_workers=2) as pool:
        as_written = pool.submit(lambda: list(sam_validate(template)))
        try:
            source = parse(template.read_text())
            stack = Stack(template, root, source, translate(source))
        except TranslationError as error:
            return [Finding("sam-translation", "template", str(error)), *as_written.result()]
        linted = pool.submit(lambda: list(cfn_lint(stack.processed)))
        own = [finding for rule in RULES for finding in rule(stack)]
        return [*linted.result(), *as_written.result(), *own]


def main() -> int:
    """Checks the template named on the command line; returns the exit code."""
    parser = argparse.ArgumentParser(prog="validate", description=__doc__)
    parser.add_argument("--template", type=Path, default=Path("template.yaml"))
    parser.add_argument("--root", type=Path, help="where code paths start; default: beside it")
    arguments = parser.parse_args()
    template: Path = arguments.template.resolve()
    # The translator asks boto3 for a region, and nothing else.
    os.environ.update(environment())
    findings = check(template, (arguments.root or template.parent).resolve())
    for finding in findings:
        print(finding)
    gates = f"SAM translation, cfn-lint, sam validate and {len(RULES)} own rules"
    if findings:
        print(f"{template.name}: {len(findings)} found by {gates}", file=sys.stderr)
        return 1
    print(f"{template.name} passes {gates}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
