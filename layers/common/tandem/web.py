"""One way to make a FastAPI app into a Lambda handler, with the same manners for every function."""

import time
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Depends, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from mangum import Mangum
from pydantic import BaseModel, ConfigDict, field_validator
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tandem import observability
from tandem.errors import AppError
from tandem.fields import storable
from tandem.loop import use_container_loop
from tandem.principal import Principal, principal_of
from tandem.problems import problem, problem_of, validation_errors

Handler = Callable[[dict[str, Any], Any], dict[str, Any]]

MAX_BODY_BYTES = 64 * 1024
_TEXT_TYPES = ["text/", "application/json", "application/problem+json"]
_CODES = {
    HTTPStatus.BAD_REQUEST: ("malformed_body", "The body could not be read as JSON."),
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: ("body_too_large", "The body is larger than 64 KiB."),
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE: ("unsupported_media_type", "Send application/json."),
    HTTPStatus.INTERNAL_SERVER_ERROR: ("internal_error", "Something went wrong on our side."),
    HTTPStatus.NOT_FOUND: ("not_found", "There is nothing at this address."),
    HTTPStatus.METHOD_NOT_ALLOWED: ("method_not_allowed", "This address has no such method."),
}


def caller(request: Request) -> Principal:
    """FastAPI dependency: the caller, also noted in the request's log lines."""
    principal = principal_of(request.scope.get("aws.event", {}), now=time.time())
    observability.note(account_id=principal.account_id)
    return principal


Caller = Annotated[Principal, Depends(caller)]


class RequestModel(BaseModel):
    """Base of every request body: unknown fields and text that can't be stored are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    _storable = field_validator("*", mode="before")(storable)


class ResponseModel(BaseModel):
    """Base of every response body."""

    model_config = ConfigDict(frozen=True)


def create_app(*, routers: Sequence[APIRouter]) -> FastAPI:
    """An app whose errors are problem documents and whose answers carry their request id."""
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None, redirect_slashes=False)
    for router in routers:
        app.include_router(router)
    app.add_exception_handler(AppError, _on_app_error)
    app.add_exception_handler(RequestValidationError, _on_invalid)
    app.add_exception_handler(HTTPException, _on_http_error)
    app.add_middleware(Manners)
    return app


def create_handler(app: FastAPI) -> Handler:
    """The Lambda handler of an app. Lifespan is off: Mangum would run it on every invocation."""
    use_container_loop()
    adapter = Mangum(app, lifespan="off", text_mime_types=_TEXT_TYPES)

    def handle(event: dict[str, Any], context: Any) -> dict[str, Any]:
        use_container_loop()
        return adapter(event, context)

    return handle


def request_id_of(scope: Scope) -> str:
    """API Gateway's id of this request, which the answer and every log line carry."""
    event: Mapping[str, Any] = scope.get("aws.event") or {}
    return str(event.get("requestContext", {}).get("requestId", "local"))


def pattern_of(scope: Scope) -> str:
    """The pattern of the matched route (`/api/chat/{turn_id}`), or `unmatched`."""
    return str(getattr(scope.get("route"), "path", "unmatched"))


def gateway_pattern_of(scope: Scope) -> str:
    """The pattern by which the gateway chose this function: known before any route of ours is."""
    event: Mapping[str, Any] = scope.get("aws.event") or {}
    return str(event.get("routeKey", "")).partition(" ")[2] or "unmatched"


class Manners:
    """ASGI middleware: what every request and every answer of Tandem has in common.

    A body must be JSON and small. An unforeseen exception becomes a problem document here, before
    Mangum would log its text. Every answer gets its request id and may not be cached; every
    request is logged in one line.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handles one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = time.perf_counter()
        status = 0

        async def send_with_manners(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [
                    *message["headers"],
                    (b"x-request-id", request_id_of(scope).encode()),
                    (b"cache-control", b"no-store"),
                ]
            await send(message)

        with observability.log_context(request_id=request_id_of(scope)):
            await self._answer(scope, receive, send_with_manners)
            _log(scope, status, time.perf_counter() - started)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        answer: ASGIApp = self._app
        message = await receive()
        body: bytes = message.get("body", b"")
        if len(body) > MAX_BODY_BYTES:
            answer = _unread(scope, HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
        elif body and not _is_json(scope):
            answer = _unread(scope, HTTPStatus.UNSUPPORTED_MEDIA_TYPE)

        async def replay() -> Message:
            return message

        try:
            await answer(scope, replay, send)
        except Exception as error:  # the last line of defence: nothing unforeseen gets out
            observability.note(**observability.describe(error))
            answer = _plain_problem(scope, HTTPStatus.INTERNAL_SERVER_ERROR)
            await answer(scope, replay, send)


def _log(scope: Scope, status: int, seconds: float) -> None:
    level = (
        observability.error if status >= HTTPStatus.INTERNAL_SERVER_ERROR else observability.info
    )
    level(
        "request",
        method=scope["method"],
        route=pattern_of(scope),
        status=status,
        duration_ms=round(seconds * 1_000, 1),
    )


def _is_json(scope: Scope) -> bool:
    types = [value for name, value in scope["headers"] if name == b"content-type"]
    return any(kind.split(b";")[0].strip().lower() == b"application/json" for kind in types)


def _unread(scope: Scope, status: HTTPStatus) -> JSONResponse:
    return _plain_problem(scope, status, instance=gateway_pattern_of(scope))


def _plain_problem(
    scope: Scope, status: HTTPStatus, *, instance: str | None = None
) -> JSONResponse:
    code, detail = _CODES.get(status, ("http_error", status.phrase))
    return problem(
        status,
        code=code,
        detail=detail,
        instance=instance or pattern_of(scope),
        request_id=request_id_of(scope),
    )


async def _on_app_error(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, AppError)  # noqa: S101 - registered for this class alone
    observability.note(**observability.describe(error))
    return problem_of(
        error, instance=pattern_of(request.scope), request_id=request_id_of(request.scope)
    )


async def _on_invalid(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)  # noqa: S101 - registered for this class alone
    if any(item["type"] == "json_invalid" for item in error.errors()):
        return _plain_problem(request.scope, HTTPStatus.BAD_REQUEST)
    return problem(
        HTTPStatus.UNPROCESSABLE_ENTITY,
        code="invalid_request",
        detail="Some fields are missing, unknown or not acceptable.",
        instance=pattern_of(request.scope),
        request_id=request_id_of(request.scope),
        errors=validation_errors(error, known_fields()),
    )


async def _on_http_error(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)  # noqa: S101 - registered for this class alone
    return _plain_problem(request.scope, HTTPStatus(error.status_code))


@cache
def known_fields() -> frozenset[str]:
    """Every name that a request of this function may use; other names are the caller's own."""
    names = {"body", "query", "path", "header", "idempotency-key"}
    models = [RequestModel]
    while models:
        model = models.pop()
        models.extend(model.__subclasses__())
        names.update(model.model_fields)
    return frozenset(names)
