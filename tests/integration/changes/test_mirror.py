"""What a confirmed change leaves in PostgreSQL beside the journal, and what an undo gives back."""

from datetime import UTC, datetime
from uuid import uuid4

import pytest

from tandem.changes.model import Change, RunId
from tandem.changes.undoing import undo_changes
from tandem.db.conflicts import ConflictPair, Conflicts
from tandem.db.connection import Database, OneRoundTrip
from tandem.db.decisions import Decision, Decisions
from tandem.db.evidence import EvidenceLedger, KnownLink
from tandem.db.hidden import HiddenMemories, HiddenMemory
from tandem.ids import Mem0Id, TurnId
from tandem.recall.normalise import statement_hash
from tests.integration.changes.journal import Tidier, change, fact_uuid, hiding, mem0_id, run

pytestmark = pytest.mark.integration

MAY = datetime(2026, 5, 4, 9, 30, tzinfo=UTC)
ONE, OTHER = statement_hash("one"), statement_hash("the other")


def hidden(tidier: Tidier) -> dict[Mem0Id, HiddenMemory]:
    found = run(HiddenMemories(tidier.container).hidden(tidier.account_id))
    return {each.mem0_id: each for each in found}


def decided(tidier: Tidier) -> set[tuple[str, str, str, str]]:
    known = run(Decisions(tidier.container).known(tidier.account_id))
    return {(one.left_id, one.right_id, one.relation, one.decided_by) for one in known}


def links(tidier: Tidier) -> set[KnownLink]:
    return set(run(EvidenceLedger(tidier.container).standing(tidier.account_id)).links)


def undo(tidier: Tidier, run_id: RunId) -> None:
    changes = run(tidier.changes.all(tidier.account_id, run_id))
    started = tidier.start("undo", undoes=run_id)
    for each in tidier.record(started.run_id, *undo_changes(changes)):
        tidier.carry_out(started.run_id, each)
    tidier.finish(started.run_id)


def same(memory: Mem0Id, kept: Mem0Id, *turns: TurnId) -> Change:
    details = {"said_at": MAY.isoformat(), "kept_hash": OTHER.hex()}
    return hiding(memory, f"mem_{kept}", text_hash=ONE, turn_ids=turns, details=details)


def test_what_stays_takes_over_the_sources_of_what_is_hidden(tidier: Tidier) -> None:
    old, kept = mem0_id(), mem0_id()
    own, both, theirs = (TurnId(tidier.turn()) for _ in range(3))
    for turn in (own, both):
        tidier.person.source(kept, turn)
    run_id = tidier.apply(same(old, kept, both, theirs, TurnId(uuid4())))
    assert tidier.sources(kept) == {own, both, theirs}
    [change_id] = [one.id for one in run(tidier.changes.all(tidier.account_id, run_id))]
    assert hidden(tidier)[old] == HiddenMemory(
        mem0_id=old,
        run_id=run_id,
        change_id=change_id,
        reason="same",
        kept_id=f"mem_{kept}",
        text_hash=ONE,
        said_at=MAY,
        listed=False,
        hidden_at=hidden(tidier)[old].hidden_at,
        purged=False,
    )
    undo(tidier, run_id)
    assert tidier.sources(kept) == {own, both}
    assert hidden(tidier) == {}
    low, high = sorted((f"mem_{old}", f"mem_{kept}"))
    assert decided(tidier) == {(low, high, "distinct", "person")}


def test_what_is_replaced_hands_nothing_on(tidier: Tidier) -> None:
    old, kept, turn = mem0_id(), mem0_id(), TurnId(tidier.turn())
    tidier.apply(hiding(old, f"mem_{kept}", reason="update", turn_ids=(turn,)), listed=True)
    tidier.apply(hiding(mem0_id(), f"fact_{fact_uuid()}", turn_ids=(turn,)))
    assert tidier.sources(kept) == set()
    assert hidden(tidier)[old].listed is True


def test_somebody_elses_turns_are_no_sources(
    tidier: Tidier, container: Database, connection: OneRoundTrip
) -> None:
    kept = mem0_id()
    theirs = TurnId(Tidier.of_somebody(container, connection).turn())
    tidier.apply(same(mem0_id(), kept, theirs))
    assert tidier.sources(kept) == set()


def test_a_confirmation_counts_once(tidier: Tidier) -> None:
    old, kept, turn = mem0_id(), mem0_id(), TurnId(tidier.turn())
    run_id = tidier.start().run_id
    [planned] = tidier.record(run_id, same(old, kept, turn))
    tidier.begin(run_id, planned)
    assert tidier.confirm(planned, listed=True).done is True
    tidier.person.run("delete from sources where provider_id = :kept", kept=kept)
    assert tidier.confirm(planned, listed=False).done is False
    assert hidden(tidier)[old].listed is True
    assert tidier.sources(kept) == set()


def test_a_copy_has_its_link_and_its_sources_until_it_is_undone(tidier: Tidier) -> None:
    edge, also, copy, turn = fact_uuid(), fact_uuid(), mem0_id(), TurnId(tidier.turn())
    run_id = tidier.apply(
        change(
            "add",
            "lacking",
            edge_uuid=edge,
            text_hash=ONE,
            turn_ids=(turn,),
            details={"also_edges": {str(also): OTHER.hex(), str(edge): ONE.hex()}},
        ),
        made_id=copy,
    )
    assert links(tidier) == {KnownLink(copy, edge, ONE, ONE), KnownLink(copy, also, ONE, OTHER)}
    assert tidier.sources(copy) == {turn}
    undo(tidier, run_id)
    assert links(tidier) == set()
    assert tidier.sources(copy) == set()
    assert decided(tidier) == {(f"fact_{edge}", "", "distinct", "person")}


def test_the_copy_of_a_fact_that_is_to_be_forgotten_is_not_confirmed(tidier: Tidier) -> None:
    edge = fact_uuid()
    run_id = tidier.start().run_id
    [planned] = tidier.record(run_id, change("add", "lacking", edge_uuid=edge, text_hash=ONE))
    tidier.begin(run_id, planned)
    forget = tidier.start_unleased().run_id
    tidier.record(forget, change("delete_fact", "forgotten", edge_uuid=edge))
    for _ in range(2):
        assert tidier.confirm(planned, made_id=mem0_id()) == (False, True)
    assert tidier.states(run_id) == [(1, "sent")]
    assert links(tidier) == set()


def test_a_link_says_how_either_side_reads(tidier: Tidier) -> None:
    memory, edge = mem0_id(), fact_uuid()
    run_id = tidier.apply(
        change(
            "link",
            mem0_id=memory,
            edge_uuid=edge,
            kept_id=f"mem_{memory}",
            text_hash=ONE,
            details={"kept_hash": OTHER.hex()},
        )
    )
    assert links(tidier) == {KnownLink(memory, edge, OTHER, ONE)}
    undo(tidier, run_id)
    assert links(tidier) == set()
    assert decided(tidier) == {(f"fact_{edge}", f"mem_{memory}", "distinct", "person")}


def test_what_is_said_again_is_shown_with_its_new_sources_and_hidden_as_before(
    tidier: Tidier,
) -> None:
    old, new, turn = mem0_id(), mem0_id(), TurnId(tidier.turn())
    before = {"before": {"run_id": "theirs", "expiration_date": "2027-01-01"}}
    first = tidier.start().run_id
    [planned] = tidier.record(first, hiding(old, f"mem_{new}", reason="update", text_hash=ONE))
    assert tidier.begin(first, planned, details=before).answer == "go"
    tidier.confirm(planned)
    tidier.finish(first)

    second = tidier.start().run_id
    said = {"said_at": MAY.isoformat()}
    [planned] = tidier.record(
        second,
        change("show", "said_again", mem0_id=old, text_hash=ONE, turn_ids=(turn,), details=said),
    )
    begun = tidier.begin(second, planned)
    assert (begun.answer, begun.hidden, begun.listed) == ("go", True, False)
    assert begun.put_back == before["before"]
    tidier.confirm(planned)
    tidier.finish(second)
    assert hidden(tidier) == {}
    assert tidier.sources(old) == {turn}

    undo(tidier, second)
    assert tidier.sources(old) == set()
    again = hidden(tidier)[old]
    assert (again.reason, again.kept_id, again.said_at) == ("update", f"mem_{new}", MAY)


def test_what_is_corrected_is_hidden_no_more(tidier: Tidier) -> None:
    old = mem0_id()
    tidier.apply(same(old, mem0_id()))
    run_id = tidier.start_unleased("correct").run_id
    [planned] = tidier.record(run_id, change("rewrite", "corrected", mem0_id=old, text_hash=ONE))
    tidier.begin(run_id, planned, owner=None)
    assert tidier.confirm(planned).done
    assert hidden(tidier) == {}


def test_what_is_not_hidden_is_not_shown(tidier: Tidier) -> None:
    run_id = tidier.start().run_id
    [planned] = tidier.record(run_id, change("show", "said_again", mem0_id=mem0_id()))
    begun = tidier.begin(run_id, planned)
    assert (begun.answer, begun.hidden) == ("go", False)


def test_nothing_names_what_has_been_forgotten_when_it_is_gone(tidier: Tidier) -> None:
    dog, cat, edge, turn = mem0_id(), mem0_id(), fact_uuid(), TurnId(tidier.turn())
    tidier.person.source(dog, turn)
    tidier.person.source(cat, turn)
    tidier.apply(same(dog, cat), change("link", mem0_id=cat, edge_uuid=edge, text_hash=ONE))
    pairs = [
        tuple(sorted((f"mem_{dog}", "mem_zzz"))),
        tuple(sorted((f"fact_{edge}", f"mem_{cat}"))),
        ("mem_0", "mem_1"),
    ]
    kept = [Decision(left, right, ONE, OTHER, "same", "judge") for left, right in pairs]
    run(Decisions(tidier.container).keep(tidier.account_id, None, kept))
    conflicts = Conflicts(tidier.container)
    disputed = [ConflictPair(left, right, ONE, OTHER) for left, right in pairs]
    run(conflicts.report(tidier.account_id, None, disputed))

    forget = tidier.start_unleased().run_id
    for each in tidier.record(
        forget,
        change("delete_memory", "forgotten", mem0_id=dog),
        change("delete_fact", "forgotten", edge_uuid=edge),
    ):
        assert tidier.begin(forget, each, owner=None).answer == "go"
        assert tidier.confirm(each).done is True
    assert hidden(tidier) == {}
    assert links(tidier) == set()
    assert tidier.sources(dog) == set()
    assert tidier.sources(cat) == {turn}
    assert {one[:2] for one in decided(tidier)} == {("mem_0", "mem_1")}
    assert set(run(conflicts.known(tidier.account_id))) == {disputed[2]}
    rows = tidier.person.rows("changes", "kind, run_id", "seq")
    assert rows == [["delete_memory", forget], ["delete_fact", forget]]


def test_what_is_under_way_stays_in_the_journal_until_it_has_ended(tidier: Tidier) -> None:
    dog = mem0_id()
    run_id = tidier.start().run_id
    [planned] = tidier.record(run_id, hiding(dog, "mem_kept"))
    tidier.begin(run_id, planned)
    forget = tidier.start_unleased().run_id
    [deletion] = tidier.record(forget, change("delete_memory", "forgotten", mem0_id=dog))
    tidier.begin(forget, deletion, owner=None)
    tidier.confirm(deletion)
    assert tidier.states(run_id) == [(1, "sent")]
    assert tidier.begin(run_id, planned).answer == "forgotten"


def test_what_has_been_hidden_for_long_is_purged_once(tidier: Tidier) -> None:
    old, recent = mem0_id(), mem0_id()
    tidier.apply(same(old, mem0_id()), same(recent, mem0_id()))
    tidier.person.source(old, tidier.turn())
    tidier.person.run(
        "update hidden_memories set hidden_at = now() - interval '31 days' where mem0_id = :old",
        old=old,
    )
    memories = HiddenMemories(tidier.container)
    [purgeable] = run(memories.to_purge(30, 10, account_id=tidier.account_id))
    assert purgeable.mem0_id == old
    assert run(memories.purging(purgeable)) is True
    assert run(memories.purging(purgeable)) is True
    assert hidden(tidier)[old].purged is True
    # It may have to be deleted again: who was about to do so may have died.
    assert run(memories.to_purge(30, 10, account_id=tidier.account_id)) == [purgeable]
    for _ in range(2):
        run(memories.purged(purgeable))
    assert run(memories.to_purge(30, 10, account_id=tidier.account_id)) == []
    assert tidier.sources(old) == set()
    assert hidden(tidier)[recent].purged is False


def test_what_is_found_in_sight_is_hidden_no_more(tidier: Tidier) -> None:
    one = mem0_id()
    tidier.apply(same(one, mem0_id()))
    tidier.person.run("update hidden_memories set hidden_at = now() - interval '31 days'")
    memories = HiddenMemories(tidier.container)
    [purgeable] = run(memories.to_purge(30, 10, account_id=tidier.account_id))
    assert (purgeable.text_hash, purgeable.listed) == (hidden(tidier)[one].text_hash, False)
    run(memories.in_sight(purgeable))
    assert hidden(tidier) == {}
    assert run(memories.purging(purgeable)) is False


def test_what_is_shown_or_hidden_anew_is_not_purged(tidier: Tidier) -> None:
    one, other = mem0_id(), mem0_id()
    tidier.apply(same(one, mem0_id()), same(other, mem0_id()))
    tidier.person.run(
        "update hidden_memories set hidden_at = now() - interval '31 days'"
        " where account_id = :account"
    )
    memories = HiddenMemories(tidier.container)
    found = {each.mem0_id: each for each in run(memories.to_purge(30, 10))}
    run_id = tidier.start().run_id
    [showing, hiding_again] = tidier.record(
        run_id, change("show", "said_again", mem0_id=one), same(other, mem0_id())
    )
    tidier.begin(run_id, showing)
    tidier.carry_out(run_id, hiding_again)
    assert run(memories.purging(found[one])) is False
    assert run(memories.purging(found[other])) is False
    tidier.confirm(showing)
    assert run(memories.purging(found[one])) is False


def test_what_is_being_purged_is_not_shown(tidier: Tidier) -> None:
    one = mem0_id()
    tidier.apply(same(one, mem0_id()))
    memories = HiddenMemories(tidier.container)
    tidier.person.run(
        "update hidden_memories set hidden_at = now() - interval '31 days'"
        " where account_id = :account"
    )
    [purgeable] = run(memories.to_purge(30, 10, account_id=tidier.account_id))
    assert run(memories.purging(purgeable)) is True
    run_id = tidier.start().run_id
    [planned] = tidier.record(run_id, change("show", "undo", mem0_id=one))
    assert tidier.begin(run_id, planned).hidden is False
