"""The fault matrix' own logic: its tables are whole, and the document is read as it was written."""

import httpx
import pytest

from faults import document
from faults.afterwards import Kept
from faults.endpoints import ENDPOINTS, Answer, answer_of
from faults.expected import ASKS, EXPECTED, REASONS, Expected
from faults.kinds import FAULTS, Fault
from faults.matrix import Run, wrong_in

HEALTHY = dict.fromkeys(ENDPOINTS, 0.1)
FOUND = {
    service: {
        fault: {
            endpoint: Answer(cell.status, cell.code, cell.degraded, seconds=0.2, retry_after="2")
            for endpoint, cell in row.items()
        }
        for fault, row in rows.items()
    }
    for service, rows in EXPECTED.items()
}
BACK = {service: dict.fromkeys(rows, 0.3) for service, rows in EXPECTED.items()}
DOCUMENT = document.written(
    {"matrix": document.matrix_section(Run(FOUND, HEALTHY, BACK, Kept(1, 1, 0, 2, 1), []))}
)


def fault_called(service: str, name: str) -> Fault:
    [found] = [fault for fault in FAULTS if (fault.service, fault.name) == (service, name)]
    return found


def test_every_fault_has_its_row_and_every_row_its_fault() -> None:
    faults = [(fault.service, fault.name) for fault in FAULTS]
    assert faults == [(service, name) for service, rows in EXPECTED.items() for name in rows]
    assert all(set(row) == set(ENDPOINTS) for rows in EXPECTED.values() for row in rows.values())


def test_chat_answers_whenever_gemini_and_postgresql_live() -> None:
    struck = [
        row["chat"] for name in ("zep", "mem0", "both", "sqs") for row in EXPECTED[name].values()
    ]
    assert {cell.status for cell in struck} == {200}


def test_what_a_fault_cannot_matter_to_is_named_with_the_reason() -> None:
    for service, rows in EXPECTED.items():
        others = set(ENDPOINTS) - ASKS[service]
        assert bool(others) == bool(REASONS[service])
        for row in rows.values():
            assert {name for name, cell in row.items() if not cell.is_asked} == others
            assert all(row[name].status < 400 and not row[name].degraded for name in others)


def test_the_document_is_read_as_it_was_written() -> None:
    assert document.differences(DOCUMENT) == []


@pytest.mark.parametrize(
    ("written", "instead"),
    [
        ("200 · degraded zep · ", "200 · degraded mem0 · "),
        ("504 `upstream_timeout`", "503 `upstream_timeout`"),
        ("503 `database_unavailable`", "503 `internal_error`"),
        ("*201 · ", "*500 · "),
        ("| **53300** ", "| **53301** "),
    ],
)
def test_a_cell_that_says_something_else_is_found(written: str, instead: str) -> None:
    assert written in DOCUMENT
    assert document.differences(DOCUMENT.replace(written, instead, 1))


def test_the_document_that_people_read_says_what_is_expected() -> None:
    assert document.differences(document.PATH.read_text()) == []


def test_a_part_that_was_not_played_stays_as_it_was() -> None:
    both = document.written({"other": "Figures of another part."}, DOCUMENT)
    assert document.differences(both) == []
    again = document.written({"matrix": "Nothing."}, both)
    assert "Figures of another part." in again
    assert len(document.differences(again)) == sum(map(len, EXPECTED.values())) * len(ENDPOINTS)


def test_a_cell_that_is_as_expected_says_nothing() -> None:
    for fault in FAULTS:
        assert wrong_in(fault, FOUND[fault.service][fault.name], HEALTHY) == []


def test_another_status_a_late_answer_and_an_empty_one_are_each_told() -> None:
    found = FOUND["zep"]["hang"] | {
        "chat": Answer(503, "upstream_timeout", (), seconds=0.2),
        "history": Answer(200, "", ("zep",), seconds=5.03),
        "search": Answer(200, "", ("zep",), seconds=2.6, is_filled=False),
        "login": Answer(200, "", ("zep",), seconds=0.1),
    }
    wrong = wrong_in(fault_called("zep", "hang"), found, HEALTHY)
    again = FOUND["gemini"]["hang"] | {"chat": Answer(504, "upstream_timeout", (), seconds=20.0)}
    assert wrong_in(fault_called("gemini", "hang"), again, HEALTHY) == [
        "gemini hang, chat: has no Retry-After"
    ]
    assert [sentence.partition(": ")[0] for sentence in wrong] == [
        f"zep hang, {endpoint}" for endpoint in ("chat", "history", "search", "login")
    ]


def test_an_answer_is_noted_whatever_it_looks_like() -> None:
    fine = httpx.Response(200, json={"degraded": ["zep", "mem0"], "items": []})
    noted = answer_of(fine, 0.5, "items")
    assert (noted.degraded, noted.is_filled, noted.is_fine) == (("mem0", "zep"), False, False)
    body = {"code": "upstream_timeout", "turn_id": "t"}
    problem = answer_of(httpx.Response(504, json=body, headers={"retry-after": "2"}), 0.5, "reply")
    assert (problem.code, problem.turn_id, problem.retry_after) == ("upstream_timeout", "t", "2")
    assert answer_of(httpx.Response(502, text="<html>"), 0.5, "reply").code == ""


def test_times_that_matter_are_bounded_by_the_limits_of_a_turn() -> None:
    slowest = max(cell.added_seconds for cell in EXPECTED["zep"]["hang"].values())
    assert slowest <= 2.8
    assert EXPECTED["postgresql"]["hang"]["login"].added_seconds <= 3.5
    assert EXPECTED["gemini"]["hang"]["chat"] == Expected(
        504, "upstream_timeout", added_seconds=20.5
    )
