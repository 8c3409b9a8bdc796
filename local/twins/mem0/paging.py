"""Pages by number: `count`, `next`, `previous`, `results`, with absolute addresses."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, urlencode

from local.twins.mem0.errors import refused
from local.twins.server import Call, Json


class Page(NamedTuple):
    """Which part of a list is asked for."""

    number: int
    size: int

    @property
    def first(self) -> int:
        """How many items come before."""
        return (self.number - 1) * self.size


def asked(call: Call, *, size: int = 100, most: int = 200, name: str = "page_size") -> Page:
    """`page` and `page_size` of the query, or else of the body.

    Raises:
        Refusal: 404 for no page number, 400 for a size out of bounds.
    """
    given = call.query.get("page") or call.body.get("page")
    number = counted(1 if given is None else given)
    if number is None:
        raise _no_page()
    given = call.query.get(name, call.body.get(name))
    wanted = counted(size if given is None else given)
    if wanted is None or wanted > most:
        raise refused(f"{name} must be 1 to {most}")
    return Page(number, wanted)


def counted(given: Any) -> int | None:
    """A number from 1 on, which may be written as text; None for anything else."""
    written = "" if isinstance(given, bool) else str(given)
    return int(written) if re.fullmatch(r"0*[1-9]\d{0,8}", written, re.ASCII) else None


def page(
    call: Call, wanted: Page, count: int, read: Callable[[Page], list[Any]], *, name: str | None
) -> Json:
    """One page with its envelope. `name`: what the size is called in addresses; None leaves it out.

    Raises:
        Refusal: 404 for a page after the last.
    """
    if wanted.first and wanted.first >= count:
        raise _no_page()

    def address(number: int) -> str:
        sized = {} if name is None else {name: str(wanted.size)}
        place, _, asked_for = call.url.partition("?")
        own = {"page": str(number), **sized}
        kept = [pair for pair in parse_qsl(asked_for) if pair[0] not in own]
        return f"{place}?{urlencode([*kept, *own.items()])}"

    return {
        "count": count,
        "next": address(wanted.number + 1) if wanted.first + wanted.size < count else None,
        "previous": address(wanted.number - 1) if wanted.number > 1 else None,
        "results": read(wanted),
    }


def _no_page() -> Exception:
    return refused("Invalid page.", status=404, key="detail")
