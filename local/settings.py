"""Where the local stack listens, what it stands in for, and which addresses it may use."""

import dataclasses
import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from local.processes import PortTakenError, free_port, is_free

TEST_KEY = "test-key"
SECRET_NAMES = ("DATABASE_URL", "SECRET_KEY", "GEMINI_API_KEY", "ZEP_API_KEY", "MEM0_API_KEY")
_LOOPBACK_HOSTS = frozenset({"127.0.0.1", "::1", "localhost"})


class UnsafeAddressError(Exception):
    """Something points outside this machine although no real service was asked for."""


@dataclass(frozen=True)
class Ports:
    """Ports on the loopback interface; None takes a free one."""

    gateway: int | None = None
    zep: int | None = None
    mem0: int | None = None
    gemini: int | None = None
    aws: int | None = None


DEV_PORTS = Ports(gateway=3000, zep=8101, mem0=8102, gemini=8103, aws=8104)
_OWNERS = {
    "gateway": "the HTTP API",
    "zep": "Zep's twin",
    "mem0": "Mem0's twin",
    "gemini": "Gemini's twin",
    "aws": "AWS's stand-in",
}


def port_variable(name: str) -> str:
    """The variable that sets a port of `make dev`."""
    return f"TANDEM_{name.upper()}_PORT"


def settle_ports(ports: Ports, *, needed: frozenset[str]) -> dict[str, int]:
    """A port for each name of `needed`.

    Raises:
        PortTakenError: a fixed one is in use, or given twice.
    """
    settled: dict[str, int] = {}
    taken: list[str] = []
    for name in sorted(needed):
        fixed = getattr(ports, name)
        for other, port in settled.items():
            if fixed == port:
                raise PortTakenError(
                    f"{port_variable(other)} and {port_variable(name)} are both {port}."
                )
        settled[name] = free_port() if fixed is None else fixed
        if fixed is not None and not is_free(fixed):
            taken.append(name)
    if taken:
        raise PortTakenError(_taken(taken, settled))
    return settled


def _taken(names: list[str], ports: Mapping[str, int]) -> str:
    if len(names) == 1:
        (name,) = names
        return (
            f"Port {ports[name]}, which {_OWNERS[name]} needs, is in use: "
            f"stop what uses it or set {port_variable(name)} to another port."
        )
    names = sorted(names, key=lambda name: ports[name])
    owners = _listed([f"{ports[name]} ({_OWNERS[name]})" for name in names])
    variables = _listed([port_variable(name) for name in names])
    return f"Ports {owners} are in use: stop what uses them or set {variables} to other ports."


def _listed(words: list[str]) -> str:
    return f"{', '.join(words[:-1])} and {words[-1]}"


def dev_ports(environment: Mapping[str, str]) -> Ports:
    """The fixed ports, with those that variables change.

    Raises:
        ValueError: a variable is not a port number; the text names it.
    """
    changed = {}
    for port in dataclasses.fields(Ports):
        text = environment.get(port_variable(port.name), "")
        if not text:
            continue
        if not text.isdigit() or not 0 < int(text) < 2**16:
            variable = port_variable(port.name)
            raise ValueError(f"{variable} must be a port number, 1 to 65535.")
        changed[port.name] = int(text)
    return dataclasses.replace(DEV_PORTS, **changed)


@dataclass(frozen=True)
class RealServices:
    """Real services in place of twins; only `dev` makes one that is not empty.

    Attributes:
        secrets: of `SECRET_NAMES`, what the person's .env gives.
        overrides: addresses and models of theirs, such as ZEP_BASE_URL.
    """

    secrets: Mapping[str, str] = field(default_factory=dict)
    overrides: Mapping[str, str] = field(default_factory=dict)

    def has(self, service: str) -> bool:
        """Whether `zep`, `mem0`, `gemini` or `database` is the real one."""
        name = "DATABASE_URL" if service == "database" else f"{service.upper()}_API_KEY"
        return name in self.secrets


def refuse_outside_addresses(values: Mapping[str, str]) -> None:
    """Checks that every URL among the values is of this machine.

    Raises:
        UnsafeAddressError: one is not; the text names the variable, not the value.
    """
    for name, value in values.items():
        if "://" in value and urlsplit(value).hostname not in _LOOPBACK_HOSTS:
            raise UnsafeAddressError(
                f"{name} points outside this machine; only `make dev` uses real services."
            )


def lasting_secret_key(folder: Path) -> str:
    """The key that signs tokens: random, made once per folder, readable by its owner alone."""
    path = folder / "secret-key"
    try:
        return path.read_text()
    except FileNotFoundError:
        key = secrets.token_urlsafe(64)  # 86 bytes: enough for HS512
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(key)
        return key
