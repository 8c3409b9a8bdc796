"""How a stack is put together."""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from local.settings import Ports, RealServices

TWINS = ("zep", "mem0", "gemini")


class StackError(Exception):
    """A part did not start; the text says which, and where its output is."""


@dataclass(frozen=True, kw_only=True)
class StackOptions:
    """How a stack is put together.

    Attributes:
        code: run the source tree, or what `sam build` made of it.
        template: another template than the one of `code`.
        parameters: override the template's parameters.
        data_dir: keeps everything there; None takes a temporary folder and removes it.
        ports: fixed ones where a number is given.
        overrides: replace variables that the template declares.
        extra_environment: added to every function.
        secret: replaces entries of the secret.
        twins: which of `TWINS` to start (a real service needs none).
        latency_ms: per twin, added to each of its answers.
        ingestion_ms: how long Zep's and Mem0's twins take to learn from what they were sent.
        twin_options: per twin, more of its options, as `--help` of it names them.
        schedules: whether schedules fire; jobs can be invoked by hand either way.
        event_sources: whether queues feed their functions.
        function_python: interpreter of the functions; must have awslambdaric and boto3.
        snap_start: run restore hooks.
        echo: function output on the terminal too.
        queue_wait_seconds: how long a call waits for a free instance.
        max_connections: PostgreSQL's.
        visibility_seconds: in place of the template's visibility time-outs, by logical id.
        migrate: invoke the template's MigrateFunction, if it has one.
        real: real services; leave empty unless a person asked for them.
    """

    code: Literal["source", "built"] = "source"
    template: Path | None = None
    parameters: Mapping[str, str] = field(default_factory=dict)
    data_dir: Path | None = None
    ports: Ports = field(default_factory=Ports)
    overrides: Mapping[str, str] = field(default_factory=dict)
    extra_environment: Mapping[str, str] = field(default_factory=dict)
    secret: Mapping[str, str] = field(default_factory=dict)
    twins: tuple[str, ...] = TWINS
    latency_ms: Mapping[str, int] = field(default_factory=dict)
    ingestion_ms: int | None = None
    twin_options: Mapping[str, Sequence[str]] = field(default_factory=dict)
    schedules: bool = False
    event_sources: bool = True
    function_python: Path = field(default_factory=lambda: Path(sys.executable))
    snap_start: bool = False
    echo: bool = False
    queue_wait_seconds: float = 10.0
    max_connections: int = 60
    visibility_seconds: Mapping[str, int] = field(default_factory=dict)
    migrate: bool = True
    real: RealServices = field(default_factory=RealServices)
