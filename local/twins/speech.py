"""Facts spoken back to the person: "Lives in Delhi" → "you live in Delhi"."""

from __future__ import annotations

import re

from local.twins import verbs

_TO_YOU = {"is": "are", "was": "were", "has": "have", "cannot": "cannot", "does": "do"}
_MY = re.compile(r"\bmy\b", re.IGNORECASE)


def to_you(text: str) -> str:
    """A fact's text in the second person, without capital and full stop."""
    words = _MY.sub("your", text.strip().rstrip("."))
    first, _, rest = words.partition(" ")
    verb = _second(first.lower())
    if first.lower() == "no":
        kind, _, tail = rest.partition(" ")
        after, _, more = tail.partition(" ")
        return f"you no {kind} {_second(after.lower()) or after} {more}".strip()
    if first.lower() in {"used", "gave", "grew", "graduated"}:
        return f"you {first.lower()} {rest}"
    if verb:
        return f"you {verb} {rest}".strip()
    return f"your {first.lower()} {rest}".strip()


def once(text: str) -> str:
    """A fact that is over: "Lives in Delhi" → "you used to live in Delhi"."""
    first, _, rest = text.strip().rstrip(".").partition(" ")
    base = verbs.BASE_OF_THIRD.get(first.lower())
    if not base:
        return to_you(text)
    return f"you used to {'be' if base == 'am' else base} {rest}"


def sentence(text: str) -> str:
    """With capital and full stop."""
    return text[:1].upper() + text[1:] + "."


def listed(parts: list[str]) -> str:
    """ "a", "a and b", "a, b and c"."""
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"


def together(texts: list[str]) -> str:
    """Several facts in one sentence; those that begin alike are joined into a list."""
    groups: dict[str, list[str]] = {}
    for text in texts:
        spoken = to_you(text)
        found = re.match(r"(you (?:no longer |do not |are (?:allergic to )?)?\w+) (.+)$", spoken)
        head, tail = (found[1], found[2]) if found else (spoken, "")
        tails = groups.setdefault(head, [])
        if tail not in tails:
            tails.append(tail)
    said = [f"{head} {listed(tails)}".strip() for head, tails in groups.items()]
    return sentence(listed(said) if len(said) < 3 else "; ".join(said))  # noqa: PLR2004


def _second(verb: str) -> str | None:
    return _TO_YOU.get(verb) or verbs.BASE_OF_THIRD.get(verb)
