"""The path of changes: what each kind does to the stores, and what it leaves alone."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from tandem.changes.path import Carried
from tandem.clients.models import ZepEdge
from tandem.db.changes import Begun, Outcome
from tandem.ids import AccountId, Mem0Id, ZepUuid
from tandem.recall.gather import Person
from tests.unit.changes.two_stores import (
    RUN,
    TODAY,
    YESTERDAY,
    World,
    change,
    refused,
)

MAY = datetime(2026, 5, 4, 9, 30, tzinfo=UTC)
DONE = Carried(confirmed=1)
SKIPPED = Carried(skipped=1)


@pytest.fixture
def world() -> World:
    return World()


def test_hiding_sets_yesterdays_date_and_names_the_run(world: World) -> None:
    tea = world.stores.memory("Likes tea", metadata={"turn_id": "t"})
    hide = change("hide", mem0_id=tea, text="Likes tea")
    assert world.carry_out(hide) == DONE
    memory = world.stores.memories[tea]
    assert memory.expiration_date == YESTERDAY
    assert memory.metadata == {"turn_id": "t", "run_id": str(RUN)}
    assert world.journal.details[hide.id] == {"before": {}}
    assert world.journal.outcomes[hide.id] == Outcome(listed=False)


def test_hiding_notes_what_is_to_be_put_back(world: World) -> None:
    soon = date(2026, 12, 24)
    tea = world.stores.memory("Likes tea", metadata={"run_id": "theirs"}, expiration_date=soon)
    hide = change("hide", mem0_id=tea, text="Likes tea")
    assert world.carry_out(hide) == DONE
    before = {"run_id": "theirs", "expiration_date": "2026-12-24"}
    assert world.journal.details[hide.id] == {"before": before}

    world.journal.hidden[tea] = Begun("go", hidden=True, put_back=before)
    assert world.carry_out(change("show", "undo", mem0_id=tea)) == DONE
    memory = world.stores.memories[tea]
    assert (memory.metadata, memory.expiration_date) == ({"run_id": "theirs"}, soon)


@pytest.mark.parametrize("odd", ["half a \0 sentence", {"nested": ["Has a dog"]}, "x" * 201])
def test_what_cannot_be_noted_to_be_put_back_is_hidden_here_alone(world: World, odd: Any) -> None:
    tea = world.stores.memory("Likes tea", metadata={"run_id": odd})
    hide = change("hide", mem0_id=tea, text="Likes tea")
    assert world.carry_out(hide) == DONE
    assert world.journal.outcomes[hide.id] == Outcome(listed=True)
    assert world.journal.details[hide.id] == {}
    assert world.stores.writes == []


def test_a_past_date_that_is_refused_hides_here_alone(world: World) -> None:
    tea = world.stores.memory("Likes tea")
    before = world.stores.memories[tea]
    hide = change("hide", mem0_id=tea, text="Likes tea")
    world.stores.errors["update"] = refused(400)
    assert world.carry_out(hide) == DONE
    assert world.journal.outcomes[hide.id] == Outcome(listed=True)
    assert world.stores.memories[tea] == before

    world.stores.calls.clear()
    world.journal.hidden[tea] = Begun("go", hidden=True, listed=True)
    assert world.carry_out(change("show", "undo", mem0_id=tea)) == DONE
    assert world.stores.writes == []


def test_what_somebody_else_has_hidden_is_left_alone(world: World) -> None:
    theirs = world.stores.memory("Likes tea", expiration_date=YESTERDAY)
    hide = change("hide", mem0_id=theirs, text="Likes tea")
    assert world.carry_out(hide) == SKIPPED
    assert world.journal.why[hide.id] == "hidden_already"
    assert world.stores.writes == []


def test_a_memory_of_today_is_not_hidden_yet(world: World) -> None:
    tea = world.stores.memory("Likes tea", expiration_date=TODAY.date())
    assert world.carry_out(change("hide", mem0_id=tea, text="Likes tea")) == DONE
    assert world.stores.memories[tea].expiration_date == YESTERDAY


def test_what_is_not_hidden_is_not_shown(world: World) -> None:
    tea = world.stores.memory("Likes tea")
    show = change("show", "undo", mem0_id=tea)
    assert world.carry_out(show) == SKIPPED
    assert world.journal.why[show.id] == "not_hidden"


def test_a_fact_is_copied_word_for_word_with_its_time(world: World) -> None:
    edge = world.stores.fact("Lives in Delhi")
    add = change(
        "add",
        "lacking",
        edge_uuid=edge,
        text="lives in delhi.",
        details={"said_at": MAY.isoformat()},
    )
    assert world.carry_out(add) == DONE
    [copy] = world.stores.memories.values()
    assert (copy.text, copy.user_id) == ("Lives in Delhi", world.user_id)
    assert copy.metadata == {
        "change_id": str(add.id),
        "edge_uuid": str(edge),
        "said_at": "2026-05-04T09:30:00Z",
    }
    assert world.stores.timestamps == [MAY]
    assert world.journal.outcomes[add.id] == Outcome(made_id=copy.id)


def test_a_copy_that_takes_its_time_is_waited_for(world: World) -> None:
    world.stores.adds = "later"
    edge = world.stores.fact("Lives in Delhi")
    add = change("add", "lacking", edge_uuid=edge, text="Lives in Delhi")
    assert world.carry_out(add) == DONE
    assert world.journal.outcomes[add.id].made_id in world.stores.memories


def test_a_copy_that_mem0_holds_already_is_none(world: World) -> None:
    world.stores.adds = "not"
    edge = world.stores.fact("Lives in Delhi")
    add = change("add", "lacking", edge_uuid=edge, text="Lives in Delhi")
    assert world.carry_out(add) == SKIPPED
    assert world.journal.why[add.id] == "held_already"


def test_an_ended_fact_is_not_copied(world: World) -> None:
    for rest in ({"invalid_at": MAY}, {"expired_at": MAY}):
        edge = world.stores.fact("Lives in Delhi", **rest)
        add = change("add", "lacking", edge_uuid=edge, text="Lives in Delhi")
        assert world.carry_out(add) == SKIPPED
        assert world.journal.why[add.id] == "ended"


def test_a_fact_that_will_end_holds_until_then_and_is_copied(world: World) -> None:
    edge = world.stores.fact("Works at Acme", invalid_at=TODAY + timedelta(days=1))
    assert world.carry_out(change("add", "lacking", edge_uuid=edge, text="Works at Acme")) == DONE


def test_what_has_no_fact_is_added_in_the_callers_words(world: World) -> None:
    add, wordless = change("add", "lacking"), change("add", "lacking")
    assert world.carry_out(add, wordless, texts={add.id: "Likes tea"}) == Carried(1, 1)
    [made] = world.stores.memories.values()
    assert (made.text, made.metadata) == ("Likes tea", {"change_id": str(add.id)})
    assert world.journal.why[wordless.id] == "no_text"


def test_a_copy_whose_fact_is_to_be_forgotten_goes_with_it(world: World) -> None:
    edge = world.stores.fact("Has a dog")
    add = change("add", "lacking", edge_uuid=edge, text="Has a dog")
    world.journal.forgotten.add(add.id)
    assert world.carry_out(add) == SKIPPED
    assert world.stores.memories == {}
    assert world.journal.why[add.id] == "forgotten"


def test_a_memory_is_rewritten_and_is_a_copy_no_more(world: World) -> None:
    turn = uuid4()
    tea = world.stores.memory("Likes tea", metadata={"edge_uuid": "e", "turn_id": "t"})
    rewrite = change(
        "rewrite",
        "corrected",
        mem0_id=tea,
        text="Likes tea",
        turn_ids=(turn,),
        details={"said_at": MAY.isoformat()},
    )
    assert world.carry_out(rewrite, texts={rewrite.id: "Likes green tea"}) == DONE
    memory = world.stores.memories[tea]
    assert memory.text == "Likes green tea"
    assert memory.metadata == {
        "turn_id": str(turn),
        "change_id": str(rewrite.id),
        "said_at": "2026-05-04T09:30:00Z",
    }
    assert world.stores.timestamps == [MAY]


def test_a_rewrite_without_its_words_is_left(world: World) -> None:
    tea = world.stores.memory("Likes tea")
    rewrite = change("rewrite", "corrected", mem0_id=tea, text="Likes tea")
    assert world.carry_out(rewrite) == SKIPPED
    assert world.journal.why[rewrite.id] == "no_text"


def test_a_fact_is_ended_when_the_person_says_so(world: World) -> None:
    edge = world.stores.fact("Lives in Delhi")
    given: dict[str, Any] = {"edge_uuid": edge, "text": "Lives in Delhi"}
    at = {"invalid_at": MAY.isoformat()}
    end = change("end_fact", "resolved", details=at, **given)
    assert world.carry_out(end) == DONE
    assert world.stores.facts[edge].invalid_at == MAY
    assert world.journal.details[end.id] == {"before": {"invalid_at": None}}
    again = change("end_fact", "resolved", **given)
    assert world.carry_out(again) == SKIPPED
    assert world.journal.why[again.id] == "ended"
    assert world.carry_out(change("restore_fact", "undo", edge_uuid=edge)) == DONE
    assert world.stores.facts[edge].invalid_at is None
    assert world.carry_out(again) == DONE
    assert world.stores.facts[edge].invalid_at == TODAY


def test_a_fact_that_would_end_later_ends_now(world: World) -> None:
    later = TODAY + timedelta(days=30)
    edge = world.stores.fact("Lives in Delhi", invalid_at=later)
    end = change("end_fact", "resolved", edge_uuid=edge, text="Lives in Delhi")
    assert world.carry_out(end) == DONE
    assert world.stores.facts[edge].invalid_at == TODAY
    assert world.journal.details[end.id] == {"before": {"invalid_at": later.isoformat()}}


def test_each_write_to_zep_carries_a_key_of_its_own(world: World) -> None:
    edge, episode, node = world.stores.fact("Has a dog"), ZepUuid(uuid4()), ZepUuid(uuid4())
    world.stores.episodes.add(episode)
    world.stores.nodes.add(node)
    changes = [
        change("restore_fact", edge_uuid=edge),
        change("delete_fact", "forgotten", edge_uuid=edge),
        change("delete_episode", "forgotten", episode_uuid=episode),
        change("delete_node", "forgotten", details={"node_uuid": str(node)}),
    ]
    assert world.carry_out(*changes) == Carried(confirmed=4)
    assert (world.stores.facts, world.stores.episodes, world.stores.nodes) == ({}, set(), set())
    first = list(world.stores.keys)
    assert len(set(first)) == 4
    world.stores.keys.clear()
    world.stores.facts[edge] = ZepEdge(uuid=edge)
    world.carry_out(*changes)
    assert world.stores.keys == first


def test_a_summary_is_cleared_while_its_entity_is_there(world: World) -> None:
    node = ZepUuid(uuid4())
    world.stores.nodes.add(node)
    clear = change("clear_summary", "forgotten", details={"node_uuid": str(node)})
    assert world.carry_out(clear) == DONE
    world.stores.nodes.clear()
    again = change("clear_summary", "forgotten", details={"node_uuid": str(node)})
    assert world.carry_out(again) == SKIPPED
    assert world.journal.why[again.id] == "gone"


def test_a_summary_that_zep_keeps_holds_up_nothing(world: World) -> None:
    node = ZepUuid(uuid4())
    world.stores.nodes.add(node)
    world.stores.errors["clear_summary"] = refused(400, "zep")
    clear = change("clear_summary", "forgotten", details={"node_uuid": str(node)})
    assert world.carry_out(clear) == SKIPPED
    assert world.journal.why[clear.id] == "kept"


def test_an_undone_copy_that_was_corrected_meanwhile_stays(world: World) -> None:
    copy = world.stores.memory("Lives in New Delhi")
    undo = change("delete_memory", "undo", mem0_id=copy, text="Lives in Delhi")
    assert world.carry_out(undo) == SKIPPED
    assert world.journal.why[undo.id] == "changed"
    assert world.carry_out(replace(undo, reason="forgotten")) == DONE
    assert world.stores.memories == {}


def test_links_are_ours_alone(world: World) -> None:
    memory, edge = Mem0Id("m"), ZepUuid(uuid4())
    changes = [change("link", mem0_id=memory, edge_uuid=edge), change("unlink", mem0_id=memory)]
    assert world.carry_out(*changes) == Carried(confirmed=2)
    assert world.stores.calls == []


def test_what_is_gone_is_skipped_whatever_was_planned(world: World) -> None:
    memory, edge = Mem0Id("gone"), ZepUuid(uuid4())
    changes = [
        change("hide", mem0_id=memory, text="x"),
        change("show", mem0_id=memory),
        change("rewrite", mem0_id=memory, text="x"),
        change("add", edge_uuid=edge, text="x"),
        change("end_fact", edge_uuid=edge, text="x"),
        change("restore_fact", edge_uuid=edge),
    ]
    assert world.carry_out(*changes) == Carried(skipped=6)
    assert set(world.journal.why.values()) == {"gone"}


def test_who_is_new_to_zep_has_no_facts(world: World) -> None:
    world.person = Person(AccountId(uuid4()), None)
    edge = ZepUuid(uuid4())
    changes = [
        change("add", edge_uuid=edge, text="x"),
        change("end_fact", edge_uuid=edge, text="x"),
        change("restore_fact", edge_uuid=edge),
        change("delete_fact", edge_uuid=edge),
    ]
    assert world.carry_out(*changes) == Carried(skipped=4)
    assert world.stores.calls == []


def test_what_reads_otherwise_by_now_is_left_alone(world: World) -> None:
    tea, edge = world.stores.memory("Likes green tea"), world.stores.fact("Likes green tea")
    changes = [
        change("hide", mem0_id=tea, text="Likes tea"),
        change("rewrite", mem0_id=tea, text="Likes tea"),
        change("add", edge_uuid=edge, text="Likes tea"),
        change("end_fact", edge_uuid=edge, text="Likes tea"),
    ]
    assert world.carry_out(*changes, texts={changes[1].id: "Likes coffee"}) == Carried(skipped=4)
    assert set(world.journal.why.values()) == {"changed"}
    assert world.stores.writes == []


def test_a_change_that_does_not_say_what_it_is_about_is_a_mistake(world: World) -> None:
    with pytest.raises(ValueError, match="about"):
        world.carry_out(change("hide", text="x"))
