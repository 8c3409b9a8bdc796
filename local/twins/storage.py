"""One SQLite file of a twin. What was acknowledged survives a kill of the process."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

Row = sqlite3.Row


class Storage:
    """A connection that is used from one thread alone: the event loop's."""

    def __init__(self, file: Path | None, schema: str) -> None:
        """Opens `file` (None: in memory) and creates what is missing of `schema`.

        In a file of an older schema: tables, indexes, and columns that may be null or have a
        default. `added` names the tables that such a file lacked, for who has to fill them.
        """
        if file:
            file.parent.mkdir(parents=True, exist_ok=True)
        self._connection = sqlite3.connect(str(file or ":memory:"), isolation_level=None)
        self._connection.row_factory = sqlite3.Row
        # SQLite's own `lower` knows the letters of English alone.
        self._connection.create_function("folded", 1, str.casefold, deterministic=True)
        # WAL with NORMAL loses nothing when the process dies, only when the machine does.
        self._connection.executescript(
            "pragma journal_mode=wal; pragma synchronous=normal; pragma foreign_keys=on;"
        )
        try:
            self.added = self._upgrade(schema)
        except BaseException:
            self.close()
            raise

    def _upgrade(self, schema: str) -> frozenset[str]:
        with closing(sqlite3.connect(":memory:")) as fresh:
            fresh.executescript(schema)
            wanted = _columns(fresh)
        self._connection.execute("begin immediate")
        try:
            found = _columns(self._connection)
            for table, known in found.items():
                for column, declared in wanted.get(table, {}).items():
                    if column not in known:
                        self.run(f"alter table {table} add column {declared}")
            for statement in _statements(schema):
                self.run(statement)
        except BaseException:
            self._connection.execute("rollback")
            raise
        self._connection.execute("commit")
        return frozenset(wanted.keys() - found.keys()) if found else frozenset()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All of the block or nothing of it."""
        self._connection.execute("begin immediate")
        try:
            yield
            self._connection.execute("commit")
        except BaseException:
            self._connection.execute("rollback")
            raise

    @contextmanager
    def savepoint(self) -> Iterator[None]:
        """A part of a transaction: all of the block or nothing of it."""
        self._connection.execute("savepoint part")
        try:
            yield
        except BaseException:
            self._connection.execute("rollback to part")
            raise
        finally:
            self._connection.execute("release part")

    def rows(self, sql: str, *values: Any) -> list[Row]:
        """Every row of a query."""
        return self._connection.execute(sql, values).fetchall()

    def row(self, sql: str, *values: Any) -> Row | None:
        """The first row of a query, or None."""
        found: Row | None = self._connection.execute(sql, values).fetchone()
        return found

    def run(self, sql: str, *values: Any) -> int:
        """Executes a statement and returns how many rows it changed."""
        return self._connection.execute(sql, values).rowcount

    def insert(self, table: str, **values: Any) -> None:
        """Adds one row. Table and column names come from our own code."""
        columns, marks = ", ".join(values), ", ".join("?" for _ in values)
        self.run(f"insert into {table} ({columns}) values ({marks})", *values.values())  # noqa: S608

    def clear(self) -> None:
        """Empties every table."""
        names = self.rows("select name from sqlite_master where type = 'table'")
        with self.transaction():
            for row in names:
                if not row["name"].startswith("sqlite_"):
                    self.run(f"delete from {row['name']}")  # noqa: S608

    def close(self) -> None:
        """Closes the file."""
        self._connection.close()


def _columns(connection: sqlite3.Connection) -> dict[str, dict[str, str]]:
    """By table: each column's name and how it is declared."""
    rows = connection.execute("""
        select tables.name, columns.name, columns.type, "notnull", dflt_value
        from sqlite_master as tables join pragma_table_info(tables.name) as columns
        where tables.type = 'table' and tables.name not like 'sqlite_%'
        order by tables.name, cid""")
    found: dict[str, dict[str, str]] = {}
    for table, column, kind, required, default in rows:
        declared = f"{column} {kind}{' not null' if required else ''}"
        declared += "" if default is None else f" default {default}"
        found.setdefault(table, {})[column] = declared
    return found


def _statements(script: str) -> Iterator[str]:
    """One by one, since a script run as a whole would end the transaction first."""
    statement = ""
    for part in script.split(";"):
        statement += part + ";"
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""
