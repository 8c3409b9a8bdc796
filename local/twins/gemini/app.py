"""The routes of `/v1` and `/v1beta` that this twin serves."""

from __future__ import annotations

import re

from starlette.types import ASGIApp

from local.twins.gemini import answers, reading, wire
from local.twins.gemini.planned import Planned, answered
from local.twins.server import Answer, Call, Json, Refusal, Twin, create_app

_MODELS = ("gemini-3.5-flash-lite", "gemini-3.5-flash", "gemini-3.8-flash")
_NAME = re.compile(r"gemini-[\w.-]+")


def create(*, latency_ms: float = 0) -> ASGIApp:
    """The twin; it keeps nothing."""
    planned = Planned()
    service = _Service(planned)
    twin = Twin(
        name="gemini",
        routes=[
            (method, f"/{version}{path}", handler)
            for version in ("v1", "v1beta")
            for method, path, handler in (
                ("GET", "/models", service.models),
                ("GET", "/models/{model}", service.model),
                ("POST", "/models/{model}:generateContent", service.generate),
                ("POST", "/models/{model}:countTokens", service.count),
            )
        ],
        guard=_guard,
        bad_body=lambda: wire.error(400, "Invalid JSON payload received."),
        unknown=lambda _: wire.error(404, "Requested entity was not found."),
        broken=lambda: wire.error(500, "An internal error has occurred."),
        reset=planned.clear,
        control=[("POST", "/_twin/next", lambda call: planned.add(call.body))],
    )
    return create_app(twin, latency_ms=latency_ms)


def _guard(call: Call) -> None:
    if not (call.headers.get("x-goog-api-key") or call.query.get("key")):
        message = (
            "Method doesn't allow unregistered callers (callers without established identity)."
        )
        raise Refusal(wire.error(403, message))


class _Service:
    """The handlers."""

    def __init__(self, planned: Planned) -> None:
        self._planned = planned

    def models(self, _: Call) -> Answer:
        return Answer({"models": [_model(name) for name in _MODELS]})

    def model(self, call: Call) -> Answer:
        return Answer(_model(_known(call)))

    def count(self, call: Call) -> Answer:
        _known(call)
        return Answer({"totalTokens": wire.prompt_tokens(call.body)})

    def generate(self, call: Call) -> Answer:
        model = _known(call)
        if not isinstance(call.body.get("contents"), list) or not call.body["contents"]:
            raise Refusal(wire.error(400, "* GenerateContentRequest.contents: is not specified"))
        by_rule = self._by_rule(call.body, model)
        planned = self._planned.take()
        return answered(planned, call.body, model, by_rule) if planned else by_rule

    def _by_rule(self, body: Json, model: str) -> Answer:
        if (body.get("generationConfig") or {}).get("responseMimeType") == "application/json":
            return wire.error(501, "Structured answers are not part of the local service.")
        request = reading.read(body)
        reply = answers.answer(request)
        if reply is None and request.tools and not request.searched:
            calls = [
                {"functionCall": {"name": name, "args": {"query": request.message}}}
                for name in request.tools
            ]
            return wire.generated(body, model, calls)
        return wire.generated(body, model, [{"text": reply or answers.UNKNOWN}])


def _known(call: Call) -> str:
    name = call.params["model"]
    if not _NAME.fullmatch(name):
        version = call.path.split("/")[1]
        message = f"models/{name} is not found for API version {version}."
        raise Refusal(wire.error(404, message))
    return name


def _model(name: str) -> Json:
    return {
        "name": f"models/{name}",
        "version": "local",
        "displayName": name,
        "inputTokenLimit": 1_048_576,
        "outputTokenLimit": 65_536,
        "supportedGenerationMethods": ["generateContent", "countTokens"],
    }
