"""Which of the items a question about time is about, by their dates."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final, NamedTuple

from tandem.recall.calendar_words import Period
from tandem.recall.items import RecalledItem
from tandem.recall.time_questions import TimeQuestion, understand
from tandem.recall.validity import beginning, is_superseded
from tandem.recall.words import coverage, telling_words

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
    period = asked.period
    if asked.anchor:
        period = _anchored(items, asked)
    fitting = [item for item in items if _fits(item, asked, period, now)]
    topical = bool(telling_words(asked.topic))
    answers = [
        item
        for item in fitting
        if not topical or coverage(item.text, asked.topic) > 0 or _names(item, asked)
    ]
    wants_past = period is None or (period.start is None and period.end is not None)

    def rank(item: RecalledItem) -> tuple[float, bool, float]:
        over = is_superseded(item, now)
        late = -(item.valid_to or _BEGINNING).timestamp() if wants_past and over else 0.0
        return -coverage(item.text, asked.topic), over is not wants_past, late

    rest = [item for item in items if item not in answers]
    return Split(
        sorted(answers, key=rank),
        [item for item in rest if item in fitting or not is_superseded(item, now)],
        [item for item in rest if item not in fitting and is_superseded(item, now)],
    )


def _fits(item: RecalledItem, asked: TimeQuestion, period: Period | None, now: datetime) -> bool:
    if asked.anchor and asked.relation != "during" and _mentions(item, asked):
        return False  # "before Mumbai" isn't answered by Mumbai
    if period is None:
        if asked.relation == "during" and asked.anchor:
            return False  # whose dates aren't known
        return is_superseded(item, now) or _is_told_as_past(item, now)
    return _names(item, asked) or _meets(item, period)


def _names(item: RecalledItem, asked: TimeQuestion) -> bool:
    return coverage(item.text, asked.named) == 1.0


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


def _anchored(items: Sequence[RecalledItem], asked: TimeQuestion) -> Period | None:
    """The time that an anchor gives: that of the item which mentions it, has dates, and shares
    most with the rest of the question; the first of several."""
    dated = [
        item
        for item in items
        if _mentions(item, asked)
        and (item.valid_from if asked.relation == "before" else beginning(item)) is not None
    ]
    if asked.relation == "after":
        dated = [item for item in dated if item.valid_to is not None] or dated
    if not dated:
        return None
    anchor = max(dated, key=lambda item: coverage(item.text, asked.topic))
    if asked.relation == "before":
        return Period(None, anchor.valid_from)
    if asked.relation == "after":
        return Period(anchor.valid_to or beginning(anchor), None)
    return Period(beginning(anchor), anchor.valid_to)


def _mentions(item: RecalledItem, asked: TimeQuestion) -> bool:
    return asked.anchor <= telling_words(item.text)


def _is_told_as_past(item: RecalledItem, now: datetime) -> bool:
    told = understand(item.text, now=now)
    return told is not None and told.period is None and not told.anchor
