"""What follows "I …" or "my sister …", as patterns over the base form of the verb."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from re import Match

from local.twins import verbs
from local.twins.facts import Fact
from local.twins.sentences import NAME, RELATION

Builder = Callable[[Match[str]], Iterator[Fact]]

_ROLE_END = (
    r"(?:er|or|ist|ian|ant|ect|nurse|chef|cook|clerk|pilot|judge|coach|guard|intern|student|"
    r"lawyer|surgeon|midwife|diplomat|poet|head|lead|dev|director|vet|monk|imam|priest|potter)"
)
_PET_OR_KIN = (
    rf"(?:{RELATION}|dogs|cats|kids|children|sons|daughters|sisters|brothers|siblings?|twins|pets|"
    r"parrots|rabbits|puppies|kittens|birds|fish|cars?|bikes?|motorbike|motorcycle|scooter|house|"
    r"flat|apartment|farm|boat|shop|restaurant|business|company|bakery|cafe|allotment|piano|guitar|"
    r"violin|telescope|balcony|garden)"
)
_DIET = r"(?:vegetarian|vegan|pescatarian|flexitarian|teetotal|gluten[- ]free)"
_STATE = (
    r"(?:lactose intolerant|diabetic|asthmatic|colou?r[- ]?blind|left[- ]handed|right[- ]handed|"
    r"deaf|dyslexic|introverted|extroverted|an introvert|an extrovert|retired|coeliac|celiac)"
)
_CIVIL = r"(?:single|divorced|married|engaged|widowed)"
_ADVERBS = re.compile(
    r"^(?:(?:also|now|still|really|currently|just|recently|always|absolutely|actually|finally|"
    r"usually|often|sometimes|mostly|mainly|truly|already|both|then|so|very much|do (?!not))\s*)+",
    re.IGNORECASE,
)
_TABLE: list[tuple[re.Pattern[str], Builder]] = []


def read(rest: str) -> list[Fact]:
    """The facts in the words after the subject; the verb is in its base form, or "was"."""
    words = _ADVERBS.sub("", rest)
    words = re.sub(
        r"^((?:am|have|was)) (?:also|now|still|really|currently|just|recently|always|"
        r"actually|very) ",
        r"\1 ",
        words,
        flags=re.IGNORECASE,
    )
    for pattern, build in _TABLE:
        found = pattern.match(words)
        if found:
            facts = list(build(found))
            if facts:
                return facts
    return []


def _on(pattern: str) -> Callable[[Builder], Builder]:
    def register(build: Builder) -> Builder:
        _TABLE.append((re.compile(pattern + "$"), build))
        return build

    return register


def _proper(words: str) -> bool:
    return words[:1].isupper() or words[:1].isdigit()


@_on(
    r"(?i:live|am living|have lived|have been living|am based|am settled|reside|have settled|"
    r"settled)(?: (?i:now|here))? (?P<how>(?i:in|at|near)) (?P<o>.+)"
)
def _lives(found: Match[str]) -> Iterator[Fact]:
    how = "near" if found["how"].lower() == "near" else "in"
    yield Fact(f"lives {how}", found["o"], "lives", functional=True)


@_on(
    r"(?i:have moved|moved|have relocated|relocated|have shifted|shifted|migrated|emigrated)"
    r"(?: (?i:back|here|house|home|away|out|over|abroad))*(?: (?i:from) .+?)?"
    r" (?:(?i:back) )?(?i:to) (?P<o>.+?)(?: (?i:from) .+)?"
)
def _moved(found: Match[str]) -> Iterator[Fact]:
    yield Fact("lives in", found["o"], "lives", functional=True)


@_on(
    r"(?i:work|am working|have worked|have been working|am employed|started|have started|"
    r"started working|began working|got a (?:new )?job|have got a (?:new )?job|have a (?:new )?job|"
    r"started a (?:new )?job|landed a (?:new )?job|became|have become|got promoted|was promoted)"
    r" (?i:as|to) (?P<r>(?i:an?|the) .+?|[^ ]+)(?: (?i:at|for|with|by) (?P<o>.+?))?"
    r"(?: (?i:in) (?P<p>.+))?"
)
def _works_as(found: Match[str]) -> Iterator[Fact]:
    yield Fact("works as", found["r"], "works as", functional=True)
    if found["o"]:
        yield Fact("works at", found["o"], "works at", functional=True)


@_on(
    r"(?i:work|am working|have worked|have been working|am employed|started working|"
    r"have started working|began working|got a (?:new )?job|have got a (?:new )?job|"
    r"have a (?:new )?job|started a (?:new )?job|landed a (?:new )?job|am interning|started)"
    r" (?i:at|for|with|by) (?P<o>.+?)(?: (?i:as) (?P<r>.+))?"
)
def _works_at(found: Match[str]) -> Iterator[Fact]:
    yield Fact("works at", found["o"], "works at", functional=True)
    if found["r"]:
        yield Fact("works as", found["r"], "works as", functional=True)


@_on(r"(?i:have joined|joined) (?P<o>.+?)(?: (?i:as) (?P<r>.+))?")
def _joined(found: Match[str]) -> Iterator[Fact]:
    if _proper(found["o"]):
        yield from _works_at(found)


@_on(r"(?i:quit|left|have left|have quit|resigned from)(?: (?i:my job at))? (?P<o>.+)")
def _left(found: Match[str]) -> Iterator[Fact]:
    if _proper(found["o"]):
        yield Fact("no longer works at", found["o"], "works at", positive=False, negated=True)


@_on(r"(?i:work|am working) (?P<how>(?i:in|on|from)) (?P<o>.+)")
def _works_in(found: Match[str]) -> Iterator[Fact]:
    how = found["how"].lower()
    yield Fact(f"works {how}", found["o"], f"works {how}", functional=how == "from")


@_on(
    rf"(?i:am|became|have become) (?P<r>(?i:an?) (?:[\w-]+ )*?(?i:\w*{_ROLE_END}))"
    r"(?: (?i:at|for|with) (?P<o>.+?))?(?: (?i:in) (?P<p>.+))?"
)
def _is_a(found: Match[str]) -> Iterator[Fact]:
    yield from _works_as(found)


@_on(r"(?i:am|turned|have turned) (?P<o>(?:1[0-1]\d|[1-9]?\d))(?: (?i:years? old|years? of age))?")
def _age(found: Match[str]) -> Iterator[Fact]:
    yield Fact("is", f"{found['o']} years old", "age", functional=True)


@_on(
    rf"(?i:am|became|turned|went|have become|have gone|have been)(?: (?i:an?))?"
    rf"(?: (?i:strict|lifelong))? (?P<o>(?i:{_DIET}))"
)
def _diet(found: Match[str]) -> Iterator[Fact]:
    yield Fact("is", found["o"].lower(), "diet", functional=True)


@_on(rf"(?i:am|have been) (?P<o>(?i:{_STATE}))")
def _state(found: Match[str]) -> Iterator[Fact]:
    yield Fact("is", found["o"].lower(), "state")


@_on(
    r"(?i:am) (?P<p>(?i:allergic to|afraid of|scared of|interested in|fond of|into|learning|"
    r"training for|originally from|from))(?: (?i:both))? (?P<o>.+)"
)
def _is_about(found: Match[str]) -> Iterator[Fact]:
    said = found["p"].lower().replace("originally ", "")
    family = "likes" if said in {"fond of", "into", "interested in"} else f"is {said}"
    yield Fact(f"is {said}", found["o"], family, functional=said == "from")


@_on(r"(?i:am) (?i:a) (?:(?i:big|huge|great|massive|lifelong) )?(?i:fan of) (?P<o>.+)")
def _fan(found: Match[str]) -> Iterator[Fact]:
    yield Fact("is a fan of", found["o"], "likes")


@_on(
    rf"(?i:am|got|have got|have been|was)? ?(?P<p>(?i:married|engaged)) (?:(?i:to) )?(?P<o>{NAME})"
)
def _partner(found: Match[str]) -> Iterator[Fact]:
    yield Fact(f"is {found['p'].lower()} to", found["o"], "partner", functional=True)


@_on(rf"(?i:am dating|am seeing) (?P<o>{NAME})")
def _dating(found: Match[str]) -> Iterator[Fact]:
    yield Fact("is dating", found["o"], "partner", functional=True)


@_on(rf"(?i:am|got|have got) (?P<o>(?i:{_CIVIL}))")
def _civil(found: Match[str]) -> Iterator[Fact]:
    yield Fact("is", found["o"].lower(), "civil status", functional=True)


@_on(r"(?i:was|am) (?i:born) (?P<how>(?i:in|on)) (?P<o>.+)")
def _born(found: Match[str]) -> Iterator[Fact]:
    how = found["how"].lower()
    kind = "date" if how == "on" or found["o"][:1].isdigit() else "place"
    yield Fact(f"was born {how}", found["o"], f"born {kind}", functional=True)


@_on(r"(?i:grew up|was raised|was brought up) (?i:in|on|near) (?P<o>.+)")
def _grew_up(found: Match[str]) -> Iterator[Fact]:
    yield Fact("grew up in", found["o"], "grew up", functional=True)


@_on(r"(?i:come) (?i:from) (?P<o>.+)")
def _comes_from(found: Match[str]) -> Iterator[Fact]:
    yield Fact("is from", found["o"], "is from", functional=True)


@_on(r"(?i:have graduated|graduated) (?i:from) (?P<o>.+)")
def _graduated(found: Match[str]) -> Iterator[Fact]:
    yield Fact("graduated from", found["o"], "graduated")


@_on(r"(?i:used to) (?P<v>\w+) (?P<o>.+)")
def _used_to(found: Match[str]) -> Iterator[Fact]:
    if found["v"].lower() in verbs.KNOWN:
        yield Fact(f"used to {found['v'].lower()}", found["o"], f"used to {found['v'].lower()}")


@_on(r"(?i:gave up|have given up) (?P<o>.+)")
def _gave_up(found: Match[str]) -> Iterator[Fact]:
    yield Fact("gave up", found["o"], "gave up")


@_on(
    rf"(?i:have|own|got|have got|adopted|have adopted|bought|have bought) "
    rf"(?P<o>(?:(?i:an?|two|three|four|five|six|some|\d+|our|my)(?: first| new| second)?) "
    rf"(?:[\w-]+ ){{0,2}}?(?P<n>(?i:{_PET_OR_KIN})))"
    rf"(?: (?i:named|called|whose name is) (?P<names>{NAME}))?(?: (?i:from|for|in|at|with) .+)?"
)
def _has(found: Match[str]) -> Iterator[Fact]:
    noun = found["n"].lower()
    yield Fact("has", found["o"], "has")
    if found["names"]:
        yield named(noun, found["names"])


@_on(r"(?i:have) (?P<o>(?i:an?) [\w -]+ (?i:allergy|intolerance|degree in .+|diploma in .+))")
def _has_trait(found: Match[str]) -> Iterator[Fact]:
    yield Fact("has", found["o"], "has")


@_on(r"(?i:am planning|plan|intend|hope|am hoping|want|am looking forward) (?i:to|on) (?P<o>.+)")
def _plans(found: Match[str]) -> Iterator[Fact]:
    verb = "wants" if found[0].lower().startswith("want") else "plans"
    yield Fact(f"{verb} to", found["o"], "plans")


@_on(r"(?i:am planning|plan) (?P<o>(?i:an?|our|my) .+)")
def _plans_a(found: Match[str]) -> Iterator[Fact]:
    yield Fact("plans", found["o"], "plans")


@_on(
    r"(?i:am going to|will|am about to) (?P<o>(?i:visit|travel|fly|move|drive|go|start|learn|study|"
    r"run|buy|adopt|marry|retire|spend|take)\b.*)"
)
def _will(found: Match[str]) -> Iterator[Fact]:
    yield Fact("plans to", found["o"], "plans")


@_on(
    r"(?i:am|will be) (?P<v>(?i:travell?ing|flying|going|moving|heading|driving))"
    r" (?i:back )?(?i:to) (?P<o>.+)"
)
def _bound_for(found: Match[str]) -> Iterator[Fact]:
    verb = {
        "travelling": "travel",
        "traveling": "travel",
        "flying": "fly",
        "moving": "move",
        "driving": "drive",
    }.get(found["v"].lower(), "go")
    if _proper(found["o"]):
        yield Fact("plans to", f"{verb} to {found['o']}", "plans")


@_on(r"(?i:can not stand) (?P<o>.+)")
def _can_not_stand(found: Match[str]) -> Iterator[Fact]:
    yield Fact("cannot stand", found["o"], "likes", positive=False)


@_on(r"(?i:am studying|study|have been studying|am doing) (?i:at) (?P<o>.+)")
def _studies_at(found: Match[str]) -> Iterator[Fact]:
    yield Fact("studies at", found["o"], "studies at", functional=True)


@_on(r"(?i:am|have been|have started|started) (?P<v>\w+ing) (?P<o>.+)")
def _is_doing(found: Match[str]) -> Iterator[Fact]:
    base = verbs.BASE_OF_ING.get(found["v"].lower())
    if base in {"study", "learn", "play", "collect", "teach", "train", "volunteer"}:
        yield Fact(verbs.third_person(base), found["o"], verbs.third_person(base))


@_on(r"(?P<v>\w+)(?P<p> (?i:at|for|in|on|with|to|the)\b)? ?(?P<o>.*)")
def _habit(found: Match[str]) -> Iterator[Fact]:
    verb, thing = found["v"].lower(), found["o"]
    if found["p"]:
        thing = f"{found['p'].strip()} {thing}".strip()
    if verb in verbs.TASTES_FOR | verbs.TASTES_AGAINST and thing:
        liked = verb in verbs.TASTES_FOR
        yield Fact(verbs.third_person(verb), thing, "likes", positive=liked)
    elif verb in verbs.HABITS - {"work", "live"} and (thing or verb in verbs.INTRANSITIVE):
        yield Fact(verbs.third_person(verb), thing, verbs.third_person(verb))
    elif verb == "go" and thing.startswith("to "):
        yield Fact("goes to", thing.removeprefix("to "), "goes to")


def named(owner: str, name: str) -> Fact:
    """ "Dog's name is Bruno"."""
    owner = owner.lower()
    verb = "names are" if owner.endswith("'") else "name is"
    label = owner if owner.endswith("'") else f"{owner}'s"
    return Fact(f"{label} {verb}", name, f"{label} name", functional=True)
