"""What a request costs through the gateway, with services that answer at once.

The measure is a bare route: the smallest FastAPI function behind Mangum, public, with the same
layer, served by the same gateway, runtime and interpreter in the same run. The three requests take
turns, so that a busy machine is busy for all of them; figures are medians.
"""

import json
import statistics
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx

from bench.results import Result
from bench.shipped import person_at, shipped_stack, teach
from local.intrinsics import read_yaml
from local.person import Person
from local.stack import ROOT

HISTORY_BUDGET, TURN_BUDGET = 8.0, 30.0
ROUNDS, WARM_UPS = 60, 3

BUILT_TEMPLATE = ROOT / ".aws-sam" / "build" / "template.yaml"
BARE_TEMPLATE = ROOT / "bench" / "bare_template.yaml"

SESSION = "latency"
FACTS = ("I live in Delhi and like chess.", "My dog's name is Bruno.")
MESSAGE = "I had a long day and cooked soup in the evening."


def run() -> list[Result]:
    """Measures a history read and a whole turn against a bare route."""
    with ExitStack() as open_:
        folder = Path(open_.enter_context(tempfile.TemporaryDirectory()))
        stack = open_.enter_context(shipped_stack(template=template_with_bare_route(folder)))
        person = open_.enter_context(person_at(stack, "latency@example.com"))
        bare = open_.enter_context(httpx.Client(base_url=stack.url, trust_env=False))
        teach(person, SESSION, *FACTS)
        medians = _measure(person, bare)
    return [
        Result(
            name=f"{name}, through the gateway",
            measured=medians[name] / medians["bare"],
            limit=limit,
            detail=f"{medians[name]:.1f} ms, a bare route {medians['bare']:.1f} ms",
        )
        for name, limit in (("history read", HISTORY_BUDGET), ("whole turn", TURN_BUDGET))
    ]


def template_with_bare_route(folder: Path) -> Path:
    """A copy of what was built, in `folder`, with the bare function added."""
    document = _with_absolute_paths(BUILT_TEMPLATE)
    document["Resources"] |= _with_absolute_paths(BARE_TEMPLATE)["Resources"]
    copy = folder / "template.yaml"
    copy.write_text(json.dumps(document))
    return copy


def _with_absolute_paths(template: Path) -> Any:
    document = read_yaml(template.read_text())
    for resource in document["Resources"].values():
        properties = resource.get("Properties") or {}
        for name in {"CodeUri", "ContentUri"} & set(properties):
            properties[name] = str(template.parent / properties[name])
    return document


def _measure(person: Person, bare: httpx.Client) -> dict[str, float]:
    """Median milliseconds by name.

    A turn's words are delivered before the next round: in the cloud, the delivery job takes its
    time on other machines.
    """
    samples: dict[str, list[float]] = {"bare": [], "history read": [], "whole turn": []}
    for round_number in range(WARM_UPS + ROUNDS):
        turn, turn_ms = _timed(lambda: person.chat(SESSION, MESSAGE))
        person.until_learned([turn["turn_id"]])
        _, history_ms = _timed(
            lambda: person.call("GET", "/api/history", params={"session_id": SESSION})
        )
        _, bare_ms = _timed(lambda: bare.get("/").raise_for_status())
        if round_number >= WARM_UPS:
            for name, milliseconds in zip(samples, (bare_ms, history_ms, turn_ms), strict=True):
                samples[name].append(milliseconds)
    return {name: statistics.median(values) for name, values in samples.items()}


def _timed(request: Callable[[], Any]) -> tuple[Any, float]:
    started = time.perf_counter()
    answer = request()
    return answer, (time.perf_counter() - started) * 1_000
