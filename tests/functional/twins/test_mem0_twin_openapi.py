"""What the Mem0 twin answers is what the published OpenAPI file says, but for a committed list."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import httpx

from local.twins.mem0.app import create
from local.twins.schemas import problems, resolved

CONTRACT = Path(__file__).parents[2] / "contract/captures/mem0"
SPEC: dict[str, Any] = json.loads((CONTRACT / "openapi.json").read_text())
KNOWN: list[dict[str, str]] = json.loads((CONTRACT / "disagreements.json").read_text())
LEFT_OUT = ("/api/v1/orgs/", "/api/v1/webhooks/", "/v1/stats/")
MADE = ("/v1/users/", "/v1/agents/", "/v1/apps/", "/v1/runs/")
ME = {"user_id": "test:1"}
ALL = {"AND": [ME]}
NOBODY = "11111111-1111-4111-8111-111111111111"
SCHEMA = {"type": "object", "properties": {"home": {"type": "string"}}}

Run = Callable[..., None]
Settled = Callable[..., Awaitable[dict[str, Any]]]
Seen = tuple[str, int, list[str]]
"""Operation, status, what is wrong with the answer."""


def operations() -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in SPEC["paths"].items():
        for method, operation in methods.items():
            yield method.upper(), path, operation


def served() -> set[str]:
    left_out = (*LEFT_OUT, *MADE)
    return {f"{method} {path}" for method, path, _ in operations() if not path.startswith(left_out)}


def operation_of(request: httpx.Request) -> tuple[str, dict[str, Any]] | None:
    """The one that fits best: literal parts before parameters."""
    path = request.url.raw_path.decode().split("?")[0]
    fitting = [
        (template.count("{"), f"{method} {template}", operation)
        for method, template, operation in operations()
        if method == request.method and re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", template), path)
    ]
    return min(fitting, default=None, key=lambda one: one[0])[1:] if fitting else None


def judged(request: httpx.Request, status: int, body: Any) -> Seen | None:
    found = operation_of(request)
    if found is None:
        return None
    name, operation = found
    answer = operation["responses"].get(str(status))
    if answer is None:
        return name, status, ["the status is not documented"]
    schema = resolved(answer, SPEC).get("content", {}).get("application/json", {}).get("schema")
    return name, status, problems(schema, body, root=SPEC) if schema else []


class Judge:
    """Every answer of a client, held against the file."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self.seen: list[Seen] = []
        client.event_hooks["response"].append(self._judge)

    async def _judge(self, response: httpx.Response) -> None:
        await response.aread()
        assert response.headers["content-type"] == "application/json"
        seen = judged(response.request, response.status_code, response.json())
        self.seen += [seen] if seen else []


async def say(client: httpx.AsyncClient, settled: Settled, words: str, **scope: Any) -> Any:
    body = {"messages": [{"role": "user", "content": words}], **(scope or ME)}
    added = (await client.post("/v3/memories/add/", json=body)).json()
    await client.get(f"/v1/event/{added['event_id']}/")
    event = await settled(client, f"/v1/event/{added['event_id']}/", "SUCCEEDED")
    return event["results"][0]["id"]


async def drive(client: httpx.AsyncClient, settled: Settled) -> None:
    await client.get("/v1/ping/")
    memory = await say(client, settled, "I live in Delhi")
    agents = await say(client, settled, "I like jazz", agent_id="bot")
    await say(client, settled, "I moved to Pune", run_id="r", **ME)
    said = {"messages": [{"role": "user", "content": "As it is"}], **ME}
    for path in ("/v3/memories/add/", "/v1/memories/"):
        await client.post(path, json={**said, "infer": False, "expiration_date": "2999-01-01"})
        await client.post(path, json=said)
        await client.post(path, json={"messages": said["messages"]})
    older = {**said, "output_format": "v1.1", "version": "v2"}
    await client.post("/v1/memories/", json=older)
    rain = [{"role": "user", "content": "I like rain"}]
    await client.post("/v1/memories/", json={**older, "messages": rain, "async_mode": False})
    await searches(client)
    await lists(client)
    await one_memory(client, memory, agents)
    await exports(client, settled, memory)
    await entities(client)
    await refusals_without_a_key(client)


async def searches(client: httpx.AsyncClient) -> None:
    everyone = {"OR": [ME, {"agent_id": "bot"}]}
    for version in ("v3", "v2"):
        path = f"/{version}/memories/search/"
        await client.post(path, json={"query": "Delhi", "filters": everyone, "threshold": 0})
    await client.post("/v3/memories/search/", json={"query": "Delhi"})
    await client.post("/v1/memories/search/", json={"query": "Delhi", **ME})
    await client.post("/v1/memories/search/", json={"query": "jazz", "agent_id": "bot"})
    await client.post("/v1/memories/search/", json={"query": "x", **ME, "output_format": "v1.1"})
    await client.post("/v1/memories/search/", json={"query": "x"})


async def lists(client: httpx.AsyncClient) -> None:
    await client.post("/v3/memories/?page_size=1&page=2", json={"filters": ALL})
    await client.post("/v3/memories/", json={"filters": {}})
    await client.post("/v2/memories/", json={"filters": ALL})
    await client.post("/v2/memories/", json={"filters": {"NOT": ME}})
    for query in (ME, {**ME, "page": 1, "page_size": 1}, {}, {**ME, "limit": 201}):
        await client.get("/v1/memories/", params=query)
    await client.get("/v1/memories/", params={**ME, "page": 9, "page_size": 9})
    for kind, page in (("user", 1), ("team", 1), ("user", 9)):
        await client.get(f"/v1/memories/{kind}/test%3A1/?page={page}")
    for page in (1, 9):
        await client.get(f"/v1/memories/events/?page={page}")
    await client.get("/v1/events/")


async def one_memory(client: httpx.AsyncClient, memory: str, agents: str) -> None:
    for asked in (memory, "nope", NOBODY):
        await client.get(f"/v1/memories/{asked}/")
        await client.put(f"/v1/memories/{asked}/", json={"text": "Lives in Goa"})
    await client.get(f"/v1/memories/{memory}/history/")
    await client.get(f"/v1/memories/{agents}/history/")
    await client.get(f"/v1/event/{NOBODY}/")
    for feedback in ("POSITIVE", None, "GOOD"):
        await client.post("/v1/feedback/", json={"memory_id": memory, "feedback": feedback})
    many = [{"memory_id": str(uuid.uuid4())} for _ in range(1001)]
    changed = {"memory_id": memory, "text": "Lives in Agra"}
    for memories in ([changed], many):
        await client.put("/v1/batch/", json={"memories": memories})
    for asked in (memory, "nope", NOBODY):
        await client.delete(f"/v1/memories/{asked}/?delete_linked=true")
    for memories in ([{"memory_id": agents}], many):
        await client.request("DELETE", "/v1/batch/", json={"memories": memories})


async def exports(client: httpx.AsyncClient, settled: Settled, memory: str) -> None:
    asked = await client.post("/v1/exports/", json={"schema": SCHEMA, "filters": ALL})
    await client.post("/v1/exports/", json={"filters": ALL})
    await client.post("/v1/exports/", json={"schema": SCHEMA, "filters": ME})
    for body in ({"memory_export_id": asked.json()["id"]}, {"memory_export_id": memory}, {}):
        await client.post("/v1/exports/get/", json=body)
    await say(client, settled, "I like tea")
    await client.post("/v1/exports/get/", json={"filters": ME})
    await client.post("/v1/summary/", json={"filters": ME})


async def entities(client: httpx.AsyncClient) -> None:
    listed = (await client.get("/v1/entities/")).json()["results"]
    await client.get("/v1/entities/filters/")
    await client.get("/v2/entities/user/test%3A1/")
    for number in (listed[0]["id"], "x"):
        await client.delete(f"/v1/entities/user/{number}/")
    await client.delete("/v1/memories/", params=ME)
    for kind in ("user", "team"):
        await client.delete(f"/v2/entities/{kind}/test%3A1/")


async def refusals_without_a_key(client: httpx.AsyncClient) -> None:
    client.headers["authorization"] = ""
    await client.get("/v1/ping/")
    for path in ("/v3/memories/", "/v3/memories/add/", "/v3/memories/search/", "/v1/feedback/"):
        await client.post(path, json={})


def test_every_answer_is_as_documented_but_for_the_known_disagreements(
    run: Run, settled: Settled
) -> None:
    seen: list[Seen] = []

    async def scenario(client: httpx.AsyncClient) -> None:
        judge = Judge(client)
        await drive(client, settled)
        seen.extend(judge.seen)

    run(create(data=None, ingestion_ms=20), scenario, authorization="Token test-key")
    used: set[int] = set()
    wrong = []
    for operation, status, found in seen:
        for problem in found:
            fitting = [
                number
                for number, entry in enumerate(KNOWN)
                if (entry["operation"], entry["status"]) == (operation, str(status))
                and re.search(entry["problem"], problem)
            ]
            used.update(fitting)
            wrong += [] if fitting else [f"{operation} {status}: {problem}"]
    assert not wrong, "\n".join(wrong)
    assert [KNOWN[number] for number in range(len(KNOWN)) if number not in used] == []
    assert all(len(entry["reason"]) > 20 for entry in KNOWN)
    driven = {(operation, status) for operation, status, _ in seen}
    assert served() - {operation for operation, _ in driven} == set()
    documented = {
        (f"{method} {path}", int(status))
        for method, path, operation in operations()
        for status in operation["responses"]
        if f"{method} {path}" in served()
    }
    assert documented - driven == set()


def test_what_is_documented_and_left_out_says_so(run: Run) -> None:
    async def scenario(client: httpx.AsyncClient) -> None:
        asked = 0
        for method, template, _ in operations():
            if not template.startswith((*LEFT_OUT, *MADE)):
                continue
            path = re.sub(r"\{\w+\}", "x", template)
            answer = await client.request(method, path, json={} if method != "GET" else None)
            assert (answer.status_code, set(answer.json())) == (501, {"detail"}), path
            asked += 1
        assert asked > 20

    run(create(data=None, ingestion_ms=1), scenario, authorization="Token test-key")
