"""What `make faults` plays, and what each part says of itself."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from faults import hanging, matrix, one_key
from faults.document import matrix_section

_ONE_KEY: Final = """\
## One request, fifty times at once

{requests} clients send the same request with one Idempotency-Key, over {containers} warm
containers of chat; who is told that all are busy, or that the turn is being answered, asks again.
Each time that is one turn with one reply, one pair of messages in Zep and one addition to Mem0, and
all of them get that answer.

- Left alone: {alone}
- {killed}
"""
_HANGING: Final = """\
## Both memories hang

{containers} containers of chat, as many people who talk without a pause; the model takes
{model_ms} ms, drawn evenly. Times are at the client. The p95 of the turns may lie {before} s above
the model's before the breakers are open, and {after} s after that.

{figures}
"""


@dataclass(frozen=True, slots=True)
class Played:
    """What came of a part.

    Attributes:
        section: for the document.
        wrong: what is not as it has to be, in sentences.
    """

    section: str
    wrong: Sequence[str]


def _matrix() -> Played:
    run = matrix.run()
    return Played(matrix_section(run), run.wrong)


def _one_key() -> Played:
    alone, killed = one_key.run()
    section = _ONE_KEY.format(
        requests=one_key.REQUESTS,
        containers=one_key.CONTAINERS,
        alone=alone.figures,
        killed=killed.figures[:1].upper() + killed.figures[1:],
    )
    return Played(section, [*alone.wrong, *killed.wrong])


def _hanging() -> Played:
    outcome = hanging.run()
    section = _HANGING.format(
        containers=hanging.CONTAINERS,
        model_ms=" to ".join(f"{ms:,}" for ms in hanging.MODEL_MS),
        before=hanging.ADDED_BEFORE,
        after=hanging.ADDED_AFTER,
        figures="\n".join(f"- {line}" for line in outcome.figures),
    )
    return Played(section, outcome.wrong)


PARTS: Final[Mapping[str, Callable[[], Played]]] = {
    "matrix": _matrix,
    "one_key": _one_key,
    "hanging": _hanging,
}
