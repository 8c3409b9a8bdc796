"""Facts by rule from what a person says in the first person, in English.

Precision first: a question, a hypothesis, a quotation or a statement about a third party gives
nothing, and so does a phrase that no rule knows. The same words always give the same facts.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from local.twins import verbs, when
from local.twins.facts import USER, Fact
from local.twins.patterns import named, read
from local.twins.sentences import NAME, RELATION, Clause, clauses

_LISTED = verbs.word_set(
    """likes loves enjoys adores prefers hates dislikes detests despises speaks plays collects
    eats drinks reads watches studies learns teaches grows follows supports paints cooks
    bakes owns has is-allergic-to is-afraid-of is-scared-of is-interested-in is-into is-
    fond-of is-learning is-a-fan-of cannot-stand plans-to wants-to visits"""
)
_TIMELESS = frozenset({"plans", "born date", "born place"})
_EMPTY = re.compile(
    r"^(?:it|this|that|these|those|them|they|you|him|her|me|us|one|ones|so|there|here|what.*|how.*|"
    r"when.*|the (?:idea|way|fact|sound|look)\b.*|to (?:be|hear|know|see|say)\b.*|"
    r"(?:your|his|their|its)\b.*|being\b.*|everything|nothing|something|anything|a lot|"
    r"my (?:life|time|way|mind).*)$",
    re.IGNORECASE,
)
_TAIL = re.compile(
    r"[\s,]+(?:now|currently|nowadays|these days|at the moment|at present|again|too|as well|though|"
    r"btw|by the way|right now|today|a lot|very much|so much|the most|anymore|of course|actually|"
    r"recently|instead|please|right|okay|ok|lol|haha|for now|already|yet|there|also|lately|"
    r"since then|just recently|together|with (?:my|our) .+)$",
    re.IGNORECASE,
)
_ATTRIBUTES = (
    r"(?:hometown|home town|job|job title|title|occupation|profession|nationality|religion|"
    r"native language|mother tongue|first language|e-?mail(?: address)?|phone number|time ?zone|"
    r"height|weight|blood type|shoe size|star sign|surname|last name|first name|middle name|"
    r"nickname|boss|manager|major|degree|dream|goal|hobby)"
)
_PLACED = frozenset({"lives", "born place", "grew up", "is from"})
_MAX_WORDS = 9
_MAX_PLAN_WORDS = 16


def extract(text: str) -> list[Fact]:
    """The facts stated in a message, in the order said, each once; [] when there are none."""
    facts: list[Fact] = []
    for clause in clauses(text):
        found = [fact for fact in _facts_of(clause) if _worth_keeping(fact)]
        if clause.corrects and facts:
            last = facts.pop()
            found = found or _replaced(last, clause.text)
        facts.extend(found)
    return list({fact.text.casefold(): fact for fact in facts}.values())


def _replaced(last: Fact, words: str) -> list[Fact]:
    """ "I live in Delhi. I meant Pune": the same fact with another object."""
    return [replace(last, object=_trimmed(words))]


def _facts_of(clause: Clause) -> Iterator[Fact]:
    said = when.PHRASE.search(clause.text)
    phrase = said[0] if said else None
    timeless = list(_about(clause.text))
    if not phrase or (timeless and _timeless(timeless[0])):
        facts = timeless
    else:
        bare = clause.text.replace(phrase, " ", 1)
        facts = list(_about(" ".join(bare.split()).rstrip(" ,")))
        if _is_event(facts):
            return
    for index, fact in enumerate(facts):
        kept = replace(fact, object=_trimmed(fact.object), when=_when(fact, phrase, clause))
        yield from _with_joined(kept, clause) if index == len(facts) - 1 else [kept]


def _timeless(fact: Fact) -> bool:
    """Whether a time in the clause belongs to the fact itself, as in a birthday or a plan."""
    return fact.family in _TIMELESS or fact.family.endswith(("birthday", "anniversary"))


def _is_event(facts: list[Fact]) -> bool:
    """Habits of one word are not habits when they come with a day: "I read a book yesterday"."""
    return bool(facts) and facts[0].predicate in {"reads", "runs", "hits"}


def _when(fact: Fact, phrase: str | None, clause: Clause) -> str | None:
    if _timeless(fact):
        return None
    if phrase:
        return phrase
    later = [when.PHRASE.fullmatch(words) for _, words in clause.joined]
    return next((found[0] for found in later if found), None)


def _with_joined(fact: Fact, clause: Clause) -> Iterator[Fact]:
    """The fact, and one more for each item joined to it when its predicate takes a list."""
    names = [words for _, words in clause.joined if re.fullmatch(NAME, words)]
    if fact.predicate == "has" and names:
        yield fact
        noun = fact.object.split()[-1].lower()
        owner = noun if len(names) == 1 else f"{noun.removesuffix('s')}s'"
        yield named(owner, " and ".join(names))
        return
    listed = fact.predicate.replace(" ", "-") in _LISTED or fact.predicate.startswith(
        ("no longer ", "does not ", "is not ")
    )
    whole, more = fact.object, []
    for separator, words in clause.joined:
        item = _trimmed(when.PHRASE.sub("", words))
        if not item:
            continue
        if listed:
            more.append(
                replace(
                    fact,
                    object=re.sub(r"^(?:also|to|especially|particularly|mainly|mostly) ", "", item),
                )
            )
        elif separator == "and" or (fact.family in _PLACED and item[:1].isupper()):
            whole += f" and {item}" if separator == "and" else f", {item}"
    yield replace(fact, object=whole)
    yield from (one for one in more if len(one.object.split()) <= _MAX_WORDS // 2)


def _about(words: str) -> Iterator[Fact]:
    """The facts of one clause, by its subject."""
    mine = re.match(r"(?i:my|our) (?P<rest>.+)", words)
    if mine:
        yield from _possession(mine["rest"])
        return
    called = re.match(rf"(?i:(?:you can |people |friends )?call me) (?P<o>{NAME})$", words)
    called = called or re.match(rf"(?i:i am(?: called)?) (?P<o>{NAME})$", words)
    if called and not re.search(r"(?:ian|ean|ese|ish|ican|indu|uslim)$", called["o"]):
        yield Fact("name is", called["o"], "name", functional=True)
        return
    mine = re.match(r"(?i:i|we)(?: both| all)? (?P<rest>.+)", words)
    if mine:
        yield from _states(re.sub(r"^(?:are)\b", "am", mine["rest"], flags=re.IGNORECASE))


def _possession(rest: str) -> Iterator[Fact]:
    """What follows "my": a name, a favourite, a birthday, or someone and what they do."""
    found = re.match(r"(?i:name is) (?P<o>.+)$", rest)
    if found:
        yield Fact("name is", found["o"], "name", functional=True)
        return
    found = re.match(r"(?P<x>[\w' -]{2,30}?(?:'s|s')) (?i:names? (?:is|are)) (?P<o>.+)$", rest)
    if found:
        yield named(re.sub(r"'s$", "", found["x"]).replace("'", "'"), found["o"])
        return
    found = re.match(r"(?i:favou?rite) (?P<x>.+?) (?P<v>(?i:is|are)) (?P<o>.+)$", rest)
    if found:
        label = f"favourite {found['x'].lower()}"
        yield Fact(f"{label} {found['v'].lower()}", found["o"], label, functional=True)
        return
    found = re.match(
        rf"(?P<x>(?:{RELATION}'s )?(?:birthday|anniversary)) (?i:is)(?: (?i:on))? (?P<o>.+)$", rest
    )
    if found:
        label = found["x"].lower()
        yield Fact(f"{label} is", found["o"], label, functional=True)
        return
    found = re.match(rf"(?P<x>(?i:{_ATTRIBUTES})) (?i:is) (?P<o>.+)$", rest)
    if found:
        label = found["x"].lower()
        yield Fact(f"{label} is", found["o"], label, functional=True)
        return
    yield from _someone(rest)


def _someone(rest: str) -> Iterator[Fact]:
    found = re.match(
        rf"(?:(?i:older|younger|elder|big|little|twin|new|pet|eldest|youngest|step) )?"
        rf"(?P<who>(?i:{RELATION}))(?: (?P<name>{NAME}))? (?P<rest>.+)$",
        rest,
    )
    if not found:
        return
    who, name = found["who"].lower(), found["name"]
    called = re.match(rf"(?i:is)(?: (?i:called|named))? (?P<o>{NAME})$", found["rest"])
    if called and not name:
        yield named(who, called["o"])
        return
    facts = [replace(fact, subject=who, subject_name=name) for fact in _states(found["rest"])]
    if name and facts:
        yield named(who, name)
    yield from (fact for fact in facts if fact.subject != USER)


def _states(rest: str) -> list[Fact]:
    """The facts after the subject, in whichever person the verb stands."""
    words = re.sub(r"^(?:(?:also|now|still|really|currently|just|recently) )+", "", rest)
    first, _, tail = words.partition(" ")
    base = verbs.BASE_OF_THIRD.get(first.lower())
    words = f"{base} {tail}".strip() if base else words
    denied = re.match(
        r"(?i:(?P<no>no longer)|(?:do|does) (?P<not>not)(?: really)?)(?: (?P<longer>any longer))? "
        r"(?P<rest>.+?)(?P<more>,? anymore)?$",
        words,
    ) or re.match(
        r"(?P<rest>(?i:am|have)) (?i:(?P<no>no longer)|(?P<not>not))(?P<tail> .+?)"
        r"(?P<more> anymore)?$",
        words,
    )
    if denied:
        inner = denied["rest"] + (denied.groupdict().get("tail") or "")
        inner = _to_base(inner)
        ended = bool(denied["no"] or denied["more"])
        return [_denied(fact, ended=ended) for fact in read(inner) if fact.family != "plans"]
    stopped = re.match(r"(?i:have |just )?(?i:stopped|quit) (?P<v>\w+ing) ?(?P<o>.*)$", words)
    if stopped:
        inner = f"{verbs.BASE_OF_ING.get(stopped['v'].lower(), '')} {stopped['o']}".strip()
        return [_denied(fact, ended=True) for fact in read(inner)]
    return read(words) or read(_trimmed(words))


def _to_base(words: str) -> str:
    first, _, tail = words.partition(" ")
    return f"{verbs.BASE_OF_THIRD.get(first.lower(), first)} {tail}".strip()


def _denied(fact: Fact, *, ended: bool) -> Fact:
    first, _, tail = fact.predicate.partition(" ")
    base = verbs.BASE_OF_THIRD.get(first, first)
    if first == "is":
        predicate = f"is {'no longer' if ended else 'not'} {tail}"
    else:
        predicate = f"no longer {first} {tail}" if ended else f"does not {base} {tail}"
    return replace(
        fact,
        predicate=predicate.strip(),
        functional=False,
        positive=not fact.positive,
        negated=True,
    )


def _trimmed(words: str) -> str:
    text = words.strip(" ,.!;:-")
    while (shorter := _TAIL.sub("", text)) != text:
        text = shorter.strip(" ,.!;:-")
    return text


def _worth_keeping(fact: Fact) -> bool:
    if not fact.object:
        return fact.predicate.split()[-1] in {verbs.third_person(v) for v in verbs.INTRANSITIVE} | (
            verbs.INTRANSITIVE
        )
    most = _MAX_PLAN_WORDS if fact.family == "plans" else _MAX_WORDS
    return not _EMPTY.match(fact.object) and len(fact.object.split()) <= most
