"""A person about whom a run has every kind of thing to do, and all that is remembered of them."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Self
from uuid import UUID

from tandem.ids import Mem0Id
from tests.integration.consolidation.one_run import Attempt
from tests.integration.consolidation.tidied import Tidied

# Texts of memories and the day on which each was last said.
_RESIDENCE = [("Lives in Delhi", 2), ("Lives in Mumbai", 5)]
_REST = [
    ("Likes tea", 1),
    ("Is fond of tea", 4),
    ("Plays the violin", 3),
    ("plays the violin.", 6),
    ("Works at Acme", 2),
    ("Works at Globex", 7),
    ("Is vegetarian", 3),
    ("Loves steak", 6),
    ("Likes chess", 1),
    ("Is a lover of jazz", 4),
    ("Has a sister", 5),
]
_TOLD = {"I like chess.": 8, "I like jazz.": 9, "I like opera.": 10, "I live in Delhi.": 11}
_JUDGED = [
    ("Lives in Delhi", "Lives in Mumbai", "update"),
    ("Likes tea", "Is fond of tea", "same"),
    ("Works at Acme", "Works at Globex", "update"),
    ("Is vegetarian", "Loves steak", "contradiction"),
    ("Likes jazz", "Is a lover of jazz", "same"),
]
_CLASHING = ("Is vegetarian", "Loves steak")
CHANGED = {
    "hide Likes tea",
    "hide Lives in Mumbai",
    "hide Plays the violin",
    "hide Works at Acme",
    "show Lives in Delhi",
    "add Likes opera",
    "link Likes chess",
    "link Is a lover of jazz",
    "link Lives in Delhi",
}
"""What a run does to this person's memory."""
_OURS = ("run_id", "change_id", "edge_uuid")


@dataclass
class Life:
    """What a person has said, so that the next run hides, shows, copies, links and reports."""

    tidied: Tidied
    ids: dict[str, Mem0Id] = field(default_factory=dict)
    built: dict[str, dict[str, Any]] = field(default_factory=dict)
    first_run: str = ""

    @classmethod
    def lived(cls, tidied: Tidied) -> Self:
        """Delhi was hidden in favour of Mumbai by a first run, and said again since."""
        life = cls(tidied)
        tidied.judged(*_JUDGED)
        tidied.same_meaning(*_CLASHING)
        life._remember(_RESIDENCE)
        life.first_run = tidied.consolidate()["run_id"]
        life._remember(_REST)
        tidied.stores.told(*_TOLD)
        episodes = {edge["fact"]: edge["episode_uuids"] for edge in tidied.stores.edges()}
        for number, (words, said) in enumerate(_TOLD.items(), start=1):
            [episode] = episodes[words.replace("I like", "Likes").replace("I live", "Lives")[:-1]]
            tidied.said(episode, number, said)
        return life

    def _remember(self, texts: list[tuple[str, int]]) -> None:
        self.ids |= {text: self.tidied.remembers(text, said=said) for text, said in texts}
        self.built |= {t: one for t, one in self.memories().items() if t not in self.built}

    def attempt(self, **rest: Any) -> Attempt:
        """An attempt of a process of its own at this person's memory."""
        tidied = self.tidied
        environment = tidied.twins.environment(tidied.database_url)
        return Attempt(environment, tidied.person.principal, **rest)

    def lease_runs_out(self) -> None:
        """As if its time had passed, which is too long for a test."""
        self.tidied.person.run("update tidying set lease_until = now() where account_id = :account")

    # ------------------------------------------------------------------ what is remembered

    def everything(self) -> dict[str, str]:
        """Texts of all memories by their ids, also of the hidden ones and of copies."""
        return {one: memory["memory"] for one, memory in self._everything().items()}

    def last_run(self) -> str:
        """The newest consolidation."""
        [[run_id], *_] = self.tidied.person.run(
            "select id from runs where account_id = :account and kind = 'consolidate'"
            " order by started_at desc"
        )
        return str(run_id)

    def memories(self) -> dict[str, dict[str, Any]]:
        """All that Mem0 says of each memory that was there from the beginning, hidden or not."""
        everything = self._everything()
        return {text: everything[one] for text, one in self.ids.items()}

    def _everything(self) -> dict[Mem0Id, dict[str, Any]]:
        """But for when each was last changed."""
        body = {"filters": {"user_id": self.tidied.stores.name}, "show_expired": True}
        listed = self.tidied.stores.mem0.post("/v3/memories/", body)["results"]
        return {one["id"]: {k: v for k, v in one.items() if k != "updated_at"} for one in listed}

    def visible(self) -> Counter[str]:
        """Texts of the memories that the API shows, each as often as it is shown."""
        status, page = self.tidied.call("GET", "/api/memory", query="limit=100")
        assert status == 200
        assert (page["next_cursor"], page["degraded"]) == (None, [])
        return Counter(item["text"] for item in page["facts"] if item["id"].startswith("mem_"))

    def found(self, query: str, scope: str) -> set[str]:
        """Texts of the memories that the API's search finds."""
        body = {"query": query, "limit": 50, "scope": scope}
        status, answer = self.tidied.call("POST", "/api/memory/search", body)
        assert (status, answer["degraded"]) == (200, [])
        return {one["text"] for one in answer["items"] if one["id"].startswith("mem_")}

    def portrait(self) -> dict[str, Any]:
        """Everything in both stores and in PostgreSQL that a run changes, by texts instead of
        ids, so that two people can be compared."""
        everything = self._everything()
        return {
            "memories": sorted(map(_settled, everything.values()), key=str),
            "listed": Counter(self.tidied.stores.visible().values()),
            "facts": sorted(edge["fact"] for edge in self.tidied.stores.edges()),
            "ledger": self.ledger(),
            # Last, because the view links what reads the same by itself.
            "visible": self.visible(),
        }

    def ledger(self) -> dict[str, Any]:
        """What PostgreSQL knows of it, by texts instead of ids."""
        names = (
            {one: f"copy: {text}" for one, text in self.everything().items()}
            | {one: f"memory: {text}" for text, one in self.ids.items()}
            | {edge["uuid"]: f"fact: {edge['fact']}" for edge in self.tidied.stores.edges()}
        )
        rows = partial(_rows, self.tidied, names)
        return {
            "hidden": rows("hidden_memories", "mem0_id, reason, kept_id, said_at, listed"),
            "links": rows("links", "mem0_id, edge_uuid, statement_hash, fact_hash"),
            # Which of the unrelated pairs the judge is shown is no matter of what is remembered.
            "decisions": sorted(
                (*sorted(pair), relation, by)
                for *pair, relation, by in rows(
                    "decisions", "left_id, right_id, relation, decided_by"
                )
                if (relation, by) != ("distinct", "judge")
            ),
            "conflicts": sorted(
                (*sorted(pair), state)
                for *pair, state in rows("conflicts", "left_id, right_id, state")
            ),
            "sources": rows(
                "sources",
                "provider_id, (select u.said_at from turns u where u.id = t.turn_id), role,"
                " change_id is null",
            ),
            "confirmed": rows(
                "changes", "kind, reason, mem0_id, edge_uuid, kept_id", "t.state = 'confirmed'"
            ),
            "unfinished": rows("changes", "kind", "t.state in ('planned', 'sent')"),
            "runs": sorted(set(rows("runs", "kind, state"))),
            "leases": rows("tidying", "owner"),
        }


def _rows(
    tidied: Tidied, names: Mapping[str, str], table: str, columns: str, where: str = "true"
) -> list[tuple[str, ...]]:
    found = tidied.person.run(
        f"select {columns} from {table} t where t.account_id = :account and {where}"  # noqa: S608
    )
    return sorted(tuple(_name(names, value) for value in row) for row in found)


def _settled(memory: Mapping[str, Any]) -> dict[str, Any]:
    """A memory without what is another one for each person."""
    kept = {name: memory[name] for name in ("memory", "expiration_date")}
    metadata = {
        name: "ours" if name in _OURS else value for name, value in memory["metadata"].items()
    }
    return kept | {"metadata": metadata}


def _name(names: Mapping[str, str], value: object) -> str:
    text = str(value)
    kind, mark, rest = text.partition("_")
    plain = rest if mark and kind in {"mem", "fact"} else text
    return names.get(plain, "an episode" if _is_uuid(plain) else text)


def _is_uuid(text: str) -> bool:
    try:
        UUID(text)
    except ValueError:
        return False
    return True
