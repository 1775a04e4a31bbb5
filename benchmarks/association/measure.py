"""Runs a command as a user types it, and says what it took; the machine's own rate beside it."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

RATE = """
import sys, time
import numpy
people, phenotypes = map(int, sys.argv[2:])
random = numpy.random.default_rng(0)
one = random.random((1024, people), dtype=numpy.float32)
other = random.random((people, phenotypes), dtype=numpy.float32)
if sys.argv[1] == "torch":
    import torch
    one, other = torch.from_numpy(one), torch.from_numpy(other)
best, until = 1e9, time.perf_counter() + 4
while time.perf_counter() < until:
    start = time.perf_counter()
    one @ other
    best = min(best, time.perf_counter() - start)
print(2 * 1024 * people * phenotypes / best)
"""
"""Prints operations per second of the product of a block of variants with all phenotypes."""


class Cost(NamedTuple):
    """What a process took, with all that it started."""

    wall_seconds: float
    cpu_seconds: float
    peak_bytes: int
    """The largest resident memory of one process."""


def run(words: Sequence[str], folder: Path, log: Path) -> Cost:
    """Runs a command in `folder`; raises `RuntimeError` with its last lines where it fails."""
    start = time.perf_counter()
    with log.open("wb") as file:
        process = subprocess.Popen(
            words, cwd=folder, stdin=subprocess.DEVNULL, stdout=file, stderr=file
        )
        try:
            _, status, usage = os.wait4(process.pid, 0)
        except BaseException:
            process.kill()
            raise
    wall = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        lines = log.read_text(errors="replace").splitlines()[-12:]
        raise RuntimeError(
            f"{' '.join(words)} ended with {process.returncode}:\n" + "\n".join(lines)
        )
    return Cost(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024)


def matrix_rate(people: int, phenotypes: int) -> dict[str, float]:
    """Float32 operations per second, by library, on all cores; the best of four seconds."""
    found: dict[str, float] = {}
    for library in ("numpy", "torch"):
        words = [sys.executable, "-c", RATE, library, str(people), str(phenotypes)]
        done = subprocess.run(words, capture_output=True, text=True, check=False)
        if done.returncode == 0:
            found[library] = float(done.stdout)
    return found


def read_into_cache(*files: Path) -> None:
    """Reads files once, so that no program pays for being the first."""
    for file in files:
        with file.open("rb") as opened:
            while opened.read(2**24):
                pass


def machine(plink2: str) -> dict[str, Any]:
    """The machine and the versions that the times depend on."""
    model = next(
        (
            line.split(":")[1].strip()
            for line in _lines("/proc/cpuinfo")
            if line.startswith("model name")
        ),
        "",
    )
    version = ""
    if shutil.which(plink2):
        version = subprocess.run(
            [plink2, "--version"], capture_output=True, text=True, check=False
        ).stdout.strip()
    return {
        "cores": len(os.sched_getaffinity(0)),
        "processor": model,
        "load": os.getloadavg(),
        "numpy": np.__version__,
        "plink2": version,
    }


def _lines(file: str) -> list[str]:
    return Path(file).read_text().splitlines() if Path(file).is_file() else []
