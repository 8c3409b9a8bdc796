"""What all calls to Zep share. The kinds of call are in the modules beside this one."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from tandem.clients.http import ApiCall, Method, ProviderHttp
from tandem.clients.zep_models import ZepDeletion
from tandem.errors import UpstreamRejected
from tandem.ids import ZepUuid

MAX_METADATA_KEYS: Final = 10
MAX_GRAPH_PAGE: Final = 100


def clamp(value: int, upper: int) -> int:
    """`value`, moved into 1 to `upper`."""
    return min(max(value, 1), upper)


class ZepBase:
    """The key, the way to Zep, and how a call is put together.

    Every call but one may be repeated: it only reads, deletes, or carries the caller's
    Idempotency-Key. How long Zep knows a key is not documented, so messages, which must not be in a
    thread twice, are left to a caller who looks first.
    Official clients send a key of their own with read-like POSTs too; it would do nothing there.
    """

    def __init__(self, http: ProviderHttp, *, api_key: Callable[[], str]) -> None:
        """Takes a way to Zep and the key.

        Args:
            http: made for provider "zep"; its client's base URL is Zep's host, without /api/v4.
            api_key: asked on every call, because the secret is refreshed while we run.
        """
        self._http = http
        self._api_key = api_key

    def _call(  # noqa: PLR0913 - the parts of a request
        self,
        operation: str,
        method: Method,
        path: str,
        ids: Sequence[object] = (),
        *,
        query: Mapping[str, str | int | None] | None = None,
        body: Mapping[str, Any] | None = None,
        idempotency_key: str | None = None,
        retry_safe: bool = True,
    ) -> ApiCall:
        # A secret that was pasted with its line end would make an illegal header.
        headers = {"authorization": f"Api-Key {self._api_key().strip()}"}
        if idempotency_key is not None:
            headers["idempotency-key"] = idempotency_key
        return ApiCall(
            operation,
            method,
            f"/api/v4{path}",
            ids=tuple(ids),
            query=query or {},
            body=body,
            headers=headers,
            retry_safe=retry_safe,
            empty_ok=method == "DELETE",
        )

    def _one(
        self,
        operation: str,
        method: Method,
        kind: str,
        ids: tuple[ZepUuid, ZepUuid],
        idempotency_key: str | None = None,
    ) -> ApiCall:
        path = f"/graphs/{{}}/{kind}/{{}}"
        return self._call(operation, method, path, ids, idempotency_key=idempotency_key)

    def _list(
        self,
        operation: str,
        kind: str,
        graph_uuid: ZepUuid,
        page_size: int,
        cursor: str | None,
        filters: Mapping[str, Any] | None = None,
    ) -> ApiCall:
        return self._call(
            operation,
            "POST",
            f"/graphs/{{}}/{kind}/list",
            (graph_uuid,),
            query={"page_size": clamp(page_size, MAX_GRAPH_PAGE), "cursor": cursor},
            body={"filters": filters} if filters else {},
        )

    async def _delete(self, call: ApiCall, timeout_seconds: float) -> ZepUuid | None:
        deletion = await self._http.send_or_none(call, ZepDeletion, timeout_seconds=timeout_seconds)
        return None if deletion is None else deletion.task_uuid

    def _over_limit(self, operation: str) -> UpstreamRejected:
        # Zep would answer 400, so the caller is told the same in the same way.
        return UpstreamRejected("zep", operation=operation, reason="over_limit", sent=False)
