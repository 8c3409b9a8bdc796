"""embedContent and batchEmbedContents."""

from __future__ import annotations

from typing import Any, Final

from local.twins.gemini import fields, wire
from local.twins.gemini.meanings import Meanings
from local.twins.gemini.models import Model
from local.twins.gemini.vectors import LONGEST
from local.twins.server import Json, Refusal

_MOST: Final = 100
_NORMALISES_ALL: Final = "gemini-embedding-2"
"""The older model leaves vectors that it has shortened as they are."""


def one(raw: Json, model: Model, meanings: Meanings) -> Json:
    """The answer of embedContent."""
    body = fields.read(raw, "EmbedContentRequest")
    if "model" in body:
        _check_model(body, model, "EmbedContentRequest")
    vector, counted = _embedding(body, model, "EmbedContentRequest", meanings)
    return {"embedding": vector, "usageMetadata": _usage(counted)}


def batch(raw: Json, model: Model, meanings: Meanings) -> Json:
    """The answer of batchEmbedContents: in the order of the requests."""
    body = fields.read(raw, "BatchEmbedContentsRequest")
    requests, message = body.get("requests") or [], "BatchEmbedContentsRequest"
    if not requests:
        raise _refuse(f"{message}.requests", "requests is not specified")
    if len(requests) > _MOST:
        problem = f"at most {_MOST} requests can be in one batch"
        raise _refuse(f"{message}.requests", problem)
    made = []
    for n, request in enumerate(requests):
        _check_model(request, model, f"{message}.requests[{n}]")
        made.append(_embedding(request, model, f"{message}.requests[{n}]", meanings))
    vectors, counted = [vector for vector, _ in made], sum(tokens for _, tokens in made)
    return {"embeddings": vectors, "usageMetadata": _usage(counted)}


def _check_model(request: Json, model: Model, where: str) -> None:
    named = request.get("model", "")
    if not named.startswith("models/"):
        raise _refuse(f"{where}.model", "unexpected model name format")
    if named != f"models/{model.id}":
        raise _refuse(f"{where}.model", "model must match the model in the path")


def _embedding(request: Json, model: Model, where: str, meanings: Meanings) -> tuple[Json, int]:
    options = {**request, **request.get("embedContentConfig", {})}
    size = options.get("outputDimensionality", LONGEST)
    if not 1 <= size <= LONGEST:
        raise _refuse(f"{where}.output_dimensionality", f"must be in the range [1, {LONGEST}].")
    text = _text(request.get("content"), where)
    title = options.get("title")
    counted = wire.tokens(text)
    if counted > model.input_tokens:
        if options.get("autoTruncate") is False:
            message = f"input exceeds the limit of {model.input_tokens} tokens"
            raise _refuse(f"{where}.content", message)
        counted, text = model.input_tokens, wire.first_tokens(text, model.input_tokens)
    unit = size == LONGEST or model.id.startswith(_NORMALISES_ALL)
    text = f"{title} {text}" if title else text
    return {"values": meanings.embedded(text, size, unit=unit)}, counted


def _text(content: Any, where: str) -> str:
    parts = (content or {}).get("parts") or []
    if not parts:
        raise _refuse(f"{where}.content", "content is not specified")
    texts = [part.get("text", "") for part in parts]
    if not all(texts):
        raise _refuse(f"{where}.content", "contains an empty Part.")
    return " ".join(texts)


def _usage(counted: int) -> Json:
    details = [{"modality": "TEXT", "tokenCount": counted}]
    return {"promptTokenCount": counted, "promptTokensDetails": details}


def _refuse(where: str, problem: str) -> Refusal:
    return Refusal(wire.error(400, f"* {where}: {problem}"))
