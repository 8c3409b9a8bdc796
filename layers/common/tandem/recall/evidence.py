"""What is remembered, as the model gets it: quoted data that can't be taken for anything else."""

import json
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from tandem.recall.items import RecalledItem

# JSON leaves these as they stand. `<` could close the block; the rest could end a line, hide text
# or not be sendable at all.
_ESCAPED: Final = re.compile(
    "[<\\x7f-\\x9f\\u200b\\u200e\\u200f\\u2028\\u2029\\u202a-\\u202e\\u2060-\\u2069\\ufeff"
    "\\ud800-\\udfff]"
)


def evidence_block(
    items: Sequence[RecalledItem],
    *,
    more: Sequence[str] = (),
    sources: Mapping[str, str] | None = None,
) -> str:
    """The items between `<evidence>` and `</evidence>`, one JSON object a line, in this order.

    No line can contain `<` or break in two, so nothing inside can end the block. Empty when there
    is nothing to tell.

    Args:
        more: lines to stand before the items, from `note_line` and `conflict_line`.
        sources: by item id, the sentence in which the person said it.
    """
    known = sources or {}
    lines = [*more, *(evidence_line(item, source=known.get(item.id)) for item in items)]
    if not lines:
        return ""
    return "\n".join(["<evidence>", *lines, "</evidence>"])


def evidence_line(item: RecalledItem, *, source: str | None = None) -> str:
    """One item as it stands in the block, with the sentence in which the person said it."""
    described = _described(item)
    return quoted_json(described if source is None else described | {"source": source})


def source_cost(sentence: str) -> int:
    """About how many tokens a line costs more with this source."""
    return len(quoted_json({"source": sentence}).encode()) // 4 + 1


def note_line(note: str) -> str:
    """Something that plain code has found out or done, in words of ours."""
    return quoted_json({"note": note})


def conflict_line(first: RecalledItem, second: RecalledItem) -> str:
    """Two statements that can't both hold, for the person to say which does."""
    return quoted_json({"conflict": {"first": _described(first), "second": _described(second)}})


def tool_answer(items: Sequence[RecalledItem]) -> str:
    """What a tool found, as the model gets it: one JSON object, `{"items": […]}`."""
    return quoted_json({"items": [_described(item) for item in items]})


def _described(item: RecalledItem) -> dict[str, str | None]:
    return {
        "id": item.id,
        "store": item.store,
        "kind": item.kind,
        "text": item.text,
        "said_at": _moment(item.last_confirmed_at),
        "valid_from": _moment(item.valid_from),
        "valid_to": _moment(item.valid_to),
    }


def _moment(value: datetime | None) -> str | None:
    if value is None:
        return None
    # To the microsecond: of two statements in one second the model must see which was later.
    return value.astimezone(UTC).isoformat().replace("+00:00", "Z")


def quoted_json(value: Any) -> str:
    """`value` as one line of JSON that no block or line can be broken out of, nor text hidden in.

    It holds no `<`, no line end and no character that hides or turns text around.
    """
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return _ESCAPED.sub(lambda match: f"\\u{ord(match.group()):04x}", text)
