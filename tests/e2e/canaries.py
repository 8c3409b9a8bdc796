"""Words that occur nowhere else, and where they turn up."""

import base64
import secrets
from collections.abc import Iterable

import httpx

from local.stack import Stack


class Canaries:
    """Makes a canary for each field that somebody can fill, and finds them again.

    Each is of letters and digits alone, so that no quoting changes it; it is also looked for in
    other case, in hex and in base64, wherever in the encoded text it stands.
    """

    def __init__(self) -> None:
        self._words: dict[str, str] = {}

    def new(self, field: str, *, characters: int = 0) -> str:
        """A fresh one for this field, padded to a length where one is needed."""
        word = f"canary{field}{secrets.token_hex(8)}"
        self._words[f"{field} {len(self._words)}"] = word
        return word + secrets.token_hex(characters)[: max(0, characters - len(word))]

    def known(self, field: str, value: str) -> str:
        """Watches for a value that somebody else made, such as a token."""
        self._words[f"{field} {len(self._words)}"] = value
        return value

    def found_in(self, text: str) -> set[str]:
        """The fields whose canary is in the text."""
        lower = text.lower()
        return {
            field
            for field, word in self._words.items()
            if word.lower() in lower
            or word.encode().hex() in lower
            or any(part in text for part in _in_base64(word))
        }

    def __len__(self) -> int:
        return len(self._words)


def _in_base64(word: str) -> Iterable[str]:
    """What of its base64 is the same whatever stands before and behind it, url-safe or not."""
    for offset in range(3):
        encoded = base64.b64encode(b"\0" * offset + word.encode()).rstrip(b"=")
        # The first characters depend on what stands before, the last ones on what follows.
        inner = encoded[4 if offset else 0 : -4].decode()
        yield inner
        yield inner.replace("+", "-").replace("/", "_")


def outputs_of(stack: Stack) -> dict[str, str]:
    """What every process of the stack has written, PostgreSQL too, by name."""
    outputs = {path.stem: path.read_text(errors="replace") for path in stack.log_dir.glob("*.log")}
    assert stack.postgres is not None
    outputs["postgres"] = stack.postgres.log_path.read_text(errors="replace")
    return outputs


def shown_by(answer: httpx.Response) -> str:
    """All that an answer shows: status line, headers and body."""
    head = "\n".join(f"{name}: {value}" for name, value in answer.headers.multi_items())
    return f"{answer.status_code}\n{head}\n{answer.text}"
