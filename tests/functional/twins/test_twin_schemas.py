"""The twins' check of JSON against a schema."""

from __future__ import annotations

from typing import Any

import pytest

from local.twins.schemas import BadSchema, problems

PERSON = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "minLength": 2, "maxLength": 5, "pattern": "^[A-Z]"},
        "age": {"type": "integer", "minimum": 0, "exclusiveMaximum": 150, "multipleOf": 2},
        "tags": {
            "type": "array",
            "items": {"enum": ["a", "b", 1]},
            "uniqueItems": True,
            "minItems": 1,
            "maxItems": 2,
        },
        "pet": {"$ref": "#/$defs/Pet", "nullable": True},
        "either": {"oneOf": [{"type": "number"}, {"type": "integer"}, {"type": "null"}]},
        "any": {"anyOf": [{"type": "string"}, {"type": "null"}]},
        "id": {"type": "string", "format": "uuid"},
        "at": {"type": "string", "format": "date-time"},
        "day": {"type": "string", "format": "date"},
        "mail": {"type": "string", "format": "email"},
        "kind": {"const": True},
        "both": {"allOf": [{"minimum": 3}, {"maximum": 4}]},
    },
    "required": ["name"],
    "additionalProperties": False,
    "$defs": {"Pet": {"type": ["object", "string"], "minProperties": 1, "maxProperties": 1}},
}


@pytest.mark.parametrize(
    "value",
    [
        {"name": "Ada"},
        {"name": "Ada", "age": 36.0, "tags": ["a", "b"], "pet": None, "any": None},
        {"name": "Ada", "pet": {"x": 1}, "either": 1.5, "kind": True, "both": 3},
        {"name": "Ada", "pet": "cat", "either": None, "day": "2026-02-28", "mail": "a@b"},
        {
            "name": "Ada",
            "id": "11111111-1111-4111-8111-111111111111",
            "at": "2026-01-02T03:04:05Z",
        },
    ],
)
def test_what_a_schema_asks_for_has_no_problem(value: Any) -> None:
    assert problems(PERSON, value) == []


@pytest.mark.parametrize(
    ("value", "where"),
    [
        ([], "$ is no object"),
        ({}, "$.name is missing"),
        ({"name": "A"}, "$.name is shorter"),
        ({"name": "Adaline"}, "$.name is longer"),
        ({"name": "ada"}, "$.name does not fit"),
        ({"name": None}, "$.name is no string"),
        ({"name": "Ada", "age": True}, "$.age is no integer"),
        ({"name": "Ada", "age": 1.5}, "$.age is no integer"),
        ({"name": "Ada", "age": -2}, "$.age is less"),
        ({"name": "Ada", "age": 150}, "$.age is not less"),
        ({"name": "Ada", "age": 3}, "$.age is no multiple"),
        ({"name": "Ada", "tags": []}, "$.tags has fewer"),
        ({"name": "Ada", "tags": ["a", "a"]}, "$.tags[1] is there twice"),
        ({"name": "Ada", "tags": ["a", "b", 1]}, "$.tags has more"),
        ({"name": "Ada", "tags": [True]}, "$.tags[0] is none of"),
        ({"name": "Ada", "pet": 3}, "$.pet is no object or string"),
        ({"name": "Ada", "pet": {}}, "$.pet has fewer"),
        ({"name": "Ada", "either": 3}, "$.either fits more than one"),
        ({"name": "Ada", "any": 3}, "$.any fits none"),
        ({"name": "Ada", "id": "x"}, "$.id is no uuid"),
        ({"name": "Ada", "at": "2026-01-02T03:04:05"}, "$.at is no date-time"),
        ({"name": "Ada", "day": "20260228"}, "$.day is no date"),
        ({"name": "Ada", "mail": "a b@c"}, "$.mail is no email"),
        ({"name": "Ada", "kind": 1}, "$.kind is not"),
        ({"name": "Ada", "both": 5}, "$.both is more"),
        ({"name": "Ada", "other": 1}, "$.other may not be here"),
    ],
)
def test_what_does_not_fit_is_named_with_its_place(value: Any, where: str) -> None:
    assert any(problem.startswith(where) for problem in problems(PERSON, value))


@pytest.mark.parametrize(
    "schema",
    [
        {"if": {}},
        {"type": "text"},
        {"$ref": "#/$defs/missing"},
        {"$ref": "#/$defs/circle", "$defs": {"circle": {"$ref": "#/$defs/circle"}}},
        {"pattern": "("},
        {"root": 1},
        [],
    ],
)
def test_a_schema_that_is_not_understood_is_refused(schema: Any) -> None:
    with pytest.raises(BadSchema):
        problems(schema, "x")
