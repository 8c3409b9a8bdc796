"""AWS Signature Version 4 for one small POST, from the standard library alone.

boto3 would do this too, but importing it costs more than the whole of a function's other imports
but FastAPI (measured by `bench/cold_start.py`), and login, history and memory need nothing else
of it. Source: AWS IAM User Guide, "Create a signed AWS API request"; the tests hold AWS's own
published example against it.
"""

import hashlib
import hmac
from datetime import datetime
from typing import NamedTuple


class AwsCredentials(NamedTuple):
    """What signs a request. The session token is there on Lambda and absent for plain keys."""

    access_key_id: str
    secret_access_key: str
    session_token: str | None


class AwsScope(NamedTuple):
    """What a signature is good for."""

    region: str
    service: str


def _hmac(key: bytes, text: str) -> bytes:
    return hmac.new(key, text.encode(), hashlib.sha256).digest()


def sign_post(
    *,
    host: str,
    headers: dict[str, str],
    body: bytes,
    scope: AwsScope,
    credentials: AwsCredentials,
    now: datetime,
) -> dict[str, str]:
    """All headers of a signed `POST /`: the given ones and host, date, token and signature.

    Args:
        host: the host header, with the port if the address has one.
        headers: further headers to send; all of them are signed.
        body: the exact bytes that will be sent.
        now: aware UTC; AWS accepts five minutes of difference.
    """
    stamp = now.strftime("%Y%m%dT%H%M%SZ")
    signed = {name.lower(): value for name, value in headers.items()}
    signed |= {"host": host, "x-amz-date": stamp}
    if credentials.session_token:
        signed["x-amz-security-token"] = credentials.session_token
    names = ";".join(sorted(signed))
    canonical_headers = "".join(f"{name}:{signed[name]}\n" for name in sorted(signed))
    payload = hashlib.sha256(body).hexdigest()
    canonical = f"POST\n/\n\n{canonical_headers}\n{names}\n{payload}"
    credential_scope = f"{stamp[:8]}/{scope.region}/{scope.service}/aws4_request"
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    to_sign = f"AWS4-HMAC-SHA256\n{stamp}\n{credential_scope}\n{digest}"
    key = f"AWS4{credentials.secret_access_key}".encode()
    for part in (stamp[:8], scope.region, scope.service, "aws4_request"):
        key = _hmac(key, part)
    signature = _hmac(key, to_sign).hex()
    signed["authorization"] = (
        f"AWS4-HMAC-SHA256 Credential={credentials.access_key_id}/{credential_scope}, "
        f"SignedHeaders={names}, Signature={signature}"
    )
    return signed
