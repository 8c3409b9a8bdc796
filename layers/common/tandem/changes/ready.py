"""What changes memory, as the functions and jobs use it: put together from clients and settings.

Nothing is connected and no key is read before the first use.
"""

from dataclasses import dataclass
from typing import Final

from tandem.changes.cleaning import Cleaning
from tandem.changes.correcting import Correcting
from tandem.changes.forget_search import ForgetSearch
from tandem.changes.forgetting import Forgetting
from tandem.changes.keys import derived_keys
from tandem.changes.path import ChangePath
from tandem.changes.settling import Settling
from tandem.clients.bounds import Bounds
from tandem.clients.mem0 import Mem0Client
from tandem.clients.zep import ZepClient
from tandem.db.changes import Changes
from tandem.db.choices import MadeChoices
from tandem.db.conflicts import Conflicts
from tandem.db.connection import Database
from tandem.db.corrections import LeftCorrections
from tandem.db.links import Links
from tandem.db.memory import MemoryLedger
from tandem.db.runs import Runs
from tandem.db.tombstones import Tombstones
from tandem.recall.gather import Gather
from tandem.secrets import Secrets

CALL_SECONDS: Final = 8.0
"""The longest that one call takes that reads or changes memory at a person's word."""


@dataclass(frozen=True, slots=True)
class Parts:
    """What is needed to change memory.

    Args:
        stage: the part of a person's name at the stores that tells deployments apart.
        gemini_bounds: what its calls ask, if they are not to have bounds of their own.
    """

    database: Database
    zep: ZepClient
    mem0: Mem0Client
    secrets: Secrets
    stage: str
    call_seconds: float = CALL_SECONDS
    gemini_bounds: Bounds | None = None

    def path(self) -> ChangePath:
        """The one path on which changes reach the stores."""
        return ChangePath(
            Changes(self.database),
            self.mem0,
            self.zep,
            stage=self.stage,
            call_seconds=self.call_seconds,
        )

    def forgetting(self) -> Forgetting:
        """Forgets, and sees to it that it stays so."""
        return Forgetting(
            Tombstones(self.database),
            Changes(self.database),
            self.path(),
            self.mem0,
            self.zep,
            keys=lambda: derived_keys(self.secrets, "forgotten-statement"),
            stage=self.stage,
            call_seconds=self.call_seconds,
        )

    def cleaning(self) -> Cleaning:
        """What the consolidate job does first."""
        return Cleaning(
            self.forgetting(),
            self.correcting(),
            LeftCorrections(self.database),
            self.settling(),
            MadeChoices(self.database),
        )

    def forget_search(self) -> ForgetSearch:
        """Finds what a person may mean."""
        gather = Gather(self.zep, self.mem0, stage=self.stage)
        return ForgetSearch(gather, MemoryLedger(self.database))

    def settling(self) -> Settling:
        """Carries out what a person says of two statements that can't both hold."""
        return Settling(
            Conflicts(self.database),
            Links(self.database),
            Runs(self.database),
            Changes(self.database),
            self.path(),
            self.mem0,
            self.zep,
            self.call_seconds,
        )

    def correcting(self) -> Correcting:
        """Puts what a person says in the place of what was remembered."""
        return Correcting(
            Runs(self.database),
            Changes(self.database),
            self.path(),
            Links(self.database),
            self.mem0,
            self.zep,
            stage=self.stage,
            call_seconds=self.call_seconds,
        )
