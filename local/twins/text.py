"""Lexical matching: stems, stop words, and what a question asks about."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

import snowballstemmer

from local.twins.sentences import RELATIONS
from local.twins.verbs import word_set

_STEMMER = snowballstemmer.stemmer("english")
_WORD = re.compile(r"[^\W_]+(?:'[^\W_]+)?")
_STOP = word_set(
    """a an the i me my mine myself we our us you your he she it they them his her their is am are
    was were be been being do does did have has had of in on at to for from by with about as and or
    but if then than that this these those there here what which who whom whose where when why how
    can could will would shall should may might must not no so very just also still now currently
    again ever any some all please tell say know remember remind ask many much thing name's kind
    sort right don doesn didn current currently new old get got let like's you've i've i'm
    before after since long"""
)
# Words that ask for the same thing get the same mark.
_CONCEPTS: dict[str, str] = {
    word: concept
    for concept, words in {
        "live": "live lives living home reside resides residence based house city town address "
        "moved move relocated located",
        "work": "work works working job employer company profession occupation career employed "
        "office business",
        "like": "like likes love loves enjoy enjoys adore prefer prefers hobby hobbies fond fan "
        "favourites interests interest interested",
        "hate": "hate hates dislike dislikes detest stand",
        "name": "name named called names",
        "age": "age aged years",
        "born": "born birthplace",
        "birthday": "birthday birthdate",
        "married": "married spouse husband wife partner engaged dating marry",
        "mother": "mother mom mum",
        "father": "father dad",
        "eat": "eat eats diet vegetarian vegan pescatarian",
        "allergic": "allergic allergy allergies",
        "plan": "plan plans planning wants want going travelling trip intend",
        "speak": "speak speaks language languages",
        "study": "study studies studying degree university",
        "pet": "pet pets dog cat puppy kitten parrot rabbit hamster horse",
        "child": "child children kid kids son daughter",
        "colour": "colour color",
        "favourite": "favourite favorite",
    }.items()
    for word in words.split()
}
_RELATION_OF = {
    **{name: name for name in RELATIONS},
    **{f"{name}s": name for name in RELATIONS},
    "mom": "mother",
    "mum": "mother",
    "dad": "father",
    "kids": "kid",
    "children": "child",
    "dogs": "dog",
    "cats": "cat",
    "manager": "manager",
    "boss": "boss",
}
# Questions are short; the patterns below take quadratic time.
_QUESTION = 400
_ASKS = (
    (r"\bhow old\b", "age"),
    (r"\bwhere\b.*\bfrom\b", "from"),
    (r"\bwhat(?: do|'s| is)\b.*\b(?:do for (?:a )?(?:living|work)|i do)\b", "work"),
    (r"^who am i\b|\bwho i am\b", "name"),
    (r"\bwhere am i\b(?!.*\b(?:from|going|work))", "live"),
)
WHOLE = 10
_MEANING = 9


@dataclass(frozen=True, slots=True)
class Words:
    """A text cut into what can be compared."""

    stems: tuple[str, ...]
    """Content stems in order, without stop words."""
    concepts: frozenset[str]
    relation: str | None
    """Whose statement it is when not the speaker's own: "sister", "dog"."""


@lru_cache(maxsize=4096)
def understand(text: str) -> Words:
    """The stems, the concepts and the relation of a question or a fact."""
    plain = text.replace("\u2019", "'").casefold()
    tokens = [token.removesuffix("'s") for token in _WORD.findall(plain)]
    asked = {concept for pattern, concept in _ASKS if re.search(pattern, plain[:_QUESTION])}
    if asked:
        tokens = [token for token in tokens if token not in {"old", "living", "do"}]
    content = [token for token in tokens if token not in _STOP]
    stems = _stems(content)
    concepts = frozenset(_CONCEPTS[token] for token in content if token in _CONCEPTS) | asked
    concepts |= {_CONCEPT_OF_STEM[stem] for stem in stems if stem in _CONCEPT_OF_STEM}
    if "from" in tokens and re.search(r"\bis from\b|\bgrew up\b", plain):
        concepts |= {"from"}
    return Words(tuple(stems), concepts, _relation(tokens))


def score(query: str, document: str) -> float:
    """How well a document answers a query, 0 (nothing in common) to 1.

    Words of the query weigh the same; a word that is met only in meaning counts less. What is
    said of someone else ranks below what is said of the speaker, unless the query names them.
    """
    asked, told = understand(query), understand(document)
    units = wanted(asked)
    if not units:
        return 0.3
    told_marks = marks(told)
    met = sum(weight for unit in units for mark, weight in unit.items() if mark in told_marks)
    value = min(1.0, met / (len(units) * WHOLE))
    if told.relation and asked.relation not in {told.relation, "pet"}:
        value *= 0.6
    return round(value * (0.96 + 0.04 / (1 + len(told.stems))), 6)


def marks(words: Words) -> frozenset[str]:
    """What a text can be found by: its stems, and `=` with each of its concepts."""
    return frozenset(words.stems) | {f"={concept}" for concept in words.concepts}


def wanted(asked: Words) -> list[dict[str, int]]:
    """For each thing a query asks for, the marks that answer it: together `WHOLE`.

    Whoever has a word has its concept, so that meaning alone counts 9 and the word itself adds 1.
    """
    units = []
    for stem in dict.fromkeys(asked.stems):
        concept = _CONCEPT_OF_STEM.get(stem)
        by_word = {stem: WHOLE - _MEANING, f"={concept}": _MEANING}
        units.append(by_word if concept else {stem: WHOLE})
    return [*units, *({f"={concept}": _MEANING} for concept in sorted(_bare(asked)))]


def is_personal(question: str) -> bool:
    """Whether a question is about the person who asks it."""
    return bool(re.search(r"\b(?:i|me|my|mine|myself|we|our|i'm|i've)\b", question.casefold()))


def _bare(words: Words) -> frozenset[str]:
    """Concepts that the question asks for without a word of its own: "how old am I"."""
    worded = {_CONCEPT_OF_STEM.get(stem) for stem in words.stems}
    return frozenset(concept for concept in words.concepts if concept not in worded)


def _relation(tokens: list[str]) -> str | None:
    return next((_RELATION_OF[token] for token in tokens if token in _RELATION_OF), None)


def _stems(words: list[str]) -> list[str]:
    return [_stem(word) for word in words]


@lru_cache(maxsize=16_384)
def _stem(word: str) -> str:
    return str(_STEMMER.stemWord(word))


_CONCEPT_OF_STEM = {_stems([word])[0]: concept for word, concept in _CONCEPTS.items()}
