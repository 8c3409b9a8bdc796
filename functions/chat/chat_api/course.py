"""What plain code makes of a message before any model sees it."""

from dataclasses import dataclass
from typing import Literal

from tandem.db.proposals import Awaiting, Decision, OpenConflict
from tandem.recall.change_requests import confirms
from tandem.recall.rank import only_asks
from tandem.recall.routing import Route, choose_route

AgentName = Literal["recall", "converse", "manage", "done", "settle"]


@dataclass(frozen=True, slots=True)
class Course:
    """How a turn goes on.

    Attributes:
        route: as the client is told.
        agent: who answers. Each has the tools of its own and no others: what the agent can't
            call, no text can bring it to call.
        decision: of the proposal that was open, if one was.
        conflict: to be put to the person or, with the agent `settle`, just answered by them.
    """

    route: Route
    agent: AgentName
    decision: Decision | None = None
    conflict: OpenConflict | None = None


def choose_course(awaiting: Awaiting, message: str) -> Course:
    """The course of a turn, from what waits for the person's word and from their own message.

    A proposal is confirmed by a plain yes alone; any other message declines it and is answered as
    it stands. A conflict is put at a quiet moment: nothing was asked, proposed or managed. Its
    answer is expected in the next message, unless that only asks something itself.
    """
    decision: Decision | None = None
    if awaiting.proposal is not None:
        if confirms(message, kind=awaiting.proposal.kind):
            return Course("manage", "done", "confirmed")
        decision = "declined"
    route = choose_route(message)
    if route == "converse" and awaiting.asked is not None:
        if not only_asks(message):
            return Course(route, "settle", decision, awaiting.asked)
    elif route == "converse" and awaiting.proposal is None:
        return Course(route, route, None, awaiting.conflict)
    return Course(route, route, decision)
