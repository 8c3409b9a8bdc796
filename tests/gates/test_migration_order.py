"""What makes CloudFormation call the migrations again, in the template as SAM translates it."""

import json
import os
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TRANSLATE = """
import json, sys
from pathlib import Path
from scripts.validate.translation import parse, translate

source = parse(Path("template.yaml").read_text())
layer = source["Resources"]["CommonLayer"]["Properties"]
layer["ContentUri"] = {"Bucket": "artifacts", "Key": sys.argv[1]}
resources = translate(source)["Resources"]
called = resources["Migration"]["Properties"]
alias = resources[called["ServiceToken"]["Ref"]]["Properties"]
print(json.dumps([called["CodeVersion"]["Ref"], alias["FunctionVersion"]["Fn::GetAtt"][0]]))
"""


def versions(layer: str) -> list[str]:
    """Logical ids of the version that Migration watches, and of the one that it calls."""
    finished = subprocess.run(
        [str(ROOT / ".tools/venv/bin/python"), "-c", TRANSLATE, layer],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "AWS_DEFAULT_REGION": "eu-central-1"},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    found: list[str] = json.loads(finished.stdout)
    return found


def test_a_new_layer_which_holds_the_migrations_makes_cloudformation_call_again() -> None:
    before, again, after = versions("one.zip"), versions("one.zip"), versions("two.zip")

    assert before == again
    assert before[0] != after[0]


def test_the_version_that_is_watched_is_the_one_that_is_called() -> None:
    watched, called = versions("one.zip")

    assert watched == called
