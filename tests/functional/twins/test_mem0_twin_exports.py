"""The Mem0 twin's exports, in the shape of a caller's schema, and its summaries."""

from __future__ import annotations

import asyncio
import json
import time
from typing import Any

import httpx
import pytest

from local.twins.mem0.app import create
from local.twins.mem0.shaping import Piece, shaped
from local.twins.schemas import BadSchema, problems
from tests.functional.twins.mem0_talk import KEY, ME, Run, Settled, kept, said

ALL = {"AND": [ME]}
PERSON: dict[str, Any] = {
    "type": "object",
    "title": "Person",
    "properties": {
        "home_city": {"type": "string", "description": "the city where the person lives"},
        "age": {"type": "integer", "minimum": 0},
        "likes": {"type": "array", "items": {"type": "string"}, "description": "what they like"},
        "employer": {"anyOf": [{"type": "string"}, {"type": "null"}]},
        "pet": {"$ref": "#/$defs/Pet"},
        "plan": {"type": "string"},
    },
    "required": ["home_city", "age", "likes", "employer"],
    "additionalProperties": False,
    "$defs": {
        "Pet": {
            "type": "object",
            "properties": {"name": {"type": "string", "description": "what the dog is named"}},
            "required": ["name"],
        }
    },
}
TOLD = "I live in Pune. I like chess and jazz. I am 34 years old. My dog's name is Bruno"


async def exported(client: httpx.AsyncClient, **wanted: Any) -> Any:
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        answer = await client.post("/v1/exports/get/", json=wanted)
        if answer.json().get("status") not in {"PENDING", "RUNNING"}:
            return answer.json()
        await asyncio.sleep(0.005)
    raise AssertionError("the export was never ready")


@pytest.mark.parametrize("schema", [PERSON, json.dumps(PERSON)])
def test_an_export_is_made_later_and_has_the_shape_that_was_asked_for(
    run: Run, settled: Settled, schema: Any
) -> None:
    async def scenario(client: httpx.AsyncClient) -> None:
        await said(client, settled, TOLD)
        await client.post("/_twin/ingestion", json={"milliseconds": 50})
        body = {"schema": schema, "filters": ALL, "export_instructions": "short"}
        answer = await client.post("/v1/exports/", json=body)
        assert answer.status_code == 201
        wanted = {"memory_export_id": answer.json()["id"]}
        pending = (await client.post("/v1/exports/get/", json=wanted)).json()
        assert pending["status"] in {"PENDING", "RUNNING"}
        document = await exported(client, **wanted)
        assert problems(PERSON, document) == []
        assert document == {
            "home_city": "Pune",
            "age": 34,
            "likes": ["jazz", "chess"],
            "employer": None,
            "pet": {"name": "Bruno"},
        }
        assert await exported(client, filters=ME) == document
        assert await exported(client, **ME) == document
        assert (await client.get("/v1/events/")).json()["count"] == 1

    run(create(data=None, ingestion_ms=1), scenario, authorization=KEY)


def test_a_document_about_nobody_still_has_its_shape(run: Run) -> None:
    async def scenario(client: httpx.AsyncClient) -> None:
        answer = await client.post("/v1/exports/", json={"schema": PERSON, "filters": ALL})
        document = await exported(client, memory_export_id=answer.json()["id"])
        assert document == {"home_city": "", "age": 0, "likes": [], "employer": None}

    run(create(data=None, ingestion_ms=1), scenario, authorization=KEY)


def test_wrong_exports_are_refused(run: Run) -> None:
    async def scenario(client: httpx.AsyncClient) -> None:
        nobody = "11111111-1111-4111-8111-111111111111"
        cases: list[tuple[str, Any, int, str]] = [
            ("", {"filters": ALL}, 400, "message"),
            ("", {"schema": {}, "filters": ALL}, 400, "message"),
            ("", {"schema": "{", "filters": ALL}, 400, "message"),
            ("", {"schema": [], "filters": ALL}, 400, "message"),
            ("", {"schema": {"type": "text"}, "filters": ALL}, 400, "message"),
            ("", {"schema": {"properties": 3}, "filters": ALL}, 400, "message"),
            ("", {"schema": PERSON}, 400, "error"),
            ("", {"schema": PERSON, "filters": ME}, 400, "error"),
            ("", {"schema": PERSON, "filters": {"AND": [{"team": "x"}]}}, 400, "error"),
            ("get/", {}, 400, "message"),
            ("get/", {"memory_export_id": nobody}, 404, "error"),
            ("get/", {"filters": {"user_id": "nobody"}}, 404, "error"),
        ]
        for path, body, status, key in cases:
            answer = await client.post(f"/v1/exports/{path}", json=body)
            assert (answer.status_code, set(answer.json())) == (status, {key, "detail"}), body

    run(create(data=None, ingestion_ms=1), scenario, authorization=KEY)


def test_an_export_that_no_memory_can_fill_says_that_it_failed(run: Run, settled: Settled) -> None:
    async def scenario(client: httpx.AsyncClient) -> None:
        code = {"type": "string", "pattern": "^[0-9]{8}$"}
        schema = {"type": "object", "properties": {"code": code}, "required": ["code"]}
        await said(client, settled, "I like tea")
        answer = await client.post("/v1/exports/", json={"schema": schema, "filters": ALL})
        document = await exported(client, memory_export_id=answer.json()["id"])
        assert document["status"] == "FAILED"
        await kept(client, "The code is 12345678")
        answer = await client.post("/v1/exports/", json={"schema": schema, "filters": ALL})
        document = await exported(client, memory_export_id=answer.json()["id"])
        assert document == {"code": "12345678"}

    run(create(data=None, ingestion_ms=1), scenario, authorization=KEY)


PIECES = [
    Piece("Lives in Pune", "Pune", "2026-01-02T03:04:05.000000Z"),
    Piece("Is 34 years old", "34 years old", "2026-01-02T03:04:05.000000Z"),
    Piece("Likes green tea", "green tea", "2026-01-02T03:04:05.000000Z"),
    Piece("Mail is ada@example.com", "ada@example.com", "2026-01-02T03:04:05.000000Z"),
]


@pytest.mark.parametrize(
    ("schema", "document"),
    [
        ({"type": "array", "items": {"type": "string", "maxLength": 4}, "maxItems": 1}, ["Pune"]),
        ({"type": "array", "items": {"type": "null"}, "minItems": 1}, [None]),
        ({"properties": {"drink": {"enum": ["coffee", "tea"]}}}, {"drink": "tea"}),
        ({"properties": {"v": {"const": 3}}, "required": ["v"]}, {"v": 3}),
        ({"properties": {"age": {"type": "number", "maximum": 30}}}, {"age": 30}),
        ({"properties": {"age": {"type": "integer", "multipleOf": 10}}}, {"age": 40}),
        ({"properties": {"likes_tea": {"type": "boolean"}}}, {"likes_tea": True}),
        ({"properties": {"rocket": {"type": "boolean"}}, "required": ["rocket"]},
         {"rocket": False}),
        ({"properties": {"lives_since": {"type": "string", "format": "date"}}},
         {"lives_since": "2026-01-02"}),
        ({"properties": {"mail": {"type": "string", "format": "email"}}},
         {"mail": "ada@example.com"}),
        ({"properties": {"rocket": {"type": "string", "format": "uuid"}}, "required": ["rocket"]},
         {"rocket": "00000000-0000-4000-8000-000000000000"}),
        ({"properties": {"rocket": {"type": ["string", "null"]}}}, {"rocket": None}),
        ({"properties": {"rocket": {"type": "string", "default": "none"}},
          "required": ["rocket"]}, {"rocket": "none"}),
        ({"properties": {"rocket": {"type": "string", "minLength": 3}}, "required": ["rocket"]},
         {"rocket": "---"}),
        ({"allOf": [{"properties": {"home": {"type": "string", "description": "lives in"}}},
                    {"required": ["home"]}]}, {"home": "Pune"}),
        ({"properties": {"home": {"type": "object", "properties": {
            "city": {"type": "string"}}}}}, {"home": {"city": "Pune"}}),
        ({"type": "object"}, {"memories": [piece.text for piece in PIECES]}),
    ],
)  # fmt: skip
def test_documents_keep_to_the_words_of_a_schema(schema: Any, document: Any) -> None:
    assert shaped(schema, PIECES) == document


def test_a_schema_without_an_end_is_refused() -> None:
    schema = {
        "$ref": "#/$defs/Node",
        "$defs": {
            "Node": {
                "type": "object",
                "properties": {"next": {"$ref": "#/$defs/Node"}},
                "required": ["next"],
            }
        },
    }
    with pytest.raises(BadSchema):
        shaped(schema, PIECES)


def test_a_summary_tells_what_is_known_of_an_entity(run: Run, settled: Settled) -> None:
    async def scenario(client: httpx.AsyncClient) -> None:
        nothing = await client.post("/v1/summary/", json={"filters": ME})
        assert nothing.json() == []
        await said(client, settled, "I like tea and jazz")
        (summary,) = (await client.post("/v1/summary/", json={"filters": ME})).json()
        assert summary == {"summary": "Likes jazz. Likes tea.", "memory_count": 2}
        assert (await client.post("/v1/summary/", json={})).status_code == 400

    run(create(data=None, ingestion_ms=1), scenario, authorization=KEY)
