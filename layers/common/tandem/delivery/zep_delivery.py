"""Words on their way into Zep's thread and, from there, into its graph."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Final
from uuid import UUID, uuid5

from tandem.clients.models import NewMessage, ZepMessage
from tandem.clients.provider_model import Metadata
from tandem.clients.zep import MAX_MESSAGE_CHARACTERS, ZepClient
from tandem.db.deliveries import Deliveries, Due, ProviderId, Role, Words
from tandem.deadline import Deadline
from tandem.delivery.stores import Checked, Sent, State, Utterances, name_at_stores
from tandem.errors import UpstreamRejected, UpstreamUnavailable
from tandem.ids import TurnId, ZepUuid

_LAST_PAGE: Final = 200
_KEYS: Final = UUID("5f0c1f2e-8a39-4b1f-9d63-0f4f3a1d7a10")
_GONE: Final = 404
_EPISODE_CHARACTERS: Final = 10_000
_LAST_EPISODES: Final = 100
_EPISODE: Final = "episode:"
_UNTOLD_SECONDS: Final = 120.0


class ZepDelivery:
    """Sends turns to a thread and looks after their ingestion.

    Every write carries an Idempotency-Key made from our own ids, so that a repeated call is the
    same call to Zep, for as long as Zep remembers keys (how long is not documented).
    """

    name: Final = "zep"

    def __init__(
        self, client: ZepClient, deliveries: Deliveries, *, stage: str, call_seconds: float
    ) -> None:
        self._client = client
        self._deliveries = deliveries
        self._stage = stage
        self._seconds = call_seconds

    async def prepare(self, due: Due) -> Due:
        """Makes the person and the thread if they aren't there; deletes a deleted session's."""
        if due.deletion_owed:
            return await self._delete_thread(due)
        if not any(words.state == "owed" for words in due.words):
            return due
        within = Deadline(self._seconds)
        if due.zep_user_uuid is None:
            due = await self._make_user(due, within)
        if due.zep_thread_uuid is None:
            due = await self._make_thread(due, within)
        return due

    async def find(self, due: Due, turns: Sequence[Utterances]) -> Mapping[TurnId, Sent]:
        """Reads the thread's last page and picks out the messages of these turns."""
        if due.zep_thread_uuid is None or not turns:
            return {}
        try:
            messages = await self._last_page(due.zep_thread_uuid)
        except UpstreamRejected as error:
            if error.status != _GONE:
                raise
            return {}  # the thread is gone, and sending will find that out too
        found: dict[TurnId, Sent] = {}
        for turn in turns:
            theirs = [m for m in messages if _belongs(m, turn)]
            if theirs:
                found[turn.turn_id] = Sent(check_id=None, provider_ids=_provider_ids(theirs))
        return found

    async def send(self, due: Due, turn: Utterances) -> Sent:
        """Adds one turn's messages in one call: the person's, then the reply in its parts."""
        within = Deadline(self._seconds)
        thread = _known(due.zep_thread_uuid)
        messages = [message for words in turn.words for message in _messages(words)]
        try:
            added = await self._client.add_messages(
                thread,
                messages,
                ignore_roles=["assistant"],
                idempotency_key=_key("add", str(thread), str(turn.turn_id), *turn.roles),
                timeout_seconds=within.left(),
            )
        except UpstreamRejected as error:
            if error.status != _GONE:
                raise
            # Somebody deleted the thread behind our back: the next try sends to a new one.
            await self._make_thread(due, within)
            raise UpstreamUnavailable("zep", operation=error.operation, status=_GONE) from error
        if len(added.messages) != len(messages):
            raise UpstreamUnavailable("zep", operation="thread.add_messages", reason="count")
        taken = [
            ProviderId(str(theirs.uuid), _role(ours.role))
            for theirs, ours in zip(added.messages, messages, strict=True)
        ]
        check_id = str(added.task_uuid) if added.task_uuid else None
        return Sent(check_id=check_id, provider_ids=taken)

    async def check(self, due: Due, turn: Utterances) -> Checked:
        """Asks the task. What a look has found has none: there the marks on messages or episode
        tell when it is done, and nothing tells that it failed but that it takes too long."""
        check_id = turn.words[0].check_id
        if check_id is None or check_id.startswith(_EPISODE):
            state = await self._marked(due, turn, check_id)
            late = state == "waiting" and _age_seconds(turn) > _UNTOLD_SECONDS
            return Checked("failed" if late else state)
        task = await self._client.get_task(ZepUuid(UUID(check_id)), timeout_seconds=self._seconds)
        if not task.finished:
            return Checked("waiting")
        return Checked("ingested" if task.status == "succeeded" else "failed")

    async def _marked(self, due: Due, turn: Utterances, check_id: str | None) -> State:
        if check_id is not None:
            episode = await self._client.get_episode(
                _known(due.zep_graph_uuid),
                ZepUuid(UUID(check_id.removeprefix(_EPISODE))),
                timeout_seconds=self._seconds,
            )
            if episode is None:
                return "failed"
            return "ingested" if episode.processed else "waiting"
        messages = await self._last_page(_known(due.zep_thread_uuid))
        theirs = [message for message in messages if _belongs(message, turn)]
        if not theirs:
            return "failed"
        done = all(message.processed for message in theirs if message.role == "user")
        return "ingested" if done else "waiting"

    async def find_again(self, due: Due, turn: Utterances) -> Sent | None:
        """Looks for the episode among the newest, as far as Zep lists these first."""
        words = turn.of("user")
        if words is None:
            return None
        page = await self._client.list_episodes(
            _known(due.zep_graph_uuid), page_size=_LAST_EPISODES, timeout_seconds=self._seconds
        )
        named = _again(words).items()
        episode = next((each for each in page.items if named <= each.metadata.items()), None)
        if episode is None:
            return None
        ids = [ProviderId(str(episode.uuid), "user")]
        return Sent(f"{_EPISODE}{episode.uuid}", ids, ingested=episode.processed)

    async def give_again(self, due: Due, turn: Utterances) -> Sent:
        """Gives the person's words to the graph as an episode.

        They stay in the thread, where they are once and must not be again.
        """
        words = turn.of("user")
        if words is None:
            return Sent(check_id=None, ingested=True)  # a reply is not for the graph
        added = await self._client.add_episode(
            _known(due.zep_graph_uuid),
            words.text[:_EPISODE_CHARACTERS],
            kind="text",
            reference_time=words.at,
            metadata=_again(words),
            idempotency_key=_key("again", str(turn.turn_id), str(words.ingestions)),
            timeout_seconds=self._seconds,
        )
        check_id = str(added.task_uuid) if added.task_uuid else None
        return Sent(
            check_id=check_id,
            provider_ids=[ProviderId(str(added.episode_uuid), "user")],
            ingested=check_id is None,
        )

    async def _last_page(self, thread: ZepUuid) -> Sequence[ZepMessage]:
        page = await self._client.list_messages(
            thread, page_size=_LAST_PAGE, order="desc", timeout_seconds=self._seconds
        )
        return page.items

    async def _make_user(self, due: Due, within: Deadline) -> Due:
        """`due` with a user. The key names the one that is gone, if there was one: under the old
        key Zep would answer with that one again. Likewise for a thread."""
        name = name_at_stores(self._stage, due.account_id)
        user = await self._client.ensure_user(
            name,
            first_name=due.first_name,
            last_name=due.last_name,
            idempotency_key=_key("user", name, str(due.zep_user_uuid)),
            timeout_seconds=within.left(),
        )
        await self._deliveries.set_zep_user(due.account_id, user.uuid, user.graph_uuid)
        return replace(due, zep_user_uuid=user.uuid, zep_graph_uuid=user.graph_uuid)

    async def _make_thread(self, due: Due, within: Deadline) -> Due:
        user, gone = _known(due.zep_user_uuid), due.zep_thread_uuid
        try:
            thread = await self._client.create_thread(
                user,
                idempotency_key=_key("thread", str(due.session_row), str(user), str(gone)),
                timeout_seconds=within.left(),
            )
        except UpstreamRejected as error:
            if error.status != _GONE:
                raise
            # So is the person: the next try makes the thread for a new one.
            await self._make_user(due, within)
            raise UpstreamUnavailable("zep", operation=error.operation, status=_GONE) from error
        await self._deliveries.set_thread(due.session_row, thread.uuid, instead_of=gone)
        return replace(due, zep_thread_uuid=thread.uuid)

    async def _delete_thread(self, due: Due) -> Due:
        if due.zep_thread_uuid is not None:
            await self._client.delete_thread(
                due.zep_thread_uuid,
                idempotency_key=_key("delete", str(due.zep_thread_uuid)),
                timeout_seconds=self._seconds,
            )
        await self._deliveries.thread_deleted(due.session_row)
        return replace(due, zep_thread_uuid=None, deletion_owed=False)


def _again(words: Words) -> Metadata:
    """What tells one attempt to have these words ingested from the others."""
    return {"turn_id": str(words.turn_id), "ingestion": words.ingestions}


def _age_seconds(turn: Utterances) -> float:
    sent = [words.sent_at for words in turn.words if words.sent_at is not None]
    return (datetime.now(UTC) - min(sent)).total_seconds() if sent else 0.0


def _key(*parts: str) -> str:
    return str(uuid5(_KEYS, "/".join(parts)))


def _known(uuid: ZepUuid | None) -> ZepUuid:
    if uuid is None:
        raise UpstreamUnavailable("zep", operation="delivery", reason="not prepared", sent=False)
    return uuid


def _role(role: str) -> Role:
    return "user" if role == "user" else "assistant"


def _belongs(message: ZepMessage, turn: Utterances) -> bool:
    return message.metadata.get("turn_id") == str(turn.turn_id) and message.role in turn.roles


def _provider_ids(messages: Iterable[ZepMessage]) -> list[ProviderId]:
    return [ProviderId(str(message.uuid), _role(message.role)) for message in messages]


def _messages(words: Words) -> list[NewMessage]:
    """The words as messages that Zep takes: parts of at most 4,096 characters, numbered from 0."""
    size = MAX_MESSAGE_CHARACTERS
    parts = [words.text[at : at + size] for at in range(0, len(words.text), size)]
    return [
        NewMessage(
            role=words.role,
            content=part,
            reference_time=words.at,
            metadata={"turn_id": str(words.turn_id), "seq": words.seq, "part": number},
        )
        for number, part in enumerate(parts)
    ]
