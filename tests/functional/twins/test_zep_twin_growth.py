"""The Zep twin's graph when it is large, and when its file is old."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from local.twins import index, text
from local.twins.storage import Storage
from local.twins.zep import ranking
from local.twins.zep.app import create
from tests.functional.twins.zep_graphs import KEY, Graph, persons, twin

Run = Callable[..., None]


@pytest.fixture
def store() -> Iterator[Storage]:
    storage = Storage(None, index.SCHEMA)
    yield storage
    storage.close()


def _fill(store: Storage, *facts: str) -> None:
    for number, fact in enumerate(facts):
        index.put(store, collection="ada", document=f"{number}", text=fact)


def _best(store: Storage, query: str, most: int) -> dict[str, float]:
    sql, values = index.best(store, collection="ada", query=query, most=most)
    return {row["document"]: row["score"] for row in store.rows(sql, *values)}


def test_the_best_of_a_small_collection_are_all_that_match(store: Storage) -> None:
    facts = ["Likes green tea", "Lives in Delhi", "Likes chess"]
    _fill(store, *facts)
    for query in ("What tea do I like?", "live", "what do you know about me?", "opera"):
        scores = {str(n): text.score(query, fact) for n, fact in enumerate(facts)}
        found = {document: score for document, score in scores.items() if score}
        assert _best(store, query, 50) == pytest.approx(found, abs=2e-6)


def test_the_best_of_a_large_collection_have_the_rare_word_then_are_the_newest(
    store: Storage,
) -> None:
    facts = [f"Likes tea with spice{number}" for number in range(400)]
    facts[3] = "Likes tea with saffron"
    _fill(store, *facts)
    found = _best(store, "Do I like tea with saffron?", 40)
    assert len(found) <= 40
    assert max(found, key=found.__getitem__) == "3"
    assert {"399", "398", "397"} <= set(found)
    expected = text.score("Do I like tea with saffron?", facts[3])
    assert found["3"] == pytest.approx(expected, abs=2e-6)
    assert set(_best(store, "tea", 4)) == {"399", "398", "397", "396"}
    assert set(_best(store, "what do you know about me?", 5)) == {"399", "398", "397", "396", "395"}


def test_documents_that_were_chosen_before_have_the_scores_that_they_have_among_all(
    store: Storage,
) -> None:
    _fill(store, "Likes green tea", "Lives in Delhi", "Likes chess", "Sister likes green tea")
    for query in ("Do I like green tea?", "chess", "what do you know about me?", "opera"):
        everything = index.matches("ada", query)
        all_scores = {
            r["document"]: r["score"] for r in store.rows(everything.sql, *everything.values)
        }
        chosen = ["0", "2", "3", "unknown"]
        some = index.among(collection="ada", query=query, documents=chosen)
        scores = {row["document"]: row["score"] for row in store.rows(some.sql, *some.values)}
        assert scores == {name: all_scores[name] for name in chosen if name in all_scores}
        nobody = index.among(collection="bob", query=query, documents=chosen)
        assert not store.rows(nobody.sql, *nobody.values)


def test_what_is_one_or_two_edges_from_a_start_is_found_from_its_own_end() -> None:
    storage = Storage(None, "create table edges (source_uuid text, target_uuid text);")
    draw = random.Random(4)  # noqa: S311 - to be repeatable is the point
    nodes = [f"n{number}" for number in range(30)]
    for _ in range(25):
        source, target = draw.sample(nodes, 2)
        storage.insert("edges", source_uuid=source, target_uuid=target)
    seen = set[int]()
    for start in nodes:
        expected = {start: 0}
        for distance in (1, 2):
            ranking._step(storage, expected, distance)
        found = {start: 0}
        ranking._two_steps_to(storage, found, set(nodes))
        assert found == expected
        seen |= set(found.values())
    storage.close()
    assert seen == {0, 1, 2}


def test_the_newest_of_many_that_match_alike_are_found_and_old_rare_ones_too(run: Run) -> None:
    async def scenario(client: httpx.AsyncClient) -> None:
        graph = await persons(client)
        await graph.tell("I like saffron buns")
        for start in range(0, 600, 60):
            things = range(start, start + 60)
            await graph.tell(". ".join(f"I like bun{number}" for number in things))
        body = {"query": "What do I like?"}
        found = await graph.everything("/search/edges", body, page_size=50)
        assert 50 < len(found) <= 200
        assert found[0]["fact"] == "Likes bun599"
        rare = (await graph.post("/search/edges", {"query": "Do I like saffron?"})).json()["items"]
        assert rare[0]["fact"] == "Likes saffron buns"
        filtered = {**body, "filters": {"edge_types": ["HATES"]}}
        assert (await graph.post("/search/edges", filtered)).json()["items"] == []
        filtered = {**body, "filters": {"edge_uuids": [rare[0]["uuid"]]}}
        (only,) = (await graph.post("/search/edges", filtered)).json()["items"]
        assert only["uuid"] == rare[0]["uuid"]
        me = (await graph.names())["User"]
        assert me["summary"].endswith("Likes bun599.")
        assert len(me["summary"]) < 1000

    run(twin(), scenario, authorization=KEY)


def _make_old(file: Path) -> None:
    """Takes from the file what files had not before there were graphs of their own."""
    with sqlite3.connect(file) as old:
        for name in ("index_documents", "index_postings", "graphs", "thread_summaries"):
            old.execute(f"drop table {name}")
        for (name,) in old.execute(
            "select name from sqlite_master where type = 'index' and sql is not null"
        ).fetchall():
            old.execute(f"drop index {name}")
        for table, column in [
            ("edges", "value"), ("edges", "attributes"), ("nodes", "summary"),
            ("nodes", "attributes"), ("episodes", "document_id"), ("episodes", "shadow"),
        ]:  # fmt: skip
            old.execute(f"alter table {table} drop column {column}")
    old.close()


def test_a_file_of_an_older_version_is_indexed_when_it_is_opened(run: Run, tmp_path: Path) -> None:
    seen: dict[str, str] = {}

    async def before(client: httpx.AsyncClient) -> None:
        graph = await persons(client)
        await graph.tell("I live in Delhi. I like tea.", reference_time="2026-01-01T00:00:00Z")
        await graph.tell("I like tea", reference_time="2026-01-02T00:00:00Z")
        seen["base"] = graph.base

    async def after(client: httpx.AsyncClient) -> None:
        graph = Graph(client, seen["base"], None)
        for kind, query, shown in [
            ("edges", "Where do I live?", "Lives in Delhi"),
            ("nodes", "Delhi", "Delhi"),
            ("episodes", "Delhi", "I live in Delhi. I like tea."),
            ("observations", "tea", "Likes tea. Stated 2 times."),
        ]:
            items = (await graph.post(f"/search/{kind}", {"query": query})).json()["items"]
            assert shown in items[0].values()
        await graph.tell("I moved to Mumbai", reference_time="2026-02-01T00:00:00Z")
        assert "invalid_at" in (await graph.facts())["Lives in Delhi"]

    run(create(data=tmp_path, ingestion_ms=1), before, authorization=KEY)
    _make_old(tmp_path / "zep.sqlite3")
    run(create(data=tmp_path, ingestion_ms=1), after, authorization=KEY)
