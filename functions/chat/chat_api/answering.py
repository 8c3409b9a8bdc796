"""From a prompt to a reply that may reach a person: Agno's workflow behind an output gate."""

import asyncio
import logging
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from agno.agent import Agent
from agno.models.message import Message
from agno.run import RunStatus
from agno.run.agent import RunOutput
from agno.utils.log import LOGGER_NAME, TEAM_LOGGER_NAME, WORKFLOW_LOGGER_NAME
from agno.workflow import Router, Step, StepInput, Workflow
from google.genai import Client

from chat_api import instructions
from chat_api.course import AgentName
from chat_api.model import HELD_SECONDS, OPERATION, Trace, TracedGemini, follow
from chat_api.toolbox import TOOLBOX, Toolbox
from chat_api.tools import (
    propose_correction,
    propose_forget,
    search_facts,
    search_graph,
    settle_conflict,
)
from chat_api.turn import ModelReply, Prompt
from tandem.clients.bounds import Bounds
from tandem.clients.call_log import log_call
from tandem.clients.http import UpstreamCall
from tandem.deadline import Deadline
from tandem.errors import AppError, UpstreamTimeout, UpstreamUnavailable

_NO_REPLY: Final = {
    "reply_missing": "Gemini gave no reply.",
    "reply_empty": "Gemini's reply was empty.",
    "reply_cut": "Gemini's reply was cut short, so it is not shown.",
    "reply_blocked": "Gemini would not reply to this.",
}
# An agent can call what stands here and nothing else, whatever the model asks for.
_AGENTS: Final[dict[AgentName, tuple[str, list[Any]]]] = {
    "recall": (instructions.RECALL, [search_facts, search_graph]),
    "converse": (instructions.CONVERSE, []),
    "manage": (instructions.MANAGE, [propose_forget, propose_correction]),
    "done": (instructions.DONE, []),
    "settle": (instructions.SETTLE, [settle_conflict]),
}
_CUT: Final = {"MAX_TOKENS", "CONTINUATION"}
_UNSENDABLE: Final = {0: None} | dict.fromkeys(range(0xD800, 0xE000), "\ufffd")


@dataclass(frozen=True, slots=True)
class AnswerLimits:
    """Bounds of one answer."""

    model_calls: int
    max_output_tokens: int


def silence_agno() -> None:
    """Keeps the libraries from writing: they quote providers' answers, word for word.

    What matters of them is in the trace and in our own lines. Agno's modules hold on to their
    loggers and set the level back on every run, so the loggers themselves are switched off.
    """
    for name in (LOGGER_NAME, TEAM_LOGGER_NAME, WORKFLOW_LOGGER_NAME):
        logger = logging.getLogger(name)
        logger.disabled, logger.handlers = True, [logging.NullHandler()]
    warnings.filterwarnings("ignore", module=r"google\.genai")


class Answering:
    """The agents, built once a process, and the gate in front of them."""

    def __init__(
        self,
        model: str,
        *,
        client: Callable[[], Client],
        limits: AnswerLimits,
        bounds: Bounds | None = None,
        on_call: Callable[[UpstreamCall], None] = log_call,
    ) -> None:
        self._limits = limits
        self._bounds = bounds or Bounds()
        gemini = TracedGemini(
            model,
            client=client,
            max_output_tokens=limits.max_output_tokens,
            bounds=self._bounds,
            on_call=on_call,
        )
        agents = {
            name: Agent(
                name=name,
                model=gemini,
                instructions=told,
                tools=tools or None,
                tool_call_limit=limits.model_calls if tools else None,
                resolve_in_context=False,
                telemetry=False,
            )
            for name, (told, tools) in _AGENTS.items()
        }
        # A step that is left alone would run an agent that raises three times more.
        choices: list[Any] = [
            Step(name=name, agent=agent, max_retries=0) for name, agent in agents.items()
        ]
        self._workflow = Workflow(
            name="turn",
            steps=[Router(name="route", selector=_selected, choices=choices)],
            telemetry=False,
        )

    def check(self) -> None:
        """Does nothing if the model may be asked now.

        Raises:
            UpstreamError: it has failed so often that it isn't asked for a while, or it has asked
                to be left alone for longer than a turn waits; `retry_after_seconds` says for how
                long.
        """
        if self._bounds.breaker is not None:
            self._bounds.breaker.check(OPERATION, patience_seconds=HELD_SECONDS)

    async def answer(self, prompt: Prompt, toolbox: Toolbox, *, seconds: float) -> ModelReply:
        """A complete reply and what it cost.

        Raises:
            UpstreamError: the model failed, took too long, was cut short, refused, or said
                nothing. Nothing of what it did say is in the error.
            Unavailable: its key can't be read.
        """
        trace = Trace(self._limits.model_calls, Deadline(seconds))
        follow(trace)
        try:
            async with asyncio.timeout(seconds):
                run = await self._workflow.arun(
                    _messages(prompt),
                    additional_data={"agent": prompt.agent},
                    user_id=prompt.person,
                    session_id=prompt.session,
                    dependencies={TOOLBOX: toolbox},
                )
        except TimeoutError as error:
            raise UpstreamTimeout("gemini", operation=OPERATION) from error
        text, output = _gate(run, trace)
        return ModelReply(text=text, usage=_usage(output, trace))


def _selected(step_input: StepInput) -> Any:
    """The name of the step to take; Agno's own types know of steps alone."""
    agent = (step_input.additional_data or {}).get("agent")
    return agent if agent in _AGENTS else "converse"


def _messages(prompt: Prompt) -> list[Message]:
    """Messages, not text: Agno would fill in what looks like a template in text."""
    earlier = [Message(role=role, content=text) for role, text in prompt.earlier]
    context = [Message(role="user", content=prompt.context)] if prompt.context else []
    return [*earlier, *context, Message(role="user", content=prompt.message)]


def _gate(run: Any, trace: Trace) -> tuple[str, RunOutput]:
    """The reply's text, if it may reach a person. The workflow's own status and content say
    COMPLETED also for an error's text, so the step's run and the trace are asked."""
    if trace.error is not None:
        raise trace.error
    runs = run.step_executor_runs or []
    output = runs[-1] if runs else None
    if not isinstance(output, RunOutput):
        raise _no_reply("reply_missing", trace)
    if trace.finish_reason in _CUT:
        raise _no_reply("reply_cut", trace)
    if trace.block_reason or trace.finish_reason not in {"STOP", None}:
        raise _no_reply("reply_blocked", trace)
    text = trace.text.translate(_UNSENDABLE).strip()
    if output.status != RunStatus.completed or trace.finish_reason != "STOP" or not text:
        raise _no_reply("reply_empty", trace)
    return text, output


def _no_reply(code: str, trace: Trace) -> AppError:
    error = UpstreamUnavailable(
        "gemini",
        operation=OPERATION,
        finish_reason=trace.finish_reason,
        block_reason=trace.block_reason,
    )
    error.code, error.detail = code, _NO_REPLY[code]
    return error


def _usage(output: RunOutput, trace: Trace) -> dict[str, int]:
    metrics = output.metrics
    return {
        "input_tokens": metrics.input_tokens if metrics else 0,
        "output_tokens": metrics.output_tokens if metrics else 0,
        "model_calls": trace.calls,
    }
