from collections.abc import Callable, Mapping
from typing import Any

import pytest

from tandem.errors import Unavailable
from tandem.secrets import Secrets, secrets_from_environment


class Source:
    """Secrets Manager as the tests set it: values, or an error to raise."""

    def __init__(self, **values: str) -> None:
        self.values: Mapping[str, str] = values
        self.error: Exception | None = None
        self.reads = 0
        self.now = 0.0

    def fetch(self) -> Mapping[str, str]:
        self.reads += 1
        if self.error is not None:
            raise self.error
        return self.values

    def secrets(self) -> Secrets:
        return Secrets(self.fetch, clock=lambda: self.now)


def test_nothing_is_read_before_a_value_is_wanted_and_then_once_for_all() -> None:
    source = Source(SECRET_KEY="test-key", DATABASE_URL="postgresql://x/y")
    secrets = source.secrets()
    assert source.reads == 0

    assert secrets.value("SECRET_KEY") == "test-key"
    assert secrets.value("DATABASE_URL") == "postgresql://x/y"
    assert source.reads == 1


def test_values_are_read_again_after_five_minutes() -> None:
    source = Source(SECRET_KEY="test-key")
    secrets = source.secrets()
    secrets.value("SECRET_KEY")
    source.values = {"SECRET_KEY": "test-key-2"}

    source.now = 299.9
    assert secrets.value("SECRET_KEY") == "test-key"
    source.now = 300.0
    assert secrets.value("SECRET_KEY") == "test-key-2"


def test_known_values_are_kept_while_secrets_manager_is_away_and_it_is_not_asked_each_time() -> (
    None
):
    source = Source(SECRET_KEY="test-key")
    secrets = source.secrets()
    secrets.value("SECRET_KEY")
    source.error, source.now = TimeoutError(), 300.0

    assert [secrets.value("SECRET_KEY") for _ in range(5)] == ["test-key"] * 5
    assert source.reads == 2

    source.error, source.values, source.now = None, {"SECRET_KEY": "test-key-2"}, 310.0
    assert secrets.value("SECRET_KEY") == "test-key-2"


@pytest.mark.parametrize("error", [OSError("no route"), ValueError("Secrets Manager answered 400")])
def test_when_secrets_manager_never_answered_the_secret_is_what_is_missing(
    error: Exception,
) -> None:
    source = Source()
    source.error = error

    with pytest.raises(Unavailable) as refused:
        source.secrets().value("SECRET_KEY")

    assert refused.value.code == "not_configured"
    assert refused.value.context == {"setting": "SECRET_ARN", "reason": type(error).__name__}


@pytest.mark.parametrize("values", [{}, {"SECRET_KEY": ""}, {"SECRET_KEY": "test-key"}])
def test_a_missing_or_short_secret_is_named_and_looked_for_again_at_once(
    values: dict[str, str],
) -> None:
    source = Source(**values)
    secrets = source.secrets()

    with pytest.raises(Unavailable) as refused:
        secrets.value("SECRET_KEY", at_least_bytes=32)
    assert refused.value.context["setting"] == "SECRET_KEY"

    source.values = {"SECRET_KEY": "k" * 32}
    assert secrets.value("SECRET_KEY", at_least_bytes=32) == "k" * 32


def test_a_key_s_length_is_counted_in_bytes() -> None:
    assert Source(SECRET_KEY="é" * 16).secrets().value("SECRET_KEY", at_least_bytes=32)


def test_forgotten_values_are_read_anew() -> None:
    source = Source(SECRET_KEY="test-key")
    secrets = source.secrets()
    secrets.value("SECRET_KEY")

    secrets.forget()
    secrets.value("SECRET_KEY")

    assert source.reads == 2


def test_without_a_secret_s_name_values_come_from_the_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("SECRET_ARN", raising=False)
    monkeypatch.setenv("SECRET_KEY", "test-key")

    assert secrets_from_environment().value("SECRET_KEY") == "test-key"


def test_what_may_be_missing_is_none_then_and_else_as_long_as_it_must_be() -> None:
    source = Source(SECRET_KEY="k" * 32)
    secrets = source.secrets()
    assert secrets.optional("SECRET_KEY_PREVIOUS", at_least_bytes=32) is None
    assert secrets.value("SECRET_KEY") == "k" * 32
    assert source.reads == 1

    assert Source(SECRET_KEY_PREVIOUS="").secrets().optional("SECRET_KEY_PREVIOUS") is None
    kept = Source(SECRET_KEY_PREVIOUS="p" * 32).secrets()
    assert kept.optional("SECRET_KEY_PREVIOUS", at_least_bytes=32) == "p" * 32
    with pytest.raises(Unavailable) as refused:
        kept.optional("SECRET_KEY_PREVIOUS", at_least_bytes=33)
    assert refused.value.context["setting"] == "SECRET_KEY_PREVIOUS"


def test_a_secret_that_is_missing_or_can_t_be_read_is_counted(
    metrics_written: Callable[[], list[dict[str, Any]]],
) -> None:
    source, away = Source(SECRET_KEY=""), Source()
    away.error = TimeoutError()
    for secrets in (source.secrets(), away.secrets()):
        with pytest.raises(Unavailable):
            secrets.value("SECRET_KEY")

    [metrics] = metrics_written()
    assert metrics["SecretsMissing"] == [1.0, 1.0]
