"""The person's own words on their way into Mem0."""

from collections.abc import Mapping, Sequence
from typing import Final

from tandem.clients.mem0 import Mem0Client
from tandem.clients.models import Mem0Change
from tandem.db.deliveries import Due, ProviderId
from tandem.deadline import Deadline
from tandem.delivery.stores import Checked, Sent, Utterances, name_at_stores
from tandem.errors import UpstreamRejected
from tandem.ids import Mem0Id, TurnId

_MOST_FOUND: Final = 200
_LISTED_EVENTS: Final = 100


class Mem0Delivery:
    """Adds what a person said and looks after its ingestion.

    Mem0 takes no Idempotency-Key, so a statement arrives at least once: when an outcome is
    unknown we look for memories that name the turn, hidden ones too, then for a job that does, and
    add again if there is neither.
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
        """Asks for the memories that name one of these turns, then for jobs that do."""
        if not turns:
            return {}
        within = Deadline(self._seconds)
        page = await self._client.list_memories(
            user_id=name_at_stores(self._stage, due.account_id),
            metadata=[{"turn_id": str(turn.turn_id)} for turn in turns],
            show_expired=True,
            page_size=_MOST_FOUND,
            timeout_seconds=within.left(),
        )
        found: dict[TurnId, Sent] = {}
        for turn in turns:
            theirs = [m for m in page.items if m.metadata.get("turn_id") == str(turn.turn_id)]
            if theirs:
                ids = [ProviderId(memory.id, "user") for memory in theirs]
                found[turn.turn_id] = Sent(check_id=None, provider_ids=ids, ingested=True)
        others = [turn for turn in turns if turn.turn_id not in found]
        return {**found, **await self._find_jobs(others, within.left())} if others else found

    async def send(self, due: Due, turn: Utterances) -> Sent:
        """Adds the person's words, with the time at which they were said. A statement is kept as
        it stands; what is worth keeping of talk is for Mem0 to find out."""
        words = turn.words[0]
        added = await self._client.add(
            words.text,
            user_id=name_at_stores(self._stage, due.account_id),
            metadata={"turn_id": str(turn.turn_id)},
            timestamp=words.at,
            infer=words.kind != "statement",
            timeout_seconds=self._seconds,
        )
        if added.event_id is None or added.status == "SUCCEEDED":
            return Sent(check_id=None, provider_ids=_memories(added.results), ingested=True)
        return Sent(check_id=added.event_id)

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

    async def find_again(self, due: Due, turn: Utterances) -> Sent | None:
        """Looks as `find` does."""
        return (await self.find(due, [turn])).get(turn.turn_id)

    async def give_again(self, due: Due, turn: Utterances) -> Sent:
        """Adds the words once more."""
        return await self.send(due, turn)

    async def _find_jobs(
        self, turns: Sequence[Utterances], seconds: float
    ) -> Mapping[TurnId, Sent]:
        """Of these turns, those that Mem0 is still busy with or found nothing worth keeping in."""
        try:
            events = await self._client.list_events(
                page_size=_LISTED_EVENTS, timeout_seconds=seconds
            )
        except UpstreamRejected:
            return {}  # a Mem0 that doesn't list its jobs
        found: dict[TurnId, Sent] = {}
        for turn in turns:
            given_up = turn.words[0].check_id
            named = (e for e in events if e.metadata.get("turn_id") == str(turn.turn_id))
            event = next((e for e in named if e.status != "FAILED" and e.id != given_up), None)
            if event is not None:
                ingested = event.status == "SUCCEEDED"
                ids = _memories(event.results)
                found[turn.turn_id] = Sent(event.id, ids, ingested=ingested)
        return found


def _memories(changes: Sequence[Mem0Change]) -> list[ProviderId]:
    return [ProviderId(change.id, "user") for change in changes if change.id is not None]
