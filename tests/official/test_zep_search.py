"""Finding: zep-cloud's searches and `graph.get_context`, on the Zep twin."""

from __future__ import annotations

from typing import Any

import pytest
from zep_cloud.errors import BadRequestError

from tests.official.called import everything, refused
from tests.official.clients import Play
from tests.official.zep_story import ada, settled, told

SENTENCES = ("I like tea", "I live in Delhi", "I play chess", "I work at Acme")


async def _known(zep: Any) -> str:
    """The graph of somebody who has told four things."""
    user, thread = await ada(zep)
    await told(zep, thread, *SENTENCES)
    graph: str = user.graph_uuid
    return graph


def test_the_fact_that_fits_comes_first(zep: Play) -> None:
    async def scenario(zep: Any) -> None:
        graph = await _known(zep)
        for query, word in (("which tea", "tea"), ("live where", "Delhi"), ("chess game", "chess")):
            found = (await zep.graph.search_edges(graph, query=query, page_size=1)).items
            assert word in found[0].fact
        added = await zep.graph.episode.add(graph, data="I like green tea")
        await settled(zep, added.task)
        found = await everything(await zep.graph.search_edges(graph, query="green tea"))
        assert "green tea" in found[0].fact
        assert any("green" not in edge.fact and "tea" in edge.fact for edge in found[1:])
        assert [edge.score for edge in found] == sorted((e.score for e in found), reverse=True)
        assert found[0].score > found[-1].score

    zep(scenario)


@pytest.mark.parametrize(
    "how",
    [
        {"reranker": "rrf"},
        {"reranker": "mmr", "mmr_lambda": 0.5},
        {"reranker": "cross_encoder"},
        {"reranker": "cross_encoder", "filter_low_quality_results": True},
        {"reranker": "episode_mentions"},
    ],
    ids=str,
)
def test_every_reranker_finds_the_fact(zep: Play, how: dict[str, Any]) -> None:
    async def scenario(zep: Any) -> None:
        graph = await _known(zep)
        found = (await zep.graph.search_edges(graph, query="tea", page_size=5, **how)).items
        assert any("tea" in edge.fact for edge in found)

    zep(scenario)


def test_distance_from_a_node_needs_the_node(zep: Play) -> None:
    async def scenario(zep: Any) -> None:
        graph = await _known(zep)
        node = (await zep.graph.search_nodes(graph, query="tea", page_size=1)).items[0]
        found = await zep.graph.search_edges(
            graph, query="tea", reranker="node_distance", center_node_uuid=node.uuid_
        )
        assert any("tea" in edge.fact for edge in found.items)
        await refused(
            zep.graph.search_edges(graph, query="tea", reranker="node_distance"), BadRequestError
        )
        await refused(zep.graph.search_edges(graph, query="tea", reranker="mmr"), BadRequestError)

    zep(scenario)


def test_nodes_and_episodes_are_searched_too(zep: Play) -> None:
    async def scenario(zep: Any) -> None:
        graph = await _known(zep)
        nodes = await everything(await zep.graph.search_nodes(graph, query="Delhi", page_size=2))
        assert "Delhi" in nodes[0].name
        episodes = await everything(
            await zep.graph.search_episodes(graph, query="chess", page_size=2)
        )
        assert episodes[0].content == "I play chess"

    zep(scenario)


def test_summaries_and_observations_are_searched_too(zep: Play) -> None:
    async def scenario(zep: Any) -> None:
        graph = await _known(zep)
        summaries = await everything(await zep.graph.search_thread_summaries(graph, query="tea"))
        assert all(summary.graph_uuid == graph for summary in summaries)
        for observation in await everything(
            await zep.graph.search_observations(graph, query="tea")
        ):
            assert observation.graph_uuid == graph

    zep(scenario)


def test_a_search_is_narrowed_by_name_episode_and_date(zep: Play) -> None:
    async def scenario(zep: Any) -> None:
        user, thread = await ada(zep)
        graph = user.graph_uuid
        tea, chess = await told(zep, thread, "I like tea", "I like chess")
        everywhere = await everything(await zep.graph.search_edges(graph, query="tea chess"))
        assert len(everywhere) == 2
        for filters, word in (
            ({"episode_uuids": [tea.uuid_]}, "tea"),
            ({"episode_uuids": [chess.uuid_]}, "chess"),
            ({"edge_uuids": [everywhere[0].uuid_]}, everywhere[0].fact),
        ):
            found = await everything(
                await zep.graph.search_edges(graph, query="tea chess", filters=filters)
            )
            assert len(found) == 1
            assert word in found[0].fact
        name = everywhere[0].name
        none = {"exclude_edge_types": [name]}
        assert not await everything(
            await zep.graph.search_edges(graph, query="tea chess", filters=none)
        )
        ended = {"field": "invalid_at", "operator": "is_not_null"}
        dates = {"date_filters": {"any_of": [{"all_of": [ended]}]}}
        assert not await everything(
            await zep.graph.search_edges(graph, query="tea chess", filters=dates)
        )

    zep(scenario)


def test_a_filter_that_a_search_does_not_know_is_refused_by_name(zep: Play) -> None:
    async def scenario(zep: Any) -> None:
        graph = await _known(zep)
        for call in (
            zep.graph.search_edges(graph, query="tea", filters={"node_labels": ["User"]}),
            zep.graph.search_nodes(graph, query="tea", filters={"edge_types": ["LIKES"]}),
            zep.graph.search_episodes(graph, query="tea", filters={"edge_types": ["LIKES"]}),
            zep.graph.search_observations(graph, query="tea", filters={"edge_types": ["LIKES"]}),
            zep.graph.edge.list(graph, filters={"content_policy_violated": True}),
        ):
            error = await refused(call, BadRequestError)
            assert error.body.error.code == "unsupported_filter"
        await refused(
            zep.graph.search_episodes(
                graph, query="tea", reranker="cross_encoder", filter_low_quality_results=True
            ),
            BadRequestError,
        )
        await refused(zep.graph.search_edges(graph, query="tea", page_size=51), BadRequestError)

    zep(scenario)


def test_episodes_are_searched_by_their_metadata(zep: Play) -> None:
    async def scenario(zep: Any) -> None:
        user, _ = await ada(zep)
        graph = user.graph_uuid
        for number in range(3):
            added = await zep.graph.episode.add(
                graph, data=f"I like tea number {number}", metadata={"line": number}
            )
            await settled(zep, added.task)
        late = {
            "type": "and",
            "filters": [{"property_name": "line", "operator": "gte", "value": 1}],
        }
        found = await everything(
            await zep.graph.search_episodes(graph, query="tea", filters={"metadata_filters": late})
        )
        assert sorted(episode.metadata["line"] for episode in found) == [1, 2]

    zep(scenario)


def test_context_for_a_question_has_what_fits_within_its_bound(zep: Play) -> None:
    async def scenario(zep: Any) -> None:
        graph = await _known(zep)
        whole = await zep.graph.get_context(graph, query="tea", include_results=True)
        assert "tea" in whole.context
        assert whole.truncated is False
        assert any("tea" in edge.fact for edge in whole.results.edges)
        for bias in ("off", "mild", "strong"):
            answer = await zep.graph.get_context(graph, query="tea", recency_bias=bias)
            assert "tea" in answer.context
            assert answer.results is None
        short = await zep.graph.get_context(graph, query="tea", max_characters=120)
        assert len(short.context) <= 120
        assert short.truncated is True

    zep(scenario)
