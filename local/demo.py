"""`make demo`: the whole story against throwaway services, printed and checked as it goes."""

import secrets
import sys
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from local.person import Person
from local.stack import Stack

CONVERSATION = Path(__file__).parent / "conversations" / "maya.toml"
PAGE = 7
# Some of what Maya asks, and what must be in the answer.
REMEMBERED = {
    "What am I allergic to?": "peanuts",
    "How old am I?": "28",
    "Where did I live before?": "Pune",
    "Where did I live before Mumbai?": "Bengaluru",
    "What is my name?": "Maya",
}
# The demo speaks faster than a person would.
FAST_TALKER = {"TURNS_PER_MINUTE": "600"}


@dataclass
class Checks:
    """What the story promises, and what came true."""

    failed: list[str] = field(default_factory=list)

    def check(self, promise: str, kept: object) -> None:
        """Prints a promise with its outcome."""
        print(f"    {'ok  ' if kept else 'FAIL'} {promise}")
        if not kept:
            self.failed.append(promise)


def main() -> int:
    """Plays everything; the exit code is 1 when a promise was not kept."""
    checks = Checks()
    print("Starting PostgreSQL, SQS, the twins of Zep, Mem0 and Gemini, and the functions …")
    with Stack(extra_environment=FAST_TALKER, schedules=True) as stack:
        print(f"The API is at {stack.url}. Nothing outside this machine is asked.\n")
        play_story(stack.url, checks)
        play_conversation(stack.url, checks)
    if checks.failed:
        print(f"\n{len(checks.failed)} promises were not kept.", file=sys.stderr)
        return 1
    print("\nEverything came out as promised.")
    return 0


def play_story(api_url: str, checks: Checks) -> None:
    """Sign up, talk, remember across sessions, move house, log out."""
    heading("The story")
    with Person(api_url, email=some_email(), password=secrets.token_urlsafe(12)) as person:
        person.sign_up(first_name="Asha")
        person.log_in()
        first = [
            talk(person, "kitchen", "I live in Delhi and like chess."),
            talk(person, "kitchen", "My dog's name is Bruno"),
        ]
        person.until_learned([answer["turn_id"] for answer in first])

        answer = talk(person, "garden", "Where do I live?")
        checks.check("another session knows Delhi", "Delhi" in answer["reply"])
        source = source_of(answer["recalled"], "Delhi")
        said = person.history("kitchen", limit=PAGE)[0]
        checks.check(
            f"it says where from: session {source.get('session_id')!r}, message "
            f"{source.get('message_id')}",
            (source.get("session_id"), source.get("message_id")) == ("kitchen", said["message_id"]),
        )
        found = person.search("Where do I live?")
        checks.check("search puts Delhi first", found and "Delhi" in found[0]["text"])

        moved = talk(person, "garden", "I moved to Mumbai last month")
        answer = talk(person, "garden", "Where do I live?")
        checks.check("the move counts at once", "Mumbai" in answer["reply"])
        person.until_learned([moved["turn_id"]])
        answer = talk(person, "garden", "Where do I live?")
        checks.check("and still does when the stores have learned it", "Mumbai" in answer["reply"])
        talk(person, "garden", "Where did I live before?")

        shown = [fact["text"] for fact in person.memory()["facts"]]
        checks.check("the memory view shows what holds now", any("Mumbai" in t for t in shown))
        checks.check("and not what no longer does", not any("Delhi" in t for t in shown))
        everything = person.memory(include_superseded="true")["facts"]
        delhi = [fact for fact in everything if "Delhi" in fact["text"]]
        ends = delhi[0]["valid_to"] if delhi else None
        checks.check(f"include_superseded shows Delhi with its end date, {ends}", ends)

        person.log_out()
        refused = person.call("GET", "/api/auth/me", status=401)
        checks.check(
            f"after logout the very next call is refused ({refused.get('code')}), by the function: "
            "the gateway still has the token in its cache",
            refused.get("code") == "login_ended",
        )


def play_conversation(api_url: str, checks: Checks) -> None:
    """A written conversation over three sessions, its history and the memory at its end."""
    heading("A conversation of one person over three sessions")
    sessions = tomllib.loads(CONVERSATION.read_text())["session"]
    with Person(api_url, email=some_email(), password=secrets.token_urlsafe(12)) as person:
        person.sign_up()
        person.log_in()
        for session in sessions:
            print(f"\n  {session['title']} ({session['id']})")
            body = {"session_id": session["id"], "title": session["title"]}
            person.call("POST", "/api/session/start", status=201, json=body)
            turns = [talk(person, session["id"], message) for message in session["messages"]]
            person.until_learned([turn["turn_id"] for turn in turns])
        print()
        messages = sum(len(session["messages"]) for session in sessions)
        checks.check(f"{messages} messages were answered", messages >= 60)  # noqa: PLR2004 - ours
        told = dict(said for turns in person.said.values() for said in pairs(turns))
        for question, word in REMEMBERED.items():
            checks.check(f"{question!r} was answered with {word}", word in told[question])
        for session_id, said in person.said.items():
            kept = [(m["role"], m["content"]) for m in person.history(session_id, limit=PAGE)]
            checks.check(
                f"the history of {session_id} is what was said, byte for byte, {PAGE} a page",
                encoded(kept) == encoded(said),
            )
        print_memory(person.memory(include_superseded="true"))


def talk(person: Person, session_id: str, message: str) -> Any:
    """One turn, printed."""
    answer = person.chat(session_id, message)
    print(f"    {message}\n        → {answer['reply']}")
    return answer


def print_memory(view: Mapping[str, Sequence[Any]]) -> None:
    """The memory view as a person would want to read it."""
    print("\n  What is remembered")
    for fact in view["facts"]:
        start, end = (fact[key][:10] if fact[key] else "" for key in ("valid_from", "valid_to"))
        span = f"{start or '?'} to {end or 'now'}" if start or end else ""
        where = ", ".join(sorted({source["session_id"] for source in fact["source"]}))
        print(f"    {fact['text']:<44} {fact['store']:<5} {span:<24} {where}")


def source_of(items: Sequence[Any], word: str) -> Mapping[str, Any]:
    """The first source of the first item that has the word in it; empty if there is none."""
    sources = [s for item in items if word in item["text"] for s in item["source"]]
    return sources[0] if sources else {}


def some_email() -> str:
    """An address that nobody has (RFC 2606)."""
    return f"{secrets.token_hex(6)}@example.test"


def pairs(said: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """Messages with their replies."""
    texts = [text for _, text in said]
    return list(zip(texts[::2], texts[1::2], strict=True))


def encoded(said: Sequence[tuple[str, str]]) -> list[tuple[str, bytes]]:
    """The same with the texts' bytes."""
    return [(role, text.encode()) for role, text in said]


def heading(text: str) -> None:
    """A heading."""
    print(f"{text}\n{'-' * len(text)}")


if __name__ == "__main__":
    sys.exit(main())
