"""Which of the items a question about time is about, by their dates."""

from collections.abc import Sequence
from datetime import UTC, datetime
from operator import itemgetter
from typing import Final, NamedTuple

from tandem.recall.calendar_words import Period
from tandem.recall.items import RecalledItem
from tandem.recall.time_questions import TimeQuestion, is_told_as_past
from tandem.recall.validity import beginning, is_superseded
from tandem.recall.words import part_of, telling_words

_BEGINNING: Final = datetime.min.replace(tzinfo=UTC)


class Split(NamedTuple):
    """The items in three groups, each in its order: what answers a question about time, what else
    may (it holds, or its dates fit the time and its words don't), and what is over."""

    answers: list[RecalledItem]
    others: list[RecalledItem]
    ended: list[RecalledItem]


def split_by_time(
    items: Sequence[RecalledItem], asked: TimeQuestion | None, *, now: datetime
) -> Split:
    """The items by what a question asks about time.

    An item answers when its dates meet the time that is asked about and it shares a word with the
    rest of the question (or the question has no other words), or when it names that date. Among
    those, what shares more comes first; then, if the past is asked for, what is over, the latest
    first; then the given order.
    Without a question nothing answers, and what is over is what is superseded now.

    Args:
        items: in the order in which they would be offered.
        asked: from `time_questions.understand`.
        now: aware.
    """
    if asked is None:
        return Split(
            [],
            [item for item in items if not is_superseded(item, now)],
            [item for item in items if is_superseded(item, now)],
        )
    told = [_Told(item, telling_words(item.text)) for item in items]
    period = _anchored(told, asked) if asked.anchor else asked.period
    topic, named = telling_words(asked.topic), telling_words(asked.named)
    answers: list[tuple[tuple[float, bool, float], RecalledItem]] = []
    others: list[RecalledItem] = []
    ended: list[RecalledItem] = []
    wants_past = period is None or (period.start is None and period.end is not None)
    for item, words in told:
        names_it = bool(named) and named <= words
        fits = names_it or _fits(_Told(item, words), asked, period, now)
        shared = part_of(topic, words)
        over = is_superseded(item, now)
        if fits and (names_it or shared or not topic):
            late = (item.valid_to or _BEGINNING).timestamp() if wants_past and over else 0.0
            answers.append(((-shared, over is not wants_past, -late), item))
        else:
            (ended if over and not fits else others).append(item)
    answers.sort(key=itemgetter(0))
    return Split([item for _, item in answers], others, ended)


class _Told(NamedTuple):
    item: RecalledItem
    words: frozenset[str]


def _fits(told: _Told, asked: TimeQuestion, period: Period | None, now: datetime) -> bool:
    if asked.anchor and asked.relation != "during" and asked.anchor <= told.words:
        return False  # "before Mumbai" isn't answered by Mumbai
    if period is None:
        if asked.relation == "during" and asked.anchor:
            return False  # whose dates aren't known
        return is_superseded(told.item, now) or is_told_as_past(told.item.text)
    return _meets(told.item, period)


def _meets(item: RecalledItem, period: Period) -> bool:
    start = beginning(item)
    if start is not None and item.valid_to is not None and start >= item.valid_to:
        # First said after it was over, "I moved last month": since when it had been so isn't known.
        start = None
    if start is None and item.valid_to is None:
        return False
    begins_in_time = start is None or period.end is None or start < period.end
    ends_in_time = item.valid_to is None or period.start is None or item.valid_to > period.start
    return begins_in_time and ends_in_time


def _anchored(told: Sequence[_Told], asked: TimeQuestion) -> Period | None:
    """The time that an anchor gives: that of the item which mentions it, has dates, and shares
    most with the rest of the question; the first of several."""
    before, after = asked.relation == "before", asked.relation == "after"
    dated = [
        each
        for each in told
        if asked.anchor <= each.words
        and (each.item.valid_from if before else beginning(each.item)) is not None
    ]
    if after:
        dated = [each for each in dated if each.item.valid_to is not None] or dated
    if not dated:
        return None
    topic = telling_words(asked.topic)
    anchor = max(dated, key=lambda each: part_of(topic, each.words)).item
    if before:
        return Period(None, anchor.valid_from)
    if after:
        return Period(anchor.valid_to or beginning(anchor), None)
    return Period(beginning(anchor), anchor.valid_to)
