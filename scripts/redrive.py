"""`make redrive FROM=<dead-letter queue's URL> TO=<queue's URL>`: puts dead letters back.

Receives, sends, deletes, in this order: whatever ends it, a message is in one of the two queues, at
worst in both, which does no harm, because messages only say where to look. What could not be sent
stays. It stops when the queue is empty or after LIMIT messages (10,000 when nothing is said).
DEV=1 takes the queues of a running `make dev`.
"""

import os
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from local.env_file import read_dotenv
from local.resources import REGION
from local.runtime.credentials import TEST_CREDENTIALS
from local.settings import dev_ports
from local.template import load_template

ROOT = Path(__file__).resolve().parent.parent
_LIMIT = 10_000
_BATCH = 10
_WAIT_SECONDS = 2  # a short look at SQS may miss what is there
_URL = re.compile(r"https?://[^/\s]+/\d{12}/[\w-]{1,80}")
_REGION = re.compile(r"https://sqs\.([a-z0-9-]+)\.")
_EXAMPLE = "https://sqs.eu-central-1.amazonaws.com/123456789012/name"
_USAGE = """Say from where and to where, by the queues' URLs:
  make redrive FROM=<DeliveryDeadLetterQueueUrl> TO=<DeliveryQueueUrl>
  make redrive FROM=<ConsolidationDeadLetterQueueUrl> TO=<ConsolidationQueueUrl>
These four are outputs of the stack (`sam list stack-outputs --stack-name tandem-dev`).
With `make dev` running, `make redrive DEV=1` does both."""


class RedriveError(Exception):
    """It can't be done; the text says why in a sentence."""


@dataclass
class Counts:
    """What has become of the messages that were received.

    Attributes:
        moved: sent, and deleted where they came from.
        kept: could not be sent; they are where they were.
        doubled: sent, but not deleted: they are in both queues.
    """

    moved: int = 0
    kept: set[str] = field(default_factory=set)
    doubled: int = 0

    @property
    def is_clean(self) -> bool:
        """Whether nothing stayed behind."""
        return not self.kept and not self.doubled

    def __str__(self) -> str:
        parts = [f"{self.moved} put back"]
        if self.kept:
            parts.append(f"{len(self.kept)} could not be sent and stayed")
        if self.doubled:
            parts.append(f"{self.doubled} sent but not removed, so they will be sent again")
        return ", ".join(parts)


def redrive(sqs: Any, source: str, target: str, *, limit: int = _LIMIT) -> Iterator[Counts]:
    """Moves up to `limit` messages from one queue to another; yields the counts, batch by batch.

    Args:
        sqs: boto3's client.
        source: URL of the dead-letter queue.
        target: URL of the queue whose dead letters these are.

    Raises:
        RedriveError: the target has another dead-letter queue, or none.
        BotoCoreError, ClientError: SQS can't be reached, or refuses.
    """
    _check_belonging(sqs, source, target)
    counts = Counts()
    yield counts
    while (left := limit - counts.moved - counts.doubled - len(counts.kept)) > 0:
        answer = sqs.receive_message(
            QueueUrl=source,
            MaxNumberOfMessages=min(_BATCH, left),
            WaitTimeSeconds=_WAIT_SECONDS,
            MessageAttributeNames=["All"],
        )
        # What could not be sent is visible again after a while; it has had its turn.
        messages = [m for m in answer.get("Messages", []) if m["MessageId"] not in counts.kept]
        if not messages:
            return
        _move(sqs, source, target, messages, counts)
        yield counts


def _check_belonging(sqs: Any, source: str, target: str) -> None:
    arn = _attributes(sqs, source).get("QueueArn")
    policy = _attributes(sqs, target).get("RedrivePolicy", "")
    if f'"{arn}"' not in policy:
        raise RedriveError("FROM is not the dead-letter queue of TO; nothing was moved.")


def _attributes(sqs: Any, url: str) -> Mapping[str, str]:
    answer = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])
    attributes: Mapping[str, str] = answer.get("Attributes", {})
    return attributes


def _move(
    sqs: Any, source: str, target: str, messages: list[Mapping[str, Any]], counts: Counts
) -> None:
    entries = [
        {"Id": str(number), "MessageBody": message["Body"], **_attributes_of(message)}
        for number, message in enumerate(messages)
    ]
    answer = sqs.send_message_batch(QueueUrl=target, Entries=entries)
    sent = [messages[int(item["Id"])] for item in answer.get("Successful", [])]
    ids = {message["MessageId"] for message in sent}
    counts.kept |= {message["MessageId"] for message in messages} - ids
    if not sent:
        return
    counts.doubled += len(sent)  # until they are deleted
    receipts = [
        {"Id": str(number), "ReceiptHandle": message["ReceiptHandle"]}
        for number, message in enumerate(sent)
    ]
    answer = sqs.delete_message_batch(QueueUrl=source, Entries=receipts)
    deleted = len(answer.get("Successful", []))
    counts.doubled -= deleted
    counts.moved += deleted


def _attributes_of(message: Mapping[str, Any]) -> dict[str, Any]:
    given = message.get("MessageAttributes")
    return {"MessageAttributes": given} if given else {}


# ---------------------------------------------------------------- the command


def main(environment: Mapping[str, str]) -> int:
    """Does what FROM, TO, LIMIT and DEV say; 0 when nothing stayed behind."""
    try:
        limit = _limit(environment.get("LIMIT", ""))
        is_dev = environment.get("DEV", "") not in {"", "0"}
        clean = [
            _run(_client(source, is_dev=is_dev), source, target, limit)
            for source, target in _pairs(environment, is_dev=is_dev)
        ]
    except (RedriveError, ValueError) as error:
        print(f"error: {error}")
        return 1
    return 0 if all(clean) else 1


def _run(sqs: Any, source: str, target: str, limit: int) -> bool:
    counts = Counts()
    name = source.rpartition("/")[2]
    try:
        for counts in redrive(sqs, source, target, limit=limit):  # noqa: B007 - the last one counts
            pass
    except (BotoCoreError, ClientError) as error:
        raise RedriveError(f"{name}: {counts}; then {_reason(error)}") from error
    except KeyboardInterrupt:
        raise RedriveError(f"{name}: {counts}; then it was stopped.") from None
    is_over = counts.moved + counts.doubled + len(counts.kept) >= limit
    print(f"{name}: {counts}{'; that is LIMIT, there may be more' if is_over else ''}.")
    return counts.is_clean


def _reason(error: BotoCoreError | ClientError) -> str:
    if isinstance(error, ClientError):
        code = str(error.response.get("Error", {}).get("Code", "?")).rpartition(".")[2]
        return f"SQS refused with {code}: look at FROM, TO and whose credentials these are."
    return f"{type(error).__name__}: {' '.join(str(error).split())}"


def _limit(text: str) -> int:
    if text and not (text.isascii() and text.isdigit() and int(text) > 0):
        raise RedriveError("LIMIT must be a whole number from 1.")
    return int(text or _LIMIT)


def _pairs(environment: Mapping[str, str], *, is_dev: bool) -> list[tuple[str, str]]:
    source, target = environment.get("FROM", ""), environment.get("TO", "")
    if is_dev and not source and not target:
        return _dev_pairs()
    if not source or not target:
        raise RedriveError(_USAGE)
    for name, url in (("FROM", source), ("TO", target)):
        if not _URL.fullmatch(url):
            raise RedriveError(f"{name} is not a queue's URL, such as {_EXAMPLE}.")
    return [(source, target)]


def _dev_address() -> str:
    port = dev_ports({**read_dotenv(ROOT / ".env"), **os.environ}).aws
    return f"http://127.0.0.1:{port}"


def _dev_pairs() -> list[tuple[str, str]]:
    queues = load_template(ROOT / "template.yaml").queues
    account = f"{_dev_address()}/123456789012"
    return [
        (f"{account}/{queues[queue.dead_letter_id].name}", f"{account}/{queue.name}")
        for queue in queues.values()
        if queue.dead_letter_id is not None
    ]


def _client(url: str, *, is_dev: bool) -> Any:
    """boto3's, with credentials and region the usual way; the URL's region is the queue's own."""
    config = Config(connect_timeout=5, read_timeout=20, retries={"total_max_attempts": 2})
    if is_dev:
        keys = {name.lower(): value for name, value in TEST_CREDENTIALS.items()}
        return boto3.Session().client(
            "sqs", endpoint_url=_dev_address(), region_name=REGION, config=config, **keys
        )
    named = _REGION.match(url)
    try:
        session = boto3.Session()
        return session.client("sqs", region_name=named.group(1) if named else None, config=config)
    except BotoCoreError as error:
        raise RedriveError(f"AWS can't be asked: {_reason(error)}") from error


if __name__ == "__main__":
    sys.exit(main(os.environ))
