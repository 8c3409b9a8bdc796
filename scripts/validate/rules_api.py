"""Rules about who may call what: authorizer, public routes, versions behind aliases."""

from collections.abc import Iterator

from local.template import TemplateError, load_template
from scripts.validate.stack import ALIAS, Finding, Stack, references

PUBLIC_ROUTES = frozenset(
    {"POST /api/auth/signup", "POST /api/auth/login", "POST /api/auth/refresh"}
)
"""Routes that need no token. A route belongs here only when a person without one must reach it."""

LONGEST_CACHE_SECONDS = 60
"""How long a revoked or expired token may still pass the gateway (functions check again)."""


def authorizer_by_alias(stack: Stack) -> Iterator[Finding]:
    """$LATEST, behind a function's own ARN, has neither versions nor snapshots."""
    for name, definition in stack.authorizers.items():
        if stack.function_behind(definition.get("authorizerUri")) is None:
            yield Finding("authorizer-by-alias", name, "calls a function by its ARN, not an alias")
    for name, properties in stack.of_type("AWS::ApiGatewayV2::Authorizer"):
        if stack.function_behind(properties.get("AuthorizerUri")) is None:
            yield Finding("authorizer-by-alias", name, "calls a function by its ARN, not an alias")


def authorizer_ttl(stack: Stack) -> Iterator[Finding]:
    """Without an explicit TTL nobody who reads the template knows what holds."""
    for name, definition in stack.authorizers.items():
        seconds = definition.get("authorizerResultTtlInSeconds")
        if not isinstance(seconds, int) or not 0 <= seconds <= LONGEST_CACHE_SECONDS:
            message = f"ReauthorizeEvery must be 0 to {LONGEST_CACHE_SECONDS}, not {seconds}"
            yield Finding("authorizer-ttl", name, message)


def public_routes(stack: Stack) -> Iterator[Finding]:
    """A route is public only when it is on the list."""
    for route in stack.routes:
        if route.is_public and route.key not in PUBLIC_ROUTES:
            yield Finding("public-routes", route.key, "needs no token and is not on the list")
    for name, properties in stack.of_type("AWS::ApiGatewayV2::Route"):
        if properties.get("AuthorizationType", "NONE") == "NONE":
            yield Finding("public-routes", name, "needs no token and is not on the list")


def invoked_by_alias(stack: Stack) -> Iterator[Finding]:
    """Whatever calls a function calls its published version."""
    for route in stack.routes:
        if route.function is None:
            yield Finding("invoked-by-alias", route.key, "does not call an alias")
    for name, properties in stack.of_type("AWS::Lambda::EventSourceMapping"):
        if not any(stack.is_a(target, ALIAS) for target in references(properties["FunctionName"])):
            yield Finding("invoked-by-alias", name, "does not call an alias")
    for name, properties in stack.of_type("AWS::Scheduler::Schedule"):
        if not any(stack.is_a(target, ALIAS) for target in references(properties["Target"])):
            yield Finding("invoked-by-alias", name, "does not call an alias")


def same_routes_locally(stack: Stack) -> Iterator[Finding]:
    """The local gateway reads the same routes out of the template as SAM does."""
    translated = {(route.key, route.is_public, route.function) for route in stack.routes}
    try:
        api = load_template(stack.path).api
    except TemplateError as error:
        yield Finding("same-routes-locally", "template", str(error))
        return
    local = {
        (route.key, route.authorizer is None, route.function_id)
        for route in (api.routes if api else ())
    }
    for key, is_public, function in sorted(translated ^ local, key=str):
        side = "SAM" if (key, is_public, function) in translated else "the local gateway"
        guard = "public" if is_public else "guarded"
        yield Finding("same-routes-locally", key, f"{guard}, to {function}: only {side} says so")


RULES = (authorizer_by_alias, authorizer_ttl, public_routes, invoked_by_alias, same_routes_locally)
