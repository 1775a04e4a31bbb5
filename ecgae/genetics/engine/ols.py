"""The scan in this process: ordinary least squares, exact for missing calls and missing
phenotypes."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np

from ecgae.errors import InputError
from ecgae.genetics.engine._block import Tested, Tests, all_tests, test_block
from ecgae.genetics.engine._parts import Gathering, Part, Parts, finish
from ecgae.genetics.engine._summary_statistics import Writers
from ecgae.genetics.phenotype_groups import COMBINED, prepare
from ecgae.genetics.scan import Scan, ScanInput
from ecgae.genetics.variant_blocks import Rows, block_size, blocks, calls_of, listed
from ecgae.machine.threads import in_order
from ecgae.statistics.association import TRANSFORMS
from ecgae.statistics.screening import Multiply, Stack, multiplier

PATIENCE = 60
"""Seconds after which finished chromosomes are put on disk: a shorter scan is as quickly done
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
    combined: Sequence[str] = ("omnibus", "acat")
    summary_statistics: bool = False
    constant_phenotypes: str = "fail"
    threads: int = 0
    device: str = "cpu"

    def __post_init__(self) -> None:
        if self.transform not in TRANSFORMS:
            raise InputError(
                f"engine.transform must be one of {', '.join(TRANSFORMS)}; got {self.transform!r}."
            )
        if self.constant_phenotypes not in ("fail", "drop"):
            raise InputError(
                f"engine.constant_phenotypes must be fail or drop; got {self.constant_phenotypes!r}."
            )
        if self.missing_calls not in ("exact", "mean"):
            raise InputError(
                f"engine.missing_calls must be exact or mean; got {self.missing_calls!r}."
            )
        unknown = set(self.combined) - set(COMBINED)
        if unknown:
            raise InputError(
                f"engine.combined must be some of {', '.join(COMBINED)}; got {', '.join(sorted(unknown))}."
            )
        if not 0 < self.report_below <= 1:
            raise InputError(
                f"engine.report_below must be a p-value above 0, at most 1; got {self.report_below}."
            )
        if self.device not in ("cpu", "gpu"):
            raise InputError(f"engine.device must be cpu or gpu; got {self.device!r}.")
        if self.threads < 0:
            raise InputError(f"engine.threads must be 0 or more; got {self.threads}.")

    def __call__(self, inputs: ScanInput, folder: Path) -> Scan:
        """Writes the association table into `folder`, and while it takes long the chromosomes that
        are finished.

        Raises `InputError` for no more people than parameters, for constant phenotypes, and where
        no variant is left.
        """
        inputs = inputs.in_file_order()
        prepared = prepare(inputs, self.transform, self.constant_phenotypes, self.combined)
        everything = self.summary_statistics or self.report_below == 1
        tests = all_tests(
            prepared,
            len(inputs.individuals),
            self.report_below,
            inputs.filter.min_minor_allele_count,
            "acat" in self.combined,
            everything,
            self._multiplier(),
        )
        parts = Parts(folder, inputs, self._settings())
        return finish(inputs, tests, self._scan(inputs, tests, parts, folder), parts, folder)

    def _settings(self) -> str:
        """What the results depend on."""
        return repr(
            [
                str(getattr(self, field.name))
                for field in fields(self)
                if field.name not in ("threads", "device")
            ]
        )

    def _multiplier(self) -> Callable[[Stack], Multiply]:
        if self.device == "cpu":
            return multiplier
        import torch  # takes seconds

        from ecgae.genetics.engine._gpu import multiplier_on

        if not torch.cuda.is_available():
            raise InputError("engine.device must be cpu where torch sees no GPU; got gpu.")
        return multiplier_on("cuda")

    def _scan(self, inputs: ScanInput, tests: Tests, parts: Parts, folder: Path) -> list[Part]:
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
        """Chromosome by chromosome, in order."""
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
        with Writers(
            inputs, tests.prepared.names if self.summary_statistics else (), folder
        ) as writers:
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
    passed, calls, failed = calls_of(inputs.genotypes, rows, inputs.individuals, inputs.filter)
    return test_block(calls.with_means() if mean else calls, passed, tests, failed)
