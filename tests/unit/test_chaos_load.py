"""What `make chaos` does: what is said, how a client repeats it, what fails and who is killed."""

import random
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from chaos import talk
from chaos.faults import KINDS, SHARE, counted, rules
from chaos.judge import failed
from chaos.kills import Killer, hits
from chaos.plan import RUNS, SETTINGS, statements, words
from chaos.report import Line, none, table
from chaos.talk import PATIENCE_SECONDS, Said
from local.twins.fault_fields import read_rules
from local.twins.rules import extract
from tandem import settings as tandem_settings


class Clock:
    """Passes when somebody sleeps."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def _client(answer: Callable[[httpx.Request], httpx.Response]) -> httpx.Client:
    return httpx.Client(base_url="http://chat", transport=httpx.MockTransport(answer))


def _said() -> Said:
    return Said("ann@x", "s", 0, "s-0", "Bodaguna", "I like Bodaguna.")


def _say(answers: list[httpx.Response], *, patient: bool) -> tuple[Said, list[str], Clock]:
    keys: list[str] = []
    left = list(answers)

    def answer(request: httpx.Request) -> httpx.Response:
        keys.append(request.headers["idempotency-key"])
        return left.pop(0) if len(left) > 1 else left[0]

    said, clock = _said(), Clock()
    share = 0.99 if patient else 0.0
    draw = random.Random(0)  # noqa: S311 - replaced below
    draw.random = lambda: share  # type: ignore[method-assign]
    talk.say(_client(answer), said, draw=draw, clock=clock, sleep=clock.sleep)
    return said, keys, clock


OK = httpx.Response(200, json={"turn_id": "t", "reply": "Noted.", "degraded": []})
BUSY = httpx.Response(
    409, json={"code": "turn_in_progress", "turn_id": "t"}, headers={"retry-after": "2"}
)
CRASHED = httpx.Response(500, json={"message": "Internal Server Error"})


def test_a_client_repeats_under_the_same_key_until_it_is_answered() -> None:
    said, keys, _ = _say([CRASHED, BUSY, BUSY, OK], patient=True)
    assert (said.outcome, said.reply, said.turn_id) == ("answered", "Noted.", "t")
    assert keys == ["s-0"] * 4
    assert said.failures == ["500 of the gateway", *["409 turn_in_progress"] * 2]


def test_some_give_up_at_the_first_failure_and_keep_the_turn_that_they_were_told_of() -> None:
    told = httpx.Response(503, json={"code": "upstream_unavailable", "turn_id": "t"})
    said, keys, _ = _say([told, OK], patient=False)
    assert (said.outcome, said.turn_id, len(keys)) == ("given up", "t", 1)


def test_patience_is_longer_than_a_turns_lease_and_ends() -> None:
    said, _, _ = _say([BUSY], patient=True)
    assert said.outcome == "given up"
    lease = tandem_settings.ChatSettings.model_fields["turn_lease_seconds"].default
    assert lease < said.waited <= PATIENCE_SECONDS


def test_what_no_repeat_can_mend_is_refused() -> None:
    said, keys, _ = _say([httpx.Response(422, json={"code": "invalid"})], patient=True)
    assert (said.outcome, len(keys)) == ("refused", 1)


def test_each_message_has_a_word_of_its_own_that_both_twins_understand() -> None:
    drawn = words("seed", 1_200)
    assert len(set(drawn)) == 1_200
    for word, text in zip(drawn[:200], statements(drawn[:200]), strict=True):
        [fact] = extract(text)
        assert word in fact.text


@pytest.mark.parametrize("provider", ["zep", "mem0", "gemini"])
def test_a_tenth_of_all_calls_is_struck_and_the_twins_take_the_rules(provider: str) -> None:
    found, _ = read_rules({"rules": rules(provider), "seed": 1})
    general = [rule for rule in found if rule["path"] == "*" and rule["method"] is None]
    assert sum(rule["probability"] for rule in general) == pytest.approx(SHARE)
    assert {rule["when"] for rule in general} == {"before", "after"}


def test_strikes_are_counted_by_kind_and_status() -> None:
    shown = [{**rule, "struck": 2} for rule in rules("zep")]
    struck = counted(shown)
    assert struck.keys() == KINDS.keys()
    assert (struck["status 500"], struck["status 503"], struck["reset"]) == (4, 6, 6)
    assert counted([])["hang"] == 0


def test_only_processes_of_chat_and_jobs_are_killed() -> None:
    killed: list[int] = []
    pids = {"gateway": 1, "postgres": 2, "AuthFunction.1": 3, "ChatFunction.2": 4, "zep": 5}
    draw = random.Random(1)  # noqa: S311 - to be repeatable is the point
    killer = Killer(lambda: pids, every=(1.0, 2.0), draw=draw, kill=killed.append)
    for second in range(20):
        killer.step(second)
    assert set(killed) == {4}
    assert 5 <= len(killed) <= 20
    assert killer.killed == Counter({"ChatFunction": len(killed)})


def test_a_kill_counts_as_a_hit_only_if_an_invocation_ended_by_it(tmp_path: Path) -> None:
    log = tmp_path / "ChatFunction.log"
    log.write_text(
        '{"message": "Runtime exited with signal 9"}\n'
        "8f-1 Runtime exited with signal 9\n"
        "8f-2 Runtime exited with status 1\n"
        "8f-3 Task timed out after 29.00 seconds\n"
    )
    assert hits(tmp_path).total() == 1


def test_the_usual_values_are_those_of_the_settings() -> None:
    fields = {
        name.upper(): field.default
        for kind in vars(tandem_settings).values()
        if isinstance(kind, type) and issubclass(kind, tandem_settings.Settings)
        for name, field in kind.model_fields.items()
    }
    for name, setting in SETTINGS.items():
        assert float(setting.usual) == fields[name]


def test_the_size_of_a_run_is_what_is_promised() -> None:
    assert (RUNS["whole"].people, RUNS["whole"].messages) == (20, 1_200)
    assert (RUNS["whole"].load_seconds, RUNS["whole"].drain_seconds) == (180, 300)
    assert {RUNS[name].messages for name in ("small", "no-sweep", "no-leases")} == {120}


def test_a_line_without_a_bar_is_only_told() -> None:
    lines = [Line("told", 3), none("lost", ["a", "b", "c", "d"], of=9), Line("many", 4, 5, "least")]
    assert failed([("part", lines)]) == ["part: lost", "part: many"]
    assert table("part", lines).splitlines()[2].split() == [
        *("lost", "4", "=", "0", "FAIL", "of", "9", "a;", "b;", "c", "…")
    ]
