"""`make redrive` against moto in a process of its own."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from local import processes
from local.owed import DeadLetters
from local.processes import free_port
from local.queues import provision
from local.template import load_template
from scripts.redrive import RedriveError, main, redrive
from tests.integration.test_local_queues import until

pytestmark = pytest.mark.integration

ROOT = Path(__file__).parents[2]
KEYS = {
    "AWS_ACCESS_KEY_ID": "test-key",
    "AWS_SECRET_ACCESS_KEY": "test-key",
    "AWS_REGION": "us-east-1",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_EC2_METADATA_DISABLED": "true",
}
_KILLED = """
import os, sys, scripts.redrive as redrive
made = redrive._client
def client(*given, **options):
    sqs = made(*given, **options)
    sqs.meta.events.register("before-call.sqs.DeleteMessageBatch", lambda **_: os._exit(9))
    return sqs
redrive._client = client
sys.exit(redrive.main(os.environ))
"""


class Queues:
    """A queue of the template and its dead letters."""

    def __init__(self, endpoint: str) -> None:
        self.endpoint = endpoint
        self.sqs = boto3.client(
            "sqs",
            endpoint_url=endpoint,
            region_name="us-east-1",
            aws_access_key_id="test-key",
            aws_secret_access_key="test-key",
        )
        self.dead, self.living = (
            f"{endpoint}/123456789012/{name}"
            for name in ("DeliveryDeadLetterQueue", "DeliveryQueue")
        )

    def bury(self, count: int) -> set[str]:
        bodies = {json.dumps({"session": str(number)}) for number in range(count)}
        for body in bodies:
            self.sqs.send_message(
                QueueUrl=self.dead,
                MessageBody=body,
                MessageAttributes={"kind": {"DataType": "String", "StringValue": "wake"}},
            )
        return bodies

    def taken(self, url: str) -> list[dict[str, Any]]:
        """Everything in a queue that is visible, which is then gone."""
        found: list[dict[str, Any]] = []
        while messages := self.sqs.receive_message(
            QueueUrl=url,
            MaxNumberOfMessages=10,
            VisibilityTimeout=600,
            MessageAttributeNames=["All"],
        ).get("Messages"):
            found += messages
        return found

    def count(self, url: str) -> int:
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        given = self.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
        return sum(int(value) for value in given.values())


@pytest.fixture
def queues(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Queues]:
    port = free_port()
    command = [sys.executable, "-m", "local.aws_server", "--port", str(port)]
    server = processes.spawn(command, log=tmp_path / "aws.log", cwd=ROOT)
    try:
        until(lambda: processes.answers(port))
        endpoint = f"http://127.0.0.1:{port}"
        template = load_template(ROOT / "template.yaml", aws_endpoint=endpoint)
        provision(endpoint, template.with_visibility({"DeliveryDeadLetterQueue": 1}), {})
        for name, value in {**KEYS, "AWS_ENDPOINT_URL": endpoint}.items():
            monkeypatch.setenv(name, value)
        yield Queues(endpoint)
    finally:
        processes.stop(server)


def bodies(messages: list[dict[str, Any]]) -> list[str]:
    return sorted(message["Body"] for message in messages)


def asked(queues: Queues, **more: str) -> int:
    return main({"FROM": queues.dead, "TO": queues.living, **more})


def test_every_dead_letter_arrives_with_its_attributes_and_the_queue_is_empty(
    queues: Queues, capsys: pytest.CaptureFixture[str]
) -> None:
    buried = queues.bury(23)
    assert asked(queues) == 0
    arrived = queues.taken(queues.living)
    assert bodies(arrived) == sorted(buried)
    assert {m["MessageAttributes"]["kind"]["StringValue"] for m in arrived} == {"wake"}
    assert queues.count(queues.dead) == 0
    assert capsys.readouterr().out == "DeliveryDeadLetterQueue: 23 put back.\n"
    assert asked(queues) == 0
    assert capsys.readouterr().out == "DeliveryDeadLetterQueue: 0 put back.\n"


def test_make_dev_counts_the_same_dead_letters(queues: Queues) -> None:
    queues.bury(3)
    letters = DeadLetters(queues.endpoint, load_template(ROOT / "template.yaml"))
    assert letters.count() == 3
    letters.close()


def test_it_stops_at_the_limit_and_says_so(
    queues: Queues, capsys: pytest.CaptureFixture[str]
) -> None:
    queues.bury(13)
    assert asked(queues, LIMIT="12") == 0
    assert "12 put back; that is LIMIT, there may be more." in capsys.readouterr().out
    assert queues.count(queues.dead) == 1


def test_killed_between_sending_and_deleting_it_loses_none(queues: Queues) -> None:
    buried = queues.bury(5)
    killed = subprocess.run(
        [sys.executable, "-c", _KILLED],
        cwd=ROOT,
        env={**os.environ, "FROM": queues.dead, "TO": queues.living},
        check=False,
        timeout=60,
    )
    assert killed.returncode == 9
    assert set(bodies(queues.taken(queues.living))) == buried
    assert queues.count(queues.dead) == 5
    until(lambda: asked(queues) == 0 and queues.count(queues.dead) == 0)
    assert bodies(queues.taken(queues.living)) == sorted(buried)


class InPart:
    """boto3's client, but some messages can't be sent, or not be deleted."""

    def __init__(self, sqs: Any, *, refused: str) -> None:
        self._sqs = sqs
        self._refused = refused

    def __getattr__(self, name: str) -> Any:
        return getattr(self._sqs, name)

    def send_message_batch(self, QueueUrl: str, Entries: list[dict[str, Any]]) -> Any:
        return self._in_part(self._sqs.send_message_batch, "send", QueueUrl, Entries)

    def delete_message_batch(self, QueueUrl: str, Entries: list[dict[str, Any]]) -> Any:
        return self._in_part(self._sqs.delete_message_batch, "delete", QueueUrl, Entries)

    def _in_part(self, call: Any, name: str, url: str, entries: list[dict[str, Any]]) -> Any:
        if self._refused != name:
            return call(QueueUrl=url, Entries=entries)
        answer = call(QueueUrl=url, Entries=entries[1:]) if entries[1:] else {}
        return {**answer, "Failed": [{"Id": entries[0]["Id"], "Code": "InternalError"}]}


def test_what_could_not_be_sent_stays_and_is_counted(queues: Queues) -> None:
    buried = queues.bury(12)
    *_, counts = redrive(InPart(queues.sqs, refused="send"), queues.dead, queues.living)
    assert not counts.is_clean
    assert 2 <= len(counts.kept) == 12 - counts.moved
    assert (
        str(counts) == f"{counts.moved} put back, {len(counts.kept)} could not be sent and stayed"
    )
    arrived = bodies(queues.taken(queues.living))
    assert len(arrived) == counts.moved
    assert queues.count(queues.dead) == len(counts.kept)
    until(lambda: asked(queues) == 0 and queues.count(queues.dead) == 0)
    assert sorted(arrived + bodies(queues.taken(queues.living))) == sorted(buried)


def test_what_was_sent_and_not_deleted_is_told(queues: Queues) -> None:
    queues.bury(3)
    *_, counts = redrive(InPart(queues.sqs, refused="delete"), queues.dead, queues.living, limit=3)
    assert (counts.moved, counts.doubled) == (2, 1)
    assert str(counts) == "2 put back, 1 sent but not removed, so they will be sent again"
    assert queues.count(queues.dead) == 1


def test_a_target_that_these_are_not_the_dead_letters_of_is_refused(queues: Queues) -> None:
    queues.bury(1)
    other = queues.living.replace("DeliveryQueue", "ConsolidationQueue")
    for target in (other, queues.dead):
        with pytest.raises(RedriveError, match="not the dead-letter queue of TO"):
            list(redrive(queues.sqs, queues.dead, target))
    assert queues.count(queues.dead) == 1


def test_dev_finds_the_queues_of_make_dev_by_itself(
    queues: Queues, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in KEYS:
        monkeypatch.delenv(name)
    monkeypatch.delenv("AWS_ENDPOINT_URL")
    monkeypatch.setenv("TANDEM_AWS_PORT", queues.endpoint.rpartition(":")[2])
    queues.bury(2)
    assert main({"DEV": "1"}) == 0
    said = capsys.readouterr().out
    assert "DeliveryDeadLetterQueue: 2 put back." in said
    assert "ConsolidationDeadLetterQueue: 0 put back." in said


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({}, "outputs of the stack"),
        ({"FROM": "x"}, "outputs of the stack"),
        ({"FROM": "queue", "TO": "queue"}, "FROM is not a queue's URL"),
        ({"LIMIT": "0"}, "LIMIT must be a whole number from 1"),
        ({"LIMIT": "many"}, "LIMIT must be a whole number from 1"),
    ],
)
def test_what_is_not_said_well_is_told_in_a_sentence(
    given: dict[str, str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(given) == 1
    said = capsys.readouterr().out
    assert said.startswith("error: ")
    assert sentence in said


def test_a_queue_that_is_not_there_is_one_sentence(
    queues: Queues, capsys: pytest.CaptureFixture[str]
) -> None:
    assert asked(queues, FROM=queues.dead + "x") == 1
    (said,) = capsys.readouterr().out.splitlines()
    assert "SQS refused with" in said
    assert "NonExistentQueue" in said or "QueueDoesNotExist" in said


def test_no_credentials_and_no_service_are_one_sentence_each(
    queues: Queues, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{free_port()}")
    assert asked(queues) == 1
    (said,) = capsys.readouterr().out.splitlines()
    assert "EndpointConnectionError" in said
    for name in KEYS:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nowhere")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nowhere")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    assert asked(queues) == 1
    (said,) = capsys.readouterr().out.splitlines()
    assert "NoCredentialsError" in said
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    assert asked(queues) == 1
    (said,) = capsys.readouterr().out.splitlines()
    assert "NoRegionError" in said


def test_a_refusal_by_aws_is_one_sentence_with_its_code(
    queues: Queues, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "someone")
    assert asked(queues) == 1
    (said,) = capsys.readouterr().out.splitlines()
    assert "SQS refused with UnrecognizedClientException" in said
