"""Each statement may reach another backend, as it does behind a transaction pooler.

So nothing that a statement leaves behind on its backend may be needed, or be in somebody's way.
"""

import asyncio
import re
from collections.abc import Iterator
from contextlib import closing
from importlib.resources import files
from itertools import chain
from typing import Any

import pytest
from pg8000.core import DESCRIBE

from tandem.db.connection import Database, OneRoundTrip
from tandem.db.turns import Turns
from tandem.settings import DatabaseSettings
from tests.integration.turn_ledger import Someone, database_at, new_turn

pytestmark = pytest.mark.integration

# Whatever belongs to one session of the server and outlives a statement.
_LEFT_BEHIND = """
select (select count(*) from pg_prepared_statements) as prepared,
       (select count(*) from pg_cursors where name <> '') as cursors,
       (select count(*) from pg_listening_channels()) as channels,
       (select count(*) from pg_locks where pid = pg_backend_pid() and locktype = 'advisory')
           as advisory,
       (select count(*) from pg_class where relpersistence = 't' and relkind = 'r') as temporary,
       (select coalesce(array_agg(name), '{}') from pg_settings where source = 'session')
           as settings
"""
_CLEAN = {
    "prepared": 0,
    "cursors": 0,
    "channels": 0,
    "advisory": 0,
    "temporary": 0,
    "settings": [],
}
_OF_A_SESSION = re.compile(
    r"\b(pg_(try_)?advisory_lock(_shared)?\s*\(|listen\s+\w|prepare\s+\w+\s+as|declare\s+\w+\s+cursor"
    r"|set\s+session\s|set_config\([^)]*false\s*\)|create\s+temp)",
    re.IGNORECASE,
)


async def _a_turn(database: Database, someone: Someone) -> None:
    turns = Turns(database)
    turn = await someone.say(turns, "I live in Delhi.")
    status = await turns.read(someone.principal, turn.turn_id)
    assert (status.state, len(status.deliveries)) == ("answered", 3)
    again = await someone.open(turns, new_turn("I live in Delhi.", key=str(turn.turn_id)))
    assert again.outcome == "answered"


def test_a_turn_leaves_nothing_on_its_backend(container: Database, ada: Someone) -> None:
    async def story() -> dict[str, Any]:
        await _a_turn(container, ada)
        return await container.row(_LEFT_BEHIND)

    assert asyncio.run(story()) == _CLEAN


def test_a_turn_whose_statements_all_reach_other_backends_is_as_good(
    database: str, ada: Someone
) -> None:
    backends: list[int] = []

    class AnotherEachTime(Database):
        async def rows(self, sql: str, *, repeatable: bool = False, **parameters: Any) -> Any:
            answer = await super().rows(sql, repeatable=repeatable, **parameters)
            backends.append(self._connection._backend_key_data)  # type: ignore[union-attr]
            self.close()
            return answer

    def another(url: str) -> Database:
        return AnotherEachTime(lambda: url, DatabaseSettings())

    with closing(another(database)) as ours:
        asyncio.run(_a_turn(ours, ada))
    assert len(set(backends)) == len(backends) == 4


def test_what_is_sent_names_no_statement_and_no_portal(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    named: list[bytes] = []
    real = OneRoundTrip._send_message

    def listening(self: OneRoundTrip, code: bytes, data: bytes) -> None:
        # Parse and Bind begin with the name; Describe has a letter before it.
        named.append(bytes(data[1:2] if code == DESCRIBE else data[:1]))
        real(self, code, data)

    async def story(ours: Database) -> None:
        await ours.row("select 1 as one")
        monkeypatch.setattr(OneRoundTrip, "_send_message", listening)
        await ours.row("select cast(:n as int) as n", n=1)

    with closing(database_at(database)) as ours:
        asyncio.run(story(ours))
    assert named
    assert set(named) == {b"\x00"}


def _sources() -> Iterator[tuple[str, str]]:
    folder = files("tandem.db")
    for entry in chain(folder.iterdir(), (folder / "migrations").iterdir()):
        if entry.name.endswith((".py", ".sql")):
            yield entry.name, entry.read_text()


def test_no_statement_of_ours_needs_a_session_of_the_server() -> None:
    found = [
        (name, match.group()) for name, text in _sources() for match in _OF_A_SESSION.finditer(text)
    ]
    assert found == []
    assert _OF_A_SESSION.search("select pg_advisory_lock(1)")
    assert not _OF_A_SESSION.search("select pg_advisory_xact_lock(1)")
