"""A generateContent request, read and checked: what is to be answered, and in which form."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any, Final

from local.twins.gemini import conversation, fields, wire
from local.twins.gemini.models import Model
from local.twins.gemini.schemas import from_json_schema, from_openapi, refuse
from local.twins.server import Json, Refusal

JSON: Final = "application/json"
ENUM: Final = "text/x.enum"
_TYPES: Final = ("text/plain", JSON, ENUM)
_JSON_WITH_CALLS_SINCE: Final = 3
_NAME: Final = re.compile(r"[A-Za-z_][\w.:-]{0,127}", re.ASCII)
_MOST_STOPS: Final = 5


@dataclass(frozen=True, slots=True)
class Function:
    """A function that the caller declared."""

    name: str
    description: str
    parameters: Json
    """JSON Schema of an object."""


@dataclass(slots=True)
class Asked:
    """A request that the service would accept."""

    body: Json
    model: Model
    config: Json
    mime: str = "text/plain"
    schema: Json | None = None
    mode: str = "AUTO"
    functions: list[Function] = field(default_factory=list)
    """Those that may be called."""


def read(raw: Json, model: Model) -> Asked:
    """The request.

    Raises:
        Refusal: 400, as the service says it.
    """
    body = fields.read(raw, "GenerateContentRequest")
    asked = Asked(body, model, body.get("generationConfig") or {})
    conversation.check(body.get("contents") or [], generation=model.generation)
    conversation.check_system(body.get("systemInstruction"))
    if body.get("cachedContent"):
        message = "CachedContent not found (or permission denied)"
        raise Refusal(wire.error(403, message))
    _check_size(asked)
    _check_config(asked.config)
    _take_form(asked)
    _take_functions(asked)
    return asked


def _check_size(asked: Asked) -> None:
    counted, most = wire.prompt_tokens(asked.body), asked.model.input_tokens
    if counted > most:
        message = (
            f"The input token count ({counted}) exceeds the maximum number of tokens allowed "
            f"({most})."
        )
        raise Refusal(wire.error(400, message))


def _check_config(config: Json) -> None:
    where = "generation_config"
    for name, low, high in (
        ("temperature", 0, 2),
        ("topP", 0, 1),
        ("topK", 1, 1000),
        ("maxOutputTokens", 1, 2**31),
    ):
        if not low <= config.get(name, low) <= high:
            raise refuse(f"{where}.{fields.snake(name)}", f"must be in the range [{low}, {high}].")
    if config.get("candidateCount", 1) != 1:
        raise Refusal(wire.error(400, "Multiple candidates is not enabled for this model"))
    if len(config.get("stopSequences", ())) > _MOST_STOPS:
        raise refuse(f"{where}.stop_sequences", f"must have at most {_MOST_STOPS} sequences.")
    if set(config.get("responseModalities", ("TEXT",))) - {"TEXT", "MODALITY_UNSPECIFIED"}:
        named = ", ".join(config["responseModalities"]).lower()
        message = f"Model does not support the requested response modalities: {named}"
        raise Refusal(wire.error(400, message))
    if config.get("responseLogprobs") or config.get("logprobs"):
        raise Refusal(wire.error(400, "Logprobs is not enabled for this model"))
    if config.get("responseFormat"):
        raise Refusal(wire.error(501, "response_format is not part of the local service."))
    thinking = config.get("thinkingConfig") or {}
    if "thinkingBudget" in thinking and "thinkingLevel" in thinking:
        message = "You can only set only one of thinking budget and thinking level."
        raise Refusal(wire.error(400, message))


def _take_form(asked: Asked) -> None:
    where = "generation_config"
    asked.mime = asked.config.get("responseMimeType") or "text/plain"
    if asked.mime not in _TYPES:
        allowed = ", ".join(f"`{one}`" for one in _TYPES)
        raise refuse(f"{where}.response_mime_type", f"allowed mimetypes are {allowed}.")
    openapi, plain = asked.config.get("responseSchema"), asked.config.get("responseJsonSchema")
    if openapi is not None and plain is not None:
        problem = "only one of response_schema and response_json_schema may be set."
        raise refuse(f"{where}.response_json_schema", problem)
    if openapi is not None:
        asked.schema = from_openapi(openapi, f"{where}.response_schema")
    elif plain is not None:
        asked.schema = from_json_schema(plain, f"{where}.response_json_schema")
    if asked.schema is not None and asked.mime == "text/plain":
        problem = f"only allowed when response_mime_type is `{JSON}` or `{ENUM}`."
        raise refuse(f"{where}.response_schema", problem)
    if asked.mime == ENUM and not (asked.schema or {}).get("enum"):
        raise refuse(f"{where}.response_schema", f"`{ENUM}` needs a STRING schema with an enum.")


def _take_functions(asked: Asked) -> None:
    config = (asked.body.get("toolConfig") or {}).get("functionCallingConfig") or {}
    declared = _declared(asked.body)
    asked.mode = config.get("mode", "AUTO").replace("MODE_UNSPECIFIED", "AUTO")
    allowed = config.get("allowedFunctionNames") or []
    where = "tool_config.function_calling_config"
    if asked.mode in {"ANY", "VALIDATED"} and not declared:
        message = "Function calling config is set without function_declarations."
        raise Refusal(wire.error(400, message))
    if allowed and asked.mode not in {"ANY", "VALIDATED"}:
        problem = "should be set only when mode is ANY or VALIDATED."
        raise refuse(f"{where}.allowed_function_names", problem)
    for name in allowed:
        if name not in declared:
            problem = f"`{name}` is not one of the function declarations."
            raise refuse(f"{where}.allowed_function_names", problem)
    if declared and asked.mime != "text/plain" and asked.model.generation < _JSON_WITH_CALLS_SINCE:
        message = f"Function calling with a response mime type: '{asked.mime}' is unsupported"
        raise Refusal(wire.error(400, message))
    if asked.mode != "NONE":
        asked.functions = [declared[name] for name in allowed or declared]


def _declared(body: Json) -> dict[str, Function]:
    found: dict[str, Function] = {}
    for t, tool in enumerate(body.get("tools") or []):
        for n, declaration in enumerate(tool.get("functionDeclarations") or []):
            where = f"tools[{t}].function_declarations[{n}]"
            function = _function(declaration, where)
            if function.name in found:
                message = f"Duplicate function declaration found: {function.name}"
                raise Refusal(wire.error(400, message))
            found[function.name] = function
    return found


def _function(declaration: Json, where: str) -> Function:
    name = declaration.get("name", "")
    if not _NAME.fullmatch(name):
        problem = (
            "Invalid function name. Must start with a letter or an underscore. Must be "
            "alphanumeric (a-z, A-Z, 0-9), underscores (_), dots (.), colons (:), or dashes (-), "
            "with a maximum length of 128."
        )
        raise refuse(f"{where}.name", problem)
    schema: Any = {"type": "object", "properties": {}}
    if "parameters" in declaration and "parametersJsonSchema" in declaration:
        problem = "only one of parameters and parameters_json_schema may be set."
        raise refuse(f"{where}.parameters", problem)
    if "parameters" in declaration:
        schema = from_openapi(declaration["parameters"], f"{where}.parameters")
    elif "parametersJsonSchema" in declaration:
        schema = from_json_schema(declaration["parametersJsonSchema"], f"{where}.parameters")
    if schema.get("type") != "object":
        raise refuse(f"{where}.parameters", "schema should be of type OBJECT.")
    return Function(name, declaration.get("description", ""), schema)
