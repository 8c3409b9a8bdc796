"""One message on its way to a reply: what is decided, recalled, offered to the model and stored."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from chat_api.changing import (
    DECLINED,
    Choosing,
    Decided,
    MemoryChanges,
    Proposing,
    asks,
    carry_out,
    with_proposal,
)
from chat_api.course import Course
from chat_api.prompting import each_once, evidence_for, make_prompt, offered_drafts, pending_drafts
from chat_api.toolbox import Toolbox
from chat_api.turn import ModelReply, Prompt, stored_facts
from tandem.db.proposals import Effects
from tandem.db.turns import Reply, Turn
from tandem.deadline import Deadline
from tandem.recall.beside import Beside
from tandem.recall.context import SHARES, TURN_TOKENS
from tandem.recall.gather import Gather, Gathered, Person
from tandem.recall.items import Draft
from tandem.recall.rank import estimate_tokens
from tandem.together import both

_NOTHING = Gathered([], frozenset())


@dataclass(frozen=True, slots=True)
class Given:
    """What a turn has to go on.

    Attributes:
        offered: what is remembered, best first.
        disputed: the two sides of a conflict, or nothing.
        evidence: all of it and our notes, as the model gets it.
        degraded: stores that have failed in this turn.
        decided: of what was proposed before.
    """

    offered: Sequence[Draft]
    disputed: Sequence[Draft]
    evidence: str
    degraded: frozenset[str]
    decided: Decided


@dataclass(frozen=True, slots=True)
class Exchange:
    """One turn that is ours to answer."""

    course: Course
    turn: Turn
    person: Person
    message: str
    deadline: Deadline
    gather: Gather
    changes: MemoryChanges
    retrieval_seconds: float
    now: datetime

    async def decide(self) -> Decided:
        """Carries out what this message confirms.

        Before the model is asked, so that the reply tells what has been done; keyed by the turn,
        so that a turn that fails after it and is tried again does nothing twice.
        """
        proposal = self.turn.awaiting.proposal
        if proposal is None:
            return Decided()
        if self.course.decision != "confirmed":
            return Decided(DECLINED, proposal.turn_id, "declined")
        return await carry_out(
            self.changes,
            self.person,
            proposal,
            turn_id=self.turn.turn_id,
            deadline=self.deadline,
        )

    async def recall(self, decided: Decided, beside: Beside) -> Given:
        """What is remembered that bears on the message, and the conflict it may be about.

        Nothing after a change: a store may still offer what has just been forgotten.

        Args:
            decided: of what was proposed before.
            beside: where a store that has failed lately is tried again.
        """
        gathered, disputed = _NOTHING, list[Draft]()
        if self.course.agent != "done":
            gathered, disputed = await both(
                self.gather.for_message(
                    self.person,
                    self.message,
                    limit=SHARES[self.course.route].items,
                    seconds=self.deadline.step(self.retrieval_seconds),
                    beside=beside,
                ),
                self._disputed(),
            )
        offered: list[Draft] = []
        if self.course.agent != "done":
            offered = offered_drafts(
                self.course.route, self.turn, self.message, gathered, now=self.now
            )
        notes = [decided.note] if decided.note is not None else []
        evidence = evidence_for(self.course.route, self.turn, offered, disputed, notes)
        return Given(offered, disputed, evidence, gathered.degraded | decided.missing, decided)

    async def _disputed(self) -> list[Draft]:
        conflict = self.course.conflict
        if conflict is None:
            return []
        return await self.gather.both(
            self.person,
            (conflict.left_id, conflict.right_id),
            seconds=self.deadline.step(self.retrieval_seconds),
        )

    def prompt(self, given: Given) -> Prompt:
        """All that the model is given."""
        # Without the two statements there is nothing to choose between.
        lost = self.course.agent == "settle" and not given.disputed
        return make_prompt(
            "converse" if lost else self.course.agent,
            self.turn,
            self.message,
            given.evidence,
            person=str(self.person.account_id),
            now=self.now,
        )

    def toolbox(self, given: Given) -> Toolbox:
        """What the agent's tools may use in this turn; no others find anything to use."""
        box = Toolbox(
            self.gather,
            self.person,
            self.deadline,
            self.retrieval_seconds,
            degraded=set(given.degraded),
            tokens=TURN_TOKENS - estimate_tokens(given.evidence),
        )
        if self.course.agent == "manage":
            box.proposing = Proposing(
                self.changes,
                self.person,
                self.message,
                self.deadline,
                shown={draft.item.id: draft.item for draft in given.offered},
                pending=[draft.item for draft in pending_drafts(self.turn)],
            )
        if self.course.agent == "settle" and self.course.conflict is not None and given.disputed:
            box.choosing = Choosing(
                self.changes, self.person, self.course.conflict, self.turn.turn_id, self.deadline
            )
        return box

    def reply(self, said: ModelReply, given: Given, toolbox: Toolbox) -> Reply:
        """What is stored: the reply, what it proposes or asks, and what it rests on."""
        proposal = toolbox.proposing.proposal if toolbox.proposing is not None else None
        drafts = each_once([*given.offered, *given.disputed, *toolbox.found])
        facts = stored_facts(
            self.course.route,
            said.usage,
            sorted(toolbox.degraded),
            drafts,
            replacement=proposal.replacement if proposal is not None else None,
        )
        effects = Effects(
            kind=proposal.kind if proposal is not None else None,
            item_ids=[item.id for item in proposal.items] if proposal is not None else (),
            decided=given.decided.proposal,
            decision=given.decided.decision,
            asked=self._asked(said, given),
        )
        text = with_proposal(said.text, proposal)
        return Reply(text=text, facts=facts, drafts=drafts, effects=effects)

    def _asked(self, said: ModelReply, given: Given) -> UUID | None:
        """The conflict, if the reply may have asked about it: one without a question has not."""
        conflict = self.course.conflict
        if conflict is None or self.course.agent == "settle":
            return None
        return conflict.id if given.disputed and asks(said.text) else None
