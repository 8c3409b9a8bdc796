"""What a page of history takes from Zep's thread, and what it makes of gaps and strangers."""

import asyncio
from uuid import uuid4

import pytest

from history_api.service import History, HistoryQuery, HistoryService
from tandem.clients.models import ZepMessage
from tandem.errors import InvalidInput, NotFound
from tandem.ids import SessionRowId, ZepUuid
from tests.unit.history.fake_conversation import CALLER, Conversation


def read(
    conversation: Conversation,
    *,
    limit: int = 50,
    cursor: str | None = None,
    session_id: str = "s1",
) -> History:
    service = HistoryService(conversation, conversation.thread, retrieval_seconds=2.5)
    return asyncio.run(service.read(CALLER, HistoryQuery(session_id, None, limit, cursor)))


def contents(history: History) -> list[str | None]:
    return [message.content for message in history.items]


def delivered_conversation(turns: int = 2) -> Conversation:
    conversation = Conversation()
    for number in range(turns):
        for utterance in conversation.say(f"message {number}", f"reply {number}"):
            conversation.deliver(utterance)
    return conversation


def test_what_is_in_the_thread_is_read_from_the_thread() -> None:
    conversation = delivered_conversation()
    for utterance in conversation.utterances:
        utterance.wiped = True
    history = read(conversation)
    assert contents(history) == ["message 0", "reply 0", "message 1", "reply 1"]
    assert (history.degraded, history.next_cursor) == ([], None)
    assert all(message.delivered for message in history.items)


def test_what_is_not_delivered_stands_in_its_place_and_needs_no_call() -> None:
    conversation = Conversation()
    conversation.say("one", "two")
    conversation.say("three", None)
    history = read(conversation)
    assert contents(history) == ["one", "two", "three"]
    assert not any(message.delivered for message in history.items)
    assert history.degraded == []
    assert conversation.thread.page_sizes == []


def test_with_zep_away_the_ledger_serves_and_says_so() -> None:
    conversation = delivered_conversation()
    conversation.utterances[0].wiped = True
    conversation.thread.failing = True
    history = read(conversation)
    assert contents(history) == [None, "reply 0", "message 1", "reply 1"]
    assert history.degraded == ["zep"]
    assert all(message.delivered for message in history.items)


def test_a_message_that_zep_has_lost_comes_from_the_ledger() -> None:
    conversation = delivered_conversation()
    lost = str(conversation.utterances[2].turn_id)
    conversation.thread.messages = [
        message
        for message in conversation.thread.messages
        if (message.metadata["turn_id"], message.role) != (lost, "user")
    ]
    history = read(conversation)
    assert contents(history)[2] == "message 1"
    assert history.degraded == ["zep"]


@pytest.mark.parametrize("missing", [0, 1])
def test_a_message_that_lacks_a_part_is_never_shown_in_part(missing: int) -> None:
    conversation = delivered_conversation()
    parts = [m for m in conversation.thread.messages if m.role == "assistant"]
    conversation.thread.messages.remove(parts[missing])
    history = read(conversation)
    assert contents(history)[1] == "reply 0"
    assert history.degraded == ["zep"]
    conversation.utterances[1].wiped = True
    assert contents(read(conversation))[1] is None


def test_parts_whose_ids_nobody_noted_are_joined_up_to_the_next_message() -> None:
    conversation = delivered_conversation()
    for utterance in conversation.utterances:
        utterance.part_ids.clear()
        utterance.wiped = True
    assert contents(read(conversation, limit=2)) == ["message 0", "reply 0"]
    del conversation.thread.messages[0]
    assert contents(read(conversation, limit=2)) == [None, "reply 0"]


def test_a_thread_that_the_ledger_does_not_know_is_one_that_lacks_everything() -> None:
    conversation = delivered_conversation()
    conversation.thread_uuid = None
    history = read(conversation)
    assert contents(history)[0] == "message 0"
    assert history.degraded == ["zep"]


@pytest.mark.parametrize(
    ("role", "metadata"),
    [
        ("system", {"turn_id": "{turn}", "seq": 1, "part": 0}),
        ("user", {}),
        ("user", {"turn_id": "no uuid", "seq": 1, "part": 0}),
        ("user", {"turn_id": "{turn}", "seq": "1", "part": 0}),
        ("user", {"turn_id": "{turn}", "seq": 1, "part": None}),
        ("user", {"turn_id": 5, "seq": 1, "part": 0}),
        ("user", {"turn_id": "{turn}", "seq": 1, "part": 0}),
    ],
)
def test_a_message_from_elsewhere_or_a_second_copy_changes_nothing(
    role: str, metadata: dict[str, object]
) -> None:
    conversation = delivered_conversation()
    turn = str(conversation.utterances[0].turn_id)
    stranger = ZepMessage(
        uuid=ZepUuid(uuid4()),
        role=role,
        content="not mine",
        metadata={k: turn if v == "{turn}" else v for k, v in metadata.items()},
    )
    # A second copy comes behind the first, which counts; a stranger may stand anywhere.
    is_copy = role == "user" and metadata == {"turn_id": "{turn}", "seq": 1, "part": 0}
    conversation.thread.messages.insert(2 if is_copy else 0, stranger)
    history = read(conversation)
    assert contents(history) == ["message 0", "reply 0", "message 1", "reply 1"]
    assert history.degraded == []


def test_a_reply_that_came_late_is_found_and_nothing_later_is_skipped_over() -> None:
    conversation = Conversation()
    turns = [conversation.say(f"m{number}", f"r{number}") for number in range(150)]
    late = turns[0][1]
    for number, turn in enumerate(turns):
        for utterance in turn:
            if utterance is not late:
                conversation.deliver(utterance)
            utterance.wiped = True
        if number == 80:
            conversation.deliver(late)
    seen: list[str | None] = []
    cursor = None
    for _ in range(10):
        history = read(conversation, limit=30, cursor=cursor)
        assert history.degraded == []
        seen += contents(history)
        cursor = history.next_cursor
    assert cursor is None
    assert seen == [utterance.text for utterance in conversation.utterances]
    assert len(conversation.thread.page_sizes) <= 2 * 10


def test_a_cursor_of_zeps_that_is_too_long_to_carry_is_left_out() -> None:
    conversation = delivered_conversation(3)
    conversation.thread.cursor_prefix = "x" * 5_000
    first = read(conversation, limit=2)
    assert first.next_cursor is not None
    assert len(first.next_cursor) < 1_000
    conversation.thread.cursors.clear()
    second = read(conversation, limit=2, cursor=first.next_cursor)
    assert contents(second) == ["message 1", "reply 1"]
    assert conversation.thread.cursors[0] is None


def test_a_cursor_of_a_session_that_is_no_longer_that_one_is_refused() -> None:
    conversation = delivered_conversation(3)
    cursor = read(conversation, limit=1).next_cursor
    conversation.row = SessionRowId(uuid4())  # deleted, and the label used again
    with pytest.raises(InvalidInput) as caught:
        read(conversation, limit=1, cursor=cursor)
    assert caught.value.code == "invalid_cursor"


def test_what_was_found_before_zep_failed_is_kept() -> None:
    conversation = delivered_conversation(3)
    for utterance in conversation.utterances:
        utterance.wiped = True
    # The last reply's parts come after something that isn't ours: the first call falls short.
    conversation.thread.messages.insert(
        0, conversation.thread.messages[0].model_copy(update={"metadata": {}})
    )
    conversation.thread.fails_after = 1
    history = read(conversation)
    assert contents(history)[:5] == ["message 0", "reply 0", "message 1", "reply 1", "message 2"]
    assert contents(history)[5] is None
    assert history.degraded == ["zep"]


def test_an_unknown_session_is_not_found() -> None:
    with pytest.raises(NotFound):
        read(delivered_conversation(), session_id="s2")
