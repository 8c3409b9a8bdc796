"""Changes carried out at both stores' twins, and undone: what was there is there again."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from tandem.changes.model import Change
from tandem.changes.path import Carried
from tandem.db.decisions import Decisions
from tandem.db.hidden import HiddenMemories
from tandem.ids import Mem0Id, TurnId
from tandem.recall.normalise import statement_hash
from tests.integration.changes.both_stores import Stores, some_uuid
from tests.integration.changes.journal import change, hiding, run
from tests.integration.twins.writers import until

pytestmark = pytest.mark.integration

MAY = datetime(2026, 5, 4, 9, 30, tzinfo=UTC)


def hide(memory: Mem0Id, text: str, kept: Mem0Id, kept_text: str, **rest: Any) -> Change:
    return hiding(
        memory,
        f"mem_{kept}",
        text_hash=statement_hash(text),
        details={"kept_hash": statement_hash(kept_text).hex(), "said_at": MAY.isoformat()},
        **rest,
    )


@pytest.mark.parametrize("refusing", [False, True], ids=["hides", "refuses past dates"])
def test_what_is_hidden_and_shown_again_is_what_it_was(stores: Stores, refusing: bool) -> None:
    stores.mem0.post("/_twin/expiration", {"refuse_past": refusing})
    tidier, turn = stores.tidier, stores.tidier.turn()
    old = stores.remembered(
        "Lives in Delhi", metadata={"turn_id": str(turn)}, timestamp=1_700_000_000
    )
    new = stores.remembered("Has a home in Delhi")
    before = stores.memory(old)
    run_id = stores.apply(hide(old, "Lives in Delhi", new, "Has a home in Delhi", turn_ids=(turn,)))

    [hidden] = run(HiddenMemories(tidier.container).hidden(tidier.account_id))
    assert (hidden.mem0_id, hidden.listed, hidden.run_id) == (old, refusing, run_id)
    assert (hidden.said_at, hidden.kept_id) == (MAY, f"mem_{new}")
    assert tidier.sources(new) == {turn}
    if refusing:
        assert stores.memory(old) == before
    else:
        assert stores.visible().keys() == {new}
        assert old not in stores.found("home in Delhi")

    stores.undo(run_id)
    assert stores.memory(old) == before
    assert stores.visible() == {old: "Lives in Delhi", new: "Has a home in Delhi"}
    assert old in stores.found("home in Delhi")
    assert run(HiddenMemories(tidier.container).hidden(tidier.account_id)) == []
    assert tidier.sources(new) == set()
    [decision] = run(Decisions(tidier.container).known(tidier.account_id))
    assert {decision.left_id, decision.right_id} == {f"mem_{old}", f"mem_{new}"}
    assert (decision.relation, decision.decided_by) == ("distinct", "person")


def test_what_a_memory_had_of_its_own_is_put_back(stores: Stores) -> None:
    expires = (datetime.now(UTC) + timedelta(days=9)).date().isoformat()
    metadata = {"run_id": "theirs", "note": 1}
    old = stores.remembered("Likes tea", metadata=metadata, expiration_date=expires)
    before = stores.memory(old)
    run_id = stores.apply(hide(old, "Likes tea", Mem0Id("kept"), "Likes teas"))
    assert stores.memory(old)["metadata"] == {"run_id": str(run_id), "note": 1}
    stores.undo(run_id)
    assert stores.memory(old) == before
    assert before["metadata"] == metadata
    assert before["expiration_date"] == expires


def test_a_fact_is_copied_with_its_time_and_the_copy_is_taken_back(stores: Stores) -> None:
    tidier, turn = stores.tidier, TurnId(stores.tidier.turn())
    [(text, edge)] = stores.told("I live in Delhi").items()
    run_id = stores.apply(
        change(
            "add",
            "lacking",
            edge_uuid=edge,
            text_hash=statement_hash(text),
            turn_ids=(turn,),
            details={"said_at": MAY.isoformat(), "also_edges": []},
        )
    )
    [(copy, copied)] = stores.visible().items()
    assert copied == text
    memory = stores.memory(copy)
    [made] = run(tidier.changes.all(tidier.account_id, run_id))
    assert memory["metadata"] == {
        "change_id": str(made.id),
        "edge_uuid": str(edge),
        "said_at": "2026-05-04T09:30:00Z",
    }
    assert datetime.fromisoformat(memory["created_at"]) == MAY
    assert (made.mem0_id, made.state) == (copy, "confirmed")
    assert [link[:3] for link in tidier.person.links()] == [(copy, edge, statement_hash(text))]
    assert tidier.sources(copy) == {turn}

    stores.undo(run_id)
    assert stores.visible() == {}
    assert tidier.person.links() == []
    assert tidier.sources(copy) == set()
    [decision] = run(Decisions(tidier.container).known(tidier.account_id))
    assert (decision.left_id, decision.right_id) == (f"fact_{edge}", "")


def test_an_addition_of_unknown_outcome_is_looked_for_before_it_is_sent_again(
    stores: Stores,
) -> None:
    [(text, edge)] = stores.told("I live in Delhi").items()
    tidier = stores.tidier
    run_id = tidier.start().run_id
    planned = tidier.record(
        run_id, change("add", "lacking", edge_uuid=edge, text_hash=statement_hash(text))
    )
    stores.mem0.fault(path="/v3/memories/add/", kind="reset", when="after", times=1)
    carried = stores.carry_out(run_id, planned)
    assert (carried.left, carried.failed) == (1, True)
    assert list(stores.visible().values()) == [text]
    assert tidier.states(run_id) == [(1, "sent")]
    assert stores.carry_out(run_id, run(tidier.changes.unfinished(run_id))) == Carried(confirmed=1)
    assert list(stores.visible().values()) == [text]


def test_what_reads_otherwise_by_now_or_is_gone_is_left_alone(stores: Stores) -> None:
    tidier = stores.tidier
    tea, gone = stores.remembered("Likes tea"), Mem0Id(str(uuid4()))
    [(_, edge)] = stores.told("I live in Delhi").items()
    other = statement_hash("Likes green tea")
    run_id = tidier.start().run_id
    planned = tidier.record(
        run_id,
        hiding(tea, "mem_kept", text_hash=other),
        hiding(gone, "mem_kept", text_hash=other),
        change("show", "said_again", mem0_id=gone),
        change("show", "said_again", mem0_id=tea),
        change("rewrite", "corrected", mem0_id=gone, text_hash=other),
        change("rewrite", "corrected", mem0_id=tea, text_hash=other),
        change("add", "lacking", edge_uuid=edge, text_hash=other),
        change("add", "lacking", edge_uuid=some_uuid(), text_hash=other),
        change("end_fact", "resolved", edge_uuid=some_uuid(), text_hash=other),
    )
    assert stores.carry_out(run_id, planned) == Carried(skipped=9)
    why = [one.details["why"] for one in run(tidier.changes.all(tidier.account_id, run_id))]
    assert why == [
        "changed",
        "gone",
        "gone",
        "not_hidden",
        "gone",
        "no_text",
        "changed",
        "gone",
        "gone",
    ]
    assert stores.visible() == {tea: "Likes tea"}


def test_a_fact_is_ended_and_restored(stores: Stores) -> None:
    [(text, edge)] = stores.told("I live in Delhi").items()
    ended = change(
        "end_fact",
        "resolved",
        edge_uuid=edge,
        text_hash=statement_hash(text),
        details={"invalid_at": MAY.isoformat()},
    )
    before = stores.edges()
    run_id = stores.apply(ended)
    [after] = stores.edges()
    assert after["attributes"]["tandem_ended_at"] == "2026-05-04T09:30:00Z"
    stores.undo(run_id)
    assert stores.edges() == before


def test_a_memory_is_given_another_text_once(stores: Stores) -> None:
    tidier, turn = stores.tidier, TurnId(stores.tidier.turn())
    tea = stores.remembered("Likes tea", metadata={"turn_id": "old", "edge_uuid": "e"})
    run_id = tidier.start_unleased("correct").run_id
    [planned] = tidier.record(
        run_id,
        change(
            "rewrite",
            "corrected",
            mem0_id=tea,
            text_hash=statement_hash("Likes tea"),
            turn_ids=(turn,),
            details={"said_at": MAY.isoformat()},
        ),
    )
    texts = {planned.id: "Likes green tea"}
    for _ in range(2):
        assert stores.carry_out(run_id, [planned], texts=texts, leased=False) == Carried(
            confirmed=1
        )
    memory = stores.memory(tea)
    assert memory["memory"] == "Likes green tea"
    assert memory["metadata"] == {
        "turn_id": str(turn),
        "change_id": str(planned.id),
        "said_at": "2026-05-04T09:30:00Z",
    }
    assert tidier.sources(tea) == {turn}


def test_what_is_forgotten_leaves_both_stores(stores: Stores) -> None:
    tidier = stores.tidier
    tea = stores.remembered("Has a dog")
    [(_, edge)] = stores.told("I have a dog").items()
    run_id = tidier.start_unleased("forget").run_id
    planned = tidier.record(
        run_id,
        change("delete_memory", "forgotten", mem0_id=tea),
        change("delete_fact", "forgotten", edge_uuid=edge),
        change("delete_memory", "forgotten", mem0_id=Mem0Id(str(uuid4()))),
    )
    assert stores.carry_out(run_id, planned, leased=False) == Carried(confirmed=3)
    assert stores.visible() == {}
    until(lambda: stores.edges() == [], seconds=20, what="fact deleted")
