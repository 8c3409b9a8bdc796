"""A whole stack with wires that can be broken, and people who talk to it."""

import json
import secrets
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from typing import Any, Final
from urllib.parse import urlsplit

import httpx
import pg8000.native

from faults.endpoints import SESSION
from local.faulty_wire import FaultyWire
from local.person import Person
from local.processes import LOOPBACK
from local.queues import AwsCall
from local.stack import Stack

TWINS: Final = ("zep", "mem0", "gemini")
FACTS: Final = ("I live in Delhi and like chess.", "My dog's name is Bruno.")

CHANGED: Final[Mapping[str, str]] = {
    "TURNS_PER_MINUTE": "100000",
    "DELIVERY_LEASE_SECONDS": "8",
    "DELIVERY_CALL_SECONDS": "2",
    "INGESTION_POLL_SECONDS": "0.2",
    "SWEEP_PATIENCE_SECONDS": "1",
}
"""Settings that are not as in production: people speak faster, and what a fault left behind is
delivered after seconds. The limits that a person waits by are all as they are."""


class World:
    """The stack, the wires before its services, and the twins' controls.

    Attributes:
        wires: by service; `sqs` and `postgresql` beside those of `TWINS`.
        http: for calls to the twins.
    """

    def __init__(self, stack: Stack, wires: Mapping[str, FaultyWire]) -> None:
        self.stack = stack
        self.wires = wires
        self.http = httpx.Client(timeout=30, trust_env=False)

    def close(self) -> None:
        """Ends the connections."""
        self.http.close()

    # ------------------------------------------------------------------ twins

    def twin(self, name: str, method: str, path: str, body: Any = None) -> Any:
        """One call to a twin's controls."""
        url = f"{_address(self.stack, name)}/_twin/{path}"
        answer = self.http.request(method, url, content=json.dumps(body))
        return answer.raise_for_status().json()

    def calls(self, name: str) -> list[Any]:
        """What a twin has been asked since its records were last forgotten."""
        return list(self.twin(name, "GET", "requests")["requests"])

    def forget_calls(self) -> None:
        """Empties the twins' records."""
        for name in TWINS:
            self.twin(name, "DELETE", "requests")

    # ------------------------------------------------------------------ the database

    @contextmanager
    def database(self) -> Iterator[pg8000.native.Connection]:
        """A connection to the stack's database, past the wire."""
        connection = self.connect()
        try:
            yield connection
        finally:
            with suppress(pg8000.native.Error, OSError):
                connection.close()

    def connect(self) -> pg8000.native.Connection:
        """The same, to be closed by the caller."""
        login = urlsplit(self.stack.database_url)
        return pg8000.native.Connection(
            login.username or "",
            password=login.password,
            host=LOOPBACK,
            port=login.port or 0,
            database=login.path[1:],
            ssl_context=False,
        )

    # ------------------------------------------------------------------ people

    def newcomer(self) -> Person:
        """Somebody who has just signed up and logged in; the caller closes their connection."""
        name = secrets.token_hex(8)
        person = Person(self.stack.url, email=f"{name}@example.test", password=f"pass-{name}")
        person.sign_up()
        person.log_in()
        return person

    def acquaintance(self) -> Person:
        """Somebody whom both stores know from a session called `home`."""
        person = self.newcomer()
        person.until_learned([person.chat(SESSION, fact)["turn_id"] for fact in FACTS])
        person.memory()  # links what both stores say
        return person

    # ------------------------------------------------------------------ what is left to do

    def sweep(self) -> None:
        """Has the sweep look for what was left behind."""
        self.stack.invoke("SweepFunction", {})

    def owed(self) -> list[str]:
        """What is not done: turns that are open and deliveries, in words."""
        with self.database() as connection:
            rows = connection.run(
                "select 'a turn open until ' || lease_until from turns where state = 'open'"
                " union all"
                " select d.store || ': ' || d.state || ', not before '"
                " || coalesce(l.not_before, '-infinity')"
                " from deliveries d left join delivery_leases l using (session_row, store)"
                " where d.state in ('owed', 'sent')"
            )
        return [str(text) for (text,) in rows]


@contextmanager
def world(**options: Any) -> Iterator[World]:
    """A stack in which every service lies behind a wire. Takes the options of `Stack`."""
    ports: dict[str, int] = {}
    environment = {**CHANGED, **options.pop("extra_environment", {})}
    overrides = dict(options.pop("overrides", {}))
    with ExitStack() as open_:
        wires = {
            name: open_.enter_context(FaultyWire(partial(ports.__getitem__, name)))
            for name in (*TWINS, "sqs", "postgresql")
        }
        url = {name: f"http://{LOOPBACK}:{wire.port}" for name, wire in wires.items()}
        overrides = {
            "ZEP_BASE_URL": url["zep"],
            "MEM0_API_URL": url["mem0"],
            "GEMINI_BASE_URL": url["gemini"],
        } | overrides
        environment["AWS_ENDPOINT_URL_SQS"] = url["sqs"]
        stack = open_.enter_context(
            Stack(overrides=overrides, extra_environment=environment, **options)
        )
        ports.update({name: _port(_address(stack, name)) for name in TWINS})
        ports.update(sqs=_port(stack.aws_url), postgresql=_port(stack.database_url))
        _put_database_behind(stack, wires["postgresql"])
        made = World(stack, wires)
        open_.callback(made.close)
        yield made


def _address(stack: Stack, name: str) -> str:
    return {"zep": stack.zep_url, "mem0": stack.mem0_url, "gemini": stack.gemini_url}[name]


def _port(url: str) -> int:
    return int(urlsplit(url).port or 0)


def _put_database_behind(stack: Stack, wire: FaultyWire) -> None:
    """From here on, functions that start reach PostgreSQL through the wire."""
    [name] = stack.template.secret_names.values()
    call = AwsCall(stack.aws_url)
    with httpx.Client(trust_env=False, timeout=10) as client:

        def send(operation: str, **body: str) -> Any:
            request = call.build("secretsmanager", operation, body)
            return client.send(request).raise_for_status().json()

        secret = json.loads(send("GetSecretValue", SecretId=name)["SecretString"])
        login = urlsplit(secret["DATABASE_URL"])
        address = f"{login.username}:{login.password}@{LOOPBACK}:{wire.port}"
        secret["DATABASE_URL"] = login._replace(netloc=address).geturl()
        send("PutSecretValue", SecretId=name, SecretString=json.dumps(secret))
