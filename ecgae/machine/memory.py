"""How much memory this process may still use."""

import os
from pathlib import Path


def available() -> int:
    """The bytes that the computer has free, or that its control group leaves, as on a cluster, if
    that is less."""
    return min([_free(), *_left_in_groups()])


def _free() -> int:
    """The bytes that the computer has free."""
    file = Path("/proc/meminfo")
    if file.is_file():
        lines = dict(line.split(":", 1) for line in file.read_text().splitlines())
        if "MemAvailable" in lines:  # unlike the free pages it counts what caches would give back
            return int(lines["MemAvailable"].split()[0]) * 1024
    return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def _left_in_groups(
    root: Path = Path("/sys/fs/cgroup"), process: Path = Path("/proc/self/cgroup")
) -> list[int]:
    """The bytes that each control group above this process (version 2) leaves of its limit."""
    if not process.is_file():
        return []
    group = next(
        (line[3:] for line in process.read_text().splitlines() if line.startswith("0::")), None
    )
    if group is None:
        return []

    left = []
    folder = root / group.strip("/")
    for place in (folder, *folder.parents):
        limit, used = place / "memory.max", place / "memory.current"
        if limit.is_file() and used.is_file() and limit.read_text().strip() != "max":
            left.append(max(0, int(limit.read_text()) - int(used.read_text())))
        if place == root:
            break

    return left
