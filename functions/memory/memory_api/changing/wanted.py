"""What a person wants of their memory, as the routes hand it on."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Remember:
    """A statement to be remembered. `said_at` is aware; None is now."""

    statement: str
    user_id: str | None = None
    session_id: str | None = None
    said_at: datetime | None = None
    idempotency_key: str | None = None
