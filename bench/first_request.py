"""Starts a function as Lambda's runtime does, sends it one event, and says what that cost.

Run as a program in a fresh process: `python -P first_request.py EVENT.json RESULT.json`, with the
function's environment. It imports nothing that the runtime client does not import itself, so that
nothing is paid in advance for the function.
"""

import importlib
import json
import os
import resource
import sys
import time

# Lambda has it loaded before the function; its cost is part of every figure alike.
import awslambdaric.bootstrap  # noqa: F401 - loaded, not used
from awslambdaric.lambda_context import LambdaContext

TIMEOUT_MS = 60_000


def main() -> None:
    """Writes `{"cpu_ms", "answer"}`: processor time of the whole process until the answer."""
    event_path, result_path = sys.argv[1:3]
    with open(event_path, encoding="utf-8") as file:  # noqa: PTH123 - pathlib is not preloaded
        event = json.load(file)
    module, _, name = os.environ["_HANDLER"].rpartition(".")
    handler = getattr(importlib.import_module(module), name)
    deadline_ms = int(time.time() * 1000) + TIMEOUT_MS
    arn = f"arn:aws:lambda:us-east-1:123456789012:function:{module}"
    answer = handler(event, LambdaContext("00000000", {}, {}, deadline_ms, arn))
    used = resource.getrusage(resource.RUSAGE_SELF)
    result = {"cpu_ms": (used.ru_utime + used.ru_stime) * 1000, "answer": answer}
    with open(result_path, "w", encoding="utf-8") as file:  # noqa: PTH123
        json.dump(result, file)


if __name__ == "__main__":
    main()
