"""What the Mem0 twin takes for the same, for fuller and for replaced: nothing distinct is lost."""

from __future__ import annotations

import httpx
import pytest

from local.twins.mem0.app import create
from tests.functional.twins.mem0_talk import KEY, ME, Run, Settled, found, kept, listed, said

DISTINCT = [
    ("I have 2 kids", "I have 3 kids"),
    ("My sister's name is Anna", "My sister's name is Anne"),
    ("My sister's name is Ann", "My sister's name is Anne"),
    ("My sister's name is Mary", "My sister's name is Marie"),
    ("I like tea", "I don't like tea"),
    ("I like C", "I like C++"),
    ("I like C++", "I like C#"),
    ("I like \U0001f355", "I like \U0001f3b8"),
    ("I like animals", "I like animation"),
    ("I like markets", "I like marketing"),
    ("I live in York", "I moved to New York"),
    ("I live in New York", "I moved to York"),
    ("I live in Mexico", "I moved to Mexico City"),
    ("I live in Delhi", "I used to live in Delhi"),
]


@pytest.mark.parametrize(("first", "second"), DISTINCT)
def test_what_is_distinct_is_kept_and_shown(
    run: Run, settled: Settled, first: str, second: str
) -> None:
    async def scenario(client: httpx.AsyncClient) -> None:
        assert len(await said(client, settled, first)) == 1
        assert len(await said(client, settled, second)) == 1
        assert len(await listed(client)) == 2

    run(create(data=None, ingestion_ms=1), scenario, authorization=KEY)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("I live in paris", "I live in Paris"),
        ("I like Movies", "I like movies"),
        ("I live in Pune near the river", "I live in Pune"),
        ("I live in Pune, India", "I live in Pune"),
    ],
)
def test_what_says_no_more_is_dropped(run: Run, settled: Settled, first: str, second: str) -> None:
    async def scenario(client: httpx.AsyncClient) -> None:
        assert len(await said(client, settled, first)) == 1
        assert await said(client, settled, second) == []

    run(create(data=None, ingestion_ms=1), scenario, authorization=KEY)


def test_there_and_back_again_is_three_statements_of_which_the_last_holds(
    run: Run, settled: Settled
) -> None:
    async def scenario(client: httpx.AsyncClient) -> None:
        for place in ("Delhi", "Mumbai", "Delhi"):
            assert len(await said(client, settled, f"I live in {place}")) == 1
        assert await listed(client) == ["Lives in Delhi", "Lives in Mumbai", "Lives in Delhi"]
        assert await listed(client, latest_only=True) == ["Lives in Delhi"]

    run(create(data=None, ingestion_ms=1), scenario, authorization=KEY)


def test_without_the_middle_of_a_chain_the_last_still_replaces_the_first(
    run: Run, settled: Settled
) -> None:
    async def scenario(client: httpx.AsyncClient) -> None:
        ids = []
        for place in ("Delhi", "Mumbai", "Pune"):
            (one,) = await said(client, settled, f"I live in {place}")
            ids.append(one["id"])
        await client.delete(f"/v1/memories/{ids[1]}/")
        assert await listed(client, latest_only=True) == ["Lives in Pune"]
        first = (await client.get(f"/v1/memories/{ids[0]}/")).json()
        assert first["replaced_by"] == ids[2]
        await client.delete(f"/v1/memories/{ids[2]}/")
        assert await listed(client, latest_only=True) == ["Lives in Delhi"]

    run(create(data=None, ingestion_ms=1), scenario, authorization=KEY)


def test_a_barer_copy_of_what_was_replaced_and_deleted_is_replaced_too(
    run: Run, settled: Settled
) -> None:
    async def scenario(client: httpx.AsyncClient) -> None:
        await said(client, settled, "My name is Ada")
        (fuller,) = await said(client, settled, "My name is Ada Lovelace")
        await said(client, settled, "My name is Grace")
        await client.delete(f"/v1/memories/{fuller['id']}/")
        assert await listed(client) == ["Name is Grace", "Name is Ada"]
        assert await listed(client, latest_only=True) == ["Name is Grace"]

    run(create(data=None, ingestion_ms=1), scenario, authorization=KEY)


@pytest.mark.parametrize("hidden", ["I live in Pune", "I live in Pune near the river"])
def test_what_is_hidden_by_its_date_may_be_said_again(
    run: Run, settled: Settled, hidden: str
) -> None:
    async def scenario(client: httpx.AsyncClient) -> None:
        await said(client, settled, hidden, expiration_date="2020-01-01")
        assert await listed(client) == []
        assert len(await said(client, settled, "I live in Pune")) == 1
        assert await listed(client) == ["Lives in Pune"]
        assert await listed(client, latest_only=True) == ["Lives in Pune"]

    run(create(data=None, ingestion_ms=1), scenario, authorization=KEY)


def test_a_date_hides_a_memory_and_null_brings_it_back(run: Run) -> None:
    async def scenario(client: httpx.AsyncClient) -> None:
        memory = f"/v1/memories/{await kept(client, 'tea')}/"
        assert (await client.put(memory, json={"expiration_date": "2020-01-01"})).is_success
        assert (await listed(client), await found(client, "tea")) == ([], [])
        assert await listed(client, show_expired=True) == ["tea"]
        assert await listed(client, {**ME, "expiration_date": {"lt": "2021-01-01"}}) == []
        assert (await client.put(memory, json={"expiration_date": None})).is_success
        assert await listed(client) == ["tea"]

    run(create(data=None, ingestion_ms=1), scenario, authorization=KEY)


def test_what_is_hidden_can_be_said_again_unless_the_switch_lets_it_count(
    run: Run, settled: Settled
) -> None:
    async def scenario(client: httpx.AsyncClient) -> None:
        async def said_and_hidden() -> int:
            made = await said(client, settled, "I live in Delhi")
            for memory in made:
                path, past = f"/v1/memories/{memory['id']}/", {"expiration_date": "2020-01-01"}
                assert (await client.put(path, json=past)).status_code == 200
            return len(made)

        assert await said_and_hidden() == 1
        assert await said_and_hidden() == 1
        await client.post("/_twin/expiration", json={"hidden_count": True})
        assert await said_and_hidden() == 0
        assert len(await said(client, settled, "I live in Mumbai")) == 1
        await client.post("/_twin/reset")
        assert await said_and_hidden() == 1

    run(create(data=None, ingestion_ms=1), scenario, authorization=KEY)
