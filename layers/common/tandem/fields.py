"""What a text must be before anything is done with it."""

from typing import Annotated, Any

from pydantic import Field
from pydantic_core import PydanticCustomError

Label = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.:-]{0,63}$")]
"""An id that a client may choose: `user_id`, `session_id`."""


def storable(value: Any) -> Any:
    """The value itself, if PostgreSQL and UTF-8 can hold the text in it.

    Applies to a string, or to strings in a list; other values are left to their own checks.

    Raises:
        PydanticCustomError: `unstorable_text`, there is a NUL or half of a surrogate pair in it.
    """
    texts = value if isinstance(value, list) else [value]
    if any(isinstance(text, str) and _unstorable(text) for text in texts):
        raise PydanticCustomError(
            "unstorable_text", "Text may hold neither NUL nor half of a surrogate pair"
        )
    return value


def _unstorable(text: str) -> bool:
    return "\x00" in text or any("\ud800" <= character <= "\udfff" for character in text)
