"""A whole stack, with people in it who have an account without ever having signed up."""

import secrets
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Literal
from urllib.parse import urlsplit
from uuid import UUID, uuid4

import httpx
import jwt
import pg8000.native

from evaluation.report import EvaluationError
from evaluation.sets import Side
from local.person import until
from local.stack import Stack

JudgeMode = Literal["labels", "rules", "same", "off"]

_STAGE: Final = "dev"
_AT_ONCE: Final = 4
_RUN_SECONDS: Final = 600.0
_ENVIRONMENT: Final = {"TURNS_PER_MINUTE": "100000", "INGESTION_POLL_SECONDS": "0.2"}


@dataclass(frozen=True)
class Someone:
    """A person with a live login.

    Attributes:
        name: what the stores call them.
        token: goes with their calls.
    """

    account_id: UUID
    name: str
    token: str


class World:
    """The stack as the evaluation sees it: the API, both stores, the judge and the ledger."""

    def __init__(self, stack: Stack, *, key: str) -> None:
        self.stack = stack
        self._key = key
        self.api = httpx.Client(base_url=stack.url, timeout=60, trust_env=False)
        self._twins = httpx.Client(timeout=60, trust_env=False)

    def close(self) -> None:
        """Ends the connections."""
        self.api.close()
        self._twins.close()

    # ------------------------------------------------------------------ people

    def people(self, count: int) -> list[Someone]:
        """So many new people, each logged in."""
        accounts, logins = ([uuid4() for _ in range(count)] for _ in range(2))
        self.rows(
            "insert into accounts (id, user_id, email, password_hash)"
            " select a, 'u-' || a, a || '@example.test', '' from unnest(cast(:ids as uuid[])) a",
            ids=accounts,
        )
        self.rows(
            "insert into logins (id, account_id, expires_at)"
            " select l.id, l.account_id, now() + interval '1 day'"
            " from unnest(cast(:logins as uuid[]), cast(:ids as uuid[])) l (id, account_id)",
            logins=logins,
            ids=accounts,
        )
        return [
            Someone(account, f"{_STAGE}:{account}", self._token(account, login))
            for account, login in zip(accounts, logins, strict=True)
        ]

    def _token(self, account: UUID, login: UUID) -> str:
        now = datetime.now(UTC)
        claims = {
            "sub": str(account),
            "sid": str(login),
            "jti": uuid4().hex,
            "iat": now,
            "nbf": now,
            "exp": now + timedelta(hours=1),
            "iss": "tandem",
            "aud": "tandem-api",
            "typ": "access",
        }
        return jwt.encode(claims, self._key, algorithm="HS256")

    def call(self, someone: Someone, method: str, path: str, body: Any = None) -> Any:
        """The JSON of the API's answer.

        Raises:
            EvaluationError: it was no success.
        """
        headers = {"authorization": f"Bearer {someone.token}"}
        answer = self.api.request(method, path, json=body, headers=headers)
        if not answer.is_success:
            raise EvaluationError(f"{method} {path} was answered {answer.status_code}")
        return answer.json() if answer.content else None

    def consolidate(self, someone: Someone) -> dict[str, Any]:
        """One run, waited for until it is over."""
        answer: dict[str, Any] = self.call(someone, "POST", "/api/memory/consolidate", {})
        if answer["status"] == "running":
            path = f"/api/memory/consolidations/{answer['run_id']}"
            until(
                lambda: self.call(someone, "GET", path)["status"] != "running",
                "the run is over",
                within_seconds=_RUN_SECONDS,
            )
            answer = self.call(someone, "GET", path)
        if answer["status"] != "done":
            raise EvaluationError(f"a run ended as {answer['status']}")
        return answer

    # ------------------------------------------------------------------ the stores and the judge

    def remember(self, someone: Someone, side: Side) -> str:
        """Puts a statement into Mem0 word for word, with its evidence time; returns its id."""
        body: dict[str, Any] = {
            "messages": [{"role": "user", "content": side.text}],
            "user_id": someone.name,
            "infer": False,
        }
        if side.said_at is not None:
            body["timestamp"] = int(side.said_at.timestamp())
            body["metadata"] = {"said_at": side.said_at.isoformat()}
        [made] = self.mem0("POST", "/v3/memories/add/", json=body)["results"]
        return str(made["id"])

    def visible(self, someone: Someone) -> set[str]:
        """Ids of the memories that Mem0 lists."""
        body, page = {"filters": {"user_id": someone.name}}, 1
        found: set[str] = set()
        while True:
            path = f"/v3/memories/?page={page}&page_size=200"
            answer = self.mem0("POST", path, json=body)
            found |= {memory["id"] for memory in answer["results"]}
            if not answer["next"]:
                return found
            page += 1

    def mem0(self, method: str, path: str, **request: Any) -> Any:
        """One call to Mem0's twin."""
        headers = {"authorization": "Token test-key"}
        return self._asked(method, f"{self.stack.mem0_url}{path}", headers=headers, **request)

    def judge(self, mode: JudgeMode, pairs: Iterable[tuple[str, str, str]] = ()) -> None:
        """How the stand-in for Gemini judges from now on; pairs are (a, b, relation)."""
        body: dict[str, Any] = {"mode": mode}
        if mode == "labels":
            body |= {
                "pairs": [{"a": a, "b": b, "relation": label} for a, b, label in pairs],
                "otherwise": "distinct",
            }
        self.gemini_control("POST", "judge", body)

    def meanings(self, groups: Iterable[Collection[str]]) -> None:
        """Which texts are given the same place by embeddings from now on; others by their words."""
        self.gemini_control("POST", "meanings", {"groups": [sorted(group) for group in groups]})

    def gemini_control(self, method: str, name: str, body: Any = None) -> Any:
        """One call to what steers the stand-in for Gemini."""
        return self._asked(method, f"{self.stack.gemini_url}/_twin/{name}", json=body)

    def _asked(self, method: str, url: str, **request: Any) -> Any:
        answer = self._twins.request(method, url, **request)
        if not answer.is_success:
            raise EvaluationError(f"{method} {answer.url.path} was answered {answer.status_code}")
        return answer.json() if answer.content else None

    # ------------------------------------------------------------------ the ledger

    def rows(self, sql: str, **parameters: Any) -> list[list[Any]]:
        """What a statement returns, on a connection of its own."""
        parts = urlsplit(self.stack.database_url)
        connection = pg8000.native.Connection(
            user=parts.username or "",
            password=parts.password,
            host=parts.hostname or "",
            port=parts.port or 0,
            database=parts.path[1:],
        )
        try:
            return [list(row) for row in connection.run(sql, **parameters) or ()]
        finally:
            connection.close()


@contextmanager
def world(**options: Any) -> Iterator[World]:
    """A fresh stack for as long as the block lasts."""
    key = secrets.token_urlsafe(48)
    environment = _ENVIRONMENT | options.pop("extra_environment", {})
    with Stack(secret={"SECRET_KEY": key}, extra_environment=environment, **options) as stack:
        made = World(stack, key=key)
        try:
            yield made
        finally:
            made.close()


def each[A, B](work: Callable[[A], B], of: Sequence[A]) -> list[B]:
    """What the work makes of each, in their order; a few at a time, as the API allows."""
    with ThreadPoolExecutor(max_workers=_AT_ONCE) as pool:
        return list(pool.map(work, of))
