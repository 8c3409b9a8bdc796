"""What a person's words say about a named parameter or property: rules, no understanding."""

from __future__ import annotations

import re
from typing import Final

from local.twins import text
from local.twins.rules import extract
from local.twins.verbs import word_set

_WORD: Final = re.compile(r"[^\W_]+(?:['-][^\W_]+)*")
_CODE: Final = re.compile(r"(?<![\w.])#?[A-Za-z]*[-_]?\d[\w-]*\b")
_NUMBER: Final = re.compile(r"(?<![\w.-])-?\d+(?:\.\d+)?(?![\w-]*[A-Za-z])")
_PROPER: Final = r"[^\W\d_a-z](?:[^\W\d_]|['-](?=[^\W\d_]))*(?![\w-])"
_CAPITALISED: Final = rf"{_PROPER}(?: {_PROPER})*"
_NAMED: Final = re.compile(rf"(?<=\s)(?!I\b|I'){_CAPITALISED}")
_PLACED: Final = re.compile(rf"\b(?:in|at|to|from|for|near|of) ({_CAPITALISED})")
_QUOTED: Final = re.compile(r"[\"\u201c]([^\"\u201d]+)[\"\u201d]|(?<!\w)'([^']{2,})'(?!\w)")
_FEW_WORDS: Final = 4
_MOST_HEARD: Final = 8_000
_COUNTING: Final = "zero one two three four five six seven eight nine ten eleven twelve"
_SPELLED: Final = {word: number for number, word in enumerate(_COUNTING.split())}
_DAYS: Final = (
    r"today|tomorrow|yesterday|tonight|(?:next |last |this )?"
    r"(?:week|month|year|(?:mon|tues|wednes|thurs|fri|satur|sun)day)"
)
_DATE: Final = re.compile(rf"\b(?:\d{{4}}-\d\d-\d\d|{_DAYS})\b", re.IGNORECASE)
_CLOCK: Final = re.compile(r"\b\d{1,2}(?::\d\d)?\s?(?:am|pm)\b|\b\d{1,2}:\d\d\b", re.IGNORECASE)
_EMAIL: Final = re.compile(r"[^@\s]{1,64}@[^@\s]{1,255}\.[^@\s.,;?!]+")
_URL: Final = re.compile(r"\bhttps?://[^\s]+[^\s.,;?!]")
_PHONE: Final = re.compile(r"\+?\d[\d ()-]{6,}\d")
_DENIES: Final = re.compile(r"\b(?:not|no|never|without|don't|doesn't|isn't)\b", re.IGNORECASE)

_WHOLE: Final = word_set(
    "query question q text message prompt input content request sentence search utterance words"
)
_ANSWER: Final = word_set(
    "answer reply response summary result output explanation reason rationale description thought"
)
_IDS: Final = word_set("id ids code codes number no ref reference key sku ticket")
_PLACES: Final = word_set(
    "city cities location locations place places town country destination origin region where"
)
_PEOPLE: Final = word_set("name names person people who user customer contact recipient")
_SHAPES: Final = (
    (word_set("email mail emails"), _EMAIL),
    (word_set("url link uri website"), _URL),
    (word_set("phone telephone mobile"), _PHONE),
    (word_set("date day dates when deadline"), _DATE),
    (word_set("time clock hour"), _CLOCK),
)
_FACTS: Final = {
    "city": "lives in",
    "location": "lives in",
    "town": "lives in",
    "company": "works at",
    "employer": "works at",
    "job": "works as",
    "occupation": "works as",
    "profession": "works as",
    "name": "name is",
    "hobby": "likes",
    "interest": "likes",
}
_AUXILIARY: Final = word_set("is are has have was should can will with include use be")


def words_of(name: str) -> list[str]:
    """`orderId` and `order_id` → ["order", "id"]."""
    spaced = re.sub(r"(?<=[a-z0-9])([A-Z])", r" \1", name)
    return [word.casefold() for word in re.findall(r"[^\W_]+", spaced)]


def stems(words: str) -> set[str]:
    """The stems of a text's content words."""
    return set(text.understand(words).stems)


class Words:
    """A message, and the reply that the rules give to it.

    Looked into are the first 8,000 characters, so that a long one takes no longer.
    """

    def __init__(self, message: str, reply: str = "") -> None:
        self.message = " ".join(message.split())
        self.reply = " ".join(reply.split())
        self.heard = self.message[:_MOST_HEARD]
        self._facts = extract(self.heard)

    def texts(self, name: str) -> list[str]:
        """What was said that fits a text of this name, best first; [] when nothing does."""
        asked = words_of(name)
        words = set(asked)
        if words & _WHOLE:
            return [self.message] if self.message else []
        if words & _ANSWER:
            return [said for said in (self.reply, self.message) if said]
        found = self._shaped(words) + self._stated(asked) + self._marked(words)
        if words & _IDS:
            found += [code.removeprefix("#") for code in _CODE.findall(self.heard)]
        if words & _PLACES:
            found += _PLACED.findall(self.heard) + _NAMED.findall(self.heard)
        if words & _PEOPLE:
            found += _NAMED.findall(self.heard)
        return list(dict.fromkeys(found + self._after(asked)))

    def codes(self) -> list[str]:
        """What looks like an identifier, in order, each once."""
        found = [code.removeprefix("#") for code in _CODE.findall(self.heard)]
        return list(dict.fromkeys(found))

    def topics(self) -> list[str]:
        """What the message is about: objects of its facts, names, else its content words."""
        stated = [fact.object for fact in self._facts]
        found = [one for one in stated if len(one.split()) <= _FEW_WORDS]
        found += _NAMED.findall(self.heard) + self.codes()
        if not found:
            found = [word for word in _WORD.findall(self.heard) if stems(word)]
        return list(dict.fromkeys(found))

    def numbers(self, name: str) -> list[float]:
        """The numbers that were said; the one beside a word of the name goes first."""
        spelled = {word for word in words_of(name) if stems(word)}
        found: list[tuple[bool, float]] = []
        for match in re.finditer(rf"{_NUMBER.pattern}|\b(?:{'|'.join(_SPELLED)})\b", self.heard):
            said = match[0].casefold()
            around = self.heard[max(0, match.start() - 20) : match.end() + 20]
            near = bool(stems(around) & stems(" ".join(spelled)))
            number = float(_SPELLED[said]) if said in _SPELLED else float(said)
            found.append((near, number))
        return [number for _, number in sorted(found, key=lambda pair: not pair[0])]

    def flag(self, name: str) -> bool | None:
        """Whether the name's words were said, and not denied; None when they were not said."""
        wanted = stems(" ".join(word for word in words_of(name) if word not in _AUXILIARY))
        if not wanted or not wanted <= stems(self.heard):
            return None
        return not _DENIES.search(self.heard)

    def chosen(self, options: list[str]) -> list[str]:
        """The options whose words were said, in the order of the options."""
        said = stems(self.heard) | set(_WORD.findall(self.heard.casefold()))
        return [
            option
            for option in options
            if (wanted := stems(" ".join(words_of(option))) or set(words_of(option)))
            and wanted <= said
        ]

    def _shaped(self, words: set[str]) -> list[str]:
        shapes = [shape for names, shape in _SHAPES if words & names]
        return [match[0] for shape in shapes for match in shape.finditer(self.heard)]

    def _stated(self, words: list[str]) -> list[str]:
        predicates = {_FACTS[word] for word in words if word in _FACTS}
        return [fact.object for fact in self._facts if fact.predicate in predicates]

    def _marked(self, words: set[str]) -> list[str]:
        if not words - _IDS:
            return []
        return [one or other for one, other in _QUOTED.findall(self.heard)]

    def _after(self, words: list[str]) -> list[str]:
        """What follows a word of the name: "order A-17", "colour: red"."""
        found: list[str] = []
        for word in words:
            if word in _IDS or word in _AUXILIARY or not stems(word):
                continue
            pattern = rf"\b{re.escape(word)}s?(?: is|:| =)? ([^\s,.;?!]+)"
            match = re.search(pattern, self.heard, re.IGNORECASE)
            if match and stems(match[1]):
                found.append(match[1])
        return found
