"""Users of the Zep twin, over its wire."""

from __future__ import annotations

import json
import uuid
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from local.twins.storage import Storage
from local.twins.zep.app import create
from local.twins.zep.schema import SCHEMA

KEY = "Api-Key test-key"
USERS = "/api/v4/users"
Run = Callable[..., None]
Settled = Callable[..., Awaitable[dict[str, Any]]]
Check = Callable[[httpx.AsyncClient], Awaitable[None]]


async def _made(client: httpx.AsyncClient, **fields: Any) -> dict[str, Any]:
    answer = await client.post(USERS, json=fields)
    assert answer.status_code == 201, answer.text
    return answer.json()  # type: ignore[no-any-return]


async def _refused(client: httpx.AsyncClient, method: str, path: str, body: Any = None) -> Any:
    answer = await client.request(method, path, json=body)
    return answer.status_code, answer.json()["error"]["code"]


def _running(run: Run, scenario: Check, **options: Any) -> None:
    run(create(data=None, ingestion_ms=1, **options), scenario, authorization=KEY)


def test_a_user_needs_nothing_and_shows_what_was_given(run: Run) -> None:
    async def scenario(client: httpx.AsyncClient) -> None:
        bare = await _made(client)
        assert set(bare) == {"uuid", "graph_uuid", "metadata", "created_at"}
        given = {
            "user_id": "test:1",
            "email": "ada@example.test",
            "first_name": "Ada",
            "last_name": "Test",
            "time_zone": "Asia/Kolkata",
            "disable_default_ontology": True,
        }
        policy = {"categories": [], "project_revision": 0}
        metadata = {"plan": {"kind": "x"}, "gone": None}
        user = await _made(client, **given, metadata=metadata, content_policy=policy)
        assert user == {**user, **given, "metadata": {"plan": {"kind": "x"}}}
        assert "content_policy" not in user
        assert (await client.get(f"{USERS}/{user['uuid']}")).json() == user

    _running(run, scenario)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"user_id": "x" * 501}, "invalid_request"),
        ({"user_id": 7}, "invalid_request"),
        ({"email": ["a"]}, "invalid_request"),
        ({"metadata": []}, "invalid_request"),
        ({"disable_default_ontology": "yes"}, "invalid_request"),
        ({"content_policy": []}, "invalid_request"),
        ({"content_policy": {"project_revision": 3}}, "content_policy_revision_stale"),
        ({"user_id": "taken"}, "invalid_request"),
    ],
)
def test_a_user_that_is_no_user_is_refused(run: Run, body: dict[str, Any], code: str) -> None:
    async def scenario(client: httpx.AsyncClient) -> None:
        await _made(client, user_id="taken")
        assert await _refused(client, "POST", USERS, body) == (400, code)
        assert (await client.post(f"{USERS}/list", json={})).json()["total_size"] == 1

    _running(run, scenario)


def test_users_are_listed_in_every_order_page_by_page(run: Run) -> None:
    async def scenario(client: httpx.AsyncClient) -> None:
        made = [
            await _made(client, **fields)
            for fields in (
                {"user_id": "b", "email": "z@example.test"},
                {},
                {"user_id": "a", "email": "m@example.test"},
                {"user_id": "c"},
            )
        ]
        for order_by in ("created_at", "user_id", "email", "uuid"):
            for order in ("asc", "desc"):
                seen, cursor = [], ""
                while True:
                    params = {"page_size": 1, "order_by": order_by, "order": order}
                    query = {**params, "cursor": cursor} if cursor else params
                    page = (await client.post(f"{USERS}/list", params=query, json={})).json()
                    assert page["total_size"] == 4
                    seen += page["items"]
                    cursor = page.get("next_cursor", "")
                    if not cursor:
                        break
                keys = [user.get(order_by, "") for user in seen]
                assert keys == sorted(keys, reverse=order == "desc")
                assert {user["uuid"] for user in seen} == {user["uuid"] for user in made}
                assert len(seen) == 4
        newest = (await client.post(f"{USERS}/list")).json()["items"]
        assert [user["uuid"] for user in newest] == [user["uuid"] for user in reversed(made)]

    _running(run, scenario)


def test_a_search_finds_users_by_id_address_and_name(run: Run) -> None:
    async def scenario(client: httpx.AsyncClient) -> None:
        await _made(client, user_id="auth0|77", email="ADA@example.test")
        await _made(client, user_id="other", first_name="Grace", last_name="Hopper")
        await _made(client, user_id="50%_off")
        for sought, ids in {
            "auth0|7": ["auth0|77"],
            "ada@EXAMPLE": ["auth0|77"],
            "grace hop": ["other"],
            "%": ["50%_off"],
            "_off": ["50%_off"],
            "nobody": [],
        }.items():
            page = (await client.post(f"{USERS}/list", json={"search": sought})).json()
            assert [user["user_id"] for user in page["items"]] == ids, sought
            assert page["total_size"] == len(ids)

    _running(run, scenario)


@pytest.mark.parametrize(
    "query",
    [
        "page_size=0",
        "page_size=101",
        "page_size=x",
        "order_by=metadata",
        "order=up",
        "cursor=x",
        "cursor=WyIiLCA5OTk5OTk5OTk5OTk5OTk5OTk5OV0=",
        "cursor=W1tdLCBbXV0=",
    ],
)
def test_a_list_that_is_asked_for_wrongly_is_refused(run: Run, query: str) -> None:
    async def scenario(client: httpx.AsyncClient) -> None:
        assert await _refused(client, "POST", f"{USERS}/list?{query}", {}) == (
            400,
            "invalid_request",
        )

    _running(run, scenario)


def test_a_lookup_takes_exactly_the_id_of_its_kind(run: Run) -> None:
    async def scenario(client: httpx.AsyncClient) -> None:
        user = await _made(client, user_id="test:1")
        path = f"{USERS}/lookup"
        assert (await client.post(path, json={"user_id": "test:1"})).json() == user
        assert await _refused(client, "POST", path, {"user_id": "test:2"}) == (404, "not_found")
        for body in ({}, {"thread_id": "a"}, {"user_id": "a", "graph_id": "b"}, {"user_id": ""}):
            assert await _refused(client, "POST", path, body) == (400, "invalid_request")

    _running(run, scenario)


def test_an_update_merges_and_null_clears(run: Run) -> None:
    async def scenario(client: httpx.AsyncClient) -> None:
        user = await _made(
            client, user_id="a", email="a@example.test", last_name="Test", metadata={"x": 1, "y": 2}
        )
        path = f"{USERS}/{user['uuid']}"
        body = {"first_name": "Ada", "email": None, "metadata": {"x": None, "z": [3]}}
        changed = (await client.patch(path, json=body)).json()
        expected = {**user, "first_name": "Ada", "metadata": {"y": 2, "z": [3]}}
        del expected["email"]
        assert changed == expected == (await client.get(path)).json()
        assert (await client.get(f"{path}/node")).json()["name"] == "Ada Test"
        assert (await client.patch(path, json={})).json() == changed
        assert (await client.patch(path, json={"metadata": None})).json()["metadata"] == {}
        for wrong in ({"user_id": "b"}, {"metadata": 1}, {"first_name": 1}):
            assert await _refused(client, "PATCH", path, wrong) == (400, "invalid_request")

    _running(run, scenario)


def test_the_node_of_a_person_has_what_the_sdk_requires(run: Run, settled: Settled) -> None:
    async def scenario(client: httpx.AsyncClient) -> None:
        user = await _made(client, first_name="Ada")
        node = (await client.get(f"{USERS}/{user['uuid']}/node")).json()
        assert (node["name"], node["labels"]) == ("Ada", ["Entity", "User"])
        assert (node["episode_uuids"], node["episode_uuids_truncated"]) == ([], False)
        thread = (await client.post("/api/v4/threads", json={"user_uuid": user["uuid"]})).json()
        added = await client.post(
            f"/api/v4/threads/{thread['uuid']}/messages",
            json={"messages": [{"role": "user", "content": "I like tea"}]},
        )
        await settled(client, f"/api/v4/tasks/{added.json()['task']['uuid']}", "succeeded")
        node = (await client.get(f"{USERS}/{user['uuid']}/node")).json()
        assert node["episode_uuids"] == [added.json()["messages"][0]["uuid"]]
        assert "tea" in node["summary"]

    _running(run, scenario)


def test_summary_instructions_are_the_project_s_until_a_user_has_own(run: Run) -> None:
    async def scenario(client: httpx.AsyncClient) -> None:
        path = f"{USERS}/{(await _made(client))['uuid']}/summary-instructions"
        inherited = {"instructions": [], "inherited": True}
        assert (await client.get(path)).json() == inherited
        own = [{"name": "work", "text": "Say where they work."}]
        answer = (await client.put(path, json={"instructions": own})).json()
        assert (
            answer == {"instructions": own, "inherited": False} == (await client.get(path)).json()
        )
        for wrong in ({}, {"instructions": ["a"]}, {"instructions": [{"name": "a"}]}):
            assert await _refused(client, "PUT", path, wrong) == (400, "invalid_request")
        assert (await client.put(path, json={"instructions": []})).json()["inherited"] is False
        assert (await client.put(path, json={"inherited": True})).json() == inherited

    _running(run, scenario)


def test_a_deleted_user_leaves_nothing_behind(run: Run, settled: Settled, tmp_path: Path) -> None:
    async def scenario(client: httpx.AsyncClient) -> None:
        for name in ("leaving", "staying"):
            user = await _made(client, user_id=name, first_name=f"{name} person")
            body = {"user_uuid": user["uuid"]}
            thread = (await client.post("/api/v4/threads", json=body)).json()["uuid"]
            added = await client.post(
                f"/api/v4/threads/{thread}/messages",
                json={"messages": [{"role": "user", "content": f"I like {name} tea"}]},
                headers={"Idempotency-Key": str(uuid.uuid4())},
            )
            learned = f"/api/v4/tasks/{added.json()['task']['uuid']}"
            await settled(client, learned, "succeeded")
            if name == "leaving":
                gone = [f"{USERS}/{user['uuid']}", f"/api/v4/threads/{thread}", learned]
        task = (await client.delete(gone[0])).json()["task"]
        assert task["type"] == "user.delete"
        await settled(client, f"/api/v4/tasks/{task['uuid']}", "succeeded")
        for path in gone:
            assert await _refused(client, "GET", path) == (404, "not_found")

    run(create(data=tmp_path, ingestion_ms=1), scenario, authorization=KEY)
    store = Storage(tmp_path / "zep.sqlite3", SCHEMA)
    tables = store.rows("select name from sqlite_master where type = 'table'")
    left = {row["name"]: store.rows(f"select * from {row['name']}") for row in tables}  # noqa: S608
    store.close()
    text = json.dumps([[dict(row) for row in found] for found in left.values()])
    assert "staying" in text
    assert "leaving" not in text
    # What the other one has, and the deletion's own task and answer.
    assert {name: len(left[name]) for name in ("users", "threads", "episodes", "tasks")} == {
        "users": 1, "threads": 1, "episodes": 1, "tasks": 2}  # fmt: skip


def test_while_a_user_is_being_deleted_they_are_shown_and_not_written_to(
    run: Run, settled: Settled
) -> None:
    async def scenario(client: httpx.AsyncClient) -> None:
        user = await _made(client, user_id="a")
        path, other = f"{USERS}/{user['uuid']}", {"user_uuid": user["uuid"]}
        thread = (await client.post("/api/v4/threads", json=other)).json()["uuid"]
        first = (await client.delete(path)).json()["task"]
        assert (await client.delete(path)).json()["task"]["uuid"] == first["uuid"]
        assert (await client.get(path)).json() == user
        message = {"messages": [{"role": "user", "content": "I like tea"}]}
        for method, where, body in (
            ("PATCH", path, {"first_name": "Ada"}),
            ("POST", "/api/v4/threads", other),
            ("POST", f"/api/v4/threads/{thread}/messages", message),
        ):
            assert await _refused(client, method, where, body) == (404, "not_found")
        await client.post("/_twin/ingestion", json={"milliseconds": 0})
        await settled(client, f"/api/v4/tasks/{first['uuid']}", "succeeded")
        assert await _refused(client, "DELETE", path) == (404, "not_found")
        assert (await _made(client, user_id="a"))["uuid"] != user["uuid"]

    run(create(data=None, ingestion_ms=60_000), scenario, authorization=KEY)


def test_only_uuids_name_users(run: Run) -> None:
    async def scenario(client: httpx.AsyncClient) -> None:
        user = await _made(client, user_id="test:1")
        for tail in ("", "/node", "/summary-instructions"):
            for given in ("test:1", "1", "a%2Fb", user["uuid"][:-1]):
                refused = await _refused(client, "GET", f"{USERS}/{given}{tail}")
                assert refused == (400, "invalid_identifier")
            refused = await _refused(client, "GET", f"{USERS}/{uuid.uuid4()}{tail}")
            assert refused == (404, "not_found")
        shouted = await client.get(f"{USERS}/{user['uuid'].upper()}")
        assert shouted.json() == user

    _running(run, scenario)
