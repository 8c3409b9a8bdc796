"""The memory function's handler for each test."""

import pytest

from tests.conftest import MakeEvent
from tests.functional.memory.memory_requests import Api


@pytest.fixture
def api(http_event: MakeEvent) -> Api:
    return Api(http_event)
