import pytest

from jwt_authorizer import settings as authorizer
from tandem.errors import ConfigurationError
from tandem.settings import (
    KEY_BYTES,
    DatabaseSettings,
    RateSettings,
    StageSettings,
    TokenSettings,
    ZepSettings,
    load,
)


def test_settings_come_from_the_environment_under_their_names_in_capitals(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("ZEP_BASE_URL", "http://127.0.0.1:8101/")
    monkeypatch.setenv("DATABASE_STATEMENT_SECONDS", "1.5")
    monkeypatch.setenv("ALGORITHM", "")

    assert load(ZepSettings).zep_base_url == "http://127.0.0.1:8101"
    assert load(DatabaseSettings).database_statement_seconds == 1.5
    assert load(TokenSettings).algorithm == "HS256"


def test_a_missing_setting_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("STAGE", raising=False)

    with pytest.raises(ConfigurationError) as refused:
        load(StageSettings)

    assert str(refused.value) == "STAGE: is missing"


@pytest.mark.parametrize(
    ("name", "value", "kind"),
    [
        ("STAGE", "Canary Stage", StageSettings),
        ("ALGORITHM", "canary-none", TokenSettings),
        ("ALGORITHM", "none", TokenSettings),
        ("ALGORITHM", "RS256", TokenSettings),
        ("ZEP_BASE_URL", "canary.example.com", ZepSettings),
        ("ZEP_BASE_URL", "ftp://canary.example.com", ZepSettings),
        ("DATABASE_CONNECT_SECONDS", "canary", DatabaseSettings),
        ("ZEP_REQUESTS_PER_MINUTE", "-1", RateSettings),
        ("MEM0_REQUESTS_PER_MINUTE", "29", RateSettings),
    ],
)
def test_a_wrong_setting_is_named_and_its_value_is_not(
    name: str,
    value: str,
    kind: type[StageSettings],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(name, value)

    with pytest.raises(ConfigurationError) as refused:
        load(kind)

    assert refused.value.setting == name
    assert value not in str(refused.value)
    assert refused.value.__cause__ is None
    assert refused.value.__suppress_context__


def test_the_authorizer_s_own_settings_agree_with_the_layer_s(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    environments: list[dict[str, str]] = [
        {},
        {"ALGORITHM": "HS512", "TOKEN_ISSUER": "elsewhere", "TOKEN_AUDIENCE": "others"},
        {"ALGORITHM": "", "TOKEN_ISSUER": "", "TOKEN_AUDIENCE": ""},
    ]
    assert authorizer.KEY_BYTES == KEY_BYTES
    for environment in environments:
        for name in ("ALGORITHM", "TOKEN_ISSUER", "TOKEN_AUDIENCE"):
            monkeypatch.delenv(name, raising=False)
        for name, value in environment.items():
            monkeypatch.setenv(name, value)

        ours = load(TokenSettings)
        theirs = authorizer.load(environment | {"SECRET_ARN": "arn:test"})

        assert theirs == ("arn:test", ours.algorithm, ours.token_issuer, ours.token_audience)


@pytest.mark.parametrize(
    ("environment", "named"),
    [
        ({}, "SECRET_ARN"),
        ({"SECRET_ARN": ""}, "SECRET_ARN"),
        ({"SECRET_ARN": "arn:test", "ALGORITHM": "canary"}, "ALGORITHM"),
        ({"SECRET_ARN": "arn:test", "ALGORITHM": "none"}, "ALGORITHM"),
    ],
)
def test_the_authorizer_names_the_setting_that_is_missing_or_wrong(
    environment: dict[str, str], named: str
) -> None:
    with pytest.raises(RuntimeError) as refused:
        authorizer.load(environment)

    assert str(refused.value).startswith(f"{named}: ")
    assert "canary" not in str(refused.value)
