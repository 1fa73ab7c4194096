"""Processor time of a product: its parts and its PostgreSQL, read from the kernel."""

import os
from pathlib import Path

_TICK = os.sysconf("SC_CLK_TCK")


def _stat(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()


def _children() -> dict[int, list[int]]:
    found: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            try:
                found.setdefault(int(_stat(int(entry.name))[1]), []).append(int(entry.name))
            except (FileNotFoundError, ProcessLookupError):
                continue
    return found


def cpu_seconds(parent: int, database: Path) -> float:
    """Return CPU seconds used by the children of ``parent`` and by the PostgreSQL on ``database``.

    What ended children of theirs used is counted with them.
    """
    children = _children()
    server = int((database / "postmaster.pid").read_text().split()[0])
    seen: set[int] = set()
    stack = [*children.get(parent, []), server]
    total = 0
    while stack:
        pid = stack.pop()
        if pid in seen:
            continue
        seen.add(pid)
        stack.extend(children.get(pid, []))
        try:
            fields = _stat(pid)
        except (FileNotFoundError, ProcessLookupError):
            continue
        total += sum(int(field) for field in fields[11:15])
    return total / _TICK


def own_cpu_seconds(pid: int) -> float:
    """Return CPU seconds, user and system, that one process has used."""
    return sum(int(field) for field in _stat(pid)[11:13]) / _TICK
