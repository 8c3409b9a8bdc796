"""Forgetting that breaks off, meets other runs, or finds words that only Zep still has."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx
import pytest

from tandem.changes.path import Carried, ChangePath
from tandem.db.sweeping import Sweeping
from tandem.recall.normalise import statement_hash
from tests.integration.changing.memory_world import MemoryWorld
from tests.integration.delivery.stores_and_queue import MEM0_KEY

pytestmark = pytest.mark.integration


def break_off(monkeypatch: pytest.MonkeyPatch, after: int) -> None:
    """Has the time be over after so many changes, until `undo`."""
    whole = ChangePath.carry_out

    async def part(self: Any, person: Any, run: Any, changes: Any, **more: Any) -> Carried:
        done = await whole(self, person, run, changes[:after], **more)
        return Carried(confirmed=done.confirmed, left=len(changes) - after)

    monkeypatch.setattr(ChangePath, "carry_out", part)


def token_for(memory: MemoryWorld, query: str) -> str:
    _, shown = memory.call("POST", "/api/memory/forget", {"query": query})
    token: str = shown["token"]
    return token


@pytest.mark.parametrize("after", [0, 1, 2, 3])
def test_the_same_token_goes_on_where_forgetting_broke_off(
    memory: MemoryWorld, monkeypatch: pytest.MonkeyPatch, after: int
) -> None:
    memory.tell("I have a dog")
    token = token_for(memory, "dog")
    break_off(monkeypatch, after)
    status, problem = memory.call("POST", "/api/memory/forget", {"token": token})
    assert (status, problem["code"]) == (503, "unfinished")
    monkeypatch.undo()
    status, done = memory.call("POST", "/api/memory/forget", {"token": token})
    assert (status, done["forgotten"]) == (200, {"memories": 1, "facts": 1, "episodes": 1})
    memory.until_gone("dog")
    assert memory.person.rows("changes", "id", "seq") == []


def test_what_nobody_asks_for_again_is_finished_by_the_job(
    memory: MemoryWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    memory.tell("I have a dog")
    item = memory.item("Has a dog")
    break_off(monkeypatch, 1)
    assert memory.call("DELETE", f"/api/memory/{item}")[0] == 503
    assert memory.to_tidy() == [str(memory.person.principal.account_id)]
    monkeypatch.undo()
    memory.clean()
    memory.until_gone("dog")
    assert [row[0] for row in memory.person.rows("runs", "state", "started_at")] == ["done"]


def test_what_was_hidden_as_the_same_goes_with_what_was_kept(memory: MemoryWorld) -> None:
    memory.tell("I have a dog")
    kept = memory.item("Has a dog")
    hidden = _hide(memory, "Owns a dog", kept=kept, reason="same")
    beside = _hide(memory, "Has a cat", kept=kept, reason="update")
    assert memory.call("DELETE", f"/api/memory/{kept}") == (204, None)
    assert _at_mem0(memory, hidden) == 404
    assert _at_mem0(memory, beside) == 200
    rows = memory.person.rows("hidden_memories", "mem0_id, kept_id", "mem0_id")
    assert rows == [[beside, None]]
    journal = memory.journal()
    assert hidden not in journal
    assert kept.removeprefix("mem_") not in journal


def test_what_was_hidden_in_the_same_words_goes_whatever_it_was_hidden_for(
    memory: MemoryWorld,
) -> None:
    memory.tell("I have a dog")
    memory.tell("I have a cat")
    dog, cat = memory.item("Has a dog"), memory.item("Has a cat")
    hidden = _hide(memory, "has a dog.", kept=cat, reason="update")
    assert memory.call("DELETE", f"/api/memory/{dog}") == (204, None)
    assert _at_mem0(memory, hidden) == 404
    assert memory.memories() == ["Has a cat"]


def _hide(memory: MemoryWorld, text: str, *, kept: str, reason: str) -> str:
    """A memory that consolidation has hidden in favour of another."""
    account = str(memory.person.principal.account_id)
    added = httpx.post(
        f"{memory.mem0.url}/v3/memories/add/",
        headers=MEM0_KEY,
        json={
            "messages": [{"role": "user", "content": text}],
            "user_id": f"test:{account}",
            "infer": False,
        },
    ).json()
    name: str = added["results"][0]["id"]
    yesterday = (datetime.now(UTC) - timedelta(days=1)).date().isoformat()
    body = {"expiration_date": yesterday}
    url = f"{memory.mem0.url}/v1/memories/{name}/"
    httpx.put(url, headers=MEM0_KEY, json=body).raise_for_status()
    run, change = uuid4(), uuid4()
    memory.person.run(
        "insert into runs (id, account_id, kind, started_by, state)"
        " values (:run, :account, 'consolidate', 'schedule', 'done')",
        run=run,
    )
    values = {"run": run, "change": change, "name": name, "kept": kept, "reason": reason}
    values["hash"] = statement_hash(text)
    memory.person.run(
        "insert into changes (id, run_id, account_id, seq, kind, reason, mem0_id, kept_id,"
        " text_hash, state, details) values (:change, :run, :account, 1, 'hide', :reason, :name,"
        """ :kept, :hash, 'confirmed', '{"kept_hash": "00"}')""",
        **values,
    )
    memory.person.run(
        "insert into hidden_memories (account_id, mem0_id, run_id, change_id, reason, kept_id,"
        " text_hash, listed) values (:account, :name, :run, :change, :reason, :kept, :hash, false)",
        **values,
    )
    return name


def _at_mem0(memory: MemoryWorld, name: str) -> int:
    return httpx.get(f"{memory.mem0.url}/v1/memories/{name}/", headers=MEM0_KEY).status_code


def test_what_another_run_had_planned_for_it_is_skipped(memory: MemoryWorld) -> None:
    memory.tell("I have a dog")
    item = memory.item("Has a dog")
    run = uuid4()
    memory.person.run(
        "insert into runs (id, account_id, kind, started_by)"
        " values (:run, :account, 'consolidate', 'schedule')",
        run=run,
    )
    planned = [("mem_other", "Has a parrot"), (item, "Owns a dog")]
    for seq, (kept, text) in enumerate(planned, start=1):
        memory.person.run(
            "insert into changes (id, run_id, account_id, seq, kind, reason, mem0_id, kept_id,"
            " text_hash) values (:id, :run, :account, :seq, 'hide', 'same', :name, :kept, :hash)",
            id=uuid4(),
            run=run,
            seq=seq,
            name=f"m{seq}",
            kept=kept,
            hash=statement_hash(text),
        )
    assert memory.call("DELETE", f"/api/memory/{item}")[0] == 204
    states = memory.person.rows("changes", "state, kept_id", "seq")
    assert states == [["planned", "mem_other"], ["skipped", None]]


def test_words_that_only_zep_still_had_come_back_into_the_history(memory: MemoryWorld) -> None:
    memory.tell("I have a dog")
    memory.person.run(
        "update turns set message = null, reply = null, wiped_at = now()"
        " where account_id = :account"
    )
    assert memory.history() == [None]
    assert memory.call("DELETE", f"/api/memory/{memory.item('Has a dog')}")[0] == 204
    memory.until_gone("dog")
    assert memory.history() == ["I have a dog"]


def test_the_ledger_keeps_the_words_of_what_is_forgotten_and_wipes_the_others(
    memory: MemoryWorld,
) -> None:
    memory.tell("I have a dog")
    memory.tell("I live in Delhi")
    assert memory.call("DELETE", f"/api/memory/{memory.item('Has a dog')}")[0] == 204
    memory.run(Sweeping(memory.container).wipe_text(days=0))
    assert memory.history() == ["I have a dog", None]
