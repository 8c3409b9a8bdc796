"""What a generateContent request holds: evidence, tool results, and the person's last words."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Any

from local.twins.rules import extract
from local.twins.server import Json

_BLOCK = re.compile(r"^<evidence>[ ]*\n(.*?)^</evidence>\s*", re.DOTALL | re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Item:
    """One statement about the person, in the form of a fact's text."""

    text: str
    said_at: str
    """When it was said, else from when it holds; "" when neither is known."""
    valid_from: str | None
    valid_to: str | None
    store: str = ""
    id: str = ""
    source: str = ""
    """The sentence in which it was said, as far as that is told."""


@dataclass(slots=True)
class Situation:
    """The parts of a request that a reply by rule depends on."""

    message: str = ""
    items: list[Item] = field(default_factory=list)
    searched: bool = False
    """Tool results follow the person's words."""
    notes: list[str] = field(default_factory=list)
    """What the caller says has been done."""
    conflict: tuple[str, str] | None = None
    """Two statements that can't both hold."""


def read(body: Json) -> Situation:
    """Reads a request; earlier turns of the conversation are left out of account."""
    found = Situation()
    turns = [turn for turn in body.get("contents") or [] if isinstance(turn, dict)]
    words: list[str] = []
    for turn in turns:
        parts = [part for part in turn.get("parts") or [] if isinstance(part, dict)]
        if turn.get("role") == "model":
            called = any("functionCall" in part for part in parts)
            if not called:
                words, found = [], Situation()
            continue
        texts = [part["text"] for part in parts if isinstance(part.get("text"), str)]
        if texts:
            words.extend(texts)
            found.searched = False
        for part in parts:
            if isinstance(part.get("functionResponse"), dict):
                found.searched = True
                found.items.extend(_found(part["functionResponse"]))
    _take_words(found, words)
    return found


def _take_words(found: Situation, words: list[str]) -> None:
    """The last text is the person's own. Evidence stands in the text right before it; what the
    person wrote themselves is never evidence, whatever it looks like."""
    if not words:
        return
    if len(words) > 1:
        block = _BLOCK.search(words[-2])
        for line in _lines(block[1]) if block else []:
            _take_line(found, line)
    found.message = words[-1].strip()


def _take_line(found: Situation, line: Any) -> None:
    """An item, a note or a conflict; of several conflicts the last."""
    found.items.extend(_items(line))
    if not isinstance(line, dict):
        return
    if isinstance(line.get("note"), str):
        found.notes.append(line["note"])
    sides = line.get("conflict")
    if isinstance(sides, dict):
        texts = [
            side.get("text")
            for side in (sides.get("first"), sides.get("second"))
            if isinstance(side, dict)
        ]
        if len(texts) == 2 and all(isinstance(text, str) for text in texts):  # noqa: PLR2004
            found.conflict = (str(texts[0]), str(texts[1]))


def _lines(block: str) -> list[Any]:
    lines: list[Any] = []
    for line in block.split("\n"):
        try:
            lines.append(json.loads(line))
        except ValueError:
            continue
    return lines


def _found(response: Json) -> list[Item]:
    listed = _listed(response)
    return [item for raw in listed or [] for item in _items(raw)]


def has_items(response: Json) -> bool:
    """Whether a tool's result is a list of items, be it an empty one."""
    return _listed(response) is not None


def _listed(response: Json) -> list[Any] | None:
    """The items of a tool's result: a string with {"items": [...]}, or that object itself."""
    result: Any = (response.get("response") or {}).get("result")
    if isinstance(result, str):
        try:
            result = json.loads(result)
        except ValueError:
            return None
    listed = result.get("items") if isinstance(result, dict) else None
    return listed if isinstance(listed, list) else None


def _items(raw: Any) -> list[Item]:
    """A stored fact or memory as it is; what is pending is understood first."""
    if not isinstance(raw, dict) or not isinstance(raw.get("text"), str):
        return []
    if raw.get("kind") == "entity":
        return []
    texts, source = [raw["text"]], raw.get("source")
    if raw.get("store") == "pending":
        texts, source = [fact.text for fact in extract(raw["text"])], raw["text"]
    spoken = source if isinstance(source, str) else ""
    since, until = _stamp(raw, "valid_from"), _stamp(raw, "valid_to")
    said = _stamp(raw, "said_at") or since or ""
    store, name = str(raw.get("store", "")), str(raw.get("id", ""))
    return [Item(text, said, since, until, store, name, spoken) for text in texts]


def _stamp(raw: Json, name: str) -> str | None:
    """A time; junk in its place counts as none."""
    found = raw.get(name)
    return found if isinstance(found, str) and found else None
