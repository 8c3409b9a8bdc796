"""The environment of a function's process: Lambda's variables, the template's, and no others."""

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from local.processes import coverage_environment
from local.resources import REGION, Function
from local.runtime.credentials import RuntimeAddress, credential_variables


@dataclass(frozen=True, kw_only=True)
class RuntimeOptions:
    """How function processes are started.

    Attributes:
        log_dir: one file per function, appended to.
        home_dir: an empty folder, so that no file of the person's home is read.
        python: interpreter that has awslambdaric.
        built: artifacts of `sam build` run, which must stay as they are (no bytecode written).
        snap_start: functions with SnapStart run their hooks, as when restored from a snapshot.
        overrides: replace variables that the template declares for a function; others are ignored.
        extra_environment: added to every function.
        echo: copy the output to the terminal too.
        queue_wait_seconds: how long a call waits for a free instance before it is throttled;
            while instances start, it waits on.
        parallel_starts: how many processes start at once; Lambda has more cores than this machine.
    """

    log_dir: Path
    home_dir: Path
    python: Path = field(default_factory=lambda: Path(sys.executable))
    built: bool = False
    snap_start: bool = False
    overrides: Mapping[str, str] = field(default_factory=dict)
    extra_environment: Mapping[str, str] = field(default_factory=dict)
    echo: bool = False
    queue_wait_seconds: float = 10.0
    parallel_starts: int = field(default_factory=lambda: 2 * (os.cpu_count() or 1))


def function_environment(
    function: Function, options: RuntimeOptions, *, address: RuntimeAddress, instance: int
) -> dict[str, str]:
    """The whole environment of one instance; nothing is inherited but coverage's own variables.

    Source for the names: AWS Lambda Developer Guide, "Defined runtime environment variables".
    """
    declared = {
        name: options.overrides.get(name, value) for name, value in function.environment.items()
    }
    restored = options.snap_start and function.snap_start
    return {
        **coverage_environment(),
        "PATH": f"{options.python.parent}:/usr/local/bin:/usr/bin:/bin",
        "LANG": "C.UTF-8",
        "TZ": ":UTC",
        "HOME": str(options.home_dir),
        "PYTHONPATH": ":".join(str(path) for path in function.python_path),
        "PYTHONNOUSERSITE": "1",
        **({"PYTHONDONTWRITEBYTECODE": "1"} if options.built else {}),
        # Neither a profile of the person nor the metadata address of a cloud machine.
        "AWS_CONFIG_FILE": "/dev/null",
        "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
        "AWS_EC2_METADATA_DISABLED": "true",
        **credential_variables(address, snap_start=function.snap_start),
        **declared,
        **options.extra_environment,
        "_HANDLER": function.handler,
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        # From python3.12 on it makes the runtime client poll in a thread, so SIGTERM is heard.
        "AWS_EXECUTION_ENV": "AWS_Lambda_python3.13",
        "AWS_LAMBDA_FUNCTION_NAME": function.logical_id,
        "AWS_LAMBDA_FUNCTION_VERSION": function.version,
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(function.memory_mb),
        "AWS_LAMBDA_INITIALIZATION_TYPE": "snap-start" if restored else "on-demand",
        "AWS_LAMBDA_LOG_FORMAT": function.log_format,
        "AWS_LAMBDA_LOG_GROUP_NAME": f"/aws/lambda/{function.logical_id}",
        "AWS_LAMBDA_LOG_STREAM_NAME": f"local/[{function.version}]{instance}",
        "AWS_LAMBDA_RUNTIME_API": address.authority,
        "LAMBDA_TASK_ROOT": str(function.code_dir),
    }
