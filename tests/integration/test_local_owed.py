"""What is owed, read from a real ledger and real queues, and as `make dev` shows it."""

import asyncio
from pathlib import Path

import httpx
import pytest

from local.owed import UNREADABLE, DeadLetters, Ledger, Owed, OwedWatch
from local.person import Person
from local.postgres import Postgres
from local.resources import Template
from local.template import load_template
from tandem.db.connection import Database
from tandem.db.turns import Turns
from tests.integration.test_local_dev import ROOT, dev, folder, ports, read_until
from tests.integration.turn_ledger import Someone, new_turn

__all__ = ["folder", "ports"]
pytestmark = pytest.mark.integration

EMPTY = Template(functions={}, api=None, queues={}, event_sources=(), schedules=(), secret_names={})


def test_what_is_owed_is_counted_by_store_with_the_oldest_and_the_open_turns(
    database: str, container: Database, ada: Someone
) -> None:
    ledger = Ledger(database)
    before = ledger.owed()
    assert (before.zep, before.mem0, before.oldest_seconds) == (0, 0, 0)

    async def talk() -> None:
        turns = Turns(container)
        await ada.say(turns, "I live in Delhi.")
        await ada.open(turns, new_turn("and", session="s1"))

    asyncio.run(talk())
    owed = ledger.owed()
    assert (owed.zep, owed.mem0, owed.open_turns) == (2, 1, before.open_turns + 1)
    assert 0 < owed.oldest_seconds < 60
    ledger.close()


def test_a_connection_that_was_cut_is_replaced_at_the_next_look(
    database: str, container: Database
) -> None:
    ledger = Ledger(database)
    ledger.owed()
    cut = "select pg_terminate_backend(pid) from pg_stat_activity where pid <> pg_backend_pid()"
    asyncio.run(container.rows(f"{cut} and datname = current_database()", repeatable=True))
    with pytest.raises(UNREADABLE):
        ledger.owed()
    assert isinstance(ledger.owed(), Owed)
    ledger.close()


@pytest.mark.parametrize("address", ["{}", "postgresql://u:p@127.0.0.1:1/none", "nonsense"])
def test_without_a_ledger_it_says_nothing(postgres: Postgres, address: str) -> None:
    postgres.create_database("nothing_in_it")
    ledger = Ledger(address.format(postgres.url("nothing_in_it")))
    with pytest.raises(UNREADABLE):
        ledger.owed()
    with OwedWatch(ledger, DeadLetters("http://127.0.0.1:1", EMPTY)) as watch:
        assert watch.news() == []


def test_a_queue_service_that_is_away_counts_no_dead_letters() -> None:
    letters = DeadLetters("http://127.0.0.1:1", load_template(ROOT / "template.yaml"))
    assert letters.count() == 0
    letters.close()


def test_dev_says_what_zep_does_not_take_and_when_it_has_arrived(
    folder: Path, ports: dict[str, int]
) -> None:
    with dev(folder, ports, template=ROOT / "template.yaml") as process:
        read_until(process, "Ctrl-C stops everything")
        zep = f"http://127.0.0.1:{ports['zep']}/_twin/faults"
        rule = {"path": "*", "method": "POST", "kind": "status", "status": 503}
        httpx.post(zep, json=rule, trust_env=False).raise_for_status()
        url = f"http://127.0.0.1:{ports['gateway']}"
        with Person(url, email="ada@example.com", password="correct horse") as ada:
            ada.sign_up()
            ada.log_in()
            ada.chat("one", "I live in Delhi.")
            said = read_until(process, "owed: zep 2, mem0 0")
            assert "open turns 0  dead letters 0" in said
            assert "Delhi" not in said
            httpx.delete(zep, trust_env=False).raise_for_status()
            read_until(process, "owed: nothing any more")
