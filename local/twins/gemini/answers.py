"""Answers by rule: the best matching evidence, spoken back; honest when there is none."""

from __future__ import annotations

import re
from datetime import datetime

from local.twins import speech, text
from local.twins.gemini.evidence import Item, Situation
from local.twins.rules import extract

UNKNOWN = "I don't know that about you yet. Tell me, and I will remember it."
_NO_TOPIC = "I am a local stand-in and only know what you tell me about yourself."
_ALONE = re.compile(
    r"^(?:lives|works at|works as|name is|is \d+ years old|birthday is|is married|favourite|"
    r"was born|is from|grew up|is (?:vegetarian|vegan|pescatarian))\b|^\w+'s name is",
    re.IGNORECASE,
)
_ASKING = re.compile(
    r"^(?:and |so |but |ok |okay |hey |hi |please |also )*[\s,]*"
    r"(?:what|where|who|whom|whose|when|why|how|which|do|does|did|am|is|are|was|were|"
    r"can|could|will|would|should|have|has|tell me|remind me|what's|who's|where's)\b",
    re.IGNORECASE,
)
_YES_NO = re.compile(r"^(?:so |and )?(?:do|does|did|am|is|are|was|were|have|has)\b", re.IGNORECASE)
_PAST = re.compile(
    r"\b(?:did|was|were|used to|before|previously|formerly|earlier|past|last)\b", re.IGNORECASE
)
_SINCE = re.compile(r"^(?:since when|when|how long)\b", re.IGNORECASE)
_REASON = re.compile(
    r"^(?:so |and |but )?(?:why|how|what makes you)\b[^.?!]*?"
    r"\b(?:think|know|believe|say|assume)\s+(?:that\s+)?(?=\w)",
    re.IGNORECASE,
)
_ABOUT_ALL = re.compile(
    r"\bknow about me\b|\bremember about me\b|\babout myself\b|\btell me about me\b|"
    r"\bwhat do you (?:know|remember)\b",
    re.IGNORECASE,
)
_GREETING = re.compile(
    r"^(?:hi|hello|hey|good (?:morning|afternoon|evening)|namaste)\b", re.IGNORECASE
)
_THANKS = re.compile(r"\b(?:thanks|thank you|cheers|great|perfect|nice)\b", re.IGNORECASE)
_BYE = re.compile(r"\b(?:bye|goodbye|see you|good night)\b", re.IGNORECASE)
_ENOUGH = 0.5
_JOB = re.compile(r"\b(?:job|profession|occupation|for a living|what do i do)\b", re.IGNORECASE)
_DENIED = re.compile(
    r"^(?:no longer|does not|is not|is no longer|hates|dislikes|cannot)\b", re.IGNORECASE
)
_NOW = "9999-12-31T00:00:00Z"
_MOST = 5
_MOST_OF_ALL = 12
_LONGEST = 2_000


def answer(situation: Situation) -> str | None:
    """The reply; None when the evidence lacks it, so that it may be searched for."""
    message = " ".join(situation.message.split())
    if not _is_question(message):
        return _acknowledge(message)
    if _ABOUT_ALL.search(message):
        return _everything(situation.items)
    # What the same message states goes before all that was said earlier.
    told = [Item(fact.text, _NOW, None, None) for fact in extract(message)]
    items = [*told, *situation.items]
    question = _without_names(_question_of(message)[-_LONGEST:], items)
    reason = _reason(question, items)
    if reason is not None:
        return reason
    if not text.is_personal(question):
        return "I'm fine, thank you." if "how are you" in message.lower() else _NO_TOPIC
    return _recall(question, items)


def _is_question(message: str) -> bool:
    return "?" in message or bool(_ASKING.match(message))


def _question_of(message: str) -> str:
    """The last question of a message that may say other things before it."""
    parts = [part for part in re.split(r"(?<=[.!?])\s+", message) if _is_question(part)]
    return parts[-1] if parts else message


def _without_names(question: str, items: list[Item]) -> str:
    """ "Where does Priya live?" → "Where does my sister live?", when her name is known."""
    for item in items:
        named = re.match(r"(\w+)'s name is (.+)$", item.text)
        if named:
            question = re.sub(rf"\b{re.escape(named[2])}\b", f"my {named[1].lower()}", question)
    return question


def _acknowledge(message: str) -> str:
    facts = extract(message)
    if facts:
        said = [speech.to_you(fact.text) for fact in facts]
        return f"Got it: {speech.listed(said)}."
    if _GREETING.match(message):
        return "Hello! How can I help you today?"
    if _BYE.search(message):
        return "Goodbye! Talk to you soon."
    if _THANKS.search(message):
        return "You're welcome!"
    return "Thanks for telling me."


def _everything(items: list[Item]) -> str | None:
    known: dict[str, str] = {}
    for item in _newest(_current(items)):
        single = _ALONE.match(item.text)
        known.setdefault(single[0].casefold() if single else item.text.casefold(), item.text)
    if not known:
        return None
    first = sorted(known.values(), key=lambda one: not _ALONE.match(one))
    return "Here is what I know: " + speech.together(first[:_MOST_OF_ALL])


def _recall(question: str, items: list[Item]) -> str | None:
    if _PAST.search(question) and not _SINCE.match(question):
        past = _before(question, items)
        if past:
            return past
    matched = _matching(question, _current(items))
    if not matched:
        return None
    if _SINCE.match(question):
        return _since(_dated(matched[0], items))
    if _YES_NO.match(question):
        return _yes_no(question, matched)
    if _ALONE.match(matched[0].text):
        return speech.sentence(speech.to_you(matched[0].text))
    alike = [item.text for item in matched if not _ALONE.match(item.text)]
    alike = [told for told in alike if not _DENIED.match(told)] or alike
    return speech.together(list(dict.fromkeys(alike))[:_MOST])


def _reason(question: str, items: list[Item]) -> str | None:
    """ "Why do you think I live in Mumbai?": the sentence in which they said so, and when."""
    asked = _REASON.match(question)
    if asked is None:
        return None
    claimed = question[asked.end() :].rstrip("?!. ")
    told = [item for item in items if item.source]
    told = [item for item in _newest(told) if text.score(claimed, item.text) >= _ENOUGH]
    if not told:
        return None
    best = max(told, key=lambda item: text.score(claimed, item.text))
    return f"Because you told me on {_day(best.said_at)}: “{best.source}”"


def _matching(question: str, items: list[Item]) -> list[Item]:
    """Items that answer the question; of what can hold only once, the newest alone."""
    newest = _alike(question, items)
    singles = [item for item in newest if _ALONE.match(item.text)]
    if _JOB.search(question):
        singles.sort(key=lambda item: not item.text.lower().startswith("works as"))
    return singles[:1] + [item for item in newest if item not in singles]


def _alike(question: str, items: list[Item]) -> list[Item]:
    """Items that answer the question about equally well, newest first.

    What is said of someone else answers only a question that names them, and a question that
    names someone is answered only by what is said of them.
    """
    asked = text.understand(question)
    scored: list[tuple[float, Item]] = []
    for item in items:
        told = text.understand(item.text)
        about = told.relation == asked.relation
        about = about or (asked.relation == "pet" and told.relation is not None)
        about = about or bool(asked.relation and "married" in asked.concepts & told.concepts)
        value = text.score(question, item.text)
        if about and value >= _ENOUGH - 0.02:
            scored.append((value, item))
    if not scored:
        return []
    best = max(value for value, _ in scored)
    kept = [pair for pair in scored if pair[0] >= best * 0.85]
    return _newest([item for _, item in kept])


def _before(question: str, items: list[Item]) -> str | None:
    """What held before: ended items, and older ones of what can hold only once."""
    named, _, after = question.partition("before")
    excluded = set(text.understand(after).stems)
    asked = f"{named}?"
    ended = [item for item in items if item.valid_to or item.text.lower().startswith("used to")]
    current = _alike(asked, _current(items))
    ended += [
        item for item in current[1:] if _ALONE.match(item.text) and item.text != current[0].text
    ]
    older = _matching(asked, _unlike(ended, current[:1]))
    older = [item for item in older if not excluded & set(text.understand(item.text).stems)]
    if not older:
        return None
    until = f", until {_day(older[0].valid_to)}" if older[0].valid_to else ""
    return speech.sentence(speech.once(older[0].text) + until)


def _unlike(items: list[Item], others: list[Item]) -> list[Item]:
    texts = {item.text.casefold() for item in others}
    return [item for item in items if item.text.casefold() not in texts]


def _since(item: Item) -> str:
    spoken = speech.to_you(item.text)
    if re.match(r"^(?:birthday|was born|plans|wants)|'s birthday", item.text, re.IGNORECASE):
        return speech.sentence(spoken)
    started = item.valid_from or item.said_at
    if not started:
        return speech.sentence(f"{spoken}, but I don't know since when")
    return f"Since {_day(started)}, as far as I know: {spoken}."


def _yes_no(question: str, matched: list[Item]) -> str | None:
    asked = set(text.understand(question).stems)
    whole = [item for item in matched if text.score(question, item.text) > 0.85]  # noqa: PLR2004
    if whole:
        told = whole[0].text
        return f"{'No' if _DENIED.match(told) else 'Yes'}, {speech.to_you(told)}."
    if text.understand(question).relation and re.search(r"\bhave\b", question, re.IGNORECASE):
        return f"Yes, {speech.to_you(matched[0].text)}."
    if _ALONE.match(matched[0].text) and len(asked) > 1:
        return f"No, {speech.to_you(matched[0].text)}."
    return None


def _dated(item: Item, items: list[Item]) -> Item:
    """The same statement from a store that knows since when it holds."""
    same = [one for one in _current(items) if one.text.casefold() == item.text.casefold()]
    return next((one for one in same if one.valid_from), item)


def _current(items: list[Item]) -> list[Item]:
    """What holds. A memory has no end of its own: it ends with the fact that says the same."""
    holding = {item.text.casefold() for item in items if item.valid_from and not item.valid_to}
    ended = {item.text.casefold() for item in items if item.valid_to} - holding
    return [
        item
        for item in items
        if not item.valid_to and not (item.store == "mem0" and item.text.casefold() in ended)
    ]


def _newest(items: list[Item]) -> list[Item]:
    return sorted(items, key=lambda item: _moment(item.said_at), reverse=True)


def _moment(stamp: str) -> float:
    try:
        return datetime.fromisoformat(stamp).timestamp()
    except ValueError:
        return 0.0


def _day(stamp: str | None) -> str:
    try:
        moment = datetime.fromisoformat(stamp or "")
    except ValueError:
        return str(stamp)
    return f"{moment.day} {moment:%B %Y}"
