"""PostgreSQL's runner: shared, crash-proof, and never a danger to other processes."""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pg8000.native
import pytest

from local import postgres_binaries
from local.postgres import Postgres, PostgresError
from local.postgres_binaries import Account
from local.processes import answers

pytestmark = pytest.mark.integration

ROOT = Path(__file__).parents[2]


@contextlib.contextmanager
def connected(url: str) -> Iterator[pg8000.native.Connection]:
    parts = urlsplit(url)
    connection = pg8000.native.Connection(
        parts.username or "",
        password=parts.password,
        host=parts.hostname or "",
        port=parts.port or 0,
        database=parts.path[1:],
        ssl_context=False,
    )
    try:
        yield connection
    finally:
        with contextlib.suppress(pg8000.native.InterfaceError):
            connection.close()


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline, "the deadline is over"
        time.sleep(0.02)


def is_alive(pid: int) -> bool:
    """Whether it runs; one that nobody has reaped yet does not."""
    try:
        status = Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return False
    return status.rsplit(") ", 1)[1][0] != "Z"


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    data = tmp_path / "pg"
    yield data
    Postgres(data).remove()


@pytest.fixture
def server(folder: Path) -> Postgres:
    postgres = Postgres(folder, durable=False)
    postgres.start()
    postgres.create_database("probe")
    return postgres


def test_a_database_is_reached_by_password_over_loopback_by_a_role_that_is_no_superuser(
    server: Postgres,
) -> None:
    url = server.url("probe")
    assert urlsplit(url).hostname == "127.0.0.1"
    with connected(url) as connection:
        assert connection.run("select current_user, usesuper from pg_user") == [
            ["app", True] if row[0] != "app" else ["app", False]
            for row in connection.run("select usename from pg_user")
        ]
        assert connection.run("show max_connections") == [["60"]]
        connection.run("create table t (x int)")
    wrong = url.replace(urlsplit(url).password or "", "wrong")
    with pytest.raises(pg8000.native.DatabaseError, match="28P01"), connected(wrong):
        pass


def test_making_a_database_twice_keeps_it_and_a_bad_name_is_refused(server: Postgres) -> None:
    with connected(server.url("probe")) as connection:
        connection.run("create table kept (x int)")
    server.create_database("probe")
    with connected(server.url("probe")) as connection:
        assert connection.run("select count(*) from kept") == [[0]]
    with pytest.raises(PostgresError, match="no name for a database"):
        server.create_database('x"; drop')


def test_what_was_committed_survives_kill_9_and_nothing_else_does(
    server: Postgres, folder: Path
) -> None:
    with connected(server.url("probe")) as connection, connected(server.url("probe")) as open_one:
        connection.run("create table t (x int)")
        connection.run("insert into t select generate_series(1, 500)")
        open_one.run("begin")
        open_one.run("insert into t values (501)")
        os.kill(server.pid, signal.SIGKILL)
    port = server.port
    again = Postgres(folder, durable=False)
    again.start()
    assert again.port == port  # addresses given out stay true
    with connected(again.url("probe")) as connection:
        assert connection.run("select count(*) from t") == [[500]]


def test_a_foreign_process_whose_id_stands_in_the_pid_file_is_never_touched(
    server: Postgres, folder: Path
) -> None:
    killed, pid_file = server.pid, server.files / "cluster" / "postmaster.pid"
    content = pid_file.read_text()
    os.kill(killed, signal.SIGKILL)
    until(lambda: not is_alive(killed))
    with subprocess.Popen(["sleep", "60"]) as bystander:
        pid_file.write_text(content.replace(str(killed), str(bystander.pid), 1))
        again = Postgres(folder, durable=False)
        again.start()
        assert again.pid not in (killed, bystander.pid)
        again.stop()
        again.remove()
        assert bystander.poll() is None
        bystander.kill()


def test_a_start_that_was_killed_half_way_is_started_over(folder: Path) -> None:
    unfinished = Postgres(folder, durable=False)
    draft = unfinished.files / "cluster.draft"
    draft.mkdir()
    (draft / "PG_VERSION").write_text("18\n")
    unfinished.start()
    assert not draft.exists()


_HOLD = """
import sys
from pathlib import Path
from local.postgres import Postgres
postgres = Postgres(Path(sys.argv[1]), durable=False)
postgres.start()
print(postgres.pid, postgres.port, flush=True)
sys.stdin.readline()
postgres.stop()
print("left", flush=True)
"""


def test_starters_at_once_share_one_server_and_the_last_to_leave_stops_it(folder: Path) -> None:
    command = [sys.executable, "-c", _HOLD, str(folder)]
    users = [
        subprocess.Popen(
            command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for _ in range(3)
    ]
    with contextlib.ExitStack() as stack:
        for user in users:
            stack.enter_context(user)
        servers = {_line(user) for user in users}
        assert len(servers) == 1
        port = int(servers.pop().split()[1])
        users[0].kill()  # its share of the lock goes with it
        users[0].wait()
        _leave(users[1])
        assert answers(port)
        _leave(users[2])
        assert not answers(port)


def _line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline()


def _leave(process: subprocess.Popen[str]) -> None:
    assert process.stdin is not None
    process.stdin.write("\n")
    process.stdin.flush()
    assert _line(process) == "left\n"


def test_the_log_shows_neither_statements_nor_values(server: Postgres) -> None:
    with connected(server.url("probe")) as connection:
        connection.run("create table t (email text unique, n int)")
        connection.run("insert into t values (:e, 1)", e="canary@example.test")
        for statement, values in (
            ("insert into t values (:e, 1)", {"e": "canary@example.test"}),
            ("select cast(:e as int)", {"e": "canary-text"}),
            ("select 'canary-literal' from nowhere", {}),
            ("do $$ begin raise warning 'canary-warning'; end $$", {}),
        ):
            with contextlib.suppress(pg8000.native.DatabaseError):
                connection.run(statement, **values)
        os.kill(connection.run("select pg_backend_pid()")[0][0], signal.SIGKILL)
    until(lambda: "terminated by signal 9" in server.log_path.read_text())
    assert "canary" not in server.log_path.read_text()


def test_a_path_too_long_for_a_socket_works(tmp_path: Path) -> None:
    long = tmp_path / ("d" * 60) / ("e" * 60)
    postgres = Postgres(long, durable=False)
    try:
        postgres.start()
        postgres.create_database("probe")
    finally:
        postgres.remove()


def test_data_of_another_version_is_refused_with_its_folder(server: Postgres, folder: Path) -> None:
    server.stop()
    version = server.files / "cluster" / "PG_VERSION"
    original = version.read_text()
    version.write_text("9\n")
    with pytest.raises(PostgresError, match="made by PostgreSQL 9"):
        Postgres(folder).start()
    version.write_text(original)


def test_it_works_below_a_private_folder_and_leaves_that_as_it_was(tmp_path: Path) -> None:
    private = tmp_path / "private"
    private.mkdir(mode=0o700)
    data = private / "checkout" / "pg"
    postgres = Postgres(data, durable=False)
    try:
        postgres.start()
        postgres.create_database("probe")
        with connected(postgres.url("probe")) as connection:
            assert connection.run("select 1") == [[1]]
        assert private.stat().st_mode & 0o777 == 0o700
        # Root's server runs as an account that cannot enter; anybody else's stays where it is.
        assert postgres.files.is_relative_to(private) == (os.geteuid() != 0)
        assert postgres.files.joinpath("cluster").stat().st_mode & 0o077 == 0
    finally:
        postgres.remove()
    assert not postgres.files.exists()


def test_a_folder_made_anew_does_not_inherit_the_data_of_the_old_one(tmp_path: Path) -> None:
    private = tmp_path / "private"
    private.mkdir(mode=0o700)
    first = Postgres(private / "pg", durable=False)
    first.start()
    first.create_database("probe")
    old = first.pid
    shutil.rmtree(private / "pg")
    second = Postgres(private / "pg", durable=False)
    try:
        second.start()
        with pytest.raises(pg8000.native.DatabaseError, match="3D000"):
            second.create_database("other")
            with connected(second.url("probe")):
                pass
    finally:
        second.remove()
        if is_alive(old):  # as a plain user the folder itself is gone, and its server with it
            os.kill(old, signal.SIGKILL)


def test_programs_that_the_account_cannot_reach_run_from_a_copy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reaches = Account.reaches
    monkeypatch.setattr(
        Account,
        "reaches",
        lambda self, path: "site-packages" not in str(path) and reaches(self, path),
    )
    postgres = Postgres(tmp_path / "pg", durable=False)
    try:
        postgres.start()
        assert "site-packages" not in str(Path(f"/proc/{postgres.pid}/exe").readlink())
    finally:
        postgres.remove()


def test_without_any_programs_one_sentence_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres_binaries, "_of_the_wheel", list)
    monkeypatch.setattr(postgres_binaries, "_of_debian", list)
    with pytest.raises(PostgresError, match=r"requirements/dev\.txt"):
        Postgres(tmp_path / "pg")
