from datetime import UTC, datetime

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from jwt_authorizer import secret
from tandem.aws_signature import AwsCredentials, AwsScope, sign_post

# Access key of the examples in AWS's documentation.
KEY_ID = "AKIDEXAMPLE"
KEY = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
HEADERS = {
    "content-type": "application/x-amz-json-1.1",
    "x-amz-target": "secretsmanager.GetSecretValue",
}
BODY = b'{"SecretId": "arn:aws:secretsmanager:eu-west-1:123456789012:secret:app-AbCdEf"}'
HOST = "secretsmanager.eu-west-1.amazonaws.com"


def by_botocore(now: datetime, token: str | None) -> str:
    """The authorization header that AWS's own client makes of the same request."""
    request = AWSRequest("POST", f"https://{HOST}/", headers=dict(HEADERS), data=BODY)
    request.context["timestamp"] = now.strftime("%Y%m%dT%H%M%SZ")
    request.headers["X-Amz-Date"] = request.context["timestamp"]
    if token:
        request.headers["X-Amz-Security-Token"] = token
    signer = SigV4Auth(Credentials(KEY_ID, KEY, token), "secretsmanager", "eu-west-1")
    canonical = signer.canonical_request(request)
    return str(signer.signature(signer.string_to_sign(request, canonical), request))


def test_aws_s_published_example_post_vanilla_is_reproduced() -> None:
    headers = sign_post(
        host="example.amazonaws.com",
        headers={},
        body=b"",
        scope=AwsScope("us-east-1", "service"),
        credentials=AwsCredentials(KEY_ID, KEY, None),
        now=datetime(2015, 8, 30, 12, 36, tzinfo=UTC),
    )

    assert headers["authorization"] == (
        "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, "
        "SignedHeaders=host;x-amz-date, "
        "Signature=5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"
    )


@pytest.mark.parametrize("token", [None, "test-session-token"])
def test_the_signature_is_the_one_that_aws_s_own_client_makes(token: str | None) -> None:
    now = datetime(2026, 11, 20, 11, 0, tzinfo=UTC)

    headers = sign_post(
        host=HOST,
        headers=HEADERS,
        body=BODY,
        scope=AwsScope("eu-west-1", "secretsmanager"),
        credentials=AwsCredentials(KEY_ID, KEY, token),
        now=now,
    )

    assert headers["authorization"].endswith(f"Signature={by_botocore(now, token)}")
    assert headers.get("x-amz-security-token") == token


@pytest.mark.parametrize("token", [None, "test-session-token"])
def test_the_authorizer_s_own_signature_is_the_same(
    token: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = datetime(2026, 11, 20, 11, 0, tzinfo=UTC)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", KEY_ID)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", KEY)
    monkeypatch.delenv("AWS_SESSION_TOKEN", raising=False)
    if token:
        monkeypatch.setenv("AWS_SESSION_TOKEN", token)
    monkeypatch.setattr("jwt_authorizer.secret.time.gmtime", now.timetuple)

    headers = secret._signed(HOST, "eu-west-1", BODY)

    assert headers["authorization"].endswith(f"Signature={by_botocore(now, token)}")
