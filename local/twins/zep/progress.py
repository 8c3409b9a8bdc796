"""Tasks as callers see them, and the control endpoint for how ingestion goes."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Any

from local.twins.server import Answer, Call, Handler
from local.twins.storage import Storage
from local.twins.zep import checks
from local.twins.zep.errors import invalid, missing
from local.twins.zep.filters import Where
from local.twins.zep.paging import Listing, each
from local.twins.zep.tasks import STATUSES, TYPES, Tasks, Terms, task_json

_MOST = 10**12
_TASKS = Listing(table="tasks", keys={"created_at": "seq"})


class Progress:
    """The handlers."""

    def __init__(self, store: Storage, tasks: Tasks) -> None:
        self._store, self._tasks = store, tasks

    def routes(self) -> list[tuple[str, str, Handler]]:
        """(method, path below /api/v4, handler)."""
        return [("GET", "/tasks", self.list), ("GET", "/tasks/{task_uuid}", self.get)]

    def control(self) -> list[tuple[str, str, Handler]]:
        """(method, path, handler)."""
        path = "/_twin/ingestion"
        return [("GET", path, self.terms), ("POST", path, self.set_terms)]

    def list(self, call: Call) -> Answer:
        """Newest first; with `status` and `type` only such."""
        asked = {"status": STATUSES, "type": TYPES}
        wanted = {name: checks.choice(call, name, allowed) for name, allowed in asked.items()
                  if name in call.query}  # fmt: skip
        where = Where("".join(f" and {name} = ?" for name in wanted), tuple(wanted.values()))
        return Answer(_TASKS.page(self._store, call, each(task_json), where))

    def get(self, call: Call) -> Answer:
        task = self._tasks.shown(checks.identifier(call, "task_uuid"))
        if not task:
            raise missing("task")
        return Answer(task)

    def terms(self, _: Call) -> Answer:
        """The terms, and how many ingestions were made to fail by them."""
        return Answer({**asdict(self._tasks.terms), "failed": self._tasks.failed})

    def set_terms(self, call: Call) -> Answer:
        """{"milliseconds", "failures", "seed"}: what is left out stays as it is."""
        self._tasks.change(_checked(replace(self._tasks.terms, **_known(call))))
        return self.terms(call)


def _known(call: Call) -> dict[str, Any]:
    checks.only(call.body, *asdict(Terms()))
    given = dict(call.body)
    for name, value in given.items():
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise invalid(f"{name} must be a number", name)
        if not abs(value) <= _MOST:
            raise invalid(f"{name} must be from {-_MOST} to {_MOST}", name)
    return given


def _checked(terms: Terms) -> Terms:
    if terms.milliseconds < 0:
        raise invalid("milliseconds must not be negative", "milliseconds")
    if not 0 <= terms.failures <= 1:
        raise invalid("failures is a share from 0 to 1", "failures")
    if not isinstance(terms.seed, int):
        raise invalid("seed must be an integer", "seed")
    return terms
