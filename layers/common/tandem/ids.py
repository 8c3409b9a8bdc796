"""Names for the identifiers that cross module borders, so that they can't be swapped silently."""

from typing import NewType
from uuid import UUID

AccountId = NewType("AccountId", UUID)
"""`accounts.id`: what a person is to the stores, as `{STAGE}:{AccountId}`."""

LoginId = NewType("LoginId", UUID)
"""`logins.id`: one authenticated device; `sid` in the token."""

SessionRowId = NewType("SessionRowId", UUID)
"""`sessions.id`: one conversation, ours. The client's `session_id` is a label of it."""

TurnId = NewType("TurnId", UUID)
"""`turns.id`: one message of a person and its reply."""

MessageId = NewType("MessageId", UUID)
"""One verbatim utterance. Ours, whatever the stores call it."""

ZepUuid = NewType("ZepUuid", UUID)
"""An identifier that Zep made: a user, graph, thread, message, node, edge or task."""

Mem0Id = NewType("Mem0Id", str)
"""An identifier that Mem0 made: a memory or an event. A UUID today, opaque to us."""
