"""The sentence in which a person said what is remembered: it tells more than the statement that a
store has made of it."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from tandem.ids import TurnId
from tandem.recall.evidence import evidence_block, source_cost
from tandem.recall.items import Draft
from tandem.recall.normalise import normalise
from tandem.recall.rank import estimate_tokens
from tandem.recall.stores import clean
from tandem.recall.words import coverage

_LONGEST: Final = 200
_SENTENCE: Final = re.compile(r"[^.!?。！？।\n]+[.!?。！？।]*")  # noqa: RUF001 - other full stops


@dataclass(frozen=True, slots=True)
class Utterance:
    """One message of the person's, word for word, and what the stores call what rests on it."""

    turn_id: TurnId
    message: str
    provider_ids: frozenset[str]


def evidence_with_sources(
    drafts: Sequence[Draft],
    said: Sequence[Utterance],
    *,
    tokens: int,
    more: Sequence[str] = (),
) -> str:
    """The evidence block, with the sentences that items rest on as far as its tokens go.

    Args:
        drafts: chosen to fit already, best first.
        said: newest first.
        tokens: what the block may cost.
        more: lines to stand before the items.
    """
    items = [draft.item for draft in drafts]
    left = tokens - estimate_tokens(evidence_block(items, more=more))
    return evidence_block(items, more=more, sources=source_sentences(drafts, said, tokens=left))


def source_sentences(
    drafts: Sequence[Draft], said: Sequence[Utterance], *, tokens: int
) -> dict[str, str]:
    """By item id, the sentence that it rests on, for as many of the first items as fit.

    Of several messages the newest counts, of its sentences the one that shares most words with the
    item. Left out are those that say no more than the item does, and pending ones, which are the
    person's words themselves.

    Args:
        drafts: best first.
        said: newest first.
        tokens: what all the sentences may cost together.
    """
    found: dict[str, str] = {}
    for draft in drafts:
        message = _rested_on(draft, said)
        sentence = _sentence(message, draft.item.text) if message is not None else ""
        if not sentence or normalise(sentence) == normalise(draft.item.text):
            continue
        cost = source_cost(sentence)
        if cost <= tokens:
            tokens -= cost
            found[draft.item.id] = sentence
    return found


def _rested_on(draft: Draft, said: Sequence[Utterance]) -> str | None:
    if draft.item.store == "pending":
        return None
    names = frozenset(draft.provider_ids)
    for utterance in said:
        if utterance.turn_id in draft.turn_ids or not names.isdisjoint(utterance.provider_ids):
            return utterance.message
    return None


def _sentence(message: str, text: str) -> str:
    sentences = [part.strip() for part in _SENTENCE.findall(message)] or [message]
    return clean(max(sentences, key=lambda sentence: coverage(sentence, text)), _LONGEST)
