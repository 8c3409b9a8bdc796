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
        "low": {"type": "INTEGER", "minimum": 3, "exclusiveMinimum": True},
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
        ([], "$: [] is not of type 'object'"),
        ({}, "$: 'name' is a required property"),
        ({"name": "A"}, "$.name: 'A' is too short"),
        ({"name": "Adaline"}, "$.name: 'Adaline' is too long"),
        ({"name": "ada"}, "$.name: 'ada' does not match"),
        ({"name": None}, "$.name: None is not of type 'string'"),
        ({"name": "Ada", "age": True}, "$.age: True is not of type 'integer'"),
        ({"name": "Ada", "age": 1.5}, "$.age: 1.5 is not of type 'integer'"),
        ({"name": "Ada", "age": -2}, "$.age: -2 is less than the minimum"),
        ({"name": "Ada", "age": 150}, "$.age: 150 is greater than or equal to the maximum"),
        ({"name": "Ada", "age": 3}, "$.age: 3 is not a multiple"),
        ({"name": "Ada", "tags": []}, "$.tags: [] should be non-empty"),
        ({"name": "Ada", "tags": ["a", "a"]}, "$.tags: ['a', 'a'] has non-unique"),
        ({"name": "Ada", "tags": ["a", "b", 1]}, "$.tags: ['a', 'b', 1] is too long"),
        ({"name": "Ada", "tags": [True]}, "$.tags[0]: True is not one of"),
        ({"name": "Ada", "pet": 3}, "$.pet: 3 is not"),
        ({"name": "Ada", "pet": {}}, "$.pet: {} should be non-empty"),
        ({"name": "Ada", "either": 3}, "$.either: 3 is valid under each of"),
        ({"name": "Ada", "any": 3}, "$.any: 3 is not valid under any"),
        ({"name": "Ada", "id": "x"}, "$.id: 'x' is not a 'uuid'"),
        ({"name": "Ada", "at": "2026-01-02T03:04:05"}, "$.at: '2026-01-02T03:04:05' is not a"),
        ({"name": "Ada", "day": "20260228"}, "$.day: '20260228' is not a 'date'"),
        ({"name": "Ada", "mail": "ab"}, "$.mail: 'ab' is not a 'email'"),
        ({"name": "Ada", "kind": 1}, "$.kind: True was expected"),
        ({"name": "Ada", "both": 5}, "$.both: 5 is greater than the maximum"),
        ({"name": "Ada", "low": 3}, "$.low: 3 is less than or equal to the minimum"),
        ({"name": "Ada", "other": 1}, "$: Additional properties are not allowed"),
    ],
)
def test_what_does_not_fit_is_named_with_its_place(value: Any, where: str) -> None:
    assert any(problem.startswith(where) for problem in problems(PERSON, value))


def test_references_start_from_the_root_that_is_given() -> None:
    root = {"components": {"schemas": {"Pet": {"type": "string", "nullable": True}}}}
    pet = {"$ref": "#/components/schemas/Pet"}
    assert problems(pet, None, root=root) == []
    assert problems(pet, "cat", root=root) == []
    assert problems(pet, 3, root=root)


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "text"},
        {"$ref": "#/$defs/missing"},
        {"$ref": "#/$defs/circle", "$defs": {"circle": {"$ref": "#/$defs/circle"}}},
        {"pattern": "("},
        {"required": "name"},
        [],
    ],
)
def test_a_schema_that_is_not_understood_is_refused(schema: Any) -> None:
    with pytest.raises(BadSchema):
        problems(schema, "x")
