"""Brings a database to the schema that this code needs: plain SQL files, in order, once each."""

import hashlib
from importlib.resources import files
from typing import NamedTuple

from tandem.db.connection import OneRoundTrip
from tandem.errors import ConfigurationError

_LOCK = 8_247_001_001  # any number that nothing else in this database locks on


class Migration(NamedTuple):
    """One file of `db/migrations`, named `NNNN_title.sql`."""

    name: str
    sql: str

    @property
    def digest(self) -> bytes:
        """SHA-256 of the text: an applied file may not be edited afterwards."""
        return hashlib.sha256(self.sql.encode()).digest()


def shipped() -> list[Migration]:
    """The migrations that come with this code, in the order in which they are applied."""
    folder = files("tandem.db") / "migrations"
    found = [Migration(f.name, f.read_text()) for f in folder.iterdir() if f.name.endswith(".sql")]
    return sorted(found)


def migrate(connection: OneRoundTrip, migrations: list[Migration] | None = None) -> list[str]:
    """Names of the migrations that were applied now; empty when there was nothing to do.

    All of them run in one transaction under an advisory lock that ends with it, so that parallel
    callers are safe and a failure leaves nothing behind. The lock is taken before the table of
    applied migrations is made: `create table if not exists` races.

    Raises:
        ConfigurationError: an applied migration has been edited.
        pg8000.native.Error: a statement failed.
    """
    wanted = shipped() if migrations is None else migrations
    connection.run("begin")
    try:
        connection.run("set local statement_timeout = 0")
        connection.run("select pg_advisory_xact_lock(:key)", key=_LOCK)
        connection.run(
            "create table if not exists schema_migrations ("
            " name text primary key, digest bytea not null,"
            " applied_at timestamptz not null default now())"
        )
        applied = {str(name): bytes(digest) for name, digest in _applied(connection)}
        _refuse_edited(applied, wanted)
        fresh = [migration for migration in wanted if migration.name not in applied]
        for migration in fresh:
            connection.run(migration.sql)
            connection.run(
                "insert into schema_migrations (name, digest) values (:name, :digest)",
                name=migration.name,
                digest=migration.digest,
            )
        connection.run("commit")
    except BaseException:
        connection.run("rollback")
        raise
    return [migration.name for migration in fresh]


def _applied(connection: OneRoundTrip) -> list[tuple[str, bytes]]:
    rows = connection.run("select name, digest from schema_migrations") or []
    return [(row[0], row[1]) for row in rows]


def _refuse_edited(applied: dict[str, bytes], wanted: list[Migration]) -> None:
    digests = {migration.name: migration.digest for migration in wanted}
    for name, digest in applied.items():
        if name in digests and digests[name] != digest:
            raise ConfigurationError(setting=name, reason="was edited after it had been applied")
