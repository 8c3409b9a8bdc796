"""A stretch of network to a service that can be made to fail while both sides are using it."""

import contextlib
import selectors
import socket
import struct
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Final, Literal, Self

from local.processes import LOOPBACK

Mode = Literal["pass", "refuse", "hang", "reset", "slow"]

_CHUNK_BYTES: Final = 65_536
_HELD_BYTES: Final = 4 * 1024 * 1024  # then the sender has to wait, as on any wire
_BACKLOG: Final = 128
_TARGET_SECONDS: Final = 5.0
_RST_ON_CLOSE: Final = struct.pack("ii", 1, 0)  # SO_LINGER with no time to linger


class FaultyWire:
    """A TCP proxy on the loopback interface, for any protocol; its own thread does the work.

    What each mode does, to the connections that are open as well as to new ones:

    - `pass`: nothing is changed.
    - `refuse`: the service is down. Nobody listens, open connections are closed.
    - `hang`: connections are accepted and stay open, and what is sent either way is swallowed. A
      connection that has lost something so stays dead when the mode changes again.
    - `reset`: open and new connections are reset (RST).
    - `slow`: each piece of an answer is passed on `delay_seconds` after it came, in order. What is
      held when the mode becomes `pass` is let go at once.

    A mode holds when the assignment returns.

    Args:
        target: port of the service on the loopback interface; asked at each new connection, so
            that the service may be started again elsewhere. When it can't be reached, the
            connection is reset.

    Attributes:
        port: where the client connects to; the same for as long as the wire is there.
        delay_seconds: of the mode `slow`, for answers that come from now on.
        connections: how often one was accepted, whatever became of it.
    """

    def __init__(self, target: Callable[[], int]) -> None:
        self.delay_seconds = 3.0
        self.connections = 0
        self._target = target
        self._mode: Mode = "pass"
        # Never listens: it keeps the port for this wire while nobody else of it does.
        self._keeper = _bound(0)
        self.port = int(self._keeper.getsockname()[1])
        self._listener: socket.socket | None = None
        self._lines: set[_Line] = set()
        self._selector = selectors.DefaultSelector()
        self._orders: deque[tuple[Callable[[], None], threading.Event]] = deque()
        self._mutex = threading.Lock()
        self._is_open = True
        self._bell, self._button = socket.socketpair()
        self._bell.setblocking(False)
        self._selector.register(self._bell, selectors.EVENT_READ)
        self._listen()
        self._thread = threading.Thread(target=self._work, daemon=True, name="faulty-wire")
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def mode(self) -> Mode:
        """What is done to connections now."""
        return self._mode

    @mode.setter
    def mode(self, mode: Mode) -> None:
        self._order(lambda: self._change(mode))

    @property
    def open_connections(self) -> int:
        """How many there are now."""
        return len(self._lines)

    def cut(self) -> None:
        """Resets the connections that are open; the mode stays, and new ones are taken."""
        self._order(lambda: self._end_all(is_reset=True))

    def close(self) -> None:
        """Ends every connection, and takes no more."""
        self._order(self._stop)
        self._thread.join(timeout=10)

    def _order(self, action: Callable[[], None]) -> None:
        """Has the wire's thread do it, which alone touches the connections, and waits for it."""
        done = threading.Event()
        with self._mutex:
            if not self._is_open:
                return
            self._orders.append((action, done))
            self._button.send(b"!")
        if not done.wait(timeout=10):
            raise TimeoutError("the wire's thread has ended")

    def _work(self) -> None:
        while self._is_open:
            for key, events in self._selector.select(self._seconds_to_next()):
                if key.fileobj is self._bell:
                    self._obey()
                elif key.fileobj is self._listener:
                    self._accept(self._listener)
                elif key.data in self._lines and events & selectors.EVENT_READ:
                    key.data.take(
                        key.fileobj,
                        is_hanging=self._mode == "hang",
                        delay_seconds=self.delay_seconds if self._mode == "slow" else 0.0,
                    )
            for line in tuple(self._lines):
                line.pass_on()
                if not line.watch(self._selector):
                    self._lines.discard(line)

    def _seconds_to_next(self) -> float | None:
        dues = (line.next_due() for line in self._lines)
        first = min((due for due in dues if due is not None), default=None)
        return None if first is None else max(0.0, first - time.monotonic())

    def _obey(self) -> None:
        with contextlib.suppress(BlockingIOError):
            self._bell.recv(_CHUNK_BYTES)
        while self._orders:
            action, done = self._orders.popleft()
            action()
            done.set()

    def _change(self, mode: Mode) -> None:
        self._mode = mode
        if mode == "refuse":
            self._stop_listening()
        elif self._listener is None:
            self._listen()
        if mode in {"refuse", "reset"}:
            self._end_all(is_reset=mode == "reset")
        for line in self._lines:
            if mode == "pass":
                line.release()
            elif mode == "hang":
                line.swallow()

    def _listen(self) -> None:
        self._listener = _bound(self.port)
        self._listener.listen(_BACKLOG)
        self._listener.setblocking(False)
        self._selector.register(self._listener, selectors.EVENT_READ)

    def _stop_listening(self) -> None:
        if self._listener is not None:
            self._selector.unregister(self._listener)
            self._listener.close()
            self._listener = None

    def _accept(self, listener: socket.socket) -> None:
        try:
            client, _ = listener.accept()
        except OSError:
            return  # it was gone again
        self.connections += 1
        server = None
        if self._mode in {"pass", "slow"}:
            # A port that is read from a file which is being written is no number yet.
            with contextlib.suppress(OSError, ValueError):
                server = socket.create_connection((LOOPBACK, self._target()), _TARGET_SECONDS)
        line = _Line(client, server)
        if server is None and self._mode != "hang":
            line.end(self._selector, is_reset=True)
        else:
            self._lines.add(line)

    def _end_all(self, *, is_reset: bool) -> None:
        for line in self._lines:
            line.end(self._selector, is_reset=is_reset)
        self._lines.clear()

    def _stop(self) -> None:
        with self._mutex:
            self._is_open = False
        self._stop_listening()
        self._end_all(is_reset=False)
        self._selector.close()
        for end in (self._keeper, self._bell, self._button):
            end.close()


class _Line:
    """One connection: what comes from the client goes to the server, and the other way round.

    Args:
        server: None when nothing that is sent is to arrive.
    """

    def __init__(self, client: socket.socket, server: socket.socket | None) -> None:
        self._client = client
        self._ends = (client,) if server is None else (client, server)
        self._ways: dict[socket.socket, _Way] = {}  # by where it comes from
        if server is not None:
            self._ways = {client: _Way(server), server: _Way(client)}
        for end in self._ends:
            end.setblocking(False)
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._is_dead = server is None
        self._has_lost_server = server is None
        self._is_open = True

    def take(self, end: socket.socket, *, is_hanging: bool, delay_seconds: float) -> None:
        """Takes what has come at one end; an answer is due after the delay, the rest at once."""
        try:
            data = end.recv(_CHUNK_BYTES)
        except BlockingIOError:
            return
        except OSError:
            self._is_open = False
            return
        self._is_dead = self._is_dead or is_hanging
        if not self._is_dead:
            delay = 0.0 if end is self._client else delay_seconds
            self._ways[end].take(data, time.monotonic() + delay)
        elif not data and end is self._client:
            self._is_open = False
        elif not data:
            self._has_lost_server = True

    def pass_on(self) -> None:
        """Sends what is due, as far as it goes."""
        if self._is_dead or not self._is_open:
            return
        try:
            for way in self._ways.values():
                way.pass_on(time.monotonic())
        except OSError:
            self._is_open = False
            return
        self._is_open = not all(way.is_done for way in self._ways.values())

    def next_due(self) -> float | None:
        """When there is something to pass on; None when only a socket can tell."""
        if self._is_dead:
            return None
        dues = (way.next_due() for way in self._ways.values())
        return min((due for due in dues if due is not None), default=None)

    def release(self) -> None:
        """What is held is due now."""
        for way in self._ways.values():
            way.release()

    def swallow(self) -> None:
        """What is held is lost; if there was any, the connection is dead."""
        self._is_dead = self._is_dead or any(way.held for way in self._ways.values())

    def watch(self, selector: selectors.BaseSelector) -> bool:
        """Asks to be told of what can happen next; False when the connection has ended."""
        if not self._is_open:
            self.end(selector, is_reset=False)
            return False
        for end in self._ends:
            _watch(selector, end, self._events(end), self)
        return True

    def end(self, selector: selectors.BaseSelector, *, is_reset: bool) -> None:
        """Closes both ends."""
        for end in self._ends:
            _watch(selector, end, 0, self)
            with contextlib.suppress(OSError):
                if is_reset:
                    end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RST_ON_CLOSE)
            end.close()

    def _events(self, end: socket.socket) -> int:
        if self._is_dead:
            is_gone = self._has_lost_server and end is not self._client
            return 0 if is_gone else selectors.EVENT_READ
        events = selectors.EVENT_READ if self._ways[end].wants_more else 0
        if any(way.is_blocked and way.sink is end for way in self._ways.values()):
            events |= selectors.EVENT_WRITE
        return events


class _Way:
    """What goes to one end of a connection, in order, each piece when it is due."""

    def __init__(self, sink: socket.socket) -> None:
        self.sink = sink
        self.held: deque[tuple[float, bytes]] = deque()  # no bytes: the farewell
        self.is_blocked = False
        self.is_done = False
        self._has_ended = False
        self._size = 0

    @property
    def wants_more(self) -> bool:
        return not self._has_ended and self._size < _HELD_BYTES

    def take(self, data: bytes, due: float) -> None:
        self.held.append((due, data))
        self._size += len(data)
        self._has_ended = not data

    def next_due(self) -> float | None:
        return self.held[0][0] if self.held and not self.is_blocked else None

    def release(self) -> None:
        self.held = deque((0.0, data) for _, data in self.held)

    def pass_on(self, now: float) -> None:
        self.is_blocked = False
        while self.held and self.held[0][0] <= now:
            due, data = self.held[0]
            if not data:
                self.sink.shutdown(socket.SHUT_WR)
                self.is_done = True
                self.held.clear()
                return
            try:
                sent = self.sink.send(data)
            except BlockingIOError:
                self.is_blocked = True
                return
            self._size -= sent
            self.held.popleft()
            if sent < len(data):
                self.held.appendleft((due, data[sent:]))


def _bound(port: int) -> socket.socket:
    end = socket.socket()
    end.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    end.bind((LOOPBACK, port))
    return end


def _watch(selector: selectors.BaseSelector, end: socket.socket, events: int, line: _Line) -> None:
    known = selector.get_map().get(end)
    if known is None and events:
        selector.register(end, events, line)
    elif known is not None and not events:
        selector.unregister(end)
    elif known is not None and known.events != events:
        selector.modify(end, events, line)
