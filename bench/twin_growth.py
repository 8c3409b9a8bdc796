"""What a twin's calls cost when a person has said 5,000 things, against 50.

Each size has a twin process of its own, so that nothing of the other is searched. The two take
turns, so that a busy machine is busy for both; figures are medians over HTTP, ratios of one run.
"""

import statistics
import time
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

from bench.grown_twins import PERSON, Caller, Learner, Mem0, Zep, grown_mem0, grown_zep, statement
from bench.results import Result

FEW, MANY = 50, 5000
SEARCH_BUDGET, ADD_BUDGET = 4.0, 2.0
ROUNDS, WARM_UPS = 40, 3
ADDED = WARM_UPS + ROUNDS

# Both know number 17, and nobody knows the last.
QUERIES = {
    "a rare word": "What about thing17?",
    "a word that all facts have": "What do I like?",
    "a word that every tenth has": "green things",
    "a word of every tenth and one of all": "Do I like green things?",
    "no word that counts": "What do you know about me?",
    "an unknown word": "Tell me about xylophones",
}

LONG_AGO = "2020-01-01T00:00:00Z"

Call = Callable[[], Any]
Calls = dict[str, Call]


def run() -> list[Result]:
    """Measures both stores' twins."""
    return [*_zep(), *_mem0()]


def _zep() -> list[Result]:
    with ExitStack() as open_:
        few, many = (open_.enter_context(grown_zep(size - ADDED)) for size in (FEW, MANY))
        return _of("zep", few, many, lambda: (_zep_searches(few), _zep_searches(many)))


def _mem0() -> list[Result]:
    with ExitStack() as open_:
        few, many = (open_.enter_context(grown_mem0(size - ADDED)) for size in (FEW, MANY))
        return _of("mem0", few, many, lambda: (_mem0_searches(few), _mem0_searches(many)))


def _of[S: (Zep, Mem0)](
    twin: str, few: S, many: S, searches: Callable[[], tuple[Calls, Calls]]
) -> list[Result]:
    """Adding the last of so many messages, and then searching among so many facts."""
    settle = (few.settle, many.settle)
    added = _measured(_added_to(few), _added_to(many), after=settle)
    searched = _measured(*searches())
    learned = _measured(_learned_by(few), _learned_by(many))
    return _results(twin, added | searched | learned)


def _added_to(store: Learner) -> Calls:
    return {"add a message": store.say_next}


def _learned_by(store: Learner) -> Calls:
    def learn() -> None:
        store.say_next()
        store.settle()

    def repeat() -> None:
        store.say(f"{statement(17)}!")
        store.settle()

    return {"learn a message": learn, "learn what is known": repeat}


def _zep_searches(zep: Zep) -> Calls:
    call, graph = zep.call, f"/api/v4/graphs/{zep.graph}"
    calls: Calls = {}

    def search(name: str, kind: str, query: str, **more: Any) -> None:
        calls[name] = _post(call, f"{graph}/search/{kind}?page_size=10", {"query": query, **more})

    for what, query in QUERIES.items():
        search(f"search edges, {what}", "edges", query)
        calls[f"context, {what}"] = _post(
            call, f"{graph}/context", {"query": query, "include_results": True}
        )
    common, rare = QUERIES["a word that all facts have"], QUERIES["a rare word"]
    for kind in ("nodes", "episodes"):
        search(f"search {kind}, a rare word", kind, rare)
        search(f"search {kind}, a word that all have", kind, common)
    for name, chosen in {
        "to a type that all have": {"edge_types": ["LIKES"]},
        "to a type that none has": {"edge_types": ["DISLIKES"]},
        "by date to all": _created("gte", LONG_AGO),
        "by date to the oldest": _created("lte", zep.first_ones_at()),
    }.items():
        search(f"search edges, filtered {name}", "edges", common, filters=chosen)
    search("search edges, mmr", "edges", common, reranker="mmr", mmr_lambda=0.5)
    for reranker in ("episode_mentions", "cross_encoder"):
        search(f"search edges, {reranker}", "edges", common, reranker=reranker)
    thread = f"/api/v4/threads/{zep.thread}"
    calls["context of the thread"] = lambda: call("GET", f"{thread}/context")
    calls["list edges"] = _post(call, f"{graph}/edges/list?page_size=50", {})
    calls["list messages, newest first"] = lambda: call(
        "GET", f"{thread}/messages?page_size=50&order=desc"
    )
    return calls


def _mem0_searches(mem0: Mem0) -> Calls:
    mine = {"user_id": PERSON}
    calls: Calls = {}

    def search(name: str, query: str, *parts: Any) -> None:
        filters = {"AND": [mine, *parts]} if parts else mine
        body = {"query": query, "filters": filters, "top_k": 10}
        calls[f"search, {name}"] = _post(mem0.call, "/v3/memories/search/", body)

    for what, query in QUERIES.items():
        search(what, query)
    common = QUERIES["a word that all facts have"]
    for name, chosen in {
        "by date to all": {"created_at": {"gte": LONG_AGO}},
        "by date to the oldest": {"created_at": {"lte": mem0.first_ones_at()}},
        "by words to a quarter": {"text": {"icontains": "thing1"}},
        "to a category that none has": {"categories": {"in": ["music"]}},
    }.items():
        search(f"filtered {name}", common, chosen)
    last = mem0.said // 50
    for name, number in (("first", 1), ("last", last)):
        path = f"/v3/memories/?page={number}&page_size=50"
        calls[f"list, {name} page"] = _post(mem0.call, path, {"filters": mine})
    return calls


def _created(operator: str, moment: str) -> dict[str, Any]:
    date = {"field": "created_at", "operator": operator, "value": moment}
    return {"date_filters": {"any_of": [{"all_of": [date]}]}}


def _post(call: Caller, path: str, body: Any) -> Call:
    return lambda: call("POST", path, body)


def _measured(
    few: Calls, many: Calls, *, after: tuple[Call, Call] | None = None
) -> dict[str, tuple[float, float]]:
    """Median milliseconds of each call with few facts and with many; `after` isn't counted."""
    samples: dict[str, tuple[list[float], list[float]]] = {name: ([], []) for name in few}
    for number in range(WARM_UPS + ROUNDS):
        # Whoever comes second finds the machine warm: in that, too, they take turns.
        order = (0, 1) if number % 2 else (1, 0)
        for name in few:
            for which in order:
                milliseconds = _milliseconds((few, many)[which][name])
                if after:
                    after[which]()
                if number >= WARM_UPS:
                    samples[name][which].append(milliseconds)
    return {
        name: (statistics.median(one), statistics.median(other))
        for name, (one, other) in samples.items()
    }


def _milliseconds(call: Call) -> float:
    started = time.perf_counter()
    call()
    return (time.perf_counter() - started) * 1_000


def _results(twin: str, medians: dict[str, tuple[float, float]]) -> list[Result]:
    return [
        Result(
            name=f"{twin} twin: {name}",
            measured=many / few,
            limit=ADD_BUDGET if name == "add a message" else SEARCH_BUDGET,
            detail=f"{many:.2f} ms with {MANY:,} facts, {few:.2f} ms with {FEW}",
        )
        for name, (few, many) in medians.items()
    ]
