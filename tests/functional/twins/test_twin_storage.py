"""A twin's file: what was kept by an older version is still there after an upgrade."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from local.twins.storage import Storage

OLD = """
create table if not exists people (uuid text primary key, name text not null);
create table if not exists gone (id integer primary key);
"""
NEW = """
create table if not exists people (
    uuid text primary key, name text not null, mail text, trust real not null default 0.5,
    note text not null default 'none; so far', born text);
create index if not exists people_by_mail on people (mail) where note <> 'a;b';
create table if not exists places (name text primary key) without rowid;
"""


@contextmanager
def _opened(file: Path | None, schema: str) -> Iterator[Storage]:
    with closing(Storage(file, schema)) as store:
        yield store


def test_an_older_file_keeps_its_rows_and_gains_what_the_schema_adds(tmp_path: Path) -> None:
    file = tmp_path / "twin.sqlite3"
    with _opened(file, OLD) as store:
        store.insert("people", uuid="1", name="Asha")
        store.insert("gone", id=7)
    with _opened(file, NEW) as store:
        assert store.added == {"places"}
        row = store.row("select * from people")
        assert row is not None
        assert dict(row) == {
            "uuid": "1",
            "name": "Asha",
            "mail": None,
            "trust": 0.5,
            "note": "none; so far",
            "born": None,
        }
        store.insert("people", uuid="2", name="Ben", mail="ben@example.com")
        store.insert("places", name="Delhi")
        assert store.rows("select id from gone")[0]["id"] == 7
        plan = store.row(
            "explain query plan select * from people where mail = ? and note <> 'a;b'", "x"
        )
        assert plan is not None
        assert "people_by_mail" in plan["detail"]


def test_a_file_that_was_upgraded_is_as_one_that_never_needed_it(tmp_path: Path) -> None:
    for first in (OLD, NEW):
        with _opened(tmp_path / "twin.sqlite3", first):
            pass
    with _opened(tmp_path / "twin.sqlite3", NEW) as upgraded, _opened(None, NEW) as fresh:
        assert upgraded.added == fresh.added == frozenset()
        sql = "select name, type, [notnull], dflt_value, pk from pragma_table_info('people')"
        columns = [[tuple(row) for row in store.rows(sql)] for store in (upgraded, fresh)]
    assert sorted(columns[0]) == sorted(columns[1])


def test_an_upgrade_that_cannot_be_made_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    file = tmp_path / "twin.sqlite3"
    with _opened(file, OLD) as store:
        store.insert("people", uuid="1", name="Asha")
        store.insert("gone", id=7)
    impossible = f"{NEW} create table if not exists gone (id integer primary key, x text not null);"
    with pytest.raises(sqlite3.OperationalError, match="NOT NULL"):
        Storage(file, impossible)
    with _opened(file, OLD) as store:
        assert [tuple(row) for row in store.rows("select * from people")] == [("1", "Asha")]
        assert not store.rows("select name from sqlite_master where name = 'places'")


def test_a_commit_that_fails_leaves_nothing_and_no_open_transaction() -> None:
    late = """
    create table if not exists parents (id integer primary key);
    create table if not exists children (
        parent integer references parents (id) deferrable initially deferred);
    """
    with _opened(None, late) as store:
        with pytest.raises(sqlite3.IntegrityError), store.transaction():
            store.insert("children", parent=1)
        with store.transaction():
            store.insert("parents", id=1)
        assert len(store.rows("select * from parents")) == 1
        assert store.rows("select * from children") == []
