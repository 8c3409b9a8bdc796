"""The stack as it is shipped, and what several measurements do with it."""

import json
from typing import Any
from urllib.parse import urlsplit

import boto3

from bench.wire import Wire
from local.person import Person
from local.processes import LOOPBACK
from local.resources import REGION
from local.runtime.credentials import TEST_CREDENTIALS
from local.stack import ROOT, Stack

RUNTIME_PYTHON = ROOT / ".tools" / "runtime" / "bin" / "python"
"""Has what Lambda's runtime has, and no more."""

PASSWORD = "bench-password-1"  # noqa: S105 - of accounts that live as long as the measurement

# A measurement talks faster than any person.
_UNHURRIED = {"TURNS_PER_MINUTE": "100000", "INGESTION_POLL_SECONDS": "0.2"}


def shipped_stack(**options: Any) -> Stack:
    """A stack that runs `.aws-sam/build` as Lambda would. Takes the options of `Stack`."""
    environment = _UNHURRIED | options.pop("extra_environment", {})
    return Stack(
        code="built", function_python=RUNTIME_PYTHON, extra_environment=environment, **options
    )


def person_at(stack: Stack, email: str) -> Person:
    """Somebody who has just signed up and logged in."""
    person = Person(stack.url, email=email, password=PASSWORD)
    person.sign_up()
    person.log_in()
    return person


def teach(person: Person, session_id: str, *messages: str) -> None:
    """Says something and waits until both stores have learned it."""
    person.until_learned([person.chat(session_id, message)["turn_id"] for message in messages])


def database_behind(stack: Stack, wire: Wire) -> None:
    """From here on, functions that start reach PostgreSQL through the wire."""
    client = boto3.client(
        "secretsmanager",
        endpoint_url=stack.aws_url,
        region_name=REGION,
        aws_access_key_id=TEST_CREDENTIALS["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=TEST_CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
    )
    [name] = stack.template.secret_names.values()
    secret = json.loads(client.get_secret_value(SecretId=name)["SecretString"])
    login = urlsplit(secret["DATABASE_URL"])
    address = f"{login.username}:{login.password}@{LOOPBACK}:{wire.port}"
    secret["DATABASE_URL"] = login._replace(netloc=address).geturl()
    client.put_secret_value(SecretId=name, SecretString=json.dumps(secret))
