"""What decides whether `make chaos` passes: which lines are judged, and which have to fail."""

import random
import threading
import time
from collections import Counter
from dataclasses import replace

import httpx
import pytest

from chaos.__main__ import problems
from chaos.judge import failed, judged
from chaos.kills import VICTIMS
from chaos.ledger import Account, Turn, Unfinished
from chaos.plan import RUNS, Plan
from chaos.report import settings_table
from chaos.run import Evidence, Shown
from chaos.stores import Add, Episode, Memory, Message
from chaos.talk import Crowd, Said, Talk
from local.person import Person, until


def _answered(number: int) -> Said:
    word = f"Word{'ab'[number]}"
    said = Said(f"{number}@x", f"s{number}", 0, f"k{number}", word, f"I like {word}.", "answered")
    said.turn_id, said.reply = f"t{number}", f"Noted: {word}."
    said.seconds, said.began, said.ended = 1.0, 1.0 + number / 10, 2.0
    return said


def _evidence(plan: Plan) -> Evidence:
    """Two people who said one thing each while nothing went wrong."""
    said = [_answered(0), _answered(1)]
    for one in said:
        one.email = "both@x"
    turns = [
        Turn(s.turn_id or "", s.email, s.session_id, s.key, 1, "answered", s.text, s.reply, s.key)
        for s in said
    ]
    spoken = [
        Message(turn.thread or "", "u", role, text or "", turn.turn_id, 1, 0)
        for turn in turns
        for role, text in (("user", turn.message), ("assistant", turn.reply))
    ]
    history = {
        s.session_id: [("user", s.text, True), ("assistant", s.reply or "", True)] for s in said
    }
    return Evidence(
        plan=plan,
        said=said,
        load_seconds=180.0,
        drained_seconds=100.0,
        unfinished=Unfinished(0, 0, 0),
        struck={"zep": Counter({"reset": 40})},
        killed=Counter({"ChatFunction": 30}),
        hits=Counter(dict.fromkeys(VICTIMS, 10)),
        restarts=1,
        lost_wake_ups=3,
        held_back=0,
        queued={"DeliveryQueue": 4, "DeliveryDeadLetterQueue": 0},
        states={("zep", "ingested"): 4, ("mem0", "ingested"): 2},
        accounts=[Account("both@x", "a", "u", "g")],
        turns=turns,
        messages=spoken,
        episodes=[Episode("u", message.content, None) for message in spoken],
        memories=[Memory("a", s.text, s.turn_id) for s in said],
        adds=[Add("a", s.turn_id, "SUCCEEDED") for s in said],
        shown={"both@x": Shown(history, ["likes Worda"])},
    )


PLAN = replace(RUNS["whole"], people=1, sessions=2, turns=1)


def test_a_run_without_a_flaw_passes() -> None:
    assert failed(judged(_evidence(PLAN))) == []


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"struck": {"zep": Counter({"reset": 9})}}, "what was done to it: faults: reset"),
        ({"hits": Counter({"ChatFunction": 19})}, "kills that hit a request in flight"),
        ({"load_seconds": 179.0}, "seconds of load"),
        ({"restarts": 0}, "PostgreSQL restarted"),
        ({"lost_wake_ups": 0}, "wake-ups lost"),
        ({"drained_seconds": None}, "seconds to drain"),
        ({"drained_seconds": 300.1}, "seconds to drain"),
        ({"unfinished": Unfinished(1, 0, 0)}, "deliveries owed"),
        ({"unfinished": Unfinished(0, 1, 0)}, "deliveries sent and not ingested"),
        ({"unfinished": Unfinished(0, 0, 1)}, "turns open"),
        ({"states": {("zep", "refused"): 1}}, "deliveries to zep refused"),
        ({"queued": {"DeliveryQueue": 0, "DeliveryDeadLetterQueue": 1}}, "dead-letter queue"),
        ({"said": [_answered(0)]}, "messages said"),
        ({"shown": {}}, "replies that history doesn't show"),
    ],
)
def test_each_flaw_fails_the_run(changes: dict[str, object], line: str) -> None:
    found = failed(judged(replace(_evidence(PLAN), **changes)))  # type: ignore[arg-type]
    assert any(name.endswith(line) for name in found), found


def test_an_error_of_ours_that_a_client_saw_fails_the_run() -> None:
    evidence = _evidence(PLAN)
    evidence.said[0].failures.append("500 internal_error")
    assert failed(judged(evidence)) == ["the clients: answers that say our own fault"]


def test_what_has_to_fail_is_judged_under_that_name_and_passing_is_the_problem() -> None:
    evidence = _evidence(PLAN)
    names = {f"{title}: {line.name}" for title, lines in judged(evidence) for line in lines}
    must_fail = [plan for plan in RUNS.values() if plan.must_fail]
    assert {plan.name for plan in must_fail} == {"no-sweep", "no-leases"}
    for plan in must_fail:
        assert set(plan.must_fail) <= names
        assert problems(plan, found=[]) != []
        assert problems(plan, found=[*plan.must_fail, "something else"]) == []
    assert problems(PLAN, found=["Zep: lost"]) == ["Zep: lost"]


def test_all_that_is_changed_is_listed() -> None:
    text = settings_table(PLAN)
    assert all(name in text for name in PLAN.settings)


def test_last_words_wait_until_they_are_asked_for() -> None:
    ok = {"turn_id": "t", "reply": "Noted.", "degraded": []}
    talks = []
    last_word = threading.Event()
    for number in range(3):
        person = Person("http://chat", email=f"{number}@x", password="long enough")
        person.http = httpx.Client(
            base_url="http://chat",
            transport=httpx.MockTransport(lambda _: httpx.Response(200, json=ok)),
        )
        said = [
            Said(person.email, "s", turn, f"{number}-{turn}", "W", "I like W.") for turn in range(2)
        ]
        talks.append(Talk(person, "s", said, [0.0, 0.0], last_word if number else None))
    crowd = Crowd(talks, seed=str(random.random()))  # noqa: S311 - any will do
    crowd.start()
    until(lambda: crowd.only_last_words, "only last words are left", within_seconds=5)
    assert len(crowd.said()) == 4
    last_word.set()
    until(lambda: crowd.is_done, "everything is said", within_seconds=5)
    assert [one.outcome for one in crowd.said()] == ["answered"] * 6
    assert time.monotonic() > crowd.said()[0].ended
