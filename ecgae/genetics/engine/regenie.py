"""The scan by REGENIE: whole-genome ridge regression (step 1), whose predictions are taken off
before testing (step 2).

Relatedness and polygenic background are accounted for so: related people may stay. Written to the
documentation of REGENIE 3 and UNVERIFIED ON THE REAL PROGRAM: the tests run a stand-in that behaves
as that documentation says.

Mbatchou et al. 2021 (doi 10.1038/s41588-021-00870-7); https://rgcgithub.github.io/regenie/options
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
from jaxtyping import Int

from ecgae.errors import InputError
from ecgae.genetics.engine._block import UNTESTED, all_tests
from ecgae.genetics.engine._gather import Printed, scan_by
from ecgae.genetics.engine._inputs import (
    file_of,
    independent,
    link,
    values_of,
    write_bed,
    write_list,
    write_people,
    write_values,
)
from ecgae.genetics.engine._program import failed, require, run, scratch
from ecgae.genetics.engine._settings import check_settings, settings_of
from ecgae.genetics.genotypes import Genotypes
from ecgae.genetics.phenotype_groups import prepare
from ecgae.genetics.scan import Scan, ScanInput
from ecgae.genetics.variant_blocks import Rows, passing
from ecgae.genetics.variant_filter import VariantFilter

INSTALL = "Install REGENIE (https://github.com/rgcgithub/regenie/releases)"
BLOCK_SIZES = {1: 1000, 2: 400}
"""Variants at a time in steps 1 and 2, as REGENIE's documentation recommends."""

MOST_IN_STEP_1 = 1_000_000
"""REGENIE refuses more variants."""

COLUMNS = [
    "CHROM",
    "GENPOS",
    "ID",
    "ALLELE0",
    "ALLELE1",
    "A1FREQ",
    "N",
    "TEST",
    "BETA",
    "SE",
    "LOG10P",
]


@dataclass(frozen=True)
class REGENIE:
    """Tests every phenotype on every variant beside the covariates and a prediction from the other
    chromosomes.

    program: its name on the PATH, or with its folder.
    transform: what happens to phenotypes first: none | zscore | rint (residuals to normal ranks).
    report_below: associations with a larger p are not written.
    constant_phenotypes: fail | drop (and name them), as a latent that the model does not use.
    step1_variants: a file of variant ids for step 1, such as those of the array; null: every
    variant that passes.
    leave_one_out: cross-validation in step 1 by leaving out one person, instead of a fifth of them.
    ignore_predictions: no step 1: linear regression of unrelated people.
    strict: only people in whom every phenotype is known; otherwise step 1 takes a missing one for
    the mean.
    threads: 0 takes as many as REGENIE finds cores.
    """

    program: str = "regenie"
    transform: str = "rint"
    report_below: float = 1e-5
    constant_phenotypes: str = "fail"
    step1_variants: str | None = None
    leave_one_out: bool = False
    ignore_predictions: bool = False
    strict: bool = False
    threads: int = 0

    def __post_init__(self) -> None:
        check_settings(self.transform, self.report_below, self.constant_phenotypes, self.threads)
        require(self.program, "REGENIE", INSTALL)

    def __call__(self, inputs: ScanInput, folder: Path) -> Scan:
        """Writes the candidates; `Scan.combined` is None."""
        inputs = _complete(inputs) if self.strict else inputs
        people, rarest = inputs.individuals, inputs.filter.min_minor_allele_count
        prepared = prepare(inputs, self.transform, self.constant_phenotypes)
        tests = all_tests(prepared, len(people), self.report_below, rarest, acat=False, every=False)
        with scratch(folder, "regenie") as place:
            write_values(place / "phenotypes.tsv", people, "p", values_of(prepared, len(people)))
            shared = ["--phenoFile", "phenotypes.tsv", "--qt"]
            covariates = independent(inputs.covariates)
            if covariates.shape[1]:
                write_values(place / "covariates.tsv", people, "c", covariates)
                shared += ["--covarFile", "covariates.tsv"]
            shared += ["--strict"] if self.strict else []
            open_file = cache(lambda file: _open(inputs.genotypes, file, place))
            predictions = cache(lambda: self._predict(inputs, shared, place))

            def program(chromosome: str, rows: Rows) -> Iterator[Printed]:
                words = [*open_file(file_of(inputs.genotypes, rows)), *shared, *predictions()]
                words += ["--chr", chromosome, "--minMAC", f"{max(rarest, 1):g}"]
                return self._test(
                    words, rows, inputs.genotypes.variants, len(prepared.names), place
                )

            return scan_by(program, inputs, tests, settings_of(self), folder)

    def _predict(self, inputs: ScanInput, shared: list[str], place: Path) -> list[str]:
        """Step 1, on all chromosomes; returns the words that say where its predictions are."""
        if self.ignore_predictions:
            return ["--ignore-pred"]

        chosen = VariantFilter(
            min_minor_allele_count=100,
            min_minor_allele_frequency=0.01,
            min_call_rate=0.9,
            min_hwe_p=1e-15,
            keep=self.step1_variants,
        )
        variants, _ = passing(inputs._replace(filter=chosen, chromosomes=None))
        if not 0 < len(variants) <= MOST_IN_STEP_1:
            raise InputError(
                f"Step 1 of REGENIE must have between 1 and {MOST_IN_STEP_1:,} variants; got {len(variants):,} with a "
                "minor allele frequency of at least 0.01, 100 copies and 90 % of the calls. Name a file of ids, such "
                "as those of the array, with engine.step1_variants, or set engine.ignore_predictions=true."
            )

        write_bed(inputs.genotypes, variants, inputs.individuals, place / "step1")
        words = [
            "--step",
            "1",
            "--bed",
            "step1",
            *shared,
            *(["--loocv"] if self.leave_one_out else []),
        ]
        self._run(1, [*words, "--lowmem", "--lowmem-prefix", "level0", "--out", "step1"], place)
        if not (place / "step1_pred.list").is_file():
            raise failed(self.program, "ended well, but without step1_pred.list", place)
        return ["--pred", "step1_pred.list"]

    def _test(
        self, words: list[str], rows: Rows, variants: pd.DataFrame, phenotypes: int, place: Path
    ) -> Iterator[Printed]:
        """Step 2 on a chromosome, then what it wrote of each phenotype, which is deleted."""
        write_list(place / "variants.txt", rows)
        if "--bgen" not in words:  # there the ids are the file's own
            words = [*words, "--extract", "variants.txt"]
        self._run(2, ["--step", "2", *words, "--out", "out"], place)

        for phenotype in range(phenotypes):
            file = place / f"out_p{phenotype}.regenie"
            if not file.is_file():
                raise failed(self.program, f"ended well, but without {file.name}", place)
            try:
                printed = read_step2(file, variants, rows)
            except ValueError as error:
                raise failed(
                    self.program, f"wrote {file.name}, which cannot be read ({error})", place
                ) from None
            file.unlink()
            yield printed

    def _run(self, step: int, words: list[str], place: Path) -> None:
        threads = ["--threads", str(self.threads)] if self.threads else []
        run([self.program, *words, "--bsize", str(BLOCK_SIZES[step]), *threads], place)


def _complete(inputs: ScanInput) -> ScanInput:
    """Only people in whom every phenotype is known."""
    known = ~np.isnan(inputs.phenotypes).any(axis=1)
    print(
        f"{(~known).sum():,} of {len(known):,} individuals lack a phenotype and are left out (engine.strict=true)."
    )
    return inputs._replace(
        individuals=inputs.individuals[known],
        phenotypes=inputs.phenotypes[known],
        covariates=inputs.covariates[known],
    )


def _open(genotypes: Genotypes, file: int, place: Path) -> list[str]:
    """The words that name a file of genotypes."""
    prefix, source = place / f"genotypes{file}", genotypes.files[file]
    if source.suffix == ".bgen":
        write_people(prefix.with_suffix(".sample"), np.arange(len(genotypes.sample_ids)))
        return ["--bgen", str(source.resolve()), "--sample", f"{prefix}.sample", "--ref-first"]
    link(genotypes, file, prefix)
    return [f"--{source.suffix[1:]}", str(prefix)]


def read_step2(file: Path, variants: pd.DataFrame, wanted: Rows) -> Printed:
    """The rows TEST = ADD of a `.regenie` file that are of these variants, known by position and
    alleles.

    Raises `ValueError` where the file is not one.
    """
    text = {"CHROM": str, "ID": str, "ALLELE0": str, "ALLELE1": str, "TEST": str}
    table = pd.read_csv(
        file,
        sep=" ",
        comment="#",
        usecols=COLUMNS,
        dtype=text,
        na_values="NA",
        keep_default_na=False,
    )
    table = table[table["TEST"] == "ADD"]

    row = _row_of(table, variants.iloc[wanted])
    table, row = table[row >= 0], row[row >= 0]

    p = table["LOG10P"].to_numpy(dtype=np.float64)
    return Printed(
        variant=row,
        tested_allele=table["ALLELE1"].to_numpy(dtype=object),
        beta=table["BETA"].to_numpy(dtype=np.float64),
        standard_error=table["SE"].to_numpy(dtype=np.float64),
        neg_log_10_p_value=p,
        frequency=table["A1FREQ"].to_numpy(dtype=np.float64),
        n=table["N"].to_numpy(dtype=np.int64),
        untested=np.where(np.isnan(p), UNTESTED, "").astype(object),
    )


def _row_of(table: pd.DataFrame, variants: pd.DataFrame) -> Int[np.ndarray, " row"]:
    """The index of each row's variant, -1 where it is none of them."""
    keys = pd.MultiIndex.from_arrays(
        [variants[name] for name in ("base_pair_location", "other_allele", "effect_allele")]
    )
    as_listed = keys.get_indexer(
        pd.MultiIndex.from_arrays([table["GENPOS"], table["ALLELE0"], table["ALLELE1"]])
    )
    swapped = keys.get_indexer(
        pd.MultiIndex.from_arrays([table["GENPOS"], table["ALLELE1"], table["ALLELE0"]])
    )
    place = np.where(as_listed >= 0, as_listed, swapped)
    return np.where(place >= 0, variants.index.to_numpy()[place], -1)
