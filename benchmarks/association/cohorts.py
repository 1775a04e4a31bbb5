"""A made-up cohort: independent variants, phenotypes that covariates and a few variants drive; in
files or memory."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from ecgae.genetics.genotypes import Genotypes

BLOCK = 1024
"""Variants at a time."""

LEAST, MOST = 0.01, 0.5
"""Frequency of the effect allele."""

EXPLAINED = 0.005
"""Share of a phenotype's variance that its own variant explains."""

CODES = np.array([3, 2, 0], dtype=np.uint8)
"""The two bits of PLINK 1 for 0, 1, 2 copies; 1 is no call."""


class Cohort(NamedTuple):
    """What is generated, and where."""

    folder: Path
    people: int
    variants: int
    phenotypes: int
    """At most; tables with fewer have the first ones."""
    covariates: int = 15

    def genotypes(self, missing: float) -> Path:
        """The prefix of the files with this share of missing calls."""
        return self.folder / f"missing_{missing * 1e6:.0f}_per_million"

    def phenotype_table(self, phenotypes: int) -> Path:
        return self.folder / f"phenotypes{phenotypes}.tsv"

    @property
    def covariate_table(self) -> Path:
        return self.folder / "covariates.tsv"


def generate(cohort: Cohort, missing: list[float], phenotypes: list[int]) -> None:
    """Writes what is not there yet. The calls are the same whatever the share of them that is
    missing."""
    cohort.folder.mkdir(parents=True, exist_ok=True)
    wanted = [*(cohort.phenotype_table(count) for count in phenotypes), cohort.covariate_table]
    wanted += [cohort.genotypes(share).with_suffix(".bed") for share in missing]
    if all(file.is_file() for file in wanted):
        return
    ids = np.array([f"{person:07d}" for person in range(cohort.people)])
    for share in missing:
        _write_bim(cohort, cohort.genotypes(share).with_suffix(".bim"))
        lines = "".join(f"{name} {name} 0 0 0 -9\n" for name in ids)
        cohort.genotypes(share).with_suffix(".fam").write_text(lines)
    causal = _write_bed(cohort, missing)
    rng = np.random.default_rng(1)
    covariates = rng.standard_normal((cohort.people, cohort.covariates))
    covariates[:, 0] = rng.uniform(45, 80, cohort.people).round()
    covariates[:, 1] = rng.integers(0, 2, cohort.people)
    driven = covariates[:, :2] @ rng.normal(0, [[0.03], [0.3]], (2, cohort.phenotypes))
    signal = (causal - causal.mean(axis=0)) / causal.std(axis=0) * EXPLAINED**0.5
    values = driven + signal + rng.standard_normal((cohort.people, cohort.phenotypes))
    _write_table(cohort.covariate_table, ids, "c", covariates)
    for count in phenotypes:
        _write_table(cohort.phenotype_table(count), ids, "y", values[:, :count])


def blocks(people: int, variants: int, seed: int = 0) -> Iterator[np.ndarray]:
    """Copies of the effect allele [variant individual], in Hardy-Weinberg proportions."""
    rng = np.random.default_rng(seed)
    for start in range(0, variants, BLOCK):
        frequency = rng.uniform(LEAST, MOST, (min(BLOCK, variants - start), 1)).astype(np.float32)
        draws = rng.random((2, len(frequency), people), dtype=np.float32)
        yield (draws < frequency).sum(axis=0, dtype=np.uint8)


def packed(copies: np.ndarray, missing: float, rng: np.random.Generator) -> np.ndarray:
    """Four calls in a byte, as in a `.bed`, a share of them missing."""
    code = CODES[copies]
    if missing:
        lost = rng.integers(0, code.size, rng.binomial(code.size, missing))
        code.ravel()[lost] = 1
    quads = np.pad(code, ((0, 0), (0, -code.shape[1] % 4))).reshape(len(code), -1, 4)
    return quads[..., 0] | quads[..., 1] << 2 | quads[..., 2] << 4 | quads[..., 3] << 6


def _write_bed(cohort: Cohort, missing: list[float]) -> np.ndarray:
    """Returns the copies of the variants that drive a phenotype, one each [individual
    phenotype]."""
    causal = np.linspace(0, cohort.variants - 1, cohort.phenotypes).astype(int)
    found = np.empty((cohort.people, cohort.phenotypes), dtype=np.float32)
    files = [cohort.genotypes(share).with_suffix(".bed").open("wb") for share in missing]
    rng = np.random.default_rng(2)
    start = 0
    for file in files:
        file.write(b"\x6c\x1b\x01")
    for copies in blocks(cohort.people, cohort.variants):
        here = np.flatnonzero((causal >= start) & (causal < start + len(copies)))
        found[:, here] = copies[causal[here] - start].T
        start += len(copies)
        for file, share in zip(files, missing, strict=True):
            file.write(packed(copies, share, rng).tobytes())
    for file in files:
        file.close()
    return found


def variant_table(variants: int) -> pd.DataFrame:
    """As `Genotypes.variants` has them: spread over the autosomes."""
    row = np.arange(variants)
    chromosome = (row * 22 // variants + 1).astype(str)
    position = (row + 1) * 1000
    return pd.DataFrame(
        {
            "chromosome": chromosome,
            "base_pair_location": position,
            "effect_allele": "A",
            "other_allele": "G",
            "variant_id": pd.Series(chromosome) + "_" + pd.Series(position).astype(str) + "_G_A",
            "rsid": "rs" + pd.Series(row).astype(str),
        }
    )


def _write_bim(cohort: Cohort, file: Path) -> None:
    table = variant_table(cohort.variants).assign(cm=0)
    columns = ["chromosome", "rsid", "cm", "base_pair_location", "effect_allele", "other_allele"]
    table[columns].to_csv(file, sep="\t", index=False, header=False)


def _write_table(file: Path, ids: np.ndarray, letter: str, values: np.ndarray) -> None:
    table = pd.DataFrame(values, columns=[f"{letter}{number}" for number in range(values.shape[1])])
    table.insert(0, "FID", ids)
    table.insert(1, "IID", ids)
    partial = file.with_suffix(".partial")
    table.to_csv(partial, sep="\t", index=False, float_format="%.6f")
    partial.replace(file)


@dataclass(frozen=True, eq=False)
class Pool:
    """A genotype file that is none: a pool of variants over and over, so that any size fits into
    memory."""

    calls: np.ndarray
    """Packed [variant byte]."""
    sample_ids: np.ndarray
    variants: pd.DataFrame
    path: Path = Path("pool.bed")
    people_file: Path = Path("pool.fam")
    hard_calls: bool = True

    def packed(self, rows: np.ndarray) -> np.ndarray:
        return self.calls[rows % len(self.calls)]

    def read(self, rows: np.ndarray, individuals: np.ndarray) -> np.ndarray:
        from ecgae.genetics.genotypes.bed import dosage_of

        return dosage_of(self.packed(rows), individuals)


def pooled(people: int, variants: int, missing: float) -> Genotypes:
    """Genotypes of any size, of which only a block is ever made."""
    rng = np.random.default_rng(3)
    calls = np.concatenate(
        [packed(copies, missing, rng) for copies in blocks(people, min(4 * BLOCK, variants))]
    )
    ids, table = np.array([f"{person:07d}" for person in range(people)]), variant_table(variants)
    pool = Pool(calls, ids, table)
    return Genotypes(
        (Path(__file__),),
        "pool.fam",
        ids,
        table,
        (pool,),
        np.zeros(variants, dtype=np.int64),
        np.arange(variants),
    )
