"""The template as written and as SAM translates it, with the questions that rules ask of it."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

FUNCTION = "AWS::Lambda::Function"
ALIAS = "AWS::Lambda::Alias"
HTTP_API = "AWS::ApiGatewayV2::Api"
_METHODS = frozenset({"get", "post", "put", "patch", "delete", "options", "head"})
_PLACEHOLDER = re.compile(r"\$\{([A-Za-z0-9_]+)(?:\.[A-Za-z0-9.]+)?\}")
_ANY_METHOD = "x-amazon-apigateway-any-method"


@dataclass(frozen=True)
class Finding:
    """One defect: the rule that names it, the resource it is in, and what is wrong."""

    rule: str
    where: str
    message: str

    def __str__(self) -> str:
        """One line for a terminal."""
        return f"{self.rule}: {self.where}: {self.message}"


@dataclass(frozen=True)
class Route:
    """A route of the translated API; `function` is the logical id behind the alias, if any."""

    key: str
    is_public: bool
    function: str | None


@dataclass(frozen=True)
class Stack:
    """One template.

    Attributes:
        path: where the template lies, as the local stack reads it.
        root: the folder that code paths are relative to.
        source: the template as written, intrinsics as `{"Ref": …}` and `{"Fn::…": …}`.
        processed: what SAM makes of it, with references to parameters left in.
    """

    path: Path
    root: Path
    source: dict[str, Any]
    processed: dict[str, Any]

    def of_type(self, *kinds: str) -> Iterator[tuple[str, dict[str, Any]]]:
        """Logical id and properties of each translated resource of these types."""
        for name, resource in self.processed["Resources"].items():
            if resource["Type"] in kinds:
                yield name, resource.get("Properties") or {}

    def properties(self, logical_id: str | None) -> dict[str, Any]:
        """Properties of a translated resource; empty when there is none of that name."""
        resource = self.processed["Resources"].get(logical_id) or {}
        return resource.get("Properties") or {}

    def is_a(self, logical_id: str | None, kind: str) -> bool:
        """Whether `logical_id` is a translated resource of this type."""
        resource = self.processed["Resources"].get(logical_id) or {}
        return bool(resource.get("Type") == kind)

    def function_behind(self, value: Any) -> str | None:
        """The function whose alias `value` refers to, however deep; None when it is no alias."""
        for name in references(value):
            if self.is_a(name, ALIAS):
                return next(references(self.properties(name).get("FunctionName")), None)
        return None

    def dependencies(self, logical_id: str) -> frozenset[str]:
        """Every resource that CloudFormation finishes before it begins with this one."""
        found: set[str] = set()
        waiting = [logical_id]
        while waiting:
            resource = self.processed["Resources"].get(waiting.pop()) or {}
            named = {*as_list(resource.get("DependsOn")), *references(resource.get("Properties"))}
            waiting += named - found
            found |= named
        return frozenset(found)

    @cached_property
    def functions(self) -> dict[str, dict[str, Any]]:
        """Properties of every function, by logical id."""
        return dict(self.of_type(FUNCTION))

    @cached_property
    def routes(self) -> tuple[Route, ...]:
        """Every route of every HTTP API body."""
        found = []
        for _, api in self.of_type(HTTP_API):
            for path, operations in (api.get("Body") or {}).get("paths", {}).items():
                found += [
                    self._route(path, method, operation)
                    for method, operation in operations.items()
                    if method in _METHODS or method == _ANY_METHOD
                ]
        return tuple(found)

    def _route(self, path: str, method: str, operation: Mapping[str, Any]) -> Route:
        verb = "ANY" if method == _ANY_METHOD else method.upper()
        guards = {name for guard in operation.get("security") or [] for name in guard} - {"NONE"}
        integration = operation.get("x-amazon-apigateway-integration") or {}
        key = path if path == "$default" else f"{verb} {path}"
        return Route(key, not guards, self.function_behind(integration.get("uri")))

    @cached_property
    def authorizers(self) -> dict[str, dict[str, Any]]:
        """Each Lambda authorizer's definition in an API body, by name."""
        return {
            name: scheme["x-amazon-apigateway-authorizer"]
            for _, api in self.of_type(HTTP_API)
            for name, scheme in (api.get("Body") or {})
            .get("components", {})
            .get("securitySchemes", {})
            .items()
            if "x-amazon-apigateway-authorizer" in scheme
        }

    @cached_property
    def authorizer_functions(self) -> frozenset[str]:
        """Logical ids of the functions that authorizers call through an alias."""
        found = (
            self.function_behind(item.get("authorizerUri")) for item in self.authorizers.values()
        )
        return frozenset(name for name in found if name)


def references(value: Any) -> Iterator[str]:
    """Logical ids that `value` refers to by Ref, GetAtt or Sub, depth first."""
    if isinstance(value, list):
        for item in value:
            yield from references(item)
    if not isinstance(value, dict):
        return
    for key, item in value.items():
        if key == "Ref":
            yield str(item)
        elif key == "Fn::GetAtt":
            yield item.split(".")[0] if isinstance(item, str) else str(item[0])
        elif key == "Fn::Sub":
            yield from _in_text(item)
        else:
            yield from references(item)


def _in_text(item: Any) -> Iterator[str]:
    """References of a Sub: names in its text, unless its own map explains them."""
    text, given = (item, {}) if isinstance(item, str) else (item[0], item[1])
    yield from (name for name in _PLACEHOLDER.findall(text) if name not in given)
    for value in given.values():
        yield from references(value)


def as_list(value: Any) -> list[Any]:
    """`value` as CloudFormation reads it: one item or many."""
    if value is None:
        return []
    return value if isinstance(value, list) else [value]
