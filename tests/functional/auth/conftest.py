"""The auth function's handler over tables in memory."""

import json
from typing import Any

import pytest

from auth_api.routes import create_router
from auth_api.service import AuthService, Passwords
from tandem.web import create_app, create_handler
from tests.conftest import MakeEvent
from tests.functional.auth.accounts_in_memory import Call, Hashing, Issuer, Tables


@pytest.fixture
def tables() -> Tables:
    return Tables()


@pytest.fixture
def hashing() -> Hashing:
    return Hashing()


@pytest.fixture
def service(tables: Tables, hashing: Hashing) -> AuthService:
    return AuthService(
        accounts=tables,
        logins=tables,
        tokens=Issuer(),
        key=lambda: "test-key",
        passwords=Passwords(hash=hashing.hash, verify=hashing.verify),
    )


@pytest.fixture
def call(service: AuthService, http_event: MakeEvent) -> Call:
    router = create_router(service, expires_in_seconds=1_800)
    handler = create_handler(create_app(routers=[router]))

    def send(name: str, **changes: Any) -> tuple[int, dict[str, Any]]:
        answer = handler(http_event(name, **changes), None)
        return answer["statusCode"], json.loads(answer["body"] or "{}")

    return send
