"""Which beginnings of prompts were seen: what the service's implicit cache would count."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from typing import Final

from local.twins.gemini import wire
from local.twins.server import Json

_LEAST_TOKENS: Final = 1024
_KEPT: Final = 2000


class PromptCache:
    """Hashes of the newest beginnings, never their words."""

    def __init__(self) -> None:
        self._seen: OrderedDict[str, None] = OrderedDict()

    def cached(self, body: Json, model: str) -> int:
        """The tokens of the longest beginning seen before, 0 below 1,024; keeps this one's."""
        head = [model, body.get("systemInstruction"), body.get("tools")]
        running = hashlib.sha256(wire.as_text(head).encode("utf-8", "replace"))
        counted = wire.prompt_tokens({**body, "contents": []})
        longest = 0
        for content in body["contents"]:
            running.update(wire.as_text(content).encode("utf-8", "replace"))
            counted += wire.content_tokens(content)
            key = running.hexdigest()
            if key in self._seen:
                longest = counted
            self._seen[key] = None
            self._seen.move_to_end(key)
        while len(self._seen) > _KEPT:
            self._seen.popitem(last=False)
        return longest if longest >= _LEAST_TOKENS else 0

    def clear(self) -> None:
        """Forgets everything."""
        self._seen.clear()
