"""What takes a change set back, told from the journal alone."""

from dataclasses import replace
from typing import Any
from uuid import uuid4

from tandem.changes.model import Change, ChangeId, ChangeKind, ChangeState, Reason
from tandem.changes.undoing import undo_changes
from tandem.ids import Mem0Id, ZepUuid
from tandem.recall.normalise import statement_hash

TEA, TEAS = statement_hash("Likes tea"), statement_hash("Is fond of tea")
EDGE = ZepUuid(uuid4())


def confirmed(kind: ChangeKind, reason: Reason = "same", *, seq: int = 1, **rest: Any) -> Change:
    given = {"mem0_id": Mem0Id("tea"), "text_hash": TEA, "state": "confirmed", **rest}
    return Change(ChangeId(uuid4()), seq, kind, reason, **given)


def hidden(reason: Reason = "same", *, kept: str | None = "mem_kept", **rest: Any) -> Change:
    details = {"kept_hash": TEAS.hex(), "said_at": "2026-05-04T09:30:00+00:00"}
    return confirmed("hide", reason, kept_id=kept, **{"details": details, **rest})


def apart(left: str, right: str, left_hash: bytes, right_hash: bytes) -> dict[str, str]:
    return {
        "left_id": left,
        "right_id": right,
        "left_hash": left_hash.hex(),
        "right_hash": right_hash.hex(),
        "relation": "distinct",
    }


def test_the_last_change_is_taken_back_first() -> None:
    changes = [confirmed("link", seq=1, edge_uuid=EDGE), hidden(seq=2), confirmed("add", seq=3)]
    undo = undo_changes([changes[1], changes[0], changes[2]])
    assert [(one.seq, one.kind) for one in undo] == [
        (1, "delete_memory"),
        (2, "show"),
        (3, "unlink"),
    ]
    assert [one.details["undoes"] for one in undo] == [str(one.id) for one in reversed(changes)]
    assert {one.reason for one in undo} == {"undo"}


def test_an_undo_is_planned_the_same_way_twice() -> None:
    changes = [hidden(), confirmed("end_fact", seq=2, edge_uuid=EDGE)]
    assert undo_changes(changes) == undo_changes(list(changes))
    assert len({one.id for one in undo_changes(changes)} | {one.id for one in changes}) == 4


def test_what_did_not_happen_is_not_taken_back() -> None:
    states: tuple[ChangeState, ...] = ("planned", "sent", "skipped", "refused")
    assert undo_changes([replace(hidden(), state=state) for state in states]) == []


def test_what_was_deleted_or_rewritten_stays_so() -> None:
    kinds: list[ChangeKind] = [
        "rewrite",
        "delete_memory",
        "delete_fact",
        "delete_episode",
        "delete_node",
        "restore_fact",
    ]
    assert undo_changes([confirmed(kind) for kind in kinds]) == []


def test_an_undone_pair_is_the_persons_decision() -> None:
    for reason in ("same", "equal", "update"):
        [show] = undo_changes([hidden(reason)])
        assert (show.kind, show.mem0_id) == ("show", "tea")
        assert show.details["decisions"] == [apart("mem_kept", "mem_tea", TEAS, TEA)]
    [show] = undo_changes([hidden("update", kept=f"fact_{EDGE}")])
    assert show.details["decisions"] == [apart(f"fact_{EDGE}", "mem_tea", TEAS, TEA)]


def test_of_what_reads_the_same_one_hash_tells_both() -> None:
    [show] = undo_changes([hidden("equal", details={})])
    assert show.details["decisions"] == [apart("mem_kept", "mem_tea", TEA, TEA)]


def test_a_settled_conflict_that_is_undone_decides_nothing() -> None:
    [show] = undo_changes([hidden("resolved")])
    assert show.details["decisions"] == []
    [alone] = undo_changes([hidden("update", kept=None, mem0_id=Mem0Id("tea"))])
    assert alone.details["decisions"] == []


def test_what_was_shown_is_hidden_for_the_reason_it_had() -> None:
    was = {"reason": "resolved", "kept_id": "mem_kept", "said_at": "2026-01-01T00:00:00+00:00"}
    said = {"said_at": "2026-05-04T09:30:00+00:00", "was": was}
    [hide] = undo_changes([confirmed("show", "said_again", edge_uuid=EDGE, details=said)])
    assert (hide.kind, hide.kept_id, hide.text_hash) == ("hide", "mem_kept", TEA)
    assert hide.details["hidden_as"] == "resolved"
    assert hide.details["said_at"] == said["said_at"]
    [bare] = undo_changes([confirmed("show", "said_again", details={"was": {"said_at": "x"}})])
    assert (bare.details["hidden_as"], bare.details["said_at"]) == ("update", "x")


def test_a_copy_that_is_taken_back_leaves_the_fact_as_it_is() -> None:
    [deletion] = undo_changes([confirmed("add", "lacking", edge_uuid=EDGE)])
    assert (deletion.kind, deletion.mem0_id, deletion.text_hash) == ("delete_memory", "tea", TEA)
    assert deletion.details["decisions"] == [
        apart(f"fact_{EDGE}", "", TEA, TEA),
    ]


def test_a_link_is_undone_and_an_undone_link_made_again() -> None:
    hash_of_kept = {"kept_hash": TEAS.hex()}
    link = confirmed("link", edge_uuid=EDGE, kept_id="mem_tea", details=hash_of_kept)
    [unlink] = undo_changes([link])
    assert (unlink.kind, unlink.mem0_id, unlink.edge_uuid) == ("unlink", "tea", EDGE)
    assert unlink.details["decisions"] == [apart(f"fact_{EDGE}", "mem_tea", TEA, TEAS)]
    [again] = undo_changes([confirmed("unlink", edge_uuid=EDGE, details=hash_of_kept)])
    assert (again.kind, again.text_hash, again.details["kept_hash"]) == ("link", TEA, TEAS.hex())


def test_a_fact_that_was_ended_is_restored() -> None:
    [restored] = undo_changes([confirmed("end_fact", "resolved", edge_uuid=EDGE, mem0_id=None)])
    assert (restored.kind, restored.edge_uuid) == ("restore_fact", EDGE)
