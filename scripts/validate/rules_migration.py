"""The rule about deployments: the new schema is there before the code that wants it is live."""

from collections.abc import Iterator
from typing import Any

from scripts.validate.stack import ALIAS, Finding, Stack, references

MIGRATION = "Custom::Migration"
_VERSION = "AWS::Lambda::Version"
_RULE = "migration-before-code"


def migration_before_code(stack: Stack) -> Iterator[Finding]:
    """No alias of a function that uses the database moves before the migrations have run.

    Everything but authorizers uses it, and the function that migrates, which has to come first.
    """
    migrations = dict(stack.of_type(MIGRATION))
    if len(migrations) != 1:
        yield Finding(_RULE, "template", f"has {len(migrations)} {MIGRATION}, not one")
    for name, properties in migrations.items():
        migrator = stack.function_behind(properties.get("ServiceToken"))
        if migrator is None:
            yield Finding(_RULE, name, "calls a function by its ARN, not an alias")
        elif not _changes_with(stack, migrator, properties):
            yield Finding(_RULE, name, "is not called again when its function's code changes")
        if "ServiceTimeout" not in properties:
            yield Finding(_RULE, name, "needs a ServiceTimeout: a lost answer costs an hour")
        for alias, function in _aliases(stack):
            exempt = function == migrator or function in stack.authorizer_functions
            if not exempt and name not in stack.dependencies(alias):
                yield Finding(_RULE, function, f"may go live before {name} has run")


def _changes_with(stack: Stack, function: str, properties: dict[str, Any]) -> bool:
    """Whether a property is a published version of `function`, whose ARN is ever another one."""
    passed = {key: value for key, value in properties.items() if key != "ServiceToken"}
    return any(
        stack.is_a(target, _VERSION)
        and function in references(stack.properties(target).get("FunctionName"))
        for target in references(passed)
    )


def _aliases(stack: Stack) -> Iterator[tuple[str, str]]:
    """Logical id of each alias, and of the function that it leads to."""
    for name, properties in stack.of_type(ALIAS):
        for function in references(properties.get("FunctionName")):
            yield name, function


RULES = (migration_before_code,)
