"""Which agent answers a message: decided by plain code, so that it costs no model call."""

import re
from typing import Final, Literal

Route = Literal["recall", "converse"]
ROUTES: Final[tuple[Route, ...]] = ("recall", "converse")

_QUESTION: Final = re.compile(
    r"\?\s*$|\?\s|^\s*(?:who|what|when|where|which|why|how|whose|do|does|did|am|is|are|was|were|"
    r"have|has|had|can|could|will|would|should|tell|remind|list|show)\b",
    re.IGNORECASE,
)
_ABOUT_THE_PERSON: Final = re.compile(
    r"\b(?:i|me|my|mine|myself|we|us|our|ours|i'm|i've|i'd|i'll)\b", re.IGNORECASE
)
_ABOUT_THE_PAST: Final = re.compile(
    r"\b(?:remember|recall|remind|said|told|mentioned|talked|discussed|last time|earlier|before|"
    r"previously|used to|know about me)\b",
    re.IGNORECASE,
)


def choose_route(message: str) -> Route:
    """`recall` for a question about the person or their past, `converse` for everything else.

    A wrong guess costs little: `converse` is given what is remembered too, only less of it and
    without the search tools.
    """
    if not _QUESTION.search(message):
        return "converse"
    about_them = _ABOUT_THE_PERSON.search(message) or _ABOUT_THE_PAST.search(message)
    return "recall" if about_them else "converse"
