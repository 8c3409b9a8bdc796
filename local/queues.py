"""SQS on this machine: queues and the secret in moto, and how they are called."""

import json
from collections.abc import Mapping
from typing import Any

import httpx

from local.resources import REGION, Queue, Template

_TARGETS = {"sqs": ("AmazonSQS", "1.0"), "secretsmanager": ("secretsmanager", "1.1")}


class AwsCall:
    """Requests of AWS's JSON protocol to moto, which looks at the region and service only."""

    def __init__(self, endpoint: str) -> None:
        self._endpoint = endpoint

    def build(self, service: str, operation: str, body: Mapping[str, Any]) -> httpx.Request:
        """One call, ready to be sent."""
        prefix, version = _TARGETS[service]
        scope = f"test-key/20260101/{REGION}/{service}/aws4_request"
        return httpx.Request(
            "POST",
            self._endpoint,
            content=json.dumps(body),
            headers={
                "content-type": f"application/x-amz-json-{version}",
                "x-amz-target": f"{prefix}.{operation}",
                "x-amz-date": "20260101T000000Z",
                "authorization": f"AWS4-HMAC-SHA256 Credential={scope}, "
                "SignedHeaders=host, Signature=0",
            },
        )


def provision(endpoint: str, template: Template, secret: Mapping[str, str]) -> None:
    """Makes the queues with their redrive and puts `secret` into each secret of the template.

    Raises:
        httpx.HTTPError: moto does not answer, or refuses.
    """
    call = AwsCall(endpoint)
    with httpx.Client(timeout=30, trust_env=False) as client:

        def send(service: str, operation: str, body: Mapping[str, Any]) -> None:
            client.send(call.build(service, operation, body)).raise_for_status()

        for queue in _dead_letter_queues_first(template.queues):
            attributes = dict(queue.attributes)
            if queue.dead_letter_id is not None:
                attributes["RedrivePolicy"] = json.dumps(
                    {
                        "deadLetterTargetArn": template.queues[queue.dead_letter_id].arn,
                        "maxReceiveCount": queue.max_receive_count,
                    }
                )
            send("sqs", "CreateQueue", {"QueueName": queue.name, "Attributes": attributes})
        for name in template.secret_names.values():
            body = {"Name": name, "SecretString": json.dumps(dict(secret))}
            send("secretsmanager", "CreateSecret", body)


def _dead_letter_queues_first(queues: Mapping[str, Queue]) -> list[Queue]:
    return sorted(queues.values(), key=lambda queue: queue.dead_letter_id is not None)
