"""Which AWS service to call, where, and signed as whom: what two callers of AWS share.

Like `tandem.secrets`, this module may read the environment: it is Lambda that fills these
variables, not an operator.
"""

import os
from datetime import UTC, datetime
from typing import NamedTuple
from urllib.parse import urlsplit

from tandem.aws_credentials import RoleCredentials
from tandem.aws_signature import AwsScope, sign_post

_role = RoleCredentials()


class AwsRequest(NamedTuple):
    """A signed `POST /`, ready to be sent to `base_url`."""

    base_url: str
    headers: dict[str, str]
    body: bytes


def aws_endpoint(service: str) -> str:
    """The address of a service in this function's region, or the one that the environment names.

    `AWS_ENDPOINT_URL_<SERVICE>` and `AWS_ENDPOINT_URL` mean here what they mean to AWS's own SDKs.
    """
    region = os.environ.get("AWS_REGION", "us-east-1")
    return (
        os.environ.get(f"AWS_ENDPOINT_URL_{_VARIABLE.get(service, service.upper())}")
        or os.environ.get("AWS_ENDPOINT_URL")
        or f"https://{service}.{region}.amazonaws.com"
    )


def aws_request(service: str, target: str, body: bytes, *, json_version: str) -> AwsRequest:
    """A call of AWS's JSON protocol, signed with this function's own credentials.

    Args:
        service: as in its host name: `sqs`, `secretsmanager`.
        target: the operation with its prefix, such as `AmazonSQS.SendMessageBatch`.
        json_version: the protocol's version, `1.0` or `1.1`.

    Raises:
        NoCredentials: a ValueError; the function's role has no keys for us now.
    """
    endpoint = aws_endpoint(service)
    headers = sign_post(
        host=urlsplit(endpoint).netloc,
        headers={
            "content-type": f"application/x-amz-json-{json_version}",
            "x-amz-target": target,
        },
        body=body,
        scope=AwsScope(os.environ.get("AWS_REGION", "us-east-1"), service),
        credentials=_role.current(),
        now=datetime.now(UTC),
    )
    return AwsRequest(endpoint, headers, body)


_VARIABLE = {"secretsmanager": "SECRETS_MANAGER"}
