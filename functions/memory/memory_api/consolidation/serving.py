"""Putting together what works behind the endpoints of consolidation and of conflicts."""

from memory_api.consolidation.disputes import Disputes
from memory_api.consolidation.service import ConflictService, ConsolidationService, Services
from memory_api.consolidation.undo import Undoing
from memory_api.consolidation.wiring import build_consolidation
from tandem import settings as s
from tandem.changes.ready import Parts
from tandem.changes.wake import ConsolidationWake
from tandem.db.changes import Changes
from tandem.db.conflicts import Conflicts
from tandem.db.people import People
from tandem.db.runs import LEASE_SECONDS, Runs


def build_services(parts: Parts) -> Services:
    """The services behind the routes, over these parts.

    Raises:
        ConfigurationError: a setting is missing or wrong.
    """
    database, limits = parts.database, s.load(s.ConsolidationSettings)
    queue_url = s.load(s.ConsolidationQueueSettings).consolidation_queue_url
    runs, changes, people = Runs(database), Changes(database), People(database)
    consolidation = ConsolidationService(
        people=people,
        runs=runs,
        consolidation=build_consolidation(parts),
        undoing=Undoing(runs, changes, parts.path(), LEASE_SECONDS),
        messages=ConsolidationWake(queue_url),
        request_seconds=limits.consolidation_request_seconds,
        request_statements=limits.consolidation_request_statements,
    )
    conflicts = ConflictService(
        people=people,
        conflicts=Conflicts(database),
        disputes=Disputes(parts.zep, parts.mem0),
        settling=parts.settling(),
        request_seconds=limits.consolidation_request_seconds,
        read_seconds=s.load(s.RetrievalSettings).retrieval_seconds,
    )
    return Services(consolidation, conflicts)
