"""Rules about functions: runtime, versions, limits, logs and the code behind the handler."""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from scripts.validate.stack import ALIAS, Finding, Stack, references

RUNTIME = "python3.13"
HTTP_TIMEOUT_SECONDS = 29
"""API Gateway gives up after 30 s and leaves the function running."""
AUTHORIZER_TIMEOUT_SECONDS = 10
LAMBDA_TIMEOUT_SECONDS = 900


def function_runtime(stack: Stack) -> Iterator[Finding]:
    """One Python for everything: bytecode is compiled for it."""
    for name, properties in stack.functions.items():
        if properties.get("Runtime") != RUNTIME:
            message = f"runs on {properties.get('Runtime')}, not {RUNTIME}"
            yield Finding("function-runtime", name, message)


def function_versions(stack: Stack) -> Iterator[Finding]:
    """Every function has an alias on a version whose snapshot is thrown away with it."""
    aliased = {
        target for _, alias in stack.of_type(ALIAS) for target in references(alias["FunctionName"])
    }
    for name, properties in stack.functions.items():
        if name not in aliased:
            yield Finding("function-versions", name, "has no alias")
        if (properties.get("SnapStart") or {}).get("ApplyOn") != "PublishedVersions":
            yield Finding("function-versions", name, "has no SnapStart")
    for name, resource in stack.processed["Resources"].items():
        is_version = resource["Type"] == "AWS::Lambda::Version"
        if is_version and resource.get("DeletionPolicy") != "Delete":
            yield Finding("function-versions", name, "is kept for ever, and bills its snapshot")


def function_timeout(stack: Stack) -> Iterator[Finding]:
    """No function outlives whoever waits for it."""
    behind_routes = {route.function for route in stack.routes}
    for name, properties in stack.functions.items():
        limit = LAMBDA_TIMEOUT_SECONDS
        if name in stack.authorizer_functions:
            limit = AUTHORIZER_TIMEOUT_SECONDS
        elif name in behind_routes:
            limit = HTTP_TIMEOUT_SECONDS
        seconds = properties.get("Timeout")
        if not isinstance(seconds, int) or not 1 <= seconds <= limit:
            yield Finding("function-timeout", name, f"Timeout is {seconds}, at most {limit}")


def function_logs(stack: Stack) -> Iterator[Finding]:
    """JSON logs in a log group of its own that forgets."""
    for name, properties in stack.functions.items():
        logging = properties.get("LoggingConfig") or {}
        if logging.get("LogFormat") != "JSON":
            yield Finding("function-logs", name, "does not log JSON")
        group = next(references(logging.get("LogGroup")), None)
        if not stack.is_a(group, "AWS::Logs::LogGroup"):
            yield Finding("function-logs", name, "has no log group of the template")
    for name, properties in stack.of_type("AWS::Logs::LogGroup"):
        if not properties.get("RetentionInDays"):
            yield Finding("function-logs", name, "keeps logs for ever")


def database_connections(stack: Stack) -> Iterator[Finding]:
    """One connection a container: all that may run at once fit into what PostgreSQL allows."""
    wanted = 0
    for name, properties in stack.functions.items():
        if name in stack.authorizer_functions:
            continue
        reserved = properties.get("ReservedConcurrentExecutions")
        if isinstance(reserved, int) and reserved > 0:
            wanted += reserved
        else:
            yield Finding("database-connections", name, "reserves no concurrency")
    parameter = (stack.source.get("Parameters") or {}).get("MaxDatabaseConnections") or {}
    for key in ("Default", "MinValue"):
        if wanted > int(parameter.get(key) or 0):
            message = f"{wanted} containers may run at once, {key} is {parameter.get(key)}"
            yield Finding("database-connections", "MaxDatabaseConnections", message)


def handler_file(stack: Stack) -> Iterator[Finding]:
    """The handler's module is there and defines what is called."""
    shared = ((stack.source.get("Globals") or {}).get("Function")) or {}
    for name, resource in stack.source["Resources"].items():
        if resource.get("Type") != "AWS::Serverless::Function":
            continue
        properties = shared | (resource.get("Properties") or {})
        message = _missing(stack.root, properties)
        if message:
            yield Finding("handler-file", name, message)


def _missing(root: Path, properties: dict[str, Any]) -> str | None:
    handler, code = properties.get("Handler"), properties.get("CodeUri")
    if not isinstance(handler, str) or not isinstance(code, str) or "." not in handler:
        return "Handler and CodeUri must be plain text, module.function and a folder"
    module, _, attribute = handler.rpartition(".")
    path = root / code / f"{module.replace('.', '/')}.py"
    if not path.is_file():
        return f"{path.relative_to(root)} is not there"
    if attribute not in _defined(ast.parse(path.read_text())):
        return f"{path.relative_to(root)} defines no {attribute}"
    return None


def _defined(tree: ast.Module) -> set[str]:
    """Names that a module binds at its top level."""
    names: set[str] = set()
    for node in tree.body:
        if isinstance(node, ast.FunctionDef):
            names.add(node.name)
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            names |= {item.id for item in ast.walk(node) if isinstance(item, ast.Name)}
        elif isinstance(node, ast.ImportFrom):
            names |= {item.asname or item.name for item in node.names}
    return names


RULES = (
    function_runtime,
    function_versions,
    function_timeout,
    function_logs,
    database_connections,
    handler_file,
)
