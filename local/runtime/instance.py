"""One execution environment: a process, its Runtime API, and at most one event at a time."""

import asyncio
import contextlib
import os
import time
import uuid
from collections.abc import Callable

from local.processes import die_with
from local.resources import ACCOUNT_ID, REGION, Function
from local.runtime.api import Invocation, RuntimeApi
from local.runtime.credentials import RuntimeAddress
from local.runtime.environment import RuntimeOptions, function_environment
from local.runtime.logs import FunctionLog
from local.runtime.outcome import Failure, Outcome, failed

_ON_DEMAND_INIT_SECONDS = 10.0
_SNAPSHOT_INIT_SECONDS = 130.0
_GRACE_SECONDS = 3.0


class Instance:
    """A function's process from start to end.

    Args:
        function: what it runs.
        options: how it is started.
        number: counts the instances of this function.
        log: where its output goes.
        on_waiting: called whenever it is ready for an event.
        on_exit: called once, when the process is gone.
    """

    def __init__(
        self,
        function: Function,
        options: RuntimeOptions,
        *,
        number: int,
        log: FunctionLog,
        on_waiting: Callable[["Instance"], None],
        on_exit: Callable[["Instance"], None],
    ) -> None:
        self._function = function
        self._options = options
        self._log = log
        self._on_waiting = on_waiting
        self._on_exit = on_exit
        self._api = RuntimeApi(on_waiting=self._waiting, on_init_error=self._init_error)
        self._process: asyncio.subprocess.Process | None = None
        self._watch: asyncio.Task[None] | None = None
        self._current: asyncio.Future[Outcome] | None = None
        self._ready: asyncio.Future[Outcome | None] = asyncio.get_running_loop().create_future()
        self._request_id = ""
        self.number = number
        self.is_alive = False

    @property
    def pid(self) -> int | None:
        """The process id, once it has been started."""
        return self._process.pid if self._process else None

    @property
    def is_finishing(self) -> bool:
        """Whether it has answered and is about to ask for its next event."""
        return self.is_alive and self._current is not None and self._current.done()

    async def start(self) -> Outcome | None:
        """Starts the process and waits for its INIT; the outcome of a failed one, else None."""
        address = await self._api.start()
        try:
            self._process = await self._spawn(address)
        except OSError as error:
            self._api.close()
            return failed(Failure.INIT, f"{self._function.logical_id} cannot start: {error}")
        self.is_alive = True
        self._watch = asyncio.create_task(self._watch_process(self._process))
        try:
            return await asyncio.wait_for(asyncio.shield(self._ready), self._init_seconds())
        except TimeoutError:
            self.kill()
            return failed(Failure.INIT, f"INIT took longer than {self._init_seconds():.0f} seconds")

    async def _spawn(self, address: RuntimeAddress) -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            str(self._options.python),
            "-m",
            "awslambdaric",
            self._function.handler,
            cwd=self._function.code_dir,
            env=function_environment(
                self._function, self._options, address=address, instance=self.number
            ),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=die_with(os.getpid()),
        )

    def _init_seconds(self) -> float:
        # AWS gives INIT 10 s and, when that is over, runs it again inside the first invocation;
        # before a snapshot it may take 130 s or the function's timeout.
        if self._options.snap_start and self._function.snap_start:
            return max(_SNAPSHOT_INIT_SECONDS, self._function.timeout_seconds)
        return _ON_DEMAND_INIT_SECONDS + self._function.timeout_seconds

    async def invoke(self, payload: bytes) -> Outcome:
        """Runs one event; kills the process when the function's timeout is over, as Lambda does."""
        seconds = self._function.timeout_seconds
        name, request_id = self._function.logical_id, str(uuid.uuid4())
        self._request_id = request_id
        outcome = self._current = asyncio.get_running_loop().create_future()
        self._api.send(
            Invocation(
                request_id=request_id,
                payload=payload,
                deadline_ms=int((time.time() + seconds) * 1000),
                function_arn=f"arn:aws:lambda:{REGION}:{ACCOUNT_ID}:function:{name}",
                trace_id=f"Root=1-{int(time.time()):08x}-{uuid.uuid4().hex[:24]};Sampled=0",
                outcome=outcome,
            )
        )
        try:
            return await asyncio.wait_for(asyncio.shield(outcome), seconds)
        except TimeoutError:
            self.kill()
            message = f"{request_id} Task timed out after {seconds:.2f} seconds"
            self._log.write(message.encode())
            return failed(Failure.TIMEOUT, message)

    def kill(self) -> None:
        """Ends the process without asking."""
        self.is_alive = False
        if self._process is not None and self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()

    async def stop(self) -> None:
        """SIGTERM, so that coverage data is written; SIGKILL when that takes too long."""
        self.is_alive = False
        if self._process is None or self._watch is None:
            return
        if self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self._process.terminate()
        try:
            await asyncio.wait_for(asyncio.shield(self._watch), _GRACE_SECONDS)
        except TimeoutError:
            self.kill()
            await self._watch

    async def _watch_process(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdout is not None  # noqa: S101 - it was asked for
        reading = asyncio.create_task(self._log.follow(process.stdout))
        code = await process.wait()
        died_alone, self.is_alive = self.is_alive, False
        self._api.close()
        # A child of the function may hold the pipe open: its last words are not worth waiting for.
        await asyncio.wait({reading}, timeout=0.5)
        reading.cancel()
        died = failed(Failure.CRASH, f"Runtime exited with {_exit_text(code)}")
        if not self._ready.done():
            self._ready.set_result(died)
        if self._current is not None and not self._current.done():
            if died_alone:  # as in CloudWatch, where a run has no other trace of it
                text = f"{self._request_id} Runtime exited with {_exit_text(code)}"
                self._log.write(text.encode())
            self._current.set_result(died)
        self._on_exit(self)

    def _waiting(self) -> None:
        if not self._ready.done():
            self._ready.set_result(None)
        self._current = None
        if self.is_alive:
            self._on_waiting(self)

    def _init_error(self, document: bytes) -> None:
        if not self._ready.done():
            self._ready.set_result(Outcome(document, Failure.INIT))


def _exit_text(code: int) -> str:
    return f"signal {-code}" if code < 0 else f"status {code}"
