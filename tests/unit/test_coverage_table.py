"""What `make contract` writes of the operations that it has seen."""

import json
from pathlib import Path
from typing import Any

import pytest

from scripts import coverage_table

SEEN: dict[str, Any] = {
    "calls": [
        ["zep-cloud async", "user.get", "GET /users/{user_uuid}", True],
        ["zep-cloud sync", "user.get", "GET /users/{user_uuid}", True],
        ["zep-cloud sync", "graph.lookup", "POST /graphs/lookup", False],
        ["zep counterpart", "user.get", "GET /users/{user_uuid}", True],
        ["tandem ZepClient", "get_user", "GET /users/{user_uuid}", True],
        ["tandem Mem0Client", "get_event", "GET /v1/event/{event_id}/", True],
        ["mem0ai-0x sync", "add", "POST /v1/memories/", True],
        ["mem0ai sync", "add", "POST /v3/memories/add/", True],
        ["google-genai sync", "models.get", "GET /v1/models/{model}", True],
        ["google-genai sync", "models.generate_content", "POST /v1/generate", True],
        ["agno", "run", "POST /v1/generate", True],
    ],
    "counterparts": {"ZepClient.get_user": ["user.get"]},
}


@pytest.mark.parametrize(
    "line",
    [
        "| `user.get` | `get_user` | `GET /users/{user_uuid}` | zep-cloud 4.0.1 (sync, async) |",
        "| `graph.lookup` |  | `POST /graphs/lookup` | "
        "zep-cloud 4.0.1 (sync); only ever to be refused |",
        "| `add` |  | `POST /v1/memories/`<br>`POST /v3/memories/add/` | "
        "mem0ai 2.2.1 (sync); mem0ai 0.1.118 (sync) |",
        "| not in any official client | `get_event` | `GET /v1/event/{event_id}/` |  |",
        "| `models.get` |  | `GET /v1/models/{model}` | google-genai 3.3.0 (sync) |",
        "| `models.generate_content` |  | `POST /v1/generate` | "
        "google-genai 3.3.0 (sync); Agno 3.1.10 |",
        "2 operations, 1 of them in `ZepClient`.",
    ],
)
def test_the_table_has_a_line_for_each_operation(line: str) -> None:
    assert line in coverage_table.table(SEEN).splitlines()


def test_a_table_that_says_something_else_is_an_error_until_it_is_written(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(coverage_table, "ROOT", tmp_path)
    monkeypatch.setattr(coverage_table, "SEEN", tmp_path / "called.json")
    monkeypatch.setattr(coverage_table, "TABLE", tmp_path / "coverage.md")
    coverage_table.SEEN.write_text(json.dumps(SEEN))
    assert coverage_table.main([]) == 1
    assert coverage_table.main(["--write"]) == 0
    assert coverage_table.main([]) == 0
    coverage_table.SEEN.write_text(json.dumps(SEEN | {"counterparts": {}}))
    assert coverage_table.main([]) == 1
