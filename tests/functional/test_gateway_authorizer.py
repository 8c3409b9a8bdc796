"""The Lambda authorizer, its answers and its cache."""

import asyncio
from typing import Any

import pytest

from local.gateway.authorization import Authorizations, Refused
from local.gateway.request import Request
from local.resources import Authorizer
from local.runtime.outcome import Failure, Outcome, failed
from tests.functional.gateway_harness import (
    AUTHORIZER,
    Browser,
    Clock,
    Functions,
    api,
    returns,
)

ALLOW = returns({"isAuthorized": True, "context": {"sub": "u1", "exp": 12, "flag": True}})
DENY = returns({"isAuthorized": False})
TOKEN = {"authorization": "Bearer t"}


def raises(message: str) -> Outcome:
    document = f'{{"errorMessage": "{message}", "errorType": "Exception"}}'
    return Outcome(document.encode(), Failure.FUNCTION)


def test_a_public_route_never_asks_the_authorizer() -> None:
    functions = Functions(Gate=DENY)
    assert Browser(functions).send("GET", "/open").status_code == 200
    assert functions.events("Gate") == []
    assert "authorizer" not in functions.events("Open")[0]["requestContext"]


@pytest.mark.parametrize("headers", [{}, {"authorization": ""}])
def test_a_missing_or_empty_identity_is_a_401_without_asking(headers: dict[str, str]) -> None:
    functions = Functions(Gate=ALLOW)
    answer = Browser(functions).send("GET", "/closed", headers=headers)
    assert (answer.status_code, answer.json()) == (401, {"message": "Unauthorized"})
    assert functions.calls == []


def test_the_authorizer_sees_the_request_its_arn_and_identity_but_no_body() -> None:
    functions = Functions(Gate=ALLOW)
    body = {"content": b'{"a":1}', "headers": {**TOKEN, "content-type": "application/json"}}
    Browser(functions).send("POST", "/closed?x=1", **body)
    event = functions.events("Gate")[0]
    assert event["version"] == "2.0"
    assert event["type"] == "REQUEST"
    assert event["identitySource"] == ["Bearer t"]
    assert (
        event["routeArn"] == "arn:aws:execute-api:us-east-1:123456789012:local/$default/POST/closed"
    )
    assert event["routeKey"] == "POST /closed"
    assert event["queryStringParameters"] == {"x": "1"}
    assert "body" not in event
    assert functions.events("Closed")[0]["body"] == '{"a":1}'


def test_the_context_keeps_its_json_types() -> None:
    functions = Functions(Gate=ALLOW)
    assert Browser(functions).send("GET", "/closed", headers=TOKEN).status_code == 200
    context = functions.events("Closed")[0]["requestContext"]["authorizer"]
    assert context == {"lambda": {"sub": "u1", "exp": 12, "flag": True}}


def test_without_a_context_the_function_gets_null() -> None:
    functions = Functions(Gate=returns({"isAuthorized": True}))
    Browser(functions).send("GET", "/closed", headers=TOKEN)
    assert functions.events("Closed")[0]["requestContext"]["authorizer"] == {"lambda": None}


@pytest.mark.parametrize(
    ("answer", "status", "message"),
    [
        (DENY, 403, "Forbidden"),
        (raises("Unauthorized"), 401, "Unauthorized"),
        (raises("unauthorized"), 500, "Internal Server Error"),
        (raises("boom"), 500, "Internal Server Error"),
        (failed(Failure.TIMEOUT, "Task timed out"), 500, "Internal Server Error"),
        (failed(Failure.CRASH, "Unauthorized"), 500, "Internal Server Error"),
        (returns({"isAuthorized": "yes"}), 500, "Internal Server Error"),
        (returns({"context": {}}), 500, "Internal Server Error"),
        (returns({"isAuthorized": True, "context": [1]}), 500, "Internal Server Error"),
        (returns(True), 500, "Internal Server Error"),
        (Outcome(b"not json"), 500, "Internal Server Error"),
    ],
)
def test_what_the_authorizer_says_becomes_the_gateways_own_answer(
    answer: Outcome, status: int, message: str
) -> None:
    functions = Functions(Gate=answer)
    response = Browser(functions).send("GET", "/closed", headers=TOKEN)
    assert (response.status_code, response.json()) == (status, {"message": message})
    assert functions.events("Closed") == []


def test_an_authorizer_that_overruns_its_limit_is_a_500() -> None:
    functions = Functions(Gate=ALLOW)
    functions.delay_seconds = 5.0
    asked = Authorizations(functions, clock=Clock(), timeout_seconds=0.01)
    request = Request(
        method="GET", raw_path="/closed", raw_query="", headers=(("authorization", "t"),)
    )
    event: dict[str, Any] = {
        "requestContext": {"stage": "s", "http": {"method": "GET", "path": "/"}}
    }
    assert asyncio.run(asked.check(AUTHORIZER, request, event)) == Refused(500)


def test_an_allow_is_remembered_across_all_routes_until_its_ttl_is_over() -> None:
    functions, clock = Functions(Gate=ALLOW), Clock()
    browser = Browser(functions, clock=clock)
    for target in ("/closed", "/other", "/closed"):
        assert browser.send("GET", target, headers=TOKEN).status_code == 200
    assert len(functions.events("Gate")) == 1
    clock.seconds += 59.9
    browser.send("GET", "/closed", headers=TOKEN)
    assert len(functions.events("Gate")) == 1
    clock.seconds += 0.2
    browser.send("GET", "/closed", headers=TOKEN)
    assert len(functions.events("Gate")) == 2


def test_another_identity_is_asked_for_anew() -> None:
    functions = Functions(Gate=ALLOW)
    browser = Browser(functions)
    for token in ("a", "b", "a"):
        browser.send("GET", "/closed", headers={"authorization": token})
    assert [event["identitySource"] for event in functions.events("Gate")] == [["a"], ["b"]]


def test_a_denial_is_remembered_and_an_error_is_not() -> None:
    functions = Functions(Gate=DENY)
    browser = Browser(functions)
    assert [browser.send("GET", "/closed", headers=TOKEN).status_code for _ in range(2)] == [
        403
    ] * 2
    assert len(functions.events("Gate")) == 1
    functions = Functions(Gate=raises("boom"))
    browser = Browser(functions)
    assert [browser.send("GET", "/closed", headers=TOKEN).status_code for _ in range(2)] == [
        500
    ] * 2
    assert len(functions.events("Gate")) == 2


def test_a_ttl_of_zero_remembers_nothing() -> None:
    functions = Functions(Gate=ALLOW)
    gate = Authorizer("gate", "Gate", AUTHORIZER.identity_sources, 0)
    browser = Browser(functions, api(authorizer=gate))
    for _ in range(2):
        browser.send("GET", "/closed", headers=TOKEN)
    assert len(functions.events("Gate")) == 2


def test_the_route_is_part_of_the_key_when_it_is_an_identity_source() -> None:
    functions = Functions(Gate=ALLOW)
    sources = ("$request.header.Authorization", "$request.querystring.q", "$context.routeKey")
    browser = Browser(functions, api(authorizer=Authorizer("gate", "Gate", sources, 60)))
    for target in ("/closed?q=1", "/other?q=1", "/closed?q=1"):
        assert browser.send("GET", target, headers=TOKEN).status_code == 200
    asked = [event["identitySource"] for event in functions.events("Gate")]
    assert asked == [["Bearer t", "1", "GET /closed"], ["Bearer t", "1", "GET /other"]]


def test_a_reset_forgets_what_was_allowed() -> None:
    functions = Functions(Gate=ALLOW)
    browser = Browser(functions)
    browser.send("GET", "/closed", headers=TOKEN)
    browser.gateway.authorizations.reset()
    browser.send("GET", "/closed", headers=TOKEN)
    assert len(functions.events("Gate")) == 2
