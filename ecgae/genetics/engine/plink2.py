"""The scan by PLINK 2: `plink2 --glm` on the people, phenotypes, covariates and variants that
engine=ols would take.

Chang et al. 2015 (doi 10.1186/s13742-015-0047-8); https://www.cog-genomics.org/plink/2.0/assoc#glm
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import pyarrow as pa
from pyarrow import csv

from ecgae.errors import InputError
from ecgae.genetics.engine._block import UNTESTED, all_tests
from ecgae.genetics.engine._gather import Printed, scan_by
from ecgae.genetics.engine._inputs import (
    file_of,
    independent,
    link,
    person_names,
    values_of,
    write_list,
    write_people,
    write_values,
)
from ecgae.genetics.engine._program import failed, require, run, scratch
from ecgae.genetics.engine._settings import check_settings, settings_of
from ecgae.genetics.genotypes import Genotypes
from ecgae.genetics.phenotype_groups import prepare
from ecgae.genetics.scan import Scan, ScanInput
from ecgae.genetics.variant_blocks import Rows

INSTALL = "Install PLINK 2 (Debian: apt-get install plink2; others: https://www.cog-genomics.org/plink/2.0)"
LEAST_MEMORY = 0.68
"""Least memory that PLINK 2 accepts, in GB: 640 MiB, rounded up."""

COLUMNS = {
    "ID": pa.int64(),
    "A1": pa.string(),
    "A1_FREQ": pa.float64(),
    "TEST": pa.string(),
    "OBS_CT": pa.int32(),
    "BETA": pa.float64(),
    "SE": pa.float64(),
    "LOG10_P": pa.float64(),
    "ERRCODE": pa.string(),
}


@dataclass(frozen=True)
class PLINK2:
    """Regresses every phenotype on every variant beside the covariates, one chromosome after the
    other.

    program: its name on the PATH, or with its folder.
    transform: what happens to phenotypes first: none | zscore | rint (residuals to normal ranks).
    report_below: associations with a larger p are not written.
    constant_phenotypes: fail | drop (and name them), as a latent that the model does not use.
    threads: 0 takes as many as PLINK 2 finds cores.
    memory: GB that PLINK 2 reserves; null leaves it half of what the computer has.
    """

    program: str = "plink2"
    transform: str = "rint"
    report_below: float = 1e-5
    constant_phenotypes: str = "fail"
    threads: int = 0
    memory: float | None = None

    def __post_init__(self) -> None:
        check_settings(self.transform, self.report_below, self.constant_phenotypes, self.threads)
        if self.memory is not None and self.memory < LEAST_MEMORY:
            raise InputError(
                f"engine.memory must be at least PLINK 2's {LEAST_MEMORY} GB, or null; got {self.memory} GB."
            )
        require(self.program, "PLINK 2", INSTALL)

    def __call__(self, inputs: ScanInput, folder: Path) -> Scan:
        """Writes the candidates; `Scan.combined` is None."""
        people, rarest = inputs.individuals, inputs.filter.min_minor_allele_count
        prepared = prepare(inputs, self.transform, self.constant_phenotypes)
        tests = all_tests(prepared, len(people), self.report_below, rarest, acat=False, every=False)
        with scratch(folder, "plink2") as place:
            write_values(place / "phenotypes.tsv", people, "p", values_of(prepared, len(people)))
            covariates = independent(inputs.covariates)
            write_values(place / "covariates.tsv", people, "c", covariates)
            write_list(place / "people.txt", [f"{name} {name}" for name in person_names(people)])
            open_file = cache(lambda file: self._open(inputs.genotypes, file, place))

            def program(chromosome: str, rows: Rows) -> Iterator[Printed]:
                files = open_file(file_of(inputs.genotypes, rows))
                return self._test(files, rows, len(prepared.names), covariates.shape[1] > 0, place)

            return scan_by(program, inputs, tests, settings_of(self), folder)

    def _open(self, genotypes: Genotypes, file: int, place: Path) -> list[str]:
        """The words that name a file of genotypes, which is converted first where PLINK 2 would do
        so each time."""
        prefix = place / f"genotypes{file}"
        source = genotypes.files[file]
        if source.suffix != ".bgen":
            link(genotypes, file, prefix)
            return ["--bfile" if source.suffix == ".bed" else "--pfile", str(prefix)]

        converted = place / f"converted{file}"
        write_people(converted.with_suffix(".sample"), np.arange(len(genotypes.sample_ids)))
        words = [
            "--bgen",
            str(source.resolve()),
            "ref-first",
            "--sample",
            str(converted.with_suffix(".sample")),
        ]
        self._run([*words, "--make-pgen", "--out", str(converted)], place)
        link(genotypes, file, prefix, converted.with_suffix(".pgen"))
        return ["--pfile", str(prefix)]

    def _test(
        self, files: list[str], rows: Rows, phenotypes: int, covariates: bool, place: Path
    ) -> Iterator[Printed]:
        """Runs PLINK 2 on these variants, then reads what it wrote of each phenotype, and deletes
        that."""
        write_list(place / "variants.txt", rows)
        words = [*files, "--keep", "people.txt", "--extract", "variants.txt"]
        words += ["--pheno", "phenotypes.tsv", "--no-psam-pheno", "--no-input-missing-phenotype"]
        words += ["--covar", "covariates.tsv", "--covar-variance-standardize"] if covariates else []
        words += ["--glm", "hide-covar", "log10", *([] if covariates else ["allow-no-covars"])]
        self._run([*words, "cols=a1freq,test,nobs,beta,se,p,err", "--out", "out"], place)

        for phenotype in range(phenotypes):
            file = place / f"out.p{phenotype}.glm.linear"
            printed = self._read(file, rows)
            file.unlink()
            yield printed

    def _run(self, words: list[str], place: Path) -> None:
        threads = ["--threads", str(self.threads)] if self.threads else []
        memory = (
            ["--memory", str(round(self.memory * 1e9 / 2**20))] if self.memory is not None else []
        )
        run([self.program, *words, *threads, *memory], place)

    def _read(self, file: Path, rows: Rows) -> Printed:
        """Raises `InputError` unless there is one row of every variant."""
        if not file.is_file():
            raise failed(self.program, f"ended well, but without {file.name}", file.parent)
        try:
            table = read_glm(file)
        except pa.ArrowInvalid as error:
            raise failed(
                self.program, f"wrote {file.name}, which cannot be read ({error})", file.parent
            ) from None
        if not np.array_equal(table.variant, rows):
            wrote = f"wrote {len(table.variant):,} of {len(rows):,} variants to {file.name}"
            raise failed(self.program, wrote, file.parent)
        return table


def read_glm(file: Path) -> Printed:
    """The rows TEST = ADD of a `.glm.linear` file whose IDs are rows of the variants."""
    with file.open("rb") as opened:
        names = opened.readline().decode().rstrip().lstrip("#").split("\t")
        table = csv.read_csv(
            opened,
            csv.ReadOptions(column_names=names),
            csv.ParseOptions(delimiter="\t"),
            csv.ConvertOptions(
                column_types=COLUMNS, include_columns=list(COLUMNS), null_values=["NA"]
            ),
        )

    frame = table.to_pandas()
    frame = frame[frame["TEST"] == "ADD"]
    fine = frame["ERRCODE"] == "."
    return Printed(
        variant=frame["ID"].to_numpy(),
        tested_allele=frame["A1"].to_numpy(dtype=object),
        beta=frame["BETA"].to_numpy(),
        standard_error=frame["SE"].to_numpy(),
        neg_log_10_p_value=frame["LOG10_P"].where(fine).to_numpy(),
        frequency=frame["A1_FREQ"].to_numpy(),
        n=frame["OBS_CT"].to_numpy(),
        untested=np.where(fine, "", UNTESTED).astype(object),
    )
