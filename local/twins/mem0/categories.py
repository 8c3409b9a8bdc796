"""Which categories a memory falls into: by its words, among the platform's 15 or a caller's own."""

from __future__ import annotations

import re
from collections.abc import Sequence

import snowballstemmer

from local.twins import text
from local.twins.verbs import word_set

MISC = "misc"
_STEMMER = snowballstemmer.stemmer("english")
_WORD = re.compile(r"[^\W_]+")
_WORDS = {
    "personal_details": """name named age aged old years born birthday birthplace address lives
        live moved from email phone height weight nationality language speaks hometown surname
        nickname grew""",
    "family": """sister brother mother father mom mum dad son daughter child children kid kids
        wife husband spouse partner married parent parents grandmother grandfather aunt uncle
        cousin niece nephew family twin""",
    "professional_details": """work works working job employer company engineer developer manager
        boss career profession occupation office colleague employed teacher doctor nurse lawyer
        designer studies study studying university degree graduated major""",
    "sports": """football soccer cricket tennis basketball hockey rugby golf running run runs swim
        swims swimming cycling cycles gym yoga marathon hike hikes hiking ski surf climbing sport
        sports badminton volleyball team""",
    "travel": """travel travels travelling trip trips flight flights flies visit visits visited
        visiting holiday vacation passport hotel abroad going goes""",
    "food": """eat eats eating food vegetarian vegan pescatarian tea coffee pizza sushi curry rice
        bread cheese chocolate fruit mango mangoes apple cook cooks cooking bake bakes restaurant
        drink drinks breakfast lunch dinner spicy milk wine beer""",
    "music": """music song songs jazz rock guitar piano violin drums band singer sing sings
        concert album listens opera""",
    "health": """allergic allergy allergies asthma diabetes doctor medicine medication illness
        sick health pain sleep sleeps diet migraine therapy pregnant peanuts smokes""",
    "technology": """computer laptop phone software programming python javascript code codes
        coding app internet robot robots ai linux android iphone technology""",
    "hobbies": """hobby hobbies chess painting paints paint draws drawing knitting gardening
        photography collects collecting reads reading books book puzzles crafts fishing pottery
        plays""",
    "fashion": "wears wear dress dresses shoes shirt jacket fashion clothes style jewellery jeans",
    "entertainment": "film films movie movies series show shows watches watch game games netflix "
    "theatre tv television novel novels cinema comics",
    "milestones": "graduated graduation married wedding engaged promoted promotion retired "
    "anniversary bought won award born finished",
    "user_preferences": """like likes love loves enjoy enjoys adore adores prefer prefers
        favourite favorite hate hates dislike dislikes detests despises wants""",
}


def _stems(words: str) -> frozenset[str]:
    return frozenset(_STEMMER.stemWords(_WORD.findall(words.casefold())))


DEFAULT = (*_WORDS, MISC)
_STEMS = {name: _stems(" ".join(word_set(words))) for name, words in _WORDS.items()}


def categorised(memory: str, custom: Sequence[dict[str, str]] | None = None) -> list[str]:
    """The categories of a memory, in the catalogue's order.

    A caller's own catalogue takes the place of the 15; one of its categories fits when its name or
    description has a word that counts in common with the memory.
    """
    if custom is not None:
        named = {name: about for one in custom for name, about in one.items()}
        return [
            name
            for name, about in named.items()
            if text.score(memory, f"{name.replace('_', ' ')} {about}") > 0
        ]
    stems = _stems(memory)
    return [name for name, words in _STEMS.items() if words & stems] or [MISC]
