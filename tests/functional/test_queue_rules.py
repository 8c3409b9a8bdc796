"""Which messages of a batch stay in the queue, and what a function sees of one."""

from typing import Any

import pytest

from local.poller import failed_ids, sqs_record
from local.runtime.outcome import Failure, Outcome, failed
from tests.functional.gateway_harness import returns

SENT = ["a", "b", "c"]


@pytest.mark.parametrize(
    ("result", "kept"),
    [
        (None, set()),
        ({}, set()),
        ({"batchItemFailures": None}, set()),
        ({"batchItemFailures": []}, set()),
        ({"batchItemFailures": [{"itemIdentifier": "b"}]}, {"b"}),
        ({"batchItemFailures": [{"itemIdentifier": "b"}, {"itemIdentifier": "b"}]}, {"b"}),
        ({"batchItemFailures": [{"itemIdentifier": ["b"]}]}, set(SENT)),
        ({"batchItemFailures": [{"itemIdentifier": "b"}, None]}, set(SENT)),
        ({"batchItemFailures": {}}, set(SENT)),
        ("done", set(SENT)),
        (["b"], set(SENT)),
        ({"batchItemFailures": [{"itemIdentifier": "z"}]}, set(SENT)),
        ({"batchItemFailures": [{"itemIdentifier": "b"}, {"itemIdentifier": ""}]}, set(SENT)),
        ({"batchItemFailures": [{"itemIdentifier": None}]}, set(SENT)),
        ({"batchItemFailures": [{"id": "b"}]}, set(SENT)),
        ({"batchItemFailures": ["b"]}, set(SENT)),
        ({"batchItemFailures": "b"}, set(SENT)),
    ],
)
def test_partial_failures_keep_what_they_name_and_nonsense_keeps_all(
    result: Any, kept: set[str]
) -> None:
    assert failed_ids(returns(result), SENT, partial_failures=True) == kept


@pytest.mark.parametrize("failure", list(Failure))
@pytest.mark.parametrize("partial", [True, False])
def test_an_invocation_that_fails_keeps_the_whole_batch(failure: Failure, partial: bool) -> None:
    outcome: Outcome = failed(failure, "why")
    assert failed_ids(outcome, SENT, partial_failures=partial) == set(SENT)


def test_an_answer_that_is_no_json_keeps_the_whole_batch() -> None:
    assert failed_ids(Outcome(b"\xff{"), SENT, partial_failures=True) == set(SENT)
    assert failed_ids(Outcome(b""), SENT, partial_failures=True) == set(SENT)


def test_without_partial_failures_the_result_is_not_looked_at() -> None:
    result = returns({"batchItemFailures": [{"itemIdentifier": "b"}]})
    assert failed_ids(result, SENT, partial_failures=False) == set()


def test_a_record_has_the_fields_that_lambda_gives_it() -> None:
    message = {
        "MessageId": "m1",
        "ReceiptHandle": "r1",
        "Body": "{}",
        "MD5OfBody": "d",
        "Attributes": {"ApproximateReceiveCount": "1"},
        "MessageAttributes": {"Kind": {"StringValue": "wake", "DataType": "String"}},
    }
    assert sqs_record(message, "arn:aws:sqs:us-east-1:1:q") == {
        "messageId": "m1",
        "receiptHandle": "r1",
        "body": "{}",
        "md5OfBody": "d",
        "attributes": {"ApproximateReceiveCount": "1"},
        "messageAttributes": {"Kind": {"stringValue": "wake", "dataType": "String"}},
        "eventSource": "aws:sqs",
        "eventSourceARN": "arn:aws:sqs:us-east-1:1:q",
        "awsRegion": "us-east-1",
    }
