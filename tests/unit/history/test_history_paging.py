"""Paging through a history while its turns are being delivered."""

import asyncio
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from history_api.service import History, HistoryQuery, HistoryService, Message
from history_api.thread import MOST_CALLS
from tests.unit.history.fake_conversation import CALLER, Conversation, Utterance

Turn = tuple[Utterance, Utterance]


class Life:
    """Lets things happen to a conversation, one at a time, drawn by chance.

    Delivery is in order, as the job does it, but for replies to turns that had been given up: they
    come when they come. Text that the ledger has wiped can be had of Zep alone.
    """

    def __init__(self, chance: Random, *, turns: int) -> None:
        self.chance = chance
        self.conversation = Conversation()
        self.refused: set[int] = set()
        for _ in range(turns):
            self.new_turn()
        for _ in range(chance.randrange(3 * turns + 1)):
            self.something()

    def words(self, kind: str) -> str:
        number = len(self.conversation.utterances)
        return f"{kind}{number}" + "é\n" * self.chance.randrange(8) + " "

    def new_turn(self) -> None:
        reply = self.words("reply") if self.chance.random() < 0.8 else None
        self.conversation.say(self.words("message"), reply)

    def something(self) -> None:
        self.chance.choice(
            [self.new_turn, self.late_reply, self.next_delivery, self.next_delivery, self.wipe]
        )()

    def late_reply(self) -> None:
        waiting = [u for u in self.conversation.utterances if not u.given]
        if waiting:
            utterance = self.chance.choice(waiting)
            utterance.text, utterance.given = self.words("late"), True

    def next_delivery(self) -> None:
        waiting = [
            utterance
            for utterance in self.conversation.visible()
            if not utterance.delivered and id(utterance) not in self.refused
        ]
        if not waiting:
            return
        utterance = waiting[0]
        fate = self.chance.random()
        if fate < 0.1:
            self.refused.add(id(utterance))
        elif fate < 0.2 and not utterance.part_ids:
            self.conversation.post(utterance)
        else:
            self.conversation.deliver(utterance)

    def wipe(self) -> None:
        delivered = [u for u in self.conversation.utterances if u.delivered]
        if delivered:
            self.chance.choice(delivered).wiped = True


async def read_all(
    life: Life, *, limit: int, fail: float = 0.0
) -> tuple[list[Message], list[History]]:
    conversation = life.conversation
    service = HistoryService(conversation, conversation.thread, retrieval_seconds=2.5)
    pages: list[History] = []
    cursor = None
    while not pages or cursor is not None:
        calls_before = len(conversation.thread.page_sizes)
        conversation.thread.failing = life.chance.random() < fail
        page = await service.read(CALLER, HistoryQuery("s1", None, limit, cursor))
        assert len(conversation.thread.page_sizes) - calls_before <= MOST_CALLS
        assert len(page.items) <= limit
        pages.append(page)
        cursor = page.next_cursor
        for _ in range(life.chance.randrange(4)):
            life.something()
        assert len(pages) < 1_000
    return [item for page in pages for item in page.items], pages


def check(life: Life, before: list[Utterance], seen: list[Message], *, lossy: bool) -> None:
    truth = {utterance.message_id: utterance for utterance in life.conversation.utterances}
    ids = [message.message_id for message in seen]
    assert len(set(ids)) == len(ids)
    assert [truth[i].place for i in ids] == sorted(truth[i].place for i in ids)
    assert {utterance.message_id for utterance in before} <= set(ids)
    for message in seen:
        utterance = truth[message.message_id]
        if not (lossy and message.content is None):
            assert message.content == utterance.text
        assert (message.turn_id, message.role) == (utterance.turn_id, utterance.role)


chances = st.randoms(use_true_random=False)


@settings(deadline=None, max_examples=150)
@given(chance=chances, turns=st.integers(1, 30), limit=st.integers(1, 12))
def test_every_message_is_read_once_in_order_and_byte_for_byte(
    chance: Random, turns: int, limit: int
) -> None:
    life = Life(chance, turns=turns)
    before = life.conversation.visible()
    seen, pages = asyncio.run(read_all(life, limit=limit))
    check(life, before, seen, lossy=False)
    assert all(not page.degraded for page in pages)


@settings(deadline=None, max_examples=100)
@given(chance=chances, turns=st.integers(1, 30), limit=st.integers(1, 12))
def test_the_same_holds_while_zep_comes_and_goes_save_for_what_only_zep_has(
    chance: Random, turns: int, limit: int
) -> None:
    life = Life(chance, turns=turns)
    before = life.conversation.visible()
    seen, pages = asyncio.run(read_all(life, limit=limit, fail=0.4))
    check(life, before, seen, lossy=True)
    for page in pages:
        assert page.degraded or all(message.content is not None for message in page.items)


def test_a_long_history_delivered_in_order_costs_one_call_a_page() -> None:
    conversation = Conversation()
    for number in range(300):
        for utterance in conversation.say(f"m{number}", f"reply {number}, in three"):
            conversation.deliver(utterance)
            utterance.wiped = True
    service = HistoryService(conversation, conversation.thread, retrieval_seconds=2.5)

    async def story() -> list[str | None]:
        seen, cursor = [], None
        while True:
            page = await service.read(CALLER, HistoryQuery("s1", None, 7, cursor))
            seen += [message.content for message in page.items]
            cursor = page.next_cursor
            if cursor is None:
                return seen

    seen = asyncio.run(story())
    assert seen == [utterance.text for utterance in conversation.utterances]
    pages = -(-600 // 7)
    assert len(conversation.thread.page_sizes) == pages
    assert max(conversation.thread.page_sizes) < 40


def test_after_many_pages_without_zep_the_thread_is_caught_up_with() -> None:
    conversation = Conversation()
    for number in range(400):
        for utterance in conversation.say(f"m{number}", f"r{number}"):
            conversation.deliver(utterance)
    service = HistoryService(conversation, conversation.thread, retrieval_seconds=2.5)

    async def story() -> History:
        cursor = None
        conversation.thread.failing = True
        for _ in range(7):
            page = await service.read(CALLER, HistoryQuery("s1", None, 100, cursor))
            assert page.degraded == ["zep"]
            cursor = page.next_cursor
        conversation.thread.failing = False
        conversation.thread.page_sizes.clear()
        for utterance in conversation.utterances:
            utterance.wiped = True
        return await service.read(CALLER, HistoryQuery("s1", None, 100, cursor))

    page = asyncio.run(story())
    assert [message.content for message in page.items] == [
        utterance.text for utterance in conversation.utterances[700:]
    ]
    assert len(conversation.thread.page_sizes) == 4
