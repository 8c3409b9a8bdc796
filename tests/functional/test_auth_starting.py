"""How the auth function starts: in a process of its own, as a container does."""

import subprocess

import pytest

from tests.own_process import run_python


def start(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return run_python(code, "layers/common", "functions/auth", environment=environment)


def test_it_starts_without_a_secret_or_a_network_and_imports_only_what_it_needs() -> None:
    code = """
import socket, sys
def refuse(*_): raise AssertionError("connected at import")
socket.create_connection = socket.socket.connect = refuse
import auth_api.app
print(*sys.modules)
"""
    started = start(code, SECRET_ARN="arn:test")

    assert started.returncode == 0, started.stderr
    modules = set(started.stdout.split())
    assert "auth_api.app" in modules
    assert not modules & {"agno", "google.genai", "boto3", "httpx", "sqlalchemy", "dateparser"}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ALGORITHM", "canary"),
        ("DATABASE_CONNECT_SECONDS", "canary"),
        ("LOGIN_WINDOW_SECONDS", "0"),
    ],
)
def test_it_refuses_to_start_with_a_wrong_setting_and_names_it(name: str, value: str) -> None:
    started = start("import auth_api.app", **{name: value})

    assert started.returncode != 0
    assert f"{name}: has a value that is not accepted" in started.stderr
    assert "canary" not in started.stderr


def test_before_a_snapshot_the_connection_and_the_secrets_are_let_go() -> None:
    code = """
import snapshot_restore_py
import auth_api.app as app
app.secrets._values = {"SECRET_KEY": "test-key"}
for action, arguments, options in snapshot_restore_py.get_before_snapshot():
    action(*arguments, **options)
print(app.secrets._values, app.database._connection, len(snapshot_restore_py.get_after_restore()))
"""
    started = start(code)

    assert started.stdout.strip() == "{} None 1"
