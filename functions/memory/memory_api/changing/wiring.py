"""Putting together what works behind the endpoints that change one's memory."""

from datetime import UTC, datetime
from typing import NamedTuple

from memory_api.changing.history import Histories
from memory_api.changing.service import Changing
from memory_api.changing.tokens import ForgetTokens
from tandem.changes.keys import derived_keys
from tandem.changes.ready import Parts
from tandem.changes.wake import ConsolidationWake
from tandem.db.item_history import ItemHistories
from tandem.db.memory import MemoryLedger
from tandem.db.statements import Statements
from tandem.delivery.wake import Wake


class Services(NamedTuple):
    """What works behind the routes."""

    changing: Changing
    histories: Histories


def build_services(
    parts: Parts,
    wake: Wake,
    tidy: ConsolidationWake,
    *,
    turns_per_minute: int,
    retrieval_seconds: float,
) -> Services:
    """The services behind the routes, over these parts."""
    database = parts.database
    tokens = ForgetTokens(
        keys=lambda: derived_keys(parts.secrets, "forget-token"), now=lambda: datetime.now(UTC)
    )
    changing = Changing(
        MemoryLedger(database),
        Statements(database),
        wake,
        tidy,
        parts.correcting(),
        parts.forgetting(),
        parts.forget_search(),
        tokens,
        turns_per_minute=turns_per_minute,
        retrieval_seconds=retrieval_seconds,
    )
    histories = Histories(
        ItemHistories(database),
        parts.mem0,
        parts.zep,
        stage=parts.stage,
        call_seconds=retrieval_seconds,
        keys=parts.forgetting().keys,
    )
    return Services(changing, histories)
