"""What each method must make of each fault, and where an answer is as good as an error."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from chat_api.model import ATTEMPTS
from tandem.clients.http import MAX_RETRIES
from tandem.errors import UpstreamError, UpstreamRejected
from tests.integration.clients.fault_list import Fault
from tests.integration.clients.methods import Caller
from tests.integration.clients.storm import Ended

OK: Final = 200
NOT_FOUND: Final = 404
SERVER_ERROR: Final = 500
GATEWAY_TIMEOUT: Final = 504


@dataclass(frozen=True)
class Expected:
    """How a call must end: in this error, or in an answer when it is None."""

    error: type[UpstreamError] | None
    struck: int
    status: int | None = None

    def problems(self, ended: Ended) -> Iterator[str]:
        """What is wrong, a few words each."""
        if not ended.in_time:
            yield f"took {ended.seconds:.2f} s of {ended.fault.seconds} s"
        if ended.struck != self.struck:
            yield f"struck {ended.struck} times, expected {self.struck}"
        if ended.others:
            yield f"{ended.others} requests were not struck"
        wanted = self.error or type(None)
        if type(ended.error) is not wanted:
            yield f"{ended.error!r} and not {wanted.__name__}"
        elif isinstance(ended.error, UpstreamError):
            if ended.error.provider != ended.caller.provider:
                yield f"blames {ended.error.provider}"
            # Chat's model, which goes through libraries, knows of a refusal's status alone.
            if ended.error.status != self.status and not (
                ended.caller.is_chat and self.status == 200
            ):
                yield f"says status {ended.error.status} and not {self.status}"
            if not ended.caller.is_chat:
                yield from _of_our_client(ended, ended.error)


def _of_our_client(ended: Ended, error: UpstreamError) -> Iterator[str]:
    fault = ended.fault
    if ended.attempts != ended.struck:
        yield f"told of {ended.attempts} attempts"
    reason = fault.reason if error.status == fault.status else "status"
    if error.context.get("reason") != reason or error.context.get("sent") is not True:
        yield f"says {error.context}"
    if error.retry_after_seconds != fault.retry_after:
        yield f"may be asked again after {error.retry_after_seconds} s"


_ANYTHING = "a text for a prompt may be any text, and is left out when there is nothing to tell"
_DOCUMENT = "an exported document is shaped by its caller, so any object may be one"
_REPEATED = "it was done, its answer was lost, and its repetition is told that nothing is there"
# Where it must end otherwise than by the rules below, and why.
PARTICULAR: dict[tuple[str, str], tuple[Expected, str]] = {
    ("zep.thread_context", "an empty object"): (Expected(None, 1), _ANYTHING),
    ("zep.graph_context", "an empty object"): (Expected(None, 1), _ANYTHING),
    ("zep.thread_context", "words in place of objects"): (Expected(None, 1), _ANYTHING),
    ("mem0.get_export", "an empty object"): (Expected(None, 1), _DOCUMENT),
    ("mem0.get_export", "words in place of objects"): (Expected(None, 1), _DOCUMENT),
    ("mem0.delete", "truncated when it was done"): (Expected(None, 2), _REPEATED),
    ("mem0.batch_delete", "truncated when it was done"): (
        Expected(UpstreamRejected, 2, 400),
        _REPEATED,
    ),
}


def expected(ended: Ended) -> Expected:
    """What must come of this call."""
    caller, fault = ended.caller, ended.fault
    particular = PARTICULAR.get((caller.name, fault.name))
    if particular:
        return particular[0]
    if _is_answer(caller, fault):
        return Expected(None, 1)
    return Expected(fault.error, _attempts(caller, fault), fault.status)


def _is_answer(caller: Caller, fault: Fault) -> bool:
    return (
        fault.error is None
        or (fault.answer == "missing" and caller.method.missing == "answer")
        or (fault.answer in {"empty", "object"} and caller.method.unread)
    )


def _attempts(caller: Caller, fault: Fault) -> int:
    if caller.is_chat:
        again = fault.status == SERVER_ERROR or (fault.passing and fault.status != GATEWAY_TIMEOUT)
        return ATTEMPTS if again else 1
    if caller.name == "zep.ensure_user" and fault.status == NOT_FOUND:
        return 2  # it looks for the user, and then makes one
    return 1 + MAX_RETRIES if fault.passing and caller.method.repeated else 1
