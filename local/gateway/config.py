"""What the gateway's process is told, as one JSON file that only its owner reads."""

import dataclasses
import json
import os
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class GatewayConfig:
    """Everything the process needs; paths are text so that it is plain JSON.

    Attributes:
        control_port: None leaves the control endpoints out altogether.
        control_token: must come with each control request.
    """

    template: str
    aws_endpoint: str
    port: int
    log_dir: str
    home_dir: str
    python: str
    parameters: dict[str, str] = field(default_factory=dict)
    overrides: dict[str, str] = field(default_factory=dict)
    extra_environment: dict[str, str] = field(default_factory=dict)
    control_port: int | None = None
    control_token: str = ""
    built: bool = False
    snap_start: bool = False
    echo: bool = False
    schedules: bool = False
    event_sources: bool = True
    queue_wait_seconds: float = 10.0
    visibility_seconds: dict[str, int] = field(default_factory=dict)

    def save(self, path: Path) -> None:
        """Writes it with mode 0600."""
        path.unlink(missing_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            json.dump(dataclasses.asdict(self), file)

    @classmethod
    def load(cls, path: Path) -> "GatewayConfig":
        """Reads what `save` wrote."""
        return cls(**json.loads(path.read_text()))
