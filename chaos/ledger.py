"""What the ledger says of a run: turns, deliveries, and what is unfinished."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

import pg8000.native

_CONNECT_SECONDS: Final = 10

_TURNS: Final = """
select t.id, a.email, s.session_id, s.zep_thread_uuid, t.seq, t.state, t.message, t.reply,
       (select k.key from idempotency_keys k where k.turn_id = t.id limit 1)
  from turns t join sessions s on s.id = t.session_row join accounts a on a.id = t.account_id
 order by a.email, s.session_id, t.seq
"""
_STATES: Final = "select store, state, count(*) from deliveries group by store, state"
_UNFINISHED: Final = """
select (select count(*) from deliveries where state = 'owed'),
       (select count(*) from deliveries where state = 'sent'),
       (select count(*) from turns where state = 'open')
"""
_IDLE: Final = """
select count(*) from sessions s join accounts a on a.id = s.account_id
 where s.session_id = any(:labels)
   and not exists (select from deliveries d where d.session_row = s.id
                    and d.state in ('owed', 'sent'))
   and not exists (select from turns t where t.session_row = s.id and t.state = 'open')
"""
_ACCOUNTS: Final = "select email, id, zep_user_uuid, zep_graph_uuid from accounts"


@dataclass(frozen=True)
class Turn:
    """A row of the ledger. `key` is the client's; `thread` is Zep's."""

    turn_id: str
    email: str
    session_id: str
    thread: str | None
    seq: int
    state: str
    message: str
    reply: str | None
    key: str | None


@dataclass(frozen=True)
class Account:
    """A person, and what they are called by Zep."""

    email: str
    account_id: str
    zep_user: str | None
    zep_graph: str | None


@dataclass(frozen=True)
class Unfinished:
    """What is left to do."""

    owed: int
    sent: int
    open: int

    @property
    def is_nothing(self) -> bool:
        """Whether everything has arrived."""
        return self.owed == self.sent == self.open == 0


class Ledger:
    """Reads a stack's database, each time on a connection of its own."""

    def __init__(self, database_url: str) -> None:
        self._url = urlsplit(database_url)

    def turns(self) -> list[Turn]:
        """All of them, each session's in their order."""
        return [
            Turn(str(turn), email, session, _text(thread), *rest)
            for turn, email, session, thread, *rest in self.rows(_TURNS)
        ]

    def accounts(self) -> list[Account]:
        """Everybody."""
        return [
            Account(email, str(account), _text(user), _text(graph))
            for email, account, user, graph in self.rows(_ACCOUNTS)
        ]

    def unfinished(self) -> Unfinished:
        """What is left to do."""
        return Unfinished(*self.rows(_UNFINISHED)[0])

    def states(self) -> Mapping[tuple[str, str], int]:
        """How many deliveries there are, by store and state."""
        return {(store, state): count for store, state, count in self.rows(_STATES)}

    def idle(self, labels: list[str]) -> int:
        """How many of these sessions have nothing unfinished."""
        return int(self.rows(_IDLE, labels=labels)[0][0])

    def rows(self, sql: str, **parameters: Any) -> list[list[Any]]:
        """What a statement returns."""
        connection = pg8000.native.Connection(
            user=self._url.username or "",
            password=self._url.password,
            host=self._url.hostname or "",
            port=self._url.port or 0,
            database=self._url.path[1:],
            timeout=_CONNECT_SECONDS,
            ssl_context=False,
        )
        try:
            return [list(row) for row in connection.run(sql, **parameters) or ()]
        finally:
            connection.close()


def _text(value: object) -> str | None:
    return None if value is None else str(value)
