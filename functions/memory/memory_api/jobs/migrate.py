"""Brings the database to this code's schema. Invoked by hand at each deployment, before it."""

from collections.abc import Mapping
from typing import Any

import pg8000.native

from tandem import observability
from tandem.db.connection import connect
from tandem.db.migrate import migrate
from tandem.errors import Unavailable
from tandem.secrets import secrets_from_environment
from tandem.settings import DatabaseSettings

# A migration may take longer than any statement of a request.
settings = DatabaseSettings(database_connect_seconds=5.0, database_statement_seconds=55.0)
secrets = secrets_from_environment()


def handler(_event: Mapping[str, Any], context: Any) -> dict[str, list[str]]:
    """Names of the migrations that were applied now.

    Raises:
        Unavailable: the database can't be reached, or a migration failed; nothing was changed.
        ConfigurationError: an applied migration has been edited.
    """
    with observability.log_context(request_id=getattr(context, "aws_request_id", None)):
        try:
            connection = connect(secrets.value("DATABASE_URL"), settings)
            try:
                applied = migrate(connection)
            finally:
                connection.close()
        except (pg8000.native.Error, OSError) as error:
            observability.error("migration_failed", **observability.describe(error))
            raise Unavailable(code="database_unavailable") from error
        observability.info("migrated", applied=len(applied))
    return {"applied": applied}
