from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tandem.clients.models import Mem0Memory, ZepEdge, ZepNode
from tandem.clients.zep_models import ENDED_ATTRIBUTE
from tandem.ids import Mem0Id, MessageId, TurnId, ZepUuid
from tandem.recall import stores
from tandem.recall.validity import holds_again

ONE = UUID("11111111-1111-4111-8111-111111111111")
TWO = UUID("22222222-2222-4222-8222-222222222222")
NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
LATER = datetime(2026, 11, 21, 12, tzinfo=UTC)


def test_an_edge_becomes_a_fact_that_rests_on_its_episodes() -> None:
    edge = ZepEdge(
        uuid=ZepUuid(ONE),
        fact="Lives in Delhi",
        valid_at=NOON,
        invalid_at=LATER,
        created_at=LATER,
        episode_uuids=(ZepUuid(TWO),),
        score=0.5,
    )
    draft = stores.fact_draft(edge)
    assert draft.item.model_dump() == {
        "id": f"fact_{ONE}",
        "store": "zep",
        "kind": "fact",
        "text": "Lives in Delhi",
        "valid_from": NOON,
        "valid_to": LATER,
        "last_confirmed_at": None,
        "score": 0.5,
        "source": (),
    }
    assert draft.provider_ids == (str(TWO),)


def test_an_edge_that_expired_without_an_end_in_the_world_ends_when_it_expired() -> None:
    draft = stores.fact_draft(ZepEdge(uuid=ZepUuid(ONE), fact="x", expired_at=LATER))
    assert (draft.item.valid_to, draft.superseded_at) == (LATER, LATER)
    dated = stores.fact_draft(
        ZepEdge(uuid=ZepUuid(ONE), fact="x", invalid_at=NOON, expired_at=LATER)
    )
    assert (dated.item.valid_to, dated.superseded_at) == (NOON, LATER)


def test_a_memory_rests_on_itself_and_on_the_turn_that_its_metadata_names() -> None:
    memory = Mem0Memory(
        id=Mem0Id("abc"), text="Likes tea", created_at=NOON, metadata={"turn_id": str(TWO)}
    )
    draft = stores.memory_draft(memory)
    assert (draft.item.id, draft.item.store, draft.item.kind) == ("mem_abc", "mem0", "memory")
    assert draft.item.last_confirmed_at == NOON
    assert draft.provider_ids == ("abc",)
    assert draft.turn_ids == (TurnId(TWO),)


@pytest.mark.parametrize(
    ("fields", "marked"),
    [
        ({"ended_at": NOON}, True),
        ({"ended_at": NOON, "invalid_at": LATER}, True),
        ({"ended_at": LATER, "invalid_at": NOON}, False),
        ({"ended_at": NOON, "expired_at": NOON}, False),
        ({"invalid_at": NOON}, False),
        ({}, False),
    ],
)
def test_a_fact_that_only_we_have_ended_is_told_from_one_that_zep_has(
    fields: dict[str, datetime], marked: bool
) -> None:
    ended_at = fields.pop("ended_at", None)
    attributes = {ENDED_ATTRIBUTE: ended_at.isoformat()} if ended_at else {}
    told = {"uuid": ONE, "fact": "x", "attributes": attributes, **fields}
    edge = ZepEdge.model_validate(told)
    draft = stores.fact_draft(edge)
    assert draft.marked_end == (NOON if marked else None)
    assert draft.item.valid_to == edge.invalid_at
    assert holds_again(edge, NOON + timedelta(minutes=1)) is marked
    assert not holds_again(edge, NOON)
    assert not holds_again(edge, None)


@pytest.mark.parametrize("named", ["nonsense", "", 7, None, ["x"], {"a": "b"}])
def test_a_turn_id_that_is_none_is_ignored(named: object) -> None:
    memory = Mem0Memory.model_validate({"id": "a", "memory": "x", "metadata": {"turn_id": named}})
    assert stores.memory_draft(memory).turn_ids == ()


def test_an_entity_is_its_name_and_its_summary() -> None:
    described = ZepNode(uuid=ZepUuid(ONE), name="Bruno", summary="A dog.")
    assert stores.entity_item(described).text == "Bruno: A dog."
    assert stores.entity_item(ZepNode(uuid=ZepUuid(ONE), name="Bruno")).text == "Bruno"
    assert stores.entity_item(described).id == f"entity_{ONE}"


def test_a_pending_statement_names_its_session_message_and_turn() -> None:
    item = stores.pending_item(TurnId(ONE), MessageId(TWO), "sess789", "I moved\nto Mumbai", NOON)
    assert (item.id, item.store, item.kind) == (f"said_{ONE}", "pending", "memory")
    assert item.text == "I moved to Mumbai"
    assert item.last_confirmed_at == NOON
    [source] = item.source
    assert (source.session_id, source.message_id, source.turn_id) == ("sess789", TWO, ONE)


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("  Lives \n in\tDelhi ", "Lives in Delhi"),
        ("a\x00b\x07c\x1b[31md\x9b", "abc[31md"),
        ("a\u202eb\u2066c\u200bd\ufeff", "abcd"),
        ("a\u2028b\u2029c\x85d", "a b c d"),
        ("\ud83d", ""),
        ("👩\u200d💻 क्\u200dष", "👩\u200d💻 क्\u200dष"),
        ("x" * 11, "x" * 9 + "…"),
        ("x" * 10, "x" * 10),
    ],
)
def test_text_of_a_store_is_made_harmless(text: str, cleaned: str) -> None:
    assert stores.clean(text, 10 if text.startswith("x") else 100) == cleaned


@given(st.text(alphabet=st.characters(codec=None)), st.integers(1, 50))
def test_cleaned_text_is_one_sendable_line_of_bounded_length(text: str, limit: int) -> None:
    cleaned = stores.clean(text, limit)
    assert len(cleaned) <= limit
    assert len(cleaned.splitlines()) <= 1
    assert "\x00" not in cleaned
    assert cleaned.encode().decode() == cleaned
    assert stores.clean(cleaned, limit) == cleaned


def test_every_item_of_a_store_is_bounded() -> None:
    long = "word " * 5_000
    edge = ZepEdge(uuid=ZepUuid(ONE), fact=long, episode_uuids=(ZepUuid(TWO),) * 500)
    assert len(stores.fact_draft(edge).item.text) <= stores.MAX_STATEMENT
    assert len(stores.fact_draft(edge).provider_ids) <= 20
    memory = stores.memory_draft(Mem0Memory(id=Mem0Id("i" * 5_000), text=long))
    assert len(memory.item.text) <= stores.MAX_STATEMENT
    assert len(memory.item.id) < 200
    assert memory.provider_ids == (memory.item.id.removeprefix("mem_"),)
    node = ZepNode(uuid=ZepUuid(ONE), name=long, summary=long)
    assert len(stores.entity_item(node).text) <= stores.MAX_ENTITY
    said = stores.pending_item(TurnId(ONE), MessageId(TWO), "s", long, NOON)
    assert len(said.text) <= stores.MAX_PENDING


def test_an_entity_rests_on_its_episodes() -> None:
    node = ZepNode(uuid=ZepUuid(ONE), name="Bruno", episode_uuids=(ZepUuid(TWO),))
    assert stores.entity_draft(node).item == stores.entity_item(node)
    assert stores.entity_draft(node).provider_ids == (str(TWO),)
