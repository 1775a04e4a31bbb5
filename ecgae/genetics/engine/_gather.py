"""From what another program prints, phenotype by phenotype, to the parts of a scan."""

from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
from jaxtyping import Float, Float32, Int, Shaped
from tqdm import tqdm

from ecgae.errors import InputError
from ecgae.genetics.engine._block import RARE, Tests, all_tests
from ecgae.genetics.engine._inputs import values_of
from ecgae.genetics.engine._parts import ROW, Part, Parts, finish
from ecgae.genetics.engine._settings import settings_of
from ecgae.genetics.phenotype_groups import prepare
from ecgae.genetics.scan import SUMMARIES, Scan, ScanInput
from ecgae.genetics.sumstats import SCHEMA
from ecgae.genetics.variant_blocks import Rows, listed, passing
from ecgae.statistics.association import chi2_of_p
from ecgae.statistics.tally import Tally

PRINTED = 1e-5
"""Relative error of a number that is printed with six digits, rounded up."""


class Printed(NamedTuple):
    """The tests of one phenotype as a program prints them."""

    variant: Int[np.ndarray, " row"]
    """The variants, as rows of `Genotypes.variants`."""
    tested_allele: Shaped[np.ndarray, " row"]
    """The allele, as text, that beta and the frequency belong to: the effect allele or the other
    one."""
    beta: Float[np.ndarray, " row"]
    standard_error: Float[np.ndarray, " row"]
    neg_log_10_p_value: Float[np.ndarray, " row"]
    """-log10 p; NaN where the variant was not tested."""
    frequency: Float[np.ndarray, " row"]
    n: Int[np.ndarray, " row"]
    untested: Shaped[np.ndarray, " row"]
    """Why the variant was not tested, as text; "" where it was."""


class Results(NamedTuple):
    """The tests of one phenotype, in terms of the effect allele."""

    variant: Int[np.ndarray, " row"]
    beta: Float[np.ndarray, " row"]
    standard_error: Float[np.ndarray, " row"]
    neg_log_10_p_value: Float[np.ndarray, " row"]
    effect_allele_frequency: Float[np.ndarray, " row"]
    n: Int[np.ndarray, " row"]


Program = Callable[[str, Rows], Iterable[Printed]]
"""Tests the variants of a chromosome; gives what is printed of each phenotype, in their order."""


Test = Callable[[Float[np.ndarray, " individual"], Rows], Printed]
"""Tests one phenotype (NaN = missing) on some variants of one chromosome."""


def scan_each(test: Test, inputs: ScanInput, engine: Any, folder: Path) -> Scan:
    """A whole scan by a function that tests one phenotype on some variants; all else is done here.

    The phenotypes that `test` is given are transformed, and what the covariates leave of them: a
    regression that has `inputs.covariates` in it gives the same of them as of the phenotypes
    themselves. The variants are those that pass the filter. `engine` is a dataclass with
    `transform`, `report_below` and `constant_phenotypes`; its fields are what finished chromosomes
    are known by. Writes the candidates into `folder`; `Scan.combined` is None.
    """
    people, rarest = len(inputs.individuals), inputs.filter.min_minor_allele_count
    prepared = prepare(inputs, engine.transform, engine.constant_phenotypes)
    tests = all_tests(prepared, people, engine.report_below, rarest, acat=False, every=False)
    phenotypes = values_of(prepared, people).T

    def program(chromosome: str, rows: Rows) -> Iterable[Printed]:
        return (test(phenotype, rows) for phenotype in phenotypes)

    return scan_by(program, inputs, tests, settings_of(engine), folder)


def scan_by(program: Program, inputs: ScanInput, tests: Tests, settings: str, folder: Path) -> Scan:
    """Tests chromosome by chromosome, and writes the candidates when all are done.

    A finished chromosome is kept in `folder` until then, so that the same call goes on after it.
    """
    parts = Parts(folder, inputs, settings)
    chromosomes = dict.fromkeys(inputs.genotypes.variants["chromosome"].to_numpy()[listed(inputs)])

    done = []
    for chromosome in tqdm(chromosomes, desc="Association scan", unit="chromosome"):
        part = parts.read(chromosome, tests.prepared.names, ())
        if part is None:
            rows, excluded = passing(inputs._replace(chromosomes=(chromosome,)))
            part = part_of(
                chromosome,
                program(chromosome, rows) if len(rows) else [],
                rows=rows,
                excluded=excluded,
                inputs=inputs,
                tests=tests,
            )
            parts.write(part)
        done.append(part)

    return finish(inputs, tests, done, parts, folder)


def part_of(
    chromosome: str,
    every: Iterable[Printed],
    rows: Rows,
    excluded: Counter[str],
    inputs: ScanInput,
    tests: Tests,
) -> Part:
    """What a chromosome's scan holds; `rows` are the variants that the program was given."""
    gathering = _Gathering(chromosome, rows, inputs.genotypes.variants, tests)
    for phenotype, printed in enumerate(every):
        gathering.add(phenotype, printed)
    return gathering.part(excluded)


def results_of(printed: Printed, variants: pd.DataFrame, min_minor_allele_count: float) -> Results:
    """What was printed, turned to the effect allele by its name; without what was not tested or is
    too rare among the phenotype's people.

    Raises `InputError` where the tested allele is none of the variant's.
    """
    effect = variants["effect_allele"].to_numpy()[printed.variant]
    other = variants["other_allele"].to_numpy()[printed.variant]
    same = printed.tested_allele == effect
    strange = ~same & (printed.tested_allele != other)
    if strange.any():
        name = variants["variant_id"].iloc[printed.variant[strange][0]]
        raise InputError(
            f"The tested allele must be one of the variant's; got {printed.tested_allele[strange][0]} of {name}. "
            "Set engine=ols, and report this."
        )

    rarer = np.minimum(printed.frequency, 1 - printed.frequency) * 2 * printed.n
    tested = ~np.isnan(printed.neg_log_10_p_value) & (
        rarer >= min_minor_allele_count * (1 - PRINTED)
    )
    frequency = np.where(same, printed.frequency, 1 - printed.frequency)
    return Results(
        variant=printed.variant[tested],
        beta=np.where(same, printed.beta, -printed.beta)[tested],
        standard_error=printed.standard_error[tested],
        neg_log_10_p_value=printed.neg_log_10_p_value[tested],
        effect_allele_frequency=frequency[tested],
        n=printed.n[tested],
    )


class _Gathering:
    """A part that grows phenotype by phenotype."""

    def __init__(self, chromosome: str, rows: Rows, variants: pd.DataFrame, tests: Tests) -> None:
        self.chromosome, self.rows, self.variants, self.tests = chromosome, rows, variants, tests
        self.names = tests.prepared.names
        self.tally = Tally.empty(self.names)
        self.candidates: list[pd.DataFrame] = []
        self.untested = np.full(len(rows), RARE, dtype=object)
        self.neg_log_10_p_value = np.full(len(rows), np.nan)
        self.phenotype = np.zeros(len(rows), dtype=np.int64)
        self.effect_allele_frequency = np.full(len(rows), np.nan)
        self.n = np.zeros(len(rows), dtype=np.int64)
        self.chi2, self.tests_made = np.zeros(len(rows)), np.zeros(len(rows), dtype=np.int64)

    def add(self, phenotype: int, printed: Printed) -> None:
        """The next phenotype, by its place among the names."""
        reasoned = printed.untested != ""
        self.untested[self._places(printed.variant[reasoned])] = printed.untested[reasoned]
        results = results_of(printed, self.variants, self.tests.min_minor_allele_count)
        self._add_to_tally(phenotype, results)
        self._keep_best(phenotype, results)

        reported = results.neg_log_10_p_value >= -np.log10(self.tests.report_below)
        columns = {
            name: values[reported]
            for name, values in results._asdict().items()
            if name != "variant"
        }
        table = self.variants.iloc[results.variant[reported]].assign(
            **columns, phenotype=self.names[phenotype]
        )
        self.candidates.append(table[SCHEMA.names])

    def _places(self, variant: Int[np.ndarray, " row"]) -> Int[np.ndarray, " row"]:
        """The places in `rows` of these variants."""
        return np.searchsorted(self.rows, variant)

    def _add_to_tally(self, phenotype: int, results: Results) -> None:
        """Counts the statistics of a phenotype in its column of the tally."""
        one = Tally.empty(self.names[phenotype : phenotype + 1])
        rarer = np.minimum(results.effect_allele_frequency, 1 - results.effect_allele_frequency)
        one.add(self.chromosome, rarer, chi2_of_p(results.neg_log_10_p_value)[:, None])
        for all_of_it, column in zip(
            self.tally.arrays().values(), one.arrays().values(), strict=True
        ):
            all_of_it[:, phenotype] += column[:, 0]

    def _keep_best(self, phenotype: int, results: Results) -> None:
        """Notes the phenotype where it is the strongest so far."""
        places = self._places(results.variant)
        self.chi2[places] += chi2_of_p(results.neg_log_10_p_value)
        self.tests_made[places] += 1
        better = ~(results.neg_log_10_p_value <= self.neg_log_10_p_value[places])
        self.phenotype[places[better]] = phenotype
        for name in ("neg_log_10_p_value", "effect_allele_frequency", "n"):
            getattr(self, name)[places[better]] = getattr(results, name)[better]

    @property
    def omnibus_excess(self) -> Float32[np.ndarray, " row"]:
        """NaN for every variant, since programs print no test of all phenotypes at once."""
        return np.full(len(self.rows), np.nan, dtype=np.float32)

    @property
    def mean_chi2(self) -> Float[np.ndarray, " row"]:
        """The mean of chi2 over the phenotypes that a variant was tested with."""
        return self.chi2 / np.maximum(self.tests_made, 1)

    def part(self, excluded: Counter[str]) -> Part:
        """The whole chromosome; `excluded`: the variants that the program was not given, by reason."""
        tested = ~np.isnan(self.neg_log_10_p_value)
        best = {name: getattr(self, name)[tested] for name in SUMMARIES}
        table = self._candidates()
        return Part(
            chromosome=self.chromosome,
            excluded=excluded + Counter(self.untested[~tested]),
            tally=self.tally,
            combined_tally=Tally.empty(()),
            variants=pa.table({ROW: self.rows[tested], **best}),
            candidates=table,
            combined_candidates=table.slice(0, 0),
        )

    def _candidates(self) -> pa.Table:
        """The associations to report in the order of the variants, with their rows."""
        tables = [table for table in self.candidates if len(table)]
        if not tables:
            return SCHEMA.append(pa.field(ROW, pa.int64())).empty_table()
        frame = pd.concat(tables).sort_index(kind="stable")
        table = pa.Table.from_pandas(frame, SCHEMA, preserve_index=False)
        return table.append_column(ROW, pa.array(frame.index.to_numpy(), pa.int64()))
