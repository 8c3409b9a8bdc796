import json
from typing import Any

import pytest

from tandem.errors import Unavailable
from tandem.secrets import secrets_from_environment


def test_secrets_are_read_from_one_json_secret_by_a_signed_call(secrets_manager: Any) -> None:
    secrets_manager.values = {"SECRET_KEY": "test-key", "PORT": 5432}
    secrets = secrets_from_environment()
    assert secrets_manager.requests == []

    assert secrets.value("SECRET_KEY") == "test-key"

    [(headers, body)] = secrets_manager.requests
    assert json.loads(body)["SecretId"].startswith("arn:aws:secretsmanager:")
    assert headers["x-amz-target"] == "secretsmanager.GetSecretValue"
    assert headers["x-amz-security-token"] == "test-session"
    assert headers["authorization"].startswith("AWS4-HMAC-SHA256 Credential=test-key/")


def test_the_address_for_all_of_aws_is_used_when_there_is_none_for_secrets_manager(
    secrets_manager: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    secrets_manager.values = {"SECRET_KEY": "test-key"}
    monkeypatch.delenv("AWS_ENDPOINT_URL_SECRETS_MANAGER")
    monkeypatch.setenv("AWS_ENDPOINT_URL", secrets_manager.url)

    assert secrets_from_environment().value("SECRET_KEY") == "test-key"


@pytest.mark.parametrize(
    ("status", "payload"),
    [
        (500, b"canary"),
        (400, b'{"__type": "AccessDeniedException", "Message": "canary"}'),
        (200, b"canary"),
        (200, b"[]"),
        (200, b'{"SecretString": "canary"}'),
        (200, b'{"SecretString": "[1]"}'),
    ],
)
def test_an_answer_that_is_no_secret_makes_the_function_unavailable_and_is_not_quoted(
    status: int, payload: bytes, secrets_manager: Any
) -> None:
    secrets_manager.status, secrets_manager.payload = status, payload

    with pytest.raises(Unavailable) as refused:
        secrets_from_environment().value("SECRET_KEY")

    assert refused.value.context["setting"] == "SECRET_ARN"
    assert "canary" not in str(refused.value.context)


@pytest.mark.parametrize("payload", [b"{}", b'{"SecretString": null}'])
def test_an_answer_without_a_secret_string_is_no_secret(
    payload: bytes, secrets_manager: Any
) -> None:
    secrets_manager.payload = payload

    with pytest.raises(Unavailable):
        secrets_from_environment().value("SECRET_KEY")
