"""Nothing that a person or an operator fills in gets into outputs, logs, metrics or errors."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import jwt
import pytest

from local.person import Person, until
from local.stack import Stack
from tests.e2e.canaries import Canaries, outputs_of, shown_by
from tests.e2e.development import copy_tree
from tests.e2e.harness import (
    IMPATIENT,
    age_refresh_tokens,
    change_secret,
    claims_of,
    database_of,
    kill_instances,
    log_of,
    send_message,
    token_of,
    until_caught_up,
)

pytestmark = pytest.mark.e2e

JSON = {"content-type": "application/json"}


class Flight:
    """One life of a stack in which every field holds a canary.

    Attributes:
        errors: everything that any answer of 400 or above has shown.
    """

    def __init__(self, stack: Stack, canaries: Canaries) -> None:
        self.stack, self.canaries = stack, canaries
        self.errors: list[str] = []
        new = canaries.new
        self.person = Person(
            stack.url, email=f"{new('email')}@example.test", password=new("password")
        )
        self.session_id = new("sessionid")
        self.person.http.event_hooks["response"].append(self._note)

    def _note(self, answer: httpx.Response) -> None:
        if answer.status_code >= 400:
            answer.read()
            self.errors.append(shown_by(answer))

    def ask(self, method: str, path: str, **request: Any) -> httpx.Response:
        return self.person.http.request(method, path, **request)

    def chat(self, **body: str) -> httpx.Response:
        filled = {"session_id": self.session_id, "message": f"I like {self.canaries.new('said')}."}
        headers = {"idempotency-key": self.canaries.new("key")}
        return self.ask("POST", "/api/chat", json=filled | body, headers=headers)

    def plan(self, **answer: Any) -> None:
        """The model's next answer."""
        httpx.post(f"{self.stack.gemini_url}/_twin/next", json=answer, trust_env=False)


@pytest.fixture(scope="module")
def flight() -> Iterator[Flight]:
    """A stack whose secrets are canaries too, after everything below has happened in it."""
    canaries = Canaries()
    secret = {name: canaries.new(name.lower().replace("_", ""), characters=64) for name in _KEYS}
    with Stack(extra_environment=IMPATIENT, secret=secret) as stack:
        _give_database_a_password(stack, canaries.new("databasepassword"))
        flown = Flight(stack, canaries)
        _what_works(flown)
        _what_is_tidied(flown)
        _what_asks_for_keys(flown)
        _what_is_refused(flown)
        _what_no_login_has(flown)
        _what_the_model_does_wrong(flown)
        _what_breaks_in_the_database(flown)
        _what_goes_away(flown)
        stack.invoke("SweepFunction", {})
        _what_asks_for_keys(flown)
        yield flown
        flown.person.http.close()


_KEYS = ("SECRET_KEY", "GEMINI_API_KEY", "ZEP_API_KEY", "MEM0_API_KEY")


def _give_database_a_password(stack: Stack, password: str) -> None:
    with database_of(stack) as connection:
        connection.run(f"alter role app password '{password}'")
    head, _, address = stack.database_url.rpartition("@")
    stack.database_url = f"{head.rpartition(':')[0]}:{password}@{address}"
    change_secret(stack, DATABASE_URL=stack.database_url)
    kill_instances(stack, "MigrateFunction")
    stack.invoke("MigrateFunction", {})


def _what_works(flight: Flight) -> None:
    person, new = flight.person, flight.canaries.new
    person.sign_up(user_id=new("userid"), first_name=new("firstname"), last_name=new("lastname"))
    person.log_in()
    flight.canaries.known("accesstoken", token_of(person).split(".")[2])
    flight.canaries.known("refreshtoken", person.refresh_token)
    body = {"session_id": flight.session_id, "title": new("title")}
    person.call("POST", "/api/session/start", status=201, json=body)
    flight.plan(kind="text", text=f"Noted: {new('reply')}.")
    answers = [flight.chat(), flight.chat(message=f"My dog's name is C{new('petname')}")]
    answers.append(flight.chat(message=f"Do I like {new('question')}?"))
    assert [answer.status_code for answer in answers] == [200, 200, 200]
    person.until_learned([answer.json()["turn_id"] for answer in answers])
    assert len(person.history(flight.session_id, limit=2)) == 6
    page = person.call("GET", "/api/history", params={"session_id": flight.session_id, "limit": 1})
    flight.canaries.known("cursor", page["next_cursor"])
    assert person.memory(session_id=flight.session_id, include_superseded="true")["facts"]
    person.search(f"Do I like {new('query')}?")
    assert flight.canaries.found_in(json.dumps(person.history(flight.session_id, limit=7)))
    used = person.refresh_token
    renewed = person.call("POST", "/api/auth/refresh", json={"refresh_token": used})
    person.refresh_token = flight.canaries.known("refreshtoken", renewed["refresh_token"])
    age_refresh_tokens(flight.stack)
    assert flight.ask("POST", "/api/auth/refresh", json={"refresh_token": used}).status_code == 401
    person.log_in()
    flight.canaries.known("accesstoken", token_of(person).split(".")[2])
    flight.canaries.known("refreshtoken", person.refresh_token)


def _what_is_tidied(flight: Flight) -> None:
    """By the schedule; and a message that nobody can read."""
    body = f'{{"account": "{flight.canaries.new("message")}"}}'
    send_message(flight.stack, "ConsolidationQueue", body)
    assert flight.stack.invoke("PlanFunction", {})["people"] == 1
    until(partial(_is_tidied, flight.stack), "the person's memory is tidied")
    output = partial(log_of, flight.stack, "ConsolidateFunction")
    until(lambda: "message_unreadable" in output(), "the message was seen")


def _is_tidied(stack: Stack) -> bool:
    with database_of(stack) as connection:
        return bool(connection.run("select exists (select from runs where state = 'done')")[0][0])


def _what_asks_for_keys(flight: Flight) -> None:
    """The token of each function's process, which its role's keys are handed out for."""
    name = "AWS_CONTAINER_AUTHORIZATION_TOKEN="
    processes = {one: pid for one, pid in flight.stack.pids.items() if "Function." in one}
    assert len(processes) > 3
    for pid in processes.values():
        entries = Path(f"/proc/{pid}/environ").read_text().split("\0")
        [token] = [entry.removeprefix(name) for entry in entries if entry.startswith(name)]
        flight.canaries.known("roletoken", token)


def _what_is_refused(flight: Flight) -> None:
    new, ask = flight.canaries.new, flight.ask
    for path in ("/api/auth/signup", "/api/auth/login", "/api/auth/refresh", "/api/session/start"):
        _bad_bodies(flight, path)
    for path in ("/api/chat", "/api/memory/search"):
        _bad_bodies(flight, path)
    other = {"user_id": new("userid"), "session_id": new("sessionid")}
    for path in ("/api/history", "/api/memory", "/api/session", "/api/auth/me"):
        ask("GET", path, params={new("parameter"): new("value")})
        ask("GET", path, params=other)
        ask("GET", path, params={"session_id": flight.session_id, "cursor": new("cursor")})
        ask("GET", path, params={"session_id": f"{new('sessionid')} and more"})
        ask("GET", path, params={"as_of": new("asof"), "limit": new("limit")})
    for label in (new("sessionid"), f"{new('sessionid')}%20x", f"{new('sessionid')}%00"):
        ask("GET", f"/api/session/{label}")
        ask("DELETE", f"/api/session/{label}")
        ask("GET", f"/api/chat/{label}")
    ask("GET", f"/{new('path')}/{new('path')}")
    ask(new("METHOD").upper(), "/api/chat")
    ask("POST", "/api/chat", json={"message": "a"}, headers={"idempotency-key": f"a {new('key')}"})
    ask("POST", "/api/chat", json=other | {"message": new("said")})
    body = {"email": flight.person.email, "password": new("password")}
    assert ask("POST", "/api/auth/login", json=body).status_code == 401
    assert ask("POST", "/api/auth/signup", json=body).status_code == 409


def _bad_bodies(flight: Flight, path: str) -> None:
    new, post = flight.canaries.new, flight.person.http.post
    fields = ("email", "password", "user_id", "session_id", "title", "message", "query", "scope")
    bodies: list[Any] = [
        {new("name"): new("value")},
        {field: [new("wrongtype")] for field in fields},
        {field: f"{new('nul')}\0" for field in fields},
        {field: new("toolong") * 300 for field in fields},
        [new("listed")],
        new("text"),
    ]
    kinds = [{"content-type": new("contenttype")}, {"user-agent": new("agent"), **JSON}]
    contents = [json.dumps(body).encode() for body in bodies]
    contents.append(f'{{"email": "{new("malformed")}", '.encode())
    contents.append(f'{{"message": "\\ud800{new("surrogate")}"}}'.encode())
    contents.append(b"\xff\xfe" + new("binary").encode())
    for content in contents:
        for kind in (JSON, *kinds):
            assert post(path, content=content, headers=kind).status_code in range(400, 500)


def _what_no_login_has(flight: Flight) -> None:
    """Tokens that are no good, signed with the right key and with others."""
    new = flight.canaries.new
    good = claims_of(token_of(flight.person))
    key = change_secret(flight.stack)["SECRET_KEY"]
    tokens = [
        new("token"),
        f"{new('token')}.{new('token')}.{new('token')}",
        jwt.encode(good | {"sub": new("sub")}, key, algorithm="HS256"),
        jwt.encode(good | {"sid": new("sid")}, key, algorithm="HS256"),
        jwt.encode(good | {"aud": new("audience")}, key, algorithm="HS256"),
        jwt.encode(
            good | {"typ": new("type")}, key, algorithm="HS256", headers={"kid": new("kid")}
        ),
        jwt.encode(good, "k" * 64, algorithm="HS256"),
    ]
    for token in tokens:
        flight.canaries.known("token", token)
        for scheme in ("Bearer", new("scheme")):
            answer = flight.ask(
                "GET", "/api/session", headers={"authorization": f"{scheme} {token}"}
            )
            assert answer.status_code == 401, answer.text


def _what_the_model_does_wrong(flight: Flight) -> None:
    new = flight.canaries.new
    for status in (400, 429, 503):
        flight.plan(kind="status", status=status, message=new("providererror"), times=9)
        assert flight.chat().status_code in {503, 504}
        httpx.post(f"{flight.stack.gemini_url}/_twin/reset", trust_env=False)
    for kind in ("max_tokens", "safety", "blocked", "empty", "no_text", "malformed"):
        flight.plan(kind=kind, text=new("cutreply"), times=9)
        flight.chat()
        httpx.post(f"{flight.stack.gemini_url}/_twin/reset", trust_env=False)
    flight.plan(kind="function_call", name=new("tool"), args={new("argument"): new("value")})
    flight.chat(message=f"Where did I leave {new('asked')}?")
    flight.plan(kind="function_call", name="search_facts", args={new("argument"): new("value")})
    flight.chat(message=f"What is my {new('asked')}?")


def _what_breaks_in_the_database(flight: Flight) -> None:
    """PostgreSQL would quote the whole row that it refuses, in its log and to its client."""
    new = flight.canaries.new
    signup = {"email": f"{new('email')}@example.test", "password": new("password")}
    for table, method, path, body in (
        ("turns", "POST", "/api/chat", {"message": new("said")}),
        ("accounts", "POST", "/api/auth/signup", signup | {"first_name": new("firstname")}),
        ("sessions", "POST", "/api/session/start", {"title": new("title")}),
    ):
        with database_of(flight.stack) as connection:
            connection.run(f"alter table {table} add constraint planted check (false) not valid")
            answer = flight.ask(method, path, json=body)
            connection.run(f"alter table {table} drop constraint planted")
        assert answer.status_code == 500, answer.text
        assert answer.json()["code"] == "internal_error"


def _what_goes_away(flight: Flight) -> None:
    stack, new = flight.stack, flight.canaries.new
    for twin in ("zep", "mem0"):
        stack.kill(twin)
    assert flight.chat().status_code == 200
    assert flight.ask("GET", "/api/memory").status_code == 200
    flight.ask("GET", "/api/history", params={"session_id": flight.session_id})
    for twin in ("zep", "mem0"):
        stack.restart(twin)
    _crash_in_the_middle(flight)
    stack.kill("postgres")
    assert flight.chat().status_code == 503
    flight.ask("POST", "/api/auth/login", json={"email": "a@b.test", "password": new("password")})
    stack.restart("postgres")
    stack.kill("aws")
    assert flight.chat().status_code in {200, 503}  # after the database's return
    stack.restart("aws")
    until(lambda: flight.chat().status_code == 200, "chat is back")
    until_caught_up(stack, flight.person, [flight.session_id])
    change_secret(stack, DATABASE_URL=f"mysql://{new('user')}:{new('password')}@127.0.0.1/x")
    kill_instances(stack, "HistoryFunction")
    assert flight.ask("GET", "/api/session").status_code == 503


def _crash_in_the_middle(flight: Flight) -> None:
    flight.plan(kind="normal", milliseconds=3_000)
    with ThreadPoolExecutor(1) as side:
        answer = side.submit(flight.chat)
        until(lambda: _turn_is_open(flight.stack), "a turn is open")
        kill_instances(flight.stack, "ChatFunction")
        assert answer.result().status_code == 500


def _turn_is_open(stack: Stack) -> bool:
    with database_of(stack) as connection:
        return bool(
            connection.run("select 1 from turns where lease_until > now() and state = 'open'")
        )


# ------------------------------------------------------------------ the proof


def test_no_canary_is_in_any_process_output_nor_in_postgresqls_log(flight: Flight) -> None:
    outputs = outputs_of(flight.stack)
    processes = {name.partition(".")[0] for name in flight.stack.pids}
    assert processes <= outputs.keys()
    for name in ("AuthFunction", "ChatFunction", "HistoryFunction", "MemoryFunction", "postgres"):
        assert outputs[name], name
    assert len(flight.canaries) > 100
    leaks = {name: flight.canaries.found_in(text) for name, text in outputs.items()}
    assert {name: fields for name, fields in leaks.items() if fields} == {}


def test_no_canary_is_in_any_error_that_a_client_got(flight: Flight) -> None:
    """Without exception: no field of an error repeats what was sent."""
    assert len(flight.errors) > 100
    leaks = [(error, flight.canaries.found_in(error)) for error in flight.errors]
    assert [leak for leak in leaks if leak[1]] == []
    assert not any("Traceback" in error or "psycopg" in error for error in flight.errors)


def test_metrics_are_written_and_have_no_canary(flight: Flight) -> None:
    lines = [
        line
        for name, text in outputs_of(flight.stack).items()
        if name.endswith("Function")
        for line in text.splitlines()
        if '"_aws"' in line
    ]
    assert any("TurnsAnswered" in line for line in lines)
    assert flight.canaries.found_in("\n".join(lines)) == set()


def test_lines_of_the_log_are_json_and_name_accounts_by_their_uuid(flight: Flight) -> None:
    output = outputs_of(flight.stack)["ChatFunction"]
    lines = [json.loads(line) for line in output.splitlines() if line.startswith("{")]
    sub = claims_of(token_of(flight.person))["sub"]
    assert any(line.get("account_id") == sub for line in lines)
    assert any(line.get("status") == 500 and line["level"] == "ERROR" for line in lines)


# ------------------------------------------------------------------ the proof of the proof


LEAKS = [
    (
        "functions/auth/auth_api/service.py",
        "        observability.note(account_id=new.id)\n",
        "        observability.note(email=person.email)\n"
        "        observability.count(person.password)\n",
    ),
    (
        "layers/common/tandem/problems.py",
        '"msg": message}',
        '"msg": message, "input": str(item["input"])}',
    ),
]


def test_leaks_planted_in_a_copy_of_the_functions_are_found(tmp_path: Path) -> None:
    copy_tree(tmp_path)
    for file, place, leak in LEAKS:
        text = (tmp_path / file).read_text()
        assert place in text
        (tmp_path / file).write_text(text.replace(place, leak))
    canaries = Canaries()
    email, password, bad_email = (canaries.new(field) for field in ("email", "password", "bad"))
    with Stack(template=tmp_path / "template.yaml", twins=(), event_sources=False) as stack:

        def sign_up(email: str) -> httpx.Response:
            body = {"email": email, "password": password}
            return httpx.post(
                f"{stack.url}/api/auth/signup", json=body, trust_env=False, timeout=35
            )

        assert sign_up(f"{email}@example.test").status_code == 201
        refused = sign_up(bad_email)
        lines = outputs_of(stack)["AuthFunction"].splitlines()
    metrics = "\n".join(line for line in lines if '"_aws"' in line)
    logged = "\n".join(line for line in lines if '"_aws"' not in line)
    assert canaries.found_in(logged) == {"email 0"}
    assert canaries.found_in(metrics) == {"password 1"}
    assert refused.status_code == 422
    assert canaries.found_in(shown_by(refused)) == {"bad 2"}


def test_a_leak_in_postgresqls_log_and_one_in_disguise_are_found(stack: Stack) -> None:
    canaries = Canaries()
    word = canaries.new("logged")
    with database_of(stack) as connection:
        connection.run(f"do $$ begin raise log '%', '{word}'; end $$")
    assert canaries.found_in(outputs_of(stack)["postgres"]) == {"logged 0"}
    for number in range(6):
        prefix = "x" * number
        disguised = jwt.encode({prefix: f"{prefix}{word}"}, "k" * 64, algorithm="HS256")
        assert canaries.found_in(f"token={disguised}"), number
    assert canaries.found_in(word.upper()) == canaries.found_in(word.encode().hex())
    assert canaries.found_in("nothing of the kind") == set()
