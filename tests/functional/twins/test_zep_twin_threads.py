"""Threads and messages of the Zep twin, over its wire."""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest

from local.twins.zep.app import create

KEY = "Api-Key test-key"
V4 = "/api/v4"
Run = Callable[..., None]
Settled = Callable[..., Awaitable[dict[str, Any]]]
Check = Callable[[httpx.AsyncClient], Awaitable[None]]


class Person:
    """A user, and what is asked for them."""

    def __init__(self, client: httpx.AsyncClient, settled: Settled) -> None:
        self.client, self._settled, self.uuid = client, settled, ""

    async def appear(self) -> Person:
        answer = await self.client.post(f"{V4}/users", json={})
        self.uuid = answer.json()["uuid"]
        return self

    async def thread(self) -> str:
        """The path of a new thread."""
        made = await self.client.post(f"{V4}/threads", json={"user_uuid": self.uuid})
        assert made.status_code == 201
        return f"{V4}/threads/{made.json()['uuid']}"

    async def say(self, thread: str, *words: str, **more: Any) -> dict[str, Any]:
        """Adds words, waits until they are ingested, answers what adding answered."""
        messages = [{"role": "user", "content": said} for said in words]
        answer = await self.client.post(f"{thread}/messages", json={"messages": messages, **more})
        assert answer.status_code == 202, answer.text
        await self.done(answer)
        return answer.json()  # type: ignore[no-any-return]

    async def done(self, answer: httpx.Response) -> None:
        task = answer.json()["task"]["uuid"]
        await self._settled(self.client, f"{V4}/tasks/{task}", "succeeded")

    async def refused(self, method: str, path: str, body: Any = None) -> tuple[int, str]:
        answer = await self.client.request(method, path, json=body)
        return answer.status_code, answer.json()["error"]["code"]

    async def get(self, path: str, **query: Any) -> dict[str, Any]:
        answer = await self.client.get(path, params=query)
        assert answer.status_code == 200, answer.text
        return answer.json()  # type: ignore[no-any-return]


def _with_person(
    run: Run, settled: Settled, scenario: Callable[[Person], Awaitable[None]], ms: float = 1
) -> None:
    async def check(client: httpx.AsyncClient) -> None:
        await scenario(await Person(client, settled).appear())

    run(create(data=None, ingestion_ms=ms), check, authorization=KEY)


def test_threads_are_listed_by_user_and_order(run: Run, settled: Settled) -> None:
    async def scenario(person: Person) -> None:
        other = await Person(person.client, settled).appear()
        theirs = await other.thread()
        mine = [await person.thread() for _ in range(3)]
        await person.say(mine[0], "Hello")
        names = [path.rpartition("/")[2] for path in mine]
        for query, expected in (
            ({}, names[::-1]),
            ({"order": "asc"}, names),
            ({"order_by": "updated_at"}, [names[0], names[2], names[1]]),
            ({"order_by": "uuid", "order": "asc"}, sorted(names)),
        ):
            seen, cursor = [], ""
            while True:
                wanted = {"user_uuid": person.uuid, "page_size": 2, **query}
                page = await person.get(
                    f"{V4}/threads", **wanted, **({"cursor": cursor} if cursor else {})
                )
                assert page["total_size"] == 3
                seen += [thread["uuid"] for thread in page["items"]]
                cursor = page.get("next_cursor", "")
                if not cursor:
                    break
            assert seen == expected, query
        every = await person.get(f"{V4}/threads")
        assert {thread["uuid"] for thread in every["items"]} == {*names, theirs.rpartition("/")[2]}
        assert await person.refused("GET", f"{V4}/threads?user_uuid={uuid.uuid4()}") == (
            404,
            "not_found",
        )
        assert await person.refused("GET", f"{V4}/threads?user_uuid=me") == (
            400,
            "invalid_identifier",
        )

    _with_person(run, settled, scenario)


def test_a_thread_belongs_to_a_user_and_their_graph(run: Run, settled: Settled) -> None:
    async def scenario(person: Person) -> None:
        user = await person.get(f"{V4}/users/{person.uuid}")
        thread = await person.get(await person.thread())
        assert set(thread) == {"uuid", "user_uuid", "graph_uuid", "created_at", "updated_at"}
        assert (thread["user_uuid"], thread["graph_uuid"]) == (user["uuid"], user["graph_uuid"])
        for body, refusal in (
            ({}, (400, "invalid_identifier")),
            ({"user_uuid": 7}, (400, "invalid_identifier")),
            ({"user_uuid": str(uuid.uuid4())}, (404, "not_found")),
        ):
            assert await person.refused("POST", f"{V4}/threads", body) == refusal

    _with_person(run, settled, scenario)


def test_what_was_asked_for_with_the_messages_is_done(run: Run, settled: Settled) -> None:
    async def scenario(person: Person) -> None:
        thread = await person.thread()
        await person.say(thread, "I live in Delhi")
        body = {
            "messages": [
                {
                    "role": "user",
                    "content": "Where do I live?",
                    "name": "Ada",
                    "reference_time": "2026-11-20T10:00:00+01:00",
                    "metadata": {"a": 1, "b": [True, "x"]},
                }
            ],
            "return_context": True,
            "strict_ontology": True,
            "ignore_roles": ["assistant"],
        }
        answer = await person.client.post(f"{thread}/messages", json=body)
        [message], context = answer.json()["messages"], answer.json()["context"]
        assert message["reference_time"] == "2026-11-20T09:00:00.000000Z"
        assert message["created_at"] > message["reference_time"]
        assert (message["name"], message["metadata"]) == ("Ada", {"a": 1, "b": [True, "x"]})
        assert "Lives in Delhi" in context
        assert (await person.get(f"{thread}/context"))["context"] == context
        assert "context" not in await person.say(thread, "Bye")

    _with_person(run, settled, scenario)


@pytest.mark.parametrize(
    "body",
    [
        {"messages": [{"role": "user", "content": "x", "uuid": str(uuid.uuid4())}]},
        {"messages": [{"role": "user", "content": "x", "metadata": {"a": None}}]},
        {"messages": [{"role": "user", "content": "x", "metadata": {"a": [{}]}}]},
        {"messages": [{"role": "user", "content": "x", "name": 1}]},
        {"messages": [{"content": "x"}]},
        {"messages": ["x"]},
        {"messages": [{"role": "user", "content": "x"}], "return_context": "yes"},
        {"messages": [{"role": "user", "content": "x"}], "strict_ontology": 1},
        {"messages": [{"role": "user", "content": "x"}], "ignore_roles": "user"},
        {"messages": [{"role": "user", "content": "x"}, {"role": "user", "content": ""}]},
    ],
)
def test_of_a_call_with_a_mistake_nothing_is_kept(
    run: Run, settled: Settled, body: dict[str, Any]
) -> None:
    async def scenario(person: Person) -> None:
        thread = await person.thread()
        assert await person.refused("POST", f"{thread}/messages", body) == (400, "invalid_request")
        assert (await person.get(f"{thread}/messages"))["total_size"] == 0
        assert (await person.get(f"{V4}/tasks"))["total_size"] == 0

    _with_person(run, settled, scenario)


def test_thirty_messages_of_full_length_are_taken(run: Run, settled: Settled) -> None:
    async def scenario(person: Person) -> None:
        thread = await person.thread()
        await person.say(thread, *["é" * 4096] * 30)
        page = await person.get(f"{thread}/messages", page_size=200)
        assert (len(page["items"]), page["total_size"]) == (30, 30)
        assert "next_cursor" not in page
        assert len((await person.get(f"{thread}/messages", page_size=1))["items"]) == 1

    _with_person(run, settled, scenario)


def test_a_message_is_an_episode_of_the_same_name(run: Run, settled: Settled) -> None:
    async def scenario(person: Person) -> None:
        thread = await person.thread()
        added = await person.say(thread, "one", "two", "three")
        page = await person.get(f"{thread}/episodes", page_size=2)
        assert set(page) == {"items", "next_cursor"}
        rest = await person.get(f"{thread}/episodes", page_size=2, cursor=page["next_cursor"])
        assert set(rest) == {"items"}
        episodes = page["items"] + rest["items"]
        assert [one["uuid"] for one in episodes] == [one["uuid"] for one in added["messages"]]
        first = episodes[0]
        assert (first["content"], first["source"], first["role"]) == ("one", "message", "user")
        assert first["user_uuid"] == person.uuid
        assert first["processed"] is True
        graph = f"{V4}/graphs/{first['graph_uuid']}"
        assert (await person.get(f"{graph}/episodes/{first['uuid']}"))["content"] == "one"

    _with_person(run, settled, scenario)


def test_metadata_of_a_message_merges_up_to_ten_keys(run: Run, settled: Settled) -> None:
    async def scenario(person: Person) -> None:
        thread = await person.thread()
        messages = [{"role": "user", "content": "x", "metadata": {"a": 1, "b": 2}}]
        added = await person.client.post(f"{thread}/messages", json={"messages": messages})
        path = f"{thread}/messages/{added.json()['messages'][0]['uuid']}"
        changed = await person.client.patch(path, json={"metadata": {"a": None, "c": ["x"]}})
        assert changed.json()["metadata"] == {"b": 2, "c": ["x"]}
        eight = {f"k{n}": n for n in range(8)}
        full = await person.client.patch(path, json={"metadata": eight})
        assert len(full.json()["metadata"]) == 10
        swapped = {"metadata": {"k0": None, "new": 1}}
        assert len((await person.client.patch(path, json=swapped)).json()["metadata"]) == 10
        for wrong in ({}, {"metadata": None}, {"metadata": {"more": 1}}, {"metadata": {"b": {}}}):
            assert await person.refused("PATCH", path, wrong) == (400, "invalid_request")
        assert (await person.get(path))["metadata"] == {
            "b": 2,
            "c": ["x"],
            **{f"k{n}": n for n in range(1, 8)},
            "new": 1,
        }
        elsewhere = path.replace(thread, await person.thread())
        for method, body in (("GET", None), ("PATCH", {"metadata": {}})):
            assert await person.refused(method, elsewhere, body) == (404, "not_found")

    _with_person(run, settled, scenario)


def test_a_strict_ontology_keeps_nodes_of_no_type_out(run: Run, settled: Settled) -> None:
    async def scenario(person: Person) -> None:
        thread = await person.thread()
        await person.say(thread, "I live in Delhi. I am a baker.", strict_ontology=True)
        graph = f"{V4}/graphs/{(await person.get(thread))['graph_uuid']}"
        nodes = (await person.client.post(f"{graph}/nodes/list", json={})).json()["items"]
        assert {node["name"] for node in nodes} == {"User", "Delhi"}
        await person.say(thread, "I am a baker.")
        nodes = (await person.client.post(f"{graph}/nodes/list", json={})).json()["items"]
        assert {node["name"] for node in nodes} == {"User", "Delhi", "baker"}

    _with_person(run, settled, scenario)


def test_the_summary_of_a_thread_tells_what_was_learned_there(run: Run, settled: Settled) -> None:
    async def scenario(person: Person) -> None:
        thread, other = await person.thread(), await person.thread()
        assert await person.refused("GET", f"{thread}/summary") == (404, "not_found")
        await person.say(other, "I like tea")
        await person.say(thread, "I live in Delhi")
        first = await person.get(f"{thread}/summary")
        assert first["thread_uuid"] == thread.rpartition("/")[2]
        assert "Lives in Delhi" in first["summary"]
        assert "tea" not in first["summary"]
        await person.say(thread, "I moved to Mumbai")
        second = await person.get(f"{thread}/summary")
        assert "Lives in Mumbai" in second["summary"]
        assert "Lives in Delhi" not in second["summary"]
        assert second == {
            **first,
            **{
                name: second[name]
                for name in ("summary", "last_summarized_at", "last_summarized_episode_valid_at")
            },
        }
        assert second["last_summarized_at"] > first["last_summarized_at"]

    _with_person(run, settled, scenario)


def test_a_summary_forgets_what_was_deleted(run: Run, settled: Settled) -> None:
    async def scenario(person: Person) -> None:
        thread = await person.thread()
        said = await person.say(thread, "I live in Delhi", "I like tea")
        where = (await person.get(thread))["graph_uuid"]
        delhi, tea = (f"{V4}/graphs/{where}/episodes/{m['uuid']}" for m in said["messages"])
        await person.done(await person.client.delete(delhi))
        summary = (await person.get(f"{thread}/summary"))["summary"]
        assert "Likes tea" in summary
        assert "Delhi" not in summary
        await person.done(await person.client.delete(tea))
        assert await person.refused("GET", f"{thread}/summary") == (404, "not_found")
        assert (await person.get(f"{thread}/messages"))["total_size"] == 0

    _with_person(run, settled, scenario)


def test_a_context_by_a_template_that_nobody_made_is_not_found(run: Run, settled: Settled) -> None:
    async def scenario(person: Person) -> None:
        path = f"{await person.thread()}/context?template_uuid="
        assert await person.refused("GET", f"{path}{uuid.uuid4()}") == (404, "not_found")
        assert await person.refused("GET", f"{path}mine") == (400, "invalid_identifier")

    _with_person(run, settled, scenario)


def test_a_thread_that_is_being_deleted_is_read_and_not_written_to(
    run: Run, settled: Settled
) -> None:
    async def scenario(person: Person) -> None:
        thread = await person.thread()
        message = {"messages": [{"role": "user", "content": "I like tea"}]}
        said = (await person.client.post(f"{thread}/messages", json=message)).json()
        path = f"{thread}/messages/{said['messages'][0]['uuid']}"
        deleted = await person.client.delete(thread)
        again = await person.client.delete(thread)
        assert again.json()["task"]["uuid"] == deleted.json()["task"]["uuid"]
        assert (await person.get(f"{thread}/messages"))["total_size"] == 1
        for method, where, body in (
            ("POST", f"{thread}/messages", message),
            ("PATCH", path, {"metadata": {}}),
        ):
            assert await person.refused(method, where, body) == (404, "not_found")
        await person.client.post("/_twin/ingestion", json={"milliseconds": 0})
        await person.done(deleted)
        for where in (thread, f"{thread}/messages", f"{thread}/summary", path):
            assert await person.refused("GET", where) == (404, "not_found")
        assert (await person.get(f"{V4}/threads"))["items"] == []

    _with_person(run, settled, scenario, ms=60_000)


def test_ids_of_v3_lead_to_threads_and_all_ids_at_once_to_everything(
    run: Run, settled: Settled
) -> None:
    async def scenario(person: Person) -> None:
        thread = await person.get(await person.thread())
        legacy = {"threads": {thread["uuid"]: "old-thread"}}
        assert (await person.client.post("/_twin/legacy-ids", json=legacy)).status_code == 200
        lookup = f"{V4}/threads/lookup"
        found = (await person.client.post(lookup, json={"thread_id": "old-thread"})).json()
        assert found == {**thread, "thread_id": "old-thread"}
        missing = {"thread_id": "older"}
        assert await person.refused("POST", lookup, missing) == (404, "not_found")
        assert await person.refused("POST", lookup, {"user_id": "a"}) == (400, "invalid_request")
        user = (await person.client.post(f"{V4}/users", json={"user_id": "u"})).json()
        asked = {"graphs": ["g"], "threads": ["none", "old-thread"], "users": ["u", "v"]}
        answer = (await person.client.post(f"{V4}/lookup", json=asked)).json()
        assert answer == {
            "items": [
                _item("user", "u", user["uuid"]),
                _item("user", "v"),
                _item("thread", "none"),
                _item("thread", "old-thread", thread["uuid"]),
                _item("graph", "g"),
            ]
        }
        assert (await person.client.post(f"{V4}/lookup")).json() == {"items": []}
        for wrong in ({"users": "u"}, {"threads": [1]}):
            assert await person.refused("POST", f"{V4}/lookup", wrong) == (400, "invalid_request")
        unknown = {"threads": {str(uuid.uuid4()): "x"}}
        assert await person.refused("POST", "/_twin/legacy-ids", unknown) == (404, "not_found")

    _with_person(run, settled, scenario)


def _item(kind: str, legacy_id: str, found: str | None = None) -> dict[str, Any]:
    item = {"resource_type": kind, "legacy_id": legacy_id, "found": found is not None}
    return {**item, "uuid": found} if found else item
