"""What all calls to Mem0 share. The kinds of call are in the modules beside this one."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final, Protocol

from tandem.clients.http import ApiCall, Method, ProviderHttp
from tandem.errors import UpstreamRejected

_NOT_FOUND: Final = 404


class _Item(Protocol):
    @property
    def id(self) -> str: ...


class _Page[I: _Item](Protocol):
    @property
    def items(self) -> Sequence[I]: ...
    @property
    def has_next(self) -> bool: ...


class Mem0Base:
    """The key, the way to Mem0, and how a call is put together.

    Mem0 documents no idempotency key, so what makes something new is repeated only when it can't
    have been sent. Its paths end in a slash, which belongs to them.
    """

    def __init__(self, http: ProviderHttp, *, api_key: Callable[[], str]) -> None:
        """Takes a way to Mem0 and the key.

        Args:
            http: made for provider "mem0"; its client's base URL is Mem0's host.
            api_key: asked on every call, because the secret is refreshed while we run.
        """
        self._http = http
        self._api_key = api_key

    def _call(self, operation: str, method: Method, path: str, **parts: Any) -> ApiCall:
        # A secret that was pasted with its line end would make an illegal header.
        headers = {"authorization": f"Token {self._api_key().strip()}"}
        return ApiCall(operation, method, path, headers=headers, **{"retry_safe": True, **parts})

    async def _all_pages[I: _Item](
        self,
        read: Callable[[int, float], Awaitable[_Page[I]]],
        *,
        max_items: int,
        timeout_seconds: float,
    ) -> list[I]:
        """The items of all pages, each once. `read` gets a page's number and the time left.

        By number, because Mem0's `next` names its own host.
        """
        deadline = self._http.deadline(timeout_seconds)
        found: dict[str, I] = {}
        number = 1
        while len(found) < max_items:
            try:
                page = await read(number, self._http.remaining(deadline))
            except UpstreamRejected as error:
                # Pages shift when something goes in between.
                if error.status == _NOT_FOUND and number > 1:
                    break
                raise
            known = len(found)
            found.update((item.id, item) for item in page.items)
            # Nothing new: the number is not understood, and every page is the same.
            if not page.has_next or len(found) == known:
                break
            number += 1
        return list(found.values())[:max_items]
