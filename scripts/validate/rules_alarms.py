"""Rules about alarms: each reaches a person, says what to do, and asks for what is really told."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from scripts.validate.metrics import Metric, alarm_metrics, board_metrics
from scripts.validate.rules_events import EVENT_SOURCE, QUEUE, dead_letter_queues
from scripts.validate.stack import Finding, Stack, as_list, references

ALARM = "AWS::CloudWatch::Alarm"
DASHBOARD = "AWS::CloudWatch::Dashboard"
TOPIC = "AWS::SNS::Topic"
NAMESPACE = "Tandem"
RUNBOOK = Path("docs/runbook.md")
NAMES = Path("layers/common/tandem/observability.py")
"""Where the code lists every metric that it knows, as `MetricName`."""
MOST_METRICS = 10
"""More than these CloudWatch takes in no alarm that computes."""

_SECTION = re.compile(r'Runbook: "([^"]+)"\.$')
_HEADING = re.compile(r"^## (.+)$", re.MULTILINE)


def alarm_action(stack: Stack) -> Iterator[Finding]:
    """An alarm that tells nobody is none."""
    for name, properties in stack.of_type(ALARM):
        topics = [
            target
            for action in as_list(properties.get("AlarmActions"))
            for target in references(action)
            if stack.is_a(target, TOPIC)
        ]
        if not topics or properties.get("ActionsEnabled") is False:
            yield Finding("alarm-action", name, "tells no topic of the template")


def alarm_missing_data(stack: Stack) -> Iterator[Finding]:
    """What silence means differs from alarm to alarm, and what AWS assumes is rarely it."""
    for name, properties in stack.of_type(ALARM):
        if "TreatMissingData" not in properties:
            yield Finding("alarm-missing-data", name, "doesn't say what missing data means")
        asked = len(alarm_metrics(properties))
        if asked > MOST_METRICS:
            message = f"asks for {asked} metrics, CloudWatch takes {MOST_METRICS}"
            yield Finding("alarm-missing-data", name, message)


def alarm_runbook(stack: Stack) -> Iterator[Finding]:
    """Whoever is woken finds what to do; and what nothing wakes anybody for is thrown away."""
    path = stack.root / RUNBOOK
    headings = set(_HEADING.findall(path.read_text())) if path.is_file() else set()
    named = set()
    for name, properties in stack.of_type(ALARM):
        section = _SECTION.search(str(properties.get("AlarmDescription", "")))
        if section is None:
            yield Finding("alarm-runbook", name, 'its description has no: Runbook: "…".')
        elif section[1] not in headings:
            yield Finding("alarm-runbook", name, f"{RUNBOOK} has no section {section[1]!r}")
        else:
            named.add(section[1])
    for heading in sorted(headings - named):
        yield Finding("alarm-runbook", str(RUNBOOK), f"no alarm names the section {heading!r}")


def queue_alarm(stack: Stack) -> Iterator[Finding]:
    """What waits for too long and what has failed for good is seen."""
    watched = {
        (metric.name, queue)
        for _, properties in stack.of_type(ALARM)
        for metric in alarm_metrics(properties)
        for queue in references(metric.dimensions.get("QueueName"))
    }
    last = dead_letter_queues(stack)
    fed = {
        queue
        for _, properties in stack.of_type(EVENT_SOURCE)
        for queue in references(properties.get("EventSourceArn"))
    }
    for name, _ in stack.of_type(QUEUE):
        if name in last and ("ApproximateNumberOfMessagesVisible", name) not in watched:
            yield Finding("queue-alarm", name, "dead letters in it set off no alarm")
        if name in fed and ("ApproximateAgeOfOldestMessage", name) not in watched:
            yield Finding("queue-alarm", name, "messages that wait in it set off no alarm")


def metric_is_told(stack: Stack) -> Iterator[Finding]:
    """A metric that is renamed on one side only leaves an alarm that never goes off."""
    listed = _listed(stack.root / NAMES)
    told = listed & _texts_in_code(stack.root)
    for name, metric in _asked(stack):
        if metric.namespace != NAMESPACE:
            continue
        if metric.name not in told:
            message = f"{metric.name} is {'listed and not' if metric.name in listed else 'never'}"
            yield Finding("metric-is-told", name, f"{message} told by the code")
        if set(metric.dimensions) != {"stage"}:
            message = f"{metric.name} is told for the stage, not for {sorted(metric.dimensions)}"
            yield Finding("metric-is-told", name, message)
    for name in sorted(listed - told):
        yield Finding("metric-is-told", name, f"stands in {NAMES} and is told by nothing")


def dashboard_shows(stack: Stack) -> Iterator[Finding]:
    """Every alarm and everything that the code tells can be looked at in one place."""
    shown: set[str] = set()
    pointed: set[str] = set()
    for board, properties in stack.of_type(DASHBOARD):
        metrics = _on(properties)
        if metrics is None:
            yield Finding("dashboard-shows", board, "its body is no dashboard in JSON")
        shown |= {metric.name for metric in metrics or ()}
        pointed |= set(references(properties.get("DashboardBody")))
    alarms = {name for name, _ in stack.of_type(ALARM)}
    for name in sorted((_listed(stack.root / NAMES) - shown) | (alarms - pointed)):
        yield Finding("dashboard-shows", name, "is on no dashboard")


def _asked(stack: Stack) -> Iterator[tuple[str, Metric]]:
    for name, properties in stack.of_type(ALARM):
        for metric in alarm_metrics(properties):
            yield name, metric
    for name, properties in stack.of_type(DASHBOARD):
        for metric in _on(properties) or ():
            yield name, metric


def _on(dashboard: dict[str, Any]) -> list[Metric] | None:
    """CloudFormation looks into a dashboard's text only when it makes it."""
    try:
        return board_metrics(dashboard.get("DashboardBody"))
    except (ValueError, KeyError, TypeError, IndexError):
        return None


def _listed(path: Path) -> set[str]:
    """The names in `MetricName = Literal[…]`."""
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "MetricName":
            return _texts_in(node)
    return set()


def _texts_in_code(root: Path) -> set[str]:
    """Every literal text in the code that is deployed, but for the list itself."""
    files = [*(root / "layers").rglob("*.py"), *(root / "functions").rglob("*.py")]
    trees = [ast.parse(path.read_text()) for path in files if path != root / NAMES]
    return {text for tree in trees for text in _texts_in(tree)}


def _texts_in(tree: ast.AST) -> set[str]:
    constants = [node.value for node in ast.walk(tree) if isinstance(node, ast.Constant)]
    return {value for value in constants if isinstance(value, str)}


RULES = (
    alarm_action,
    alarm_missing_data,
    alarm_runbook,
    queue_alarm,
    metric_is_told,
    dashboard_shows,
)
