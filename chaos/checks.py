"""What must hold when a run is over, held against the clients, the ledger and both stores."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence

from chaos.ledger import Account, Turn
from chaos.report import Line, none
from chaos.stores import Add, Episode, Memory, Message
from chaos.talk import Said

Expected = tuple[str, str, str]
"""Of a message: turn, role, content."""


def ledger_lines(said: Sequence[Said], turns: Sequence[Turn]) -> list[Line]:
    """What clients were told against what the ledger has."""
    by_key = {turn.key: turn for turn in turns}
    keys = Counter(turn.key for turn in turns)
    answered = [one for one in said if one.outcome == "answered"]
    return [
        Line("answered", len(answered), detail=f"{_repeated(answered)} of them after a repeat"),
        Line("accepted and not answered", len(turns) - len(answered), detail=_unanswered(turns)),
        none("refused by the API", (s.failures[-1] for s in said if s.outcome == "refused")),
        none(
            "answers that the ledger has otherwise",
            (s.key for s in answered if not _is_as_told(s, by_key.get(s.key))),
            of=len(answered),
        ),
        none("messages with two turns", (key for key, count in keys.items() if count > 1)),
        none("turns that nobody asked for", set(by_key) - {one.key for one in said}),
        none("sessions in another order than said", _disordered(said, turns)),
    ]


def _repeated(answered: Sequence[Said]) -> int:
    return sum(bool(one.failures) for one in answered)


def _unanswered(turns: Sequence[Turn]) -> str:
    states = Counter(turn.state for turn in turns)
    return f"in the ledger: {', '.join(f'{n} {state}' for state, n in sorted(states.items()))}"


def _is_as_told(said: Said, turn: Turn | None) -> bool:
    return (
        turn is not None
        and turn.state == "answered"
        and (turn.turn_id, turn.message, turn.reply) == (said.turn_id, said.text, said.reply)
    )


def _disordered(said: Sequence[Said], turns: Sequence[Turn]) -> Iterator[str]:
    numbers = {one.key: one.number for one in said}
    sessions: defaultdict[str, list[int]] = defaultdict(list)
    for turn in turns:
        sessions[turn.session_id].append(numbers.get(turn.key or "", -1))
    for session, order in sessions.items():
        if order != sorted(order):
            yield session


# ------------------------------------------------------------------ Zep


def zep_lines(turns: Sequence[Turn], messages: Sequence[Message]) -> list[Line]:
    """Every accepted message and every answer is in its thread, once, and in order."""
    expected = expected_threads(turns)
    found: defaultdict[str, list[Message]] = defaultdict(list)
    for message in messages:
        found[message.thread].append(message)
    count = sum(len(thread) for thread in expected.values())
    there = Counter(_names(message) for message in messages)
    due = Counter(names for thread in expected.values() for names in thread)
    return [
        Line("thread messages in Zep", len(messages), count),
        none("lost", (names[0] for names in due if there[names] == 0), of=count),
        none("doubled", (names[0] for names in there if there[names] > 1), of=count),
        none("in no ledger, or altered", (names[0] for names in there if names not in due)),
        none(
            "threads in another order than the ledger",
            (
                thread
                for thread, theirs in expected.items()
                if [_names(one) for one in found[thread]] != theirs
            ),
            of=len(expected),
        ),
        none("messages with a wrong seq or part", _misnumbered(turns, messages)),
        none("sessions without a thread", _threadless(turns)),
    ]


def expected_threads(turns: Iterable[Turn]) -> dict[str, list[Expected]]:
    """What each thread must hold, in order: answered turns whole, abandoned ones' messages."""
    threads: defaultdict[str, list[Expected]] = defaultdict(list)
    for turn in turns:
        if turn.thread is None:
            continue
        threads[turn.thread].append((turn.turn_id, "user", turn.message))
        if turn.reply is not None:
            threads[turn.thread].append((turn.turn_id, "assistant", turn.reply))
    return threads


def _names(message: Message) -> Expected:
    return message.turn_id or "", message.role, message.content


def _misnumbered(turns: Sequence[Turn], messages: Sequence[Message]) -> Iterator[str]:
    seq_of = {turn.turn_id: turn.seq for turn in turns}
    for message in messages:
        if message.part != 0 or message.seq != seq_of.get(message.turn_id or ""):
            yield message.turn_id or message.thread


def _threadless(turns: Sequence[Turn]) -> set[str]:
    return {turn.session_id for turn in turns if turn.thread is None}


def graph_lines(
    said: Sequence[Said], turns: Sequence[Turn], episodes: Sequence[Episode]
) -> list[Line]:
    """Every statement is in the graph at least once; how often is told apart from the threads."""
    learned = " ".join(episode.content for episode in episodes)
    words = _words_of(said, turns)
    again = Counter(episode.again for episode in episodes if episode.again is not None)
    twice = sum(count - 1 for count in again.values())
    return [
        Line("graph episodes in Zep", len(episodes)),
        Line(
            "given to the graph again", sum(again.values()), detail=f"{twice} of them a second time"
        ),
        none(
            "statements in no episode",
            (word for word in words.values() if word not in learned),
            of=len(words),
        ),
    ]


# ------------------------------------------------------------------ Mem0


def mem0_lines(
    said: Sequence[Said],
    turns: Sequence[Turn],
    memories: Sequence[Memory],
    adds: Sequence[Add],
) -> list[Line]:
    """Every statement is in Mem0 at least once and was ingested; doubled adds are counted."""
    words = _words_of(said, turns)
    theirs: defaultdict[str, list[str]] = defaultdict(list)
    for memory in memories:
        theirs[memory.turn_id or ""].append(memory.text)
    done = Counter(add.turn_id for add in adds if add.status == "SUCCEEDED")
    taken = Counter(add.turn_id for add in adds)
    failed = sum(add.status == "FAILED" for add in adds)
    unfinished = len(adds) - failed - sum(done.values())
    return [
        Line("memories in Mem0", len(memories)),
        none(
            "statements in no memory",
            (word for turn_id, word in words.items() if word not in " ".join(theirs[turn_id])),
            of=len(words),
        ),
        none("statements not ingested", (t for t in words if done[t] == 0), of=len(words)),
        Line("adds that Mem0 took", len(adds), detail=f"{failed} failed, {unfinished} unfinished"),
        Line(
            "doubled: ingested more than once",
            sum(count - 1 for count in done.values()),
            detail=f"of {sum(done.values())} ingested adds",
        ),
        none("adds for turns that aren't there", (t for t in taken if t not in words)),
    ]


def _words_of(said: Sequence[Said], turns: Sequence[Turn]) -> dict[str, str]:
    by_key = {one.key: one.word for one in said}
    return {turn.turn_id: by_key.get(turn.key or "", "?") for turn in turns}


# ------------------------------------------------------------------ whose it is


def leaks(
    said: Sequence[Said],
    accounts: Sequence[Account],
    texts: Mapping[str, Iterable[str]],
) -> Line:
    """Nothing of one person may show at another; `texts` is what is seen where, by e-mail."""
    owner = {one.word: one.email for one in said}
    emails = {account.email for account in accounts}
    found = [
        f"a word of {owner[word]} at {email}"
        for email, seen in texts.items()
        for text in seen
        for word in words_in(text)
        if owner.get(word, email) != email
    ]
    return none("things that show at somebody else", found, of=len(emails))


def words_in(text: str) -> list[str]:
    """Everything in a text that could be one of the words that were said."""
    marks = str.maketrans(dict.fromkeys("'\"()[]{}.,;:!?<>|\n", " "))
    return [word for word in text.translate(marks).split() if word[:1].isupper()]


def history_lines(
    said: Sequence[Said],
    turns: Sequence[Turn],
    histories: Mapping[str, Sequence[tuple[str, str, bool]]],
) -> list[Line]:
    """What history shows of each session is what its client said and was told, and no more."""
    expected: defaultdict[str, list[tuple[str, str]]] = defaultdict(list)
    for turn in turns:
        expected[turn.session_id].append(("user", turn.message))
        if turn.reply is not None:
            expected[turn.session_id].append(("assistant", turn.reply))
    told = [one for one in said if one.outcome == "answered"]
    shown = {
        session: {(role, text) for role, text, _ in items} for session, items in histories.items()
    }
    undelivered = [s for s, items in histories.items() for *_, there in items if not there]
    return [
        none(
            "replies that history doesn't show",
            (
                one.key
                for one in told
                if ("assistant", one.reply) not in shown.get(one.session_id, set())
            ),
            of=len(told),
        ),
        none(
            "histories that differ from the ledger",
            (
                session
                for session, items in expected.items()
                if [(role, text) for role, text, _ in histories.get(session, ())] != items
            ),
            of=len(expected),
        ),
        none("shown as not delivered", undelivered),
    ]
