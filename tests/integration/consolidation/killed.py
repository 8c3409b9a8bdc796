"""Writes that leave a process, as the twins record them, and processes that die at one of them."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from tests.integration.consolidation.attempts import Running
from tests.integration.consolidation.life import Life
from tests.integration.consolidation.one_run import Attempt
from tests.integration.consolidation.tidied import READ_PATHS, WRITES
from tests.integration.twins.writers import until

Moment = Literal["before", "after"]
"""Of a death: before a write takes effect, or when it has and nobody has been told."""
_WITHIN_SECONDS = 30.0
_ADDING = "/v3/memories/add/"


@dataclass(frozen=True)
class Write:
    """One write to Mem0, by the text that it is about. Zep is not written to."""

    method: str
    text: str

    def __str__(self) -> str:
        return f"{self.method} {self.text}"

    def path(self, life: Life) -> str:
        """Where it goes to, for this person."""
        if self.method == "POST":
            return _ADDING
        [memory] = [one for one, text in life.everything().items() if text == self.text]
        return f"/v1/memories/{memory}/"


def writes_of(life: Life, work: Callable[[], object]) -> list[Write]:
    """What the work writes to either store, in the order of their records."""
    twins = life.tidied.twins
    for twin in (twins.zep, twins.mem0):
        twin.client.delete("/_twin/requests").raise_for_status()
    names = life.everything()
    work()
    names |= life.everything()
    assert not [one for one in twins.zep.get("/_twin/requests")["requests"] if _writes(one)]
    recorded = [one for one in twins.mem0.get("/_twin/requests")["requests"] if _writes(one)]
    return [_write(one, names, life) for one in recorded]


def killed_at(life: Life, attempt: Attempt, write: Write, moment: Moment) -> None:
    """Has a process make the attempt and die at this write."""
    mem0 = life.tidied.twins.mem0
    mem0.fault(path=write.path(life), method=write.method, kind="hang", when=moment, times=1)
    running = Running(attempt)
    until(lambda: mem0.struck() == 1 or running.over, seconds=_WITHIN_SECONDS, what="it is written")
    assert mem0.struck() == 1, f"nothing was written to be killed at: {running.result()}"
    running.kill()
    mem0.heal()


def _writes(record: dict[str, Any]) -> bool:
    if record["method"] in WRITES:
        return True
    return record["method"] == "POST" and not record["path"].endswith(READ_PATHS)


def _write(record: dict[str, Any], names: dict[str, str], life: Life) -> Write:
    if record["path"] == _ADDING:
        [copy] = set(names) - set(life.ids.values())
        return Write("POST", names[copy])
    return Write(record["method"], names[record["path"].split("/")[3]])
