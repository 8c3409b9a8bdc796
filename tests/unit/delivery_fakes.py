"""The delivery job over a ledger, a queue, two stores and a time that are all in memory."""

import asyncio
from collections.abc import Sequence

from tandem.clients.mem0 import Mem0Client
from tandem.clients.zep import ZepClient
from tandem.deadline import Deadline
from tandem.delivery.mem0_delivery import Mem0Delivery
from tandem.delivery.pace import Pace
from tandem.delivery.service import Delivery
from tandem.delivery.stores import StoreDelivery
from tandem.delivery.wake import Wake
from tandem.delivery.zep_delivery import ZepDelivery
from tandem.ids import AccountId, SessionRowId
from tests.unit.delivery_ledger import SESSION, LedgerInMemory
from tests.unit.delivery_wires import Crash, Mem0Wire, Time, ZepWire


class KeptWakes(Wake):
    """Keeps the delays of wake-ups."""

    def __init__(self) -> None:
        self.delays: list[int] = []

    async def send(self, session_row: SessionRowId, *, delay_seconds: int = 0) -> bool:
        assert session_row == SESSION
        self.delays.append(delay_seconds)
        return True


class KeptTidying:
    """Keeps whose memory wants tidying."""

    def __init__(self) -> None:
        self.people: list[AccountId] = []

    async def send(self, account_id: AccountId) -> bool:
        self.people.append(account_id)
        return True


class World:
    """A session, both stores and the delivery job over them."""

    def __init__(self) -> None:
        self.time = Time()
        self.zep, self.mem0 = ZepWire(self.time), Mem0Wire(self.time)
        self.ledger, self.wakes = LedgerInMemory(self.time), KeptWakes()
        self.tidying = KeptTidying()
        self.zep_store = ZepDelivery(
            ZepClient(self.zep.http(), api_key=lambda: "test-key"),
            self.ledger,
            stage="test",
            call_seconds=8.0,
        )
        self.mem0_store = Mem0Delivery(
            Mem0Client(self.mem0.http(), api_key=lambda: "test-key"), stage="test", call_seconds=8.0
        )

    def run(
        self,
        *,
        seconds: float = 58.0,
        stores: Sequence[StoreDelivery] | None = None,
        share: float = 0.5,
        session: SessionRowId = SESSION,
    ) -> list[int]:
        """Runs the job once; the delays of the wake-ups that it has sent."""
        delivery = Delivery(
            self.ledger,
            [self.zep_store, self.mem0_store] if stores is None else stores,
            self.wakes,
            Pace(45.0, 4.0, 8.0, self.time.sleep, self.time.clock, lambda: share),
            tidy=self.tidying,
        )
        self.wakes.delays.clear()
        asyncio.run(delivery.deliver(session, Deadline(seconds, clock=self.time.clock)))
        return list(self.wakes.delays)

    def crash(self) -> None:
        """Runs the job until it dies, and lets its leases run out."""
        try:
            self.run()
        except Crash:
            self.time.now += 46
            return
        raise AssertionError("it went on living")
