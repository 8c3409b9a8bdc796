"""Which agent answers a message: decided by plain code, so that it costs no model call."""

import re
from typing import Final, Literal

from tandem.recall.change_requests import QUOTED, asks_for_change

Route = Literal["recall", "converse", "manage"]
ROUTES: Final[tuple[Route, ...]] = ("recall", "converse", "manage")

_MARK: Final = re.compile(r"[?？؟](?!\w)")  # noqa: RUF001 - other scripts' question marks
# Questions without a mark: at the start of a sentence, by the order of their words. "When I was
# young" and "Had lunch with my sister" are none.
_ASKING: Final = re.compile(
    r"""
    (?:^|[.!;:\n])\s*
    (?:(?:please|hey|hi|hello|ok|okay|so|well|and|but|then)\b[,!]?\s+)*
    (?:
      (?:who|what|when|where|which|why|how|whose)'(?:s|re|d)\b
    | (?:who|when|where|why)\s+
      (?:is|are|am|was|were|do|does|did|have|has|had|can|could|will|would|should)\b
    | (?:what|which|whose|how)\s+(?:(?!(?:i|we|a|an)\b)[\w']+\s+){0,2}
      (?:is|are|am|was|were|do|does|did|have|has|had|can|could|will|would|should)\b
    | (?:do|does|did|is|are|am|was|were|has|can|could|will|would|should)(?:n't)?\s+
      (?:i|you|we|he|she|it|they|my|our|the|there)\b
    | (?:have|had)(?:n't)?\s+(?:i|you|we|he|she|it|they)\b
    | (?:tell|remind|show|give)\s+(?:me|us)\b(?!\s+to\b)
    | (?:list|name|repeat|summari[sz]e|describe|recall)\s
    )
    | \bi\s+(?:wonder|forgot|(?:can'?t|cannot|don't|do\s+not)\s+(?:remember|recall))\b
    """,
    re.IGNORECASE | re.VERBOSE,
)
# The person as the one who asks, not as what is asked about: "tell me a joke".
_IN_PASSING: Final = re.compile(
    r"\b(?:tell|give|show|help|teach|let|send|ask|excuse|make|get|read|write)\s+(?:me|us)\b"
    r"|\bto\s+me\b|\b(?:shall|can)\s+we\b|\b(?:may|can|could)\s+i\s+ask\b",
    re.IGNORECASE,
)
_ABOUT_THE_PERSON: Final = re.compile(r"\b(?:i|me|my|mine|myself|we|us|our|ours)\b", re.IGNORECASE)
_ABOUT_THE_PAST: Final = re.compile(
    r"\b(?:remember|recall|remind|you (?:said|told|mentioned|say|mention)|talked|discussed"
    r"|last time|earlier(?! than)|previously)\b|\b(?:before|again)\s*[?.!]*\s*$",
    re.IGNORECASE,
)
_ENGLISH: Final = re.compile(
    r"\b(?:the|an?|is|are|was|were|it|you|your|that|this|to|of|what|where|when|who|why|how|which"
    r"|do|does|did|can|could|will|would|shall|should|ok|okay|really|sure)\b",
    re.IGNORECASE,
)


def choose_route(message: str) -> Route:
    """`manage` for a request to forget or correct something remembered, `recall` for a question
    about the person or their past, `converse` for everything else.

    The words are English ones; a question in another language counts as one about the person. A
    wrong guess costs little: `converse` is given what is remembered too, only less of it and
    without the search tools.
    """
    if asks_for_change(message):
        return "manage"
    plain = message.replace("’", "'")  # noqa: RUF001 - what telephones type
    said = QUOTED.sub(" ", plain).strip() or plain
    marked = _MARK.search(said)
    if not (marked or _ASKING.search(said)):
        return "converse"
    rest = _IN_PASSING.sub(" ", said)
    if _ABOUT_THE_PERSON.search(rest) or _ABOUT_THE_PAST.search(rest):
        return "recall"
    return "recall" if marked and not _ENGLISH.search(said) else "converse"
