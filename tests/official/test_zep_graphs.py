"""Knowledge: zep-cloud's `graph`, `graph.node`, `graph.edge`, `graph.episode`, on the Zep twin."""

from __future__ import annotations

from typing import Any

from zep_cloud.errors import BadRequestError, NotFoundError
from zep_cloud.types import EdgeInput, EdgeNodeRef, NodeInput

from tests.official.called import everything, refused
from tests.official.clients import Play
from tests.official.zep_story import UNKNOWN, ada, settled, told


def test_a_graph_is_made_listed_found_and_deleted(zep: Play) -> None:
    async def scenario(zep: Any) -> None:
        made = await zep.graph.create(
            name="Menu", description="What the café sells", time_zone="Asia/Kolkata"
        )
        assert (made.name, made.description) == ("Menu", "What the café sells")
        assert made.time_zone == "Asia/Kolkata"
        assert await zep.graph.get(made.uuid_) == made
        others = [await zep.graph.create(name=f"Other {number}") for number in range(4)]
        pager = await zep.graph.list(page_size=2)
        assert len(pager.items) == 2
        listed = {graph.uuid_ for graph in await everything(pager)}
        assert listed >= {graph.uuid_ for graph in [made, *others]}
        found = await everything(await zep.graph.list(search="café"))
        assert [graph.uuid_ for graph in found] == [made.uuid_]
        await settled(zep, (await zep.graph.delete(made.uuid_)).task)
        await refused(zep.graph.get(made.uuid_), NotFoundError)
        await refused(zep.graph.lookup(graph_id="old-group"), NotFoundError)

    zep(scenario)


def test_a_users_graph_answers_to_the_users_uuid_too(zep: Play) -> None:
    async def scenario(zep: Any) -> None:
        user, thread = await ada(zep)
        await told(zep, thread, "I like tea")
        graph = await zep.graph.get(user.uuid_)
        assert graph.uuid_ == user.graph_uuid
        assert graph.user_uuid == user.uuid_
        by_user = await everything(await zep.graph.edge.list(user.uuid_))
        assert by_user == await everything(await zep.graph.edge.list(user.graph_uuid))

    zep(scenario)


def test_an_episode_is_kept_read_changed_and_told_as_facts(zep: Play) -> None:
    async def scenario(zep: Any) -> None:
        user, _ = await ada(zep)
        added = await zep.graph.episode.add(
            user.graph_uuid,
            data="I live in Delhi",
            type="text",
            reference_time="2026-11-20T09:00:00Z",
            source_description="a form",
            metadata={"page": 1},
        )
        assert added.episode.processed is False
        done = await settled(zep, added.task)
        assert done.result.episode_uuid == added.episode.uuid_
        stored = await zep.graph.episode.get(user.graph_uuid, added.episode.uuid_)
        assert (stored.content, stored.source) == ("I live in Delhi", "text")
        assert stored.source_description == "a form"
        assert stored.processed is True
        changed = await zep.graph.episode.update(
            user.graph_uuid, stored.uuid_, metadata={"page": None, "line": 2}
        )
        assert changed.metadata == {"line": 2}
        (edge,) = await everything(await zep.graph.edge.list(user.graph_uuid))
        assert edge.episode_uuids == [stored.uuid_]
        assert "Delhi" in edge.fact
        assert edge.valid_at.startswith("2026-11-20T09:00:00")

    zep(scenario)


def test_episodes_are_listed_by_page_document_node_and_metadata(zep: Play) -> None:
    async def scenario(zep: Any) -> None:
        user, _ = await ada(zep)
        graph = user.graph_uuid
        for number, sentence in enumerate(["I like tea", "I live in Delhi", "I play chess"]):
            added = await zep.graph.episode.add(
                graph,
                data=sentence,
                metadata={"line": number},
                document_id=None if number == 2 else "diary",
            )
            await settled(zep, added.task)
        pager = await zep.graph.episode.list(graph, page_size=1)
        assert len(pager.items) == 1
        assert {each.content for each in await everything(pager)} == {
            "I like tea",
            "I live in Delhi",
            "I play chess",
        }
        chapters = await everything(
            await zep.graph.episode.list_for_document(graph, "diary", page_size=1)
        )
        assert {each.content for each in chapters} == {"I like tea", "I live in Delhi"}
        assert {each.document_id for each in chapters} == {"diary"}
        second = {
            "type": "and",
            "filters": [{"property_name": "line", "operator": "eq", "value": 1}],
        }
        found = await everything(
            await zep.graph.episode.list(graph, filters={"metadata_filters": second})
        )
        assert [each.content for each in found] == ["I live in Delhi"]
        (edge,) = (await zep.graph.search_edges(graph, query="tea", page_size=1)).items
        mentioned = await everything(
            await zep.graph.episode.list(
                graph, filters={"mentioned_node_uuids": [edge.target_node_uuid]}
            )
        )
        assert [each.content for each in mentioned] == ["I like tea"]

    zep(scenario)


def test_deleting_an_episode_removes_the_facts_that_only_it_told(zep: Play) -> None:
    async def scenario(zep: Any) -> None:
        user, thread = await ada(zep)
        graph = user.graph_uuid
        tea, _ = await told(zep, thread, "I like tea", "I live in Delhi")
        await told(zep, thread, "I live in Delhi")
        deletion = await zep.graph.episode.delete(graph, tea.uuid_)
        await settled(zep, deletion.task)
        await refused(zep.graph.episode.get(graph, tea.uuid_), NotFoundError)
        facts = [edge.fact for edge in await everything(await zep.graph.edge.list(graph))]
        assert not any("tea" in fact for fact in facts)
        assert any("Delhi" in fact for fact in facts)

    zep(scenario)


def test_logs_and_traces_of_an_episode_can_be_asked_for(zep: Play) -> None:
    async def scenario(zep: Any) -> None:
        user, _ = await ada(zep)
        added = await zep.graph.episode.add(user.graph_uuid, data="I like tea")
        await settled(zep, added.task)
        try:
            log = await zep.graph.episode.get_debug_logs(user.graph_uuid, added.episode.uuid_)
        except NotFoundError as error:
            # Without debug logging, which nobody can enable here, there is no log.
            error.called.expected = True  # type: ignore[attr-defined]
        else:
            assert log.status == "completed"
        pager = await zep.graph.episode.list_ingestion_traces(
            user.graph_uuid, added.episode.uuid_, page_size=5
        )
        for trace in await everything(pager):
            assert trace.status == "recorded"

    zep(scenario)


def test_edges_are_added_read_changed_listed_and_deleted(zep: Play) -> None:
    async def scenario(zep: Any) -> None:
        graph = (await zep.graph.create(name="Menu")).uuid_
        added = await zep.graph.edge.add(
            graph,
            edges=[
                EdgeInput(
                    fact=f"The café sells {what}",
                    fact_name="SELLS",
                    source_node=EdgeNodeRef(name="Café", labels=["Place"]),
                    target_node=EdgeNodeRef(name=what),
                    valid_at="2026-01-01T00:00:00Z",
                    attributes={"price": price},
                )
                for price, what in enumerate(["tea", "cake", "soup"])
            ],
            deduplicate=True,
        )
        assert len(added.edges) == 3
        await settled(zep, added.task)
        pager = await zep.graph.edge.list(graph, page_size=2, order_by="created_at", order="asc")
        assert len(pager.items) == 2
        edges = await everything(pager)
        assert sorted(edge.fact for edge in edges) == [
            "The café sells cake",
            "The café sells soup",
            "The café sells tea",
        ]
        assert len({edge.source_node_uuid for edge in edges}) == 1
        edge = await zep.graph.edge.get(graph, edges[0].uuid_)
        assert edge.name == "SELLS"
        assert edge.source_node_name == "Café"
        changed = await zep.graph.edge.update(
            graph,
            edge.uuid_,
            fact="The café gives tea away",
            attributes={"price": None, "hot": True},
        )
        assert changed.fact == "The café gives tea away"
        assert changed.attributes == {"hot": True}
        assert await zep.graph.edge.get(graph, edge.uuid_) == changed
        await settled(zep, (await zep.graph.edge.delete(graph, edge.uuid_)).task)
        await refused(zep.graph.edge.get(graph, edge.uuid_), NotFoundError)
        assert len(await everything(await zep.graph.edge.list(graph))) == 2

    zep(scenario)


def test_edges_are_filtered_by_name_node_and_date(zep: Play) -> None:
    async def scenario(zep: Any) -> None:
        graph = (await zep.graph.create(name="Menu")).uuid_
        for name, what, when in (("SELLS", "tea", "2026-01-01"), ("BUYS", "milk", "2026-06-01")):
            added = await zep.graph.edge.add(
                graph,
                edges=[
                    EdgeInput(
                        fact=f"The café {name.lower()} {what}",
                        fact_name=name,
                        source_node=EdgeNodeRef(name="Café"),
                        target_node=EdgeNodeRef(name=what),
                        valid_at=f"{when}T00:00:00Z",
                    )
                ],
                deduplicate=True,
            )
            await settled(zep, added.task)

        async def facts(filters: dict[str, Any]) -> list[str]:
            found = await everything(await zep.graph.edge.list(graph, filters=filters))
            return [edge.name for edge in found]

        assert await facts({"edge_types": ["SELLS"]}) == ["SELLS"]
        assert await facts({"exclude_edge_types": ["SELLS"]}) == ["BUYS"]
        (milk,) = [
            node
            for node in await everything(await zep.graph.node.list(graph))
            if node.name == "milk"
        ]
        assert await facts({"target_node_uuids": [milk.uuid_]}) == ["BUYS"]
        spring = {"field": "valid_at", "operator": "lt", "value": "2026-03-01T00:00:00Z"}
        assert await facts({"date_filters": {"any_of": [{"all_of": [spring]}]}}) == ["SELLS"]
        newest = await zep.graph.edge.list(graph, order_by="valid_at", order="desc", page_size=1)
        assert [edge.name for edge in newest.items] == ["BUYS"]

    zep(scenario)


def test_nodes_are_added_read_changed_listed_and_deleted(zep: Play) -> None:
    async def scenario(zep: Any) -> None:
        graph = (await zep.graph.create(name="Menu")).uuid_
        added = await zep.graph.node.add(
            graph,
            nodes=[
                NodeInput(name=name, label="Dish", summary=f"{name} is good", attributes={"hot": 1})
                for name in ("Soup", "Stew", "Rice")
            ],
        )
        assert [node.name for node in added.nodes] == ["Soup", "Stew", "Rice"]
        await settled(zep, added.task)
        pager = await zep.graph.node.list(graph, page_size=2, order_by="created_at", order="asc")
        assert len(pager.items) == 2
        nodes = await everything(pager)
        assert sorted(node.name for node in nodes) == ["Rice", "Soup", "Stew"]
        assert all("Dish" in node.labels for node in nodes)
        node = await zep.graph.node.get(graph, nodes[0].uuid_)
        changed = await zep.graph.node.update(
            graph, node.uuid_, name="Broth", summary="Thin", attributes={"hot": None, "price": 3}
        )
        assert (changed.name, changed.summary) == ("Broth", "Thin")
        assert changed.attributes == {"price": 3}
        assert await zep.graph.node.get(graph, node.uuid_) == changed
        await settled(zep, (await zep.graph.node.delete(graph, node.uuid_)).task)
        await refused(zep.graph.node.get(graph, node.uuid_), NotFoundError)
        assert len(await everything(await zep.graph.node.list(graph))) == 2

    zep(scenario)


def test_neighbours_come_with_the_edges_that_lead_to_them(zep: Play) -> None:
    async def scenario(zep: Any) -> None:
        user, thread = await ada(zep)
        graph = user.graph_uuid
        await told(zep, thread, "I like tea", "I live in Delhi", "I play chess")
        person = await zep.user.get_node(user.uuid_)
        pager = await zep.graph.node.list_neighbors(graph, person.uuid_, page_size=2)
        assert len(pager.items) == 2
        entries = await everything(pager)
        assert len(entries) == 3
        for entry in entries:
            assert entry.node.uuid_ != person.uuid_
            for edge in entry.edges:
                assert {edge.source_node_uuid, edge.target_node_uuid} == {
                    person.uuid_,
                    entry.node.uuid_,
                }
        inward = await zep.graph.node.list_neighbors(graph, person.uuid_, direction="in")
        assert await everything(inward) == []

    zep(scenario)


def test_a_graph_refuses_what_it_has_not_and_what_is_no_uuid(zep: Play) -> None:
    async def scenario(zep: Any) -> None:
        user, _ = await ada(zep)
        graph = user.graph_uuid
        for call in (
            zep.graph.get(UNKNOWN),
            zep.graph.delete(UNKNOWN),
            zep.graph.node.get(graph, UNKNOWN),
            zep.graph.node.delete(graph, UNKNOWN),
            zep.graph.edge.get(graph, UNKNOWN),
            zep.graph.edge.delete(graph, UNKNOWN),
            zep.graph.episode.get(graph, UNKNOWN),
            zep.graph.episode.delete(graph, UNKNOWN),
            zep.graph.edge.list(UNKNOWN),
            zep.graph.search_edges(UNKNOWN, query="tea"),
        ):
            assert (await refused(call, NotFoundError)).body.error.code == "not_found"
        for call in (
            zep.graph.get("menu"),
            zep.graph.edge.get(graph, "edge"),
            zep.graph.node.get(graph, "node"),
            zep.graph.episode.get(graph, "episode"),
        ):
            error = await refused(call, BadRequestError)
            assert error.body.error.code == "invalid_identifier"
        too_long = zep.graph.episode.add(graph, data="a" * 10_001)
        await refused(too_long, BadRequestError)
        await refused(zep.graph.edge.list(graph, page_size=101), BadRequestError)

    zep(scenario)
