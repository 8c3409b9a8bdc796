"""What the Mem0 twin learns: additions alone, near-duplicates dropped, older statements marked."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from local.twins.mem0.app import create
from local.twins.mem0.near import near
from tests.functional.twins.mem0_talk import KEY, ME, Run, Settled, found, kept, listed, said


def turns(*spoken: tuple[str, str]) -> list[dict[str, Any]]:
    return [{"role": role, "content": content} for role, content in spoken]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Likes mangoes", "likes the  MANGO!"),
        ("Has a dog", "has my dog."),
        ("Favourite colours are red", "favourite colour are red"),
    ],
)
def test_near_duplicates_differ_in_case_marks_articles_and_endings(one: str, other: str) -> None:
    assert near(one) == near(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Likes tea", "Does not like tea"),
        ("Likes tea", "Likes green tea"),
        ("Travels to Delhi", "Travels from Delhi"),
        ("Anna likes Ben", "Ben likes Anna"),
        ("Is 30 years old", "Is 31 years old"),
        ("!!", "??"),
    ],
)
def test_what_says_something_else_is_no_near_duplicate(one: str, other: str) -> None:
    assert near(one) != near(other)


def test_near_duplicates_are_dropped_within_a_scope_alone(run: Run, settled: Settled) -> None:
    async def scenario(client: httpx.AsyncClient) -> None:
        assert len(await said(client, settled, "I like mangoes")) == 1
        assert await said(client, settled, "I really like the mangoes!") == []
        assert len(await said(client, settled, "I like mangoes", run_id="r", **ME)) == 1
        assert len(await said(client, settled, "I like mangoes", user_id="test:2")) == 1
        assert await listed(client) == ["Likes mangoes", "Likes mangoes"]

    run(create(data=None, ingestion_ms=1), scenario, authorization=KEY)


def test_verbatim_texts_are_told_apart_exactly_and_from_what_was_extracted(
    run: Run, settled: Settled
) -> None:
    async def scenario(client: httpx.AsyncClient) -> None:
        await said(client, settled, "I like tea")
        await kept(client, "Likes tea")
        await kept(client, "Likes tea!")
        body = {**ME, "infer": False}
        talk = turns(("system", "Be kind"), ("user", "Likes tea"), ("assistant", "Noted"))
        again = await client.post("/v3/memories/add/", json={**body, "messages": talk})
        assert [one["data"]["memory"] for one in again.json()["results"]] == ["Noted"]
        assert await listed(client) == ["Noted", "Likes tea!", "Likes tea", "Likes tea"]

    run(create(data=None, ingestion_ms=1), scenario, authorization=KEY)


def test_a_later_statement_marks_the_older_one_which_stays(run: Run, settled: Settled) -> None:
    async def scenario(client: httpx.AsyncClient) -> None:
        (delhi,) = await said(client, settled, "I live in Delhi")
        (pune,) = await said(client, settled, "I moved to Pune")
        assert await listed(client) == ["Lives in Pune", "Lives in Delhi"]
        older = (await client.get(f"/v1/memories/{delhi['id']}/")).json()
        assert older["replaced_by"] == pune["id"]
        assert await listed(client, latest_only=True) == ["Lives in Pune"]
        assert len(await found(client, "where do I live", latest_only=True)) == 1
        await client.delete(f"/v1/memories/{pune['id']}/")
        assert await listed(client, latest_only=True) == ["Lives in Delhi"]

    run(create(data=None, ingestion_ms=1), scenario, authorization=KEY)


def test_words_that_arrive_late_replace_nothing_that_was_said_after_them(
    run: Run, settled: Settled
) -> None:
    async def scenario(client: httpx.AsyncClient) -> None:
        await said(client, settled, "I live in Pune", timestamp=1_700_000_000)
        await said(client, settled, "I live in Delhi", timestamp=1_600_000_000)
        assert await listed(client, latest_only=True) == ["Lives in Pune"]
        assert await said(client, settled, "I live in Delhi", timestamp=1_650_000_000) == []
        back = await said(client, settled, "I live in Delhi", timestamp=1_750_000_000)
        assert len(back) == 1
        assert await listed(client, latest_only=True) == ["Lives in Delhi"]

    run(create(data=None, ingestion_ms=1), scenario, authorization=KEY)


def test_a_change_of_mind_replaces_a_liking(run: Run, settled: Settled) -> None:
    async def scenario(client: httpx.AsyncClient) -> None:
        await said(client, settled, "I like tea and jazz")
        await said(client, settled, "I no longer like tea")
        assert await listed(client, latest_only=True) == ["No longer likes tea", "Likes jazz"]

    run(create(data=None, ingestion_ms=1), scenario, authorization=KEY)


def test_a_barer_copy_is_merged_into_the_fuller_one(run: Run, settled: Settled) -> None:
    async def scenario(client: httpx.AsyncClient) -> None:
        (bare,) = await said(client, settled, "My name is Ada")
        (full,) = await said(client, settled, "My name is Ada Lovelace")
        assert await said(client, settled, "My name is Ada") == []
        assert await listed(client) == ["Name is Ada Lovelace"]
        assert len(await listed(client, include_merged=True)) == 2
        assert await listed(client, include_merged=True, latest_only=True) == [
            "Name is Ada Lovelace"
        ]
        shown = (await client.get(f"/v1/memories/{bare['id']}/")).json()
        assert (shown["memory"], shown["replaced_by"]) == ("Name is Ada", None)
        answer = await client.delete(f"/v1/memories/{full['id']}/?delete_linked=true")
        assert answer.json()["cascade_count"] == 1
        assert await listed(client, include_merged=True) == []

    run(create(data=None, ingestion_ms=1), scenario, authorization=KEY)


def test_a_chain_of_replaced_statements_goes_with_the_latest_on_request(
    run: Run, settled: Settled
) -> None:
    async def scenario(client: httpx.AsyncClient) -> None:
        for place in ("Delhi", "Pune", "Goa"):
            (last,) = await said(client, settled, f"I live in {place}")
        await said(client, settled, "I like tea")
        answer = await client.delete(f"/v1/memories/{last['id']}/?delete_linked=true")
        assert answer.json() == {"message": "Memory deleted successfully!", "cascade_count": 2}
        assert await listed(client) == ["Likes tea"]

    run(create(data=None, ingestion_ms=1), scenario, authorization=KEY)


def test_each_fact_belongs_to_who_said_it(run: Run, settled: Settled) -> None:
    async def scenario(client: httpx.AsyncClient) -> None:
        talk = turns(
            ("system", "I like rules"), ("user", "I like tea"), ("assistant", "I speak Hindi")
        )
        both = {**ME, "agent_id": "bot", "app_id": "web", "run_id": "r"}
        await said(client, settled, talk, **both)
        page = await client.post("/v3/memories/", json={"filters": {"run_id": "r"}})
        owners = {
            one["memory"]: (one["user_id"], one["agent_id"], one["app_id"])
            for one in page.json()["results"]
        }
        assert owners == {
            "Likes tea": ("test:1", None, "web"),
            "Speaks Hindi": (None, "bot", "web"),
        }
        await said(client, settled, talk, user_id="test:2")
        assert await listed(client, {"user_id": "test:2"}) == ["Likes tea"]
        await said(client, settled, talk, agent_id="alone")
        assert await listed(client, {"agent_id": "alone"}) == ["Speaks Hindi", "Likes tea"]
        await kept(client, "As it is", agent_id="bot")
        assert await listed(client, {"AND": [ME, {"agent_id": "bot"}]}) == ["As it is"]

    run(create(data=None, ingestion_ms=1), scenario, authorization=KEY)


def test_content_of_other_kinds_is_taken_and_only_its_text_is_read(
    run: Run, settled: Settled
) -> None:
    async def scenario(client: httpx.AsyncClient) -> None:
        image = {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}
        pdf = {"type": "pdf_url", "pdf_url": {"url": "data:application/pdf;base64,AA=="}}
        assert await said(client, settled, [{"role": "user", "content": image}]) == []
        parts = [image, pdf, {"type": "text", "text": "I like tea"}]
        (made,) = await said(client, settled, [{"role": "user", "content": parts}])
        assert made["data"] == {"memory": "Likes tea"}
        for content, more in (
            (3, {}), (None, {}), ([{"type": "video"}], {}), ({"type": "image_url"}, {}),
            (image, {"infer": False}),
        ):  # fmt: skip
            body = {"messages": [{"role": "user", "content": content}], **ME, **more}
            answer = await client.post("/v3/memories/add/", json=body)
            assert (answer.status_code, answer.json()["error"]) == (400, "400 Bad Request")

    run(create(data=None, ingestion_ms=1), scenario, authorization=KEY)


def test_options_of_an_add_are_checked(run: Run) -> None:
    async def scenario(client: httpx.AsyncClient) -> None:
        body = {"messages": turns(("user", "I like tea")), **ME}
        for wrong in (
            {"custom_categories": ["food"]}, {"custom_categories": [{"food": 3}]},
            {"custom_categories": "food"}, {"metadata": []}, {"timestamp": "soon"},
            {"timestamp": True}, {"timestamp": 10**15}, {"expiration_date": "20260101"},
            {"expiration_date": "2026-02-30"}, {"infer": "no"}, {"immutable": 1},
            {"messages": "x"}, {"messages": [{"role": "tool", "content": "x"}]},
            {"user_id": 3}, {"user_id": None}, {"user_id": None, "filters": ME},
        ):  # fmt: skip
            answer = await client.post("/v3/memories/add/", json={**body, **wrong})
            assert answer.status_code == 400, wrong
            assert answer.json()["detail"]
        accepted = {
            "custom_instructions": "Only food", "agent_custom_instructions": "x", "includes": "x",
            "structured_data_schema": {}, "enable_graph": True, "async_mode": False, "org_id": "o",
            "output_format": "v1.1", "version": "v2", "timezone": "UTC", "source": "CLI",
        }  # fmt: skip
        answer = await client.post("/v3/memories/add/", json={**body, **accepted})
        assert (answer.status_code, set(answer.json())) == (200, {"event_id", "status"})

    run(create(data=None, ingestion_ms=1), scenario, authorization=KEY)


def test_categories_are_filled_in_by_rule_or_from_a_callers_own(run: Run, settled: Settled) -> None:
    async def scenario(client: httpx.AsyncClient) -> None:
        own = [{"drinks": "tea, coffee and juice"}, {"cars": "anything with wheels"}]
        await said(client, settled, "I like tea", custom_categories=own)
        await said(client, settled, "I work at Acme")
        await kept(client, "qwertz")
        page = (await client.post("/v3/memories/", json={"filters": ME})).json()
        shown = {one["memory"]: one["categories"] for one in page["results"]}
        assert shown == {
            "Likes tea": ["drinks"],
            "Works at Acme": ["professional_details"],
            "qwertz": ["misc"],
        }

    run(create(data=None, ingestion_ms=1), scenario, authorization=KEY)


def test_an_immutable_memory_can_be_deleted_but_not_changed(run: Run, settled: Settled) -> None:
    async def scenario(client: httpx.AsyncClient) -> None:
        (made,) = await said(client, settled, "I like tea", immutable=True)
        path = f"/v1/memories/{made['id']}/"
        assert (await client.put(path, json={"text": "x"})).status_code == 400
        body = {"memories": [{"memory_id": made["id"], "text": "x"}]}
        assert (await client.put("/v1/batch/", json=body)).status_code == 400
        assert await listed(client) == ["Likes tea"]
        assert (await client.delete(path)).status_code == 200

    run(create(data=None, ingestion_ms=1), scenario, authorization=KEY)


def test_past_expiration_dates_are_taken_until_the_switch_refuses_them(run: Run) -> None:
    async def scenario(client: httpx.AsyncClient) -> None:
        body = {"messages": turns(("user", "x")), **ME, "expiration_date": "2020-01-01"}
        memory = await kept(client, "y")
        past = {"expiration_date": "2020-01-01"}

        async def statuses() -> list[int]:
            added = await client.post("/v3/memories/add/", json={**body, "infer": False})
            changed = await client.put(f"/v1/memories/{memory}/", json=past)
            return [added.status_code, changed.status_code]

        assert await statuses() == [200, 200]
        await client.post("/_twin/expiration", json={"refuse_past": True})
        assert await statuses() == [400, 400]
        cleared = await client.put(f"/v1/memories/{memory}/", json={"expiration_date": None})
        assert cleared.json()["expiration_date"] is None
        assert (await client.post("/_twin/expiration", json={})).status_code == 400
        await client.post("/_twin/reset")
        memory = await kept(client, "y")
        assert await statuses() == [200, 200]

    run(create(data=None, ingestion_ms=1), scenario, authorization=KEY)


def test_a_twin_may_start_by_refusing_past_expiration_dates(run: Run) -> None:
    async def scenario(client: httpx.AsyncClient) -> None:
        body = {"messages": turns(("user", "x")), **ME, "expiration_date": "2020-01-01"}
        assert (await client.post("/v3/memories/add/", json=body)).status_code == 400

    app = create(data=None, ingestion_ms=1, refuse_past_expiration=True)
    run(app, scenario, authorization=KEY)
