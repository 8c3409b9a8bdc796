"""Putting the endpoints that change one's memory together."""

from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING

from fastapi import APIRouter

from memory_api.changing.routes import create_changing_router
from tandem.changes.wake import ConsolidationWake
from tandem.delivery.wake import Wake

if TYPE_CHECKING:
    from memory_api.changing.wiring import Services
    from tandem.changes.ready import Parts


def wire_changing(
    parts: "Callable[[], Parts]",
    wake: Wake,
    tidy: ConsolidationWake,
    *,
    turns_per_minute: int,
    retrieval_seconds: float,
) -> APIRouter:
    """The routes that change one's memory, over these parts.

    What works behind them is imported with the first request to one of them: whoever only looks at
    their memory doesn't wait for it.
    """

    @cache
    def services() -> "Services":
        from memory_api.changing.wiring import build_services  # noqa: PLC0415

        return build_services(
            parts(),
            wake,
            tidy,
            turns_per_minute=turns_per_minute,
            retrieval_seconds=retrieval_seconds,
        )

    return create_changing_router(services)
