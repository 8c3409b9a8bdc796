"""The event a function gets (payload 2.0)."""

import base64
import json
from typing import Any

import pytest

from local.resources import Route
from tests.functional.gateway_harness import NOW, Browser, Functions, api


def event_of(method: str = "GET", target: str = "/open", **options: Any) -> dict[str, Any]:
    functions = Functions()
    routes = (
        Route("ANY", "/open", "Open", None),
        Route("GET", "/people/{id}/{rest+}", "Open", None),
    )
    assert Browser(functions, api(routes)).send(method, target, **options).status_code == 200
    return functions.events("Open")[0]


def test_the_event_has_the_fields_of_payload_2_and_no_others() -> None:
    event = event_of()
    assert set(event) == {
        *("version", "routeKey", "rawPath", "rawQueryString", "headers", "requestContext"),
        "isBase64Encoded",
    }
    assert event["version"] == "2.0"
    assert event["routeKey"] == "ANY /open"
    assert event["rawQueryString"] == ""
    assert event["isBase64Encoded"] is False


def test_the_request_context_says_who_when_and_what() -> None:
    context = event_of(headers={"user-agent": "probe/1"})["requestContext"]
    assert set(context) == {
        *("accountId", "apiId", "domainName", "domainPrefix", "http", "requestId"),
        *("routeKey", "stage", "time", "timeEpoch"),
    }
    assert context["http"] == {
        "method": "GET",
        "path": "/open",
        "protocol": "HTTP/1.1",
        "sourceIp": "192.0.2.7",
        "userAgent": "probe/1",
    }
    assert context["stage"] == "$default"
    assert context["time"] == "20/Nov/2026:09:05:07 +0000"
    assert context["timeEpoch"] == int(NOW.timestamp() * 1000) == 1_795_165_507_250
    assert (context["domainName"], context["domainPrefix"]) == ("api.test", "api")


def test_the_request_id_is_new_for_each_request_and_goes_back_in_a_header() -> None:
    functions = Functions()
    browser = Browser(functions)
    answers = [browser.send("GET", "/open") for _ in range(2)]
    ids = [event["requestContext"]["requestId"] for event in functions.events("Open")]
    assert [answer.headers["apigw-requestid"] for answer in answers] == ids
    assert ids[0] != ids[1]


def test_header_names_are_lower_case_and_duplicates_are_joined_with_a_comma() -> None:
    headers = event_of(headers=[("X-Twice", "a"), ("x-twice", "b"), ("X-Once", "c")])["headers"]
    assert headers["x-twice"] == "a,b"
    assert headers["x-once"] == "c"
    assert all(name == name.lower() for name in headers)


def test_cookies_leave_the_headers_for_a_list_of_their_own() -> None:
    event = event_of(headers={"cookie": "a=1; b=2"})
    assert event["cookies"] == ["a=1", "b=2"]
    assert "cookie" not in event["headers"]


def test_the_gateway_adds_forwarding_headers_behind_what_the_client_said() -> None:
    headers = event_of(headers={"x-forwarded-for": "198.51.100.1"})["headers"]
    assert headers["x-forwarded-for"] == "198.51.100.1, 192.0.2.7"
    assert headers["x-forwarded-proto"] == "http"
    assert headers["x-forwarded-port"].isdigit()
    assert headers["x-amzn-trace-id"].startswith("Root=1-")


def test_headers_of_the_connection_stay_at_the_gateway() -> None:
    assert "connection" not in event_of(headers={"connection": "keep-alive"})["headers"]


def test_query_values_are_decoded_and_duplicates_joined_while_the_raw_string_is_kept() -> None:
    event = event_of(target="/open?a=1&a=two%20words&b=&c=x%2Cy")
    assert event["rawQueryString"] == "a=1&a=two%20words&b=&c=x%2Cy"
    assert event["queryStringParameters"] == {"a": "1,two words", "b": "", "c": "x,y"}


def test_path_parameters_are_decoded_and_the_raw_path_is_as_sent() -> None:
    event = event_of(target="/people/a%20b%2Fc/d/e%20f")
    assert event["rawPath"] == "/people/a%20b%2Fc/d/e%20f"
    assert event["requestContext"]["http"]["path"] == event["rawPath"]
    assert event["pathParameters"] == {"id": "a b/c", "rest": "d/e f"}


@pytest.mark.parametrize(
    "content_type",
    ["application/json", "text/plain; charset=utf-8", "application/xml", "application/javascript"],
)
def test_a_text_body_arrives_as_text(content_type: str) -> None:
    body = json.dumps({"said": "नमस्ते"}, ensure_ascii=False)
    event = event_of("POST", content=body.encode(), headers={"content-type": content_type})
    assert event["body"] == body
    assert event["isBase64Encoded"] is False


@pytest.mark.parametrize(
    "headers",
    [
        {"content-type": "application/octet-stream"},
        {"content-type": "application/x-www-form-urlencoded"},
        {"content-type": "application/problem+json"},
        {"content-type": "application/json", "content-encoding": "gzip"},
        {},
    ],
)
def test_any_other_body_arrives_in_base64(headers: dict[str, str]) -> None:
    event = event_of("POST", content=b"\x00\xffraw", headers=headers)
    assert base64.b64decode(event["body"]) == b"\x00\xffraw"
    assert event["isBase64Encoded"] is True


def test_text_that_is_no_utf8_arrives_in_base64_so_that_nothing_is_lost() -> None:
    event = event_of("POST", content=b'"\xff"', headers={"content-type": "application/json"})
    assert base64.b64decode(event["body"]) == b'"\xff"'


def test_a_named_stage_stays_in_the_paths_while_routes_match_without_it() -> None:
    functions = Functions()
    browser = Browser(functions, api(stage="dev"))
    assert browser.send("GET", "/dev/open").status_code == 200
    event = functions.events("Open")[0]
    assert event["rawPath"] == event["requestContext"]["http"]["path"] == "/dev/open"
    assert event["requestContext"]["stage"] == "dev"
    assert event["routeKey"] == "GET /open"
    assert browser.send("GET", "/open").status_code == 404
    assert browser.send("GET", "/develop/open").status_code == 404
