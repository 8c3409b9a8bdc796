"""Rules about queues and schedules."""

from collections.abc import Iterator
from datetime import UTC
from typing import Any

from local.schedules import ScheduleError, parse_schedule
from scripts.validate.stack import Finding, Stack, references

QUEUE = "AWS::SQS::Queue"
EVENT_SOURCE = "AWS::Lambda::EventSourceMapping"
VISIBILITY_TO_TIMEOUT = 6
"""AWS's advice: below it, a message comes back while retries of its batch are still running."""


def dead_letter_queues(stack: Stack) -> set[str]:
    """Queues that another queue or a schedule moves to what it could not deliver."""
    targets: list[Any] = [
        (properties.get("RedrivePolicy") or {}).get("deadLetterTargetArn")
        for _, properties in stack.of_type(QUEUE)
    ]
    for _, properties in stack.of_type("AWS::Scheduler::Schedule"):
        targets.append((properties.get("Target") or {}).get("DeadLetterConfig"))
    for _, properties in stack.of_type("AWS::Lambda::EventInvokeConfig"):
        targets.append(properties.get("DestinationConfig"))
    return {name for target in targets for name in references(target)}


def queue_dead_letter(stack: Stack) -> Iterator[Finding]:
    """What fails again and again is kept where someone can look at it."""
    last = dead_letter_queues(stack)
    for name, properties in stack.of_type(QUEUE):
        target = (properties.get("RedrivePolicy") or {}).get("deadLetterTargetArn")
        has_target = any(stack.is_a(queue, QUEUE) for queue in references(target))
        if not has_target and name not in last:
            yield Finding("queue-dead-letter", name, "has no dead-letter queue")


def queue_encryption(stack: Stack) -> Iterator[Finding]:
    """Messages are encrypted at rest, and the template says so."""
    for name, properties in stack.of_type(QUEUE):
        if not (properties.get("SqsManagedSseEnabled") or properties.get("KmsMasterKeyId")):
            yield Finding("queue-encryption", name, "is not encrypted")


def queue_visibility(stack: Stack) -> Iterator[Finding]:
    """A message stays hidden while its consumer may still be at work on it."""
    for name, properties in stack.of_type(EVENT_SOURCE):
        queue = stack.properties(next(references(properties.get("EventSourceArn")), None))
        consumer = stack.properties(stack.function_behind(properties.get("FunctionName")))
        visible, timeout = queue.get("VisibilityTimeout"), consumer.get("Timeout")
        if not isinstance(visible, int) or not isinstance(timeout, int):
            yield Finding("queue-visibility", name, "queue and function need plain figures")
        elif visible < VISIBILITY_TO_TIMEOUT * timeout:
            message = f"{visible} s is less than {VISIBILITY_TO_TIMEOUT} times {timeout} s"
            yield Finding("queue-visibility", name, message)


def queue_concurrency(stack: Stack) -> Iterator[Finding]:
    """No more pollers than containers: a throttled receive counts towards the dead-letter queue."""
    for name, properties in stack.of_type(EVENT_SOURCE):
        pollers = (properties.get("ScalingConfig") or {}).get("MaximumConcurrency")
        consumer = stack.properties(stack.function_behind(properties.get("FunctionName")))
        reserved = consumer.get("ReservedConcurrentExecutions")
        if not isinstance(pollers, int) or not isinstance(reserved, int) or pollers > reserved:
            message = f"MaximumConcurrency is {pollers}, the function's reserved one {reserved}"
            yield Finding("queue-concurrency", name, message)


def queue_partial_failures(stack: Stack) -> Iterator[Finding]:
    """One message that fails doesn't take the others of its batch along."""
    for name, properties in stack.of_type(EVENT_SOURCE):
        if "ReportBatchItemFailures" not in (properties.get("FunctionResponseTypes") or []):
            yield Finding("queue-partial-failures", name, "a failure repeats the whole batch")


def schedule_expression(stack: Stack) -> Iterator[Finding]:
    """The expression is one that EventBridge Scheduler takes; nothing else checks it offline.

    Of a parameter, its default.
    """
    for name, properties in stack.of_type("AWS::Scheduler::Schedule", "AWS::Events::Rule"):
        expression = properties.get("ScheduleExpression")
        if expression is None and "EventPattern" in properties:
            continue
        if isinstance(expression, dict):
            parameters = stack.source.get("Parameters") or {}
            expression = (parameters.get(expression.get("Ref")) or {}).get("Default")
        if not isinstance(expression, str):
            yield Finding("schedule-expression", name, "must be plain text or a parameter")
            continue
        try:
            parse_schedule(expression, zone=UTC)
        except ScheduleError as error:
            yield Finding("schedule-expression", name, str(error))


def schedule_dead_letter(stack: Stack) -> Iterator[Finding]:
    """A call that the schedule could not make is kept."""
    for name, properties in stack.of_type("AWS::Scheduler::Schedule"):
        target = properties.get("Target") or {}
        if not target.get("DeadLetterConfig") or not target.get("RetryPolicy"):
            yield Finding(
                "schedule-dead-letter", name, "needs a retry policy and a dead-letter queue"
            )


RULES = (
    queue_dead_letter,
    queue_encryption,
    queue_visibility,
    queue_concurrency,
    queue_partial_failures,
    schedule_expression,
    schedule_dead_letter,
)
