"""The README's table of request fields, held against the schemas."""

import re
from pathlib import Path

import pytest
from pydantic import BaseModel

from auth_api.schemas import (
    ChangePasswordRequest,
    ListLoginsQuery,
    LogInRequest,
    LogOutQuery,
    RefreshRequest,
    SignUpRequest,
)
from chat_api.schemas import ChatRequest
from history_api.schemas import HistoryRequest, ListSessionsQuery, StartSessionRequest
from memory_api.changing.schemas import CorrectRequest, ForgetRequest, RememberRequest
from memory_api.consolidation.schemas import (
    ConflictsRequest,
    ConsolidateRequest,
    ResolveRequest,
    RunsRequest,
    UndoRequest,
)
from memory_api.schemas import MemoryRequest, SearchRequest

README = (Path(__file__).parents[2] / "README.md").read_text()
TABLE = README.split("### What they take\n", 1)[1].split("\n#", 1)[0]


@pytest.mark.parametrize(
    ("call", "schema"),
    [
        ("POST /api/auth/signup", SignUpRequest),
        ("POST /api/auth/login", LogInRequest),
        ("POST /api/auth/refresh", RefreshRequest),
        ("POST /api/auth/logout?", LogOutQuery),
        ("GET /api/auth/logins?", ListLoginsQuery),
        ("POST /api/auth/password", ChangePasswordRequest),
        ("POST /api/session/start", StartSessionRequest),
        ("GET /api/session?", ListSessionsQuery),
        ("POST /api/chat", ChatRequest),
        ("GET /api/history?", HistoryRequest),
        ("GET /api/memory?", MemoryRequest),
        ("POST /api/memory/search", SearchRequest),
        ("POST /api/memory", RememberRequest),
        ("PATCH /api/memory/{memory_id}", CorrectRequest),
        ("POST /api/memory/forget", ForgetRequest),
        ("POST /api/memory/consolidate", ConsolidateRequest),
        ("GET /api/memory/consolidations?", RunsRequest),
        ("POST /api/memory/consolidations/{run_id}/undo", UndoRequest),
        ("GET /api/memory/conflicts?", ConflictsRequest),
        ("POST /api/memory/conflicts/{conflict_id}/resolve", ResolveRequest),
    ],
)
def test_the_readme_names_every_field_and_which_must_be_there(
    call: str, schema: type[BaseModel]
) -> None:
    (fields,) = re.findall(rf"^\| `{re.escape(call)}` \| (.+) \|$", TABLE, re.MULTILINE)
    assert set(re.findall(r"`([^`]+)`", fields)) == {
        f"{name}*" if field.is_required() else name for name, field in schema.model_fields.items()
    }
