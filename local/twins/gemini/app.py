"""The routes of `/v1` and `/v1beta` that this twin serves."""

from __future__ import annotations

from starlette.types import ASGIApp

from local.twins.gemini import (
    composing,
    conversation,
    embeddings,
    fields,
    keys,
    models,
    planned,
    replies,
    request,
    wire,
)
from local.twins.gemini.judging import Judge
from local.twins.gemini.meanings import Meanings
from local.twins.gemini.planned import Planned
from local.twins.gemini.prompt_cache import PromptCache
from local.twins.gemini.replies import Reply
from local.twins.gemini.request import Asked
from local.twins.server import Answer, Call, Handler, Json, Refusal, Twin, create_app


def create(*, latency_ms: float = 0) -> ASGIApp:
    """The twin. It keeps no words, only what tests have planned and hashes of prompts."""
    service = _Service()
    twin = Twin(
        name="gemini",
        routes=[
            (method, f"/{version}{path}", handler)
            for version in ("v1", "v1beta")
            for method, path, handler in (
                ("GET", "/models", models.page),
                ("GET", "/models/{model}", models.one),
                ("GET", "/tunedModels", lambda _: Answer({})),
                ("POST", "/models/{model}:generateContent", service.generate),
                ("POST", "/models/{model}:streamGenerateContent", service.stream),
                ("POST", "/models/{model}:countTokens", service.count),
                ("POST", "/models/{model}:embedContent", service.embed),
                ("POST", "/models/{model}:batchEmbedContents", service.embed_batch),
            )
        ],
        guard=keys.guard,
        bad_body=lambda: wire.error(400, "Invalid JSON payload received. Unexpected token."),
        unknown=lambda _: wire.error(404, "Requested entity was not found."),
        broken=lambda: wire.error(500, "An internal error has occurred."),
        failed=wire.failure,
        reset=service.clear,
        control=service.control(),
    )
    return create_app(twin, latency_ms=latency_ms)


class _Service:
    """The handlers."""

    def __init__(self) -> None:
        self.planned = Planned()
        self._judge = Judge()
        self._meanings = Meanings()
        self._cache = PromptCache()

    def control(self) -> list[tuple[str, str, Handler]]:
        return [
            ("POST", "/_twin/next", lambda call: self.planned.add(call.body)),
            ("GET", "/_twin/judge", lambda _: self._judge.shown()),
            ("POST", "/_twin/judge", lambda call: self._judge.set(call.body)),
            ("POST", "/_twin/meanings", lambda call: self._meanings.set(call.body)),
        ]

    def clear(self) -> None:
        self.planned.clear()
        self._judge.clear()
        self._meanings.clear()
        self._cache.clear()

    def generate(self, call: Call) -> Answer:
        asked, by_rule, plan = self._spoken(call, "generateContent")
        broken = planned.failed(plan) if plan else None
        reply = (planned.spoken(plan) if plan else None) or by_rule
        return planned.delayed(broken or Answer(replies.whole(reply, asked)), plan)

    def stream(self, call: Call) -> Answer:
        sse = call.query.get("alt") == "sse"
        try:
            asked, by_rule, plan = self._spoken(call, "streamGenerateContent")
        except Refusal as refusal:
            raise Refusal(_as_list(refusal.answer, sse=sse)) from None
        broken = planned.failed(plan, stream=sse) if plan else None
        if broken:
            return planned.delayed(_as_list(broken, sse=sse), plan)
        reply = (planned.spoken(plan) if plan else None) or by_rule
        events = planned.broken_off(plan or {"kind": "normal"}, replies.chunks(reply, asked))
        return planned.delayed(Answer(events=events) if sse else Answer(events), plan)

    def count(self, call: Call) -> Answer:
        models.asked_for(call, "countTokens")
        body = fields.read(call.body, "CountTokensRequest")
        inner = body.get("generateContentRequest")
        if bool(inner) == bool(body.get("contents")):
            message = "Exactly one of contents and generate_content_request must be set."
            raise Refusal(wire.error(400, f"* CountTokensRequest: {message}"))
        counted = inner or body
        conversation.check(counted.get("contents") or [], generation=0)
        return self._unless_planned(_counted(counted))

    def embed(self, call: Call) -> Answer:
        model = models.asked_for(call, "embedContent")
        return self._unless_planned(embeddings.one(call.body, model, self._meanings))

    def embed_batch(self, call: Call) -> Answer:
        model = models.asked_for(call, "batchEmbedContents")
        return self._unless_planned(embeddings.batch(call.body, model, self._meanings))

    def _spoken(self, call: Call, method: str) -> tuple[Asked, Reply, Json | None]:
        """The request, the reply by rule, and the plan for it, which only a good one uses up."""
        asked = request.read(call.body, models.asked_for(call, method))
        by_rule = composing.reply(asked, self._judge.decided(asked))
        cached = self._cache.cached(asked.body, asked.model.version)
        return asked, composing.with_cached(by_rule, cached), self.planned.take()

    def _unless_planned(self, body: Json) -> Answer:
        plan = self.planned.take(generates=False)
        return planned.delayed((planned.failed(plan) if plan else None) or Answer(body), plan)


def _counted(request: Json) -> Json:
    total = wire.prompt_tokens(request)
    return {
        "totalTokens": total,
        "promptTokensDetails": [{"modality": "TEXT", "tokenCount": total}],
    }


def _as_list(answer: Answer, *, sse: bool) -> Answer:
    """Without server-sent events a stream is one JSON array, also when it is an error."""
    return answer if sse or answer.text is not None else Answer([answer.body], answer.status)
