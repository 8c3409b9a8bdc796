"""What a judge's `same` must not overlook: other numbers, other names, a "not", an end.

Plain rules that know little of any language. They are made to let paraphrases through, and so hold
only what differs in one of these and hardly in anything else; what they miss is the judge's.
"""

import re
import unicodedata
from collections.abc import Sequence
from typing import Final, Literal

from memory_api.consolidation.quantities import differ
from memory_api.consolidation.shared_words import stems

Guard = Literal["numbers", "names", "negation", "time"]

_WORD: Final = re.compile(r"[^\W_]+(?:['’][^\W_]+)?")  # noqa: RUF001 - apostrophes as typed
_SENTENCE_END: Final = frozenset('.!?:;\n"“(')
_NO_NAME: Final = """
i i'm i've i'd i'll user ok tv mr mrs ms dr mum mom mother dad father grandma grandpa granny am pm
"""
_NO_NAMES: Final = frozenset(_NO_NAME.split())
_CALENDAR: Final = re.compile(
    r"(?:jan(?:uary)?|feb(?:ruary)?|march|april|may|june?|july?|aug(?:ust)?|sept?(?:ember)?"
    r"|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?|(?:mon|tues|wednes|thurs|fri|satur|sun)days?)\Z"
)
# Where nouns are written with capitals, capitals tell no names.
_GERMAN_WORDS: Final = "der die das und ist ein eine ich mein meine nicht im mit dem den"
_GERMAN: Final = frozenset(_GERMAN_WORDS.split())
_ENGLISH_WORDS: Final = """
the a an my i is in of at to user and has with for on are was their his her lives works likes loves
"""
_ENGLISH: Final = frozenset(_ENGLISH_WORDS.split())
_NEGATIONS: Final = re.compile(
    r"\b(?:not|no|never|none|nobody|nothing|neither|nor|without|cannot|\w+n['’]t"  # noqa: RUF001
    r"|nicht|kein\w*|nie|ne|pas|jamais|não|nunca|jamás|niet|geen|non|mai|\u043d\u0435)\b|没|不"
)
_ENDED: Final = re.compile(
    r"\b(?:used to|no longer|any ?more|formerly|previously|former|ex-\w+|stopped|quit|gave up"
    r"|given up|ceased|left)\b"
)
_PAST: Final = re.compile(
    r"\b(?:was|were|had|did|ago|past|until|till|ended|over|left|back when|retired|\w{2,}ed)\b"
)
_AHEAD: Final = re.compile(
    r"\b(?:will|going to|plans? to|planning|intends? to|wants? to|hopes? to|about to|would like"
    r"|thinking of|considering|aims? to)\b"
)
_MOSTLY: Final = 0.6
_SHORT_FORM: Final = 3
_ABBREVIATION: Final = 5


def held_by(left: str, right: str) -> Guard | None:
    """Which guard says that two statements aren't the same; None if none does."""
    if differ(left, right):
        return "numbers"
    if _other_names(left, right):
        return "names"
    if _is_negated(left, right):
        return "negation"
    if _has_ended(left, right):
        return "time"
    return None


def _other_names(left: str, right: str) -> bool:
    """Each has a name that the other has in no form."""
    if _german(left) or _german(right) or _english(left) != _english(right):
        return False
    kinds = [
        {bool(_CALENDAR.match(name.casefold())) for name in _unmatched(one, other)}
        for one, other in ((left, right), (right, left))
    ]
    return bool(kinds[0] & kinds[1])  # a holiday may well be a date


def _unmatched(text: str, other: str) -> list[str]:
    words = [_bare(word) for word in _WORD.findall(other)]
    capitals = [_bare(word) for word in _WORD.findall(other) if word[0].isupper()]
    own = [_bare(word) for word in _WORD.findall(text) if word[0].isupper()]
    return [
        name
        for name in _names(text)
        if not any(_matches(name, word) for word in words)
        and not _stands_for(name, capitals)
        and not any(
            _is_abbreviation(word) and name in own and _stands_for(word, own) for word in capitals
        )
    ]


def _names(text: str) -> list[str]:
    """Words with a capital that don't owe it to where they stand."""
    found: list[str] = []
    for match in _WORD.finditer(text):
        before = text[: match.start()].rstrip()
        first = not before or before[-1] in _SENTENCE_END
        word = match.group()
        name = _bare(word)
        capital = word[0].isupper() and len(name) > 1 and not (first or before[-1].isdigit())
        if capital and name.casefold() not in _NO_NAMES:
            found.append(name)
    return found


def _bare(word: str) -> str:
    plain = re.sub(r"['’]s?\Z|['’]s\Z", "", word)  # noqa: RUF001
    return "".join(c for c in unicodedata.normalize("NFKD", plain) if not unicodedata.combining(c))


def _matches(name: str, word: str) -> bool:
    """The same, a short form of it, or an abbreviation."""
    short, long = sorted((name.casefold(), word.casefold()), key=len)
    if short == long or (len(short) >= _SHORT_FORM and long.startswith(short)):
        return True
    if len(short) > _SHORT_FORM and len(long) > _SHORT_FORM and short[:4] == long[:4]:
        return True  # Germany, German
    given = name if name.casefold() == short else word
    return _is_abbreviation(given) and short[0] == long[0] and _runs_through(short, long)


def _is_abbreviation(word: str) -> bool:
    return word.isupper() and 1 < len(word) <= _ABBREVIATION


def _runs_through(letters: str, word: str) -> bool:
    rest = iter(word)
    return all(letter in rest for letter in letters)


def _stands_for(name: str, words: Sequence[str]) -> bool:
    """NYC for New York, or New York City."""
    if not _is_abbreviation(name):
        return False
    initials = "".join(word[0] for word in words)
    return name in initials or (len(name) > 2 and name[:-1] in initials)  # noqa: PLR2004


def _german(text: str) -> bool:
    return len(_GERMAN & set(text.casefold().split())) > 1


def _english(text: str) -> bool:
    return bool(_ENGLISH & set(text.casefold().split()))


def _is_negated(left: str, right: str) -> bool:
    """One says the other's words with a "not"."""
    negated = [bool(_NEGATIONS.search(text.casefold())) for text in (left, right)]
    if negated[0] == negated[1]:
        return False
    plain, denied = (right, left) if negated[0] else (left, right)
    return _covered(plain, denied) > _MOSTLY


def _has_ended(left: str, right: str) -> bool:
    """One says that what the other says is over, or yet to come."""
    return any(
        _is_over(one, other) or _is_ahead(one, other)
        for one, other in ((left, right), (right, left))
    )


def _is_over(one: str, other: str) -> bool:
    past, now = one.casefold(), other.casefold()
    if not _ENDED.search(past) or any(p.search(now) for p in (_ENDED, _PAST, _NEGATIONS)):
        return False
    return _covered(now, past) > _MOSTLY


def _is_ahead(one: str, other: str) -> bool:
    ahead, now = one.casefold(), other.casefold()
    if not _AHEAD.search(ahead) or _AHEAD.search(now):
        return False
    return _covered(now, ahead) > _MOSTLY


def _covered(plain: str, other: str) -> float:
    """How much of what one says the other says too (0 to 1)."""
    words = stems(plain) - {"us", "user"}
    return len(words & stems(other)) / len(words) if words else 0.0
