"""Words of everyday English, for judging pairs: which mean the same, and what small ones tell.

`judging_thesaurus.txt` has words of one meaning on a line.
"""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path
from typing import Final

import snowballstemmer

from local.twins.verbs import word_set

_STEMMER = snowballstemmer.stemmer("english")

_MEANINGS: Final = Path(__file__).with_name("judging_thesaurus.txt").read_text(encoding="utf-8")

STOP: Final = word_set(
    """a an the is was were do does did really very just actually own also too so quite that which
    who whom some any in at on of as am are be been being it this there these those here person
    someone currently now nowadays presently moment right into truly simply certainly definitely got
    thing something basically kind sort lot much lots himself herself themself themselves myself"""
)
"""Words that a statement may have or lack without saying more or less."""

SPLITTING: Final = word_set(
    "in at on of as from to with for by after before during until since without than over under "
    "between near through about around because while when where if every each"
)
"""Words that begin a part of a sentence, which may stand before or after other such parts."""

DIRECTED: Final = word_set(
    "than instead rather then versus against over under gave give gives taught "
    "teach teaches lent lend sold sell"
)
"""Words of statements in which it matters what stands before and what behind."""

OVER: Final = frozenset({"from", "prefer", "prefers"})
"""Words beside which "to" points."""
AIMED: Final = frozenset({"from", "befor", "after", "until", "sinc", "dure", "between", "through"})
"""Stems that begin a part which must not be mixed up with the rest."""

MUTUAL: Final = frozenset({"meet", "=married", "=live", "share", "=friend", "relat", "date"})
"""Meanings of what two do with each other, so that either may be named first."""

ASKING: Final = frozenset(
    (
        "=want",
        "=favor",
        "=keep",
        "your",
        "would",
        "=like",
        "make",
        "give",
        "should",
        "must",
        "write",
        "you",
        "alway",
    )
)
"""Meanings that only say that answers are to be so."""

PEOPLE: Final = word_set(
    """i we you he she they mother father brother sister son daughter wife husband spouse partner
    friend boss colleague neighbour uncle aunt cousin nephew niece grandmother grandfather child
    parent teacher doctor boyfriend girlfriend landlord mum mom dad mate flatmate roommate"""
)

ALONE: Final = word_set(
    "daily weekly monthly yearly often usually sometimes rarely always today tomorrow yesterday"
)
"""Words that are about a whole sentence, wherever they stand."""

NEGATIONS: Final = word_set("not never no none nobody nothing neither nor without hardly barely")

TIME_WORDS: Final = word_set(
    """now still yet already anymore ended formerly since until today yesterday tomorrow ago last
    next before after later earlier recently lately first once then soon finally currently
    nowadays new just started stop stopped quit gave used when while during became become"""
)
"""Words that tell of another time than a plain present does."""

CHANGED: Final = word_set(
    "now moved relocated new switched changed joined left started began became nowadays currently"
)
"""Words that tell of a change which has happened."""

_IRREGULAR: Final = """
go went gone,buy bought,eat ate eaten,meet met,see saw seen,
take took taken,make made,begin began begun,grow grew grown,leave left,lose lost,find found,
tell told,say said,know knew known,think thought,come came,become became,give gave given,get got
gotten,keep kept,sell sold,send sent,spend spent,teach taught,write wrote written,speak spoke
spoken,drive drove driven,break broke broken,choose chose chosen,fall fell fallen,feel felt,fly flew
flown,forget forgot forgotten,hear heard,hold held,lead led,win won,wear wore worn,sleep slept,
swim swam swum,sing sang sung,drink drank drunk,run ran,ride rode ridden,stand stood,
understand understood,pay paid,build built,catch caught,steal stole stolen,throw threw thrown,
wake woke woken,sit sat,mean meant,lend lent,bend bent,draw drew drawn,hide hid hidden,bite bit
bitten,bring brought,learn learnt,fight fought,sink sank sunk,blow blew blown,tear tore torn,
rise rose risen,shine shone,dream dreamt,swear swore sworn,feed fed,die died,marry married"""
_BASES: Final = {
    form: line.split()[0] for line in _IRREGULAR.split(",") for form in line.split()[1:]
}
PAST: Final = _BASES.keys() - {"married", "worn", "broken"} | {
    "formerly",
    "was",
    "were",
    "had",
    "did",
}
ADJECTIVES: Final = word_set(
    """married allergic based named called interested retired engaged divorced widowed scared
    frightened terrified tired exhausted excited worried bored addicted employed unemployed born
    red bed need feed seed speed wed aged used supposed allowed gifted united mixed bearded
    located situated ended kid hundred indeed shed sled naked wicked beloved self-employed"""
)
"""Words that end in -ed, or look like it, and tell of no past."""

FUTURE: Final = word_set("will shall gonna going plan plans planning intend intends tomorrow")

_SMALL: Final = """
zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen
sixteen seventeen eighteen nineteen"""
_TENS: Final = "_ _ twenty thirty forty fifty sixty seventy eighty ninety"
_MONTHS: Final = """
january jan,february feb,march mar,april apr,may,june jun,july jul,august aug,september sept sep,
october oct,november nov,december dec"""

NUMBERS: Final = {
    **{word: n for n, word in enumerate(_SMALL.split())},
    **{word: n * 10 for n, word in enumerate(_TENS.split()) if n > 1},
}
MONTHS: Final = {
    month: n for n, names in enumerate(_MONTHS.split(","), start=1) for month in names.split()
}

WEEKDAYS: Final = frozenset(
    f"{day}day{s}"
    for day in ("mon", "tues", "wednes", "thurs", "fri", "satur", "sun")
    for s in ("", "s")
)
STATIVE: Final = word_set("lived worked been had known owned studied was were loved liked stayed")
"""Verbs whose perfect may go on: what has lived there may live there still."""

_LIGHT: Final = """
=own take,go take,=own =get,take use,do =own,take drink,take do,take attend,go do,go attend
do attend,=own attend,=tall,=weigh,=trip,=favor want,=like want,=yearly old
go,do,take,use,=own,name,time,type,=yearly,old,number,day,for,about,=big,with,because,when,if,
=every,=city,while,wear,and,hobbi,still,=usually,alway,again,get,=get"""
LIGHT: Final = frozenset(
    frozenset(line.split()) for line in _LIGHT.replace("\n", ",").split(",") if line
)
"""Sets of meanings that may make all the difference between two statements of the same."""

# Said without subject and verb.
BARE: Final = word_set(
    """allergic vegetarian vegan married single divorced born afraid scared based interested retired
    diabetic asthmatic fluent originally from pescatarian teetotal unemployed engaged"""
)
# Said without a subject, as a memory is: "Lives in Pune".
VERBS: Final = word_set(
    """lives works likes loves enjoys hates dislikes prefers speaks has owns drives plays studies
    eats drinks weighs is was wants needs plans uses used comes grew reads watches collects runs
    swims sleeps wakes goes takes visits walks rides teaches learns attends keeps makes cooks
    writes sings paints moved studied worked lived avoids cannot can does celebrates"""
)


# British into American, where the stems would differ.
_SPELLED: Final = tuple(
    (re.compile(ending), by)
    for ending, by in (
        (r"is(e|es|ed|ing|ation|er)$", r"iz\1"),
        (r"(?<=[a-z]{2})our(s|ed|ing|ite|ites)?$", r"or\1"),
        (r"(?<=[a-z]{2}[tb])re$", "er"),
        (r"(?<=[vcdbn]el)l(ed|ing|er|ers)$", r"\1"),
        (r"ogue$", "og"),
        (r"aem", "em"),
        (r"yse(d|s)?$", r"yze\1"),
        (r"^tyre", "tire"),
        (r"^pyj", "paj"),
        (r"^cheque", "check"),
        (r"^yoghurt", "yogurt"),
        (r"^doughnut", "donut"),
        (r"^jewellery", "jewelry"),
        (r"^programme", "program"),
        (r"^whiskey", "whisky"),
        (r"ence$", "ense"),
        (r"^learnt", "learn"),
    )
)


@lru_cache(maxsize=8_192)
def stem(word: str) -> str:
    """The word without its ending; of an irregular verb, what it comes from."""
    plain = _BASES.get(word, word)
    for ending, by in _SPELLED:
        plain = ending.sub(by, plain)
    return str(_STEMMER.stemWord(plain))


_CONCEPTS: Final = {
    stem(word): f"={line.split()[0]}"
    for line in _MEANINGS.strip().splitlines()
    for word in line.split()
}


def base(verb: str) -> str:
    """What an irregular form comes from; any other word itself."""
    return _BASES.get(verb, verb)


def concept(stemmed: str) -> str:
    """What a stem stands for: the mark of its meaning, or itself."""
    return _CONCEPTS.get(stemmed, stemmed)
