"""Cost of a scan against people, variants and phenotypes, each size in a process of its own,
genotypes made as read."""

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, NamedTuple

sys.path[:0] = [str(Path(__file__).parents[2])]

import numpy as np  # noqa: E402

MISSING = 0.001


class Size(NamedTuple):
    """The size of a scan."""

    people: int
    variants: int
    phenotypes: int


LINES = {
    "people": [Size(people, 100_000, 32) for people in (6250, 12_500, 25_000, 37_500, 50_000)],
    "variants": [
        Size(50_000, variants, 32) for variants in (62_500, 125_000, 250_000, 500_000, 1_000_000)
    ],
    "phenotypes": [Size(50_000, 50_000, phenotypes) for phenotypes in (32, 96, 192, 288, 384)],
}
"""Sizes of which one number grows and the others stay."""


def scan(size: Size) -> dict[str, Any]:
    """Seconds and memory of engine=ols on a pool of made-up variants with 0.1 % missing calls."""
    from cohorts import pooled

    from ecgae.genetics.engine.ols import OLS
    from ecgae.genetics.scan import ScanInput
    from ecgae.genetics.variant_filter import VariantFilter

    genotypes = pooled(size.people, size.variants, MISSING)
    rng = np.random.default_rng(4)
    inputs = ScanInput(
        genotypes=genotypes,
        individuals=np.arange(size.people),
        phenotypes=rng.standard_normal((size.people, size.phenotypes)),
        names=tuple(f"y{number}" for number in range(size.phenotypes)),
        covariates=rng.standard_normal((size.people, 15)),
        covariate_names=tuple(f"c{number}" for number in range(15)),
        filter=VariantFilter(),
    )
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter(), time.process_time()
        found = OLS(transform="none", combined=())(inputs, Path(folder))
        wall, cpu = time.perf_counter() - start[0], time.process_time() - start[1]
    assert found.n_variants > 0.8 * size.variants, "few people leave few copies of a rare allele"
    return {"wall_seconds": wall, "cpu_seconds": cpu, "peak_bytes": _peak()}


def _peak() -> int:
    """Largest resident memory, with that of the pool."""
    lines = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return int(lines["VmHWM"].split()[0]) * 1024


def measure(line: str, scale: float) -> list[dict[str, Any]]:
    """A row per size; people and variants are `scale` of what they are in full."""
    rows = []
    for full in LINES[line]:
        size = Size(round(full.people * scale), round(full.variants * scale), full.phenotypes)
        words = [sys.executable, __file__, *map(str, size)]
        done = subprocess.run(words, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"{size} failed:\n{done.stderr[-2000:]}")
        rows.append({"line": line, **size._asdict(), **json.loads(done.stdout.splitlines()[-1])})
        print(rows[-1], flush=True)
    return rows


def fitted(line: str, rows: list[dict[str, Any]], seconds: str = "wall_seconds") -> dict[str, Any]:
    """seconds = at_zero + per_unit * size by least squares, and how far the measured ones are from
    it."""
    x, y = (
        np.array([row[line] for row in rows], dtype=float),
        np.array([row[seconds] for row in rows]),
    )
    per_unit, at_zero = np.polyfit(x, y, 1)
    line_at = at_zero + per_unit * x
    return {
        "line": line,
        "seconds_at_zero": float(at_zero),
        "seconds_per_1000": float(per_unit * 1000),
        "r2": float(1 - np.sum((y - line_at) ** 2) / np.sum((y - y.mean()) ** 2)),
        "largest_deviation": float(np.max(np.abs(y / line_at - 1))),
    }


if __name__ == "__main__":
    os.environ.setdefault("GOMP_SPINCOUNT", "5000")
    print(json.dumps(scan(Size(*map(int, sys.argv[1:])))))
