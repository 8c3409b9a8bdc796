"""What the local stack needs of template.yaml, resolved: functions, routes, queues, schedules."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from local.intrinsics import TemplateError
from local.schedules import Schedule

REGION = "us-east-1"
ACCOUNT_ID = "123456789012"  # the account that moto answers for


@dataclass(frozen=True, kw_only=True)
class AsyncPolicy:
    """What becomes of an asynchronous invocation that fails: the function's EventInvokeConfig.

    Attributes:
        retries: after an error of the function.
        max_age_seconds: how long the event is kept at all.
        on_failure_id: logical id of the queue that then hears of it.
    """

    retries: int = 2
    max_age_seconds: int = 21_600
    on_failure_id: str | None = None


@dataclass(frozen=True, kw_only=True)
class Function:
    """One Lambda function. `python_path` is what stands on sys.path: its code, then its layers."""

    logical_id: str
    code_dir: Path
    handler: str
    python_path: tuple[Path, ...]
    timeout_seconds: int
    memory_mb: int
    reserved_concurrency: int
    environment: Mapping[str, str]
    version: str
    snap_start: bool
    log_format: str
    asynchronous: AsyncPolicy = AsyncPolicy()


@dataclass(frozen=True)
class Route:
    """A route: `method` in capitals or ANY, `path` with `{name}` or `{name+}`, None = public."""

    method: str
    path: str
    function_id: str
    authorizer: str | None

    @property
    def key(self) -> str:
        """The route key as API Gateway writes it, such as `GET /api/session`."""
        return self.path if self.path == "$default" else f"{self.method} {self.path}"


@dataclass(frozen=True)
class Authorizer:
    """A Lambda authorizer, payload 2.0 with simple responses."""

    name: str
    function_id: str
    identity_sources: tuple[str, ...]
    ttl_seconds: int


@dataclass(frozen=True, kw_only=True)
class Cors:
    """The API's CorsConfiguration; tuples are empty where the template says nothing."""

    origins: tuple[str, ...] = ()
    methods: tuple[str, ...] = ()
    headers: tuple[str, ...] = ()
    expose_headers: tuple[str, ...] = ()
    max_age_seconds: int | None = None
    credentials: bool = False


@dataclass(frozen=True)
class HttpApi:
    """The one HTTP API of the template."""

    stage: str
    routes: tuple[Route, ...]
    authorizers: Mapping[str, Authorizer]
    cors: Cors | None


@dataclass(frozen=True)
class Queue:
    """One SQS queue; `attributes` by SQS's names, as text; `dead_letter_id` is a logical id."""

    logical_id: str
    name: str
    attributes: Mapping[str, str]
    dead_letter_id: str | None
    max_receive_count: int | None

    @property
    def arn(self) -> str:
        """The ARN that AWS would give it."""
        return f"arn:aws:sqs:{REGION}:{ACCOUNT_ID}:{self.name}"

    @property
    def visibility_seconds(self) -> int:
        """For how long what was received stays hidden; SQS's own default is half a minute."""
        return int(self.attributes.get("VisibilityTimeout", 30))


@dataclass(frozen=True)
class EventSource:
    """Queue → function."""

    function_id: str
    queue_id: str
    batch_size: int
    partial_failures: bool
    concurrency: int


@dataclass(frozen=True)
class ScheduledCall:
    """Schedule → function, with the JSON text it is invoked with."""

    name: str
    function_id: str
    schedule: Schedule
    payload: str


@dataclass(frozen=True, kw_only=True)
class Template:
    """What the local stack needs of template.yaml, resolved. Keys of mappings are logical ids."""

    functions: Mapping[str, Function]
    api: HttpApi | None
    queues: Mapping[str, Queue]
    event_sources: tuple[EventSource, ...]
    schedules: tuple[ScheduledCall, ...]
    secret_names: Mapping[str, str]

    def with_visibility(self, seconds: Mapping[str, int]) -> "Template":
        """The same with other visibility time-outs, by the queues' logical ids.

        Raises:
            TemplateError: there is no such queue.
        """
        unknown = set(seconds) - set(self.queues)
        if unknown:
            raise TemplateError(f"the template has no queue {', '.join(sorted(unknown))}")
        changed = {
            name: replace(
                self.queues[name],
                attributes={**self.queues[name].attributes, "VisibilityTimeout": str(given)},
            )
            for name, given in seconds.items()
        }
        return replace(self, queues={**self.queues, **changed})
