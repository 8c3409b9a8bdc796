"""Putting consolidation together, for the endpoints and for the job, which knows no FastAPI."""

from dataclasses import replace

from memory_api.consolidation.judge import GeminiEmbedder, GeminiJudge
from memory_api.consolidation.judging import Judging, JudgingLimits
from memory_api.consolidation.progress import OnPhase, on_to_the_next
from memory_api.consolidation.reading import Ledgers, PictureReader
from memory_api.consolidation.run import Consolidation, Limits
from memory_api.consolidation.run import Parts as RunParts
from tandem import settings as s
from tandem.changes.ready import Parts
from tandem.clients.gemini_ready import gemini_client
from tandem.db.changes import Changes
from tandem.db.conflicts import Conflicts
from tandem.db.decisions import Decisions
from tandem.db.evidence import EvidenceLedger
from tandem.db.hidden import HiddenMemories
from tandem.db.people import People
from tandem.db.runs import LEASE_SECONDS, Runs
from tandem.db.seen import SeenPictures


def build_consolidation(parts: Parts, *, on_phase: OnPhase = on_to_the_next) -> Consolidation:
    """What tidies one person's memory at a time, with the budgets of the settings.

    Args:
        on_phase: is told that a phase begins.

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
        on_phase=on_phase,
    )


def _judging(parts: Parts, limits: s.ConsolidationSettings) -> Judging:
    google, judge = s.load(s.GeminiSettings), s.load(s.JudgeSettings)
    gemini = gemini_client(google, parts.secrets, bounds=parts.gemini_bounds)
    # Google limits each model by itself: what this one refuses must not keep people from chat's.
    embedding = gemini_client(google, parts.secrets)
    return Judging(
        GeminiJudge(
            gemini,
            google.gemini_model,
            pairs_per_call=judge.judge_pairs_per_call,
            max_output_tokens=judge.judge_max_output_tokens,
            call_seconds=judge.judge_call_seconds,
        ),
        GeminiEmbedder(embedding, s.load(s.GeminiEmbeddingSettings).gemini_embedding_model),
        JudgingLimits(
            max_calls=limits.consolidation_judge_calls,
            pairs_per_call=judge.judge_pairs_per_call,
            # The lease has to outlast a round: it is prolonged in between.
            round_seconds=min(judge.judge_call_seconds, LEASE_SECONDS * 3 / 4),
        ),
    )
