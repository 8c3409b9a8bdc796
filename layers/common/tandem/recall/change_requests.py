"""Whether a person asks for a change of what is remembered, and whether they confirm one.

Decided by rules over the person's own message and by nothing else, so that no text that comes from
a store, and no model that obeys such a text, can bring a change about.
"""

import re
from typing import Final, Literal

# What somebody else said, and addresses: nothing in there asks for anything.
QUOTED: Final = re.compile(r'"[^"]*"|“[^”]*”|«[^»]*»|„[^“”]*[“”]|`[^`]*`|\b\w+://\S+')
_REPEATED: Final = re.compile(r"^[ \t]*>.*$|<evidence>.*?(?:</evidence>|\Z)", re.MULTILINE | re.S)
_BEGINNING: Final = r"""
    (?:^|[.!?;\n]|,(?=\s*(?:so\s+|but\s+|and\s+)?(?:please|pls|kindly|just)\b))\s*
    (?:(?:please|pls|kindly|just|hey|hi|hello|ok|okay|so|well|and|but|then|now|actually|also|no|oh
         |sorry|tandem|thanks|yes|wait|hm+)\b[,!.]?\s+
      |(?:can|could|would|will)\s+you\s+(?:please\s+|just\s+|kindly\s+)?
      |(?:i\s+want|i\s+need|i\s+would\s+like|i'd\s+like)\s+(?:you\s+)?to\s+
      |you\s+(?:should|can|must|may|need\s+to|have\s+to|had\s+better)\s+(?:please\s+|just\s+)?
    ){0,4}
"""
_CLAUSE: Final = r"""
    (?:i|i'(?:m|d|ve|ll)|my|mine|we|our|he|she|they|his|her|their|there
      |(?!movie|film|day|night|one|joke|noise|stuff|for\b)[\w']+\s+
       (?:is|was|are|were|has|have|had|likes?|lives?|works?|owns?|hates?))\b
"""
_FORGETTING: Final = re.compile(
    _BEGINNING
    + rf"""
    (?:
      forget\s+(?:about\s+)?
        (?=(?P<what>(?:the\s+fact\s+)?that\s+{_CLAUSE}
          |(?:what|everything|all|anything|whatever|every\s?thing)\b
          |(?:where|who|how|when|which)\s+(?:i|my|we|our)\b
          |(?:my|our|me\s*[.!]?\s*$)(?!\s+(?:manners|place))
          |(?:the|this|that)\s+(?:fact|memory|memories|note|information|info|thing|story|part)\b
          |i\s+(?:am|was|have|had|like|live|work|said|told|ever)\b
          |i'm\b))
    | (?:delete|remove|erase|wipe|clear|drop|discard|unlearn|scrub|purge)\s+
        (?=(?:out\s+)?(?:what|everything|all|anything|whatever)\s+(?:that\s+|of\s+what\s+)?
             (?:you|i(?:'ve)?\s+(?:said|told|have\s+told|ever))\b
          |(?:my|our|your|the|this|that|those|these|all(?:\s+my)?)\s+(?:\w+\s+){{0,2}}
             (?:memory|memories|fact|facts|note|notes)\b
          |(?:the\s+fact\s+)?that\s+(?:i|i'm|my|we|our)\b
          |(?:[^.!?;\n]{{1,200}}\s)?(?:from|in)\s+(?:your|the|my)\s+(?:memory|memories|notes)\b)
    | (?:stop|quit)\s+(?:remembering|storing|keeping|saving|memori[sz]ing)\b
    | (?:vergiss|vergessen\s+sie)\s*,?\s+(?:bitte\s*,?\s+)?dass\b
    | oublie[sz]?\s+que\b | olvid[ae]\s+que\b | esque[cç][ae]\s+que\b | dimentica\s+che\b
    | забудь\s*,?\s+что\b
    )
    """,
    re.IGNORECASE | re.VERBOSE,
)
_WRONG: Final = r"""
    (?:not\s+(?:quite\s+|at\s+all\s+)?(?:right|true|correct|accurate)|wrong|incorrect|untrue|false|mistaken|outdated|out\s+of\s+date|no\s+longer\s+(?:true|right|correct)
    )"""
_CORRECTING: Final = re.compile(
    _BEGINNING
    + rf"""
    (?:
      (?P<wrong>(?:that|this|it|that's|this's|it's|thats|what\s+you\s+(?:said|know|remember))
        (?:\s+(?:is|was|are))?\s+{_WRONG}\b
        |(?:that|this|it)\s+(?:is|was)n't\s+(?:right|true|correct)\b
        |you(?:'re|\s+are)\s+(?:wrong|mistaken)\b)
    | (?:correct|fix|amend|rectify)\s+
        (?:(?:what|everything)\s+you\b|(?:your|the|my)\s+(?:\w+\s+){{0,2}}
          (?:memory|memories|note|notes|fact|facts|information|info|records?)\b
          |(?:that|this|it)\s*[:,]|my\s+(?:name|age|birthday|address|job|employer|home|city)\b)
    | (?:update|change)\s+
        (?:what\s+you\s+(?:know|remember|have)\b|(?:your|the)\s+(?:\w+\s+){{0,2}}
          (?:memory|memories|note|notes|fact|facts|records?)\b
          |what\s+is\s+remembered\b)
    | you\s*(?:'ve|\s+have)?\s+(?:got|have|had|remember|remembered|noted|stored)\s+
        (?:that|it|this|something|my\s+\w+(?:\s+\w+)?)\s+(?:down\s+)?(?:all\s+)?wrong(?:ly)?\b
    )
    """,
    re.IGNORECASE | re.VERBOSE,
)
_OWN: Final = re.compile(r"\b(?:i|i'm|me|my|mine|myself|we|us|our|ours)\b", re.IGNORECASE)
# What surrounds the thing itself: "that", "what you know about", "from your memory".
_AROUND: Final = re.compile(
    r"""
    ^\s*(?:about\s+|the\s+fact\s+|(?:that|que|dass|che|что)\s+)*
      (?:(?:what|all|everything|anything|whatever)\s+(?:that\s+)?
         (?:(?:you|i)\s+(?:(?:have|ever)\s+)?(?:know|remember|stored?|saved?|said|told(?:\s+you)?)\s+)?
         about\s+)?
    | \s+(?:from|in)\s+(?:your|the|my)\s+(?:memory|memories|notes)\s*$
    """,
    re.IGNORECASE | re.VERBOSE,
)
_STOP: Final = re.compile(r"[.!?;\n]")

_APART: Final = re.compile(r"[\s,.!:…\u3002\uff01\uff0c\u0964-]+")
_ASKS: Final = re.compile(r"[?;\uff1f\u061f]")
_POLITE: Final = frozenset(["please", "pls", "thanks", "bitte", "danke", "merci", "tandem", "👍"])
# Affirmations of several languages. "OK" is none: it also acknowledges what was only said.
_YES: Final = frozenset(
    word
    for line in (
        "yes yeah yep yup yea sure certainly absolutely definitely correct exactly agreed",
        "confirm confirmed affirmative ja jawohl genau oui si sí sim da tak ano evet haan hai",
        "да так ναι はい 是 是的 对 對 네 예 हाँ हां जी نعم بله כן igen kyllä",  # noqa: RUF001
    )
    for word in line.split()
)
_DO_IT: Final = frozenset(
    phrase.strip()
    for phrase in """
    do it, do so, do that, go ahead, go for it, of course, i confirm, i agree, i do, i am,
    i am sure, i'm sure, i want that, all of it, all of them, both, both of them, everything,
    that's right, that is right, that's correct, that is correct, delete it, delete them,
    delete that, delete all of it, delete all of them, remove it, remove them, forget them,
    forget all of them, forget all of it, forget it all, correct it, change it, make it so
    """.replace("\n", " ").split(",")
)
# Said of what would be forgotten or of what would be corrected: it wishes for something else.
_OTHERWISE: Final = {
    "forget": frozenset(["correct it", "change it"]),
    "correct": frozenset(
        phrase
        for verb in ("delete", "remove", "forget")
        for phrase in (
            f"{verb} {what}" for what in ("it", "that", "this", "them", "all of it", "all of them")
        )
    ),
}
_AFTER_YES: Final = _DO_IT | {"forget it", "forget that", "forget this", "ok", "okay"}
_LONGEST_YES: Final = 60


def unquoted(message: str) -> str:
    """The message without what it only repeats: quotations, code, addresses, quoted lines and
    pasted blocks of evidence. Apostrophes are plain ones."""
    plain = message.replace("’", "'")  # noqa: RUF001 - what telephones type
    return QUOTED.sub(" ", _REPEATED.sub(" ", plain))


def asks_for_change(message: str) -> bool:
    """Whether the person asks to forget, delete or correct something that is remembered.

    Not when somebody else is quoted, nor by "don't forget", "I forgot" or "remember that", which
    state something. The words are English ones, with the plainest request of some other languages.
    """
    said = unquoted(message)
    if _FORGETTING.search(said):
        return True
    correcting = _CORRECTING.search(said)
    if correcting is None:
        return False
    # "That's wrong, Paris is the capital" corrects an answer, not a memory of this person.
    return correcting["wrong"] is None or bool(_OWN.search(said[correcting.end() :]))


def asks_to_forget(message: str) -> bool:
    """Whether the person asks to forget or delete something. Such a request states nothing."""
    return bool(_FORGETTING.search(unquoted(message)))


def what_to_forget(message: str) -> str:
    """What the person wants forgotten, in their own words: the request without its verb.

    The whole message when it asks for no such thing.
    """
    said = unquoted(message)
    found = _FORGETTING.search(said)
    if found is None:
        return message
    wanted = _STOP.split(said[found.end() :], maxsplit=1)[0]
    rest = _AROUND.sub("", wanted).strip(" ,")
    return rest or message


def confirms(message: str, *, kind: Literal["forget", "correct"]) -> bool:
    """Whether a message says yes to a proposal to forget or to correct, and nothing else.

    Strict, since what follows can't be taken back: a yes with a condition, a question or another
    wish is none, and the proposal lapses. So does "change it" when something would be forgotten.
    """
    if len(message) > _LONGEST_YES or _ASKS.search(message):
        return False
    plain = message.replace("’", "'").casefold()  # noqa: RUF001 - what telephones type
    words = [word for word in _APART.split(plain) if word and word not in _POLITE]
    if words[-2:] == ["thank", "you"]:
        words = words[:-2]
    affirmed = 0
    while affirmed < len(words) and words[affirmed] in _YES:
        affirmed += 1
    rest = " ".join(words[affirmed:])
    if not rest:
        return affirmed > 0
    if rest in _OTHERWISE[kind]:
        return False
    return rest in (_AFTER_YES if affirmed else _DO_IT)
