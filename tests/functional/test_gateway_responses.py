"""What a client gets of a function's result, of its failures, and of limits."""

import asyncio
import base64
from typing import Any

import httpx
import pytest

from local.gateway.app import Limits
from local.runtime.outcome import Failure, Outcome, failed
from tests.functional.gateway_harness import Browser, Functions, returns


def answer_to(result: Any) -> httpx.Response:
    return Browser(Functions(Open=returns(result))).send("GET", "/open")


@pytest.mark.parametrize("value", [{"a": [1, None]}, [1, 2], "text", 7, True, None])
def test_a_value_without_status_code_is_the_json_of_a_200(value: Any) -> None:
    answer = answer_to(value)
    assert (answer.status_code, answer.json()) == (200, value)
    assert answer.headers["content-type"] == "application/json"


def test_status_headers_cookies_and_body_are_the_functions() -> None:
    answer = answer_to(
        {
            "statusCode": 201,
            "headers": {"Content-Type": "application/problem+json", "X-Number": 5, "X-Flag": True},
            "cookies": ["a=1; Path=/", "b=2"],
            "body": "é",
        }
    )
    assert answer.status_code == 201
    assert answer.headers["content-type"] == "application/problem+json"
    assert (answer.headers["x-number"], answer.headers["x-flag"]) == ("5", "true")
    assert answer.headers.get_list("set-cookie") == ["a=1; Path=/", "b=2"]
    assert answer.content == "é".encode()


def test_a_response_without_content_type_is_plain_text() -> None:
    assert answer_to({"statusCode": 200}).headers["content-type"] == "text/plain;charset=UTF-8"


def test_a_base64_body_is_decoded_whatever_the_content_type() -> None:
    body = base64.b64encode(b"\x00\x01").decode()
    headers = {"content-type": "application/json"}
    result = {"statusCode": 200, "headers": headers, "body": body, "isBase64Encoded": True}
    assert answer_to(result).content == b"\x00\x01"


def test_a_204_has_no_body_and_no_length() -> None:
    answer = answer_to({"statusCode": 204, "body": ""})
    assert (answer.status_code, answer.content) == (204, b"")
    assert "content-length" not in answer.headers


def test_the_gateway_writes_the_length_itself() -> None:
    result = {"statusCode": 200, "headers": {"Content-Length": "999"}, "body": "four"}
    assert answer_to(result).headers["content-length"] == "4"


@pytest.mark.parametrize(
    "result",
    [
        {"statusCode": "200"},
        {"statusCode": None},
        {"statusCode": 99},
        {"statusCode": 600},
        {"statusCode": True},
        {"statusCode": 200, "body": {"not": "text"}},
        {"statusCode": 200, "headers": ["not", "a", "map"]},
        {"statusCode": 200, "cookies": "a=1"},
        {"statusCode": 200, "body": "not base64!", "isBase64Encoded": True},
    ],
)
def test_a_malformed_response_is_a_500(result: Any) -> None:
    answer = answer_to(result)
    assert (answer.status_code, answer.json()) == (500, {"message": "Internal Server Error"})


def test_a_result_that_is_no_json_is_a_500() -> None:
    answer = Browser(Functions(Open=Outcome(b"<html>"))).send("GET", "/open")
    assert answer.status_code == 500


@pytest.mark.parametrize(
    ("failure", "status", "message"),
    [
        (Failure.FUNCTION, 500, "Internal Server Error"),
        (Failure.INIT, 500, "Internal Server Error"),
        (Failure.TIMEOUT, 500, "Internal Server Error"),
        (Failure.CRASH, 500, "Internal Server Error"),
        (Failure.RESPONSE_TOO_LARGE, 500, "Internal Server Error"),
        (Failure.REQUEST_TOO_LARGE, 413, "Request Entity Too Large"),
        (Failure.THROTTLED, 503, "Service Unavailable"),
    ],
)
def test_each_failure_of_a_function_has_its_status_and_no_detail(
    failure: Failure, status: int, message: str
) -> None:
    functions = Functions(Open=failed(failure, "a private detail"))
    answer = Browser(functions).send("GET", "/open")
    assert (answer.status_code, answer.json()) == (status, {"message": message})


def test_after_the_integration_timeout_the_client_gets_503_and_the_function_goes_on() -> None:
    functions = Functions()
    functions.delay_seconds = 0.3
    browser = Browser(functions, limits=Limits(integration_seconds=0.05))

    async def story() -> tuple[httpx.Response, int]:
        answer = await browser.asend("GET", "/open")
        finished_then = functions.finished
        await asyncio.wait_for(functions.has_finished.wait(), 5)
        return answer, finished_then

    answer, finished_then = asyncio.run(story())
    assert (answer.status_code, answer.json()) == (503, {"message": "Service Unavailable"})
    assert (finished_then, functions.finished) == (0, 1)


def test_the_limits_are_those_of_the_service() -> None:
    limits = Limits()
    assert (limits.head_bytes, limits.payload_bytes) == (10_240, 10_000_000)
    assert limits.integration_seconds == 30.0


def test_a_payload_above_10_mb_is_a_413_before_the_function_is_asked() -> None:
    functions = Functions()
    answer = Browser(functions).send("POST", "/open", content=b"x" * 10_000_001)
    assert (answer.status_code, answer.json()) == (413, {"message": "Request Entity Too Large"})
    assert functions.calls == []


def test_a_request_line_and_headers_above_10240_bytes_are_a_431() -> None:
    functions = Functions()
    browser = Browser(functions)
    answer = browser.send("GET", "/open", headers={"x-long": "x" * 10_240})
    assert answer.status_code == 431
    assert answer.json() == {"message": "Request Header Fields Too Large"}
    assert browser.send("GET", "/open?" + "q" * 10_240).status_code == 431
    assert functions.calls == []
    assert browser.send("GET", "/open", headers={"x-long": "x" * 9_000}).status_code == 200
