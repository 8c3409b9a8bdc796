"""Bodies of the auth endpoints."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr
from pydantic_core import PydanticCustomError

from auth_api.emails import has_control_characters, is_email, normalise_email
from tandem.cursors import MAX_CURSOR_CHARACTERS
from tandem.fields import Label
from tandem.web import RequestModel, ResponseModel


def _email(text: str) -> str:
    address = normalise_email(text)
    if not is_email(address):
        raise PydanticCustomError("email", "Not an e-mail address")
    return address


def _name(text: str) -> str:
    if has_control_characters(text):
        raise PydanticCustomError("control_character", "A name has no control characters")
    return text


def _strip(value: object) -> object:
    return value.strip() if isinstance(value, str) else value


Email = Annotated[str, Field(max_length=1_000), AfterValidator(_email)]
Name = Annotated[
    str, BeforeValidator(_strip), Field(min_length=1, max_length=100), AfterValidator(_name)
]
NewPassword = Annotated[SecretStr, Field(min_length=8, max_length=128)]


class SignUpRequest(RequestModel):
    """A new account. Without a `user_id` it gets one."""

    email: Email
    password: NewPassword
    user_id: Label | None = None
    first_name: Name | None = None
    last_name: Name | None = None


class AccountResponse(ResponseModel):
    """An account as its owner sees it."""

    user_id: str
    email: str
    first_name: str | None
    last_name: str | None
    created_at: datetime


class LogInRequest(RequestModel):
    """Credentials. Their form isn't judged beyond its size: what is wrong is simply wrong."""

    email: Annotated[str, Field(max_length=1_000), AfterValidator(normalise_email)]
    password: Annotated[SecretStr, Field(max_length=128)]


class RefreshRequest(RequestModel):
    """The refresh token that came with the last login or refresh."""

    refresh_token: Annotated[SecretStr, Field(max_length=200)]


class LogInResponse(ResponseModel):
    """A login's tokens. `expires_in` is in seconds."""

    access_token: str
    token_type: Literal["bearer"] = "bearer"  # noqa: S105 - RFC 6750's word, not a secret
    expires_in: int
    refresh_token: str
    user_id: str


class LogOutQuery(RequestModel):
    """Which logins end: this one, or `everywhere` all of the person's."""

    everywhere: bool = False


class ListLoginsQuery(RequestModel):
    """Which of the person's live logins to list, newest first."""

    limit: Annotated[int, Field(ge=1, le=100)] = 20
    cursor: Annotated[str, Field(max_length=MAX_CURSOR_CHARACTERS)] | None = None


class LoginResponse(ResponseModel):
    """One live login. `current` is the one that asks; `expires_at` its end, however renewed."""

    login_id: UUID
    created_at: datetime
    expires_at: datetime
    current: bool


class ListLoginsResponse(ResponseModel):
    """Some logins, newest first. `next_cursor` is null on the last page."""

    items: list[LoginResponse]
    next_cursor: str | None


class ChangePasswordRequest(RequestModel):
    """Another password. The current one's form isn't judged beyond its size."""

    current_password: Annotated[SecretStr, Field(max_length=128)]
    new_password: NewPassword
