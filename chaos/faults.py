"""What goes wrong at the three providers, and how often it did."""

from collections import Counter
from collections.abc import Mapping
from typing import Any, Final

import httpx

SHARE: Final = 0.10
"""Of all calls, so many are struck."""
INGESTION_FAILURES: Final = 0.05
"""Of what Zep and Mem0 have taken, so much fails when they learn from it."""

KINDS: Final[Mapping[str, dict[str, Any]]] = {
    "status 500": {"kind": "status", "status": 500},
    "status 503": {"kind": "status", "status": 503, "retry_after": 1},
    "status 429": {"kind": "status", "status": 429, "retry_after": 1},
    "reset": {"kind": "reset"},
    "hang": {"kind": "hang", "milliseconds": 4_000},
    "latency": {"kind": "latency", "milliseconds": 3_000},
    "junk": {"kind": "junk"},
    "truncate": {"kind": "truncate"},
    "empty": {"kind": "empty"},
}
INGESTION: Final = "ingestion"

# Writes whose effect stays while their answer is lost, besides those that the rules above strike:
# the outcome that nobody can know.
_LOST_ANSWERS: Final[Mapping[str, tuple[dict[str, Any], ...]]] = {
    "zep": (
        {"path": "*/messages", "method": "POST", "kind": "reset", "probability": 0.05},
        {"path": "*/messages", "method": "POST", "probability": 0.02, **KINDS["status 503"]},
        {"path": "*/messages", "method": "POST", "probability": 0.02, **KINDS["hang"]},
    ),
    "mem0": (
        {"path": "/v3/memories/add/", "method": "POST", "kind": "reset", "probability": 0.10},
        {"path": "/v3/memories/add/", "method": "POST", "probability": 0.02, **KINDS["hang"]},
    ),
    "gemini": (),
}


def rules(provider: str) -> list[dict[str, Any]]:
    """All rules for a provider's twin: each kind as likely as the others, half of them after the
    effect; but who answers 429 has done nothing."""
    share = SHARE / len(KINDS)
    general = [
        {**kind, "when": when, "probability": share / len(whens)}
        for name, kind in KINDS.items()
        for whens in [("before",) if name == "status 429" else ("before", "after")]
        for when in whens
    ]
    return [{**rule, "when": "after"} for rule in _LOST_ANSWERS[provider]] + general


class Faults:
    """The rules at work in the three twins.

    Args:
        urls: where each twin is, by provider.
        seed: decides which calls are struck.
        more: rules of this run alone, by provider; they strike ahead of the others.
    """

    def __init__(
        self,
        urls: Mapping[str, str],
        *,
        seed: int,
        more: Mapping[str, list[dict[str, Any]]] | None = None,
    ) -> None:
        self._urls = urls
        self._seed = seed
        self._more = more or {}
        self._http = httpx.Client(timeout=30, trust_env=False)

    def begin(self) -> None:
        """From now on calls fail."""
        for number, provider in enumerate(self._urls):
            found = [*self._more.get(provider, []), *rules(provider)]
            seed = self._seed + 1_000 * number
            self._twin(provider, "POST", "faults", {"seed": seed, "rules": found})
            if provider != "gemini":
                self._ingestion(provider, INGESTION_FAILURES)

    def end(self) -> Mapping[str, Counter[str]]:
        """No call fails any more; returns how many did, by provider and kind."""
        struck = {}
        for provider in self._urls:
            struck[provider] = counted(self._twin(provider, "GET", "faults")["rules"])
            self._twin(provider, "DELETE", "faults")
            if provider != "gemini":
                struck[provider][INGESTION] = self._ingestion(provider, 0)["failed"]
        return struck

    def _ingestion(self, provider: str, failures: float) -> Any:
        body = {"failures": failures, "seed": self._seed}
        return self._twin(provider, "POST", "ingestion", body)

    def _twin(self, provider: str, method: str, name: str, body: Any = None) -> Any:
        url = f"{self._urls[provider]}/_twin/{name}"
        return self._http.request(method, url, json=body).raise_for_status().json()


def counted(found: list[dict[str, Any]]) -> Counter[str]:
    """Strikes by kind, from a twin's rules as it shows them; those of no strike are there too."""
    struck: Counter[str] = Counter(dict.fromkeys(KINDS, 0))
    for rule in found:
        name = rule["kind"]
        struck[f"status {rule['status']}" if name == "status" else name] += rule["struck"]
    return struck
