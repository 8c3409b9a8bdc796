"""What the agents may call. Those of the recall route look further and hand back evidence; those of
the manage route propose, and change nothing."""

from typing import Final

from agno.run import RunContext

from chat_api.changing import Keep
from chat_api.toolbox import TOOLBOX, Toolbox

_LIMIT: Final = 10


async def search_facts(run_context: RunContext, query: str) -> str:
    """Search the statements that are remembered about this person.

    Args:
        query: what to look for, in a few words or as a question.
    """
    box = _toolbox(run_context)
    return await box.look(
        "mem0",
        lambda seconds: box.gather.memories(box.person, query, limit=_LIMIT, seconds=seconds),
    )


async def search_graph(run_context: RunContext, query: str) -> str:
    """Search the facts about this person with the time in which each was true, past ones too.

    Args:
        query: what to look for, in a few words or as a question.
    """
    box = _toolbox(run_context)
    return await box.look(
        "zep",
        lambda seconds: box.gather.facts_by_search(
            box.person, query, limit=_LIMIT, seconds=seconds
        ),
    )


async def propose_forget(run_context: RunContext, query: str) -> str:
    """Propose to forget something. Nothing is forgotten until the person has said yes.

    Args:
        query: what the person wants forgotten, in their own words.
    """
    return await _toolbox(run_context).propose(
        lambda proposing: proposing.forget(query), searches=True
    )


async def propose_correction(run_context: RunContext, item_id: str, new_statement: str) -> str:
    """Propose to correct one thing that is remembered. Nothing changes until the person says yes.

    Args:
        item_id: `id` of the line of the evidence that is wrong.
        new_statement: what is right, in the words of the person's message.
    """
    return await _toolbox(run_context).propose(
        lambda proposing: proposing.correct(item_id, new_statement)
    )


async def settle_conflict(run_context: RunContext, keep: Keep) -> str:
    """Note which of the two conflicting statements holds, as the person has just said.

    Args:
        keep: `first` or `second` if only that one holds, `both` if they don't exclude each other.
    """
    return await _toolbox(run_context).choose(keep)


def _toolbox(run_context: RunContext) -> Toolbox:
    toolbox = (run_context.dependencies or {})[TOOLBOX]
    assert isinstance(toolbox, Toolbox)  # noqa: S101 - put there by `answering` alone
    return toolbox
