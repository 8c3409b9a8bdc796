"""People: zep-cloud's `user` namespace and `lookup`, on the Zep twin."""

from __future__ import annotations

from typing import Any

from zep_cloud.errors import BadRequestError, NotFoundError
from zep_cloud.types import UserInstruction

from tests.official.called import everything, refused
from tests.official.clients import Play
from tests.official.zep_story import UNKNOWN, settled


def test_a_user_is_what_was_given_and_changes_field_by_field(zep: Play) -> None:
    async def scenario(zep: Any) -> None:
        made = await zep.user.create(
            user_id="dev:ada",
            email="ada@example.com",
            first_name="Ada",
            last_name="Byron",
            metadata={"plan": "free", "age": 36},
            time_zone="Europe/London",
            disable_default_ontology=True,
        )
        assert (made.user_id, made.email) == ("dev:ada", "ada@example.com")
        assert (made.first_name, made.last_name) == ("Ada", "Byron")
        assert made.metadata == {"plan": "free", "age": 36}
        assert made.time_zone == "Europe/London"
        assert made.disable_default_ontology is True
        assert await zep.user.get(made.uuid_) == made
        changed = await zep.user.update(
            made.uuid_, last_name="Lovelace", metadata={"plan": None, "tea": True}
        )
        assert changed.last_name == "Lovelace"
        assert changed.first_name == "Ada"
        assert changed.metadata == {"age": 36, "tea": True}
        assert await zep.user.get(made.uuid_) == changed

    zep(scenario)


def test_users_are_listed_page_by_page_and_found_by_text(zep: Play) -> None:
    async def scenario(zep: Any) -> None:
        made = [
            await zep.user.create(user_id=f"dev:{number}", first_name=name)
            for number, name in enumerate(["Ada", "Bea", "Cy", "Dot", "Ada"])
        ]
        pager = await zep.user.list(page_size=2)
        assert len(pager.items) == 2
        assert pager.has_next
        assert {user.uuid_ for user in await everything(pager)} == {user.uuid_ for user in made}
        found = await everything(await zep.user.list(search="ada", page_size=1))
        assert sorted(user.user_id for user in found) == ["dev:0", "dev:4"]
        one_way = await everything(await zep.user.list(order="asc", order_by="created_at"))
        other = await everything(await zep.user.list(order="desc", order_by="created_at"))
        assert [user.user_id for user in one_way] == [f"dev:{number}" for number in range(5)]
        assert other == one_way[::-1]

    zep(scenario)


def test_a_user_is_found_by_the_id_of_ours(zep: Play) -> None:
    async def scenario(zep: Any) -> None:
        made = await zep.user.create(user_id="dev:ada")
        assert await zep.user.lookup(user_id="dev:ada") == made
        error = await refused(zep.user.lookup(user_id="dev:nobody"), NotFoundError)
        assert error.body.error.code == "not_found"
        found = await zep.lookup.batch(users=["dev:ada", "dev:nobody"])
        assert [(item.resource_type, item.legacy_id, item.found) for item in found.items] == [
            ("user", "dev:ada", True),
            ("user", "dev:nobody", False),
        ]
        assert [item.uuid_ for item in found.items] == [made.uuid_, None]

    zep(scenario)


def test_a_users_node_stands_for_the_person_in_the_graph(zep: Play) -> None:
    async def scenario(zep: Any) -> None:
        made = await zep.user.create(user_id="dev:ada", first_name="Ada")
        node = await zep.user.get_node(made.uuid_)
        assert node.graph_uuid == made.graph_uuid
        assert "Ada" in node.name
        assert await zep.graph.node.get(made.graph_uuid, node.uuid_) == node

    zep(scenario)


def test_summary_instructions_are_kept_for_the_user_alone(zep: Play) -> None:
    async def scenario(zep: Any) -> None:
        ada = await zep.user.create(user_id="dev:ada")
        bea = await zep.user.create(user_id="dev:bea")
        assert (await zep.user.get_summary_instructions(ada.uuid_)).inherited is True
        wanted = [UserInstruction(name="tone", text="Be brief.")]
        stored = await zep.user.set_summary_instructions(ada.uuid_, instructions=wanted)
        assert stored.inherited is False
        assert stored.instructions == wanted
        assert await zep.user.get_summary_instructions(ada.uuid_) == stored
        assert (await zep.user.get_summary_instructions(bea.uuid_)).inherited is True

    zep(scenario)


def test_a_deleted_user_is_gone_with_threads_and_graph_once_the_task_has_ended(zep: Play) -> None:
    async def scenario(zep: Any) -> None:
        made = await zep.user.create(user_id="dev:ada")
        thread = await zep.thread.create(user_uuid=made.uuid_)
        deletion = await zep.user.delete(made.uuid_)
        await settled(zep, deletion.task)
        for call in (
            zep.user.get(made.uuid_),
            zep.thread.get(thread.uuid_),
            zep.graph.get(made.graph_uuid),
            zep.user.lookup(user_id="dev:ada"),
        ):
            await refused(call, NotFoundError)
        assert await everything(await zep.user.list()) == []

    zep(scenario)


def test_the_same_idempotency_key_makes_one_user(zep: Play) -> None:
    async def scenario(zep: Any) -> None:
        first = await zep.user.create(user_id="dev:ada", idempotency_key="key-1")
        assert await zep.user.create(user_id="dev:ada", idempotency_key="key-1") == first
        assert len(await everything(await zep.user.list())) == 1

    zep(scenario)


def test_a_user_id_is_unique_and_no_address(zep: Play) -> None:
    async def scenario(zep: Any) -> None:
        await zep.user.create(user_id="dev:ada")
        taken = await refused(
            zep.user.create(user_id="dev:ada", request_options={"max_retries": 0}), BadRequestError
        )
        assert taken.status_code == 400
        error = await refused(zep.user.get("dev:ada"), BadRequestError)
        assert error.body.error.code == "invalid_identifier"
        await refused(zep.user.get(UNKNOWN), NotFoundError)
        await refused(zep.user.update(UNKNOWN, first_name="x"), NotFoundError)
        await refused(zep.user.delete(UNKNOWN), NotFoundError)

    zep(scenario)
