"""What the delivery job needs of a store, whichever it is."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from tandem.db.deliveries import Due, ProviderId, Role, StoreName, Words
from tandem.ids import AccountId, TurnId

State = Literal["waiting", "ingested", "failed"]


@dataclass(frozen=True, slots=True)
class Utterances:
    """What one turn owes a store, or has sent it: its words in order, the person's first."""

    turn_id: TurnId
    words: Sequence[Words]

    @property
    def roles(self) -> list[Role]:
        """Whose words they are."""
        return [words.role for words in self.words]

    def of(self, role: Role) -> Words | None:
        """The words of one role, if they are among these."""
        return next((words for words in self.words if words.role == role), None)

    def only(self, roles: Collection[Role]) -> "Utterances":
        """The same without the words of other roles."""
        return Utterances(self.turn_id, [words for words in self.words if words.role in roles])


@dataclass(frozen=True, slots=True)
class Sent:
    """What a store said when it took a turn's words.

    Attributes:
        check_id: the task or event that tells whether they were ingested; None if it has none.
        ingested: it needs no further check.
    """

    check_id: str | None
    provider_ids: Sequence[ProviderId] = ()
    ingested: bool = False


@dataclass(frozen=True, slots=True)
class Checked:
    """How far a store has come with ingesting a turn's words."""

    state: State
    provider_ids: Sequence[ProviderId] = ()


class StoreDelivery(Protocol):
    """One store.

    All methods raise `UpstreamError` when it fails, and take no longer than one call's limit,
    however many calls they make: the lease is made sure of before each of them.
    """

    @property
    def name(self) -> StoreName:
        """Which store."""
        ...

    async def prepare(self, due: Due) -> Due:
        """`due` with everything in place to send: the person and the thread exist."""
        ...

    async def find(self, due: Due, turns: Sequence[Utterances]) -> Mapping[TurnId, Sent]:
        """Which of these turns the store has already, although we were never told; whose words of
        a turn, its `provider_ids` say; without any, all."""
        ...

    async def send(self, due: Due, turn: Utterances) -> Sent:
        """Gives the store one turn's words. Must not repeat a call whose outcome is unknown."""
        ...

    async def check(self, due: Due, turn: Utterances) -> Checked:
        """Whether the store has ingested what it took."""
        ...

    async def find_again(self, due: Due, turn: Utterances) -> Sent | None:
        """What has become of an attempt at `give_again` whose answer was lost; None if it isn't
        there, or not to be seen."""
        ...

    async def give_again(self, due: Due, turn: Utterances) -> Sent:
        """Gives the person's words for ingestion once more, after it failed. Must not repeat a call
        whose outcome is unknown."""
        ...


def name_at_stores(stage: str, account_id: AccountId) -> str:
    """What a person is called at Zep and Mem0. The label they chose is never sent."""
    return f"{stage}:{account_id}"
