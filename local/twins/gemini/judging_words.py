"""Words of everyday English that mean the same, for judging pairs: a thesaurus of one page."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

import snowballstemmer

from local.twins.verbs import word_set

_STEMMER = snowballstemmer.stemmer("english")

_MEANINGS: Final = """
live reside dwell home
like love enjoy adore
hate detest loathe despise abhor
own have possess
begin start commence
finish complete conclude
buy purchase
get receive obtain
learn study
run jog
repair fix mend
choose pick select
move relocate
visit
need require
want wish
plan intend aim
try attempt
help assist
hope
talk chat
phone mobile cellphone smartphone telephone
reply answer respond response
keep maintain
collect gather
grow cultivate
cook prepare
bike bicycle cycle
motorbike motorcycle
car automobile auto
flat apartment
film movie cinema
holiday vacation
television tv telly
fridge refrigerator
sofa couch settee
taxi cab
plane aeroplane airplane aircraft
shop store
photo photograph picture
trash garbage rubbish
petrol gasoline
elevator lift
university college uni
school
lesson class
exam examination test
teacher schoolteacher
doctor physician
lawyer attorney solicitor
programmer coder
boss manager supervisor
colleague coworker workmate
company firm business
friend pal buddy
neighbour neighbor
mother mum mom mummy mommy mama
father dad papa daddy
grandmother grandma granny nan
grandfather grandpa grandad granddad
child kid children
baby infant newborn
spouse
sibling
pet
dog hound
cat
meal
dinner supper
breakfast
sweets candy
biscuit cookie
aubergine eggplant
courgette zucchini
prawn shrimp
peanut groundnut
crisps chips
vegetarian veggie
medicine medication
surgery operation
spectacles glasses eyeglasses
sick ill unwell
tired exhausted weary
afraid scared frightened fearful terrified fear
happy glad
big large
small little
quick fast rapid
hard difficult tough
easy simple
short brief concise
near nearby close
favourite favorite
colour color
grey gray
sport sports
every each
daily
weekly
monthly
yearly annually annual
often frequently regularly
usually normally generally typically commonly
sometimes occasionally
rarely seldom
approximately about around roughly nearly almost
allergic allergy
weigh weight
tall height
age aged
birthday birthdate
married marry wed wedded
divorced
pregnant expecting
retired
salary wage pay
degree
language tongue
city town
country nation
sea ocean
garden yard
instrument
choir chorus
painting
evening
night
minute min
hour hr
kilogram kg kilo
pound lb
euro
dollar usd
rupee inr
percent
"""

STOP: Final = word_set(
    """a an the is do does really very just actually own also too so quite that which who whom
    some any in at on of as am are be been being it this there these those here person someone
    currently now nowadays presently moment right into truly simply certainly definitely got
    thing something basically kind sort lot much lots himself herself themself themselves myself"""
)
"""Words that a statement may have or lack without saying more or less."""

SPLITTING: Final = word_set(
    "in at on of as from to with for by after before during until since without than over under "
    "between near through about around because while when where if every each"
)
"""Words that begin a part of a sentence, which may stand before or after other such parts."""

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

PAST: Final = word_set(
    """was were had went bought ate met saw took made began grew left lost found told said knew
    thought came became gave got kept sold sent spent taught wrote spoke drove broke chose fell
    felt flew forgot heard held led won wore slept swam sang drank ran rode stood understood did
    formerly paid built caught stole threw woke sat lay meant lent bent drew hid bit"""
)
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

# Said without a subject, as a memory is: "Lives in Pune".
VERBS: Final = word_set(
    """lives works likes loves enjoys hates dislikes prefers speaks has owns drives plays studies
    eats drinks weighs is was wants needs plans uses used comes grew reads watches collects runs
    swims sleeps wakes goes takes visits walks rides teaches learns attends keeps makes cooks
    writes sings paints moved studied worked lived avoids cannot can does celebrates"""
)


@lru_cache(maxsize=8_192)
def stem(word: str) -> str:
    """The word without its ending."""
    return str(_STEMMER.stemWord(word))


_CONCEPTS: Final = {
    stem(word): f"={line.split()[0]}"
    for line in _MEANINGS.strip().splitlines()
    for word in line.split()
}


def concept(stemmed: str) -> str:
    """What a stem stands for: the mark of its meaning, or itself."""
    return _CONCEPTS.get(stemmed, stemmed)
