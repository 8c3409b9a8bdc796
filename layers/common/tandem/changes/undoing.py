"""What takes changes of memory back: a change set of its own, carried out like any other."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final
from uuid import uuid5

from tandem.changes.model import Change, ChangeId, ChangeKind

_MEMORY: Final = "mem_"
_FACT: Final = "fact_"
_PAIRED: Final = frozenset({"equal", "same", "update"})


def undo_changes(changes: Sequence[Change]) -> list[Change]:
    """The changes that take back what was confirmed of these, the last one first.

    The same changes always give the same undo, ids included, so that it can be planned again. Each
    brings along what the person has decided by it: an undone pair is `distinct`, a copy of a fact
    that is taken back leaves the fact as it is. What was deleted or written anew can't be undone
    and is left out.

    Args:
        changes: of one run, in any order.
    """
    confirmed = [change for change in changes if change.state == "confirmed"]
    ordered = sorted(confirmed, key=lambda change: change.seq, reverse=True)
    inverses = [_INVERSES[change.kind](change) for change in ordered if change.kind in _INVERSES]
    return [replace(inverse, seq=seq) for seq, inverse in enumerate(inverses, start=1)]


def _inverse(change: Change, kind: ChangeKind, **details: Any) -> Change:
    return Change(
        id=ChangeId(uuid5(change.id, "undo")),
        seq=change.seq,
        kind=kind,
        reason="undo",
        mem0_id=change.mem0_id,
        edge_uuid=change.edge_uuid,
        text_hash=change.text_hash,
        details={"undoes": str(change.id), **details},
    )


def _shown_again(change: Change) -> Change:
    return _inverse(change, "show", decisions=_apart(change, f"{_MEMORY}{change.mem0_id}"))


def _hidden_again(change: Change) -> Change:
    """Hidden for the old reason, but as of the time at which it was last said: to show it again,
    the person has to say it again."""
    was: Mapping[str, Any] = change.details.get("was") or {}
    hidden = _inverse(
        change,
        "hide",
        hidden_as=was.get("reason") or "update",
        said_at=change.details.get("said_at") or was.get("said_at"),
    )
    return replace(hidden, kept_id=was.get("kept_id"), edge_uuid=None)


def _deleted(change: Change) -> Change:
    alone = _decision(f"{_FACT}{change.edge_uuid}", change.text_hash, "", change.text_hash)
    return _inverse(change, "delete_memory", decisions=[alone])


def _unlinked(change: Change) -> Change:
    return _inverse(change, "unlink", decisions=_apart(change, f"{_FACT}{change.edge_uuid}"))


def _linked_again(change: Change) -> Change:
    return _inverse(change, "link", **_known(change.details, "kept_hash"))


def _restored(change: Change) -> Change:
    return _inverse(change, "restore_fact")


def _apart(change: Change, item_id: str) -> list[dict[str, str]]:
    """That the person keeps the item beside the one that was to stay for both."""
    kept = change.kept_id or (_MEMORY + change.mem0_id if change.mem0_id else "")
    if change.reason not in _PAIRED or not kept or kept == item_id:
        return []
    kept_hash = change.details.get("kept_hash")
    known = change.text_hash if kept_hash is None else bytes.fromhex(kept_hash)
    return [_decision(item_id, change.text_hash, kept, known)]


def _decision(
    item_id: str, item_hash: bytes | None, other_id: str, other_hash: bytes | None
) -> dict[str, str]:
    sides = [(item_id, (item_hash or b"").hex()), (other_id, (other_hash or b"").hex())]
    if other_id:
        sides.sort()
    (left_id, left_hash), (right_id, right_hash) = sides
    return {
        "left_id": left_id,
        "right_id": right_id,
        "left_hash": left_hash,
        "right_hash": right_hash,
        "relation": "distinct",
    }


def _known(details: Mapping[str, Any], *names: str) -> dict[str, Any]:
    return {name: details[name] for name in names if name in details}


_INVERSES: Final[Mapping[ChangeKind, Callable[[Change], Change]]] = {
    "hide": _shown_again,
    "show": _hidden_again,
    "add": _deleted,
    "link": _unlinked,
    "unlink": _linked_again,
    "end_fact": _restored,
}
