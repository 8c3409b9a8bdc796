"""What the tools of one turn may use, and what they found."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from chat_api.changing import Choosing, Keep, Proposing, refused
from tandem import observability
from tandem.deadline import Deadline
from tandem.errors import AppError, UpstreamError
from tandem.recall.context import TURN_TOKENS
from tandem.recall.evidence import tool_answer
from tandem.recall.gather import Gather, Person
from tandem.recall.items import Draft
from tandem.recall.rank import estimate_tokens, select

TOOLBOX = "toolbox"
_FRAME_TOKENS = 10
_LATER = "This doesn't work right now. Tell the person to try again later."


@dataclass(slots=True)
class Toolbox:
    """What one turn's tools may use, and what they found.

    Attributes:
        degraded: stores that failed in this turn; they are not asked again in it.
        tokens: how much the tools may still hand to the model, all together.
        proposing: only in a turn in which the person asks for a change of memory.
        choosing: only in a turn that answers a conflict.
        found: everything the tools handed to the model.
    """

    gather: Gather
    person: Person
    deadline: Deadline
    seconds: float
    degraded: set[str]
    tokens: int = TURN_TOKENS
    proposing: Proposing | None = None
    choosing: Choosing | None = None
    found: list[Draft] = field(default_factory=list)

    async def look(self, store: str, search: Callable[[float], Awaitable[list[Draft]]]) -> str:
        """What a search finds, best first and as far as the turn's tokens go, as the model gets
        it. A store that is away finds nothing."""
        drafts: list[Draft] = []
        if store not in self.degraded:
            try:
                drafts = await search(self.deadline.step(self.seconds))
            except UpstreamError:
                self.degraded.add(store)
            except Exception as error:  # Agno would give its text to the model, and tell nobody
                observability.warning("tool_failed", store=store, **observability.describe(error))
                self.degraded.add(store)
        by_id = {draft.item.id: draft for draft in drafts}
        items = select(
            [draft.item for draft in by_id.values()],
            limit=len(by_id),
            token_budget=self.tokens - _FRAME_TOKENS,
        )
        self.found.extend(by_id[item.id] for item in items)
        answer = tool_answer(items)
        self.tokens -= estimate_tokens(answer)
        return answer

    async def propose(
        self, make: Callable[[Proposing], Awaitable[str]], *, searches: bool = False
    ) -> str:
        """What the model is told of its proposal.

        Args:
            make: what proposes.
            searches: it asks both stores, since a part of what there is would look like all.
        """
        if self.proposing is None:
            return refused("This can't be proposed now.")
        if searches and self.degraded:
            return refused(_LATER)
        before = self.proposing.proposal
        answer = await self._safely(make(self.proposing))
        made = self.proposing.proposal
        if made is not None and made is not before:
            self.found.extend(Draft(item) for item in made.items)
        return answer

    async def choose(self, keep: Keep) -> str:
        """What the model is told of the person's choice."""
        if self.choosing is None:
            return refused("There is nothing to settle now.")
        return await self._safely(self.choosing.settle(keep))

    async def _safely(self, work: Awaitable[str]) -> str:
        try:
            return await work
        except AppError as error:
            observability.note(tool=error.code)
        except Exception as error:  # as above
            observability.warning("tool_failed", **observability.describe(error))
        return refused(_LATER)
