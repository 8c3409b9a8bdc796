"""What the tools of one turn may use, and what they found."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from tandem import observability
from tandem.deadline import Deadline
from tandem.errors import UpstreamError
from tandem.recall.evidence import tool_answer
from tandem.recall.gather import Gather, Person
from tandem.recall.items import Draft

TOOLBOX = "toolbox"


@dataclass(slots=True)
class Toolbox:
    """What one turn's tools may use, and what they found.

    Attributes:
        degraded: stores that failed in this turn; they are not asked again in it.
        found: everything the tools handed to the model.
    """

    gather: Gather
    person: Person
    deadline: Deadline
    seconds: float
    degraded: set[str]
    found: list[Draft] = field(default_factory=list)

    async def look(self, store: str, search: Callable[[float], Awaitable[list[Draft]]]) -> str:
        """What a search finds, as the model gets it. A store that is away finds nothing."""
        drafts: list[Draft] = []
        if store not in self.degraded:
            try:
                drafts = await search(self.deadline.step(self.seconds))
            except UpstreamError:
                self.degraded.add(store)
            except Exception as error:  # Agno would give its text to the model, and tell nobody
                observability.warning("tool_failed", store=store, **observability.describe(error))
                self.degraded.add(store)
        self.found.extend(drafts)
        return tool_answer([draft.item for draft in drafts])
