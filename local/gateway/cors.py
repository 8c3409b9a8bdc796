"""CORS as the gateway answers it.

Documented ("Configure CORS for HTTP APIs"): a preflight is answered before routing and authorizer,
and what the integration says about CORS is replaced. Observed by others: a preflight gets 204.
Unverified on AWS: that the gateway's own errors carry the headers too.
"""

from local.gateway.request import Request
from local.gateway.responses import Response
from local.resources import Cors

_PREFIX = "access-control-"


def is_preflight(request: Request) -> bool:
    """Whether the browser only asks what it may send."""
    return (
        request.method == "OPTIONS"
        and request.header("origin") is not None
        and request.header("access-control-request-method") is not None
    )


def preflight(cors: Cors, request: Request) -> Response:
    """The answer to a preflight; without any CORS header when the origin is not allowed."""
    origin = _allowed_origin(cors, request.header("origin"))
    if origin is None:
        return Response(204)
    headers = [("access-control-allow-origin", origin)]
    if cors.methods:
        headers.append(("access-control-allow-methods", ",".join(cors.methods)))
    if cors.headers:
        headers.append(("access-control-allow-headers", ",".join(cors.headers)))
    if cors.max_age_seconds is not None:
        headers.append(("access-control-max-age", str(cors.max_age_seconds)))
    return Response(204, (*headers, *_credentials(cors)))


def decorate(cors: Cors, request: Request, response: Response) -> Response:
    """The response with the gateway's CORS headers in place of any other."""
    kept = tuple(pair for pair in response.headers if not pair[0].startswith(_PREFIX))
    plain = Response(response.status, kept, response.body)
    origin = _allowed_origin(cors, request.header("origin"))
    if origin is None:
        return plain
    headers = [("access-control-allow-origin", origin)]
    if cors.expose_headers:
        headers.append(("access-control-expose-headers", ",".join(cors.expose_headers)))
    return plain.with_headers(*headers, *_credentials(cors))


def _credentials(cors: Cors) -> tuple[tuple[str, str], ...]:
    return (("access-control-allow-credentials", "true"),) if cors.credentials else ()


def _allowed_origin(cors: Cors, origin: str | None) -> str | None:
    if origin is None:
        return None
    if "*" in cors.origins:
        return "*"
    # Documented: besides exact origins, `http://*` and `https://*` allow any of their scheme.
    schemes = tuple(item.removesuffix("*") for item in cors.origins if item.endswith("://*"))
    allowed = origin in cors.origins or (schemes and origin.startswith(schemes))
    return origin if allowed else None
