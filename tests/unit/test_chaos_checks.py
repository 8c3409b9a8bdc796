"""The checks of `make chaos` find each defect that they are there for."""

from dataclasses import replace

import pytest

from chaos import checks
from chaos.ledger import Account, Turn
from chaos.report import Line
from chaos.stores import Add, Episode, Memory, Message
from chaos.talk import Said


def _said(number: int, **changes: object) -> Said:
    word = f"Word{'abc'[number]}"
    said = Said("ann@x", "s", number, f"s-{number}", word, f"I like {word}.", "answered")
    said.turn_id, said.reply, said.began = f"t{number}", f"Noted: {word}.", 1.0
    for name, value in changes.items():
        setattr(said, name, value)
    return said


def _turn(number: int, **changes: object) -> Turn:
    said = _said(number)
    turn = Turn(
        turn_id=f"t{number}",
        email="ann@x",
        session_id="s",
        thread="thread",
        seq=number + 1,
        state="answered",
        message=said.text,
        reply=said.reply,
        key=said.key,
    )
    return replace(turn, **changes)  # type: ignore[arg-type]


def _messages(turn: Turn) -> list[Message]:
    texts = [("user", turn.message), *([("assistant", turn.reply)] if turn.reply else [])]
    return [
        Message("thread", "u", role, text, turn.turn_id, turn.seq, 0)
        for role, text in texts
        if text
    ]


SAID = [_said(0), _said(1), _said(2, outcome="given up", reply=None)]
TURNS = [_turn(0), _turn(1), _turn(2, state="abandoned", reply=None)]
MESSAGES = [message for turn in TURNS for message in _messages(turn)]
MEMORIES = [Memory("a", said.text, said.turn_id) for said in SAID]
ADDS = [Add("a", said.turn_id, "SUCCEEDED") for said in SAID]


def failing(lines: list[Line]) -> set[str]:
    return {line.name for line in lines if line.passes is False}


def test_a_run_in_which_nothing_went_wrong_passes() -> None:
    histories = {
        "s": [(message.role, message.content, True) for message in MESSAGES],
    }
    lines = [
        *checks.ledger_lines(SAID, TURNS),
        *checks.zep_lines(TURNS, MESSAGES),
        *checks.graph_lines(SAID, TURNS, [Episode("u", m.content, None) for m in MESSAGES]),
        *checks.mem0_lines(SAID, TURNS, MEMORIES, ADDS),
        *checks.history_lines(SAID, TURNS, histories),
    ]
    assert failing(lines) == set()


@pytest.mark.parametrize(
    ("turns", "line"),
    [
        ([*TURNS[:1], replace(TURNS[1], reply="other"), TURNS[2]], "answers that the ledger has"),
        ([TURNS[0], TURNS[2]], "answers that the ledger has"),
        ([*TURNS, replace(TURNS[1], turn_id="t9")], "messages with two turns"),
        ([*TURNS, replace(TURNS[1], key="strange")], "turns that nobody asked for"),
        ([TURNS[1], TURNS[0], TURNS[2]], "sessions in another order"),
    ],
)
def test_what_clients_were_told_is_held_against_the_ledger(turns: list[Turn], line: str) -> None:
    assert any(name.startswith(line) for name in failing(checks.ledger_lines(SAID, turns)))


@pytest.mark.parametrize(
    ("messages", "line"),
    [
        (MESSAGES[:-1], "lost"),
        ([*MESSAGES, MESSAGES[0]], "doubled"),
        ([*MESSAGES, replace(MESSAGES[0], thread="another")], "doubled"),
        ([*MESSAGES[2:], *MESSAGES[:2]], "threads in another order than the ledger"),
        ([replace(MESSAGES[0], content="x"), *MESSAGES[1:]], "in no ledger, or altered"),
        ([replace(MESSAGES[0], seq=7), *MESSAGES[1:]], "messages with a wrong seq or part"),
    ],
)
def test_a_thread_must_be_what_the_ledger_says(messages: list[Message], line: str) -> None:
    assert line in failing(checks.zep_lines(TURNS, messages))


def test_a_message_in_two_threads_is_doubled_even_when_its_own_thread_is_whole() -> None:
    stray = replace(MESSAGES[2], thread="made twice")
    assert failing(checks.zep_lines(TURNS, [*MESSAGES, stray])) == {
        "thread messages in Zep",
        "doubled",
    }


def test_episodes_that_were_given_again_are_counted_apart_from_messages() -> None:
    episodes = [Episode("u", message.content, None) for message in MESSAGES]
    episodes += [Episode("u", MESSAGES[0].content, "t0")] * 2
    lines = {line.name: line for line in checks.graph_lines(SAID, TURNS, episodes)}
    assert lines["graph episodes in Zep"].measured == 7
    assert lines["given to the graph again"].measured == 2
    assert lines["given to the graph again"].detail == "1 of them a second time"


def test_a_statement_that_mem0_has_not_ingested_fails_and_doubles_are_only_counted() -> None:
    adds = [*ADDS[1:], Add("a", "t0", "FAILED"), Add("a", "t1", "SUCCEEDED")]
    lines = checks.mem0_lines(SAID, TURNS, MEMORIES[1:], adds)
    assert failing(lines) == {"statements in no memory", "statements not ingested"}
    doubled = next(line for line in lines if line.name.startswith("doubled"))
    assert (doubled.measured, doubled.passes) == (1, None)


def test_a_word_of_somebody_else_is_a_leak_wherever_it_shows() -> None:
    accounts = [Account("ann@x", "a", "u", "g"), Account("bob@x", "b", "v", "h")]
    texts = {"bob@x": ["{'text': 'User likes Worda'}"], "ann@x": ["Worda", "Something Else"]}
    line = checks.leaks(SAID, accounts, texts)
    assert (line.measured, line.passes) == (1, False)
    assert line.detail == "of 2 a word of ann@x at bob@x"


def test_history_must_show_each_reply_that_a_client_got_and_as_delivered() -> None:
    shown = [(message.role, message.content, message.role == "user") for message in MESSAGES[:3]]
    assert failing(checks.history_lines(SAID, TURNS, {"s": shown})) == {
        "replies that history doesn't show",
        "histories that differ from the ledger",
        "shown as not delivered",
    }
