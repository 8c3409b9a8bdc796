"""What all payloads have in common, as far as Tandem uses them.

Unknown fields are ignored, a null field counts as absent, an unknown word where a list of words is
expected becomes "unknown", and every time is aware UTC.
"""

from datetime import UTC, datetime
from typing import Annotated, Any, Final, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    FailFast,
    Field,
    JsonValue,
    model_validator,
)

MAX_ITEMS: Final = 10_000

T = TypeVar("T")
Metadata = dict[str, JsonValue]
# Validation stops at the first fault: of a list of millions it would take seconds and keep each.
Items = Annotated[tuple[T, ...], FailFast(), Field(max_length=MAX_ITEMS)]


def _in_utc(value: datetime) -> datetime:
    """The same moment in UTC; a time without an offset is taken as UTC."""
    if value.tzinfo is None:
        return value.replace(tzinfo=UTC)
    try:
        return value.astimezone(UTC)
    except OverflowError as cause:
        raise ValueError("out of range") from cause


def blank_is_none(value: object) -> object:
    return None if value == "" else value


Moment = Annotated[
    Annotated[datetime, AfterValidator(_in_utc)] | None, BeforeValidator(blank_is_none)
]


def rfc3339(moment: datetime) -> str:
    """`moment` as both stores take it on the wire: RFC 3339 in UTC, ending in Z.

    Raises:
        ValueError: the time has no offset, so nobody knows which moment it is.
    """
    if moment.tzinfo is None:
        raise ValueError("a time needs its offset")
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


class ProviderModel(BaseModel):
    """Base of every payload: frozen, tolerant of more, strict about what is used.

    Validation errors hide their input, because they end up as the cause of ours.
    """

    model_config = ConfigDict(
        frozen=True, extra="ignore", hide_input_in_errors=True, defer_build=True
    )

    @model_validator(mode="before")
    @classmethod
    def _null_is_absent(cls, data: Any) -> Any:
        if not isinstance(data, dict):
            return data
        return cls._reshape({name: value for name, value in data.items() if value is not None})

    @classmethod
    def _reshape(cls, data: dict[str, Any]) -> dict[str, Any]:
        """Hook: the wire's names and forms into ours."""
        return data
