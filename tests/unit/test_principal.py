from typing import Any

import pytest

from tandem.errors import Unauthenticated
from tandem.principal import principal_of

SUB = "0b0e1c52-6f0e-4f6c-9d0e-0a4f5d1c2b3a"
SID = "7d4c3b2a-1f0e-4d5c-8b6a-9a8b7c6d5e4f"


def event_with(claims: Any) -> dict[str, Any]:
    return {"requestContext": {"authorizer": {"lambda": claims}}}


def test_the_caller_is_whom_the_authorizer_names() -> None:
    principal = principal_of(event_with({"sub": SUB, "sid": SID, "exp": 1001}), now=1000.9)

    assert str(principal.account_id) == SUB
    assert str(principal.login_id) == SID


def test_a_token_that_expired_while_the_authorizer_s_word_was_cached_is_refused() -> None:
    with pytest.raises(Unauthenticated) as refused:
        principal_of(event_with({"sub": SUB, "sid": SID, "exp": 1000}), now=1000.0)

    assert refused.value.code == "token_expired"


@pytest.mark.parametrize(
    "event",
    [
        {},
        {"requestContext": {}},
        event_with(None),
        event_with({}),
        event_with({"sub": SUB, "sid": SID}),
        event_with({"sub": SUB, "sid": SID, "exp": "soon"}),
        event_with({"sub": SUB, "sid": SID, "exp": None}),
        event_with({"sub": "ada", "sid": SID, "exp": 9_999}),
        event_with({"sub": SUB, "sid": 7, "exp": 9_999}),
    ],
)
def test_without_claims_that_can_be_read_there_is_no_login(event: dict[str, Any]) -> None:
    with pytest.raises(Unauthenticated) as refused:
        principal_of(event, now=0)

    assert refused.value.code == "no_login"
