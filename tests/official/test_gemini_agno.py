"""Agno's Gemini model on the Gemini twin: runs, streams, tools, schemas, errors."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from agno.agent import Agent
from agno.models.google import Gemini
from agno.run.base import RunStatus
from pydantic import BaseModel

from tests.official.called import Ledger, Watched, noted
from tests.official.clients import genai_client
from tests.official.twin_process import TwinProcess

MODEL = "gemini-3.5-flash-lite"
Run = Callable[..., Awaitable[Any]]
WAYS = ("run", "run stream", "arun", "arun stream")


class City(BaseModel):
    name: str
    rivers: list[str]


async def _run(agent: Agent, way: str, words: str) -> Any:
    """The outcome of a run in one of the four ways."""
    if way == "run":
        return await asyncio.to_thread(agent.run, words)
    if way == "arun":
        return await agent.arun(words)
    if way == "run stream":
        events = await asyncio.to_thread(
            lambda: list(agent.run(words, stream=True, yield_run_output=True))
        )
    else:
        events = [event async for event in agent.arun(words, stream=True, yield_run_output=True)]
    return events[-1]


@pytest.fixture(params=WAYS)
def agno(
    request: pytest.FixtureRequest, gemini_twin: TwinProcess, ledger: Ledger
) -> Callable[..., Any]:
    """`agno(words, **agent_options)`: the outcome of a run of an agent on the twin."""

    async def played(words: str, options: dict[str, Any]) -> Any:
        client = genai_client(gemini_twin, api_version="v1")
        try:
            agent = Agent(
                model=Gemini(id=MODEL, client=client),
                telemetry=False,
                resolve_in_context=False,
                **options,
            )
            watched = Watched(agent, "agno", gemini_twin, ledger, lambda _: None)
            return await noted(watched, request.param, lambda: _run(agent, request.param, words))
        finally:
            await client.aio.aclose()
            client.close()

    return lambda words, **options: asyncio.run(played(words, options))


def test_a_run_ends_with_the_reply_and_its_usage(agno: Callable[..., Any]) -> None:
    run = agno("I live in Delhi. Where do I live?", instructions="Be brief.")
    assert run.status == RunStatus.completed
    assert "Delhi" in run.content
    assert run.metrics.input_tokens > 0
    assert run.metrics.output_tokens > 0


def test_a_tool_is_called_and_its_result_comes_back(
    agno: Callable[..., Any], gemini_twin: TwinProcess
) -> None:
    asked: list[str] = []

    def get_weather(city: str) -> str:
        """The weather of a city."""
        asked.append(city)
        return "cloudy, 21 degrees"

    gemini_twin.tell("next", kind="function_call", name="get_weather", args={"city": "Delhi"})
    run = agno("What is the weather in Delhi?", tools=[get_weather])
    assert run.status == RunStatus.completed
    assert asked == ["Delhi"]
    assert "cloudy" in run.content
    assert [tool.tool_name for tool in run.tools] == ["get_weather"]
    assert len(gemini_twin.records()) == 2


def test_an_answer_of_a_schema_is_the_model(agno: Callable[..., Any]) -> None:
    run = agno("Tell me about Delhi.", output_schema=City)
    assert run.status == RunStatus.completed
    assert isinstance(run.content, City)


def test_a_failing_model_is_a_run_with_an_error_and_one_attempt(
    agno: Callable[..., Any], gemini_twin: TwinProcess
) -> None:
    gemini_twin.tell("next", kind="status", status=429)
    run = agno("Hello")
    # A stream ends with an event in the outcome's place.
    assert getattr(run, "event", None) == "RunError" or run.status == RunStatus.error
    assert len(gemini_twin.records()) == 1
