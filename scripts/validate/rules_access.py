"""Rules about rights and secrets."""

import re
from collections.abc import Iterator
from typing import Any

from scripts.validate.stack import Finding, Stack, as_list, references

MANAGED_POLICIES = ("service-role/AWSLambdaBasicExecutionRole",)
"""AWS's own policies that a role may carry: this one may write logs and nothing else."""

_SECRET = "AWS::SecretsManager::Secret"  # noqa: S105 - a resource type
# Whole words of a variable's name, so that GEMINI_MAX_TOKENS is none.
_SECRET_NAME = re.compile(
    r"(^|_)(API_?KEY|KEY|SECRET|TOKEN|PASSWORD|PASSWD|PWD|CREDENTIALS?|DSN|DATABASE_URL)(_|$)",
    re.IGNORECASE,
)
_RANDOM_VALUE = re.compile(r"(?=.*[0-9])(?=.*[A-Za-z])[A-Za-z0-9+/_=-]{32,}")
_SECRET_VALUE = re.compile(
    r"""
      ://[^/\s:@]+:[^/\s@]+@                  # a URL with a password
    | \bAIza[0-9A-Za-z_-]{30,}                # Google API key
    | \b(AKIA|ASIA)[0-9A-Z]{16}\b             # AWS access key
    | \bz_[0-9A-Za-z_.-]{20,} | \bm0-[0-9A-Za-z]{16,}   # Zep, Mem0
    | \beyJ[\w-]{10,}\.[\w-]{10,}\.           # JSON Web Token
    | -----BEGIN
    | \{\{resolve:(secretsmanager|ssm-secure) # readable by whoever may read the function
    """,
    re.VERBOSE,
)


def _policies(stack: Stack) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each statement of each policy that the stack makes, with the resource it is in."""
    for name, properties in stack.of_type("AWS::IAM::Role"):
        for policy in properties.get("Policies") or []:
            for statement in as_list(policy["PolicyDocument"].get("Statement")):
                yield name, statement
    for name, properties in stack.of_type("AWS::IAM::Policy", "AWS::IAM::ManagedPolicy"):
        for statement in as_list(properties["PolicyDocument"].get("Statement")):
            yield name, statement


def iam_action(stack: Stack) -> Iterator[Finding]:
    """Every right is spelled out."""
    for name, statement in _policies(stack):
        if "NotAction" in statement or "NotResource" in statement:
            yield Finding("iam-action", name, "allows all but what it names")
        for action in as_list(statement.get("Action")):
            if "*" in str(action) or "?" in str(action):
                yield Finding("iam-action", name, f"{action} allows more than one action")


def iam_resource(stack: Stack) -> Iterator[Finding]:
    """Every right is for one thing. Streams of a named log group may end in `:*`."""
    for name, statement in _policies(stack):
        for resource in as_list(statement.get("Resource")):
            wide = [text for text in _texts(resource) if "*" in text.removesuffix(":*")]
            if wide:
                yield Finding("iam-resource", name, f"{wide[0]} is more than one resource")


def iam_managed_policy(stack: Stack) -> Iterator[Finding]:
    """AWS's own policies are wide: the one for queues may read every queue of the account."""
    for name, properties in stack.of_type("AWS::IAM::Role"):
        for policy in properties.get("ManagedPolicyArns") or []:
            if not str(next(_texts(policy), "")).endswith(MANAGED_POLICIES):
                yield Finding("iam-managed-policy", name, f"{policy} is wider than needed")


def secret_in_environment(stack: Stack) -> Iterator[Finding]:
    """Secrets are read from Secrets Manager at run time; anyone may read a function's settings."""
    parameters = stack.source.get("Parameters") or {}
    hidden = {name for name, definition in parameters.items() if definition.get("NoEcho")}
    for name, properties in stack.functions.items():
        variables = (properties.get("Environment") or {}).get("Variables") or {}
        for variable, value in variables.items():
            random = isinstance(value, str) and _RANDOM_VALUE.fullmatch(value)
            named = _SECRET_NAME.search(variable) and not _is_pointer(stack, variable, value)
            if named or random or hidden & set(references(value)):
                message = f"{variable} looks like a secret in plain sight"
                yield Finding("secret-in-environment", name, message)


def secret_in_template(stack: Stack) -> Iterator[Finding]:
    """No literal anywhere in the template looks like a key, a token or a password."""
    for section in ("Parameters", "Globals", "Resources", "Outputs", "Mappings", "Metadata"):
        for name, part in (stack.source.get(section) or {}).items():
            if any(_SECRET_VALUE.search(text) for text in _texts(part)):
                yield Finding("secret-in-template", name, "has a value that looks like a secret")


def _is_pointer(stack: Stack, variable: str, value: Any) -> bool:
    """A name like SECRET_ARN whose value refers to a secret of the template, and nothing else."""
    refers = any(stack.is_a(target, _SECRET) for target in references(value))
    return variable.endswith("_ARN") and refers


def _texts(value: Any) -> Iterator[str]:
    """Every literal text within `value`."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from _texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)


RULES = (iam_action, iam_resource, iam_managed_policy, secret_in_environment, secret_in_template)
