"""Searches of the Mem0 twin among so many memories that it doesn't look at all of them."""

from __future__ import annotations

import httpx
import pytest

from local.twins import text
from local.twins.mem0.app import create
from tests.functional.twins.mem0_talk import KEY, ME, Run, found

THINGS = ["amber", "coral", "ivory", "olive", "pearl", "ruby", "topaz", "violet", "walnut"]
TOLD = ["Keeps a zebra and drinks tea"] + [
    f"Likes {THINGS[number % len(THINGS)]} tea number{number}" for number in range(900)
]


@pytest.mark.parametrize(
    ("query", "filters"),
    [
        ("zebra tea", ME),
        ("number7 tea", ME),
        ("quantum", ME),
        ("what tea", {**ME, "text": {"icontains": "zebra"}}),
        ("what tea", {**ME, "text": {"icontains": "number1"}}),
        ("ruby tea", {**ME, "metadata": {"part": 1}}),
        ("what tea", {"AND": [ME, {"run_id": "r"}]}),
        ("what tea", {"run_id": {"in": ["r", "s"]}}),
        ("what tea", {"user_id": "*"}),
    ],
)
def test_the_scores_found_are_those_of_a_look_at_every_memory(
    run: Run, query: str, filters: dict[str, object]
) -> None:
    async def scenario(client: httpx.AsyncClient) -> None:
        for part, said in enumerate((TOLD[:500], TOLD[500:])):
            messages = [{"role": "user", "content": one} for one in said]
            body = {"messages": messages, "infer": False, "run_id": "rs"[part], **ME}
            body["metadata"] = {"part": part}
            await client.post("/v3/memories/add/", json=body)
        page = {"filters": filters, "page_size": 200}
        everything, number, more = [], 0, True
        while more:
            number += 1
            answer = (await client.post(f"/v3/memories/?page={number}", json=page)).json()
            everything += [memory["memory"] for memory in answer["results"]]
            more = answer["next"] is not None
        scores = sorted((text.score(query, memory) for memory in everything), reverse=True)
        best = [score for score in scores if score >= 0.1][:10]
        results = await found(client, query, filters=filters)
        assert [one["score"] for one in results] == pytest.approx(best, abs=2e-6)
        assert len({one["id"] for one in results}) == len(results)
        filled = await found(client, query, filters=filters, threshold=0, top_k=1000)
        assert len(filled) == len(everything)

    run(create(data=None, ingestion_ms=1), scenario, authorization=KEY)
