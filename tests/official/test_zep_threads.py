"""Conversations: zep-cloud's `thread`, `thread.message` and `task` namespaces, on the Zep twin."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from zep_cloud.errors import BadRequestError, NotFoundError
from zep_cloud.types import AddMessage

from tests.official.called import everything, refused
from tests.official.clients import Play
from tests.official.zep_story import UNKNOWN, ada, settled, told

SAID_AT = "2026-11-20T09:00:00Z"


def test_threads_belong_to_a_user_and_are_listed_page_by_page(zep: Play) -> None:
    async def scenario(zep: Any) -> None:
        user, first = await ada(zep)
        other = await zep.user.create(user_id="dev:bea")
        mine = [first, *[await zep.thread.create(user_uuid=user.uuid_) for _ in range(4)]]
        theirs = await zep.thread.create(user_uuid=other.uuid_)
        assert first.user_uuid == user.uuid_
        assert first.graph_uuid == user.graph_uuid
        assert await zep.thread.get(first.uuid_) == first
        pager = await zep.thread.list(user_uuid=user.uuid_, page_size=2)
        assert len(pager.items) == 2
        found = [thread.uuid_ for thread in await everything(pager)]
        assert sorted(found) == sorted(thread.uuid_ for thread in mine)
        everyone = {thread.uuid_ for thread in await everything(await zep.thread.list(page_size=3))}
        assert everyone == {thread.uuid_ for thread in [*mine, theirs]}

    zep(scenario)


def test_a_thread_has_no_id_of_ours_to_be_looked_up_by(zep: Play) -> None:
    async def scenario(zep: Any) -> None:
        await ada(zep)
        error = await refused(zep.thread.lookup(thread_id="old-session"), NotFoundError)
        assert error.body.error.code == "not_found"
        found = await zep.lookup.batch(threads=["old-session"], graphs=["old-group"])
        assert [(item.resource_type, item.found) for item in found.items] == [
            ("thread", False),
            ("graph", False),
        ]

    zep(scenario)


def test_messages_are_kept_as_they_were_said_and_in_their_order(zep: Play) -> None:
    async def scenario(zep: Any) -> None:
        _, thread = await ada(zep)
        added = await zep.thread.add_messages(
            thread.uuid_,
            messages=[
                AddMessage(
                    role="user",
                    name="Ada",
                    content="I like tea",
                    reference_time=SAID_AT,
                    metadata={"turn": 1, "tags": ["a", "b"], "live": True},
                ),
                AddMessage(role="assistant", content="Noted"),
                AddMessage(role="user", content="I live in Delhi"),
            ],
        )
        assert added.context is None
        first = added.messages[0]
        assert (first.role, first.name, first.content) == ("user", "Ada", "I like tea")
        assert datetime.fromisoformat(first.reference_time) == datetime(2026, 11, 20, 9, tzinfo=UTC)
        assert first.metadata == {"turn": 1, "tags": ["a", "b"], "live": True}
        await settled(zep, added.task)
        stored = await zep.thread.message.get(thread.uuid_, first.uuid_)
        assert stored.processed is True
        assert stored.content == "I like tea"
        pager = await zep.thread.list_messages(thread.uuid_, page_size=2, order="asc")
        assert len(pager.items) == 2
        said = [message.uuid_ for message in await everything(pager)]
        assert said == [message.uuid_ for message in added.messages]
        newest = await zep.thread.list_messages(thread.uuid_, page_size=1, order="desc")
        assert newest.items[0].content == "I live in Delhi"

    zep(scenario)


def test_a_messages_metadata_is_merged_and_null_removes_a_key(zep: Play) -> None:
    async def scenario(zep: Any) -> None:
        _, thread = await ada(zep)
        (message,) = await told(zep, thread, "I like tea", metadata={"a": 1, "b": 2})
        changed = await zep.thread.message.update(
            thread.uuid_, message.uuid_, metadata={"a": None, "c": "x"}
        )
        assert changed.metadata == {"b": 2, "c": "x"}
        assert (
            await zep.thread.message.get(thread.uuid_, message.uuid_)
        ).metadata == changed.metadata
        many = {f"key{number}": number for number in range(11)}
        await refused(
            zep.thread.message.update(thread.uuid_, message.uuid_, metadata=many), BadRequestError
        )

    zep(scenario)


def test_a_thread_gives_context_summary_and_episodes_of_what_was_said(zep: Play) -> None:
    async def scenario(zep: Any) -> None:
        user, thread = await ada(zep)
        said = await told(zep, thread, "I like tea", "I live in Delhi")
        block = (await zep.thread.get_context(thread.uuid_)).context
        for part in ("<USER_SUMMARY>", "<FACTS>", "tea", "Delhi", "present"):
            assert part in block
        summary = await zep.thread.get_summary(thread.uuid_)
        assert summary.thread_uuid == thread.uuid_
        assert summary.graph_uuid == user.graph_uuid
        assert summary.summary
        pager = await zep.thread.list_episodes(thread.uuid_, page_size=1)
        episodes = await everything(pager)
        assert {episode.uuid_ for episode in episodes} == {message.uuid_ for message in said}
        assert {episode.thread_uuid for episode in episodes} == {thread.uuid_}
        assert {episode.source for episode in episodes} == {"message"}
        assert {episode.role_name for episode in episodes} == {"Ada"}

    zep(scenario)


def test_adding_with_context_saves_the_second_call(zep: Play) -> None:
    async def scenario(zep: Any) -> None:
        _, thread = await ada(zep)
        await told(zep, thread, "I like tea")
        added = await zep.thread.add_messages(
            thread.uuid_,
            messages=[AddMessage(role="user", content="What do I like?")],
            return_context=True,
        )
        assert "tea" in added.context

    zep(scenario)


def test_ignored_roles_are_kept_but_not_learned_from(zep: Play) -> None:
    async def scenario(zep: Any) -> None:
        user, thread = await ada(zep)
        added = await zep.thread.add_messages(
            thread.uuid_,
            messages=[
                {"role": "user", "content": "I like tea"},
                {"role": "tool", "content": "I like coffee"},
            ],
            ignore_roles=["tool"],
        )
        await settled(zep, added.task)
        assert len(await everything(await zep.thread.list_messages(thread.uuid_))) == 2
        facts = [edge.fact for edge in await everything(await zep.graph.edge.list(user.graph_uuid))]
        assert any("tea" in fact for fact in facts)
        assert not any("coffee" in fact for fact in facts)

    zep(scenario)


def test_the_same_idempotency_key_adds_messages_once(zep: Play) -> None:
    async def scenario(zep: Any) -> None:
        _, thread = await ada(zep)
        messages = [{"role": "user", "content": "I like tea"}]
        first, again, other = [
            await zep.thread.add_messages(thread.uuid_, messages=messages, idempotency_key=key)
            for key in ("key-1", "key-1", "key-2")
        ]
        assert again == first
        assert other.messages[0].uuid_ != first.messages[0].uuid_
        assert len(await everything(await zep.thread.list_messages(thread.uuid_))) == 2

    zep(scenario)


@pytest.mark.parametrize(
    "messages",
    [
        [{"role": "user", "content": "Hello"}] * 31,
        [{"role": "user", "content": "a" * 4097}],
        [{"role": "norole", "content": "Hello"}],
        [],
    ],
    ids=["31 messages", "4097 characters", "a role that is none", "no message"],
)
def test_too_much_or_too_little_is_refused_whole(zep: Play, messages: list[Any]) -> None:
    async def scenario(zep: Any) -> None:
        _, thread = await ada(zep)
        error = await refused(
            zep.thread.add_messages(thread.uuid_, messages=messages), BadRequestError
        )
        assert error.body.error.message
        assert await everything(await zep.thread.list_messages(thread.uuid_)) == []

    zep(scenario)


def test_a_deleted_thread_is_gone_and_its_facts_stay(zep: Play) -> None:
    async def scenario(zep: Any) -> None:
        user, thread = await ada(zep)
        await told(zep, thread, "I like tea")
        facts = await everything(await zep.graph.edge.list(user.graph_uuid))
        await settled(zep, (await zep.thread.delete(thread.uuid_)).task)
        await refused(zep.thread.get(thread.uuid_), NotFoundError)
        await refused(zep.thread.list_messages(thread.uuid_), NotFoundError)
        assert await everything(await zep.graph.edge.list(user.graph_uuid)) == facts

    zep(scenario)


def test_tasks_are_listed_by_status_and_type(zep: Play) -> None:
    async def scenario(zep: Any) -> None:
        _, thread = await ada(zep)
        for sentence in ("I like tea", "I like jazz", "I like chess"):
            await told(zep, thread, sentence)
        done = await everything(await zep.task.list(page_size=2, status="succeeded"))
        assert len(done) >= 3
        assert {task.status for task in done} == {"succeeded"}
        for task in done:
            assert task.completed_at >= task.created_at
        kind = done[0].type
        assert {task.type for task in await everything(await zep.task.list(type=kind))} == {kind}
        assert await everything(await zep.task.list(status="failed")) == []

    zep(scenario)


def test_what_is_not_there_is_404_and_what_is_no_uuid_400(zep: Play) -> None:
    async def scenario(zep: Any) -> None:
        _, thread = await ada(zep)
        for call in (
            zep.thread.get(UNKNOWN),
            zep.thread.delete(UNKNOWN),
            zep.thread.get_context(UNKNOWN),
            zep.thread.get_summary(UNKNOWN),
            zep.thread.list_messages(UNKNOWN),
            zep.thread.list_episodes(UNKNOWN),
            zep.thread.message.get(thread.uuid_, UNKNOWN),
            zep.thread.create(user_uuid=UNKNOWN),
            zep.task.get(UNKNOWN),
        ):
            assert (await refused(call, NotFoundError)).body.error.code == "not_found"
        for call in (
            zep.thread.get("my-thread"),
            zep.thread.message.get(thread.uuid_, "my-message"),
            zep.task.get("my-task"),
        ):
            error = await refused(call, BadRequestError)
            assert error.body.error.code == "invalid_identifier"

    zep(scenario)


@pytest.mark.parametrize("size", [0, 201, -1])
def test_a_page_of_messages_has_one_to_two_hundred(zep: Play, size: int) -> None:
    async def scenario(zep: Any) -> None:
        _, thread = await ada(zep)
        await refused(zep.thread.list_messages(thread.uuid_, page_size=size), BadRequestError)

    zep(scenario)
