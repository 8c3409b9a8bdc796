"""The twins of Zep and Mem0 as processes, and a queue: what the delivery jobs talk to."""

import json
import sqlite3
import sys
import time
from pathlib import Path

import httpx

from local import processes
from tests.local_servers import LocalServer, QuietHandler

ROOT = Path(__file__).parents[3]
WITHIN_SECONDS = 20
ZEP_KEY = {"authorization": "Api-Key test-key"}
MEM0_KEY = {"authorization": "Token test-key"}


class Queue(LocalServer):
    """SQS as far as SendMessageBatch, over HTTP; what is sent lies in `bodies`."""

    def __init__(self) -> None:
        super().__init__(_TakeBatch)
        self.bodies: list[str] = []


class _TakeBatch(QuietHandler):
    server: Queue

    def do_POST(self) -> None:
        batch = json.loads(self.body())
        self.server.bodies += [entry["MessageBody"] for entry in batch["Entries"]]
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b'{"Successful": [], "Failed": []}')


class Twin:
    """A running twin, its address and its database."""

    def __init__(self, name: str, folder: Path, *options: str) -> None:
        self.name, port = name, processes.free_port()
        self.url = f"http://127.0.0.1:{port}"
        self.file = folder / name / f"{name}.sqlite3"
        command = [sys.executable, "-m", f"local.twins.{name}", "--port", str(port)]
        command += ["--data", str(folder / name), "--ingestion-ms", "30", *options]
        self._process = processes.spawn(command, log=folder / f"{name}.log", cwd=ROOT)
        deadline = time.monotonic() + WITHIN_SECONDS
        while not processes.answers(port):
            assert self._process.poll() is None
            assert time.monotonic() < deadline

    def stop(self) -> None:
        processes.stop(self._process)

    def fail_jobs(self, trigger: str) -> None:
        """Makes the twin's jobs fail, until `heal`."""
        with sqlite3.connect(self.file) as connection:
            connection.execute(f"create trigger failing after insert on {trigger}")
        connection.close()

    def heal(self) -> None:
        with sqlite3.connect(self.file) as connection:
            connection.execute("drop trigger failing")
        connection.close()

    def calls(self, method: str, ending: str) -> int:
        recorded = httpx.get(f"{self.url}/_twin/requests").json()["requests"]
        return sum(c["method"] == method and c["path"].endswith(ending) for c in recorded)
