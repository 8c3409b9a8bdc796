"""A whole local stack in which things can be made to fail, and the people in it."""

import secrets
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

import httpx

from chaos.ledger import Ledger
from chaos.plan import Plan
from chaos.stores import Stores
from local.faulty_wire import FaultyWire
from local.person import Person
from local.processes import LOOPBACK
from local.queues import AwsCall
from local.resources import ACCOUNT_ID
from local.stack import Stack, StackError

TWIN_OPTIONS: Final = {"zep": ("--idempotency-seconds", "1", "--requests-per-minute", "1300")}
"""Zep forgets an Idempotency-Key after a second, and allows a little more than our budget does:
processes that are killed take along what they hadn't told of their calls."""

_STARTING: Final = threading.Lock()
_STARTS: Final = 3
_SIGN_UPS_AT_ONCE: Final = 4
_SEEN: Final = ("", "Delayed")
_ALL: Final = (*_SEEN, "NotVisible")
_QUEUES: Final = ("DeliveryQueue", "DeliveryDeadLetterQueue")

# A lease that is over in the moment in which it is taken, and of which the next owner sees nothing,
# is none.
_NO_LEASES: Final = (
    """
    create function no_lease() returns trigger language plpgsql as $$
    begin
        new.lease_until := least(new.lease_until, now());
        if tg_op = 'UPDATE' and old.owner <> new.owner then
            new.unclear := false;
            new.unclear_since := null;
        end if;
        return new;
    end $$
    """,
    """
    create trigger no_leases before insert or update on delivery_leases
       for each row execute function no_lease()
    """,
)


@dataclass(frozen=True)
class World:
    """The stack as chaos sees it. `queue_wire` lies between the functions and SQS."""

    stack: Stack
    queue_wire: FaultyWire
    ledger: Ledger
    stores: Stores
    people: list[Person]

    @property
    def urls(self) -> dict[str, str]:
        """Where each provider's twin is."""
        stack = self.stack
        return {"zep": stack.zep_url, "mem0": stack.mem0_url, "gemini": stack.gemini_url}

    def queued(self) -> dict[str, int]:
        """How many messages each queue has, hidden ones among them."""
        return {name: _messages_in(self.stack, name, _ALL) for name in _QUEUES}

    def awaited(self) -> int:
        """How many wake-ups will be received at once or after their delay; hidden ones are not."""
        return _messages_in(self.stack, "DeliveryQueue", _SEEN)


@contextmanager
def world(plan: Plan) -> Iterator[World]:
    """A fresh stack with everybody logged in, for as long as the block lasts."""
    stacks: list[Stack] = []
    with ExitStack() as open_:
        wire = open_.enter_context(FaultyWire(lambda: urlsplit(stacks[-1].aws_url).port or 0))
        stack = _started(plan, wire, stacks)
        open_.callback(stack.stop)
        ledger = Ledger(stack.database_url)
        if not plan.leases:
            for statement in _NO_LEASES:
                ledger.rows(statement)
        with ThreadPoolExecutor(_SIGN_UPS_AT_ONCE) as at_once:
            people = list(at_once.map(lambda number: _person(stack, number), range(plan.people)))
        for person in people:
            open_.enter_context(person)
        yield World(stack, wire, ledger, Stores(stack.zep_url, stack.mem0_url), people)


def _started(plan: Plan, wire: FaultyWire, tried: list[Stack]) -> Stack:
    """A stack that runs; appended to `tried`. One starts at a time, and anew if need be: a port
    that was free when it was chosen may be taken when it is used."""
    while True:
        stack = Stack(
            schedules=plan.sweep,
            twin_options=TWIN_OPTIONS,
            extra_environment={
                "AWS_ENDPOINT_URL_SQS": f"http://{LOOPBACK}:{wire.port}",
                **{name: setting.here for name, setting in plan.settings.items()},
            },
        )
        tried.append(stack)
        try:
            with _STARTING:
                return stack.__enter__()
        except StackError:
            if len(tried) == _STARTS:
                raise


def _person(stack: Stack, number: int) -> Person:
    person = Person(
        stack.url, email=f"person-{number}@example.test", password=secrets.token_urlsafe(12)
    )
    person.sign_up()
    person.log_in()
    return person


def _messages_in(stack: Stack, queue_id: str, states: Sequence[str]) -> int:
    url = f"{stack.aws_url}/{ACCOUNT_ID}/{stack.template.queues[queue_id].name}"
    body: dict[str, Any] = {"QueueUrl": url, "AttributeNames": ["All"]}
    call = AwsCall(stack.aws_url).build("sqs", "GetQueueAttributes", body)
    with httpx.Client(trust_env=False, timeout=10) as client:
        found = client.send(call).raise_for_status().json()["Attributes"]
    return sum(int(found[f"ApproximateNumberOfMessages{state}"]) for state in states)
