"""Passwords that many people have, and that whoever guesses tries first.

The list, where it comes from and its licence lie beside this file.
"""

import unicodedata
from functools import cache
from pathlib import Path
from typing import Final

_LIST: Final = Path(__file__).with_name("common_passwords.txt")


def is_common(password: str) -> bool:
    """Whether it is one of the most common passwords, in whatever case or width it is spelt."""
    return unicodedata.normalize("NFKC", password).casefold() in _common()


@cache
def _common() -> frozenset[str]:
    # Read on first use: logging in needs no list.
    return frozenset(_LIST.read_text(encoding="utf-8").split("\n")) - {""}
