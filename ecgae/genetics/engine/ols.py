"""The scan in this process: ordinary least squares, exact for missing calls and missing
phenotypes."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ecgae.errors import InputError
from ecgae.genetics.engine._block import Tested, Tests, all_tests, test_block
from ecgae.genetics.engine._parts import Gathering, Part, Parts, finish
from ecgae.genetics.engine._settings import check_settings, settings_of
from ecgae.genetics.engine._summary_statistics import Writers
from ecgae.genetics.phenotype_groups import COMBINED, prepare
from ecgae.genetics.scan import ACAT, OMNIBUS, Scan, ScanInput
from ecgae.genetics.variant_blocks import Rows, block_size, blocks, calls_of, listed
from ecgae.machine.threads import in_order
from ecgae.statistics.screening import Multiply, Stack, multiplier

PATIENCE = 60
"""Time in s after which finished chromosomes are put on disk: a shorter scan is as quickly done
again."""


@dataclass(frozen=True)
class OLS:
    """Regresses every phenotype on every variant beside the covariates; unrelated people only.

    transform: what happens to phenotypes first: none | zscore | rint (residuals to normal ranks).
    report_below: associations with a larger p are only counted, in histograms.
    missing_calls: exact: each variant among those with a call, as PLINK 2 does | mean: taken for
    the variant's mean.
    combined: tests of all phenotypes, and those of each lead, at once: omnibus | m_regle | acat.
    summary_statistics: also write every association, as Parquet files by phenotype and chromosome.
    constant_phenotypes: fail | drop (and name them), as a latent that the model does not use.
    threads: that work on blocks at a time; 0 takes one per core.
    device: cpu | gpu, where the matrix products run.
    """

    transform: str = "rint"
    report_below: float = 1e-5
    missing_calls: str = "exact"
    combined: Sequence[str] = (OMNIBUS, ACAT)
    summary_statistics: bool = False
    constant_phenotypes: str = "fail"
    threads: int = 0
    device: str = "cpu"

    def __post_init__(self) -> None:
        check_settings(self.transform, self.report_below, self.constant_phenotypes, self.threads)
        if self.missing_calls not in ("exact", "mean"):
            raise InputError(
                f"engine.missing_calls must be exact or mean; got {self.missing_calls!r}."
            )
        unknown = set(self.combined) - set(COMBINED)
        if unknown:
            raise InputError(
                f"engine.combined must be some of {', '.join(COMBINED)}; got {', '.join(sorted(unknown))}."
            )
        if self.device not in ("cpu", "gpu"):
            raise InputError(f"engine.device must be cpu or gpu; got {self.device!r}.")

    def __call__(self, inputs: ScanInput, folder: Path) -> Scan:
        """Writes the association table into `folder`, and while it takes long the chromosomes that
        are finished.

        Raises `InputError` for no more people than parameters, for constant phenotypes, and where
        no variant is left.
        """
        inputs = inputs.in_file_order()
        tests = all_tests(
            prepare(inputs, self.transform, self.constant_phenotypes, self.combined),
            individuals=len(inputs.individuals),
            report_below=self.report_below,
            min_minor_allele_count=inputs.filter.min_minor_allele_count,
            acat=ACAT in self.combined,
            every=self.summary_statistics or self.report_below == 1,
            multiplied_by=self._multiplier(),
        )
        parts = Parts(folder, inputs, settings_of(self))
        return finish(inputs, tests, self._scan(inputs, tests, parts, folder), parts, folder)

    def _multiplier(self) -> Callable[[Stack], Multiply]:
        """What multiplies genotypes with the phenotypes, on the device."""
        if self.device == "cpu":
            return multiplier
        import torch  # takes seconds

        from ecgae.genetics.engine._gpu import multiplier_on

        if not torch.cuda.is_available():
            raise InputError("engine.device must be cpu where torch sees no GPU; got gpu.")
        return multiplier_on("cuda")

    def _scan(self, inputs: ScanInput, tests: Tests, parts: Parts, folder: Path) -> list[Part]:
        """The parts of all chromosomes, those on disk and those that are scanned now."""
        rows = listed(inputs)
        chromosomes = inputs.genotypes.variants["chromosome"].to_numpy()[rows]
        names, combined = tests.prepared.names, tests.combined
        done = {name: parts.read(name, names, combined) for name in dict.fromkeys(chromosomes)}
        left = rows[np.isin(chromosomes, [name for name, part in done.items() if part is None])]

        started = time.monotonic()
        for part in self._parts(inputs, tests, left, folder):
            done[part.chromosome] = part
            if inputs.chromosomes is not None or time.monotonic() - started > PATIENCE:
                for finished in done.values():
                    if finished is not None:
                        parts.write(finished)
        return [part for part in done.values() if part is not None]

    def _parts(self, inputs: ScanInput, tests: Tests, rows: Rows, folder: Path) -> Iterator[Part]:
        """The parts of these variants, chromosome by chromosome, in order."""
        size = block_size(len(inputs.individuals), 4 if tests.every else 1)
        jobs = ((job, len(job[1])) for job in blocks(inputs, rows, size))
        tested = in_order(
            lambda job: _test(inputs, tests, job[1], self.missing_calls == "mean"),
            jobs,
            len(rows),
            "Association scan",
            self.threads,
        )

        gathering: Gathering | None = None
        written = tests.prepared.names if self.summary_statistics else ()
        with Writers(inputs, written, folder) as writers:
            for (chromosome, _), block in tested:
                if gathering is None or gathering.chromosome != chromosome:
                    if gathering is not None:
                        writers.finish()
                        yield gathering.part()
                    gathering = Gathering(inputs, tests, chromosome)
                gathering.add(block)
                writers.add(chromosome, block)
            if gathering is not None:
                writers.finish()
                yield gathering.part()


def _test(inputs: ScanInput, tests: Tests, rows: Rows, mean: bool) -> Tested:
    """The results of one block; with `mean`, a missing call is taken for the variant's mean."""
    passed, calls, failed = calls_of(inputs.genotypes, rows, inputs.individuals, inputs.filter)
    return test_block(calls.with_means() if mean else calls, passed, tests, failed)
