"""Searches of the Zep twin: what they find, in which order, and what they refuse."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from tests.functional.twins.zep_graphs import KEY, V4, Graph, Json, persons, twin

Run = Callable[..., None]
ALL_KINDS = ("edges", "nodes", "episodes", "observations", "thread-summaries")


async def _found(graph: Graph, kind: str, query: str, **more: Any) -> list[Json]:
    return await graph.everything(f"/search/{kind}", {"query": query, **more})


async def _told(graph: Graph, *words: str) -> None:
    for day, said in enumerate(words, 1):
        await graph.tell(said, reference_time=f"2026-01-{day:02}T00:00:00Z")


def test_facts_are_ranked_by_words_and_what_holds_goes_before_what_is_over(run: Run) -> None:
    async def scenario(client: httpx.AsyncClient) -> None:
        graph = await persons(client)
        await _told(graph, "I live in Delhi. I like chess.", "I moved to Mumbai")
        found = await _found(graph, "edges", "Where do I live?")
        assert [edge["fact"] for edge in found] == ["Lives in Mumbai", "Lives in Delhi"]
        assert all(0 < edge["score"] <= 1 for edge in found)
        assert all("relevance" not in edge for edge in found)
        found = await _found(graph, "edges", "Where do I live?", reranker="cross_encoder")
        assert [edge["relevance"] for edge in found] == [edge["score"] for edge in found]
        assert await _found(graph, "edges", "quantum physics") == []

    run(twin(), scenario, authorization=KEY)


def test_pages_of_a_search_give_its_ranked_set_once_and_end(run: Run) -> None:
    async def scenario(client: httpx.AsyncClient) -> None:
        graph = await persons(client)
        things = [f"thing{number}" for number in range(7)]
        await graph.tell(". ".join(f"I like {thing}" for thing in things))
        for kind, shown in [("edges", "fact"), ("nodes", "name")]:
            whole = await _found(graph, kind, "What do I like?")
            paged = await graph.everything(
                f"/search/{kind}", {"query": "What do I like?"}, page_size=3
            )
            assert paged == whole
            assert {item[shown] for item in whole} >= (
                {f"Likes {thing}" for thing in things} if kind == "edges" else set(things)
            )

    run(twin(), scenario, authorization=KEY)


def test_nodes_are_found_by_name_and_by_what_their_facts_tell(run: Run) -> None:
    async def scenario(client: httpx.AsyncClient) -> None:
        graph = await persons(client, first_name="Ada")
        await _told(graph, "My sister Mia lives in Rome.")
        found = await _found(graph, "nodes", "Who is Mia?")
        assert found[0]["name"] == "Mia"
        assert {"episode_uuids", "episode_uuids_truncated"} <= set(found[0])
        names = [node["name"] for node in await _found(graph, "nodes", "Where does my sister live")]
        assert {"Mia", "Rome"} <= set(names)

    run(twin(), scenario, authorization=KEY)


def test_episodes_are_found_once_they_are_ingested(run: Run) -> None:
    async def scenario(client: httpx.AsyncClient) -> None:
        graph = await persons(client)
        await _told(graph, "The weather was grim", "Nothing of note")
        found = await _found(graph, "episodes", "grim weather")
        assert [episode["content"] for episode in found] == ["The weather was grim"]
        assert found[0]["score"] > 0
        await client.post("/_twin/ingestion", json={"milliseconds": 60_000})
        await graph.post("/episodes", {"data": "grim tidings"})
        assert len(await _found(graph, "episodes", "grim")) == 1

    run(twin(), scenario, authorization=KEY)


def test_an_observation_is_a_fact_that_holds_and_was_said_twice(run: Run) -> None:
    async def scenario(client: httpx.AsyncClient) -> None:
        graph = await persons(client)
        await _told(graph, "I live in Delhi. I like tea.", "I live in Delhi", "Hello")
        (steady,) = await _found(graph, "observations", "Where do I live? What tea?")
        assert steady["summary"] == "Lives in Delhi. Stated 2 times."
        assert len(steady["episode_uuids"]) == 2
        assert steady["labels"][0] == "Observation"
        assert steady["uuid"] != (await graph.facts())["Lives in Delhi"]["uuid"]
        again = await _found(graph, "observations", "live")
        assert [one["uuid"] for one in again] == [steady["uuid"]]
        await graph.tell("I moved to Mumbai", reference_time="2026-02-01T00:00:00Z")
        assert await _found(graph, "observations", "live") == []
        second = await graph.tell("I like tea", reference_time="2026-02-02T00:00:00Z")
        assert len(await _found(graph, "observations", "tea")) == 1
        await graph.delete(f"/episodes/{second}")
        assert await _found(graph, "observations", "tea") == []

    run(twin(), scenario, authorization=KEY)


def test_thread_summaries_are_found_by_what_was_said_in_the_thread(run: Run) -> None:
    async def scenario(client: httpx.AsyncClient) -> None:
        graph = await persons(client)
        threads = []
        for words in ("I play chess on Sundays", "I drink tea"):
            made = await client.post(f"{V4}/threads", json={"user_uuid": graph.owner})
            threads.append(made.json()["uuid"])
            message = {"role": "user", "content": words, "metadata": {"mood": words[2:7]}}
            path = f"{V4}/threads/{threads[-1]}/messages"
            await graph.ended(await client.post(path, json={"messages": [message]}))
        (found,) = await _found(graph, "thread-summaries", "chess")
        assert found["thread_uuid"] == threads[0]
        shown = (await client.get(f"{V4}/threads/{threads[0]}/summary")).json()
        assert {**shown, "score": found["score"]} == found
        group = {"filters": [{"property_name": "mood", "operator": "contains", "value": "drink"}]}
        filters = {"metadata_filters": group}
        assert await _found(graph, "thread-summaries", "chess", filters=filters) == []
        assert len(await _found(graph, "thread-summaries", "tea", filters=filters)) == 1

    run(twin(), scenario, authorization=KEY)


def test_distance_to_a_node_and_origins_decide_between_facts(run: Run) -> None:
    async def scenario(client: httpx.AsyncClient) -> None:
        graph = await persons(client)
        await _told(graph, "I like tea. I like chess. My sister Mia likes tea.")
        nodes = await graph.names()
        mia, chess = nodes["Mia"]["uuid"], nodes["chess"]["uuid"]
        center = {"reranker": "node_distance", "center_node_uuid": chess}
        near = await _found(graph, "edges", "What do I like?", **center)
        assert near[0]["fact"] == "Likes chess"
        assert near[0]["score"] == 1
        scores = [edge["score"] for edge in near]
        assert scores == sorted(scores, reverse=True)
        plain = await _found(graph, "edges", "tea")
        assert plain[0]["fact"] == "Likes tea"
        biased = await _found(graph, "edges", "tea", bfs_origin_node_uuids=[mia])
        # What hangs on the origin is found too, though it says nothing of tea.
        assert {edge["fact"] for edge in biased} >= {"Sister Mia likes tea", "Likes tea"}
        of_mia = [edge for edge in biased if edge["source_node_uuid"] == mia]
        assert all(edge["score"] > 0 for edge in of_mia)
        near = await _found(graph, "nodes", "tea", **{**center, "center_node_uuid": mia})
        assert near[0]["name"] == "Mia"

    run(twin(), scenario, authorization=KEY)


def test_mmr_puts_variety_before_repetition_as_its_lambda_says(run: Run) -> None:
    async def scenario(client: httpx.AsyncClient) -> None:
        graph = await persons(client)
        await graph.tell("I like green tea cups. I like green tea pots. I like coffee.")
        query = "green tea coffee"
        plain = await _found(graph, "edges", query, reranker="mmr", mmr_lambda=1)
        assert [edge["fact"] for edge in plain][-1] == "Likes coffee"
        varied = await _found(graph, "edges", query, reranker="mmr", mmr_lambda=0.3)
        assert [edge["fact"] for edge in varied][1] == "Likes coffee"

    run(twin(), scenario, authorization=KEY)


def test_what_more_episodes_mention_goes_first(run: Run) -> None:
    async def scenario(client: httpx.AsyncClient) -> None:
        graph = await persons(client)
        await _told(graph, "I like tea", "I like tea", "I like chess")
        plain = await _found(graph, "edges", "What do I like?")
        assert plain[0]["fact"] == "Likes chess"
        often = await _found(graph, "edges", "What do I like?", reranker="episode_mentions")
        assert [(edge["fact"], edge["score"]) for edge in often] == [
            ("Likes tea", 2), ("Likes chess", 1)]  # fmt: skip

    run(twin(), scenario, authorization=KEY)


def test_low_quality_is_left_out_after_the_knee_but_never_the_first_five(run: Run) -> None:
    async def scenario(client: httpx.AsyncClient) -> None:
        graph = await persons(client)
        good = [f"I like green tea number{number}" for number in range(6)]
        weak = [f"I own green box{number}" for number in range(4)]
        await graph.tell(". ".join([*good, *weak]))
        body = {"query": "like green tea", "reranker": "cross_encoder"}
        whole = await graph.everything("/search/edges", body)
        lean = await graph.everything("/search/edges", {**body, "filter_low_quality_results": True})
        assert len(whole) == 10
        assert lean == whole[:6]
        few = {**body, "query": "green", "filter_low_quality_results": True}
        assert len(await graph.everything("/search/edges", few)) >= 5

    run(twin(), scenario, authorization=KEY)


def test_a_query_counts_up_to_its_four_hundredth_character(run: Run) -> None:
    async def scenario(client: httpx.AsyncClient) -> None:
        graph = await persons(client)
        await graph.tell("I like tea")
        assert await _found(graph, "edges", "x " * 200 + "tea") == []
        assert len(await _found(graph, "edges", "x" * 396 + " tea")) == 1

    run(twin(), scenario, authorization=KEY)


@pytest.mark.parametrize("kind", ALL_KINDS)
@pytest.mark.parametrize(
    "body",
    [
        {},
        {"query": " "},
        {"query": 7},
        {"query": "x", "reranker": "best"},
        {"query": "x", "reranker": "mmr"},
        {"query": "x", "reranker": "mmr", "mmr_lambda": 1.5},
        {"query": "x", "reranker": "node_distance"},
        {"query": "x", "filter_low_quality_results": True},
        {"query": "x", "bfs_origin_node_uuids": [str(uuid.uuid4())] * 257},
        {"query": "x", "filters": []},
    ],
)
def test_a_search_that_lacks_what_it_needs_is_refused(
    run: Run, kind: str, body: dict[str, Any]
) -> None:
    async def scenario(client: httpx.AsyncClient) -> None:
        graph = await persons(client)
        assert await graph.refused(f"/search/{kind}", body) == "invalid_request"
        assert await graph.refused(f"/search/{kind}", {"query": "x"}, page_size=51)
        assert await graph.refused(f"/search/{kind}", {"query": "x"}, cursor="nonsense")
        centred = {"query": "x", "reranker": "node_distance"}
        wrong = {**centred, "center_node_uuid": "me"}
        assert await graph.refused(f"/search/{kind}", wrong) == "invalid_identifier"
        strange = {**centred, "center_node_uuid": str(uuid.uuid4())}
        assert (await graph.post(f"/search/{kind}", strange)).status_code == 404

    run(twin(), scenario, authorization=KEY)


def test_episodes_are_never_filtered_for_quality(run: Run) -> None:
    async def scenario(client: httpx.AsyncClient) -> None:
        graph = await persons(client)
        body = {"query": "x", "reranker": "cross_encoder", "filter_low_quality_results": True}
        assert await graph.refused("/search/episodes", body) == "invalid_request"
        assert (await graph.post("/search/nodes", body)).status_code == 200

    run(twin(), scenario, authorization=KEY)
