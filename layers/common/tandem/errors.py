"""What can go wrong, as one tree with no HTTP in it.

    AppError
    ├── InvalidInput          the request can't be acted on as it stands
    ├── Unauthenticated       no login, or one that is no longer live
    ├── Forbidden             a live login asks for something that isn't its own
    ├── NotFound              what was named doesn't exist for this person
    ├── Conflict              the request contradicts what is already there
    ├── RateLimited           too many, too fast; `retry_after_seconds` says when to come back
    ├── Unavailable           Tandem itself can't answer now (database away, secret missing)
    ├── ConfigurationError    a setting is missing or wrong; names it, never its value
    └── UpstreamError         a provider failed; `provider` says which
        ├── UpstreamTimeout       no answer in time: the outcome is unknown
        ├── UpstreamRateLimited   refused for now (429)
        ├── UpstreamRejected      refused for good (4xx): sending it again won't help
        └── UpstreamUnavailable   down, or an answer that can't be read

`code` is stable and meant for programs, `detail` is safe to show to the caller. What may help
an operator goes into `context`, which is logged and never sent. `problems.py` maps classes to
statuses.
"""

from typing import ClassVar, Final, Literal

Provider = Literal["zep", "mem0", "gemini"]
_SERVICES: Final[dict[Provider, str]] = {"zep": "Zep", "mem0": "Mem0", "gemini": "Gemini"}
Context = str | int | float | bool | None


class AppError(Exception):
    """Base of every error that Tandem raises on purpose."""

    default_code: ClassVar[str] = "error"
    default_detail: ClassVar[str] = "The request could not be completed."

    def __init__(
        self, detail: str | None = None, *, code: str | None = None, **context: Context
    ) -> None:
        self.code = code or self.default_code
        self.detail = detail or self.default_detail
        self.context = context
        self.retry_after_seconds: int | None = None
        super().__init__(self.code)


class InvalidInput(AppError):
    """The request is well formed and still can't be acted on."""

    default_code = "invalid_input"
    default_detail = "The request is not valid."


class Unauthenticated(AppError):
    """There is no login, or it has ended."""

    default_code = "login_ended"
    default_detail = "This login is no longer valid. Log in again."


class Forbidden(AppError):
    """The login is live but may not do this."""

    default_code = "forbidden"
    default_detail = "This is not yours to use."


class NotFound(AppError):
    """The named thing doesn't exist, or belongs to someone else."""

    default_code = "not_found"
    default_detail = "There is nothing here by that name."


class Conflict(AppError):
    """The request contradicts what is there."""

    default_code = "conflict"
    default_detail = "The request conflicts with what is already there."


class RateLimited(AppError):
    """Too many requests of one kind in too short a time."""

    default_code = "rate_limited"
    default_detail = "Too many requests. Try again later."

    def __init__(
        self,
        detail: str | None = None,
        *,
        retry_after_seconds: int,
        code: str | None = None,
        **context: Context,
    ) -> None:
        super().__init__(detail, code=code, **context)
        self.retry_after_seconds = retry_after_seconds


class Unavailable(AppError):
    """Tandem can't answer now; the same request may work in a moment."""

    default_code = "unavailable"
    default_detail = "The service is not available right now. Try again shortly."

    def __init__(
        self,
        detail: str | None = None,
        *,
        retry_after_seconds: int = 2,
        code: str | None = None,
        **context: Context,
    ) -> None:
        super().__init__(detail, code=code, **context)
        self.retry_after_seconds = retry_after_seconds


class ConfigurationError(AppError):
    """A setting is missing or wrong. The message names the setting, never its value."""

    default_code = "not_configured"
    default_detail = "The service is not configured completely."

    def __init__(self, *, setting: str, reason: str) -> None:
        super().__init__(setting=setting, reason=reason)
        self.setting = setting
        self.reason = reason

    def __str__(self) -> str:
        return f"{self.setting}: {self.reason}"


class UpstreamError(AppError):
    """A provider did not do what it was asked.

    Attributes:
        provider: which one.
        status: its HTTP status, when there was one.
    """

    default_code = "upstream_error"
    default_detail = "{service} failed."

    def __init__(
        self,
        provider: Provider,
        *,
        operation: str,
        status: int | None = None,
        retry_after_seconds: int | None = None,
        **context: Context,
    ) -> None:
        super().__init__(
            self.default_detail.format(service=_SERVICES[provider]),
            code=None,
            provider=provider,
            operation=operation,
            status=status,
            **context,
        )
        self.provider: Provider = provider
        self.operation = operation
        self.status = status
        self.retry_after_seconds = retry_after_seconds


class UpstreamTimeout(UpstreamError):
    """No answer in time. Whether the provider acted is unknown."""

    default_code = "upstream_timeout"
    default_detail = "{service} did not answer in time."


class UpstreamRateLimited(UpstreamError):
    """The provider refuses for now (429)."""

    default_code = "upstream_rate_limited"
    default_detail = "{service} is busy. Try again shortly."


class UpstreamRejected(UpstreamError):
    """The provider refuses for good (4xx): the same request will be refused again."""

    default_code = "upstream_rejected"
    default_detail = "{service} refused the request."


class UpstreamUnavailable(UpstreamError):
    """The provider is down, or its answer can't be read."""

    default_code = "upstream_unavailable"
    default_detail = "{service} is not available right now. Try again shortly."
