"""Putting consolidation together, for the endpoints and for the job."""

from dataclasses import replace

from fastapi import APIRouter

from memory_api.consolidation.disputes import Disputes
from memory_api.consolidation.judge import GeminiEmbedder, GeminiJudge
from memory_api.consolidation.judging import Judging, JudgingLimits
from memory_api.consolidation.reading import Ledgers, PictureReader
from memory_api.consolidation.run import Consolidation, Limits
from memory_api.consolidation.run import Parts as RunParts
from memory_api.consolidation.service import ConflictService, ConsolidationService
from memory_api.consolidation.undo import Undoing
from memory_api.routes_consolidation import create_router
from tandem import settings as s
from tandem.changes.ready import Parts
from tandem.changes.settling import Settling
from tandem.changes.wake import ConsolidationWake
from tandem.clients.gemini_ready import gemini_client
from tandem.db.changes import Changes
from tandem.db.conflicts import Conflicts
from tandem.db.decisions import Decisions
from tandem.db.evidence import EvidenceLedger
from tandem.db.hidden import HiddenMemories
from tandem.db.links import Links
from tandem.db.people import People
from tandem.db.runs import LEASE_SECONDS, Runs
from tandem.db.seen import SeenPictures


def build_consolidation(parts: Parts) -> Consolidation:
    """What tidies one person's memory at a time, with the budgets of the settings.

    Raises:
        ConfigurationError: a setting is missing or wrong.
    """
    database, limits = parts.database, s.load(s.ConsolidationSettings)
    parts = replace(parts, call_seconds=limits.consolidation_call_seconds)
    ledgers = Ledgers(
        EvidenceLedger(database),
        Decisions(database),
        HiddenMemories(database),
        Conflicts(database),
        SeenPictures(database),
    )
    return Consolidation(
        RunParts(
            people=People(database),
            reader=PictureReader(
                parts.zep,
                parts.mem0,
                ledgers,
                stage=parts.stage,
                call_seconds=parts.call_seconds,
            ),
            judging=_judging(parts, limits),
            runs=Runs(database),
            changes=Changes(database),
            decisions=Decisions(database),
            conflicts=Conflicts(database),
            path=parts.path(),
        ),
        Limits(max_changes=limits.consolidation_max_changes, lease_seconds=LEASE_SECONDS),
    )


def wire_consolidation(parts: Parts) -> APIRouter:
    """The routes of consolidation and of conflicts, over these parts.

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
    )
    settling = Settling(
        Conflicts(database),
        Links(database),
        runs,
        changes,
        parts.path(),
        parts.mem0,
        parts.zep,
        parts.call_seconds,
    )
    conflicts = ConflictService(
        people=people,
        conflicts=Conflicts(database),
        disputes=Disputes(parts.zep, parts.mem0),
        settling=settling,
        request_seconds=limits.consolidation_request_seconds,
        read_seconds=s.load(s.RetrievalSettings).retrieval_seconds,
    )
    return create_router(consolidation, conflicts)


def _judging(parts: Parts, limits: s.ConsolidationSettings) -> Judging:
    google, judge = s.load(s.GeminiSettings), s.load(s.JudgeSettings)
    gemini = gemini_client(google, parts.secrets)
    return Judging(
        GeminiJudge(
            gemini,
            google.gemini_model,
            pairs_per_call=judge.judge_pairs_per_call,
            max_output_tokens=judge.judge_max_output_tokens,
            call_seconds=judge.judge_call_seconds,
        ),
        GeminiEmbedder(gemini, s.load(s.GeminiEmbeddingSettings).gemini_embedding_model),
        JudgingLimits(
            max_calls=limits.consolidation_judge_calls,
            pairs_per_call=judge.judge_pairs_per_call,
            round_seconds=judge.judge_call_seconds,
        ),
    )
