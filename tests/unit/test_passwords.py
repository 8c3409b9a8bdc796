import asyncio
import threading

import pytest
from passlib.hash import argon2

from tandem import passwords
from tandem.passwords import hash_password, verify_password


def test_a_password_is_hashed_with_argon2id_of_19_mib_2_passes_1_lane() -> None:
    stored = asyncio.run(hash_password("correct horse"))

    assert stored.startswith("$argon2id$v=19$m=19456,t=2,p=1$")


def test_a_password_is_told_from_another_one() -> None:
    async def story() -> None:
        stored = await hash_password("correct horse")
        assert (await verify_password("correct horse", stored)).correct
        assert not (await verify_password("correct horsf", stored)).correct
        assert (await verify_password("correct horse", stored)).renewed_hash is None

    asyncio.run(story())


def test_a_password_typed_on_another_keyboard_is_the_same_password() -> None:
    composed, decomposed = "caf\u00e9 au lait", "cafe\u0301 au lait"

    async def story() -> bool:
        return (await verify_password(decomposed, await hash_password(composed))).correct

    assert asyncio.run(story())


def test_a_hash_made_with_older_parameters_is_renewed_only_for_the_right_password() -> None:
    old = argon2.using(type="ID", memory_cost=8_192, rounds=1, parallelism=1).hash("correct horse")

    async def story() -> None:
        wrong = await verify_password("wrong horse", old)
        assert (wrong.correct, wrong.renewed_hash) == (False, None)
        right = await verify_password("correct horse", old)
        assert right.correct
        assert right.renewed_hash is not None
        assert right.renewed_hash.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
        assert (await verify_password("correct horse", right.renewed_hash)).correct

    asyncio.run(story())


def test_an_unknown_person_costs_one_verification_as_a_known_one_does(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seen: list[str] = []
    real = passwords._argon2id.verify

    def counting(password: str, stored: str) -> bool:
        seen.append(stored)
        return bool(real(password, stored))

    monkeypatch.setattr(passwords._argon2id, "verify", counting)

    async def story() -> None:
        stored = await hash_password("correct horse")
        assert not (await verify_password("wrong horse", stored)).correct
        assert not (await verify_password("wrong horse", None)).correct

    asyncio.run(story())
    known, unknown = (stored.rsplit("$", 2)[0] for stored in seen)
    assert known == unknown == "$argon2id$v=19$m=19456,t=2,p=1"


def test_hashing_does_not_hold_up_the_event_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    threads: list[threading.Thread] = []
    real = passwords._hash

    def noting(password: str) -> str:
        threads.append(threading.current_thread())
        return real(password)

    monkeypatch.setattr(passwords, "_hash", noting)

    asyncio.run(hash_password("correct horse"))

    [thread] = threads
    assert thread is not threading.main_thread()
