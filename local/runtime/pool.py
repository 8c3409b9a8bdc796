"""Pools of instances: on demand, warm ones first, never more than the reserved concurrency."""

import asyncio
import math
from collections import deque
from collections.abc import Mapping

from local.resources import Function
from local.runtime.environment import RuntimeOptions
from local.runtime.instance import Instance
from local.runtime.logs import FunctionLog
from local.runtime.outcome import PAYLOAD_LIMIT_BYTES, Failure, Outcome, failed

_FINISHING_SECONDS = 0.05
_Turn = asyncio.Future["Instance | Outcome"]


class Pool:
    """The instances of one function; `slots` is shared by all that start on this machine."""

    def __init__(
        self, function: Function, options: RuntimeOptions, slots: asyncio.Semaphore
    ) -> None:
        self._slots = slots
        self._starting = 0
        self._function = function
        self._options = options
        log_path = options.log_dir / f"{function.logical_id}.log"
        self._log = FunctionLog(log_path, name=function.logical_id, echo=options.echo)
        self._instances: set[Instance] = set()
        self._idle: list[Instance] = []
        self._waiting: deque[_Turn] = deque()
        self._starts: set[asyncio.Task[None]] = set()
        self._started = 0
        self._is_closed = False

    async def invoke(self, payload: bytes, *, wait_seconds: float = math.inf) -> Outcome:
        """Runs the event in a warm instance, a new one, or the first to become free in time."""
        if len(payload) > PAYLOAD_LIMIT_BYTES:
            text = f"Request must be smaller than {PAYLOAD_LIMIT_BYTES} bytes"
            return failed(Failure.REQUEST_TOO_LARGE, text)
        found = await self._acquire(wait_seconds)
        return found if isinstance(found, Outcome) else await found.invoke(payload)

    @property
    def pids(self) -> dict[str, int]:
        """Process ids by `<function>.<number>`."""
        name = self._function.logical_id
        alive = (instance for instance in self._instances if instance.is_alive)
        return {f"{name}.{item.number}": item.pid for item in alive if item.pid is not None}

    async def stop(self) -> None:
        """Ends every instance and answers whoever still waits."""
        self._is_closed = True
        for start in self._starts:
            start.cancel()
        await asyncio.gather(*(instance.stop() for instance in tuple(self._instances)))
        for turn in self._waiting:
            if not turn.done():
                turn.set_result(failed(Failure.CRASH, "the local stack is stopping"))
        self._log.close()

    async def _acquire(self, wait_seconds: float) -> Instance | Outcome:
        while self._idle:
            instance = self._idle.pop()  # the one used last: its caches and sockets are warmest
            if instance.is_alive:
                return instance
        turn: _Turn = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            # Between its answer and its next question an instance is as good as free.
            if any(instance.is_finishing for instance in self._instances):
                await asyncio.wait({turn}, timeout=_FINISHING_SECONDS)
            self._start_missing()
            return await self._await_turn(turn, wait_seconds)
        except asyncio.CancelledError:
            if turn in self._waiting:
                self._waiting.remove(turn)
            elif isinstance(given := turn.result(), Instance):
                self._release(given)
            raise

    async def _await_turn(self, turn: _Turn, wait_seconds: float) -> Instance | Outcome:
        while True:
            seconds = min(wait_seconds, self._options.queue_wait_seconds)
            done, _ = await asyncio.wait({turn}, timeout=seconds)
            if done:
                return turn.result()
            wait_seconds = math.inf  # an instance that starts is waited for: its call has begun
            if not self._starts:
                self._waiting.remove(turn)
                return failed(Failure.THROTTLED, "Rate Exceeded.")

    def _start_missing(self) -> None:
        """One new instance for each call that waits, up to the ceiling; all start side by side."""
        ceiling = self._function.reserved_concurrency
        while (
            not self._is_closed
            and len(self._starts) < len(self._waiting)
            and len(self._instances) < ceiling
        ):
            self._started += 1
            instance = Instance(
                self._function,
                self._options,
                number=self._started,
                log=self._log,
                on_waiting=self._release,
                on_exit=self._forget,
            )
            self._instances.add(instance)
            task = asyncio.create_task(self._start(instance))
            self._starts.add(task)
            task.add_done_callback(self._started_up)

    async def _start(self, instance: Instance) -> None:
        async with self._slots:
            if self._starting >= len(self._waiting):
                self._instances.discard(instance)  # others were faster: nobody waits for this one
                return
            self._starting += 1
            try:
                outcome = await instance.start()
            finally:
                self._starting -= 1
        if outcome is None:
            return
        if not instance.is_alive:
            self._instances.discard(instance)
        if self._waiting:
            self._waiting.popleft().set_result(outcome)

    def _started_up(self, task: asyncio.Task[None]) -> None:
        self._starts.discard(task)
        self._start_missing()

    def _release(self, instance: Instance) -> None:
        if self._waiting:
            self._waiting.popleft().set_result(instance)
        else:
            self._idle.append(instance)

    def _forget(self, instance: Instance) -> None:
        self._instances.discard(instance)
        if instance in self._idle:
            self._idle.remove(instance)
        self._start_missing()


class Runtime:
    """All functions of a template, by logical id. Made inside a running event loop."""

    def __init__(self, functions: Mapping[str, Function], options: RuntimeOptions) -> None:
        options.home_dir.mkdir(parents=True, exist_ok=True)
        slots = asyncio.Semaphore(options.parallel_starts)
        self._pools = {name: Pool(function, options, slots) for name, function in functions.items()}

    async def invoke(
        self, function_id: str, payload: bytes, *, wait_seconds: float = math.inf
    ) -> Outcome:
        """Invokes a function and waits for it.

        Args:
            wait_seconds: for a free instance, if that is less than the stack's own limit.

        Raises:
            KeyError: the template has no such function.
        """
        return await self._pools[function_id].invoke(payload, wait_seconds=wait_seconds)

    @property
    def pids(self) -> dict[str, int]:
        """Process ids of every instance alive."""
        return {name: pid for pool in self._pools.values() for name, pid in pool.pids.items()}

    async def stop(self) -> None:
        """Ends every process."""
        await asyncio.gather(*(pool.stop() for pool in self._pools.values()))
