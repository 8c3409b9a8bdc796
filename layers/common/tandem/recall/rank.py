"""In which order what is remembered is offered, and how much of it fits."""

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Final

from tandem.recall.change_requests import asks_to_forget
from tandem.recall.evidence import evidence_line
from tandem.recall.items import RecalledItem
from tandem.recall.time_order import split_by_time
from tandem.recall.time_questions import TimeQuestion
from tandem.recall.words import coverage

_SENTENCE: Final = re.compile(r"[^.!?。！？।]+[.!?。！？।]*")  # noqa: RUF001 - other scripts' full stops
_ASKING: Final = ("?", "？")  # noqa: RUF001 - the full-width question mark
_BEGINNING: Final = datetime.min.replace(tzinfo=UTC)


def only_asks(text: str) -> bool:
    """All of it is questions: such a message states nothing that could be remembered."""
    sentences = [part.strip() for part in _SENTENCE.findall(text) if part.strip()]
    return bool(sentences) and all(part.endswith(_ASKING) for part in sentences)


def states_nothing(text: str) -> bool:
    """It only asks, be it to forget something, which then is what it names."""
    return only_asks(text) or asks_to_forget(text)


def order(
    items: Iterable[RecalledItem],
    *,
    query: str,
    now: datetime,
    asked: TimeQuestion | None = None,
) -> list[RecalledItem]:
    """The items, most useful first.

    What the stores know keeps their order; what is superseded comes after what holds, and what
    answers a question about time before both. A pending statement is what the person said last,
    and no store has ranked it: it goes before the first item that covers the query no better than
    it does itself (never before an answer about time), newer pending before older. Pending that
    shares no word with the query follows behind what holds, because what was just said may matter
    in other words. Pending that states nothing is left out.

    Args:
        items: in the stores' order, pending anywhere.
        query: what the items are wanted for.
        now: the moment (aware) for which "superseded" is judged.
        asked: what the query asks about time, if anything.
    """
    everything = list(items)
    stored = [item for item in everything if item.store != "pending"]
    answers, holding, ended = split_by_time(stored, asked, now=now)
    said = [
        item for item in everything if item.store == "pending" and not states_nothing(item.text)
    ]
    # Oldest first, so that each later one is put before the earlier ones it competes with.
    for statement in sorted(said, key=lambda item: item.last_confirmed_at or _BEGINNING):
        holding.insert(_place(statement, holding, query), statement)
    return answers + holding + ended


def estimate_tokens(text: str) -> int:
    """About how many tokens a text costs: a quarter of its bytes, which suits all scripts."""
    return len(text.encode("utf-8", errors="replace")) // 4 + 1


def select(items: Sequence[RecalledItem], *, limit: int, token_budget: int) -> list[RecalledItem]:
    """The first items that fit, in their order.

    Half of the places and of the budget is open to pending statements before anything else, and a
    quarter to what has ended: neither what the person just said nor the past that they may be
    asking about is crowded out, and they can't crowd out the rest. What is too long for the rest
    of the budget is passed over, shorter ones behind it are not.

    Args:
        items: most useful first.
        limit: how many at most.
        token_budget: what they may cost together, each as the line that the model gets: with its
            id and dates, by `estimate_tokens`.
    """
    pending = [item for item in items if item.store == "pending"]
    pending.sort(key=lambda item: item.last_confirmed_at or _BEGINNING, reverse=True)
    stored = [item for item in items if item.store != "pending"]
    ended = [item for item in stored if item.valid_to is not None]
    costs = {item.id: _cost(item) for item in items}
    kept: set[str] = set()
    for group, places, tokens in (
        (pending, (limit + 1) // 2, token_budget // 2),
        (ended, limit // 4, token_budget // 4),
        (stored, limit, token_budget),
    ):
        left = token_budget - sum(costs[name] for name in kept)
        kept |= _fitting(
            {item.id: costs[item.id] for item in group if item.id not in kept},
            limit=min(places, limit - len(kept)),
            token_budget=min(tokens, left),
        )
    return [item for item in items if item.id in kept]


def _fitting(costs: Mapping[str, int], *, limit: int, token_budget: int) -> set[str]:
    kept: set[str] = set()
    left = token_budget
    for name, cost in costs.items():
        if len(kept) >= limit:
            break
        if cost <= left:
            left -= cost
            kept.add(name)
    return kept


def _cost(item: RecalledItem) -> int:
    return estimate_tokens(evidence_line(item))


def _place(statement: RecalledItem, items: Sequence[RecalledItem], query: str) -> int:
    own = coverage(statement.text, query)
    if own == 0.0:
        silent = (
            at
            for at, item in enumerate(items)
            if item.store == "pending" and coverage(item.text, query) == 0.0
        )
        return next(silent, len(items))
    better = (at for at, item in enumerate(items) if coverage(item.text, query) <= own)
    return next(better, len(items))
