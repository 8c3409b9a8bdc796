"""`make validate` names the right rule for a defect, and passes what has none.

Each test plants one defect into a copy of the template and runs the whole command on the copy.
"""

import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TEMPLATE = (ROOT / "template.yaml").read_text()


def validate(template: Path, root: Path = ROOT) -> subprocess.CompletedProcess[str]:
    command = [str(ROOT / ".tools/venv/bin/python"), "-m", "scripts.validate"]
    return subprocess.run(
        [*command, "--template", str(template), "--root", str(root)],
        cwd=ROOT,
        # No region, no account, no home: nothing of a person's machine is needed.
        env={"PATH": os.environ["PATH"], "HOME": str(template.parent)},
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
    )


def rules_named(result: subprocess.CompletedProcess[str]) -> set[str]:
    return {line.split(":", 1)[0] for line in result.stdout.splitlines()}


def planted(folder: Path, old: str, new: str) -> Path:
    """A copy of the template in which the first `old` is `new`."""
    assert old in TEMPLATE, f"the template no longer contains {old!r}: plant the defect elsewhere"
    path = folder / "template.yaml"
    path.write_text(TEMPLATE.replace(old, new, 1))
    return path


def test_the_template_as_it_is_passes(tmp_path: Path) -> None:
    path = tmp_path / "template.yaml"
    path.write_text(TEMPLATE)
    result = validate(path)
    assert result.returncode == 0, result.stdout + result.stderr
    assert "template.yaml passes" in result.stdout


DEFECTS = {
    "an unknown GetAtt": (
        "Queue: !GetAtt DeliveryQueue.Arn",
        "Queue: !GetAtt NoSuchQueue.Arn",
        "E1010",
    ),
    "a timeout of 901 seconds": ("Timeout: 60", "Timeout: 901", "E3717"),
    "an authorizer at $LATEST": (
        "FunctionArn: !Ref AuthorizerFunction.Alias",
        "FunctionArn: !GetAtt AuthorizerFunction.Arn",
        "authorizer-by-alias",
    ),
    "a public route that is not on the list": (
        "Path: /api/auth/me\n",
        "Path: /api/auth/me\n            Auth:\n              Authorizer: NONE\n",
        "public-routes",
    ),
    "a queue without a dead-letter queue": (
        "      RedrivePolicy:\n"
        "        deadLetterTargetArn: !GetAtt DeliveryDeadLetterQueue.Arn\n"
        "        maxReceiveCount: 8\n",
        "",
        "queue-dead-letter",
    ),
    "a wildcard in an IAM action": (
        "Action: secretsmanager:GetSecretValue",
        "Action: secretsmanager:*",
        "iam-action",
    ),
    "a secret in plain environment": (
        "AGNO_TELEMETRY:",
        'ZEP_API_KEY: "test-key"\n          AGNO_TELEMETRY:',
        "secret-in-environment",
    ),
    "a handler file that is not there": (
        "Handler: chat_api.app.handler",
        "Handler: chat_api.main.handler",
        "handler-file",
    ),
    "a bad cron": ("rate(1 minute)", "cron(0 3 * * * *)", "schedule-expression"),
    "a bad cron in a parameter": ("cron(17 3 * * ? *)", "cron(17 3 * *)", "schedule-expression"),
    "a schedule of a parameter that has no default": (
        "    Default: cron(17 3 * * ? *)\n",
        "",
        "schedule-expression",
    ),
    "a schedule whose failures nobody sees": (
        "            DeadLetterConfig:\n              Arn: !GetAtt ScheduleDeadLetterQueue.Arn\n",
        "",
        "schedule-dead-letter",
    ),
    "a long job's queue that shows a message too soon": (
        "VisibilityTimeout: 5400",
        "VisibilityTimeout: 5399",
        "queue-visibility",
    ),
    "a long job's queue without a dead-letter queue": (
        "      RedrivePolicy:\n"
        "        deadLetterTargetArn: !GetAtt ConsolidationDeadLetterQueue.Arn\n"
        "        maxReceiveCount: 5\n",
        "",
        "queue-dead-letter",
    ),
    "more pollers than containers": (
        "MaximumConcurrency: 2",
        "MaximumConcurrency: 3",
        "queue-concurrency",
    ),
    "pollers without a limit": (
        "            ScalingConfig:\n              MaximumConcurrency: 2\n",
        "",
        "queue-concurrency",
    ),
    "a failure that repeats the whole batch": (
        "            FunctionResponseTypes: [ReportBatchItemFailures]\n",
        "",
        "queue-partial-failures",
    ),
    "a queue that shows a message too soon": (
        "VisibilityTimeout: 360",
        "VisibilityTimeout: 359",
        "queue-visibility",
    ),
    "a queue that shows a message after SQS's own 30 seconds": (
        "      VisibilityTimeout: 360\n",
        "",
        "queue-visibility",
    ),
    "a consumer that may take longer than its queue allows for": (
        "Timeout: 60\n      ReservedConcurrentExecutions: 4",
        "Timeout: 61\n      ReservedConcurrentExecutions: 4",
        "queue-visibility",
    ),
    "a cache of tokens that lives too long": (
        "ReauthorizeEvery: 60",
        "ReauthorizeEvery: 61",
        "authorizer-ttl",
    ),
    "a cache of tokens that is not spoken of": (
        "              ReauthorizeEvery: 60\n",
        "",
        "authorizer-ttl",
    ),
    "more containers than connections": (
        "ReservedConcurrentExecutions: 10\n      Layers",
        "ReservedConcurrentExecutions: 23\n      Layers",
        "database-connections",
    ),
    "a function that may run as often as it likes": (
        "      ReservedConcurrentExecutions: 10\n      Layers",
        "      Layers",
        "database-connections",
    ),
    "connections that are too few for the containers, if somebody asks for so few": (
        "    MinValue: 31\n",
        "    MinValue: 30\n",
        "database-connections",
    ),
    "a right to more than one resource": (
        "Resource: !Ref AppSecret",
        'Resource: "*"',
        "iam-resource",
    ),
    "a role for every queue of the account": (
        "      Role: !GetAtt DeliverRole.Arn\n",
        "",
        "iam-managed-policy",
    ),
    "another role for every queue of the account": (
        "      Role: !GetAtt ConsolidateRole.Arn\n",
        "",
        "iam-managed-policy",
    ),
    "an older Python": ("Runtime: python3.13", "Runtime: python3.12", "function-runtime"),
    "versions that are kept": (
        "VersionDeletionPolicy: Delete",
        "VersionDeletionPolicy: Retain",
        "function-versions",
    ),
    "logs that are kept for ever": (
        "      RetentionInDays: !Ref LogRetentionDays\n",
        "",
        "function-logs",
    ),
    "a chat that outlives the gateway": (
        "Handler: chat_api.app.handler\n",
        "Handler: chat_api.app.handler\n      Timeout: 30\n",
        "function-timeout",
    ),
    "a password in an address": (
        "Default: https://api.mem0.ai",
        "Default: https://me:hunter2@api.mem0.ai",
        "secret-in-template",
    ),
    "a parameter that nothing uses": (
        "Parameters:\n",
        "Parameters:\n  Unused:\n    Type: String\n    Default: x\n",
        "W2001",
    ),
    "a function that goes live before the migrations": (
        "  ChatFunction:\n    Type: AWS::Serverless::Function\n    DependsOn: Migration\n",
        "  ChatFunction:\n    Type: AWS::Serverless::Function\n",
        "migration-before-code",
    ),
    "migrations that run only once": (
        "      CodeVersion: !Ref MigrateFunction.Version\n",
        "      CodeVersion: 1\n",
        "migration-before-code",
    ),
    "migrations that watch another function's code": (
        "CodeVersion: !Ref MigrateFunction.Version",
        "CodeVersion: !Ref AuthorizerFunction.Version",
        "migration-before-code",
    ),
    "migrations by unpublished code": (
        "ServiceToken: !Ref MigrateFunction.Alias",
        "ServiceToken: !GetAtt MigrateFunction.Arn",
        "migration-before-code",
    ),
    "an hour of waiting for a lost answer": (
        '      ServiceTimeout: "180"\n',
        "",
        "migration-before-code",
    ),
    "no migrations at all": (
        "Type: Custom::Migration",
        "Type: Custom::Something",
        "migration-before-code",
    ),
    "migrations that wait for the code that waits for them": (
        "  MigrateFunction:\n    Type: AWS::Serverless::Function\n",
        "  MigrateFunction:\n    Type: AWS::Serverless::Function\n    DependsOn: ChatFunction\n",
        "E3004",
    ),
    "a misspelt property": ("MemorySize: 512", "MemorySise: 512", "sam-translation"),
    "the same route twice": ("Path: /api/auth/me\n", "Path: /api/history\n", "sam-translation"),
}


@pytest.mark.parametrize("defect", DEFECTS)
def test_a_planted_defect_is_named(tmp_path: Path, defect: str) -> None:
    old, new, rule = DEFECTS[defect]
    result = validate(planted(tmp_path, old, new))
    assert result.returncode == 1, result.stdout + result.stderr
    assert rule in rules_named(result), result.stdout
