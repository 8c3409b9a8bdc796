"""What a failed call to a store says: whether it had an effect, and what it is about."""

from typing import Final

import httpx

from tandem.errors import UpstreamError, UpstreamRejected

REFUSALS: Final = frozenset({400, 413, 422})
"""Answers that are about the words themselves. A thread that is gone (404) or busy (409) says
nothing about them and is tried again."""

_OURS: Final = frozenset({"budget", "held"})


def had_no_effect(error: UpstreamError) -> bool:
    """Whether the store has surely done nothing: it refused, or the call never reached it."""
    status = error.status
    refused = status is not None and httpx.codes.is_client_error(status)
    return error.context.get("sent") is False or (refused and status != httpx.codes.REQUEST_TIMEOUT)


def is_about_the_words(error: UpstreamError) -> bool:
    """Whether the same words would be refused again. Of some our client knows that without asking;
    anything else that it can't send is about our key or address."""
    return isinstance(error, UpstreamRejected) and (
        error.status in REFUSALS or error.context.get("reason") == "over_limit"
    )


def is_gone(error: UpstreamError) -> bool:
    """Whether the store doesn't know what it was asked for (any more)."""
    return error.status == httpx.codes.NOT_FOUND


def is_held_back(error: UpstreamError) -> bool:
    """Whether we held the call back ourselves for others' sake, which says nothing against the
    store."""
    return error.context.get("reason") in _OURS
