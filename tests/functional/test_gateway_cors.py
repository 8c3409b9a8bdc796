"""CORS as the gateway answers it."""

import pytest

from local.resources import Cors
from tests.functional.gateway_harness import Browser, Functions, api, returns

CORS = Cors(
    origins=("http://localhost:5173",),
    methods=("GET", "POST"),
    headers=("authorization", "content-type"),
    expose_headers=("x-request-id",),
    max_age_seconds=600,
)
ORIGIN = {"origin": "http://localhost:5173"}
ASKING = {**ORIGIN, "access-control-request-method": "POST"}


def test_a_preflight_is_answered_with_204_before_route_and_authorizer() -> None:
    functions = Functions()
    answer = Browser(functions, api(cors=CORS)).send("OPTIONS", "/closed", headers=ASKING)
    assert answer.status_code == 204
    assert answer.content == b""
    assert {k: v for k, v in answer.headers.items() if k.startswith("access-control-")} == {
        "access-control-allow-origin": "http://localhost:5173",
        "access-control-allow-methods": "GET,POST",
        "access-control-allow-headers": "authorization,content-type",
        "access-control-max-age": "600",
    }
    assert functions.calls == []


def test_a_preflight_of_another_origin_gets_no_permission() -> None:
    asking = {**ASKING, "origin": "http://evil.test"}
    answer = Browser(Functions(), api(cors=CORS)).send("OPTIONS", "/closed", headers=asking)
    assert answer.status_code == 204
    assert not [name for name in answer.headers if name.startswith("access-control-")]


@pytest.mark.parametrize("headers", [ORIGIN, {"access-control-request-method": "POST"}, {}])
def test_options_without_both_headers_is_no_preflight(headers: dict[str, str]) -> None:
    answer = Browser(Functions(), api(cors=CORS)).send("OPTIONS", "/open", headers=headers)
    assert answer.status_code == 404


def test_without_a_configuration_the_gateway_answers_no_preflight() -> None:
    assert Browser(Functions()).send("OPTIONS", "/open", headers=ASKING).status_code == 404


def test_what_the_function_says_about_cors_is_replaced() -> None:
    said = {
        "Access-Control-Allow-Origin": "*",
        "Access-Control-Allow-Credentials": "true",
        "x-a": "1",
    }
    functions = Functions(Open=returns({"statusCode": 200, "headers": said}))
    answer = Browser(functions, api(cors=CORS)).send("GET", "/open", headers=ORIGIN)
    assert answer.headers["access-control-allow-origin"] == "http://localhost:5173"
    assert answer.headers["access-control-expose-headers"] == "x-request-id"
    assert "access-control-allow-credentials" not in answer.headers
    assert answer.headers["x-a"] == "1"


def test_without_a_configuration_the_functions_own_headers_pass() -> None:
    said = {"Access-Control-Allow-Origin": "*"}
    functions = Functions(Open=returns({"statusCode": 200, "headers": said}))
    answer = Browser(functions).send("GET", "/open", headers=ORIGIN)
    assert answer.headers["access-control-allow-origin"] == "*"


def test_the_gateways_own_errors_carry_the_headers_too() -> None:
    browser = Browser(Functions(), api(cors=CORS))
    for target, status in (("/nothing", 404), ("/closed", 401)):
        answer = browser.send("GET", target, headers=ORIGIN)
        assert answer.status_code == status
        assert answer.headers["access-control-allow-origin"] == "http://localhost:5173"


@pytest.mark.parametrize(
    ("origins", "origin", "allowed"),
    [
        (("*",), "http://any.test", "*"),
        (("https://*",), "https://any.test", "https://any.test"),
        (("https://*",), "http://any.test", None),
        (("http://a.test",), "http://a.test.evil", None),
    ],
)
def test_origins_are_exact_or_any_or_any_of_a_scheme(
    origins: tuple[str, ...], origin: str, allowed: str | None
) -> None:
    browser = Browser(Functions(), api(cors=Cors(origins=origins, credentials=True)))
    answer = browser.send("GET", "/open", headers={"origin": origin})
    assert answer.headers.get("access-control-allow-origin") == allowed
    assert ("access-control-allow-credentials" in answer.headers) == (allowed is not None)
