"""`make validate` names what is wrong with alarms, their runbook and the metrics they ask for."""

import shutil
from pathlib import Path

import pytest

from tests.gates.test_validate import ROOT, TEMPLATE, planted, rules_named, validate

DEFECTS = {
    "an alarm that tells nobody": (
        "      AlarmActions: [!Ref AlarmTopic]\n",
        "",
        "alarm-action",
    ),
    "an alarm that was silenced": (
        "      AlarmActions: [!Ref AlarmTopic]\n",
        "      ActionsEnabled: false\n      AlarmActions: [!Ref AlarmTopic]\n",
        "alarm-action",
    ),
    "an alarm without a section of the runbook": (
        'Runbook: "The API fails".',
        'Runbook: "The API is slow".',
        "alarm-runbook",
    ),
    "an alarm that says nothing of the runbook": (
        ' Runbook: "The API fails".',
        "",
        "alarm-runbook",
    ),
    "an alarm to which silence means whatever AWS likes": (
        "      TreatMissingData: breaching",
        "      # breaching",
        "alarm-missing-data",
    ),
    "dead letters that nobody sees": (
        "[{Name: QueueName, Value: !GetAtt ScheduleDeadLetterQueue.QueueName}]",
        "[{Name: QueueName, Value: !GetAtt DeliveryDeadLetterQueue.QueueName}]",
        "queue-alarm",
    ),
    "a queue whose messages wait unseen": (
        "MetricName: ApproximateAgeOfOldestMessage",
        "MetricName: NumberOfMessagesSent",
        "queue-alarm",
    ),
    "an alarm on a metric that nothing tells": (
        "MetricName: ZepFailures,",
        "MetricName: ZepErrors,",
        "metric-is-told",
    ),
    "an alarm on another stack's metrics too": (
        "MetricName: DeliveriesRefused\n      Dimensions: [{Name: stage, Value: !Ref Stage}]",
        "MetricName: DeliveriesRefused\n      Dimensions: [{Name: service, Value: deliver}]",
        "metric-is-told",
    ),
    "a metric that is told and shown nowhere": (
        '              ["Tandem", "WakeUpsLost", "stage", "${Stage}"],\n',
        "",
        "dashboard-shows",
    ),
    "an alarm that is not on the dashboard": (
        '              "${ApiFailsAlarm.Arn}",\n',
        "",
        "dashboard-shows",
    ),
    "a dashboard that is no JSON": (
        '        {"widgets": [\n',
        '        {"widgets": [,\n',
        "dashboard-shows",
    ),
}


@pytest.mark.parametrize("defect", DEFECTS)
def test_a_planted_defect_is_named(tmp_path: Path, defect: str) -> None:
    old, new, rule = DEFECTS[defect]
    result = validate(planted(tmp_path, old, new))
    assert result.returncode == 1, result.stdout + result.stderr
    assert rule in rules_named(result), result.stdout


@pytest.mark.parametrize(
    ("file", "old", "new", "rule"),
    [
        (
            "layers/common/tandem/clients/call_log.py",
            '"ZepFailures"',
            '"ZepErrors"',
            "metric-is-told",
        ),
        ("layers/common/tandem/delivery/service.py", '"DeliveriesRefused"', "x", "metric-is-told"),
        ("docs/runbook.md", "## Wake-ups wait", "## Wake-ups are late", "alarm-runbook"),
        ("docs/runbook.md", "# Runbook", "# Runbook\n\n## Something else", "alarm-runbook"),
    ],
)
def test_a_name_that_is_changed_beside_the_template_is_missed(
    tmp_path: Path, file: str, old: str, new: str, rule: str
) -> None:
    for folder in ("layers", "functions", "docs"):
        shutil.copytree(
            ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__")
        )
    (tmp_path / "template.yaml").write_text(TEMPLATE)
    text = (tmp_path / file).read_text()
    assert old in text
    (tmp_path / file).write_text(text.replace(old, new, 1))

    result = validate(tmp_path / "template.yaml", root=tmp_path)

    assert result.returncode == 1, result.stdout + result.stderr
    assert rules_named(result) == {rule}, result.stdout
