"""What the stories of the hybrid memory share: the judge, the schedule, and what is where."""

import json
from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any
from uuid import UUID

import httpx

from local.person import Person, until
from local.queues import AwsCall
from local.stack import Stack
from tests.e2e.harness import claims_of, database_of, mem0, name_at_stores, token_of, zep


def judged_by(stack: Stack, labels: Iterable[tuple[str, str, str]]) -> None:
    """From now on pairs are judged by these labels, (a, b, relation); others are distinct."""
    pairs = [{"a": a, "b": b, "relation": relation} for a, b, relation in labels]
    _gemini(stack, "judge", {"mode": "labels", "pairs": pairs, "otherwise": "distinct"})


def means_the_same(stack: Stack, groups: Sequence[Sequence[str]]) -> None:
    """From now on embeddings put the texts of a group in the same place."""
    _gemini(stack, "meanings", {"groups": [list(group) for group in groups]})


def _gemini(stack: Stack, name: str, body: Any) -> None:
    url = f"{stack.gemini_url}/_twin/{name}"
    httpx.post(url, json=body, trust_env=False).raise_for_status()


def remember(person: Person, statement: str, **more: str) -> str:
    """Gives a statement outside a chat and waits until it is learned; returns its turn."""
    body = {"statement": statement, **more}
    made = person.call("POST", "/api/memory", status=201, json=body)
    turn_id = str(made["source"][0]["turn_id"])
    person.until_learned([turn_id])
    return turn_id


def tidy(person: Person) -> Any:
    """One consolidation by request, waited for."""
    answer = person.call("POST", "/api/memory/consolidate", json={})
    if answer["status"] == "running":
        path = f"/api/memory/consolidations/{answer['run_id']}"
        until(partial(_is_over, person, path), "the run is over")
        answer = person.call("GET", path)
    assert answer["status"] == "done", answer
    return answer


def _is_over(person: Person, path: str) -> bool:
    return bool(person.call("GET", path)["status"] != "running")


def scheduled_day(stack: Stack) -> None:
    """What the schedule does on one day: plan, queue, job. Returns once all of it is over."""
    stack.invoke("PlanFunction", {})
    until(partial(is_quiet, stack), "the consolidate job has nothing left to do")


def is_quiet(stack: Stack) -> bool:
    """Nobody's memory is being tidied, and nobody waits for it."""
    with database_of(stack) as connection:
        [[running]] = connection.run("select count(*) from runs where state = 'running'")
    return bool(running == 0 and _waiting(stack, "ConsolidationQueue") == 0)


def _waiting(stack: Stack, queue_id: str) -> int:
    """How many messages are in a queue, those that are being worked on among them."""
    queue, call = stack.template.queues[queue_id], AwsCall(stack.aws_url)
    with httpx.Client(trust_env=False, timeout=10) as client:

        def send(operation: str, **body: Any) -> Any:
            return client.send(call.build("sqs", operation, body)).raise_for_status().json()

        url = send("GetQueueUrl", QueueName=queue.name)["QueueUrl"]
        found = send("GetQueueAttributes", QueueUrl=url, AttributeNames=["All"])["Attributes"]
    names = ("ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible")
    return sum(int(found[name]) for name in names)


def listed(stack: Stack, person: Person) -> list[str]:
    """Texts of the memories that Mem0 lists."""
    body = {"filters": {"user_id": name_at_stores(person)}}
    answer = mem0(stack, "POST", "/v3/memories/?page=1&page_size=200", json=body)
    return [memory["memory"] for memory in answer["results"]]


def facts(stack: Stack, person: Person) -> list[dict[str, Any]]:
    """All facts of somebody's graph, those that have ended too."""
    name = name_at_stores(person)
    graph = zep(stack, "POST", "/users/lookup", json={"user_id": name})["graph_uuid"]
    path = f"/graphs/{graph}/edges/list?page_size=100"
    found: list[dict[str, Any]] = zep(stack, "POST", path, json={})["items"]
    return found


def holding(stack: Stack, person: Person) -> list[str]:
    """The facts that hold."""
    return [
        fact["fact"]
        for fact in facts(stack, person)
        if not (fact.get("invalid_at") or fact.get("expired_at"))
    ]


def everything_journalled(stack: Stack, person: Person) -> str:
    """All rows about somebody in the tables of changes of memory, as text."""
    tables = ("changes", "decisions", "hidden_memories", "conflicts", "links", "proposals")
    with database_of(stack) as connection:
        rows = [
            connection.run(
                f"select to_jsonb(t) from {table} t where t.account_id = :sub",  # noqa: S608
                sub=UUID(claims_of(token_of(person))["sub"]),
            )
            for table in tables
        ]
    return json.dumps(rows, default=str)
