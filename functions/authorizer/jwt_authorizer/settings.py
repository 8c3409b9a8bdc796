"""What the authorizer must know, read from the environment at import.

Plain code, no pydantic: importing that would double the authorizer's cold start. The names and
defaults are those of the layer's `TokenSettings`; a test holds the two against each other.
"""

from collections.abc import Mapping
from typing import NamedTuple

KEY_BYTES = {"HS256": 32, "HS384": 48, "HS512": 64}
"""The shortest key that each algorithm accepts (RFC 7518 §3.2)."""


class Settings(NamedTuple):
    """Which tokens are accepted, and where the key is."""

    secret_arn: str
    algorithm: str
    issuer: str
    audience: str


def load(environment: Mapping[str, str]) -> Settings:
    """The settings in this environment.

    Raises:
        RuntimeError: one is missing or not acceptable; it names the setting, never the value.
    """
    algorithm = environment.get("ALGORITHM") or "HS256"
    if algorithm not in KEY_BYTES:
        raise RuntimeError("ALGORITHM: has a value that is not accepted")
    if not environment.get("SECRET_ARN"):
        raise RuntimeError("SECRET_ARN: is missing")
    return Settings(
        secret_arn=environment["SECRET_ARN"],
        algorithm=algorithm,
        issuer=environment.get("TOKEN_ISSUER") or "tandem",
        audience=environment.get("TOKEN_AUDIENCE") or "tandem-api",
    )
