"""What the service asks of a conversation: roles, parts, calls and what answers them."""

from __future__ import annotations

from typing import Any, Final

from local.twins.gemini import wire
from local.twins.gemini.messages import PART_DATA
from local.twins.gemini.schemas import refuse
from local.twins.server import Json, Refusal

_ROLES: Final = frozenset({"user", "model", "function"})
_SIGNED_SINCE: Final = 3
"""The first generation that wants its signatures back."""


def check(contents: list[Json], *, generation: int) -> None:
    """Refuses what the service would not read.

    Raises:
        Refusal: 400 that names the first mistake.
    """
    if not contents:
        raise refuse("contents", "contents is not specified")
    for n, content in enumerate(contents):
        _check_content(content, f"contents[{n}]")
    _check_calls(contents)
    if generation >= _SIGNED_SINCE:
        _check_signatures(contents)


def check_system(content: Json | None) -> None:
    """Refuses a system instruction without words."""
    if content is not None:
        _check_parts(content, "system_instruction")


def _check_content(content: Json, where: str) -> None:
    if content.get("role", "user") not in _ROLES:
        raise Refusal(wire.error(400, "Please use a valid role: user, model."))
    _check_parts(content, where)


def _check_parts(content: Json, where: str) -> None:
    if not content.get("parts"):
        raise refuse(f"{where}.parts", "contents.parts must not be empty.")
    for n, part in enumerate(content["parts"]):
        given = PART_DATA & part.keys()
        if not given:
            problem = "required oneof field 'data' must have one initialized field"
            raise refuse(f"{where}.parts[{n}].data", problem)
        if len(given) > 1:
            problem = f"oneof field 'data' is already set. Cannot set '{sorted(given)[-1]}'"
            raise Refusal(wire.bad_fields([(f"{where}.parts[{n}]", f"Invalid value: {problem}")]))
        _check_names(part, f"{where}.parts[{n}]")


def _check_names(part: Json, where: str) -> None:
    for kind, spelled in (
        ("functionCall", "function_call"),
        ("functionResponse", "function_response"),
    ):
        if kind in part and not part[kind].get("name"):
            raise refuse(f"{where}.{spelled}.name", "Name cannot be empty.")


def _parts(content: Json, kind: str) -> list[Any]:
    return [part[kind] for part in content["parts"] if kind in part]


def _check_calls(contents: list[Json]) -> None:
    """Every call is answered right after its turn, one answer for each."""
    called: list[Json] = []
    answered: list[Json] = []
    for content in contents:
        if content.get("role") == "model":
            _check_answered(called, answered)
            called, answered = _parts(content, "functionCall"), []
            continue
        responses = _parts(content, "functionResponse")
        if responses and not called:
            message = (
                "Please ensure that function response turn comes immediately after a function "
                "call turn."
            )
            raise Refusal(wire.error(400, message))
        answered += responses
    _check_answered(called, answered)


def _check_answered(called: list[Json], answered: list[Json]) -> None:
    if len(called) != len(answered):
        message = (
            "Please ensure that the number of function response parts is equal to the number of "
            "function call parts of the function call turn."
        )
        raise Refusal(wire.error(400, message))
    ids = {call["id"] for call in called if "id" in call}
    if any(ids and "id" in response and response["id"] not in ids for response in answered):
        message = "Please ensure that each function response has the id of its function call."
        raise Refusal(wire.error(400, message))


def _check_signatures(contents: list[Json]) -> None:
    """In the turn that is going on, the first call of each step carries what came with it."""
    going_on = since_said(contents)
    for n, content in enumerate(going_on, len(contents) - len(going_on)):
        calls = [part for part in content["parts"] if "functionCall" in part]
        if calls and not calls[0].get("thoughtSignature"):
            name = calls[0]["functionCall"]["name"]
            message = (
                "Function call is missing a thought_signature in functionCall parts. This is "
                "required for tools to work correctly, and missing thought_signature may lead to "
                f"degraded model performance. Additional data, function call `{name}` , "
                f"position {n + 1}."
            )
            raise Refusal(wire.error(400, message))


def since_said(contents: list[Json]) -> list[Json]:
    """The calls and results after the newest words of a person."""
    spoken = [n for n, content in enumerate(contents) if _is_said(content)]
    return contents[spoken[-1] + 1 :] if spoken else contents


def _is_said(content: Json) -> bool:
    return content.get("role") != "model" and not _parts(content, "functionResponse")
