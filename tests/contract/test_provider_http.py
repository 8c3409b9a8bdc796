"""How any provider is called: what is repeated, what a failure becomes, what time it may take."""

import asyncio
import traceback
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from tandem.clients.connections import (
    Timeouts,
    build_http_client,
    build_ssl_context,
)
from tandem.clients.http import ApiCall
from tandem.clients.models import ZepThread
from tandem.clients.retries import backoff_seconds, retry_after_seconds
from tandem.errors import (
    UpstreamError,
    UpstreamRateLimited,
    UpstreamRejected,
    UpstreamTimeout,
    UpstreamUnavailable,
)
from tests.contract.wire import Recorder

UUID = "33333333-3333-4333-8333-333333333333"
THREAD = {"uuid": UUID}
SECRET_WORDS = "the person said something private"
SAFE = ApiCall("thread.get", "GET", "/threads/{}", ids=(UUID,), retry_safe=True)
UNSAFE = ApiCall("thread.make", "POST", "/threads", body={"said": SECRET_WORDS})

NO_NETWORK = httpx.ConnectError("refused")
CUT = httpx.RemoteProtocolError("server disconnected")


def ok() -> httpx.Response:
    return httpx.Response(200, json=THREAD)


def send(recorder: Recorder, call: ApiCall = SAFE, *, timeout_seconds: float = 5.0) -> ZepThread:
    http = recorder.http("zep")
    return asyncio.run(http.send(call, ZepThread, timeout_seconds=timeout_seconds))


def failure(
    recorder: Recorder, call: ApiCall = SAFE, *, timeout_seconds: float = 5.0
) -> UpstreamError:
    with pytest.raises(UpstreamError) as caught:
        send(recorder, call, timeout_seconds=timeout_seconds)
    return caught.value


@pytest.mark.parametrize("reply", [*map(httpx.Response, (429, 502, 503, 504)), NO_NETWORK, CUT])
def test_a_safe_call_is_repeated_until_it_succeeds(reply: Any) -> None:
    recorder = Recorder([reply, reply, ok()])

    assert str(send(recorder).uuid) == UUID

    assert recorder.waits == pytest.approx([0.2, 0.4])
    assert [call.attempt for call in recorder.calls] == [1, 2, 3]
    assert recorder.calls[-1].outcome == "ok"


def test_a_safe_call_is_given_up_after_two_repetitions() -> None:
    recorder = Recorder([httpx.Response(503)])

    error = failure(recorder)

    assert isinstance(error, UpstreamUnavailable)
    assert len(recorder.requests) == 3


@pytest.mark.parametrize("reply", [*map(httpx.Response, (429, 502, 503, 504)), CUT])
def test_an_unsafe_call_is_never_repeated_once_it_may_have_been_sent(reply: Any) -> None:
    recorder = Recorder([reply, ok()])

    error = failure(recorder, UNSAFE)

    assert error.context["sent"] is True
    assert len(recorder.requests) == 1


def test_an_unsafe_call_is_repeated_when_there_was_no_connection() -> None:
    recorder = Recorder([NO_NETWORK, ok()])

    assert str(send(recorder, UNSAFE).uuid) == UUID


def test_the_same_idempotency_key_and_body_go_out_with_every_attempt() -> None:
    recorder = Recorder([httpx.Response(503), CUT, ok()])
    call = ApiCall(
        "thread.create",
        "POST",
        "/threads",
        body={"a": 1},
        headers={"idempotency-key": "key-1"},
        retry_safe=True,
    )

    send(recorder, call)

    assert [request.headers["idempotency-key"] for request in recorder.requests] == ["key-1"] * 3
    assert len({request.content for request in recorder.requests}) == 1


@pytest.mark.parametrize("status", [400, 401, 403, 404, 408, 409, 413, 422, 500, 501])
def test_other_statuses_are_not_repeated(status: int) -> None:
    recorder = Recorder([httpx.Response(status), ok()])

    failure(recorder)

    assert len(recorder.requests) == 1


@pytest.mark.parametrize(
    ("status", "kind", "outcome"),
    [
        (400, UpstreamRejected, "rejected"),
        (401, UpstreamUnavailable, "unavailable"),
        (402, UpstreamUnavailable, "unavailable"),
        (403, UpstreamUnavailable, "unavailable"),
        (404, UpstreamRejected, "rejected"),
        (408, UpstreamTimeout, "timeout"),
        (409, UpstreamRejected, "rejected"),
        (413, UpstreamRejected, "rejected"),
        (422, UpstreamRejected, "rejected"),
        (429, UpstreamRateLimited, "rate_limited"),
        (301, UpstreamUnavailable, "unavailable"),
        (304, UpstreamUnavailable, "unavailable"),
        (500, UpstreamUnavailable, "unavailable"),
        (503, UpstreamUnavailable, "unavailable"),
        (504, UpstreamTimeout, "timeout"),
    ],
)
def test_each_status_has_one_error(status: int, kind: type[UpstreamError], outcome: str) -> None:
    recorder = Recorder([httpx.Response(status)])

    error = failure(recorder, UNSAFE)

    assert type(error) is kind
    assert (error.provider, error.operation, error.status) == ("zep", "thread.make", status)
    assert [(call.status, call.outcome) for call in recorder.calls] == [(status, outcome)]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"   ",
        b"<html><body>login</body></html>",
        b"{",
        b"null",
        b"[]",
        b'"text"',
        b"\xff\xfe",
        b'{"uuid": "not-a-uuid"}',
        b'{"uuid": 7}',
        b'{"id": "x"}',
        b"[" * 100_000,
        b'{"uuid": "%s", "created_at": "yesterday"}' % UUID.encode(),
        b'{"uuid": "%s", "created_at": "0001-01-01T00:00:00+14:00"}' % UUID.encode(),
    ],
)
@pytest.mark.parametrize("status", [200, 202])
def test_an_answer_that_cannot_be_read_means_unavailable(content: bytes, status: int) -> None:
    recorder = Recorder([httpx.Response(status, content=content)])

    error = failure(recorder)

    assert isinstance(error, UpstreamUnavailable)
    assert (error.status, error.context["reason"]) == (status, "unreadable")
    assert len(recorder.requests) == 1


def test_a_redirect_is_not_followed() -> None:
    recorder = Recorder([httpx.Response(307, headers={"location": "http://elsewhere.test/"})])

    assert isinstance(failure(recorder), UpstreamUnavailable)

    assert [request.url.host for request in recorder.requests] == ["provider.test"]


def test_no_error_repeats_what_the_provider_or_the_person_said() -> None:
    spoken = f'{{"message": "{SECRET_WORDS}", "uuid": "{SECRET_WORDS}"}}'
    for status in (200, 302, 400, 404, 429, 500):
        error = failure(Recorder([httpx.Response(status, content=spoken)]), UNSAFE)

        told = "".join(traceback.format_exception(error)) + repr(error.context) + error.detail

        assert SECRET_WORDS not in told
        assert UUID not in told
        assert "provider.test" not in told


def test_a_key_that_no_header_can_hold_is_refused_before_it_is_sent() -> None:
    recorder = Recorder([ok()])
    call = ApiCall("thread.get", "GET", "/t", headers={"authorization": "Api-Key schlüssel"})

    assert failure(recorder, call).context["sent"] is False

    assert recorder.requests == []


@pytest.mark.parametrize(
    ("part", "sent"),
    [
        ("a/b c?d#e", "/x/a%2Fb%20c%3Fd%23e/y/"),
        ("../users", "/x/..%2Fusers/y/"),
        ("%2F", "/x/%252F/y/"),
        ("{}", "/x/%7B%7D/y/"),
        ("Käse", "/x/K%C3%A4se/y/"),
    ],
)
def test_an_id_cannot_leave_its_place_in_the_path(part: str, sent: str) -> None:
    recorder = Recorder([ok()])

    send(recorder, ApiCall("x.get", "GET", "/x/{}/y/", ids=(part,)))

    assert recorder.path == sent


@pytest.mark.parametrize("part", ["", ".", "..", "x" * 70_000])
def test_an_id_that_is_no_path_segment_is_refused_before_it_is_sent(part: str) -> None:
    recorder = Recorder([ok()])

    error = failure(recorder, ApiCall("x.get", "GET", "/x/{}/y/", ids=(part,)))

    assert isinstance(error, UpstreamRejected)
    assert (error.status, error.context["sent"]) == (None, False)
    assert recorder.requests == []


def test_text_that_is_no_unicode_is_still_sent() -> None:
    recorder = Recorder([ok()])

    send(recorder, ApiCall("x.add", "POST", "/x", body={"said": "a\ud800b", "more": "ä"}))

    assert recorder.body == {"said": "a?b", "more": "ä"}


def test_retry_after_is_waited_for_when_the_deadline_allows_it() -> None:
    recorder = Recorder([httpx.Response(429, headers={"retry-after": "3"}), ok()])

    send(recorder)

    assert recorder.waits == [3.0]


def test_retry_after_beyond_the_deadline_is_handed_on() -> None:
    recorder = Recorder([httpx.Response(429, headers={"retry-after": "30"}), ok()])

    error = failure(recorder)

    assert isinstance(error, UpstreamRateLimited)
    assert error.retry_after_seconds == 30
    assert recorder.waits == []


def test_there_is_no_further_attempt_without_time_for_it() -> None:
    recorder = Recorder([httpx.Response(503), ok()])

    failure(recorder, timeout_seconds=0.22)

    assert len(recorder.requests) == 1


def test_nothing_is_sent_after_the_deadline() -> None:
    recorder = Recorder([ok()])

    error = failure(recorder, timeout_seconds=0)

    assert isinstance(error, UpstreamTimeout)
    assert error.context["sent"] is False
    assert recorder.requests == []


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("0", 0),
        ("7", 7),
        (" 12 ", 12),
        ("99999999999999999999", 86_400),
        ("Fri, 20 Nov 2026 09:00:30 GMT", 30),
        ("Fri, 20 Nov 2026 08:00:00 GMT", 0),
        ("Fri, 20 Nov 2026 09:00:30", 30),
        ("", None),
        ("-1", None),
        ("soon", None),
        ("1.5", None),
        ("²", None),
        ("Fri, 99 Nov 2026 09:00:30 GMT", None),
        ("Fri, 20 Nov 2026 09:00:30 +99999999999999999999", None),
        (None, None),
    ],
)
def test_retry_after_is_read_in_both_forms(header: str | None, seconds: int | None) -> None:
    now = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)

    assert retry_after_seconds(header, now=now) == seconds


def test_waiting_grows_and_is_jittered_by_half() -> None:
    assert [backoff_seconds(attempt, jitter=lambda: 0.0) for attempt in (1, 2)] == [0.1, 0.2]
    assert backoff_seconds(1, jitter=lambda: 0.999) < 0.3


def test_a_transport_failure_says_whether_anything_may_have_been_sent() -> None:
    cases: list[tuple[Exception, type[UpstreamError], bool]] = [
        (httpx.ConnectError("x"), UpstreamUnavailable, False),
        (httpx.ConnectTimeout("x"), UpstreamTimeout, False),
        (httpx.PoolTimeout("x"), UpstreamTimeout, False),
        (httpx.ReadTimeout("x"), UpstreamTimeout, True),
        (httpx.WriteTimeout("x"), UpstreamTimeout, True),
        (httpx.ReadError("x"), UpstreamUnavailable, True),
        (httpx.WriteError("x"), UpstreamUnavailable, True),
        (httpx.DecodingError("x"), UpstreamUnavailable, True),
        (httpx.UnsupportedProtocol("x"), UpstreamUnavailable, True),
    ]
    for cause, kind, sent in cases:
        error = failure(Recorder([cause]), UNSAFE)

        assert type(error) is kind
        assert error.context["sent"] is sent
        ours = isinstance(cause, httpx.NetworkError | httpx.TimeoutException)
        assert error.__cause__ is (cause if ours else None)


def test_connections_are_made_as_every_provider_needs_them() -> None:
    client = build_http_client(
        base_url="https://provider.test",
        timeouts=Timeouts(connect_seconds=1, read_seconds=2, write_seconds=3, pool_seconds=4),
    )

    assert client.timeout == httpx.Timeout(connect=1, read=2, write=3, pool=4)
    assert client.follow_redirects is False
    assert client.trust_env is False
    assert build_ssl_context() is build_ssl_context()
