"""A scan in parts, one per chromosome: what they hold, how they lie on disk, and how they become
one scan."""

import hashlib
import json
import os
import shutil
from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from jaxtyping import Float, Int

from ecgae.errors import InputError
from ecgae.genetics.engine._block import Tested, Tests
from ecgae.genetics.scan import ASSOCIATIONS, Combined, Scan, ScanInput
from ecgae.genetics.sumstats import Statistics, association_table, association_writer, to_frame
from ecgae.statistics.association import p_of_chi2
from ecgae.statistics.tally import Tally

FORMAT = "ecgae scan 3"
FOLDER = ".scan"
ROW = "row"
"""The column with the row of a variant in `Genotypes.variants`."""

SUMMARY = pa.schema(
    [
        (ROW, pa.int64()),
        ("neg_log_10_p_value", pa.float64()),
        ("phenotype", pa.int32()),
        ("effect_allele_frequency", pa.float64()),
        ("n", pa.int32()),
        ("mean_chi2", pa.float64()),
        ("omnibus_excess", pa.float32()),
    ]
)
"""What a part says of each variant: `ROW`, then `SUMMARIES`, the phenotype as its place among the
names."""

TABLES = ("variants", "candidates", "combined_candidates")
"""The fields of a part that are tables."""

TALLIED = ("z_counts", "tests", "chi2")
"""The arrays of a tally."""


class Part(NamedTuple):
    """The results of a chromosome."""

    chromosome: str
    excluded: Counter[str]
    tally: Tally
    combined_tally: Tally
    variants: pa.Table
    """The summary of every variant tested, in the columns of `SUMMARY`."""
    candidates: pa.Table
    """Associations of phenotypes to report: the association table and `ROW`."""
    combined_candidates: pa.Table
    """Associations of tests of several phenotypes to report, in the same columns."""


class Pairs(NamedTuple):
    """Associations to report, each with its variant's row and its phenotype's place."""

    row: Int[np.ndarray, " pair"]
    phenotype: Int[np.ndarray, " pair"]
    beta: Float[np.ndarray, " pair"]
    standard_error: Float[np.ndarray, " pair"]
    neg_log_10_p_value: Float[np.ndarray, " pair"]
    effect_allele_frequency: Float[np.ndarray, " pair"]
    n: Int[np.ndarray, " pair"]


_NOTHING = [np.empty(0, dtype=np.int64)] * 2 + [np.empty(0)] * 4 + [np.empty(0, dtype=np.int32)]


class Gathering:
    """A part that grows block by block, in order."""

    def __init__(self, inputs: ScanInput, tests: Tests, chromosome: str):
        self.inputs, self.tests, self.chromosome = inputs, tests, chromosome
        self.excluded = Counter[str]()
        self.tally, self.combined_tally = (
            Tally.empty(tests.prepared.names),
            Tally.empty(tests.combined),
        )
        self.variants: list[pa.Table] = []
        self.candidates: list[Pairs] = []
        self.combined_candidates: list[Pairs] = []

    def add(self, block: Tested) -> None:
        """The next block of the chromosome."""
        self.excluded += block.excluded
        if not len(block.rows):
            return

        untested = np.isnan(block.chi2)
        tested = ~untested if untested.any() else None
        frequency = block.minor_allele_frequency
        self.tally.add(self.chromosome, frequency, block.chi2, tested)
        if self.tests.combined:
            self.combined_tally.add(self.chromosome, frequency, block.combined_chi2)

        self.variants.append(_best_of(block))
        rows = block.rows[block.reported]
        self.candidates.append(self._pairs(rows, block.statistics))
        self.combined_candidates.append(self._pairs(rows, _combined_statistics(block)))

    def _pairs(self, rows: np.ndarray, statistics: Statistics) -> Pairs:
        """What is to be reported of a few variants."""
        which = statistics.neg_log_10_p_value >= -np.log10(self.tests.report_below)
        variant, phenotype = np.nonzero(which)
        return Pairs(rows[variant], phenotype, *(values[which] for values in statistics))

    def _table(self, names: tuple[str, ...], pairs: list[Pairs]) -> pa.Table:
        """The association table of these pairs, and `ROW`."""
        row, phenotype, *values = (
            map(np.concatenate, zip(*pairs, strict=True)) if pairs else _NOTHING
        )
        statistics = Statistics(*(column[:, None] for column in values))
        variants = self.inputs.genotypes.variants.iloc[row]
        everything = np.ones((len(row), 1), dtype=bool)
        table = association_table(variants, names or ("",), statistics, everything)

        named = pa.DictionaryArray.from_arrays(
            pa.array(phenotype, pa.int32()), pa.array(names or ("",), pa.string())
        )
        table = table.set_column(table.column_names.index("phenotype"), "phenotype", named)
        return table.append_column(ROW, pa.array(row, pa.int64()))

    def part(self) -> Part:
        """The whole chromosome."""
        return Part(
            chromosome=self.chromosome,
            excluded=self.excluded,
            tally=self.tally,
            combined_tally=self.combined_tally,
            variants=pa.concat_tables(self.variants or [SUMMARY.empty_table()]),
            candidates=self._table(self.tests.prepared.names, self.candidates),
            combined_candidates=self._table(self.tests.combined, self.combined_candidates),
        )


def _combined_statistics(block: Tested) -> Statistics:
    """The tests of several phenotypes as statistics, without effects."""
    p = block.combined_neg_log_10_p
    nan = np.full(p.shape, np.nan)
    frequency = np.repeat(block.effect_allele_frequency[block.reported, :1], p.shape[1], axis=1)
    n = np.repeat(block.n[block.reported, :1], p.shape[1], axis=1).astype(np.int32)
    return Statistics(
        beta=nan,
        standard_error=nan,
        neg_log_10_p_value=p,
        effect_allele_frequency=frequency,
        n=n,
    )


def _best_of(block: Tested) -> pa.Table:
    """The strongest phenotype of each variant, in the columns of `SUMMARY`."""
    best = np.nanargmax(block.chi2, axis=1)
    rows = np.arange(len(best))
    chi2 = block.chi2[rows, best].astype(np.float64)

    p = p_of_chi2(chi2)
    exact = block.statistics.neg_log_10_p_value
    exact = exact[np.arange(len(exact)), best[block.reported]]
    p[block.reported] = np.where(np.isnan(exact), p[block.reported], exact)

    columns = {
        ROW: block.rows,
        "neg_log_10_p_value": p,
        "phenotype": best,
        "effect_allele_frequency": block.effect_allele_frequency[rows, best],
        "n": block.n[rows, best],
        "mean_chi2": np.asarray(np.nanmean(block.chi2, axis=1, dtype=np.float64)),
        "omnibus_excess": block.omnibus_excess,
    }
    arrays = [pa.array(columns[field.name], field.type, safe=False) for field in SUMMARY]
    return pa.Table.from_arrays(arrays, schema=SUMMARY)


class Parts:
    """The finished parts of one scan, below its folder: a lost job costs its chromosome only."""

    def __init__(self, folder: Path, inputs: ScanInput, settings: str):
        self.folder = folder / FOLDER / _fingerprint(inputs, settings)

    def read(
        self, chromosome: str, names: tuple[str, ...], combined: tuple[str, ...]
    ) -> Part | None:
        """The part of a chromosome as it was written; None where it is not finished."""
        place = self.folder / chromosome
        if not place.is_dir():
            return None
        with np.load(place / "tally.npz", allow_pickle=False) as arrays:
            own = {name: arrays[name].copy() for name in TALLIED}
            of_combined = {name: arrays[f"combined_{name}"].copy() for name in TALLIED}
        return Part(
            chromosome=chromosome,
            excluded=Counter(json.loads((place / "excluded.json").read_text())),
            tally=Tally.of(names, own),
            combined_tally=Tally.of(combined, of_combined),
            **{name: pq.read_table(place / f"{name}.parquet") for name in TABLES},
        )

    def write(self, part: Part) -> None:
        """Puts a part on disk, under another name first: a part that lies there is whole."""
        place = self.folder / part.chromosome
        if place.is_dir():
            return

        partial = self.folder / f"{part.chromosome}.{os.getpid()}.partial"
        partial.mkdir(parents=True, exist_ok=True)
        arrays: dict[str, Any] = {
            f"combined_{name}": values for name, values in part.combined_tally.arrays().items()
        }
        np.savez_compressed(partial / "tally.npz", **(arrays | part.tally.arrays()))
        for name in TABLES:
            pq.write_table(getattr(part, name), partial / f"{name}.parquet")
        (partial / "excluded.json").write_text(json.dumps(part.excluded))

        try:
            partial.rename(place)
        except OSError:  # another job was faster
            shutil.rmtree(partial)

    def remove(self) -> None:
        """Deletes the parts, which nobody needs once the scan is whole."""
        shutil.rmtree(self.folder.parent, ignore_errors=True)


def _fingerprint(inputs: ScanInput, settings: str) -> str:
    """A name made of everything that the results follow from, so that parts of another scan are not
    taken for this one's."""
    digest = hashlib.blake2b(digest_size=12)
    files = [
        (file.name, file.stat().st_size, file.stat().st_mtime_ns) for file in inputs.genotypes.files
    ]
    for text in (FORMAT, settings, repr(inputs.filter), repr(inputs.names), repr(files)):
        digest.update(text.encode() + b"\0")
    rows = np.empty(0) if inputs.variants is None else inputs.variants
    for values in (inputs.individuals, inputs.phenotypes, inputs.covariates, rows):
        digest.update(np.ascontiguousarray(values).tobytes())
    return digest.hexdigest()


def finish(inputs: ScanInput, tests: Tests, done: list[Part], parts: Parts, folder: Path) -> Scan:
    """The scan that the parts make, its table written into `folder`; of a part of a scan nothing is
    written."""
    scan, table = whole(inputs, tests, done)
    if inputs.chromosomes is None:
        with association_writer(folder / ASSOCIATIONS) as writer:
            writer.write_table(table)
        parts.remove()
    return scan


def whole(inputs: ScanInput, tests: Tests, parts: list[Part]) -> tuple[Scan, pa.Table]:
    """The scan that the parts make, and its association table."""
    names, combined = tests.prepared.names, tests.combined
    tally, combined_tally, excluded = Tally.empty(names), Tally.empty(combined), Counter[str]()
    for part in parts:
        tally.merge(part.tally)
        combined_tally.merge(part.combined_tally)
        excluded += part.excluded

    summary = (
        pa.concat_tables([part.variants for part in parts])
        .to_pandas()
        .set_index(ROW)
        .rename_axis(None)
    )
    if not len(summary):
        reasons = ", ".join(f"{count:,} {reason}" for reason, count in excluded.items())
        raise InputError(
            f"Some variant must be left to test; of {sum(excluded.values()):,} none is: {reasons}. "
            "Relax the settings of variants."
        )
    summary["phenotype"] = np.array(names, dtype=object)[summary["phenotype"]]

    table = pa.concat_tables([part.candidates for part in parts])
    of_combined = pa.concat_tables([part.combined_candidates for part in parts])
    scan = Scan(
        phenotypes=names,
        dropped=tests.prepared.dropped,
        n_individuals=len(inputs.individuals),
        n_variants=len(summary),
        excluded=dict(excluded),
        report_below=tests.report_below,
        variants=inputs.genotypes.variants.loc[summary.index].join(summary),
        candidates=_frame(table),
        tally=tally,
        combined=Combined(combined_tally, _frame(of_combined)) if combined else None,
    )
    return scan, table.drop_columns([ROW])


def _frame(table: pa.Table) -> pd.DataFrame:
    """An association table in pandas, indexed by the rows of its variants."""
    return to_frame(table.drop_columns([ROW])).set_axis(table[ROW].to_numpy())
