"""Passwords: argon2id, in a worker thread, and as slow for an unknown person as for a known one."""

import asyncio
import unicodedata
from typing import NamedTuple

from passlib.hash import argon2

# OWASP's Password Storage Cheat Sheet, argon2id: 19 MiB, 2 passes, 1 lane.
_argon2id = argon2.using(type="ID", memory_cost=19_456, rounds=2, parallelism=1)

# The hash of nobody's password (32 random bytes, forgotten): what a guess is checked against when
# there is no such person, so that the answer takes as long.
_NOBODY = (
    "$argon2id$v=19$m=19456,t=2,p=1"
    "$rFXqHYMQYqx1bg0BYEypNQ$hTh42CyG+zkoEH4E1OsfMP4VNntrGRi4a3gUtNx50RE"
)


class Verdict(NamedTuple):
    """What came of checking a password.

    Attributes:
        correct: it is the person's.
        renewed_hash: what to store from now on, when it is correct and the stored hash was made
            with other parameters than today's; else None.
    """

    correct: bool
    renewed_hash: str | None


async def hash_password(password: str) -> str:
    """The hash to store, with its salt and parameters in it (PHC string format)."""
    return await asyncio.to_thread(_hash, password)


async def verify_password(password: str, stored_hash: str | None) -> Verdict:
    """Whether the password is the one that was hashed.

    Args:
        stored_hash: of the account, or None when there is no such account: that takes as long and
            is never correct.
    """
    return await asyncio.to_thread(_verify, password, stored_hash)


def _hash(password: str) -> str:
    return str(_argon2id.hash(_canonical(password)))


def _verify(password: str, stored_hash: str | None) -> Verdict:
    matches = bool(_argon2id.verify(_canonical(password), stored_hash or _NOBODY))
    if stored_hash is None or not matches:
        return Verdict(correct=False, renewed_hash=None)
    outdated = _argon2id.needs_update(stored_hash)
    return Verdict(correct=True, renewed_hash=_hash(password) if outdated else None)


def _canonical(password: str) -> str:
    # Two keyboards may spell one character differently; NIST SP 800-63B §3.1.1.2 asks for this.
    return unicodedata.normalize("NFKC", password)
