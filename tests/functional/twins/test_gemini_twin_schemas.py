"""Whatever schema a caller sends, the Gemini twin's reply validates against it or is a 400."""

from __future__ import annotations

import datetime
import enum
import json
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Literal
from uuid import UUID

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, Field, TypeAdapter

from local.twins.gemini.app import create
from local.twins.gemini.instances import build
from local.twins.gemini.schemas import Unservable, from_json_schema
from local.twins.gemini.words import Words
from local.twins.schemas import problems
from local.twins.server import Refusal

Run = Callable[..., None]
MODEL = "/v1beta/models/gemini-3.5-flash-lite:generateContent"
WORDS = "My billing for order A-17 in Pune is wrong, 3 times, it should be blue"


def ask(run: Run, config: dict[str, Any], words: str = WORDS) -> httpx.Response:
    found: list[httpx.Response] = []
    body = {
        "contents": [{"role": "user", "parts": [{"text": words}]}],
        "generationConfig": {"responseMimeType": "application/json", **config},
    }

    async def scenario(client: httpx.AsyncClient) -> None:
        found.append(await client.post(MODEL, json=body))

    run(create(), scenario, x_goog_api_key="test-key")
    return found[0]


def text(answer: httpx.Response) -> str:
    assert answer.status_code == 200, answer.text
    [part] = answer.json()["candidates"][0]["content"]["parts"]
    found: str = part["text"]
    return found


class Colour(enum.Enum):
    """One of two."""

    RED = "red"
    BLUE = "blue"


class Place(BaseModel):
    """Somewhere."""

    city: str = Field(min_length=2, max_length=40)
    score: float = Field(ge=0, le=1)


class Tree(BaseModel):
    """Refers to itself in three ways."""

    label: str
    parent: Tree | None
    children: list[Tree]
    by_name: dict[str, Tree] = {}


class Everything(BaseModel):
    """Each kind of field that pydantic makes a schema of."""

    intent: Literal["support", "billing"]
    kind: Literal["only"]
    colour: Colour
    order_id: str | None
    nickname: str | None
    count: int = Field(gt=2, lt=5)
    tens: int = Field(multiple_of=10, ge=15)
    share: float = Field(gt=0, lt=0.01)
    either: int | bool | Place
    places: list[Place] = Field(min_length=2, max_length=3)
    pair: tuple[int, str]
    unique: set[int] = Field(min_length=3)
    notes: dict[str, int]
    code: str = Field(pattern=r"^[A-Z]{2}-\d{3,5}(?:x|y)?$")
    when: datetime.datetime
    day: datetime.date
    took: datetime.timedelta
    ident: UUID
    anything: Any
    optional: list[str] = []


@pytest.mark.parametrize("kind", [Place, Tree, Everything, list[Place], Colour, int, str, bool])
def test_a_reply_is_an_instance_of_the_type_whose_schema_was_sent(run: Run, kind: Any) -> None:
    schema = TypeAdapter(kind).json_schema()

    reply = text(ask(run, {"responseJsonSchema": schema}))

    TypeAdapter(kind).validate_json(reply)
    assert problems(schema, json.loads(reply)) == []


def test_what_the_person_said_goes_into_the_fields_that_ask_for_it(run: Run) -> None:
    reply = json.loads(text(ask(run, {"responseJsonSchema": Everything.model_json_schema()})))

    told = {name: reply[name] for name in ("intent", "colour", "order_id", "nickname", "count")}
    assert told == {
        "intent": "billing",
        "colour": "blue",
        "order_id": "A-17",
        "nickname": None,
        "count": 3,
    }
    assert reply["places"][0]["city"] == "Pune"
    assert list(reply) == list(Everything.model_fields)


def test_the_same_words_give_the_same_reply(run: Run) -> None:
    config = {"responseJsonSchema": Everything.model_json_schema()}

    assert text(ask(run, config)) == text(ask(run, config))


OPENAPI = {
    "type": "OBJECT",
    "properties": {
        "intent": {"type": "STRING", "enum": ["support", "billing"]},
        "order_id": {"type": "STRING", "nullable": True},
        "floor": {"type": "INTEGER", "format": "enum", "enum": ["101", "201"]},
        "near": {"any_of": [{"type": "NUMBER", "minimum": 5}, {"type": "BOOLEAN"}]},
        "tags": {"type": "ARRAY", "items": {"type": "STRING"}, "minItems": "2", "maxItems": 3},
        "pet": {"ref": "#/defs/Pet"},
    },
    "required": ["pet", "intent", "near", "tags", "floor"],
    "property_ordering": ["tags", "intent"],
    "defs": {"Pet": {"type": "object", "properties": {"name": {"type": "string"}}}},
}


def test_a_schema_in_openapis_words_is_kept_to_with_its_order(run: Run) -> None:
    reply = json.loads(text(ask(run, {"responseSchema": OPENAPI})))

    assert list(reply)[:2] == ["tags", "intent"]
    assert reply["intent"] == "billing"
    assert reply["order_id"] == "A-17"
    assert reply["floor"] in (101, 201)
    assert reply["near"] is False or reply["near"] >= 5
    assert 2 <= len(reply["tags"]) <= 3
    assert reply.keys() == OPENAPI["properties"].keys()  # type: ignore[attr-defined]


def test_an_enum_as_text_is_one_of_its_words_without_quotes(run: Run) -> None:
    schema = {"type": "STRING", "enum": ["red", "blue"]}

    assert text(ask(run, {"responseMimeType": "text/x.enum", "responseSchema": schema})) == "blue"


def test_json_without_a_schema_is_json(run: Run) -> None:
    assert "answer" in json.loads(text(ask(run, {}, "Hello")))


def test_a_reply_that_is_cut_is_not_whole_json(run: Run) -> None:
    config = {"responseJsonSchema": Place.model_json_schema(), "maxOutputTokens": 3}

    answer = ask(run, config)

    assert answer.json()["candidates"][0]["finishReason"] == "MAX_TOKENS"
    with pytest.raises(json.JSONDecodeError):
        json.loads(text(answer))


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({"responseSchema": {"type": "OBJECT"}}, "properties: should be non-empty for OBJECT"),
        ({"responseSchema": {"type": "ARRAY"}}, "response_schema.items: missing field"),
        ({"responseSchema": {"description": "x"}}, "response_schema.type: must be specified"),
        ({"responseSchema": {"type": "NUMBER", "enum": ["1"]}}, "only allowed for STRING type"),
        ({"responseSchema": {"type": "STRING", "enum": [""]}}, "enum[0]: cannot be empty"),
        (
            {
                "responseSchema": {
                    "type": "OBJECT",
                    "properties": {"a": {"type": "STRING"}},
                    "required": ["b"],
                }
            },
            "required[0]: property is not defined",
        ),
        ({"responseSchema": {"ref": "#/defs/None"}}, "leads nowhere"),
        ({"responseJsonSchema": {"$ref": "#/$defs/None"}}, "leads nowhere"),
        ({"responseJsonSchema": {"$ref": "http://x/y"}}, "leads nowhere"),
        ({"responseJsonSchema": {"$ref": "#"}}, "bad reference"),
        ({"responseJsonSchema": {"$ref": "#there"}}, "leads nowhere"),
        ({"responseJsonSchema": {"type": "date"}}, "'date' is not valid"),
        ({"responseJsonSchema": {"not": {}}}, "keyword 'not' is not supported"),
        ({"responseJsonSchema": {"type": "string", "pattern": "("}}, "not a 'regex'"),
        ({"responseJsonSchema": {"pattern": "(?:(a{99}){99}){99}"}}, "invalid repetition size"),
        ({"responseJsonSchema": {"pattern": "9" * 1_001}}, "pattern is too long"),
        ({"responseJsonSchema": {"minimum": 2, "maximum": 1, "type": "integer"}}, "no value"),
        ({"responseJsonSchema": {"enum": []}}, "no value"),
        (
            {"responseJsonSchema": {"type": "number", "minimum": 1e300, "multipleOf": 1e-300}},
            "has bounds",
        ),
        ({"responseJsonSchema": {"type": "array", "minItems": 10**9, "items": {}}}, "too large"),
        (
            {
                "responseJsonSchema": {
                    "type": "object",
                    "properties": {"again": {"$ref": "#/properties/again"}},
                    "required": ["again"],
                }
            },
            "bad reference",
        ),
        (
            {
                "responseJsonSchema": {
                    "$defs": {
                        "N": {
                            "type": "object",
                            "properties": {"n": {"$ref": "#/$defs/N"}},
                            "required": ["n"],
                        }
                    },
                    "$ref": "#/$defs/N",
                }
            },
            "without an end",
        ),
        (
            {"responseSchema": {"type": "STRING"}, "responseMimeType": "text/plain"},
            "only allowed when response_mime_type",
        ),
        (
            {"responseSchema": {"type": "STRING"}, "responseJsonSchema": {"type": "string"}},
            "only one of",
        ),
        (
            {"responseSchema": {"type": "STRING"}, "responseMimeType": "text/x.enum"},
            "needs a STRING schema with an enum",
        ),
    ],
)
def test_a_schema_that_cannot_be_served_is_an_invalid_argument(
    run: Run, config: dict[str, Any], words: str
) -> None:
    answer = ask(run, config)

    assert (answer.status_code, answer.json()["error"]["status"]) == (400, "INVALID_ARGUMENT")
    assert words in answer.json()["error"]["message"]


_NAMES = st.sampled_from(["city", "count", "flag", "tags", "note", "order_id", "when"])


def _bounded(kind: str, low: str, high: str, least: int, most: int) -> st.SearchStrategy[Any]:
    return st.tuples(st.integers(least, most), st.integers(0, 4)).map(
        lambda pair: {"type": kind, low: pair[0], high: pair[0] + pair[1]}
    )


_LEAVES = st.one_of(
    st.sampled_from([{"type": kind} for kind in ("string", "number", "boolean", "null")]),
    _bounded("integer", "minimum", "maximum", -50, 50),
    _bounded("number", "minimum", "maximum", -5, 5),
    _bounded("string", "minLength", "maxLength", 0, 30),
    st.sampled_from([r"^\d{3}$", r"^[a-c]+-(x|y)$", r"^(\w)\1*$"]).map(
        lambda pattern: {"type": "string", "pattern": pattern}
    ),
    st.integers(2, 9).map(lambda step: {"type": "integer", "multipleOf": step, "minimum": 1}),
    st.lists(st.sampled_from(["red", "blue", 1, None, True]), min_size=1, unique_by=repr).map(
        lambda options: {"enum": options}
    ),
    st.sampled_from(["x", 0, None, [1]]).map(lambda value: {"const": value}),
)


def _wider(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    objects = st.dictionaries(_NAMES, inner, max_size=4).flatmap(
        lambda properties: st.lists(
            st.sampled_from(sorted(properties) or ["note"]), unique=True, max_size=4
        ).map(lambda required: {"type": "object", "properties": properties, "required": required})
    )
    arrays = st.tuples(inner, st.integers(0, 3), st.integers(0, 3)).map(
        lambda given: {
            "type": "array",
            "items": given[0],
            "minItems": given[1],
            "maxItems": given[1] + given[2],
        }
    )
    choices = st.lists(inner, min_size=1, max_size=3).map(lambda options: {"anyOf": options})
    return st.one_of(objects, arrays, choices)


@settings(max_examples=200, deadline=None)
@given(st.recursive(_LEAVES, _wider, max_leaves=12), st.sampled_from([WORDS, "", "Hi", "1 or two"]))
def test_any_schema_that_can_be_satisfied_is(schema: dict[str, Any], words: str) -> None:
    value = build(from_json_schema(schema, "schema"), Words(words))

    assert problems(schema, value) == []
    json.dumps(value, allow_nan=False)


@settings(max_examples=100, deadline=None)
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(
                    ["type", "items", "$ref", "properties", "anyOf", "enum", "pattern"]
                ),
                inner,
                max_size=3,
            )
        ),
        max_leaves=10,
    )
)
def test_junk_in_place_of_a_schema_is_refused_or_served_and_never_breaks(schema: Any) -> None:
    with suppress(Refusal, Unservable):
        build(from_json_schema(schema, "schema"), Words(WORDS))
