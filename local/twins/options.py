"""Options by which twins are started: each is checked where it is read."""

from __future__ import annotations

import math
from argparse import ArgumentParser, ArgumentTypeError
from collections.abc import Callable
from pathlib import Path

_DAY_MS = 86_400_000
_DAY_SECONDS = 86_400


def number(low: float, high: float) -> Callable[[str], float]:
    """Reads a finite number within these bounds."""

    def read(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not low <= value <= high:
            raise ArgumentTypeError(f"must be a number from {low:g} to {high:.0f}")
        return value

    return read


def whole(low: int, high: int | None = None) -> Callable[[str], int]:
    """Reads a whole number within these bounds."""

    def read(text: str) -> int:
        if not (text.isascii() and text.isdigit() and low <= int(text) <= (high or int(text))):
            bounds = f"of at least {low}" if high is None else f"from {low} to {high}"
            raise ArgumentTypeError(f"must be a whole number {bounds}")
        return int(text)

    return read


def folder(text: str) -> Path:
    """Reads a folder's name, and makes the folder when it isn't there."""
    path = Path(text)
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ArgumentTypeError(f"{path} can't be used: {error.strerror}") from None
    return path


def latency(parser: ArgumentParser) -> None:
    """Adds --latency-ms."""
    parser.add_argument(
        "--latency-ms",
        metavar="MS",
        type=number(0, _DAY_MS),
        default=0,
        help="added to every answer",
    )


def ingestion(parser: ArgumentParser) -> None:
    """Adds what Zep's and Mem0's twin have."""
    add = parser.add_argument
    add(
        "--ingestion-ms",
        metavar="MS",
        type=number(0, _DAY_MS),
        default=150,
        help="how long Zep and Mem0 take to learn (150)",
    )
    add(
        "--ingestion-failures",
        metavar="SHARE",
        type=number(0, 1),
        default=0,
        help="share of ingestions that fail, 0 to 1 (0)",
    )
    add(
        "--seed",
        metavar="N",
        type=whole(0),
        default=0,
        help="decides which of them fail (0)",
    )


def of_zep(parser: ArgumentParser) -> None:
    """Adds what Zep's twin alone has."""
    add = parser.add_argument
    add(
        "--idempotency-seconds",
        metavar="S",
        type=number(0, 365 * _DAY_SECONDS),
        default=_DAY_SECONDS,
        help="how long Zep knows an Idempotency-Key (86400)",
    )
    add(
        "--requests-per-minute",
        metavar="N",
        type=whole(1),
        help="beyond it Zep answers 429 (no limit)",
    )


def of_mem0(parser: ArgumentParser) -> None:
    """Adds what Mem0's twin alone has."""
    parser.add_argument(
        "--refuse-past-expiration",
        action="store_true",
        help="Mem0 answers 400 to an expiration date that has passed",
    )
