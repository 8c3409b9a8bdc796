"""Putting the endpoints of consolidation and of conflicts together."""

from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING

from fastapi import APIRouter

from memory_api.consolidation.routes import create_router

if TYPE_CHECKING:
    from memory_api.consolidation.service import Services
    from tandem.changes.ready import Parts


def wire_consolidation(parts: "Callable[[], Parts]") -> APIRouter:
    """The routes of consolidation and of conflicts, over these parts.

    What works behind them is imported with the first request to one of them: whoever only looks at
    their memory doesn't wait for it.
    """

    @cache
    def services() -> "Services":
        from memory_api.consolidation.serving import build_services  # noqa: PLC0415

        return build_services(parts())

    return create_router(services)
