"""Changes of memory in a chat: a tool proposes, the person's next message confirms."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal, NamedTuple, Protocol

from tandem.db.proposals import Decision, OpenConflict, OpenProposal, ProposalKind
from tandem.deadline import RESERVE_SECONDS, Deadline
from tandem.errors import Unavailable, UpstreamError
from tandem.ids import TurnId
from tandem.recall.change_requests import what_to_forget
from tandem.recall.evidence import quoted_json
from tandem.recall.gather import Person
from tandem.recall.items import RecalledItem
from tandem.recall.normalise import normalise
from tandem.recall.words import telling_words

Keep = Literal["first", "second", "both"]
Carried = Literal["done", "later", "gone"]
"""A change is done; or begun, and the journal will end it; or there is nothing left to change."""

_CHANGE_SECONDS: Final = 9.0
_LONGEST: Final = 500
_ASKING: Final = ("?", "？", "؟")  # noqa: RUF001 - other scripts' question marks
_CONFIRM: Final = "Please answer “yes” to confirm; any other answer changes nothing."
_MORE: Final = "More is remembered that fits. It stays until you ask again."
_LISTED: Final[dict[ProposalKind, str]] = {
    "forget": "This would be forgotten:",
    "correct": "This would be corrected:",
}
_NOTES: Final[dict[tuple[ProposalKind, Carried], str]] = {
    ("forget", "done"): "Confirmed and done: it has been forgotten.",
    ("forget", "later"): "Confirmed: it is being forgotten, which will take a little longer.",
    ("forget", "gone"): "Confirmed, but nothing of it was remembered any more.",
    ("correct", "done"): "Confirmed and done: it has been corrected.",
    ("correct", "later"): "Confirmed: it is being corrected, which will take a little longer.",
    ("correct", "gone"): "Confirmed, but it was not remembered any more, so nothing was corrected.",
}
DECLINED: Final = "What was proposed was not confirmed, so nothing was changed."
NOT_NOW: Final = "Confirmed, but it can't be done right now. They have to ask for it again later."


class Decided(NamedTuple):
    """What has become of a proposal that was open.

    Attributes:
        note: what the model is to be told of it.
        proposal: the turn that made it, if it is decided.
        missing: stores that have failed over it.
    """

    note: str | None = None
    proposal: TurnId | None = None
    decision: Decision | None = None
    missing: frozenset[str] = frozenset()


class Found(NamedTuple):
    """What a wish to forget fits, best first; `more` fits than is listed, and would stay."""

    items: Sequence[RecalledItem]
    more: bool = False


class MemoryChanges(Protocol):
    """What changes memory at the person's word; see `chat_api.memory_changes`.

    Every change is keyed by a turn: repeated, it goes on where it stopped. What is recorded and
    will be carried out without anybody asking again is `later`; anything else that fails raises
    `UpstreamError` or `Unavailable`.
    """

    async def find(
        self,
        person: Person,
        query: str,
        *,
        pending: Sequence[RecalledItem],
        deadline: Deadline,
    ) -> Found:
        """What would go if this were to be forgotten, of the stores and of what is pending."""
        ...

    async def forget(
        self, person: Person, proposal: OpenProposal, *, turn_id: TurnId, deadline: Deadline
    ) -> Carried: ...
    async def correct(
        self, person: Person, proposal: OpenProposal, *, turn_id: TurnId, deadline: Deadline
    ) -> Carried: ...
    async def settle(
        self,
        person: Person,
        conflict: OpenConflict,
        keep: Keep,
        *,
        turn_id: TurnId,
        deadline: Deadline,
    ) -> Carried: ...


def time_for_change(deadline: Deadline) -> Deadline:
    """The deadline of one change: it leaves the model time to answer."""
    return Deadline(deadline.step(_CHANGE_SECONDS) + RESERVE_SECONDS)


async def carry_out(
    changes: MemoryChanges,
    person: Person,
    proposal: OpenProposal,
    *,
    turn_id: TurnId,
    deadline: Deadline,
) -> Decided:
    """Does what was proposed and has just been confirmed.

    If a store doesn't let it through nothing is decided: the turn is answered all the same.

    Raises:
        Unavailable: the database is away.
    """
    change = changes.forget if proposal.kind == "forget" else changes.correct
    limit = time_for_change(deadline)
    try:
        carried = await change(person, proposal, turn_id=turn_id, deadline=limit)
    except UpstreamError as error:
        return Decided(NOT_NOW, missing=frozenset({error.provider}))
    except Unavailable as error:
        if error.code != "unfinished":
            raise
        return Decided(NOT_NOW)
    return Decided(_NOTES[proposal.kind, carried], proposal.turn_id, "confirmed")


@dataclass(frozen=True, slots=True)
class Proposal:
    """What a reply proposes to change: these items, in words that the person is shown.

    Attributes:
        more: what would stay though it fits as well, since so many items are proposed.
    """

    kind: ProposalKind
    items: Sequence[RecalledItem]
    replacement: str | None = None
    more: bool = False

    @property
    def lines(self) -> list[str]:
        """Every item as the person has to see it before they confirm."""
        if self.replacement is not None:
            return [f"“{item.text}” → “{self.replacement}”" for item in self.items]
        return [item.text for item in self.items]

    @property
    def told(self) -> list[str]:
        """What of these lines a reply may say in an order and with words of its own."""
        texts = [item.text for item in self.items]
        return [*texts, self.replacement] if self.replacement is not None else texts


@dataclass(slots=True)
class Proposing:
    """What the tools of a `manage` turn may propose, and what they did. One proposal a turn.

    Attributes:
        message: the person's own, which everything proposed is held against.
        shown: by id, the items that the model was given in this turn; it may speak of no others.
        pending: what the person stated lately and the stores have not ingested.
    """

    changes: MemoryChanges
    person: Person
    message: str
    deadline: Deadline
    shown: Mapping[str, RecalledItem]
    pending: Sequence[RecalledItem] = ()
    proposal: Proposal | None = None

    async def forget(self, query: str) -> str:
        """Looks for what would go. What is looked for is in the person's own words, whatever the
        model was talked into."""
        if self.proposal is not None:
            return refused("There is a proposal in this turn already. Ask the person about it.")
        if not _is_said(query, self.message):
            query = what_to_forget(self.message)
        found = await self.changes.find(
            self.person,
            query[:_LONGEST],
            pending=self.pending,
            deadline=time_for_change(self.deadline),
        )
        if not found.items:
            return refused("Nothing like that is remembered. Tell the person so.")
        self.proposal = Proposal("forget", tuple(found.items), more=found.more)
        return self._told()

    async def correct(self, item_id: str, new_statement: str) -> str:
        """Proposes other words for one of the items that the model was given."""
        if self.proposal is not None:
            return refused("There is a proposal in this turn already. Ask the person about it.")
        item = self.shown.get(item_id)
        if item is None or not item_id.startswith(("mem_", "fact_")):
            return refused("There is no such item in the evidence.")
        statement = " ".join(new_statement.split())
        if not _is_said(statement, self.message) or len(statement) > _LONGEST:
            return refused("The new statement has to be in the words of the person's message.")
        self.proposal = Proposal("correct", (item,), statement)
        return self._told()

    def _told(self) -> str:
        assert self.proposal is not None  # noqa: S101 - set by the callers
        return quoted_json(
            {
                "proposed": self.proposal.kind,
                "items": [{"id": item.id, "text": item.text} for item in self.proposal.items],
                "new_statement": self.proposal.replacement,
                "next": "Nothing has been changed yet. List every item and ask for a yes.",
            }
        )


@dataclass(slots=True)
class Choosing:
    """The conflict that the person's message may settle, and whether it has been."""

    changes: MemoryChanges
    person: Person
    conflict: OpenConflict
    turn_id: TurnId
    deadline: Deadline
    kept: Keep | None = field(default=None)

    async def settle(self, keep: Keep) -> str:
        """Carries out the person's choice; one choice a turn."""
        if keep not in {"first", "second", "both"}:
            return refused("keep has to be first, second or both.")
        if self.kept is not None:
            return refused("This has been settled already.")
        carried = await self.changes.settle(
            self.person,
            self.conflict,
            keep,
            turn_id=self.turn_id,
            deadline=time_for_change(self.deadline),
        )
        self.kept = keep
        return quoted_json({"settled": carried, "kept": keep})


def with_proposal(reply: str, proposal: Proposal | None) -> str:
    """The reply, with all that it has to say before a yes may count.

    A yes confirms only what the person has seen. So if the reply leaves out an item, all of them
    are listed after it, word for word, by plain code; and if it asks nothing, the question is put.
    """
    if proposal is None:
        return reply
    said = normalise(reply)
    parts = [reply]
    if not all(_stands_in(normalise(text), said) for text in proposal.told):
        parts.append("\n".join([_LISTED[proposal.kind], *(f"- {one}" for one in proposal.lines)]))
    if proposal.more:
        parts.append(_MORE)
    if len(parts) > 1 or not asks(reply):
        parts.append(_CONFIRM)
    return "\n\n".join(parts)


def _stands_in(text: str, said: str) -> bool:
    """As words of its own: "Likes tea" isn't said by "likes teapots"."""
    return re.search(rf"(?<!\w){re.escape(text)}(?!\w)", said) is not None


def asks(reply: str) -> bool:
    """Whether a reply asks anything at all."""
    return any(mark in reply for mark in _ASKING)


def _is_said(statement: str, message: str) -> bool:
    """Every word that says something was said by the person, in this message."""
    words = telling_words(statement)
    return bool(words) and words <= telling_words(message)


def refused(why: str) -> str:
    """What a tool answers when it does nothing."""
    return quoted_json({"refused": why})
