"""Which route answers a request."""

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import unquote

from local.resources import Route


@dataclass(frozen=True)
class Match:
    """A route and the values of its path variables."""

    route: Route
    path_parameters: dict[str, str]


def within_stage(raw_path: str, stage: str) -> str | None:
    """The path that routes are matched with, or None when it is not of this stage.

    Documented: `$default` serves from the root; any other stage is the first segment.
    """
    if stage == "$default":
        return raw_path
    prefix = f"/{stage}"
    if raw_path == prefix:
        return "/"
    return raw_path.removeprefix(prefix) if raw_path.startswith(f"{prefix}/") else None


def choose(routes: Sequence[Route], method: str, path: str) -> Match | None:
    """The most specific route, or None.

    Documented: a full match, then a greedy one, then `$default`. Observed by others: the exact
    method before ANY, then the leftmost literal segment. There is no 405, and HEAD is not GET.
    """
    found = [
        (_rank(route), match)
        for route in routes
        if route.path == "$default" or route.method in (method, "ANY")
        if (match := _match(route, path)) is not None
    ]
    return min(found, key=lambda pair: pair[0])[1] if found else None


def _match(route: Route, path: str) -> Match | None:
    if route.path == "$default":
        return Match(route, {})
    wanted, given = _segments(route.path), _segments(path)
    parameters: dict[str, str] = {}
    for position, segment in enumerate(wanted):
        if segment.endswith("+}"):
            # Observed by others: a greedy variable needs at least one segment.
            rest = "/".join(given[position:])
            return Match(route, {**parameters, segment[1:-2]: unquote(rest)}) if rest else None
        if position >= len(given):
            return None
        if segment.startswith("{"):
            # Unverified on AWS: an empty segment is no value.
            if not given[position]:
                return None
            parameters[segment[1:-1]] = unquote(given[position])
        elif segment != unquote(given[position]):
            return None
    return Match(route, parameters) if len(wanted) == len(given) else None


def _segments(path: str) -> list[str]:
    return path.removeprefix("/").split("/")


def _rank(route: Route) -> tuple[bool, bool, bool, tuple[bool, ...]]:
    segments = _segments(route.path)
    return (
        route.path == "$default",
        segments[-1].endswith("+}"),
        route.method == "ANY",
        tuple(segment.startswith("{") for segment in segments),
    )
