"""The Mem0 twin's older paths: `/v1` and `/v2` of add, search and list."""

from __future__ import annotations

from typing import Any

import httpx

from local.twins.mem0.app import create
from tests.functional.twins.mem0_talk import KEY, ME, Run, Settled, kept, listed

TALK = [{"role": "user", "content": "I like tea"}]
ALL = {"AND": [ME]}


def test_an_add_is_queued_and_wrapped_as_its_version_asks(run: Run, settled: Settled) -> None:
    async def scenario(client: httpx.AsyncClient) -> None:
        async def add(**more: Any) -> Any:
            body = {"messages": TALK, **ME, "org_id": "o", "project_id": "p", **more}
            answer = await client.post("/v1/memories/", json=body)
            assert answer.status_code == 200, answer.text
            return answer.json()

        (queued,) = await add()
        assert set(queued) == {"message", "status", "event_id"}
        await settled(client, f"/v1/event/{queued['event_id']}/", "SUCCEEDED")
        assert await listed(client) == ["Likes tea"]
        wrapped = await add(output_format="v1.1", version="v2")
        assert wrapped["results"][0]["status"] == "PENDING"
        assert wrapped["relations"] == []
        assert isinstance(await add(output_format="v1.1"), list)
        (made,) = await add(async_mode=False, infer=False)
        assert made["data"] == {"memory": "I like tea"}
        at_once = await add(async_mode=False, run_id="r", output_format="v1.1")
        assert at_once["results"][0]["event"] == "ADD"
        (later,) = await add(infer=False, run_id="r2", custom_categories={"drinks": "tea"})
        event = await settled(client, f"/v1/event/{later['event_id']}/", "SUCCEEDED")
        memory = (await client.get(f"/v1/memories/{event['results'][0]['id']}/")).json()
        assert (memory["memory"], memory["categories"]) == ("I like tea", ["drinks"])
        refused = await client.post("/v1/memories/", json={"messages": TALK})
        assert (refused.status_code, refused.json()["error"]) == (400, "400 Bad Request")

    run(create(data=None, ingestion_ms=1), scenario, authorization=KEY)


def test_searches_answer_in_the_shape_of_their_version(run: Run) -> None:
    async def scenario(client: httpx.AsyncClient) -> None:
        await kept(client, "Likes tea", run_id="r", metadata={"k": 1})
        await kept(client, "Likes jazz", metadata={"k": 2})

        async def search(version: str, **body: Any) -> Any:
            path = f"/{version}/memories/search/"
            answer = await client.post(path, json={"query": "tea", **body})
            assert answer.status_code == 200, answer.text
            return answer.json()

        first, rest = await search("v1", **ME)
        assert (first["memory"], first["score"] > rest["score"]) == ("Likes tea", True)
        wrapped = await search("v1", **ME, output_format="v1.1")
        assert [one["memory"] for one in wrapped["results"]] == ["Likes tea", "Likes jazz"]
        assert len(await search("v1", **ME, run_id="r")) == 1
        assert len(await search("v1", **ME, metadata={"k": 2})) == 1
        assert len(await search("v1", **ME, categories=["music"])) == 1
        assert len(await search("v1", **ME, filters={"run_id": "r"})) == 1
        assert len(await search("v1", **ME, top_k=1)) == 1
        assert [one["memory"] for one in await search("v2", filters=ALL)] == ["Likes tea"]
        assert len(await search("v2", filters=ALL, threshold=0)) == 2
        for version, body in (("v1", {}), ("v2", {}), ("v2", ME), ("v1", {"user_id": 3})):
            path = f"/{version}/memories/search/"
            answer = await client.post(path, json={"query": "tea", **body})
            assert (answer.status_code, "detail" in answer.json()) == (400, True)

    run(create(data=None, ingestion_ms=1), scenario, authorization=KEY)


def test_lists_answer_in_the_shape_of_their_version(run: Run) -> None:
    async def scenario(client: httpx.AsyncClient) -> None:
        await kept(client, "Likes tea", timestamp=1_600_000_000, metadata={"k": 1})
        await kept(client, "Likes jazz", timestamp=1_700_000_000)

        async def texts(**query: Any) -> list[str]:
            answer = await client.get("/v1/memories/", params={**ME, **query})
            assert answer.status_code == 200, answer.text
            found = answer.json()
            results = found["results"] if isinstance(found, dict) else found
            return [one["memory"] for one in results]

        assert await texts() == ["Likes jazz", "Likes tea"]
        assert await texts(org_id="o", page=7) == ["Likes jazz", "Likes tea"]
        assert await texts(limit=1) == ["Likes jazz"]
        assert await texts(page=2, page_size=1) == ["Likes tea"]
        assert await texts(start_date="2021-01-01") == ["Likes jazz"]
        assert await texts(end_date="2021-01-01") == ["Likes tea"]
        assert await texts(categories="music,sports") == ["Likes jazz"]
        assert await texts(metadata='{"k": 1}') == ["Likes tea"]
        assert await texts(keywords="JAZZ") == ["Likes jazz"]
        fields = await client.get("/v1/memories/?user_id=test:1&fields=memory&fields=user_id")
        assert set(fields.json()[0]) == {"id", "memory", "user_id"}
        none = await client.get("/v1/memories/?org_id=o&project_id=p")
        message = "One of the filters: app_id, user_id, agent_id, run_id is required!"
        assert (none.status_code, none.json()) == (400, [message])
        too_many = await client.get("/v1/memories/?user_id=test:1&limit=201")
        assert (too_many.status_code, too_many.json()["error"]) == (400, "limit must be <= 200")
        newer = await client.post("/v2/memories/?page=2&page_size=1", json={"filters": ALL})
        assert [one["memory"] for one in newer.json()] == ["Likes tea"]
        assert (await client.post("/v2/memories/", json=ME)).status_code == 400

    run(create(data=None, ingestion_ms=1), scenario, authorization=KEY)


def test_no_path_redirects_and_bearer_keys_are_taken(run: Run) -> None:
    async def scenario(client: httpx.AsyncClient) -> None:
        bearer = {"authorization": "Bearer test-key"}
        assert (await client.get("/v1/ping/?org_id=o", headers=bearer)).status_code == 200
        for method, path in (
            ("GET", "/v1/ping"), ("GET", "//v1/ping/"), ("POST", "/v3/memories"),
            ("PATCH", "/v3/memories/"), ("GET", "/v1/nothing/"), ("DELETE", "/v1/batch"),
        ):  # fmt: skip
            answer = await client.request(method, path)
            assert (answer.status_code, answer.json()) == (404, {"detail": "Not found."})
        for path in ("/v2/profiles/settings/", "/v2/entities/user/x/profile/",
                     "/api/v1/webhooks/projects/p/"):  # fmt: skip
            assert (await client.get(path)).status_code == 501

    run(create(data=None, ingestion_ms=1), scenario, authorization=KEY)


def test_the_next_page_has_all_that_was_asked(run: Run) -> None:
    async def scenario(client: httpx.AsyncClient) -> None:
        for number in range(3):
            await kept(client, f"m{number}", user_id="a/b &c")
        fields = {"user_id": "a/b &c", "fields": ["memory", "user_id"]}
        query = {**fields, "page": 1, "page_size": 1}
        page = (await client.get("/v1/memories/", params=query)).json()
        following = (await client.get(page["next"])).json()
        assert set(following["results"][0]) == {"id", "memory", "user_id"}
        assert following["results"][0]["memory"] == "m1"

    run(create(data=None, ingestion_ms=1), scenario, authorization=KEY)
