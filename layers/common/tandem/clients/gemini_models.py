"""What Gemini answers, as far as Tandem uses it, and what it is told."""

from dataclasses import dataclass
from typing import Any, Literal

from tandem.clients.provider_model import ProviderModel

EmbeddingTask = Literal[
    "RETRIEVAL_QUERY",
    "RETRIEVAL_DOCUMENT",
    "SEMANTIC_SIMILARITY",
    "CLASSIFICATION",
    "CLUSTERING",
    "QUESTION_ANSWERING",
    "FACT_VERIFICATION",
    "CODE_RETRIEVAL_QUERY",
]


@dataclass(frozen=True, slots=True)
class Said:
    """One content of a conversation. Text of others is quoted by whoever makes this."""

    role: Literal["user", "model"]
    text: str


class GeneratedReply(ProviderModel):
    """The one candidate of a reply, flattened, and why there is none.

    `texts` are those of its parts, without its thoughts. `finish_reason` and `block_reason` are
    Google's words (`STOP`, `MAX_TOKENS`, `SAFETY`), None when it gave none.
    """

    texts: tuple[str, ...] = ()
    finish_reason: str | None = None
    block_reason: str | None = None

    @classmethod
    def _reshape(cls, data: dict[str, Any]) -> dict[str, Any]:
        if not data.keys() & {"candidates", "promptFeedback", "usageMetadata"}:
            raise ValueError("not a reply")
        candidate = _first(data.get("candidates"))
        parts = _object(candidate.get("content")).get("parts") or []
        if not isinstance(parts, list):
            raise ValueError("parts are a list")
        said = [_object(part) for part in parts]
        return {
            "texts": [p["text"] for p in said if p.get("text") and not p.get("thought")],
            "finish_reason": candidate.get("finishReason"),
            "block_reason": _object(data.get("promptFeedback")).get("blockReason"),
        }

    @property
    def text(self) -> str:
        """All of its text, "" when it has none."""
        return "".join(self.texts)


class Embeddings(ProviderModel):
    """One vector for each text, in the order of the texts."""

    vectors: tuple[tuple[float, ...], ...]

    @classmethod
    def _reshape(cls, data: dict[str, Any]) -> dict[str, Any]:
        listed = data.get("embeddings")
        if not isinstance(listed, list):
            raise ValueError("embeddings are a list")
        return {"vectors": [_object(one).get("values") for one in listed]}


class TokenCount(ProviderModel):
    """How many tokens a prompt has."""

    total: int

    @classmethod
    def _reshape(cls, data: dict[str, Any]) -> dict[str, Any]:
        return {"total": data.get("totalTokens")}


def _object(value: Any) -> dict[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise ValueError("not an object")
    return value


def _first(candidates: Any) -> dict[str, Any]:
    if candidates is not None and not isinstance(candidates, list):
        raise ValueError("candidates are a list")
    return _object(candidates[0]) if candidates else {}
