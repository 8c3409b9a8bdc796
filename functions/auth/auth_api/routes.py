"""Routes of accounts and logins."""

from http import HTTPStatus
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request

from auth_api.schemas import (
    AccountResponse,
    ChangePasswordRequest,
    ListLoginsQuery,
    ListLoginsResponse,
    LogInRequest,
    LogInResponse,
    LoginResponse,
    LogOutQuery,
    RefreshRequest,
    SignUpRequest,
)
from auth_api.service import AuthService, Person, Tokens
from tandem.db.accounts import Account
from tandem.db.logins import OpenLogin
from tandem.ids import LoginId
from tandem.web import Caller


def create_router(service: AuthService, *, expires_in_seconds: int) -> APIRouter:
    """The routes under `/api/auth`.

    Args:
        expires_in_seconds: how long an access token is good for.
    """
    router = APIRouter(prefix="/api/auth")

    @router.post("/signup", status_code=HTTPStatus.CREATED)
    async def sign_up(body: SignUpRequest) -> AccountResponse:
        person = Person(
            email=body.email,
            password=body.password.get_secret_value(),
            user_id=body.user_id,
            first_name=body.first_name,
            last_name=body.last_name,
        )
        return _account(await service.sign_up(person))

    @router.post("/login")
    async def log_in(body: LogInRequest, request: Request) -> LogInResponse:
        password = body.password.get_secret_value()
        return _tokens(await service.log_in(body.email, password, _address(request)))

    @router.post("/refresh")
    async def refresh(body: RefreshRequest) -> LogInResponse:
        return _tokens(await service.refresh(body.refresh_token.get_secret_value()))

    @router.post("/logout", status_code=HTTPStatus.NO_CONTENT)
    async def log_out(principal: Caller, query: Annotated[LogOutQuery, Query()]) -> None:
        await service.log_out(principal, everywhere=query.everywhere)

    @router.get("/logins")
    async def list_logins(
        principal: Caller, query: Annotated[ListLoginsQuery, Query()]
    ) -> ListLoginsResponse:
        page = await service.open_logins(principal, limit=query.limit, cursor=query.cursor)
        items = [_login(item, current=item.id == principal.login_id) for item in page.items]
        return ListLoginsResponse(items=items, next_cursor=page.next_cursor)

    @router.delete("/logins/{login_id}", status_code=HTTPStatus.NO_CONTENT)
    async def end_login(principal: Caller, login_id: UUID) -> None:
        await service.end_login(principal, LoginId(login_id))

    @router.post("/password", status_code=HTTPStatus.NO_CONTENT)
    async def change_password(
        principal: Caller, body: ChangePasswordRequest, request: Request
    ) -> None:
        await service.change_password(
            principal,
            current=body.current_password.get_secret_value(),
            new=body.new_password.get_secret_value(),
            address=_address(request),
        )

    @router.get("/me")
    async def me(principal: Caller) -> AccountResponse:
        return _account(await service.me(principal))

    def _tokens(tokens: Tokens) -> LogInResponse:
        return LogInResponse(expires_in=expires_in_seconds, **tokens._asdict())

    return router


def _account(account: Account) -> AccountResponse:
    return AccountResponse(
        user_id=account.user_id,
        email=account.email,
        first_name=account.first_name,
        last_name=account.last_name,
        created_at=account.created_at,
    )


def _login(login: OpenLogin, *, current: bool) -> LoginResponse:
    return LoginResponse(
        login_id=login.id,
        created_at=login.created_at,
        expires_at=login.expires_at,
        current=current,
    )


def _address(request: Request) -> str:
    # From API Gateway itself; X-Forwarded-For is the caller's to write.
    return str(request.scope["aws.event"]["requestContext"]["http"]["sourceIp"])
