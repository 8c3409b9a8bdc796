"""Routes of the memory."""

from typing import Annotated

from fastapi import APIRouter, Query

from memory_api.schemas import MemoryRequest, MemoryResponse, SearchRequest, SearchResponse
from memory_api.service import MemoryService, Search, ViewQuery
from tandem.web import Caller


def create_router(service: MemoryService) -> APIRouter:
    """The routes under `/api/memory`."""
    router = APIRouter(prefix="/api/memory")

    @router.get("")
    async def view(principal: Caller, query: Annotated[MemoryRequest, Query()]) -> MemoryResponse:
        page = await service.view(principal, ViewQuery(**dict(query)))
        return MemoryResponse(
            entities=page.entities,
            facts=page.facts,
            pending=page.pending,
            degraded=page.degraded,
            next_cursor=page.next_cursor,
            context=page.context,
        )

    @router.post("/search")
    async def search(principal: Caller, body: SearchRequest) -> SearchResponse:
        found = await service.search(principal, Search(**dict(body)))
        return SearchResponse(items=found.items, degraded=found.degraded)

    return router
