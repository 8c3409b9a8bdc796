"""In which order what is remembered is offered, and how much of it fits."""

import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Final

from tandem.recall.items import RecalledItem
from tandem.recall.normalise import normalise

_WORD: Final = re.compile(r"[^\W_]+")
_SENTENCE: Final = re.compile(r"[^.!?。！？।]+[.!?。！？।]*")  # noqa: RUF001 - other scripts' full stops
_ASKING: Final = ("?", "？")  # noqa: RUF001 - the full-width question mark
# Words that say nothing of what a sentence is about.
_EMPTY_WORDS: Final = """
a about am an and any are as at be been but by can could d did do does for from had has have he her
him his how i if in is it its ll m me my no not of on or our re s she should so t tell than that the
their them they this to u us ve was we were what when where which who whom whose why will with would
you your
"""
_EMPTY: Final = frozenset(_EMPTY_WORDS.split())
_BEGINNING: Final = datetime.min.replace(tzinfo=UTC)
_TOKENS_A_LINE: Final = 45
"""What an item's id, dates and JSON take besides its text."""


def is_superseded(item: RecalledItem, now: datetime) -> bool:
    """It was true and no longer is. An end that lies ahead is none yet."""
    return item.valid_to is not None and item.valid_to <= now


def held_at(item: RecalledItem, moment: datetime) -> bool:
    """Whether it was held true at that moment (aware), as far as its dates tell.

    What has no start in the world begins when the person said it; what has neither always was.
    """
    start = item.valid_from or item.last_confirmed_at
    return (start is None or start <= moment) and not is_superseded(item, moment)


def only_asks(text: str) -> bool:
    """All of it is questions: such a message states nothing that could be remembered."""
    sentences = [part.strip() for part in _SENTENCE.findall(text) if part.strip()]
    return bool(sentences) and all(part.endswith(_ASKING) for part in sentences)


def coverage(text: str, query: str) -> float:
    """Which part (0 to 1) of the query's telling words occurs in `text`, whatever their ending."""
    wanted = _words(query)
    return len(wanted & _words(text)) / len(wanted) if wanted else 0.0


def order(items: Iterable[RecalledItem], *, query: str, now: datetime) -> list[RecalledItem]:
    """The items, most useful first.

    What the stores know keeps their order; what is superseded comes after what holds. A pending
    statement is what the person said last, and no store has ranked it: it goes before the first
    item that covers the query no better than it does itself, newer pending before older. Pending
    that shares no word with the query follows behind what holds, because what was just said may
    matter in other words. Pending that only asks is left out.

    Args:
        items: in the stores' order, pending anywhere.
        query: what the items are wanted for.
        now: the moment (aware) for which "superseded" is judged.
    """
    everything = list(items)
    stored = [item for item in everything if item.store != "pending"]
    holding = [item for item in stored if not is_superseded(item, now)]
    ended = [item for item in stored if is_superseded(item, now)]
    said = [item for item in everything if item.store == "pending" and not only_asks(item.text)]
    # Oldest first, so that each later one is put before the earlier ones it competes with.
    for statement in sorted(said, key=lambda item: item.last_confirmed_at or _BEGINNING):
        holding.insert(_place(statement, holding, query), statement)
    return holding + ended


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
        token_budget: what they may cost together, by `estimate_tokens` and some for each line.
    """
    pending = [item for item in items if item.store == "pending"]
    pending.sort(key=lambda item: item.last_confirmed_at or _BEGINNING, reverse=True)
    stored = [item for item in items if item.store != "pending"]
    ended = [item for item in stored if item.valid_to is not None]
    kept: list[RecalledItem] = []
    for group, places, tokens in (
        (pending, (limit + 1) // 2, token_budget // 2),
        (ended, limit // 4, token_budget // 4),
        (stored, limit, token_budget),
    ):
        fresh = [item for item in group if item not in kept]
        left = token_budget - sum(_cost(item) for item in kept)
        kept += _fitting(
            fresh, limit=min(places, limit - len(kept)), token_budget=min(tokens, left)
        )
    return [item for item in items if item in kept]


def _fitting(items: Iterable[RecalledItem], *, limit: int, token_budget: int) -> list[RecalledItem]:
    kept: list[RecalledItem] = []
    left = token_budget
    for item in items:
        if len(kept) >= limit:
            break
        if _cost(item) <= left:
            left -= _cost(item)
            kept.append(item)
    return kept


def _cost(item: RecalledItem) -> int:
    return estimate_tokens(item.text) + _TOKENS_A_LINE


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


def _words(text: str) -> frozenset[str]:
    found = _WORD.findall(normalise(text))
    return frozenset(_stem(word) for word in found if word not in _EMPTY)


def _stem(word: str) -> str:
    return word.removesuffix("s") if len(word) > 3 else word  # noqa: PLR2004 - "is", "gas" stay
