"""A rehearsal at INIT, so that no person waits for what is only built once.

On their first use the SDK builds its schemas and Agno loads parts of itself: more than half of a
first turn's processor time. With SnapStart that goes into the snapshot. The rehearsal calls nobody
and leaves nothing behind: its model is a line of JSON, its key is none, and its agents, client
and connections are not those that answer people.
"""

import contextlib
from typing import Final
from uuid import UUID

import anyio.lowlevel
import httpx
from google.genai import Client

from chat_api.answering import Answering, AnswerLimits
from chat_api.toolbox import Toolbox
from chat_api.turn import ModelReply, Prompt
from tandem.clients.connections import build_http_client, build_ssl_context
from tandem.clients.gemini import build_genai_client
from tandem.deadline import Deadline
from tandem.errors import AppError
from tandem.ids import AccountId
from tandem.loop import run
from tandem.recall.gather import Gather, Person

_NOBODY: Final = UUID(int=0)
_SECONDS: Final = 5.0
_ANSWER: Final = {
    "candidates": [
        {"content": {"role": "model", "parts": [{"text": "Ready."}]}, "finishReason": "STOP"}
    ],
    "usageMetadata": {"promptTokenCount": 1, "candidatesTokenCount": 1, "totalTokenCount": 2},
}


def rehearse(gather: Gather) -> ModelReply | None:
    """Answers one prompt of nobody's, on the container's loop.

    Args:
        gather: for the tools, which the rehearsed answer doesn't call.

    Returns:
        The rehearsed reply; None if there was none, which costs nothing but the time saved.
    """
    # Made and dropped outside the loop: the SDK's client would leave it a task to close itself.
    client = build_genai_client(
        api_key="none",
        base_url="http://localhost",
        timeout_seconds=_SECONDS,
        async_client=build_http_client(
            transport=httpx.MockTransport(lambda _: httpx.Response(200, json=_ANSWER))
        ),
        ssl_context=build_ssl_context(),
    )
    with contextlib.suppress(AppError):
        return run(_answer(client, gather))
    return None


async def _answer(client: Client, gather: Gather) -> ModelReply:
    # httpx loads anyio's half for asyncio with its first connection.
    await anyio.lowlevel.checkpoint()
    answering = Answering(
        "rehearsal",
        client=lambda: client,
        limits=AnswerLimits(model_calls=1, max_output_tokens=64),
        on_call=lambda _: None,
    )
    toolbox = Toolbox(
        gather,
        Person(AccountId(_NOBODY), None),
        Deadline(_SECONDS),
        _SECONDS,
        degraded={"zep", "mem0"},
    )
    # The agent with tools, since their descriptions are built once too.
    prompt = Prompt(
        agent="recall",
        message="Are you ready?",
        earlier=[("user", "Hello"), ("assistant", "Hello.")],
        context="None.",
        person=str(_NOBODY),
        session=str(_NOBODY),
    )
    return await answering.answer(prompt, toolbox, seconds=_SECONDS)
