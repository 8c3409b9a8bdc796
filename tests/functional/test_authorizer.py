"""The authorizer's real handler, given API Gateway's requests and a secret on a socket."""

import importlib
import json
import sys
import time
from collections.abc import Callable
from types import ModuleType
from typing import Any

import jwt
import pytest

from tests.own_process import run_python

KEY = "test-key" * 4
SUB = "0b0e1c52-6f0e-4f6c-9d0e-0a4f5d1c2b3a"
SID = "7d4c3b2a-1f0e-4d5c-8b6a-9a8b7c6d5e4f"


@pytest.fixture
def authorizer(secrets_manager: Any) -> ModuleType:
    """The function, imported afresh as in a new container."""
    secrets_manager.values = {"SECRET_KEY": KEY}
    sys.modules.pop("jwt_authorizer.app", None)
    return importlib.import_module("jwt_authorizer.app")


def token(**changes: Any) -> str:
    now = int(time.time())
    claims = {
        "sub": SUB,
        "sid": SID,
        "jti": "j",
        "iat": now,
        "nbf": now,
        "exp": now + 1_800,
        "iss": "tandem",
        "aud": "tandem-api",
        "typ": "access",
    }
    return jwt.encode(claims | changes, KEY, algorithm="HS256")


@pytest.fixture
def request_with(http_event: Callable[..., dict[str, Any]]) -> Callable[[str], dict[str, Any]]:
    def make(header: str) -> dict[str, Any]:
        event = http_event("authorizer_request", headers={"authorization": header})
        return event | {"identitySource": [header]}

    return make


def test_a_good_token_is_allowed_and_the_function_is_told_whose_it_is(
    authorizer: ModuleType, request_with: Callable[[str], dict[str, Any]]
) -> None:
    answer = authorizer.handler(request_with(f"bEARER {token()}"), None)

    assert answer["isAuthorized"] is True
    assert answer["context"] == {"sub": SUB, "sid": SID, "exp": answer["context"]["exp"]}
    assert isinstance(answer["context"]["exp"], int)
    assert json.loads(json.dumps(answer)) == answer


@pytest.mark.parametrize(
    "header",
    ["", "Bearer", "Basic YTpi", "Bearer not-a-token", "Bearer " + "A" * 9_000, "Bearer é.é.é"],
)
def test_anything_but_a_good_token_is_the_error_that_becomes_401(
    header: str,
    authorizer: ModuleType,
    request_with: Callable[[str], dict[str, Any]],
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(Exception, match="Unauthorized") as refused:
        authorizer.handler(request_with(header), None)

    assert str(refused.value) == "Unauthorized"
    line = json.loads(capsys.readouterr().out)
    assert (line["message"], line["request_id"]) == ("token refused", "request-authorizer")


def test_an_expired_token_is_refused_and_never_written_to_the_log(
    authorizer: ModuleType,
    request_with: Callable[[str], dict[str, Any]],
    capsys: pytest.CaptureFixture[str],
) -> None:
    expired = token(exp=int(time.time()) - 60)

    with pytest.raises(Exception, match="Unauthorized") as refused:
        authorizer.handler(request_with(f"Bearer {expired}"), None)

    written = capsys.readouterr()
    assert json.loads(written.out)["reason"] == "ExpiredSignatureError"
    for part in expired.split("."):
        assert part not in written.out + written.err
    assert refused.value.__suppress_context__


@pytest.mark.parametrize(
    ("previous", "allowed"), [(KEY, True), ("third-key" * 4, False), ("", False), (None, False)]
)
def test_after_a_rotation_tokens_of_the_key_before_are_good_while_it_is_in_the_secret(
    previous: str | None,
    allowed: bool,
    authorizer: ModuleType,
    secrets_manager: Any,
    request_with: Callable[[str], dict[str, Any]],
) -> None:
    old = request_with(f"Bearer {token()}")
    secrets_manager.values = {"SECRET_KEY": "next-key" * 4, "SECRET_KEY_PREVIOUS": previous}

    if allowed:
        assert authorizer.handler(old, None)["context"]["sid"] == SID
    else:
        with pytest.raises(Exception, match="Unauthorized"):
            authorizer.handler(old, None)
    fresh = jwt.encode(
        jwt.decode(token(), options={"verify_signature": False}), "next-key" * 4, "HS256"
    )
    assert authorizer.handler(request_with(f"Bearer {fresh}"), None)["isAuthorized"] is True


def test_a_token_of_the_key_before_is_checked_as_strictly(
    authorizer: ModuleType,
    secrets_manager: Any,
    request_with: Callable[[str], dict[str, Any]],
    capsys: pytest.CaptureFixture[str],
) -> None:
    secrets_manager.values = {"SECRET_KEY": "next-key" * 4, "SECRET_KEY_PREVIOUS": KEY}
    for bad, reason in (
        (token(exp=int(time.time()) - 60), "ExpiredSignatureError"),
        (token(aud="another"), "InvalidAudienceError"),
        (token(typ="refresh"), "typ"),
        (jwt.encode({}, "third-key" * 4, "HS256"), "InvalidSignatureError"),
    ):
        with pytest.raises(Exception, match="Unauthorized"):
            authorizer.handler(request_with(f"Bearer {bad}"), None)
        assert json.loads(capsys.readouterr().out)["reason"] == reason


def test_a_request_without_an_identity_is_refused(
    authorizer: ModuleType, http_event: Callable[..., dict[str, Any]]
) -> None:
    event = http_event("authorizer_request")
    del event["identitySource"]

    with pytest.raises(Exception, match="Unauthorized"):
        authorizer.handler(event, None)


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ({}, "SECRET_KEY"),
        ({"SECRET_KEY": "short"}, "SECRET_KEY"),
        ({"SECRET_KEY": 7}, "SECRET_KEY"),
        ({"SECRET_KEY": KEY, "SECRET_KEY_PREVIOUS": "short"}, "SECRET_KEY_PREVIOUS"),
    ],
)
def test_without_a_key_no_token_is_called_bad_and_the_log_names_what_is_missing(
    values: dict[str, Any],
    named: str,
    authorizer: ModuleType,
    secrets_manager: Any,
    request_with: Callable[[str], dict[str, Any]],
    capsys: pytest.CaptureFixture[str],
) -> None:
    secrets_manager.values = values

    with pytest.raises(Exception) as failed:
        authorizer.handler(request_with(f"Bearer {token()}"), None)

    assert str(failed.value) != "Unauthorized"
    line = json.loads(capsys.readouterr().out)
    assert (line["level"], line["message"], line["setting"]) == ("ERROR", "secret missing", named)


@pytest.mark.parametrize(
    ("status", "payload"),
    [
        (500, b"{}"),
        (400, b'{"__type": "ResourceNotFoundException"}'),
        (200, b"canary"),
        (200, b"[]"),
        (200, b"{}"),
        (200, b'{"SecretString": "canary"}'),
        (200, b'{"SecretString": "[]"}'),
        (200, b'{"SecretString": null}'),
    ],
)
def test_a_secret_that_can_not_be_read_is_no_fault_of_the_token(
    status: int,
    payload: bytes,
    authorizer: ModuleType,
    secrets_manager: Any,
    request_with: Callable[[str], dict[str, Any]],
    capsys: pytest.CaptureFixture[str],
) -> None:
    secrets_manager.status, secrets_manager.payload = status, payload

    with pytest.raises(Exception) as failed:
        authorizer.handler(request_with(f"Bearer {token()}"), None)

    written = capsys.readouterr().out
    assert str(failed.value) == "SECRET_ARN"
    assert json.loads(written)["setting"] == "SECRET_ARN"
    assert "canary" not in written


def test_the_secret_is_asked_for_by_a_signed_call_and_once(
    authorizer: ModuleType, secrets_manager: Any, request_with: Callable[[str], dict[str, Any]]
) -> None:
    assert secrets_manager.requests == []

    for _ in range(3):
        authorizer.handler(request_with(f"Bearer {token()}"), None)

    [(headers, body)] = secrets_manager.requests
    assert json.loads(body) == {"SecretId": authorizer.settings.secret_arn}
    assert headers["x-amz-target"] == "secretsmanager.GetSecretValue"
    assert headers["x-amz-security-token"] == "test-session"
    assert headers["authorization"].startswith("AWS4-HMAC-SHA256 Credential=test-key/")


def imported_by(code: str) -> set[str]:
    imported = run_python(
        f"import sys; {code}; print(' '.join(sys.modules))",
        "functions/authorizer",
        environment={"SECRET_ARN": "arn:test"},
    )
    assert imported.returncode == 0, imported.stderr
    return set(imported.stdout.split())


def test_importing_it_brings_in_nothing_heavy_and_nothing_of_the_layer() -> None:
    modules = imported_by("import jwt_authorizer.app")

    assert not modules & {"fastapi", "pydantic", "boto3", "botocore", "mangum", "tandem", "httpx"}


@pytest.mark.parametrize(
    ("environment", "named"), [({}, "SECRET_ARN"), ({"ALGORITHM": "canary"}, "ALGORITHM")]
)
def test_it_refuses_to_start_without_its_settings_and_names_them(
    environment: dict[str, str], named: str
) -> None:
    started = run_python(
        "import jwt_authorizer.app", "functions/authorizer", environment=environment
    )

    assert started.returncode != 0
    assert f"{named}: " in started.stderr
    assert "canary" not in started.stderr
