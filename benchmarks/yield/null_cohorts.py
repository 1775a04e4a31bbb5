"""How often a scan finds something where nothing is planted, at a threshold that comes from other
shuffled people."""

import json
from pathlib import Path
from typing import NamedTuple

import yield_cohorts as cohorts
from scipy.stats import binom

REPETITIONS = 100
LEVEL = 0.05


class NullScan(NamedTuple):
    """One model of a cohort without planted variants."""

    name: str
    loci: int
    """Found by the scan itself at its own threshold; each is false."""
    omnibus_loci: int
    own_error: float
    """Share of shuffled scans with a hit at the scan's own threshold."""
    threshold: float
    """p-value that 5 % of the shuffled scans fall below."""
    family_wise_error: float
    """Share of `REPETITIONS` other shuffled scans with a hit below it."""

    @property
    def within(self) -> bool:
        """In the interval that holds 95 % of the draws of `REPETITIONS` at 5 %."""
        low, high = interval()
        return low <= round(self.family_wise_error * REPETITIONS) <= high


def interval() -> tuple[int, int]:
    """How many of `REPETITIONS` scans may have a hit, with 95 %."""
    low, high = binom.interval(0.95, REPETITIONS, LEVEL)
    return int(low), int(high)


def null_scans(folder: Path, permutations: int) -> list[NullScan]:
    """The null scans of every model in the folder; what is there is not computed again."""
    return [
        _null_scan(name, run, permutations)
        for name, run, config in cohorts.scored(folder)
        if "yardstick" not in config
    ]


def _null_scan(name: str, run: Path, permutations: int) -> NullScan:
    place = run.parent.parent / "null"
    own = json.loads((run / "score.json").read_text())
    first = _scan(run, place / f"{run.name}-threshold", permutations, 11)
    # With correction=none the level is the threshold; no other score is set by these words.
    level = f"score.alpha={first['null_threshold']!r}"
    second = _scan(
        run, place / f"{run.name}-error", REPETITIONS, 12, level, "score.correction=none"
    )
    found = (
        first["null_family_wise_error"],
        first["null_threshold"],
        second["null_family_wise_error"],
    )
    return NullScan(name, own["loci"], own["omnibus_loci"], *found)


def _scan(run: Path, out: Path, permutations: int, seed: int, *words: str) -> dict:
    file = out / "score.json"
    if not file.is_file():
        shuffle = (
            f"checks.permutations={permutations}",
            f"checks.seed={seed}",
            "checks.heritability=false",
        )
        cohorts.call(
            "gwas.py",
            f"run={run}",
            f"out={out}",
            "report=false",
            "checks.ld_scores=false",
            *shuffle,
            *words,
        )
    return json.loads(file.read_text())
