"""What a person says in `.env`: read by `make dev` alone, and checked before anything starts."""

import difflib
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from urllib.parse import urlsplit

from dotenv import dotenv_values

from local.settings import SECRET_NAMES, Ports, RealServices, port_variable

# Besides secrets and ports: what counts for a service only when that is the real one, and always.
_OF_A_SERVICE = {
    "zep": ("ZEP_BASE_URL", "ZEP_REQUESTS_PER_MINUTE"),
    "mem0": ("MEM0_API_URL", "MEM0_REQUESTS_PER_MINUTE"),
    "gemini": (
        "GEMINI_BASE_URL",
        "GEMINI_MODEL",
        "GEMINI_EMBEDDING_MODEL",
        "GEMINI_REQUESTS_PER_MINUTE",
    ),
}
_OF_ALL = ("ALGORITHM",)
_KNOWN = (
    *SECRET_NAMES,
    *_OF_ALL,
    *(name for names in _OF_A_SERVICE.values() for name in names),
    *(port_variable(port.name) for port in fields(Ports)),
)
_KEY_BYTES = {"HS256": 32, "HS384": 48, "HS512": 64}


def read_dotenv(path: Path) -> dict[str, str]:
    """The file's entries that have a value; none if there is no file."""
    values = dotenv_values(path, interpolate=False) if path.is_file() else {}
    return {name: value for name, value in values.items() if value}


def unknown_names(environment: Mapping[str, str]) -> list[str]:
    """A sentence for each name that nothing reads, with the one that was probably meant."""
    sentences = []
    for name in environment:
        if name not in _KNOWN:
            meant = difflib.get_close_matches(name.upper(), _KNOWN, n=1)
            hint = f"did you mean {meant[0]}?" if meant else "see .env.example."
            sentences.append(f"{name} in .env is read by nothing: {hint}")
    return sentences


def refuse_wrong_values(environment: Mapping[str, str]) -> None:
    """Checks what can be checked without asking anybody.

    Raises:
        ValueError: a value cannot work; the text names the variable, not the value.
    """
    algorithm = environment.get("ALGORITHM", "HS256")
    if algorithm not in _KEY_BYTES:
        raise ValueError(f"ALGORITHM in .env is none of {', '.join(_KEY_BYTES)}.")
    key, least = environment.get("SECRET_KEY"), _KEY_BYTES[algorithm]
    if key is not None and len(key.encode()) < least:
        raise ValueError(
            f"SECRET_KEY in .env has fewer than the {least} bytes that {algorithm} needs: "
            "make one with `openssl rand -base64 48`, or leave it empty."
        )
    address = environment.get("DATABASE_URL")
    if address is not None and not _is_database(address):
        raise ValueError(
            "DATABASE_URL in .env is not of the form postgresql://user:password@host:5432/name; "
            "leave it empty for a database of its own."
        )


def _is_database(address: str) -> bool:
    try:
        parts = urlsplit(address)
        named = parts.scheme in {"postgres", "postgresql"} and parts.hostname and parts.path[1:]
        return bool(named) and (parts.port is None or parts.port > 0)
    except ValueError:
        return False  # a port or a host that is none


def real_services(environment: Mapping[str, str]) -> RealServices:
    """The services whose key the person gave, and the settings that belong to them."""
    real = RealServices({name: environment[name] for name in SECRET_NAMES if name in environment})
    of_services = (
        name for service, names in _OF_A_SERVICE.items() if real.has(service) for name in names
    )
    said = (name for name in (*of_services, *_OF_ALL) if name in environment)
    return RealServices(real.secrets, {name: environment[name] for name in said})
