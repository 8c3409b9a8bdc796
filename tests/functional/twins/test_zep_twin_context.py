"""The context block of the Zep twin."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from tests.functional.twins.zep_graphs import KEY, Graph, Json, alone, persons, twin

Run = Callable[..., None]


async def _block(graph: Graph, query: str, **more: Any) -> Json:
    answer = await graph.post("/context", {"query": query, "include_results": True, **more})
    assert answer.status_code == 200, answer.text
    block: Json = answer.json()
    return block


async def _told(graph: Graph, *words: str) -> None:
    for day, said in enumerate(words, 1):
        await graph.tell(said, reference_time=f"2026-01-{day:02}T00:00:00Z")


def test_the_block_has_a_summary_dated_facts_and_whom_they_are_about(run: Run) -> None:
    async def scenario(client: httpx.AsyncClient) -> None:
        graph = await persons(client)
        await _told(graph, "I live in Delhi", "I moved to Mumbai", "My sister Mia lives in Mumbai")
        block = await _block(graph, "Where do I live?")
        text = block["context"]
        summary = text[text.index("<USER_SUMMARY>") : text.index("</USER_SUMMARY>")]
        assert "Lives in Mumbai" in summary
        assert "Delhi" not in summary
        began, moved = "2026-01-01 00:00:00+00:00", "2026-01-02 00:00:00+00:00"
        assert f"  - Lives in Mumbai ({moved} - present)\n" in text
        assert f"  - Lives in Delhi ({began} - {moved})\n" in text
        assert "  - Mumbai: Lives in Mumbai. Sister Mia lives in Mumbai.\n" in text
        assert block["truncated"] is False
        results = block["results"]
        assert [e["selection_rank"] for e in results["edges"]] == [1, 2, 3, 4]
        assert results["edges"][0]["fact"] == "Lives in Mumbai"
        assert results["nodes"][0]["selection_rank"] == 1
        assert results["episodes"] == results["observations"] == []
        without = await graph.post("/context", {"query": "Where do I live?"})
        assert without.json() == {"context": text, "truncated": False}

    run(twin(), scenario, authorization=KEY)


def test_what_does_not_match_fills_up_with_the_newest_that_holds(run: Run) -> None:
    async def scenario(client: httpx.AsyncClient) -> None:
        graph = await persons(client)
        await _told(graph, "I live in Delhi", "I like tea", "I moved to Mumbai")
        facts = [edge["fact"] for edge in (await _block(graph, "tea"))["results"]["edges"]]
        assert facts == ["Likes tea", "Lives in Mumbai"]
        facts = [e["fact"] for e in (await _block(graph, "quantum"))["results"]["edges"]]
        assert facts == ["Lives in Mumbai", "Likes tea"]

    run(twin(), scenario, authorization=KEY)


def test_a_graph_that_is_nobodys_has_no_summary_of_a_person(run: Run) -> None:
    async def scenario(client: httpx.AsyncClient) -> None:
        graph = await alone(client)
        await graph.tell("I like tea")
        text = (await _block(graph, "tea"))["context"]
        assert "<USER_SUMMARY>" not in text
        assert "  - Likes tea (" in text

    run(twin(), scenario, authorization=KEY)


@pytest.mark.parametrize("most", [1, 100, 300, 500, 2500])
def test_the_block_keeps_to_its_length_and_says_when_something_is_left_out(
    run: Run, most: int
) -> None:
    async def scenario(client: httpx.AsyncClient) -> None:
        graph = await persons(client)
        await graph.tell(". ".join(f"I like teapot{number}" for number in range(12)))
        block = await _block(graph, "teapot1", max_characters=most)
        assert len(block["context"]) <= most
        assert block["truncated"] is (most < 2500)
        shown = block["context"].count("  - Likes teapot")
        assert shown == len(block["results"]["edges"])

    run(twin(), scenario, authorization=KEY)


def test_recency_moves_the_newer_up_as_strongly_as_asked(run: Run) -> None:
    async def scenario(client: httpx.AsyncClient) -> None:
        graph = await persons(client)
        await _told(graph, "I like green tea", "I like cold drinks", "I like tea towels")
        for bias, first in [("off", "Likes green tea"), ("strong", "Likes tea towels")]:
            block = await _block(graph, "What green tea do I like?", recency_bias=bias)
            assert block["results"]["edges"][0]["fact"] == first
        mild = (await _block(graph, "like tea", recency_bias="mild"))["results"]["edges"]
        assert mild[0]["fact"] == "Likes tea towels"

    run(twin(), scenario, authorization=KEY)


def test_filters_hold_for_facts_and_entities_alike(run: Run) -> None:
    async def scenario(client: httpx.AsyncClient) -> None:
        graph = await persons(client)
        await _told(graph, "I live in Delhi. I like tea.")
        block = await _block(graph, "tea Delhi", filters={"edge_types": ["LIKES"]})
        assert [edge["fact"] for edge in block["results"]["edges"]] == ["Likes tea"]
        assert "Delhi" not in block["context"].partition("<FACTS>")[2]
        labelled = await _block(graph, "tea Delhi", filters={"node_labels": ["Location"]})
        assert [node["name"] for node in labelled["results"]["nodes"]] == ["Delhi"]
        assert labelled["results"]["edges"] == []

    run(twin(), scenario, authorization=KEY)


@pytest.mark.parametrize(
    "body",
    [
        {"query": ""},
        {"max_characters": 0},
        {"max_characters": 50_001},
        {"max_characters": True},
        {"recency_bias": "much"},
        {"include_results": "yes"},
    ],
)
def test_a_context_that_is_asked_for_wrongly_is_refused(run: Run, body: Json) -> None:
    async def scenario(client: httpx.AsyncClient) -> None:
        graph = await persons(client)
        assert await graph.refused("/context", {"query": "x", **body}) == "invalid_request"
        template = {"query": "x", "template_uuid": str(uuid.uuid4())}
        assert (await graph.post("/context", template)).status_code == 404

    run(twin(), scenario, authorization=KEY)
