"""The tools of the recall route: they look further, and hand back evidence."""

from typing import Final

from agno.run import RunContext

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


def _toolbox(run_context: RunContext) -> Toolbox:
    toolbox = (run_context.dependencies or {})[TOOLBOX]
    assert isinstance(toolbox, Toolbox)  # noqa: S101 - put there by `answering` alone
    return toolbox
