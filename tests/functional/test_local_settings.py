"""What the local stack listens on, stands in for, and refuses."""

import socket
from pathlib import Path

import pytest

from local.env_file import read_dotenv, real_services, refuse_wrong_values, unknown_names
from local.processes import PortTakenError, free_port, plain_environment
from local.settings import (
    DEV_PORTS,
    Ports,
    RealServices,
    UnsafeAddressError,
    dev_ports,
    lasting_secret_key,
    refuse_outside_addresses,
    settle_ports,
)
from local.stack import Stack
from tandem.settings import KEY_BYTES, Algorithm


def test_ports_of_dev_are_fixed_and_settable_one_by_one() -> None:
    assert dev_ports({}) == Ports(gateway=3000, zep=8101, mem0=8102, gemini=8103, aws=8104)
    changed = dev_ports({"TANDEM_ZEP_PORT": "9101", "TANDEM_AWS_PORT": "", "OTHER": "1"})
    assert changed == Ports(gateway=3000, zep=9101, mem0=8102, gemini=8103, aws=8104)


@pytest.mark.parametrize("text", ["0", "70000", "three", "-1"])
def test_a_port_that_is_none_names_its_variable(text: str) -> None:
    with pytest.raises(
        ValueError, match=r"^TANDEM_GATEWAY_PORT must be a port number, 1 to 65535\.$"
    ):
        dev_ports({"TANDEM_GATEWAY_PORT": text})


def test_a_taken_port_is_one_sentence_with_port_owner_and_variable() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(PortTakenError) as refused:
            settle_ports(Ports(mem0=port), needed=frozenset({"mem0"}))
    assert str(refused.value) == (
        f"Port {port}, which Mem0's twin needs, is in use: "
        "stop what uses it or set TANDEM_MEM0_PORT to another port."
    )


def test_several_taken_ports_are_told_at_once() -> None:
    with socket.socket() as one, socket.socket() as other:
        for each in (one, other):
            each.bind(("127.0.0.1", 0))
            each.listen()
        mem0, zep = sorted(each.getsockname()[1] for each in (one, other))
        with pytest.raises(PortTakenError) as refused:
            settle_ports(Ports(mem0=mem0, zep=zep), needed=frozenset({"mem0", "zep"}))
    assert str(refused.value) == (
        f"Ports {mem0} (Mem0's twin) and {zep} (Zep's twin) are in use: "
        "stop what uses them or set TANDEM_MEM0_PORT and TANDEM_ZEP_PORT to other ports."
    )


def test_one_port_for_two_is_refused_by_both_names() -> None:
    port = free_port()
    with pytest.raises(PortTakenError, match=r"TANDEM_GATEWAY_PORT and TANDEM_ZEP_PORT are both"):
        settle_ports(Ports(gateway=port, zep=port), needed=frozenset({"gateway", "zep"}))


def test_free_ports_are_settled_for_what_is_needed_and_nothing_else() -> None:
    settled = settle_ports(Ports(), needed=frozenset({"gateway", "aws"}))
    assert set(settled) == {"gateway", "aws"}
    assert len(set(settled.values())) == 2
    assert not set(settled.values()) & set(vars(DEV_PORTS).values())


def test_only_keys_of_the_env_file_make_a_service_real(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ZEP_API_KEY", "of-the-shell")
    file = tmp_path / ".env"
    assert real_services(read_dotenv(file)) == RealServices()
    file.write_text(
        "GEMINI_API_KEY=g-key\nGEMINI_MODEL=gemini-x\nMEM0_API_KEY=\nZEP_BASE_URL=http://zep\n"
        "OTHER=$HOME\n"
    )
    real = real_services(read_dotenv(file))
    assert real.has("gemini")
    assert not any(real.has(name) for name in ("zep", "mem0", "database"))
    assert real.secrets == {"GEMINI_API_KEY": "g-key"}
    assert real.overrides == {"GEMINI_MODEL": "gemini-x"}
    assert read_dotenv(file)["OTHER"] == "$HOME"


def test_the_algorithm_of_the_env_file_counts_whatever_is_real() -> None:
    assert real_services({"ALGORITHM": "HS384"}).overrides == {"ALGORITHM": "HS384"}


def test_a_name_in_the_env_file_that_nothing_reads_is_told_with_the_one_meant() -> None:
    assert unknown_names({"GEMINI_API_KEY": "k", "GEMINI_APIKEY": "k", "zep_api_key": "k"}) == [
        "GEMINI_APIKEY in .env is read by nothing: did you mean GEMINI_API_KEY?",
        "zep_api_key in .env is read by nothing: did you mean ZEP_API_KEY?",
    ]
    (far_off,) = unknown_names({"COLOUR": "blue"})
    assert far_off == "COLOUR in .env is read by nothing: see .env.example."


def test_every_name_of_the_example_is_read() -> None:
    example = Path(__file__).parents[2] / ".env.example"
    names = [line.partition("=")[0] for line in example.read_text().splitlines() if "=" in line]
    shown = {name: "value" for name in names if not name.startswith("#")}
    assert "DATABASE_URL" in shown
    assert unknown_names(shown) == []


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ALGORITHM", "RS256"),
        ("SECRET_KEY", "s3cr3t"),
        ("DATABASE_URL", "localhost/s3cr3t"),
        ("DATABASE_URL", "mysql://u:s3cr3t@localhost/x"),
        ("DATABASE_URL", "postgresql://u:s3cr3t@localhost"),
        ("DATABASE_URL", "postgresql://u:s3cr3t@localhost:port/x"),
    ],
)
def test_a_value_that_cannot_work_is_refused_by_name_and_not_said(name: str, value: str) -> None:
    with pytest.raises(ValueError, match=rf"^{name} in \.env") as refused:
        refuse_wrong_values({name: value})
    assert "s3cr3t" not in str(refused.value)


@pytest.mark.parametrize("algorithm", ["HS256", "HS384", "HS512"])
def test_the_least_key_depends_on_the_algorithm_as_the_functions_have_it(
    algorithm: Algorithm,
) -> None:
    least = KEY_BYTES[algorithm]
    refuse_wrong_values({"ALGORITHM": algorithm, "SECRET_KEY": "k" * least})
    with pytest.raises(ValueError, match=f"fewer than the {least} bytes that {algorithm} needs"):
        refuse_wrong_values({"ALGORITHM": algorithm, "SECRET_KEY": "k" * (least - 1)})


def test_addresses_that_work_are_not_refused() -> None:
    refuse_wrong_values({"DATABASE_URL": "postgres://u:p@db.example:5432/name?sslmode=require"})
    refuse_wrong_values({})


@pytest.mark.parametrize("url", ["https://api.getzep.com", "postgresql://u:p@db.example/x"])
def test_an_address_outside_is_refused_without_saying_it(url: str) -> None:
    with pytest.raises(UnsafeAddressError, match=r"^ZEP_BASE_URL points outside") as refused:
        refuse_outside_addresses({"A": "http://127.0.0.1:1", "ZEP_BASE_URL": url})
    assert url not in str(refused.value)


@pytest.mark.parametrize("option", ["overrides", "extra_environment", "secret"])
def test_a_stack_refuses_outside_addresses_before_it_starts_anything(option: str) -> None:
    stack = Stack(**{option: {"SOME_URL": "http://192.0.2.1"}})
    with pytest.raises(UnsafeAddressError):
        stack.start()
    assert stack.pids == {}


def test_the_signing_key_is_made_once_long_and_private(tmp_path: Path) -> None:
    key = lasting_secret_key(tmp_path)
    assert len(key) >= 64
    assert lasting_secret_key(tmp_path) == key
    assert (tmp_path / "secret-key").stat().st_mode & 0o777 == 0o600


def test_children_inherit_no_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("GEMINI_API_KEY", "DATABASE_URL", "AWS_SECRET_ACCESS_KEY", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "canary")
    assert "canary" not in plain_environment().values()
    assert "PATH" in plain_environment()
