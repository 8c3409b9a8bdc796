"""Everything that is printed of a run, and whether it passes."""

import statistics
from collections import Counter
from collections.abc import Iterator, Sequence

from chaos import checks
from chaos.plan import Plan
from chaos.report import Line, none
from chaos.run import Evidence
from chaos.talk import Said, failures

_DONE = {"ingested"}


def judged(evidence: Evidence) -> list[tuple[str, list[Line]]]:
    """The lines of each part."""
    return [
        ("what was done to it", list(_fire(evidence))),
        ("the clients", [*_clients(evidence.plan, evidence.said), *_ledger(evidence)]),
        ("Zep", [*_zep(evidence)]),
        ("Mem0", _mem0(evidence)),
        ("what the API shows", _shown(evidence)),
        ("what is left", list(_left(evidence))),
    ]


def failed(parts: Sequence[tuple[str, list[Line]]]) -> list[str]:
    """Names of the lines that don't pass."""
    return [f"{title}: {line.name}" for title, lines in parts for line in lines if not _ok(line)]


def _ok(line: Line) -> bool:
    return line.passes is not False


def _fire(evidence: Evidence) -> Iterator[Line]:
    plan = evidence.plan
    seconds = round(evidence.load_seconds, 1)
    yield Line("seconds of load", seconds, plan.load_seconds, "least")
    whole: Counter[str] = Counter()
    for struck in evidence.struck.values():
        whole.update(struck)
    for kind, count in whole.items():
        per = ", ".join(f"{name} {of[kind]}" for name, of in evidence.struck.items() if kind in of)
        yield Line(f"faults: {kind}", count, plan.strikes or None, "least", per)
    killed = ", ".join(f"{name} {count}" for name, count in evidence.killed.items())
    yield Line("processes killed", evidence.killed.total(), detail=killed)
    hit = ", ".join(f"{name} {count}" for name, count in evidence.hits.items())
    yield Line(
        "kills that hit a request in flight",
        evidence.hits.total(),
        plan.kills or None,
        "least",
        hit,
    )
    yield Line("PostgreSQL restarted", evidence.restarts, 1)
    yield Line("wake-ups lost", evidence.lost_wake_ups, 1, "least")
    yield Line("calls held back by the rate budget", evidence.held_back)


def _clients(plan: Plan, said: Sequence[Said]) -> Iterator[Line]:
    yield Line("messages said", len(said), plan.messages)
    answered = [one for one in said if one.outcome == "answered"]
    yield from _percentiles("an answer", [one.seconds for one in answered])
    yield from _percentiles("an answer with all repeats", [one.waited for one in answered])
    degraded = Counter(name for one in said for name in one.degraded)
    yield Line(
        "degraded answers", sum(bool(one.degraded) for one in said), detail=_listed(degraded)
    )
    failed_by = failures(said)
    yield Line("attempts that failed", failed_by.total(), detail=_listed(failed_by))
    none_of_ours = [name for name in failed_by.elements() if name == "500 internal_error"]
    yield none("answers that say our own fault", none_of_ours)
    yield Line("turns beside another of the same person", _beside(said), 1, "least")


def _percentiles(name: str, seconds: Sequence[float]) -> Iterator[Line]:
    if len(seconds) > 1:
        cuts = statistics.quantiles(seconds, n=20, method="inclusive")
        yield Line(f"p50 of {name} (s)", round(cuts[9], 2))
        yield Line(f"p95 of {name} (s)", round(cuts[18], 2))


def _beside(said: Sequence[Said]) -> int:
    """How many were said while the person said something else in another session."""
    found, ends = 0, dict[str, float]()
    for one in sorted(said, key=lambda one: one.began):
        found += one.began < ends.get(one.email, 0.0)
        ends[one.email] = max(one.ended, ends.get(one.email, 0.0))
    return found


def _ledger(evidence: Evidence) -> list[Line]:
    return checks.ledger_lines(evidence.said, evidence.turns)


def _zep(evidence: Evidence) -> list[Line]:
    return [
        *checks.zep_lines(evidence.turns, evidence.messages),
        *checks.graph_lines(evidence.said, evidence.turns, evidence.episodes),
    ]


def _mem0(evidence: Evidence) -> list[Line]:
    return checks.mem0_lines(evidence.said, evidence.turns, evidence.memories, evidence.adds)


def _shown(evidence: Evidence) -> list[Line]:
    histories = {
        session: items
        for shown in evidence.shown.values()
        for session, items in shown.history.items()
    }
    return [
        *checks.history_lines(evidence.said, evidence.turns, histories),
        checks.leaks(evidence.said, evidence.accounts, _seen(evidence)),
    ]


def _seen(evidence: Evidence) -> dict[str, list[str]]:
    """All texts in which something of a person stands, by the person: API, replies, stores."""
    seen = {
        email: [*shown.texts, *(text for items in shown.history.values() for _, text, _ in items)]
        for email, shown in evidence.shown.items()
    }
    for one in evidence.said:
        seen.setdefault(one.email, []).append(one.reply or "")
    of_account = {account.account_id: account.email for account in evidence.accounts}
    of_user = {account.zep_user: account.email for account in evidence.accounts}
    for memory in evidence.memories:
        seen.setdefault(of_account[memory.owner], []).append(memory.text)
    for message in evidence.messages:
        seen.setdefault(of_user.get(message.user, "nobody"), []).append(message.content)
    for episode in evidence.episodes:
        seen.setdefault(of_user.get(episode.user, "nobody"), []).append(episode.content)
    return seen


def _left(evidence: Evidence) -> Iterator[Line]:
    plan, left = evidence.plan, evidence.unfinished
    took = evidence.drained_seconds
    yield Line(
        "seconds to drain",
        float("inf") if took is None else round(took, 1),
        plan.drain_seconds,
        "most",
    )
    yield Line("deliveries owed", left.owed, 0)
    yield Line("deliveries sent and not ingested", left.sent, 0)
    yield Line("turns open", left.open, 0)
    for (store, state), count in sorted(evidence.states.items()):
        bar = None if state in _DONE else 0
        yield Line(f"deliveries to {store} {state}", count, bar)
    yield Line("in the dead-letter queue", evidence.queued["DeliveryDeadLetterQueue"], 0)
    yield Line("in the delivery queue", evidence.queued["DeliveryQueue"])


def _listed(counts: Counter[str]) -> str:
    return ", ".join(f"{count} x {name}" for name, count in counts.most_common())
