"""Brings the database to this code's schema.

CloudFormation calls it in each deployment, before it touches the functions that use the database;
a person calls it once, when the secret has been filled for the first time.
"""

from collections.abc import Mapping
from typing import Any

import pg8000.native

from memory_api.jobs.stack_answer import (
    ANSWER_SECONDS,
    StackAnswer,
    Status,
    goes_back,
    is_from_stack,
)
from tandem import observability
from tandem.db.connection import DatabaseError, connect
from tandem.db.migrate import migrate
from tandem.deadline import deadline_of
from tandem.errors import AppError, ConfigurationError, Unavailable
from tandem.secrets import secrets_from_environment
from tandem.settings import DatabaseSettings

_LONGEST_SECONDS = 60.0  # this function's Timeout

# A migration may take longer than any statement of a request.
settings = DatabaseSettings(database_connect_seconds=5.0, database_statement_seconds=55.0)
secrets = secrets_from_environment()


def handler(event: Mapping[str, Any], context: Any) -> dict[str, Any]:
    """Names of the migrations that were applied now; CloudFormation gets an answer of its own.

    Raises (to a person; CloudFormation is told):
        Unavailable: the database can't be reached, or a migration failed; nothing was changed.
        ConfigurationError: an applied migration has been edited.
    """
    with observability.log_context(request_id=getattr(context, "aws_request_id", None)):
        if is_from_stack(event):
            return {"status": _tell_stack(event, context)}
        try:
            return {"applied": _migrate()}
        except (pg8000.native.Error, OSError) as error:
            _log(error)
            raise Unavailable(code="database_unavailable") from error


def _tell_stack(event: Mapping[str, Any], context: Any) -> Status:
    answer = StackAnswer(event)
    deadline = deadline_of(context, at_most_seconds=_LONGEST_SECONDS)
    seconds = deadline.step(_LONGEST_SECONDS, reserve_seconds=ANSWER_SECONDS)
    with answer.failing_after(seconds, "The migrations took too long."):
        status, reason = _outcome(event)
    answer.send(status, reason)
    return status


def _outcome(event: Mapping[str, Any]) -> tuple[Status, str]:
    """What CloudFormation is to be told. `FAILED` leaves the old code on its schema."""
    kind = event["RequestType"]
    if kind == "Delete":
        return "SUCCESS", "The database is left as it is."
    if goes_back(event):
        # The schema serves the version before it too, and undoing a deployment must not fail.
        return "SUCCESS", "The older code runs on the newer schema."
    try:
        if kind == "Create" and not _secret_is_filled():
            observability.warning("not_migrated", reason="the secret is not filled in yet")
            return "SUCCESS", "Not migrated: fill the secret, then invoke this function."
        return "SUCCESS", f"Migrations applied: {len(_migrate())}."
    # Whatever it is: CloudFormation waits for an answer, and only an answer undoes the deployment.
    except Exception as error:
        _log(error)
        return "FAILED", _reason(error)


def _secret_is_filled() -> bool:
    try:
        secrets.value("DATABASE_URL")
    except Unavailable:
        return False
    return True


def _migrate() -> list[str]:
    connection = connect(secrets.value("DATABASE_URL"), settings)
    try:
        applied = migrate(connection)
    finally:
        connection.close()
    observability.info("migrated", applied=len(applied))
    return applied


def _log(error: Exception) -> None:
    observability.error(
        "migration_failed", sqlstate=_sqlstate(error), **observability.describe(error)
    )


def _reason(error: Exception) -> str:
    """What went wrong, in words that quote neither the secret nor a row."""
    state = _sqlstate(error)
    if state is not None:
        return f"The database refused a migration, SQLSTATE {state}. Nothing was changed."
    if isinstance(error, ConfigurationError):
        return f"{error}."
    if isinstance(error, AppError):
        return f"{error.context.get('setting')}: {error.context.get('reason')}."
    if isinstance(error, pg8000.native.Error | OSError):
        return "The database can't be reached or took too long. Nothing was changed."
    return f"{type(error).__name__}; the function's log says where."


def _sqlstate(error: Exception) -> str | None:
    """PostgreSQL's five-character code of what it refused."""
    fields = error.args[0] if isinstance(error, DatabaseError) and error.args else None
    return str(fields["C"]) if isinstance(fields, dict) and "C" in fields else None
