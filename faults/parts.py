"""What `make faults` plays, and what each part says of itself."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from faults import matrix
from faults.document import matrix_section


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


PARTS: Final[Mapping[str, Callable[[], Played]]] = {"matrix": _matrix}
