"""Entities, batches, feedback and deletions by scope of the Mem0 twin."""

from __future__ import annotations

import uuid
from typing import Any

import httpx

from local.twins.mem0.app import create
from tests.functional.twins.mem0_talk import KEY, ME, Run, Settled, found, kept, listed

NOBODY = "11111111-1111-4111-8111-111111111111"


async def done(client: httpx.AsyncClient, settled: Settled, answer: httpx.Response) -> None:
    assert answer.status_code == 200, answer.text
    await settled(client, f"/v1/event/{answer.json()['event_id']}/", "SUCCEEDED")


def test_entities_come_with_their_memories_and_go_when_deleted(run: Run, settled: Settled) -> None:
    async def scenario(client: httpx.AsyncClient) -> None:
        odd = "a/b c?d"
        await kept(client, "Likes tea", user_id=odd, agent_id="bot", app_id="web", run_id="r1")
        await kept(client, "Likes jazz", user_id="b", run_id="r2")
        page = (await client.get("/v1/entities/")).json()
        assert [(one["type"], one["name"]) for one in page["results"]] == [
            ("user", odd), ("agent", "bot"), ("app", "web"), ("run", "r1"), ("user", "b"),
            ("run", "r2"),
        ]  # fmt: skip
        totals = {name: page[f"total_{name}"] for name in ("users", "agents", "apps", "runs")}
        assert totals == {"users": 2, "agents": 1, "apps": 1, "runs": 2}
        (one,) = (await client.get("/v2/entities/user/a%2Fb%20c%3Fd/")).json()
        assert one == page["results"][0]
        assert (await client.get("/v2/entities/user/nobody/")).json() == []
        listed_of = (await client.get("/v1/memories/run/r2/")).json()
        assert [memory["memory"] for memory in listed_of["results"]] == ["Likes jazz"]
        assert listed_of["results"][0]["is_updated"] is False
        filters = (await client.get("/v1/entities/filters/")).json()
        assert filters["users"] == [odd, "b"]
        await done(client, settled, await client.delete("/v2/entities/user/a%2Fb%20c%3Fd/"))
        assert await listed(client, {"user_id": "*"}) == ["Likes jazz"]
        number = page["results"][5]["id"]
        await done(client, settled, await client.delete(f"/v1/entities/run/{number}/"))
        assert await listed(client, {"user_id": "*"}) == []
        names = [one["name"] for one in (await client.get("/v1/entities/")).json()["results"]]
        assert names == ["bot", "web", "r1", "b"]

    run(create(data=None, ingestion_ms=1), scenario, authorization=KEY)


def test_entities_are_paged(run: Run) -> None:
    async def scenario(client: httpx.AsyncClient) -> None:
        for number in range(3):
            await kept(client, "Likes tea", user_id=f"u{number}")
        page = (await client.get("/v1/entities/?page=2&page_size=2")).json()
        assert [one["name"] for one in page["results"]] == ["u2"]
        assert (page["count"], page["next"]) == (3, None)
        assert (await client.get("/v1/entities/?page=3&page_size=2")).status_code == 404

    run(create(data=None, ingestion_ms=1), scenario, authorization=KEY)


def test_a_deletion_by_scope_takes_what_has_all_of_it(run: Run, settled: Settled) -> None:
    async def scenario(client: httpx.AsyncClient) -> None:
        async def left(**query: str) -> list[str]:
            await kept(client, "A", user_id="a", run_id="r1", metadata={"k": 1})
            await kept(client, "B", user_id="a", run_id="r2")
            await kept(client, "C", user_id="b")
            await kept(client, "D", user_id=None, agent_id="bot")
            await done(client, settled, await client.delete("/v1/memories/", params=query))
            everyone = {"OR": [{"user_id": "*"}, {"agent_id": "*"}]}
            rest = sorted(await listed(client, everyone))
            for name in ("user_id", "agent_id"):
                gone = await client.delete("/v1/memories/", params={name: "*"})
                await done(client, settled, gone)
            assert await listed(client, everyone) == []
            return rest

        assert await left(user_id="a") == ["C", "D"]
        assert await left(user_id="a", run_id="r1") == ["B", "C", "D"]
        assert await left(user_id="*") == ["D"]
        assert await left(user_id="a", metadata='{"k": 1}') == ["B", "C", "D"]
        assert await left(metadata='{"k": 1}') == ["B", "C", "D"]
        assert await left(user_id="*", agent_id="*", app_id="*", run_id="*") == []
        for query in ("", "?org_id=o&project_id=p", "?user_id=", "?filters={'user_id': 'a'}",
                      "?metadata=x", "?metadata=[]", "?metadata={}"):  # fmt: skip
            refused = await client.delete(f"/v1/memories/{query}")
            assert refused.status_code == 400, query

    run(create(data=None, ingestion_ms=1), scenario, authorization=KEY)


def test_a_batch_is_done_whole_or_not_at_all(run: Run) -> None:
    async def scenario(client: httpx.AsyncClient) -> None:
        one, two = await kept(client, "Likes tea"), await kept(client, "Likes jazz")

        async def batch(method: str, *items: dict[str, Any]) -> httpx.Response:
            return await client.request(method, "/v1/batch/", json={"memories": list(items)})

        changed = await batch(
            "PUT",
            {"memory_id": one, "text": "Likes mint"},
            {"memory_id": two, "metadata": {"a": 1}},
        )
        assert changed.json() == {"message": "Successfully updated 2 memories"}
        assert await listed(client) == ["Likes jazz", "Likes mint"]
        assert len(await found(client, "mint")) == 1
        for wrong in ({"memory_id": NOBODY, "text": "x"}, {"memory_id": "x", "text": "x"},
                      {"memory_id": two}, {"memory_id": two, "text": 3}, {}):  # fmt: skip
            refused = await batch("PUT", {"memory_id": one, "text": "Likes rain"}, wrong)
            assert refused.status_code == 400, wrong
        assert (await batch("DELETE", {"memory_id": one}, {"memory_id": NOBODY})).status_code == 400
        assert await listed(client) == ["Likes jazz", "Likes mint"]
        gone = await batch("DELETE", {"memory_id": one}, {"memory_id": two})
        assert gone.json() == {"message": "Successfully deleted 2 memories"}
        assert await listed(client) == []
        assert (await batch("PUT")).status_code == 400
        many = [{"memory_id": str(uuid.uuid4())} for _ in range(1001)]
        for method, word in (("PUT", "updated"), ("DELETE", "deleted")):
            answer = await batch(method, *many)
            message = f"Maximum of 1000 memories can be {word} in a single request"
            assert (answer.status_code, answer.json()["error"]) == (400, message)

    run(create(data=None, ingestion_ms=1), scenario, authorization=KEY)


def test_a_thousand_memories_fit_in_one_batch(run: Run) -> None:
    async def scenario(client: httpx.AsyncClient) -> None:
        items = [{"role": "user", "content": f"Likes tea {number}"} for number in range(1000)]
        body = {"messages": items, **ME, "infer": False}
        made = (await client.post("/v3/memories/add/", json=body)).json()["results"]
        memories = [{"memory_id": one["id"]} for one in made]
        gone = await client.request("DELETE", "/v1/batch/", json={"memories": memories})
        assert gone.json() == {"message": "Successfully deleted 1000 memories"}

    run(create(data=None, ingestion_ms=1), scenario, authorization=KEY)


def test_feedback_is_kept_once_for_each_memory(run: Run) -> None:
    async def scenario(client: httpx.AsyncClient) -> None:
        memory = await kept(client, "Likes tea")

        async def give(**body: Any) -> httpx.Response:
            return await client.post("/v1/feedback/", json=body)

        first = (await give(memory_id=memory, feedback="POSITIVE", feedback_reason="so")).json()
        cleared = (await give(memory_id=memory, feedback=None, feedback_reason=None)).json()
        assert cleared == {"id": first["id"], "feedback": None, "feedback_reason": None}
        invalid = await give(memory_id="x", feedback="POSITIVE")
        assert (invalid.status_code, invalid.json()["error"]) == (400, "Invalid memory_id")
        assert (await give(memory_id=memory, feedback="GOOD")).status_code == 400
        assert (await give(memory_id=memory, feedback_reason=3)).status_code == 400
        assert (await give(memory_id=NOBODY, feedback="POSITIVE")).status_code == 404

    run(create(data=None, ingestion_ms=1), scenario, authorization=KEY)


def test_an_update_says_what_it_may_change(run: Run) -> None:
    async def scenario(client: httpx.AsyncClient) -> None:
        memory = await kept(client, "Likes tea")
        path = f"/v1/memories/{memory}/"
        for at in (1_700_000_000, 1_700_000_000.0, "2023-11-14T22:13:20Z", "2023-11-14T22:13:20"):
            changed = await client.put(path, json={"timestamp": at, "text": None})
            assert changed.json()["created_at"].startswith("2023-11-14T22:13:20"), at
        for wrong in ({}, {"text": None}, {"text": " "}, {"text": 3}, {"metadata": []},
                      {"timestamp": "soon"}, {"expiration_date": "soon"}):  # fmt: skip
            assert (await client.put(path, json=wrong)).status_code == 400, wrong

    run(create(data=None, ingestion_ms=1), scenario, authorization=KEY)
