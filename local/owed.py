"""What `make dev` says about words that the two memories don't have yet, a line when it matters.

It reads the ledger over a connection of its own; when that can't be done it says nothing.
"""

import contextlib
import queue
import ssl
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from types import TracebackType
from typing import Self
from urllib.parse import parse_qs, unquote, urlsplit

import httpx
import pg8000.native

from local.queues import AwsCall
from local.resources import ACCOUNT_ID, Template

_LATE_SECONDS = 3.0  # what arrives sooner is the normal case, and not worth a line
_LINE_SECONDS = 5.0  # between two lines that only say other numbers
_POLL_SECONDS = 1.0
_AWAY_SECONDS = 10.0  # before a database that can't be read is tried again
_TIMEOUT_SECONDS = 5.0
UNREADABLE = (OSError, ValueError, pg8000.native.Error)
"""What `Ledger` raises when the database is away, or is none of ours."""
_STATEMENT = """
select count(*) filter (where store = 'zep')
         + (select count(*) from sessions where thread_deletion = 'owed'),
       count(*) filter (where store = 'mem0'),
       coalesce(extract(epoch from clock_timestamp() - min(owed_at)), 0)::float8,
       (select count(*) from turns where state = 'open')
  from deliveries
 where state = 'owed'
"""


@dataclass(frozen=True)
class Owed:
    """What is owed at one moment.

    Attributes:
        zep, mem0: deliveries that the store has not taken; deletions of threads count at Zep.
        oldest_seconds: how long the oldest delivery has been owed.
        open_turns: turns that are not answered, in every session.
        dead_letters: messages in all dead-letter queues.
    """

    zep: int = 0
    mem0: int = 0
    oldest_seconds: float = 0.0
    open_turns: int = 0
    dead_letters: int = 0

    @property
    def is_late(self) -> bool:
        """Whether somebody may want to know."""
        return self.oldest_seconds > _LATE_SECONDS or self.dead_letters > 0

    @property
    def is_nothing(self) -> bool:
        """Whether everything has arrived."""
        return not (self.zep or self.mem0 or self.dead_letters)

    def __str__(self) -> str:
        oldest = f" (oldest {self.oldest_seconds:.0f} s)" if self.zep or self.mem0 else ""
        return (
            f"owed: zep {self.zep}, mem0 {self.mem0}{oldest}  "
            f"open turns {self.open_turns}  dead letters {self.dead_letters}"
        )


class Telling:
    """Which moments are worth a line."""

    def __init__(self) -> None:
        self._told: Owed | None = None
        self._told_at = 0.0

    def line(self, owed: Owed, now: float) -> str | None:
        """The line, if there is news; `now` in seconds of any steady clock."""
        if self._told is not None and owed.is_nothing:
            self._told = None
            return "owed: nothing any more"
        if not owed.is_late or not self._is_news(owed, now):
            return None
        self._told, self._told_at = owed, now
        return str(owed)

    def _is_news(self, owed: Owed, now: float) -> bool:
        told = self._told
        if told is None or told.dead_letters != owed.dead_letters:
            return True
        counts = (owed.zep, owed.mem0)
        return counts != (told.zep, told.mem0) and now - self._told_at >= _LINE_SECONDS


class Ledger:
    """Reads from the stack's database; a connection that broke is replaced at the next call."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._connection: pg8000.native.Connection | None = None

    def owed(self) -> Owed:
        """What is owed, dead letters aside.

        Raises:
            UNREADABLE: it can't be read.
        """
        try:
            if self._connection is None:
                self._connection = _connect(self._url)
            ((zep, mem0, oldest_seconds, open_turns),) = self._connection.run(_STATEMENT)
        except Exception:
            self.close()
            raise
        return Owed(zep, mem0, oldest_seconds, open_turns)

    def close(self) -> None:
        """Ends the connection."""
        connection, self._connection = self._connection, None
        if connection is None:
            return
        # pg8000 leaves its stream to the garbage collector, and a dead socket open.
        ends = (connection._sock, connection._usock)
        with contextlib.suppress(OSError, pg8000.native.Error):
            connection.close()
        for end in ends:
            if end is not None:
                with contextlib.suppress(OSError):
                    end.close()


def _connect(url: str) -> pg8000.native.Connection:
    parts = urlsplit(url)
    return pg8000.native.Connection(
        unquote(parts.username or ""),
        password=unquote(parts.password or ""),
        host=parts.hostname or "",
        port=parts.port or 5432,
        database=unquote(parts.path[1:]),
        ssl_context=_tls(parts.hostname or "", parse_qs(parts.query)),
        timeout=_TIMEOUT_SECONDS,
    )


def _tls(host: str, options: dict[str, list[str]]) -> ssl.SSLContext | bool:
    """As the functions do: encrypted unless the address says otherwise or is of this machine."""
    default = "disable" if host in {"127.0.0.1", "::1", "localhost"} else "verify-full"
    mode = options.get("sslmode", [default])[0]
    if mode == "disable":
        return False
    context = ssl.create_default_context(cafile=options.get("sslrootcert", [None])[0])
    if mode == "require":
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


class DeadLetters:
    """Counts the messages in the dead-letter queues of a template."""

    def __init__(self, endpoint: str, template: Template) -> None:
        self._call = AwsCall(endpoint)
        self._client = httpx.Client(timeout=_TIMEOUT_SECONDS, trust_env=False)
        targets = {queue.dead_letter_id for queue in template.queues.values()}
        targets |= {item.asynchronous.on_failure_id for item in template.functions.values()}
        self._urls = [
            f"{endpoint}/{ACCOUNT_ID}/{queue.name}"
            for name, queue in template.queues.items()
            if name in targets
        ]

    def count(self) -> int:
        """Messages in all of them, hidden ones too; none while moto is away."""
        try:
            return sum(self._in(url) for url in self._urls)
        except (httpx.HTTPError, ValueError, KeyError):
            return 0

    def close(self) -> None:
        """Ends the connection."""
        self._client.close()

    def _in(self, url: str) -> int:
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        body = {"QueueUrl": url, "AttributeNames": names}
        answer = self._client.send(self._call.build("sqs", "GetQueueAttributes", body))
        attributes = answer.raise_for_status().json()["Attributes"]
        return sum(int(attributes[name]) for name in names)


class OwedWatch:
    """Looks every second while entered, in a thread: a database that hangs holds nobody up."""

    def __init__(self, ledger: Ledger, dead_letters: DeadLetters) -> None:
        self._ledger = ledger
        self._dead_letters = dead_letters
        self._lines: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stopped.set()

    def news(self) -> Sequence[str]:
        """The lines since the last call, oldest first."""
        return [self._lines.get() for _ in range(self._lines.qsize())]

    def _run(self) -> None:
        telling = Telling()
        pause = 0.0
        while not self._stopped.wait(pause):
            pause = self._look(telling)
        self._ledger.close()
        self._dead_letters.close()

    def _look(self, telling: Telling) -> float:
        """Looks once; in how many seconds to look again."""
        try:
            read = self._ledger.owed()
        except UNREADABLE:
            return _AWAY_SECONDS
        counted = self._dead_letters.count()
        owed = Owed(read.zep, read.mem0, read.oldest_seconds, read.open_turns, counted)
        line = telling.line(owed, time.monotonic())
        if line is not None:
            self._lines.put(f"{datetime.now().astimezone():%H:%M:%S}  {line}")
        return _POLL_SECONDS
