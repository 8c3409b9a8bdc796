import inspect

import pytest

from tandem import errors
from tandem.errors import (
    AppError,
    ConfigurationError,
    NotFound,
    RateLimited,
    Unavailable,
    UpstreamError,
    UpstreamTimeout,
)


def test_an_error_has_its_class_s_code_and_detail_unless_told_otherwise() -> None:
    plain, told = NotFound(), NotFound("No such session.", code="session_not_found")

    assert (plain.code, plain.detail) == ("not_found", NotFound.default_detail)
    assert (told.code, told.detail) == ("session_not_found", "No such session.")


def test_context_is_kept_apart_from_what_the_client_sees() -> None:
    error = NotFound(session="7d4c", attempts=2)

    assert error.context == {"session": "7d4c", "attempts": 2}
    assert "7d4c" not in error.detail
    assert str(error) == "not_found"


def test_errors_that_pass_say_when_to_come_back() -> None:
    assert RateLimited(retry_after_seconds=7).retry_after_seconds == 7
    assert Unavailable().retry_after_seconds == 2
    assert NotFound().retry_after_seconds is None


def test_a_configuration_error_names_the_setting_and_the_reason() -> None:
    error = ConfigurationError(setting="ALGORITHM", reason="is missing")

    assert str(error) == "ALGORITHM: is missing"
    assert error.context == {"setting": "ALGORITHM", "reason": "is missing"}


def test_an_upstream_error_knows_who_failed_at_what() -> None:
    error = UpstreamTimeout("zep", operation="get_context", status=None, attempt=2)

    assert (error.provider, error.operation, error.status) == ("zep", "get_context", None)
    assert error.context == {
        "provider": "zep",
        "operation": "get_context",
        "status": None,
        "attempt": 2,
    }
    assert isinstance(error, UpstreamError)


@pytest.mark.parametrize(
    "kind",
    [kind for _, kind in inspect.getmembers(errors, inspect.isclass) if issubclass(kind, AppError)],
)
def test_every_kind_has_a_code_for_programs_and_a_sentence_for_people(kind: type[AppError]) -> None:
    assert kind.default_code.replace("_", "").isalpha()
    assert kind.default_detail.endswith(".")
