"""Both stores' twins, Gemini's, and one person whose memory is tidied through the routes."""

from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from tandem.clients.connections import build_http_client
from tandem.db.connection import Database, OneRoundTrip
from tandem.loop import run
from tests.conftest import MakeEvent
from tests.integration.changes.both_stores import Stores
from tests.integration.changes.journal import Tidier
from tests.integration.consolidation.life import Life
from tests.integration.consolidation.tidied import Tidied, Twins
from tests.integration.delivery.stores_and_queue import Queue
from tests.integration.twin_process import TwinProcess, running
from tests.local_servers import serving


@pytest.fixture(scope="module")
def twins(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Twins]:
    quick = ("--ingestion-ms", "1")
    zep = ("--data", str(tmp_path_factory.mktemp("zep")), *quick)
    mem0 = ("--data", str(tmp_path_factory.mktemp("mem0")), *quick)
    with (
        running("zep", *zep) as one,
        running("mem0", *mem0) as other,
        running("gemini") as gemini,
        serving(Queue()) as queue,
    ):
        yield Twins(one, other, gemini, queue)


@pytest.fixture
def gemini(twins: Twins) -> Iterator[TwinProcess]:
    yield twins.gemini
    twins.gemini.heal()
    twins.gemini.post("/_twin/reset", {})


@pytest.fixture
def tidier(container: Database, connection: OneRoundTrip) -> Tidier:
    return Tidier.of_somebody(container, connection)


@pytest.fixture
def outside(
    twins: Twins, gemini: TwinProcess, database: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Twins]:
    """The twins, and their addresses in the environment."""
    assert gemini is twins.gemini
    monkeypatch.delenv("SECRET_ARN", raising=False)
    for name, value in twins.environment(database).items():
        monkeypatch.setenv(name, value)
    twins.queue.bodies.clear()
    opened: list[httpx.AsyncClient] = []

    def opening(**options: Any) -> httpx.AsyncClient:
        opened.append(build_http_client(**options))
        return opened[-1]

    for module in ("clients.ready", "clients.gemini_ready", "sqs"):
        monkeypatch.setattr(f"tandem.{module}.build_http_client", opening)
    yield twins
    for client in opened:
        run(client.aclose())
    twins.zep.heal()
    twins.mem0.heal()
    twins.mem0.post("/_twin/expiration", {"refuse_past": False, "hidden_count": False})


@pytest.fixture
def new_person(
    outside: Twins, container: Database, connection: OneRoundTrip, http_event: MakeEvent
) -> Iterator[Callable[[], Tidied]]:
    """Has one more person sign up."""
    people: list[Tidied] = []

    def sign_up() -> Tidied:
        tidier = Tidier.of_somebody(container, connection)
        stores = Stores(outside.zep, outside.mem0, tidier)
        people.append(Tidied(stores, outside, http_event))
        return people[-1]

    yield sign_up
    for person in people:
        person.close()


@pytest.fixture
def live(new_person: Callable[[], Tidied]) -> Callable[[], Life]:
    """Has somebody new live."""
    return lambda: Life.lived(new_person())


@pytest.fixture
def tidied(outside: Twins, tidier: Tidier, http_event: MakeEvent) -> Iterator[Tidied]:
    made = Tidied(Stores(outside.zep, outside.mem0, tidier), outside, http_event)
    yield made
    made.close()
