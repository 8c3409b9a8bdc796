"""Runs that meet each other, a chat, a store that refuses, or the end of their time."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID, uuid4

import pytest

from memory_api.consolidation.endpoints import wire_consolidation
from memory_api.consolidation.run import Consolidation, RunResult
from memory_api.consolidation.wiring import build_consolidation
from tandem.changes.model import Phase, RunId
from tandem.db.runs import Runs
from tandem.deadline import Deadline
from tandem.loop import run
from tandem.web import create_app, create_handler
from tests.integration.consolidation.tidied import Tidied

pytestmark = pytest.mark.integration


def doubled(tidied: Tidied) -> tuple[str, str]:
    tidied.judged(("Likes tea", "Is fond of tea", "same"))
    older = tidied.remembers("Likes tea")
    tidied.said(older, 1, 1)
    newer = tidied.remembers("Is fond of tea")
    tidied.said(newer, 2, 2)
    return older, newer


def consolidation(
    tidied: Tidied, on_phase: Callable[[Phase], Awaitable[None]] | None = None
) -> Consolidation:
    """One container's; `on_phase` may hold it."""
    made = build_consolidation(tidied.parts)
    if on_phase is not None:
        made._on_phase = on_phase
    return made


async def running(tidied: Tidied, one: Consolidation, *, seconds: float = 60.0) -> RunResult:
    return await one.run(
        tidied.person.account_id, started_by="request", owner=uuid4(), deadline=Deadline(seconds)
    )


@pytest.mark.parametrize("held_at", ["reading", "judging", "applying"])
def test_of_two_runs_at_once_one_works_and_the_other_leaves(tidied: Tidied, held_at: Phase) -> None:
    doubled(tidied)

    async def both() -> tuple[RunResult, RunResult]:
        there, go_on = asyncio.Event(), asyncio.Event()

        async def barrier(phase: Phase) -> None:
            if phase == held_at:
                there.set()
                await go_on.wait()

        first = asyncio.create_task(running(tidied, consolidation(tidied, barrier)))
        await there.wait()
        second = await running(tidied, consolidation(tidied))
        go_on.set()
        return await first, second

    first, second = run(both())

    assert (first.status, first.counts["hide"]) == ("done", 1)
    assert (second.status, second.held) == ("running", True)
    assert second.run_id == first.run_id
    assert tidied.visible() == {"Is fond of tea"}


def test_a_chat_between_plan_and_change_about_the_very_memory_loses_nothing(
    tidied: Tidied,
) -> None:
    older, newer = doubled(tidied)
    chats: list[str] = []

    async def chat(phase: Phase) -> None:
        if phase == "applying" and not chats:
            # "I like tea", said now: what was to be hidden is the newest by then.
            turn = tidied.person.turn(tidied.session, 3, "words", states=("ingested", "ingested"))
            tidied.person.source(older, turn)
            chats.append(older)

    result = run(running(tidied, consolidation(tidied, chat)))

    assert result.status == "done"
    assert tidied.visible() == {"Likes tea"}
    assert [change.mem0_id for change in result.changes] == [newer]
    assert tidied.consolidate()["changes"] == []


def test_someone_who_says_something_before_each_change_loses_nothing(tidied: Tidied) -> None:
    older, newer = doubled(tidied)
    said: list[Any] = []

    async def chat(phase: Phase) -> None:
        if phase == "applying":
            said.append(tidied.person.turn(tidied.session, 3 + len(said), "words"))

    result = run(running(tidied, consolidation(tidied, chat)))

    assert (result.status, list(result.changes)) == ("done", [])
    assert len(said) == 4
    assert tidied.stores.visible().keys() == {older, newer}


def test_where_mem0_refuses_past_dates_a_run_hides_here_alone_and_an_undo_shows_again(
    tidied: Tidied,
) -> None:
    older, _ = doubled(tidied)
    before = tidied.stores.memory(older)
    tidied.twins.mem0.post("/_twin/expiration", {"refuse_past": True})

    done = tidied.consolidate()

    assert done["counts"]["hide"] == 1
    assert tidied.stores.memory(older) == before
    assert tidied.consolidate()["changes"] == []
    tidied.undo(done["run_id"])
    rows = tidied.person.run("select count(*) from hidden_memories where account_id = :account")
    assert rows == [[0]]
    assert tidied.consolidate()["changes"] == []


def test_what_takes_too_long_is_answered_with_202_and_the_job_finishes_it(
    tidied: Tidied, monkeypatch: pytest.MonkeyPatch
) -> None:
    doubled(tidied)
    monkeypatch.setenv("CONSOLIDATION_REQUEST_SECONDS", "3")
    hurried = create_handler(create_app(routers=[wire_consolidation(lambda: tidied.parts)]))
    event = tidied.http_event("memory_search", claims=tidied.claims(), body={})
    event["rawPath"] = "/api/memory/consolidate"
    event["requestContext"]["http"]["path"] = "/api/memory/consolidate"

    answer = hurried(event, None)

    assert answer["statusCode"] == 202, answer
    told: dict[str, Any] = json.loads(answer["body"])
    assert told["status"] == "running"
    messages = [json.loads(body) for body in tidied.twins.queue.bodies]
    assert messages == [{"account": str(tidied.person.account_id)}]
    path = f"/api/memory/consolidations/{told['run_id']}"
    assert tidied.call("GET", path)[1]["status"] == "running"

    result = run(running(tidied, consolidation(tidied)))

    assert (str(result.run_id), result.status) == (told["run_id"], "done")
    assert tidied.call("GET", path)[1]["status"] == "done"
    assert tidied.visible() == {"Is fond of tea"}


def test_an_undo_that_was_left_unfinished_is_finished_before_anything_is_planned(
    tidied: Tidied,
) -> None:
    doubled(tidied)
    done = tidied.consolidate()
    tidied.twins.mem0.fault(path="/v1/memories/*", method="PUT", kind="status", status=500)
    path = f"/api/memory/consolidations/{done['run_id']}/undo"
    status, problem = tidied.call("POST", path, {})
    assert (status, problem["code"]) == (503, "store_unavailable")
    assert tidied.visible() == {"Is fond of tea"}
    tidied.twins.mem0.heal()

    next_run = tidied.consolidate()

    assert tidied.visible() == {"Likes tea", "Is fond of tea"}
    assert next_run["changes"] == []
    shown = tidied.call("GET", f"/api/memory/consolidations/{done['run_id']}")[1]
    assert shown["status"] == "undone"


def test_an_undo_that_died_before_it_was_planned_is_planned_and_finished(tidied: Tidied) -> None:
    doubled(tidied)
    done = tidied.consolidate()
    runs, account_id, owner = Runs(tidied.parts.database), tidied.person.account_id, uuid4()
    begun = run(
        runs.start(
            account_id,
            run_id=RunId(uuid4()),
            kind="undo",
            started_by="request",
            owner=owner,
            undoes=RunId(UUID(done["run_id"])),
        )
    )
    assert begun is not None
    run(runs.release(account_id, owner))

    assert tidied.consolidate()["changes"] == []

    assert tidied.visible() == {"Likes tea", "Is fond of tea"}
    shown = tidied.call("GET", f"/api/memory/consolidations/{done['run_id']}")[1]
    assert shown["status"] == "undone"


def test_a_memory_that_was_corrected_or_deleted_since_is_left_alone_by_an_undo(
    tidied: Tidied,
) -> None:
    tidied.judged(("Likes tea", "Is fond of tea", "same"), ("Has a dog", "Owns a dog", "same"))
    for text, number in (("Likes tea", 1), ("Is fond of tea", 2)):
        tidied.remembers(text, said=number)
    for text, number in (("Has a dog", 1), ("Owns a dog", 2)):
        tidied.remembers(text, said=number)
    done = tidied.consolidate()
    [tea] = [one for one in done["changes"] if one["text"] == "Likes tea"]
    tea_id = tea["memory_id"].removeprefix("mem_")
    tidied.twins.mem0.client.delete(f"/v1/memories/{tea_id}/").raise_for_status()

    undone = tidied.undo(done["run_id"])

    states = {one["memory_id"]: (one["state"], one["why"]) for one in undone["changes"]}
    assert states.pop(tea["memory_id"]) == ("skipped", "gone")
    assert set(states.values()) == {("confirmed", None)}
    assert (undone["counts"]["confirmed"], undone["counts"]["skipped"]) == (1, 1)
    assert tidied.visible() == {"Is fond of tea", "Has a dog", "Owns a dog"}
