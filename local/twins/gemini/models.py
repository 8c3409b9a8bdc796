"""The models that this twin has, as `models.list` tells them, and what each can do."""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass
from typing import Final

from local.twins.gemini import wire
from local.twins.gemini.fields import snake
from local.twins.server import Answer, Call, Json, Refusal

_PAGE, _LARGEST_PAGE = 50, 1000
_GENERATES = ("generateContent", "countTokens", "batchGenerateContent", "createCachedContent")
_EMBEDS = ("embedContent", "countTextTokens", "countTokens", "asyncBatchEmbedContent")
_NEEDS: Final = {
    "streamGenerateContent": "generateContent",
    "batchEmbedContents": "embedContent",
}
"""Methods that stand in no list: they come with another one."""


@dataclass(frozen=True, slots=True)
class Model:
    """One model. `served_by` is the one that answers for it, once it is deprecated."""

    id: str
    methods: tuple[str, ...] = _GENERATES
    input_tokens: int = 1_048_576
    output_tokens: int = 65_536
    thinking: str = ""
    """Its level when a request says nothing; "" when it doesn't think unless asked."""
    stage: str = "STABLE"
    served_by: str = ""
    only_beta: bool = False

    @property
    def generation(self) -> int:
        """The major version in its name; aliases count as new."""
        found = re.match(r"gemini-(\d+)", self.id)
        return int(found[1]) if found else 9

    @property
    def version(self) -> str:
        """What a reply's modelVersion says."""
        return self.served_by or self.id


_ALL = (
    Model("gemini-3.5-flash-lite"),
    Model("gemini-3.8-flash", thinking="MEDIUM"),
    Model("gemini-3.6-flash", thinking="MEDIUM"),
    Model("gemini-4-argon", thinking="HIGH"),
    Model("gemini-3.7-flash", thinking="MEDIUM", stage="DEPRECATED", served_by="gemini-3.8-flash"),
    Model("gemini-3.5-flash", thinking="MEDIUM", stage="DEPRECATED", served_by="gemini-3.6-flash"),
    Model("gemini-2.5-pro", thinking="HIGH", stage="LEGACY"),
    Model("gemini-2.5-flash", thinking="MEDIUM", stage="LEGACY"),
    Model("gemini-2.5-flash-lite"),
    Model("gemini-flash-latest", thinking="MEDIUM", served_by="gemini-3.8-flash", only_beta=True),
    Model("gemini-flash-lite-latest", served_by="gemini-3.5-flash-lite", only_beta=True),
    Model("gemini-embedding-001", _EMBEDS, input_tokens=2_048, output_tokens=1),
    Model("gemini-embedding-2", _EMBEDS, input_tokens=8_192, output_tokens=1),
)
_MODELS: Final = {model.id: model for model in _ALL}


def asked_for(call: Call, method: str) -> Model:
    """The model that the path names, when it can do this.

    Raises:
        Refusal: 404 when there is none by that name, or it can't.
    """
    name, version = call.params["model"], _version(call)
    model = _MODELS.get(name)
    needed = _NEEDS.get(method, method)
    if model and needed in model.methods and (version != "v1" or not model.only_beta):
        return model
    message = (
        f"models/{name} is not found for API version {version}, or is not supported for {method}. "
        "Call ModelService.ListModels to see the list of available models and their supported "
        "methods."
    )
    raise Refusal(wire.error(404, message))


def one(call: Call) -> Answer:
    """`models.get`."""
    name, version = call.params["model"], _version(call)
    model = _MODELS.get(name)
    if not model or (version == "v1" and model.only_beta):
        raise Refusal(
            wire.error(404, f"Model is not found: models/{name} for api version {version}")
        )
    return Answer(_shown(model))


def page(call: Call) -> Answer:
    """`models.list` with pageSize and pageToken."""
    beta = _version(call) != "v1"
    models = [model for model in _ALL if beta or not model.only_beta]
    start, size = _start(_query(call, "pageToken")), _size(_query(call, "pageSize"))
    body: Json = {"models": [_shown(model) for model in models[start : start + size]]}
    if start + size < len(models):
        body["nextPageToken"] = base64.urlsafe_b64encode(b"from:%d" % (start + size)).decode()
    return Answer(body)


def _version(call: Call) -> str:
    return call.path.split("/")[1]


def _query(call: Call, name: str) -> str:
    return call.query.get(name) or call.query.get(snake(name), "")


def _size(given: str) -> int:
    try:
        size = int(given or 0)
    except ValueError:
        problem = f"Invalid value at 'page_size' (TYPE_INT32), \"{given}\""
        raise Refusal(wire.bad_fields([("page_size", problem)])) from None
    if size < 0:
        raise Refusal(wire.error(400, "* ListModelsRequest.page_size: must not be negative."))
    return min(size or _PAGE, _LARGEST_PAGE)


def _start(token: str) -> int:
    if not token:
        return 0
    try:
        told = re.fullmatch(rb"from:(\d{1,6})", base64.urlsafe_b64decode(token))
    except ValueError:
        told = None
    if told is None:
        problem = "* ListModelsRequest.page_token: is not a token of this list."
        raise Refusal(wire.error(400, problem))
    return int(told[1])


def _shown(model: Model) -> Json:
    body: Json = {
        "name": f"models/{model.id}",
        "version": model.id.removeprefix("gemini-"),
        "displayName": model.id.replace("-", " ").title(),
        "description": "Answers by rule: the local twin of this model.",
        "inputTokenLimit": model.input_tokens,
        "outputTokenLimit": model.output_tokens,
        "supportedGenerationMethods": list(model.methods),
    }
    if "generateContent" in model.methods:
        body |= {"temperature": 1, "topP": 0.95, "topK": 64, "maxTemperature": 2}
    if model.thinking:
        body["thinking"] = True
    return body
