"""Logs and metrics: JSON lines, constant messages plus fields, nothing that a person said.

What may appear: names of operations, statuses, durations, request ids, `accounts.id` and the
session's UUID. What never does: message text, facts, prompts, tokens, headers, addresses, labels
that people choose.

Metrics are in the namespace Tandem, each twice: for the stage, which alarms ask, and for the stage
and the function (`service`).
"""

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from pathlib import Path
from traceback import extract_tb
from typing import Literal
from uuid import UUID

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit

from tandem.errors import AppError, ConfigurationError, Context
from tandem.settings import StageSettings, load

MetricName = Literal[
    # Per provider: what each attempt was, how long it took, and calls that were not even begun.
    "ZepCalls",
    "ZepFailures",
    "ZepNotSent",
    "ZepMilliseconds",
    "Mem0Calls",
    "Mem0Failures",
    "Mem0NotSent",
    "Mem0Milliseconds",
    "GeminiCalls",
    "GeminiFailures",
    "GeminiNotSent",
    "GeminiMilliseconds",
    "BreakerOpened",
    # What people get.
    "TurnsAnswered",
    "TurnsDegraded",
    # What is done behind their backs.
    "DeliveriesRefused",
    "IngestionsFailed",
    "WakeUpsLost",
    "ConsolidationWakesLost",
    "ChangesRefused",
    "TidyingNeverEnds",
    "PlansMade",
    # How things stand, by the sweep.
    "OldestOwedSeconds",
    "OwedDeliveries",
    "RefusedDeliveries",
    "OpenTurnsOverdue",
    # What everything needs.
    "DatabaseUnavailable",
    "SecretsMissing",
]
"""Every metric there is. `make validate` holds the alarms and the dashboard against this list."""

# No location: it would be this module's in every line.
logger = Logger(location=None, log_uncaught_exceptions=False, use_rfc3339=True, utc=True)
metrics = Metrics(namespace="Tandem")
# The database counts from its worker thread.
_metrics_lock = threading.Lock()

for _noisy in ("httpx", "httpcore", "mangum", "google_genai", "botocore", "urllib3"):
    logging.getLogger(_noisy).setLevel(logging.WARNING)

Fields = dict[str, Context]
_fields: ContextVar[Fields | None] = ContextVar("fields", default=None)


@contextmanager
def log_context(**fields: Context) -> Iterator[None]:
    """Adds fields to every line that is logged inside, then writes out the metrics collected."""
    token = _fields.set(dict(fields))
    try:
        yield
    finally:
        _fields.reset(token)
        with _metrics_lock:
            if metrics.metric_set:
                metrics.flush_metrics()


def note(**fields: Context | UUID) -> None:
    """Adds fields to the lines that follow in this request, once they are known."""
    current = _fields.get()
    if current is not None:
        current.update({k: str(v) if isinstance(v, UUID) else v for k, v in fields.items()})


def info(message: str, **fields: Context) -> None:
    """One line about something that went as it should."""
    logger.info(message, extra=(_fields.get() or {}) | fields)


def warning(message: str, **fields: Context) -> None:
    """One line about something that is worse than it should be and still worked."""
    logger.warning(message, extra=(_fields.get() or {}) | fields)


def error(message: str, **fields: Context) -> None:
    """One line about something that failed."""
    logger.error(message, extra=(_fields.get() or {}) | fields)


def describe(problem: BaseException) -> Fields:
    """What may be logged of an error: its kind, its context and where it arose, never its text.

    An exception's text can quote what a person said or a driver's row; its class and the code's
    own line numbers can't.
    """
    fields: Fields = {"error": type(problem).__name__}
    if problem.__cause__ is not None:
        fields["caused_by"] = type(problem.__cause__).__name__
    if isinstance(problem, AppError):
        fields["code"] = problem.code
        return fields | {f"context_{name}": value for name, value in problem.context.items()}
    frames = extract_tb(problem.__traceback__)[-6:]
    fields["frames"] = " > ".join(f"{Path(at.filename).name}:{at.lineno}" for at in frames)
    return fields


def count(name: MetricName, value: int = 1) -> None:
    """Adds to a metric, which is written out at the end of the request."""
    _add(name, MetricUnit.Count, value)


def measure(name: MetricName, milliseconds: float) -> None:
    """Adds a duration to a metric, which is written out at the end of the request."""
    _add(name, MetricUnit.Milliseconds, milliseconds)


def gauge(name: MetricName, value: float) -> None:
    """Tells how something stands now; written out at the end of the request."""
    _add(name, MetricUnit.Seconds if name.endswith("Seconds") else MetricUnit.Count, value)


def _add(name: MetricName, unit: MetricUnit, value: float) -> None:
    with _metrics_lock:
        if not metrics.provider.dimension_sets:  # each flush forgets them
            metrics.add_dimension("stage", _stage())
            metrics.add_dimensions(stage=_stage())
        metrics.add_metric(name=name, unit=unit, value=value)


@cache
def _stage() -> str:
    """Which copy of Tandem this is; several may share an account. A function has one always."""
    try:
        return load(StageSettings).stage
    except ConfigurationError:
        return "none"
