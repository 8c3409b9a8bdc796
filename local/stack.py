"""Everything at once: PostgreSQL, SQS and Secrets Manager, twins, gateway and functions.

    with Stack() as stack:
        httpx.get(f"{stack.url}/api/auth/me")

Start it from a thread that outlives it: children die with the thread that started them.
"""

import json
import secrets
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx

from local import processes
from local.gateway.config import GatewayConfig
from local.gateway.control import TOKEN_HEADER
from local.postgres import Postgres
from local.queues import provision
from local.resources import Template
from local.settings import (
    SECRET_NAMES,
    TEST_KEY,
    lasting_secret_key,
    refuse_outside_addresses,
    settle_ports,
)
from local.stack_options import TWINS, StackError, StackOptions
from local.template import load_template

__all__ = ["ROOT", "Stack", "StackError", "StackOptions"]

ROOT = Path(__file__).resolve().parent.parent
DATABASE = "tandem"
MIGRATE_FUNCTION = "MigrateFunction"

_READY_SECONDS = 60.0
_POLL_SECONDS = 0.02
_TEMPLATES = {
    "source": ROOT / "template.yaml",
    "built": ROOT / ".aws-sam" / "build" / "template.yaml",
}
_ADDRESS_VARIABLES = {"zep": "ZEP_BASE_URL", "mem0": "MEM0_API_URL", "gemini": "GEMINI_BASE_URL"}


class Stack:
    """Starts on entering, stops on leaving. Options are those of `StackOptions`, by keyword.

    Attributes:
        url, zep_url, mem0_url, gemini_url, aws_url, database_url: where things are, once started.
        data_dir: what is kept.
        log_dir: one file per process and one per function.
        template: the template as the functions see it.
    """

    def __init__(self, **options: Any) -> None:
        self.options = StackOptions(**options)
        real = self.options.real
        self._twins = tuple(name for name in self.options.twins if not real.has(name))
        self._children: dict[str, subprocess.Popen[bytes]] = {}
        self._control_token = secrets.token_urlsafe(24)
        self._control_port = 0
        self._ports: dict[str, int] = {}
        self.postgres: Postgres | None = None
        self.database_url = ""
        self.template: Template

    # ------------------------------------------------------------------ start and stop

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Starts everything and applies the migrations.

        Raises:
            StackError: a part did not become ready, or the migrations failed.
            PortTakenError: a fixed port is in use.
            UnsafeAddressError: an address is outside this machine.
        """
        self._refuse_outside()
        self._ports = settle_ports(
            self.options.ports, needed=frozenset({"gateway", "aws", *self._twins})
        )
        self._control_port = processes.free_port()
        self._prepare_folders()
        self._load_template()
        self._launch_aws()
        for name in self._twins:
            self._launch_twin(name)
        with ThreadPoolExecutor(max_workers=1) as side:
            starting = side.submit(self._start_postgres)
            for name in ("aws", *self._twins):
                self._await_ready(name)
            starting.result()
        self._provision()
        self._launch_gateway()
        self._await_ready("gateway")
        if self.options.migrate and MIGRATE_FUNCTION in self.template.functions:
            self._migrate()

    def stop(self) -> None:
        """Stops everything, the gateway and its functions first; removes a temporary folder."""
        for name in ("gateway", *TWINS, "aws"):
            if name in self._children:
                processes.stop(self._children.pop(name))
        if self.postgres is not None:
            if self.options.data_dir is None:
                self.postgres.remove()
            else:
                self.postgres.stop()
            self.postgres = None
        if self.options.data_dir is None and hasattr(self, "data_dir"):
            shutil.rmtree(self.data_dir, ignore_errors=True)

    # ------------------------------------------------------------------ what others ask

    @property
    def url(self) -> str:
        """The HTTP API."""
        return self._address("gateway")

    @property
    def aws_url(self) -> str:
        """SQS and Secrets Manager."""
        return self._address("aws")

    @property
    def zep_url(self) -> str:
        """Zep's twin; with a real Zep there is none and this fails."""
        return self._address("zep")

    @property
    def mem0_url(self) -> str:
        """Mem0's twin."""
        return self._address("mem0")

    @property
    def gemini_url(self) -> str:
        """Gemini's twin."""
        return self._address("gemini")

    @property
    def pids(self) -> dict[str, int]:
        """Process ids by name: gateway, aws, the twins, postgres, `<Function>.<number>`."""
        found = {name: child.pid for name, child in self._children.items() if child.poll() is None}
        if self.postgres is not None and self.postgres.is_running:
            found["postgres"] = self.postgres.pid
        if "gateway" in found:
            found.update(self._control("GET", "/pids"))
        return found

    @property
    def ended(self) -> list[str]:
        """Processes of the stack that are gone although nobody stopped them."""
        return [name for name, child in self._children.items() if child.poll() is not None]

    def invoke(self, function_id: str, event: Any) -> Any:
        """Runs a function with an event, as a schedule or a person at a terminal would.

        Raises:
            StackError: the function failed, timed out or does not exist; the text has its error.
        """
        answer = self._control("POST", f"/invoke/{function_id}", event)
        if answer["failure"] is not None:
            said = _error_in(answer["payload"])
            raise StackError(
                f"{function_id} failed ({answer['failure']}): {said}; its output is in "
                f"{self.log_dir / function_id}.log"
            )
        return answer["payload"]

    def forget_authorizations(self) -> None:
        """Empties the gateway's authorizer cache."""
        self._control("POST", "/authorizations/reset")

    def kill(self, name: str) -> None:
        """Ends a process of `pids` at once (SIGKILL); function instances by their name too."""
        if name in self._children:
            self._children[name].kill()
            self._children[name].wait()
        else:
            processes.kill(self.pids[name])
            self._await_gone(name)

    def restart(self, name: str) -> None:
        """Starts a killed part again, or stops and starts a living one, at its old address."""
        if name == "postgres":
            self._restart_postgres()
            return
        processes.stop(self._children.pop(name))
        launch: dict[str, Callable[[], None]] = {
            "aws": self._launch_aws,
            "gateway": self._launch_gateway,
        }
        launch.get(name, lambda: self._launch_twin(name))()
        self._await_ready(name)
        if name == "aws":
            self._provision()

    # ------------------------------------------------------------------ parts

    def _prepare_folders(self) -> None:
        if self.options.data_dir is None:
            self.data_dir = Path(tempfile.mkdtemp(prefix="tandem-"))
            # PostgreSQL may have to run as another account, which must be able to pass.
            self.data_dir.chmod(0o711)
        else:
            self.data_dir = self.options.data_dir.resolve()
            self.data_dir.mkdir(parents=True, exist_ok=True, mode=0o711)
        self.log_dir = self.data_dir / "logs"
        self.log_dir.mkdir(mode=0o700, exist_ok=True)

    def _load_template(self) -> None:
        self._template_path = self.options.template or _TEMPLATES[self.options.code]
        self.template = load_template(
            self._template_path, parameters=self.options.parameters, aws_endpoint=self.aws_url
        ).with_visibility(self.options.visibility_seconds)

    def _start_postgres(self) -> None:
        given = self.options.real.secrets.get("DATABASE_URL")
        if given is not None:
            self.database_url = given
            return
        self.postgres = Postgres(
            self.data_dir / "postgres",
            max_connections=self.options.max_connections,
            durable=self.options.data_dir is not None,
        )
        self.postgres.start()
        self.postgres.create_database(DATABASE)
        self.database_url = self.postgres.url(DATABASE)

    def _restart_postgres(self) -> None:
        if self.postgres is None:
            raise StackError("the database is a real one; it is not ours to restart")
        self.postgres.stop()
        self.postgres.start()

    def _launch_aws(self) -> None:
        self._launch("aws", "local.aws_server", "--port", str(self._ports["aws"]))

    def _launch_twin(self, name: str) -> None:
        arguments = ["--port", str(self._ports[name])]
        if name != "gemini":
            folder = self.data_dir / name
            folder.mkdir(exist_ok=True)
            arguments += ["--data", str(folder)]
            if self.options.ingestion_ms is not None:
                arguments += ["--ingestion-ms", str(self.options.ingestion_ms)]
        if name in self.options.latency_ms:
            arguments += ["--latency-ms", str(self.options.latency_ms[name])]
        arguments += self.options.twin_options.get(name, ())
        self._launch(name, f"local.twins.{name}", *arguments)

    def _launch_gateway(self) -> None:
        options = self.options
        path = self.data_dir / "gateway.json"
        GatewayConfig(
            template=str(self._template_path),
            aws_endpoint=self.aws_url,
            port=self._ports["gateway"],
            log_dir=str(self.log_dir),
            home_dir=str(self.data_dir / "home"),
            python=str(options.function_python),
            parameters=dict(options.parameters),
            overrides={**self._for_twins(), **options.real.overrides, **options.overrides},
            extra_environment={"AWS_ENDPOINT_URL": self.aws_url, **options.extra_environment},
            control_port=self._control_port,
            control_token=self._control_token,
            built=options.code == "built",
            snap_start=options.snap_start,
            echo=options.echo,
            schedules=options.schedules,
            event_sources=options.event_sources,
            queue_wait_seconds=options.queue_wait_seconds,
            visibility_seconds=dict(options.visibility_seconds),
        ).save(path)
        self._launch("gateway", "local.gateway", "--config", str(path))

    def _for_twins(self) -> dict[str, str]:
        addresses = {_ADDRESS_VARIABLES[name]: self._address(name) for name in self._twins}
        # A twin has no plan, unless somebody gives it one.
        return addresses | {f"{name.upper()}_REQUESTS_PER_MINUTE": "0" for name in self._twins}

    def _launch(self, name: str, module: str, *arguments: str) -> None:
        self._children[name] = processes.spawn(
            [sys.executable, "-m", module, *arguments],
            log=self.log_dir / f"{name}.log",
            cwd=ROOT,
        )

    def _provision(self) -> None:
        secret = {
            **dict.fromkeys(SECRET_NAMES, TEST_KEY),
            "SECRET_KEY": lasting_secret_key(self.data_dir),
            **self.options.real.secrets,
            "DATABASE_URL": self.database_url,
            **self.options.secret,
        }
        provision(self.aws_url, self.template, secret)

    def _migrate(self) -> None:
        try:
            self.invoke(MIGRATE_FUNCTION, {})
        except StackError as error:
            given = "DATABASE_URL" in self.options.real.secrets
            why = "The database of DATABASE_URL in .env can't be used" if given else "They failed"
            raise StackError(f"The migrations were not applied. {why}. {error}") from error

    # ------------------------------------------------------------------ small things

    def _refuse_outside(self) -> None:
        values = {**self.options.overrides, **self.options.extra_environment}
        refuse_outside_addresses({**values, **self.options.secret, **self.options.parameters})

    def _address(self, name: str) -> str:
        return f"http://{processes.LOOPBACK}:{self._ports[name]}"

    def _await_ready(self, name: str) -> None:
        deadline = time.monotonic() + _READY_SECONDS
        child = self._children[name]
        ports = [self._ports[name], *([self._control_port] if name == "gateway" else [])]
        while not all(processes.answers(port) for port in ports):
            if child.poll() is not None:
                raise StackError(f"{name} ended at once: {self._last_line(name)}")
            if time.monotonic() > deadline:
                raise StackError(f"{name} did not get ready; see {self.log_dir / name}.log")
            time.sleep(_POLL_SECONDS)

    def _last_line(self, name: str) -> str:
        log = self.log_dir / f"{name}.log"
        lines = log.read_text(errors="replace").split("\n") if log.exists() else []
        said = next((line.strip() for line in reversed(lines) if line.strip()), "")
        return f"{said} (see {log})"

    def _await_gone(self, name: str) -> None:
        deadline = time.monotonic() + _READY_SECONDS
        while name in self.pids:
            if time.monotonic() > deadline:
                raise StackError(f"{name} is still there")
            time.sleep(_POLL_SECONDS)

    def _control(self, method: str, path: str, body: Any = None) -> Any:
        response = httpx.request(
            method,
            f"http://{processes.LOOPBACK}:{self._control_port}{path}",
            headers={TOKEN_HEADER: self._control_token},
            content=json.dumps(body),
            timeout=180,
            trust_env=False,
        )
        if response.is_error:
            raise StackError(f"the gateway's control refused {method} {path}")
        return response.json()


def _error_in(payload: Any) -> str:
    """What a failed function said, without its stack trace, which is in its log."""
    if isinstance(payload, dict) and "errorMessage" in payload:
        return f"{payload.get('errorType')}: {payload['errorMessage']}"[:2000]
    return json.dumps(payload)[:2000]
