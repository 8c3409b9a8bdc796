"""One SQLite file of a twin. What was acknowledged survives a kill of the process."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

Row = sqlite3.Row


class Storage:
    """A connection that is used from one thread alone: the event loop's."""

    def __init__(self, file: Path | None, schema: str) -> None:
        """Opens `file` (None: in memory) and creates what is missing of `schema`."""
        if file:
            file.parent.mkdir(parents=True, exist_ok=True)
        self._connection = sqlite3.connect(str(file or ":memory:"), isolation_level=None)
        self._connection.row_factory = sqlite3.Row
        # WAL with NORMAL loses nothing when the process dies, only when the machine does.
        self._connection.executescript(
            f"pragma journal_mode=wal; pragma synchronous=normal; pragma foreign_keys=on;{schema}"
        )

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All of the block or nothing of it."""
        self._connection.execute("begin immediate")
        try:
            yield
        except BaseException:
            self._connection.execute("rollback")
            raise
        self._connection.execute("commit")

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
