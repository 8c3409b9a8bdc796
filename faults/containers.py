"""Function processes: how many there may be, which of them worked, and which one calls."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from local.intrinsics import read_yaml
from local.stack import ROOT, Stack

_TEMPLATE: Final = ROOT / "template.yaml"
_ESTABLISHED: Final = "01"
_CPU_FIELDS: Final = slice(11, 13)  # behind the command's name: utime, stime


def template_with(folder: Path, *, chat_containers: int) -> Path:
    """A copy of the template, in `folder`, in which chat has so many containers at most."""
    document: Any = read_yaml(_TEMPLATE.read_text(encoding="utf-8"))
    for name, resource in document["Resources"].items():
        properties = resource.get("Properties") or {}
        for path in {"CodeUri", "ContentUri"} & set(properties):
            properties[path] = str(ROOT / properties[path])
        if name == "ChatFunction":
            properties["ReservedConcurrentExecutions"] = chat_containers
    copy = folder / "template.yaml"
    copy.write_text(json.dumps(document))
    return copy


def chat_processes(stack: Stack) -> dict[str, int]:
    """Process ids of chat's containers, by name."""
    return {name: pid for name, pid in stack.pids.items() if name.startswith("ChatFunction.")}


def cpu_ticks(processes: Mapping[str, int]) -> dict[str, int]:
    """What each process has used of the processors so far; one that is gone has nothing."""
    found = {}
    for name, pid in processes.items():
        stat = Path(f"/proc/{pid}/stat")
        fields = stat.read_text().rpartition(")")[2].split() if stat.exists() else ["0"] * 20
        found[name] = sum(map(int, fields[_CPU_FIELDS]))
    return found


def owner_of(ports: tuple[int, int], processes: Mapping[str, int]) -> str:
    """Which of these processes has the connection from one port to another of the loopback
    interface. Either alone may belong to another connection as well.

    Raises:
        LookupError: none of them.
    """
    socket = f"socket:[{_inode_of(ports)}]"
    for name, pid in processes.items():
        for handle in Path(f"/proc/{pid}/fd").iterdir():
            if handle.is_symlink() and str(handle.readlink()) == socket:
                return name
    raise LookupError(f"none of {sorted(processes)} has the connection {ports}")


def _inode_of(ports: tuple[int, int]) -> str:
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        fields = line.split()
        ends = tuple(int(end.partition(":")[2], 16) for end in fields[1:3])
        if fields[3] == _ESTABLISHED and ends == ports:
            return fields[9]
    raise LookupError(f"there is no connection {ports}")
