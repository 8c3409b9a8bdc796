"""Cuts a message into clauses about the speaker, and drops what states nothing about them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from local.twins import verbs

RELATIONS = verbs.word_set(
    """sister brother mother mom mum father dad wife husband partner spouse girlfriend boyfriend
    fiance fiancee son daughter kid child baby grandmother grandma grandfather grandpa aunt uncle
    cousin niece nephew twin stepmother stepfather
    dog cat puppy kitten parrot rabbit hamster horse goldfish tortoise turtle bird pet"""
)
RELATION = "(?:" + "|".join(sorted(RELATIONS)) + ")"
NAME = r"[^\W\d_a-z][\w'-]*(?: [^\W\d_a-z][\w'-]*)?"

# Typographic quotes and dashes, as people's keyboards write them.
_PLAIN = str.maketrans(
    {
        "\u2018": "'",
        "\u2019": "'",
        "\u201c": '"',
        "\u201d": '"',
        "\u00ab": '"',
        "\u00bb": '"',
        "\u2013": " - ",
        "\u2014": " - ",
    }
)
_CONTRACTIONS = (
    (r"\b(i)'?m\b", r"\1 am"),
    (r"\b(i|we)'ve\b", r"\1 have"),
    (r"\b(i|we)'ll\b", r"\1 will"),
    (r"\b(i|we)'d\b", r"\1 would"),
    (r"\bwe're\b", "we are"),
    (r"\bname's\b", "name is"),
    (r"\bcan'?t\b|\bcannot\b", "can not"),
    (r"\bwon't\b", "will not"),
    (r"\b(do|does|did|is|are|was|have|has|had|would|could|should)n'?t\b", r"\1 not"),
    (r"\bany ?more\b|\bany longer\b", "anymore"),
)
# Nobody states plain facts in longer sentences, and every rule looks at the whole of one.
_LONGEST = 500
_ABBREVIATION = re.compile(r"\b(St|Mr|Mrs|Ms|Dr|Prof|Jr|Sr|No|vs|e\.g|i\.e)\.(?=\s)")
_SENTENCE = re.compile(r"[^.!?;\n…]+(?:\.(?=\S)[^.!?;\n…]*)*[.!?;\n…]*")
_QUOTED = re.compile(r"[\"]|(?<!\w)'[^']{3,}'(?!\w)")
_LEAD_IN = re.compile(
    r"^(?:(?:well|oh|ah|ok|okay|so|and|but|also|actually|yes|yeah|yep|no|nope|hi|hey|hello|sorry|"
    r"wait|hmm|um|fyi|btw|by the way|in fact|to be honest|honestly|these days|nowadays|currently|"
    r"right now|now|then|anyway|correction|update|just so you know|for the record|"
    r"good news|big news|guess what|thanks|thank you|great|cool|nice|as of today|"
    r"(?:please )?(?:note|remember|know|keep in mind|don ?not forget|do not forget) (?:that )?|"
    r"(?:i )?(?:forgot|wanted|want|should|have) to (?:mention|tell you|say|add) (?:that )?|"
    r"i should (?:mention|add|say) (?:that )?|i meant(?: to say)?(?: that)?|i mean|"
    r"one more thing|another thing|you should know (?:that )?)\b[\s,:!-]*)+",
    re.IGNORECASE,
)
_UNSURE = re.compile(
    r"\b(?:if|unless|would|could|should|might|maybe|perhaps|probably|possibly|wish|wishes|imagine|"
    r"suppose|supposed|supposing|pretend|hypothetically|wonder|wondering|dreamt|dreamed|almost|"
    r"nearly|said|says|say|told|think|thinks|thought|heard|claims?|asked|ask|joking|kidding|lying|"
    r"believe|guess|assume|as though|someday|ought|let us|let's|"
    r"(?:i|we|they|he|she|it|you) may)\b",
    re.IGNORECASE,
)
_ASKING = re.compile(
    r"^(?:what|where|who|whom|whose|when|why|how|which)\b|"
    r"^(?:do|does|did|am|is|are|was|were|can|could|will|would|should|have|has)\s+(?:not\s+)?"
    r"(?:i|you|my|we|he|she|they|it|the|there|our)\b",
    re.IGNORECASE,
)
_CUT = re.compile(
    r"\s*,?\s+(?:because|since (?=i |we |my |it )|although|though|while|when|whenever|until|"
    r"where|which|who|whom|whose|so that|so|as (?=i |we |my |it )|even)\b.*$",
    re.IGNORECASE,
)
_SPLIT = re.compile(
    r"\s*(,\s*(?:and|but|so|plus|then|yet)\b|,|\band\b|\bbut\b|\bplus\b|&|\s-\s)\s*",
    re.IGNORECASE,
)
_APPOSITION = re.compile(rf"\b((?i:my|our) (?:\w+ )?(?i:{RELATION})), ({NAME}),?(?= |$)")
_SUBJECT = re.compile(r"^(?:i|we|my|our|(?:you can |people |friends )?call me)\b", re.IGNORECASE)
_OTHERS = re.compile(
    r"^(?:he|she|they|it|you|the|this|that|these|those|his|her|their|your|there|everyone|someone|"
    r"nobody|people)\s+\S",
    re.IGNORECASE,
)
_ELLIPTIC = re.compile(
    r"^(?:(?:also|now|still|really|currently|just|recently|then|absolutely)\s+)*(?:am|was|is|has|"
    r"do not|does not|no longer|used to|moved|relocated|grew up|got|started|joined|adopted|quit|"
    r"left|gave up|stopped|turned|became|married|bought|can not stand|will)\b",
    re.IGNORECASE,
)


@dataclass(slots=True)
class Clause:
    """One statement: its words, and the items joined to it by commas or "and"."""

    text: str
    joined: list[tuple[str, str]] = field(default_factory=list)
    """Pairs (separator, words), such as (",", "India") or ("and", "cricket")."""
    corrects: bool = False
    """It begins with "I meant" or the like: it replaces the statement before it."""


def clauses(text: str) -> Iterator[Clause]:
    """The clauses of a message that may state something about the speaker, in order."""
    for sentence in _sentences(text):
        stated = _stated(sentence)
        if stated:
            yield from _clauses_of(*stated)


def _sentences(text: str) -> list[str]:
    plain = " ".join(text.translate(_PLAIN).replace("\n", " . ").split())
    for pattern, full in _CONTRACTIONS:
        plain = re.sub(pattern, full, plain, flags=re.IGNORECASE)
    plain = _ABBREVIATION.sub("\\1\u2024", plain)
    return [found.strip().replace("\u2024", ".") for found in _SENTENCE.findall(plain)]


def _stated(sentence: str) -> tuple[str, bool] | None:
    """The words of a plain statement and whether it corrects; None for all else."""
    if len(sentence) > _LONGEST or "?" in sentence or _QUOTED.search(sentence):
        return None
    bare = sentence.rstrip(".!;… ")
    lead = _LEAD_IN.match(bare)
    corrects = bool(lead and re.search(r"\bi mean", lead[0], re.IGNORECASE))
    body = _LEAD_IN.sub("", bare).strip()
    if not body or _UNSURE.search(body) or _ASKING.match(body):
        return None
    return body, corrects


def _clauses_of(body: str, corrects: bool) -> Iterator[Clause]:
    current: Clause | None = None
    dropped = False
    for separator, words in _segments(_APPOSITION.sub(r"\1 \2", body)):
        cut = _CUT.sub("", words)
        whole = cut == words
        if _opens(cut, current, dropped):
            if current:
                yield current
            current, dropped = Clause(_with_subject(cut, current), corrects=corrects), not whole
        elif current and not dropped and _joins(cut):
            current.joined.append((separator, cut))
            dropped = not whole
        elif corrects and not current:
            current = Clause(cut, corrects=True)
        else:
            dropped = True
    if current:
        yield current


def _segments(body: str) -> Iterator[tuple[str, str]]:
    parts = _SPLIT.split(body)
    yield "", parts[0]
    for separator, words in zip(parts[1::2], parts[2::2], strict=True):
        if words:
            yield ("," if separator.strip() == "," else "and"), words


def _opens(words: str, current: Clause | None, dropped: bool) -> bool:
    """Whether the words begin a statement of their own, with or without its subject."""
    if _SUBJECT.match(words):
        return True
    if current is None or dropped:
        return False
    if _ELLIPTIC.match(words):
        return True
    first, _, rest = words.partition(" ")
    first = first.lower()
    known = first in verbs.KNOWN or first in verbs.BASE_OF_THIRD
    return known and (bool(rest) or first in verbs.INTRANSITIVE)


def _with_subject(words: str, current: Clause | None) -> str:
    if _SUBJECT.match(words) or current is None:
        return words
    if re.match(r"(?:i|we)\b", current.text, re.IGNORECASE):
        return f"I {words}"
    owner = re.match(rf"(?i:my|our) (?:\w+ )?(?i:{RELATION})(?: {NAME})?(?= )", current.text)
    return f"{owner[0]} {words}" if owner else words


def _joins(words: str) -> bool:
    return not _OTHERS.match(words) and not re.match(r"not\b", words, re.IGNORECASE)
