"""Settings, a small class per concern: a function loads only its own.

Values come from the environment under the field's name in capitals. Secrets don't: they are read
from one Secrets Manager secret by `tandem.secrets`. Only this module and `tandem.secrets` know the
environment.
"""

from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from tandem.errors import ConfigurationError, Provider

Algorithm = Literal["HS256", "HS384", "HS512"]
KEY_BYTES: dict[Algorithm, int] = {"HS256": 32, "HS384": 48, "HS512": 64}
"""The shortest key that each algorithm accepts (RFC 7518 §3.2)."""


FEWEST_CALLS = 30
"""The least that a plan may allow a minute. With fewer, jobs whose steps need two calls would come
back for ever and only make the first one; then the provider's own refusals do better (0)."""


def _base_url(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError("an http(s) address is needed")
    return value.rstrip("/")


def _some_or_none(value: int) -> int:
    if 0 < value < FEWEST_CALLS:
        raise ValueError("0, or enough for a bucket")
    return value


BaseUrl = Annotated[str, AfterValidator(_base_url)]
CallsPerMinute = Annotated[int, Field(ge=0), AfterValidator(_some_or_none)]
Seconds = Annotated[float, Field(gt=0, le=900)]


class Settings(BaseSettings):
    """Base of all settings: read from the environment, frozen, other variables ignored."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore", env_ignore_empty=True)


class StageSettings(Settings):
    """Where this copy of Tandem runs. `stage` is part of every person's name at the stores."""

    stage: str = Field(pattern=r"^[a-z][a-z0-9-]{0,15}$")


class TokenSettings(Settings):
    """How access and refresh tokens are made and how long they live."""

    algorithm: Algorithm = "HS256"
    token_issuer: str = "tandem"  # noqa: S105 - a name, not a secret
    token_audience: str = "tandem-api"  # noqa: S105 - a name, not a secret
    access_token_seconds: int = Field(default=1_800, ge=60, le=3_600)
    refresh_idle_days: int = Field(default=30, ge=1, le=90)
    refresh_total_days: int = Field(default=90, ge=1, le=365)


class LoginLimitSettings(Settings):
    """How many failed logins are borne in a window, per account and per address."""

    login_window_seconds: int = Field(default=900, ge=1, le=86_400)
    login_failures_per_account: int = Field(default=10, ge=1)
    login_failures_per_address: int = Field(default=50, ge=1)


class DatabaseSettings(Settings):
    """Time limits of the database: to open a connection in all, and for one statement's answer.

    Together they bound a statement with its waiting, a fresh connection and its repetition.
    """

    database_connect_seconds: Seconds = 1.0
    database_statement_seconds: Seconds = 2.0


class RateSettings(Settings):
    """How many calls a minute each provider's plan allows, to all who share the key. 0: not known,
    so that only the provider's own refusals slow us down. Zep's default is its smaller plan's."""

    zep_requests_per_minute: CallsPerMinute = 600
    mem0_requests_per_minute: CallsPerMinute = 0
    gemini_requests_per_minute: CallsPerMinute = 0

    def per_minute(self, provider: Provider) -> int:
        """The limit of one provider's plan; 0 when it isn't known."""
        limits: dict[Provider, int] = {
            "zep": self.zep_requests_per_minute,
            "mem0": self.mem0_requests_per_minute,
            "gemini": self.gemini_requests_per_minute,
        }
        return limits[provider]


class ZepSettings(Settings):
    """Where Zep answers: the host alone, the client adds `/api/v4`."""

    zep_base_url: BaseUrl


class Mem0Settings(Settings):
    """Where Mem0 answers."""

    mem0_api_url: BaseUrl


class GeminiSettings(Settings):
    """Which model answers, and where. No address means Google's own."""

    gemini_model: str = "gemini-3.5-flash-lite"
    gemini_base_url: BaseUrl | None = None


class GeminiEmbeddingSettings(Settings):
    """Which model turns texts into vectors."""

    gemini_embedding_model: str = "gemini-embedding-001"


class JudgeSettings(Settings):
    """How pairs of statements are put to the model: one call's size and limit."""

    judge_pairs_per_call: int = Field(default=20, ge=1, le=50)
    judge_call_seconds: Seconds = 60.0
    judge_max_output_tokens: int = Field(default=8_192, ge=256)


class ConsolidationSettings(Settings):
    """Budgets of one consolidation: changes, the judge's calls, a call's limit, how long somebody
    who asked for it is kept waiting, and above how many statements it goes on without them."""

    consolidation_max_changes: int = Field(default=500, ge=1)
    consolidation_judge_calls: int = Field(default=400, ge=0)
    consolidation_call_seconds: Seconds = 10.0
    consolidation_request_seconds: Seconds = 20.0
    consolidation_request_statements: int = Field(default=1_000, ge=0)


class QueueSettings(Settings):
    """Where wake-ups for the delivery job go."""

    delivery_queue_url: BaseUrl


class ConsolidationQueueSettings(Settings):
    """Where messages for the consolidate job go."""

    consolidation_queue_url: BaseUrl


class ChatSettings(Settings):
    """Limits of one turn. A step gets the smaller of its own limit and what is left of the turn."""

    turns_per_minute: int = Field(default=30, ge=1)
    turn_lease_seconds: Seconds = 35.0
    model_seconds: Seconds = 20.0
    model_calls_per_turn: int = Field(default=4, ge=1, le=10)
    max_output_tokens: int = Field(default=4_096, ge=64)
    retrieval_seconds: Seconds = 2.5
    recent_turns: int = Field(default=3, ge=0, le=20)


class StatementSettings(Settings):
    """How much a person may say in a minute, statements and turns of chat together."""

    turns_per_minute: int = Field(default=30, ge=1)


class RetrievalSettings(Settings):
    """How long a store may take to answer a read outside chat."""

    retrieval_seconds: Seconds = 2.5


class DeliverySettings(Settings):
    """The delivery job's pace: its lease, one call's limit, how long a call whose answer was lost
    may still arrive, how long it waits for ingestion, and after how long it gives up a turn that
    nobody has answered."""

    delivery_lease_seconds: Seconds = 45.0
    delivery_call_seconds: Seconds = 8.0
    delivery_doubt_seconds: Seconds = 60.0
    ingestion_poll_seconds: Seconds = 4.0
    turn_abandoned_seconds: Seconds = 600.0


class SweepSettings(Settings):
    """After how long the sweep takes work, and a turn that is open, for left behind, and how long
    the ledger keeps text."""

    sweep_patience_seconds: Seconds = 60.0
    turn_abandoned_seconds: Seconds = 600.0
    text_retention_days: int = Field(default=30, ge=1)


class TidyingSettings(Settings):
    """Tidying memories: how many people's a job works on at once, how long it keeps hidden ones."""

    tidying_people_at_once: int = Field(default=2, ge=1, le=10)
    hidden_memory_days: int = Field(default=30, ge=1)


def load[S: Settings](kind: type[S]) -> S:
    """The settings of one concern, read now.

    Raises:
        ConfigurationError: a variable is missing or not acceptable. It names the variable and the
            reason, never the value.
    """
    try:
        return kind()
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        name = str(first["loc"][0]).upper() if first["loc"] else kind.__name__
        reason = "is missing" if first["type"] == "missing" else "has a value that is not accepted"
        raise ConfigurationError(setting=name, reason=reason) from None
