"""How the memory function starts: in a process of its own, as a container does."""

from tests.own_process import run_python

SETTINGS = {
    "STAGE": "test",
    "ZEP_BASE_URL": "http://127.0.0.1:9",
    "MEM0_API_URL": "http://127.0.0.1:9",
    "GEMINI_BASE_URL": "http://127.0.0.1:9",
    "DELIVERY_QUEUE_URL": "http://127.0.0.1:9/queue",
    "CONSOLIDATION_QUEUE_URL": "http://127.0.0.1:9/queue",
    "AWS_REGION": "us-east-1",
    "AWS_ACCESS_KEY_ID": "test-key",
    "AWS_SECRET_ACCESS_KEY": "test-key",
    "POWERTOOLS_METRICS_NAMESPACE": "Tandem",
    "SECRET_ARN": "arn:test",
}


def test_whoever_looks_at_their_memory_waits_for_nothing_that_changes_it() -> None:
    code = """
import socket, sys
def refuse(*_): raise AssertionError("connected at import")
socket.create_connection = socket.socket.connect = refuse
import memory_api.app
print(*sys.modules)
"""
    started = run_python(
        code, "layers/common", "functions/memory", environment=SETTINGS, measured=True
    )

    assert started.returncode == 0, started.stderr
    modules = set(started.stdout.split())
    assert {"memory_api.changing.routes", "memory_api.consolidation.routes"} <= modules
    assert not modules & {
        "memory_api.changing.service",
        "memory_api.consolidation.service",
        "tandem.changes.path",
        "tandem.changes.ready",
        "google.genai",
        "boto3",
    }
