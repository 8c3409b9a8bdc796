"""Gemini: our own thin client of its REST API, and the SDK's client as Agno is given it.

Chat talks to Gemini through Agno and google-genai. Everything else uses `GeminiClient`, which
sends the same requests over `ProviderHttp`. google-genai is imported only when its client is
built, so that importing this module costs nothing.
"""

# Unevaluated: annotations name classes of the SDK.
from __future__ import annotations

import math
import ssl
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import httpx
from pydantic import BaseModel, ValidationError

from tandem.clients.gemini_models import (
    Embeddings,
    EmbeddingTask,
    GeneratedReply,
    Said,
    TokenCount,
)
from tandem.clients.gemini_refusals import told
from tandem.clients.http import ApiCall, ProviderHttp
from tandem.errors import UpstreamError, UpstreamRejected, UpstreamUnavailable

if TYPE_CHECKING:
    from google import genai

GOOGLE_URL: Final = "https://generativelanguage.googleapis.com"
MAX_TEXTS: Final = 100

_DIMENSIONS: Final = 3_072
# Google writes each number on a line of its own, about 28 bytes; the answer must stay below 8 MiB.
_MAX_NUMBERS: Final = 200_000
_CUT: Final = frozenset({"MAX_TOKENS", "CONTINUATION"})
_CODES: Final = {"blocked": "reply_blocked", "cut": "reply_cut", "no_reply": "reply_missing"}
_REFUSED: Final = frozenset(
    {"SAFETY", "RECITATION", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII", "LANGUAGE", "MODEL_ARMOR"}
)


class GeminiClient:
    """Gemini for one key. Safe to share between requests of one event loop.

    Every call only computes, so it is repeated where `ProviderHttp` finds that useful: at most
    twice, and never once an answer has come whole, so that what was paid for is not asked again. A
    wait that Google asks for in the body is honoured like a Retry-After. A wrong key is a 400 at
    Google and an `UpstreamUnavailable` here, as with the other providers: it is about us.
    """

    def __init__(self, http: ProviderHttp, *, api_key: Callable[[], str]) -> None:
        """Takes a way to Gemini and the key.

        Args:
            http: made for provider "gemini"; its client's base URL is the host, without /v1.
            api_key: asked on every call, because the secret is refreshed while we run.
        """
        self._http = http
        self._api_key = api_key

    async def structured[M: BaseModel](  # noqa: PLR0913 - options by name
        self,
        model: str,
        contents: Sequence[Said],
        *,
        answer: type[M],
        schema: Mapping[str, Any] | None = None,
        system: str | None = None,
        max_output_tokens: int,
        timeout_seconds: float,
    ) -> M:
        """The model's answer as an instance of `answer`, complete and valid.

        Args:
            model: its id, without `models/`.
            contents: the conversation, oldest first, at least one. What others said is quoted as
                data by the caller; here it is only text.
            answer: what the answer must be.
            schema: JSON Schema to send in place of `answer`'s own.
            system: the system instruction.
            max_output_tokens: a bound on thoughts and answer together, from 1.
            timeout_seconds: for the call with its retries; Google is told it as well.

        Raises:
            UpstreamRejected: a 4xx (404: no such model); with reason `blocked` when Gemini won't
                answer this, with reason `cut` when the answer didn't fit into the bound. Asking the
                same again won't help in either case; code `reply_blocked` or `reply_cut`, as chat
                says it.
            UpstreamUnavailable: also when there is no candidate or it ended otherwise than by STOP
                (reason `no_reply`), and when the text isn't JSON of the schema (reason
                `unreadable`).
            UpstreamError: its other kinds.

        Source: captures gemini `35-sdk-direct-json-schema`, `20-error-*`, google-genai 3.3.0; for
        how replies end, its enums FinishReason and BlockedReason.

        Wire: POST /v1/models/{model}:generateContent `{"contents":[{"parts":[{"text"}],"role"}],
        "systemInstruction":{"parts":[{"text"}],"role":"user"},"generationConfig":{
        "maxOutputTokens","responseMimeType":"application/json","responseJsonSchema"}}` →
        candidates[0].content.parts[].text, candidates[0].finishReason, promptFeedback.blockReason.
        """
        call = self._call(
            "models.generate_content",
            model,
            "generateContent",
            {
                "contents": _contents(contents),
                **({"systemInstruction": _content("user", system)} if system is not None else {}),
                "generationConfig": {
                    "maxOutputTokens": max_output_tokens,
                    "responseMimeType": "application/json",
                    "responseJsonSchema": answer.model_json_schema() if schema is None else schema,
                },
            },
            timeout_seconds,
        )
        reply = await self._http.send(call, GeneratedReply, timeout_seconds=timeout_seconds)
        _check_ended_well(call, reply)
        try:
            return answer.model_validate_json(reply.text)
        except ValidationError:
            # Its message would quote the answer, and so what people said.
            raise _failure(UpstreamUnavailable, call, "unreadable") from None

    async def embed(
        self,
        model: str,
        texts: Sequence[str],
        *,
        task: EmbeddingTask | None = None,
        dimensions: int | None = None,
        timeout_seconds: float,
    ) -> list[tuple[float, ...]]:
        """One vector for each text, in their order; [] without a call when there are none.

        All or none: when one of several calls fails, so does the whole, and what came is dropped.

        Their length is 1 only at the full 3,072 dimensions; shorter ones of gemini-embedding-001
        are the beginning of the long one, to be normalised by whoever needs that.

        Args:
            model: its id, without `models/`.
            texts: none empty, of at most 2,048 tokens each (longer ones are cut by Gemini). More
                than fit into a call are sent in several, one after the other.
            task: what the vectors are for.
            dimensions: 1 to 3,072; the model's own when None.
            timeout_seconds: for all calls with their retries.

        Raises:
            UpstreamRejected: a 4xx (404: no such model, or it doesn't embed).
            UpstreamUnavailable: also when vectors are missing or have another length (reason
                `unreadable`).
            UpstreamError: its other kinds.

        Source: captures gemini `30-embed-001-single`, `31-embed-001-batch`; the bound of 100 from
        Google's refusal of more.

        Wire: POST /v1/models/{model}:batchEmbedContents `{"requests":[{"content":{"parts":[{
        "text"}],"role":"user"},"taskType","outputDimensionality","model":"models/{model}"}]}` →
        embeddings[].values. At most 100 requests a call, 65 at 3,072 dimensions.
        """
        deadline = self._http.deadline(timeout_seconds)
        options: dict[str, Any] = {"taskType": task, "outputDimensionality": dimensions}
        given = {name: value for name, value in options.items() if value is not None}
        size = max(1, min(MAX_TEXTS, _MAX_NUMBERS // (dimensions or _DIMENSIONS)))
        found: list[tuple[float, ...]] = []
        for start in range(0, len(texts), size):
            rest = self._http.remaining(deadline) if start else timeout_seconds
            requests = [
                {"content": _content("user", text), **given, "model": f"models/{model}"}
                for text in texts[start : start + size]
            ]
            call = self._call(
                "models.embed_content", model, "batchEmbedContents", {"requests": requests}, rest
            )
            answer = await self._http.send(call, Embeddings, timeout_seconds=rest)
            _check_vectors(call, answer, count=len(requests), dimensions=dimensions)
            found.extend(answer.vectors)
        return found

    async def count_tokens(
        self, model: str, contents: Sequence[Said], *, timeout_seconds: float
    ) -> int:
        """How many tokens the conversation has for this model.

        Args:
            model: its id, without `models/`.
            contents: at least one. A system instruction isn't counted: Gemini takes none here.
            timeout_seconds: for the call with its retries.

        Raises:
            UpstreamRejected: a 4xx (404: no such model).
            UpstreamError: its other kinds.

        Source: capture gemini `34-count-tokens`.

        Wire: POST /v1/models/{model}:countTokens `{"contents":[{"parts":[{"text"}],"role"}]}` →
        totalTokens.
        """
        call = self._call(
            "models.count_tokens",
            model,
            "countTokens",
            {"contents": _contents(contents)},
            timeout_seconds,
        )
        return (await self._http.send(call, TokenCount, timeout_seconds=timeout_seconds)).total

    def _call(
        self,
        operation: str,
        model: str,
        method: str,
        body: Mapping[str, Any],
        timeout_seconds: float,
    ) -> ApiCall:
        return ApiCall(
            operation,
            "POST",
            f"/v1/models/{{}}:{method}",
            ids=(model,),
            body=body,
            headers={
                # A secret that was pasted with its line end would make an illegal header.
                "x-goog-api-key": self._api_key().strip(),
                "x-server-timeout": str(max(1, math.ceil(timeout_seconds))),
            },
            retry_safe=True,
            told=told,
        )


def _content(role: str, text: str) -> dict[str, Any]:
    return {"parts": [{"text": text}], "role": role}


def _contents(said: Sequence[Said]) -> list[dict[str, Any]]:
    return [_content(one.role, one.text) for one in said]


def _check_ended_well(call: ApiCall, reply: GeneratedReply) -> None:
    if reply.block_reason or reply.finish_reason in _REFUSED:
        raise _failure(UpstreamRejected, call, "blocked", reply)
    if reply.finish_reason in _CUT:
        raise _failure(UpstreamRejected, call, "cut", reply)
    if reply.finish_reason != "STOP":
        raise _failure(UpstreamUnavailable, call, "no_reply", reply)


def _check_vectors(
    call: ApiCall, answer: Embeddings, *, count: int, dimensions: int | None
) -> None:
    lengths = {len(vector) for vector in answer.vectors}
    fits = len(lengths) == 1 and lengths != {0} and dimensions in {None, *lengths}
    if len(answer.vectors) != count or not fits:
        raise _failure(UpstreamUnavailable, call, "unreadable")


def _failure(
    kind: type[UpstreamError], call: ApiCall, reason: str, reply: GeneratedReply | None = None
) -> UpstreamError:
    error = kind(
        "gemini",
        operation=call.operation,
        status=200,
        reason=reason,
        sent=True,
        finish_reason=reply.finish_reason if reply else None,
        block_reason=reply.block_reason if reply else None,
    )
    error.code = _CODES.get(reason, error.code)
    return error


def build_genai_client(
    *,
    api_key: str,
    base_url: str | None = None,
    timeout_seconds: float,
    async_client: httpx.AsyncClient,
    sync_client: httpx.Client | None = None,
    ssl_context: ssl.SSLContext,
) -> genai.Client:
    """A `genai.Client` that uses our connections and builds no SSL context of its own.

    It makes one attempt at a call: the SDK would repeat one that is refused for now (429) without
    the wait that Google asks for.

    Args:
        api_key: for the Gemini Developer API.
        base_url: scheme and host; Google's own when None.
        timeout_seconds: for each phase of an attempt, and told to the server. The SDK ignores the
            injected client's own timeouts. It is no deadline for the whole call.
        async_client: what calls are made with; stays the caller's to close.
        sync_client: only there because the SDK would build one; made here when None.
        ssl_context: the process's one.

    Raises:
        ValueError: the SDK was given an empty key.

    Source: google-genai 3.3.0, read and captured (`01-plain-history`, `40-sdk-direct-*`).

    Wire: none yet. Later POST {base_url}/v1/models/{model}:generateContent with the headers
    `x-goog-api-key` and `x-server-timeout` (seconds).
    """
    # Costs 200 ms, which only the chat function should pay.
    from google import genai  # noqa: PLC0415
    from google.genai.types import HttpOptions, HttpRetryOptions  # noqa: PLC0415

    options = HttpOptions(
        base_url=base_url,
        api_version="v1",
        timeout=round(timeout_seconds * 1000),
        httpx_async_client=async_client,
        httpx_client=sync_client or httpx.Client(verify=ssl_context, trust_env=False),
        # Without it the SDK builds another context, for websockets that we never open.
        async_client_args={"ssl": ssl_context},
        retry_options=HttpRetryOptions(attempts=1),
    )
    return genai.Client(vertexai=False, api_key=api_key, http_options=options)
