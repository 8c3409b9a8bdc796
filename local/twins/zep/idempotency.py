"""Idempotency-Key: a write that is sent again is answered again, and done once."""

from __future__ import annotations

import hashlib
import json
import re
import time
from urllib.parse import unquote

from local.twins.server import Answer, Call, Handler, Json
from local.twins.storage import Storage
from local.twins.zep.errors import error, invalid

_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_WRITTEN = frozenset({201, 202, 204})


class Idempotency:
    """What writes were answered, for `lifetime` seconds, also over a restart.

    A key counts for one method and path. Sent again with another body it is refused with 400
    `idempotency_mismatch`: the first answer would be wrong, and after a 409 the official client
    would try twice more. Lists, searches and lookups carry a key too, but are answered afresh;
    so is what was refused or failed, since nothing was done then.
    """

    def __init__(self, store: Storage, lifetime: float) -> None:
        self._store, self._lifetime = store, lifetime

    def around(self, call: Call, handler: Handler) -> Answer:
        """Runs a write in a transaction, and once for each key."""
        if call.method == "GET":
            return handler(call)
        with self._store.transaction():
            key = call.headers.get("idempotency-key")
            known = self._remembered(call, key) if key else None
            if known:
                return known
            answer = handler(call)
            if key and _writes(call, answer):
                self._remember(call, key, answer)
            return answer

    def _remembered(self, call: Call, key: str) -> Answer | None:
        self._store.run("delete from answered where at < ?", time.time() - self._lifetime)
        row = self._store.row(
            "select status, body, digest from answered where key = ? and method = ? and path = ?",
            key,
            call.method,
            _path(call),
        )
        if row is None:
            return None
        if row["digest"] not in {None, _digest(call.body)}:
            raise invalid(
                "this Idempotency-Key came with another body before",
                "Idempotency-Key",
                "idempotency_mismatch",
            )
        return Answer(json.loads(row["body"]), row["status"])

    def _remember(self, call: Call, key: str, answer: Answer) -> None:
        self._store.insert(
            "answered",
            key=key,
            method=call.method,
            path=_path(call),
            status=answer.status,
            body=json.dumps(answer.body),
            at=time.time(),
            digest=_digest(call.body),
        )


def forget_answers(store: Storage, gone: set[str], *, bodies: bool) -> None:
    """Replaces what was answered about deleted things by a 404.

    `gone`: their uuids, looked for in the paths, and in the answers too if `bodies`. The keys stay
    known: a late repetition neither shows what is gone nor does it again. Deletions keep theirs.
    """
    refusal = error(404, "not_found", "not found")
    told = "path || body" if bodies else "path"
    for row in store.rows(
        f"select key, method, path, {told} as told from answered where method <> 'DELETE'"  # noqa: S608
    ):
        named = _UUID.findall(row["told"])
        if not gone.isdisjoint(named):
            store.run(
                "update answered set status = ?, body = ? "
                "where key = ? and method = ? and path = ?",
                refusal.status,
                json.dumps(refusal.body),
                row["key"],
                row["method"],
                row["path"],
            )


def _path(call: Call) -> str:
    """The path in one spelling: UUIDs count in any case, and percent-encoded."""
    return unquote(call.path).lower()


def _writes(call: Call, answer: Answer) -> bool:
    return answer.status in _WRITTEN or (call.method != "POST" and answer.status == 200)  # noqa: PLR2004


def _digest(body: Json) -> str:
    return hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()
