"""CloudFormation's intrinsic functions, as far as a SAM template of this size uses them.

Source: AWS CloudFormation User Guide, "Intrinsic function reference" (read November 2026).
"""

import re
from collections.abc import Callable, Mapping
from typing import Any

import yaml

References = Callable[[str, str | None], str]
"""Answers `!Ref LogicalId` (attribute None) and `!GetAtt LogicalId.Attribute` for a resource."""

_SUB_VARIABLE = re.compile(r"\$\{(!?[^}]+)\}")
_REMOVED = object()


class TemplateError(Exception):
    """The template says something that the local stack cannot follow; the text names the place."""


class _Loader(yaml.SafeLoader):
    """Reads the short forms (`!Sub x`) as their long ones (`{"Fn::Sub": x}`)."""


def _short_form(loader: yaml.SafeLoader, suffix: str, node: yaml.Node) -> dict[str, Any]:
    value: Any
    if isinstance(node, yaml.ScalarNode):
        value = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        assert isinstance(node, yaml.MappingNode)  # noqa: S101 - YAML has no fourth kind
        value = loader.construct_mapping(node, deep=True)
    if suffix == "GetAtt" and isinstance(value, str):
        value = value.split(".", 1)
    return {suffix if suffix in ("Ref", "Condition") else f"Fn::{suffix}": value}


_Loader.add_multi_constructor("!", _short_form)


def read_yaml(text: str) -> Any:
    """The document with every short form written out; dates stay as YAML reads them."""
    return yaml.load(text, Loader=_Loader)  # noqa: S506 - a SafeLoader with more tags


class Intrinsics:
    """Evaluates the intrinsic functions of one template.

    Args:
        parameters: value of each parameter and pseudo parameter; lists for list types.
        mappings: the template's `Mappings`.
        conditions: the template's `Conditions`, not evaluated yet.
        references: answers for resources.
    """

    def __init__(
        self,
        *,
        parameters: Mapping[str, str | list[str]],
        mappings: Mapping[str, Any],
        conditions: Mapping[str, Any],
        references: References,
    ) -> None:
        self._parameters = parameters
        self._mappings = mappings
        self._conditions = conditions
        self._references = references
        self._functions: dict[str, Callable[[Any], Any]] = {
            "Ref": self._ref,
            "Condition": self._condition,
            "Fn::GetAtt": self._get_att,
            "Fn::Sub": self._sub,
            "Fn::Join": self._join,
            "Fn::If": self._if,
            "Fn::Equals": lambda pair: self.resolve(pair[0]) == self.resolve(pair[1]),
            "Fn::Not": lambda one: not self.resolve(one[0]),
            "Fn::And": lambda all_of: all(self.resolve(item) for item in all_of),
            "Fn::Or": lambda any_of: any(self.resolve(item) for item in any_of),
            "Fn::FindInMap": self._find_in_map,
            "Fn::Select": lambda pair: self.resolve(pair[1])[int(self.resolve(pair[0]))],
            "Fn::Split": lambda pair: self.resolve(pair[1]).split(pair[0]),
        }

    def resolve(self, value: Any) -> Any:
        """The value with every intrinsic function replaced; what is `AWS::NoValue` is left out.

        Raises:
            TemplateError: an unknown function, parameter, mapping or condition.
        """
        resolved = self._resolve(value)
        return None if resolved is _REMOVED else resolved

    def _resolve(self, value: Any) -> Any:
        if isinstance(value, list):
            items = (self._resolve(item) for item in value)
            return [item for item in items if item is not _REMOVED]
        if not isinstance(value, dict):
            return value
        if len(value) == 1:
            name, argument = next(iter(value.items()))
            if name in self._functions:
                return self._functions[name](argument)
            if isinstance(name, str) and name.startswith("Fn::"):
                raise TemplateError(f"the template uses {name}, which the local stack lacks")
        pairs = ((key, self._resolve(item)) for key, item in value.items())
        return {key: item for key, item in pairs if item is not _REMOVED}

    def _ref(self, name: str) -> Any:
        if name == "AWS::NoValue":
            return _REMOVED
        if name in self._parameters:
            return self._parameters[name]
        if name.startswith("AWS::"):
            raise TemplateError(f"the template refers to {name}, which the local stack lacks")
        logical_id, _, attribute = name.partition(".")
        return self._references(logical_id, attribute or None)

    def _get_att(self, path: Any) -> str:
        parts = path.split(".", 1) if isinstance(path, str) else [self.resolve(p) for p in path]
        return self._references(parts[0], parts[1])

    def _sub(self, argument: Any) -> str:
        text, extra = (argument, {}) if isinstance(argument, str) else argument
        local = {name: self.resolve(item) for name, item in extra.items()}

        def replace(match: re.Match[str]) -> str:
            name = match.group(1).strip()
            if name.startswith("!"):
                return "${" + name[1:] + "}"
            if name in local:
                return str(local[name])
            if "." in name:
                return self._get_att(name)
            found = self._ref(name)
            return ",".join(found) if isinstance(found, list) else str(found)

        return _SUB_VARIABLE.sub(replace, text)

    def _join(self, argument: list[Any]) -> str:
        return str(argument[0]).join(str(item) for item in self.resolve(argument[1]))

    def _if(self, argument: list[Any]) -> Any:
        return self._resolve(argument[1] if self._condition(argument[0]) else argument[2])

    def _condition(self, name: str) -> bool:
        if name not in self._conditions:
            raise TemplateError(f"the template has no condition {name}")
        return bool(self.resolve(self._conditions[name]))

    def _find_in_map(self, argument: list[Any]) -> Any:
        found: Any = self._mappings
        for key in (self.resolve(item) for item in argument[:3]):
            if not isinstance(found, dict) or key not in found:
                raise TemplateError(f"the template's mappings have no {key}")
            found = found[key]
        return found
