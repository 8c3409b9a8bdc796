"""Which functions the stand-in calls, and with which arguments: by the words of the message."""

from __future__ import annotations

import base64
import hashlib
from typing import Any, Final

from local.twins.gemini import wire
from local.twins.gemini.checking import Checker
from local.twins.gemini.instances import build
from local.twins.gemini.request import Asked, Function
from local.twins.gemini.schemas import Unservable, refuse
from local.twins.gemini.words import Words, stems, words_of
from local.twins.server import Json
from local.twins.verbs import word_set

_VERBS: Final = word_set(
    """get set look lookup find search list fetch show read load query call do run make create add
    update change delete remove check tool function by for of the"""
)
_MOST_AT_ONCE: Final = 8


def chosen(asked: Asked, words: Words, *, searched: bool, known: bool) -> list[Json]:
    """The parts with calls, [] when there is nothing to call.

    With ANY something is always called. Otherwise nothing is, once results are there; a function
    that takes a `query` is called when nothing is known that answers, any other one when the
    message speaks of what its name says.

    Args:
        asked: the request.
        words: of the person's last words.
        searched: results of calls follow those words.
        known: the rules have a reply without any call.
    """
    functions = [one for one in asked.functions if _meant(one, words)]
    if asked.mode == "ANY":
        return _parts(functions or asked.functions[:1], asked, words)
    if searched:
        return []
    searches = [one for one in asked.functions if _takes_query(one)]
    others = [one for one in functions if not _takes_query(one)]
    return _parts(others or ([] if known else searches), asked, words)


def signature(call: Json) -> str:
    """What the service wants back with a call: opaque, the same for the same call."""
    return base64.b64encode(hashlib.sha256(wire.as_text(call).encode()).digest()).decode()


def part(call: Json, *, signed: bool = True) -> Json:
    """A part with a call. Of calls in parallel only the first is signed."""
    made: Json = {"functionCall": call}
    return made | {"thoughtSignature": signature(call)} if signed else made


def _meant(function: Function, words: Words) -> bool:
    """The message has a word of the name that says what it is about, or all its words."""
    named = words_of(function.name)
    about = stems(" ".join(word for word in named if word not in _VERBS)) or stems(" ".join(named))
    return bool(about & stems(words.heard))


def _takes_query(function: Function) -> bool:
    return "query" in function.parameters.get("properties", {})


def _parts(functions: list[Function], asked: Asked, words: Words) -> list[Json]:
    calls = [
        {"name": function.name, "args": args}
        for n, function in enumerate(functions)
        for args in _arguments(function, words, f"tools[0].function_declarations[{n}]")
    ]
    made: list[Json] = []
    for n, call in enumerate(calls[:_MOST_AT_ONCE]):
        told = wire.as_text([call, n, len(asked.body["contents"])])
        named = {"id": hashlib.sha256(told.encode()).hexdigest()[:8], **call}
        made.append(part(named, signed=n == 0))
    return made


def _arguments(function: Function, words: Words, where: str) -> list[Json]:
    """The arguments of each call: several when the message names several things to look up."""
    try:
        args = build(function.parameters, words, only_told=True)
    except Unservable as problem:
        raise refuse(f"{where}.parameters", str(problem)) from None
    codes = words.codes()
    spoken = [name for name, value in args.items() if value in codes]
    if len(spoken) != 1 or len(codes) < 2:  # noqa: PLR2004 - one is no list
        return [args]
    return [fitted for code in codes if (fitted := _with(function, args, spoken[0], code))]


def _with(function: Function, args: Json, name: str, value: Any) -> Json | None:
    changed = {**args, name: value}
    return changed if Checker(function.parameters).passes(changed, function.parameters) else None
