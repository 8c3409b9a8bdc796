"""Why the Gemini twin thinks something: the sentence in which the person said it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.functional.twins.test_gemini_twin_managing import Run, ask, said

HOME: dict[str, Any] = {
    "id": "mem_1",
    "store": "both",
    "kind": "memory",
    "text": "Lives in Mumbai",
    "said_at": "2026-11-20T11:38:31Z",
    "valid_from": "2026-11-20T11:38:31Z",
    "valid_to": None,
    "source": "We moved to Mumbai last month, it's hot.",
}
CHESS = HOME | {"id": "mem_2", "text": "Likes chess", "source": "Chess is what I like."}


@pytest.mark.parametrize(
    "question",
    [
        "Why do you think I live in Mumbai?",
        "How do you know that I live in Mumbai?",
        "So what makes you believe I live in Mumbai?",
    ],
)
def test_who_asks_why_is_quoted(run: Run, question: str) -> None:
    told = said(run, ask(question, lines=[CHESS, HOME]))

    assert told == f"Because you told me on 20 November 2026: “{HOME['source']}”"


def test_words_that_are_still_pending_are_their_own_source(run: Run) -> None:
    pending = {
        "id": "said_1",
        "store": "pending",
        "kind": "memory",
        "text": "I moved to Mumbai.",
        "said_at": "2026-11-20T11:38:31Z",
    }

    assert "“I moved to Mumbai.”" in said(
        run, ask("Why do you think I live in Mumbai?", lines=[pending])
    )


def test_without_a_source_nothing_is_quoted(run: Run) -> None:
    plain = {name: value for name, value in HOME.items() if name != "source"}

    assert "“" not in said(run, ask("Why do you think I live in Mumbai?", lines=[plain]))


def test_what_was_never_said_is_not_explained_by_something_else(run: Run) -> None:
    assert "chess" not in said(run, ask("Why do you think I live in Oslo?", lines=[CHESS])).lower()
