"""The list of common passwords: which it knows, and that it is what its licence file says."""

import re
from pathlib import Path

import pytest

import auth_api.common_passwords
from auth_api.common_passwords import is_common
from tests.own_process import run_python

FOLDER = Path(auth_api.common_passwords.__file__).parent
LISTED = (FOLDER / "common_passwords.txt").read_text().splitlines()


@pytest.mark.parametrize(
    "password",
    ["password", "PASSWORD", "Password1", "1qaz2wsx", "ｔｒｕｓｔｎｏ１", LISTED[-1]],  # noqa: RUF001
)
def test_a_common_password_is_known_however_it_is_spelt(password: str) -> None:
    assert is_common(password)


@pytest.mark.parametrize("password", ["", "correct horse battery", " password", "passw0rd-of-mine"])
def test_others_are_not(password: str) -> None:
    assert not is_common(password)


def test_the_list_holds_only_what_could_be_chosen_and_is_as_long_as_its_licence_says() -> None:
    licence = (FOLDER / "common_passwords.LICENSE.txt").read_text()
    [told] = re.findall(r"([\d,]+) of 30,000", licence)
    assert "MIT License" in licence
    assert len(LISTED) == len(set(LISTED)) == int(told.replace(",", ""))
    assert all(len(one) >= 8 and one == one.casefold() for one in LISTED)


def test_it_is_read_on_first_use() -> None:
    code = """
import auth_api.app
from auth_api.common_passwords import _common
print(_common.cache_info().currsize)
"""
    started = run_python(
        code, "layers/common", "functions/auth", environment={"SECRET_ARN": "arn:test"}
    )
    assert started.stdout.strip() == "0", started.stderr
