"""How sure a share is: the exact (Clopper-Pearson) interval of a count."""

from math import comb
from typing import Final

_TAIL: Final = 0.025
_STEPS: Final = 60


def interval(hits: int, of: int) -> tuple[float, float]:
    """The two-sided 95 % interval of a share of which `hits` in `of` were seen; (0, 1) for none.

    It is exact: at most 2.5 % of all samples would lie as far out on either side.
    """
    if of == 0:
        return 0.0, 1.0
    low = 0.0 if hits == 0 else _solve(hits - 1, of, 1 - _TAIL)
    high = 1.0 if hits == of else _solve(hits, of, _TAIL)
    return low, high


def _solve(most: int, of: int, wanted: float) -> float:
    """The share with which at most `most` of `of` are hits with the wanted probability."""
    low, high = 0.0, 1.0
    for _ in range(_STEPS):
        middle = (low + high) / 2
        if _at_most(most, of, middle) > wanted:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def _at_most(most: int, of: int, share: float) -> float:
    return sum(comb(of, n) * share**n * (1 - share) ** (of - n) for n in range(most + 1))
