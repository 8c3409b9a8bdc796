"""The person's own words on their way into Mem0."""

from collections.abc import Mapping, Sequence
from typing import Final

from tandem.clients.mem0 import Mem0Client
from tandem.clients.models import Mem0Change
from tandem.db.deliveries import Due, ProviderId
from tandem.deadline import Deadline
from tandem.delivery.stores import Checked, Sent, Utterances, name_at_stores
from tandem.ids import Mem0Id, TurnId

_LOOK_BACK: Final = 100


class Mem0Delivery:
    """Adds what a person said and looks after its ingestion.

    Mem0 takes no Idempotency-Key, so a statement arrives at least once: when an outcome is
    unknown we look for memories that name the turn, and add again if there are none.
    """

    name: Final = "mem0"

    def __init__(self, client: Mem0Client, *, stage: str, call_seconds: float) -> None:
        self._client = client
        self._stage = stage
        self._seconds = call_seconds

    async def prepare(self, due: Due) -> Due:
        """Nothing to prepare: Mem0 makes a person on the first add."""
        return due

    async def find(self, due: Due, turns: Sequence[Utterances]) -> Mapping[TurnId, Sent]:
        """Reads the newest memories and picks out those that name one of these turns."""
        return await self._find(due, turns, self._seconds)

    async def send(self, due: Due, turn: Utterances) -> Sent:
        """Adds the person's words, with the time at which they were said. A statement is kept as
        it stands; what is worth keeping of talk is for Mem0 to find out."""
        return await self._send(due, turn, self._seconds)

    async def check(self, due: Due, turn: Utterances) -> Checked:  # noqa: ARG002 - as the Protocol
        """Asks the event. That it kept nothing is a normal end: not all words are worth keeping."""
        check_id = turn.words[0].check_id
        if check_id is None:
            return Checked("failed")
        event = await self._client.get_event(Mem0Id(check_id), timeout_seconds=self._seconds)
        if not event.finished:
            return Checked("waiting")
        if event.status == "FAILED":
            return Checked("failed")
        return Checked("ingested", _memories(event.results))

    async def give_again(self, due: Due, turn: Utterances) -> Sent:
        """Adds the words once more, unless an earlier attempt at that has left something."""
        within = Deadline(self._seconds)
        found = await self._find(due, [turn], within.left())
        return found.get(turn.turn_id) or await self._send(due, turn, within.left())

    async def _find(
        self, due: Due, turns: Sequence[Utterances], seconds: float
    ) -> Mapping[TurnId, Sent]:
        if not turns:
            return {}
        page = await self._client.list_memories(
            user_id=name_at_stores(self._stage, due.account_id),
            page=1,
            page_size=_LOOK_BACK,
            timeout_seconds=seconds,
        )
        found: dict[TurnId, Sent] = {}
        for turn in turns:
            theirs = [m for m in page.items if m.metadata.get("turn_id") == str(turn.turn_id)]
            if theirs:
                ids = [ProviderId(memory.id, "user") for memory in theirs]
                found[turn.turn_id] = Sent(check_id=None, provider_ids=ids, ingested=True)
        return found

    async def _send(self, due: Due, turn: Utterances, seconds: float) -> Sent:
        words = turn.words[0]
        added = await self._client.add(
            words.text,
            user_id=name_at_stores(self._stage, due.account_id),
            metadata={"turn_id": str(turn.turn_id)},
            timestamp=words.at,
            infer=words.kind != "statement",
            timeout_seconds=seconds,
        )
        if added.event_id is None or added.status == "SUCCEEDED":
            return Sent(check_id=None, provider_ids=_memories(added.results), ingested=True)
        return Sent(check_id=added.event_id)


def _memories(changes: Sequence[Mem0Change]) -> list[ProviderId]:
    return [ProviderId(change.id, "user") for change in changes if change.id is not None]
