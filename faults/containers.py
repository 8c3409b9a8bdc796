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


def owner_of(port: int, processes: Mapping[str, int]) -> str:
    """Which of these processes has a connection from this port of the loopback interface.

    Raises:
        LookupError: none of them.
    """
    socket = f"socket:[{_inode_of(port)}]"
    for name, pid in processes.items():
        for handle in Path(f"/proc/{pid}/fd").iterdir():
            if handle.is_symlink() and str(handle.readlink()) == socket:
                return name
    raise LookupError(f"no process calls from port {port}")


def _inode_of(port: int) -> str:
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        fields = line.split()
        local, state, inode = fields[1], fields[3], fields[9]
        if state == _ESTABLISHED and int(local.partition(":")[2], 16) == port:
            return inode
    raise LookupError(f"nobody is connected from port {port}")
