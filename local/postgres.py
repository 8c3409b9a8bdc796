"""PostgreSQL for this machine, from a wheel's or Debian's programs.

Several processes may start one data folder: they share a server, and the last clean `stop()` ends
it. Whether it runs is decided by connecting, never by a process id in a file: that number may be
anybody's by now. Two lock files: `mutex` is held while starting and stopping, `users` (shared)
while using; the kernel drops both when a process dies, however it dies.
"""

import contextlib
import fcntl
import os
import re
import secrets
import shlex
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pg8000.native

from local.postgres_binaries import (
    ENVIRONMENT,
    PostgresError,
    find_account,
    find_binaries,
    key_of,
    outside_place,
)
from local.processes import LOOPBACK, free_port

__all__ = ["Postgres", "PostgresError"]

_ADMIN = "admin"
_ROLE = "app"
_SOCKET_PATH_BYTES = 100  # Linux takes 107, macOS 103
_ORPHANS_SECONDS = 15.0
_ATTEMPTS = 3
_NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")
_BUILTIN_LOCALE_SINCE = 17
_IO_METHOD_SINCE = 18


class Postgres:
    """A server on a port of the loopback interface.

    Args:
        data_dir: where its files are; when the account it runs as cannot enter that folder, `files`
            is another one, which stands for it.
        max_connections: PostgreSQL's setting.
        durable: False skips fsync, for data that need not outlive the machine.
    """

    def __init__(self, data_dir: Path, *, max_connections: int = 60, durable: bool = True) -> None:
        self._max_connections = max_connections
        self._durable = durable
        self._account = find_account()
        data_dir.mkdir(parents=True, exist_ok=True, mode=0o711)
        self._data_dir = data_dir.resolve()
        self._binaries = find_binaries(self._account, near=self._data_dir)
        self.files = self._place()
        self._cluster = self.files / "cluster"
        self._run = self._socket_dir()
        self._users: int | None = None

    @property
    def port(self) -> int:
        """The TCP port, once it has been started."""
        return int((self.files / "port").read_text())

    @property
    def pid(self) -> int:
        """The postmaster's process id."""
        return int((self._cluster / "postmaster.pid").read_text().split("\n", 1)[0])

    @property
    def is_running(self) -> bool:
        """Whether it accepts connections."""
        return self._answers()

    @property
    def log_path(self) -> Path:
        """The server's log: no statements, no values."""
        return self.files / "log" / "postgres.log"

    def url(self, name: str) -> str:
        """The connection URL of a database, for a role that owns it and is no superuser."""
        return f"postgresql://{_ROLE}:{self._password}@{LOOPBACK}:{self.port}/{name}"

    def start(self) -> None:
        """Starts the server, or joins the one that runs.

        Raises:
            PostgresError: it cannot start; the end of its log is in the text.
        """
        with self._mutex():
            if not (self._cluster / "PG_VERSION").exists():
                self._make_cluster()
            self._check_version()
            if not self._answers():
                self._clear_remains()
                self._launch()
            self._users = os.open(self.files / "users", os.O_RDWR | os.O_CREAT, 0o600)
            fcntl.flock(self._users, fcntl.LOCK_SH)

    def stop(self) -> None:
        """Leaves the server; the last user stops it."""
        if self._users is None:
            return
        with self._mutex():
            if self._is_last_user() and self._answers():
                self._halt("fast")
            os.close(self._users)
            self._users = None

    def remove(self) -> None:
        """Stops the server, whoever uses it, and deletes its files."""
        self.stop()
        with self._mutex():
            if (self._cluster / "PG_VERSION").exists() and self._answers():
                self._halt("immediate")
        shutil.rmtree(self._run, ignore_errors=True)
        shutil.rmtree(self.files)
        shutil.rmtree(self._data_dir, ignore_errors=True)

    def create_database(self, name: str) -> None:
        """Makes the database if it is not there, owned by the role of `url`.

        Raises:
            PostgresError: the name is not lower case letters, digits and underscores.
        """
        if not _NAME.fullmatch(name):
            raise PostgresError(f"{name!r} is no name for a database here")
        with contextlib.closing(self._connect()) as connection:
            query = "select 1 from pg_database where datname = :name"
            if not connection.run(query, name=name):
                connection.run(f'create database "{name}" owner {_ROLE}')

    def _connect(self) -> pg8000.native.Connection:
        return pg8000.native.Connection(
            _ADMIN,
            password=self._password,
            host=LOOPBACK,
            port=self.port,
            database="postgres",
            ssl_context=False,
        )

    @property
    def _password(self) -> str:
        return (self.files / "password").read_text()

    # ------------------------------------------------------------------ places

    def _place(self) -> Path:
        if self._account.reaches(self._data_dir):
            return self._data_dir
        files = outside_place(self._data_dir) / key_of(self._data_dir)
        token_file = self._data_dir / "elsewhere"
        # Of several who start at once one alone clears up, and before any of them has begun.
        with _locked(self._data_dir / "elsewhere.lock"):
            if not token_file.exists():
                # The folder was made anew, so what stands for it elsewhere is from an earlier life.
                for pid in _processes_in(files / "cluster"):
                    os.kill(pid, signal.SIGKILL)  # its working directory says that it is ours
                shutil.rmtree(files, ignore_errors=True)
                token_file.write_text(f"{files}\n")
            files.mkdir(mode=0o711, exist_ok=True)
            files.chmod(0o711)
        return files

    def _socket_dir(self) -> Path:
        folder = self.files / "run"
        if len(os.fsencode(folder / ".s.PGSQL.65535")) <= _SOCKET_PATH_BYTES:
            return folder
        return Path(tempfile.gettempdir()) / f"tandem-{os.getuid()}-{key_of(self.files)}"

    def _own_folder(self, folder: Path) -> None:
        """A private folder of the account."""
        folder.mkdir(mode=0o700, exist_ok=True)
        owner = folder.lstat().st_uid
        if folder.is_symlink() or owner not in (os.geteuid(), self._account.uid):
            raise PostgresError(f"{folder} belongs to somebody else; remove it.")
        folder.chmod(0o700)
        self._account.own(folder)

    # ------------------------------------------------------------------ locks

    def _mutex(self) -> contextlib.AbstractContextManager[None]:
        return _locked(self.files / "mutex")

    def _is_last_user(self) -> bool:
        assert self._users is not None  # noqa: S101 - stop() looked
        fcntl.flock(self._users, fcntl.LOCK_UN)
        try:
            fcntl.flock(self._users, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    # ------------------------------------------------------------------ life

    def _make_cluster(self) -> None:
        draft = self.files / "cluster.draft"
        shutil.rmtree(draft, ignore_errors=True)  # of a start that was killed
        self._own_folder(draft)
        self._own_folder(self.files / "log")
        password = secrets.token_urlsafe(24)
        _write_private(self.files / "password", password)
        password_file = draft.with_name("password.draft")
        _write_private(password_file, password)
        self._account.own(password_file)
        if self._binaries.major >= _BUILTIN_LOCALE_SINCE:
            locale = ["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"]
        else:
            locale = ["--locale=C.UTF-8"]
        self._run_program(
            "initdb",
            *("-D", str(draft), "-U", _ADMIN, "-E", "UTF8", "--no-sync", "--wal-segsize=4"),
            *("--auth-local=scram-sha-256", "--auth-host=scram-sha-256"),
            *(f"--pwfile={password_file}", *locale),
        )
        password_file.unlink()
        draft.rename(self._cluster)

    def _check_version(self) -> None:
        made_by = int((self._cluster / "PG_VERSION").read_text())
        if made_by != self._binaries.major:
            raise PostgresError(
                f"{self.files} was made by PostgreSQL {made_by} and this is "
                f"{self._binaries.major}: remove the folder to start anew."
            )

    def _answers(self) -> bool:
        try:
            address = str(self._run / f".s.PGSQL.{self.port}")
        except (FileNotFoundError, ValueError):
            return False
        with socket.socket(socket.AF_UNIX) as probe:
            probe.settimeout(5)
            return probe.connect_ex(address) == 0

    def _clear_remains(self) -> None:
        """Removes what a killed server left, once none of its processes writes any more."""
        deadline = time.monotonic() + _ORPHANS_SECONDS
        while found := _processes_in(self._cluster):
            if time.monotonic() > deadline:
                raise PostgresError(
                    f"Process {found[0]} still uses {self._cluster} without answering: end it."
                )
            time.sleep(0.05)
        (self._cluster / "postmaster.pid").unlink(missing_ok=True)
        for leftover in self._run.glob(".s.PGSQL.*"):
            leftover.unlink()

    def _launch(self) -> None:
        self._own_folder(self._run)
        for attempt in range(1, _ATTEMPTS + 1):
            port = self._port_for(attempt)
            try:
                options = shlex.join(self._options(port))
                self._pg_ctl("start", "-w", "-l", str(self.log_path), "-o", options)
            except PostgresError:
                if attempt == _ATTEMPTS:
                    raise
                continue  # most likely somebody took the port in between
            (self.files / "port").write_text(str(port))
            return self._make_role()

    def _port_for(self, attempt: int) -> int:
        """The one it had, so that addresses given out stay true; another when that is taken."""
        with contextlib.suppress(FileNotFoundError, ValueError):
            if attempt == 1:
                return self.port
        return free_port()

    def _make_role(self) -> None:
        with contextlib.closing(self._connect()) as connection:
            if not connection.run("select 1 from pg_roles where rolname = :name", name=_ROLE):
                # The password's alphabet has no quote in it.
                connection.run(f"create role {_ROLE} login password '{self._password}'")

    def _halt(self, mode: str) -> None:
        try:
            self._pg_ctl("stop", "-m", mode, "-w")
        except PostgresError:
            if self._answers():
                raise  # else somebody killed it meanwhile

    def _options(self, port: int) -> list[str]:
        settings = {
            "listen_addresses": LOOPBACK,
            "port": str(port),
            "unix_socket_directories": str(self._run),
            "max_connections": str(self._max_connections),
            "shared_buffers": "32MB",
            "jit": "off",
            "wal_level": "minimal",
            "max_wal_senders": "0",
            "timezone": "UTC",
            "log_timezone": "UTC",
            # The log must never show what people said: no statement, no value, no detail.
            "log_statement": "none",
            "log_duration": "off",
            "log_min_duration_statement": "-1",
            "log_min_error_statement": "panic",
            "log_min_messages": "log",
            "log_error_verbosity": "terse",
            "log_parameter_max_length": "0",
            "log_parameter_max_length_on_error": "0",
        }
        if self._binaries.major >= _IO_METHOD_SINCE:
            settings["io_method"] = "sync"
        if not self._durable:
            settings |= {"fsync": "off", "full_page_writes": "off"}
        return [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]

    def _pg_ctl(self, action: str, *arguments: str) -> None:
        self._run_program("pg_ctl", action, "-D", str(self._cluster), "-s", *arguments)

    def _run_program(self, name: str, *arguments: str) -> None:
        done = subprocess.run(
            [self._binaries.program(name), *arguments],
            cwd="/",
            env=ENVIRONMENT,
            stdin=subprocess.DEVNULL,
            # A file and not a pipe: the server keeps what pg_ctl was given open.
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE if name == "initdb" else subprocess.DEVNULL,
            text=True,
            check=False,
            **self._account.run_as,
        )
        if done.returncode != 0:
            said = done.stderr or _end_of(self.log_path)
            raise PostgresError(f"{name} failed: {said.strip()[-500:]}")


def _processes_in(folder: Path) -> list[int]:
    """Processes whose working directory is the folder; only Linux can tell."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if (entry / "cwd").readlink() == folder:
                found.append(int(entry.name))
    return found


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Others who want the same lock wait meanwhile; it goes with the process, however it ends."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _write_private(path: Path, text: str) -> None:
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)


def _end_of(path: Path) -> str:
    with contextlib.suppress(OSError):
        return path.read_text(errors="replace")[-500:]
    return ""
