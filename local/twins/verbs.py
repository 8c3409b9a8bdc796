"""English verb forms that the rules need: base, third person, -ing, and back."""

from __future__ import annotations


def word_set(words: str) -> frozenset[str]:
    """The words of a text, as a set."""
    return frozenset(words.split())


# What people say about themselves in the plain present and mean as lasting.
HABITS = word_set(
    """live work speak play study learn collect own drive eat drink practise practice teach
    read watch write cook bake run swim cycle ride grow use wear support follow paint sing
    dance hike volunteer train commute travel celebrate smoke sew knit surf ski climb jog
    meditate garden draw photograph build sail row fish design code program manage lead"""
)
TASTES_FOR = word_set("like love enjoy adore prefer")
TASTES_AGAINST = word_set("hate dislike detest despise")
AIMS = word_set("plan hope intend want")
KNOWN = HABITS | TASTES_FOR | TASTES_AGAINST | AIMS | {"have", "go", "move", "come", "reside"}
# These say something without an object: "I smoke".
INTRANSITIVE = word_set("smoke meditate swim hike cycle run jog surf ski knit sew dance")

_DOUBLED = word_set("run swim jog program knit plan prefer")
_IRREGULAR = {"have": "has", "do": "does", "am": "is", "go": "goes"}


def third_person(base: str) -> str:
    """`like` → `likes`, `study` → `studies`, `am` → `is`."""
    if base in _IRREGULAR:
        return _IRREGULAR[base]
    if base.endswith(("s", "x", "z", "ch", "sh", "o")):
        return base + "es"
    if base.endswith("y") and base[-2:-1] not in "aeiou":
        return base[:-1] + "ies"
    return base + "s"


def ing_form(base: str) -> str:
    """`smoke` → `smoking`, `run` → `running`, `play` → `playing`."""
    if base.endswith("e") and not base.endswith("ee"):
        return base[:-1] + "ing"
    if base in _DOUBLED:
        return base + base[-1] + "ing"
    return base + "ing"


BASE_OF_THIRD = {third_person(verb): verb for verb in KNOWN | {"am", "do"}}
BASE_OF_ING = {ing_form(verb): verb for verb in KNOWN}
