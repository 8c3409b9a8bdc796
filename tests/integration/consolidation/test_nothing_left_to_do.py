"""A second run right after the first one changes nothing, and a dry run never does."""

import random
from collections.abc import Callable
from itertools import combinations
from typing import Any
from uuid import uuid4

import pytest

from tests.integration.consolidation.attempts import Running, have_attempts_ready
from tests.integration.consolidation.killed import writes_of
from tests.integration.consolidation.life import CHANGED, Life
from tests.integration.consolidation.tidied import Tidied

pytestmark = pytest.mark.integration

CHANGING = [["Delhi", "Mumbai", "Pune"], ["tea", "coffee"], ["chess", "cricket", "tennis"]]
CLASHING = [["opera", "silence"], ["crowds", "solitude"]]
APART = [["gardens"], ["trains"], ["poetry"]]
WORDINGS = ["Likes {}", "Is fond of {}", "Loves {} dearly", "Cares for {}"]
PEOPLE = 8
TABLES = """
select c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace
 where n.nspname = 'public' and c.relkind = 'r'
"""


def drawn(tidied: Tidied, draw: random.Random) -> None:
    """What somebody remembers and has said, in words and at times drawn by chance; of some of it
    nobody knows when."""
    matters = [*CHANGING, *CLASHING, *APART]
    liked = {
        wording.format(one): one for matter in matters for one in matter for wording in WORDINGS
    }
    for text in draw.sample(sorted(liked), 18):
        tidied.remembers(text, said=draw.choice([None, *range(1, 28)]))
    tidied.stores.told(*(f"I like {one}." for one in draw.sample(sorted(set(liked.values())), 5)))
    for number, edge in enumerate(tidied.stores.edges(), start=1):
        if draw.random() < 0.8:
            tidied.said(edge["episode_uuids"][0], number, draw.randrange(1, 28))
    tidied.judged(
        *(
            (text, other, relation)
            for text, other in combinations(liked, 2)
            if (relation := _relation(liked[text], liked[other]))
        )
    )
    groups = [[text for text, one in liked.items() if one in matter] for matter in matters]
    tidied.twins.gemini.post("/_twin/meanings", {"groups": groups})


def _relation(one: str, other: str) -> str | None:
    if one == other:
        return "same"
    if any({one, other} <= set(matter) for matter in CHANGING):
        return "update"
    return "contradiction" if any({one, other} <= set(matter) for matter in CLASHING) else None


def test_a_second_run_right_after_the_first_changes_nothing_of_a_person_drawn_by_chance(
    new_person: Callable[[], Tidied],
) -> None:
    seed = uuid4().int % 2**32
    print(f"seed {seed}")  # noqa: T201 - pytest shows it when the test fails
    draw = random.Random(seed)  # noqa: S311 - a person, not a secret
    done = 0
    for _ in range(PEOPLE):
        tidied = new_person()
        drawn(tidied, draw)
        first = tidied.consolidate()
        done += len(first["changes"])
        seen = tidied.visible()

        second = tidied.consolidate()

        assert second["changes"] == []
        assert tidied.visible() == seen
    assert done > 5 * PEOPLE


def test_a_dry_run_sends_no_write_to_either_store_and_leaves_every_table_as_it_is(
    live: Callable[[], Life],
) -> None:
    have_attempts_ready()
    life = live()
    life.visible()  # which links what reads the same
    before, rows = life.memories(), everything_in_postgresql(life.tidied)
    results: list[dict[str, Any]] = []

    written = writes_of(life, lambda: results.append(Running(life.attempt(dry_run=True)).result()))

    [told] = results
    assert (told["run_id"], told["status"]) == (None, "planned")
    assert len(told["changes"]) >= len(CHANGED) - 2  # but for the links of the view
    assert {state for *_, state in told["changes"]} == {"planned"}
    assert written == []
    assert life.memories() == before
    assert everything_in_postgresql(life.tidied) == rows


def everything_in_postgresql(tidied: Tidied) -> dict[str, list[Any]]:
    """All rows of all tables, whoever they are about."""
    names = [name for [name] in tidied.person.run(TABLES)]
    assert len(names) > 10
    return {
        name: sorted(str(row) for row in tidied.person.run(f"select * from {name}"))  # noqa: S608
        for name in names
    }
