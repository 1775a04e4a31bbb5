"""What is asked of a scan beside its hits: heritabilities, and what it finds in people who were
shuffled."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float32, Int

from ecgae.errors import InputError
from ecgae.genetics.phenotype_groups import Group, groups_of
from ecgae.genetics.scan import Scan, ScanInput
from ecgae.genetics.variant_blocks import block_size, blocks, calls_of
from ecgae.machine.kept import kept
from ecgae.machine.threads import in_order
from ecgae.scoring.by_chromosome import excess_sums
from ecgae.statistics.association import chi2_of_p, covariate_basis, p_of_chi2
from ecgae.statistics.calls import Calls
from ecgae.statistics.heritability import (
    Trace,
    heritability,
    relatedness_trace,
    summed_heritability,
)
from ecgae.statistics.json_number import json_number
from ecgae.statistics.ld_scores import ld_score_regression, ld_scores
from ecgae.statistics.permutation import Extremes, null_summary, permuted_extremes
from ecgae.statistics.screening import Stack, chi2_of_r2, multiplier, screen, stack

COLUMNS = 2048
"""Columns, roughly, of a matrix product that tests several shuffled orders at once."""

KEPT_VERSION = 1
"""Version of what is kept: raised when the relatedness or the LD scores of the same people and
variants change."""

PEOPLE_FOR_LD = 2000
"""Number of people, drawn at random, whose LD is taken: r2 is then known to 0.0005 where there is
none."""


@dataclass(frozen=True)
class Checks:
    """Which checks are made beside a scan.

    heritability: whether to estimate what all variants together explain of each phenotype; one more
        pass over the genotypes.
    probes: number of random directions for it.
    ld_scores: whether to tell structure from many small effects, by whether chi2 rises with LD;
        some of the people are enough.
    permutations: number of shuffled orders of the people to scan; 0: none. 20 are one more pass
        over the genotypes, with 20 times the columns of the scan.
    seed: where the random directions and orders start.
    """

    heritability: bool = True
    probes: int = 32
    ld_scores: bool = True
    permutations: int = 20
    seed: int = 1

    def __post_init__(self) -> None:
        if self.probes < 1:
            raise InputError(f"checks.probes must be at least 1; got {self.probes}.")
        if self.permutations < 0:
            raise InputError(f"checks.permutations must be 0 or more; got {self.permutations}.")

    def __call__(
        self,
        inputs: ScanInput,
        scan: Scan,
        transform: str,
        threshold: float,
        cache: Path | None = None,
    ) -> dict[str, Any]:
        """The checks' numbers for score.json; `threshold`: the p-value of a hit, `transform`: that of
        the engine.

        cache: folder where what does not depend on the phenotypes is kept, for the next scan of the
        same people, covariates and variants; None: nowhere.
        """
        inputs = inputs.in_file_order()  # so that the same people are known again
        tested = inputs.phenotypes[:, np.isin(inputs.names, scan.phenotypes)]
        groups = groups_of(tested, inputs.covariates, transform)

        numbers = _tails(scan, groups)
        if self.heritability:
            numbers |= self._heritability(inputs, scan, tested, cache)
        if self.ld_scores:
            numbers |= self._ld_scores(inputs, scan, cache)
        if self.permutations:
            numbers |= self._null(inputs, scan, groups, threshold)
        return numbers

    def _heritability(
        self, inputs: ScanInput, scan: Scan, tested: np.ndarray, cache: Path | None
    ) -> dict[str, Any]:
        """What all variants explain of each phenotype, and of all of them together."""
        trace = self._trace(inputs, scan, cache)
        known = ~np.isnan(tested)
        estimate = heritability(scan.tally, trace, known.sum(axis=0))
        summed = summed_heritability(
            *excess_sums(scan.variants), trace, int(known.all(axis=1).sum())
        )

        return {
            "heritability_by_phenotype": _by_name(scan, estimate.estimate),
            "heritability_standard_error_by_phenotype": _by_name(scan, estimate.standard_error),
            "summed_heritability": json_number(summed.estimate[0]),
            "summed_heritability_standard_error": json_number(summed.standard_error[0]),
            "relatedness_between_chromosomes": json_number(trace.between_chromosomes),
        }

    def _trace(self, inputs: ScanInput, scan: Scan, cache: Path | None) -> Trace:
        """How related the people are, from the folder `cache` where it is there already."""

        def make() -> dict[str, np.ndarray]:
            basis = covariate_basis(inputs.covariates)
            trace = relatedness_trace(
                _dosages(inputs, scan, "Heritability"), basis, self.probes, self.seed
            )
            return {name: np.asarray(value) for name, value in trace._asdict().items()}

        numbers = np.array([self.probes, self.seed])
        file = _file(cache, "relatedness", inputs, scan, more=(inputs.covariates, numbers))
        held = kept(file, make)
        return Trace(
            excess=held["excess"],
            variants=held["variants"],
            dimensions=int(held["dimensions"]),
            lost=int(held["lost"]),
        )

    def _ld_scores(self, inputs: ScanInput, scan: Scan, cache: Path | None) -> dict[str, Any]:
        """The regression of the mean chi2 over phenotypes: its intercept is what LD cannot
        explain."""
        people = np.sort(
            np.random.default_rng(self.seed).permutation(len(inputs.individuals))[:PEOPLE_FOR_LD]
        )
        some = inputs._replace(individuals=inputs.individuals[people])

        def make() -> dict[str, np.ndarray]:
            place = inputs.genotypes.variants["base_pair_location"].to_numpy()[scan.variants.index]
            return {
                "scores": ld_scores(_dosages(some, scan, "LD scores"), place).astype(np.float32)
            }

        scores = kept(_file(cache, "ld_scores", some, scan), make)["scores"].astype(np.float64)
        fit = ld_score_regression(
            scan.variants["mean_chi2"].to_numpy(), scores, scan.variants["chromosome"].to_numpy()
        )
        excess = float(scan.variants["mean_chi2"].mean()) - 1

        return {
            "ld_score_intercept": json_number(fit.intercept),
            "ld_score_intercept_standard_error": json_number(fit.standard_error),
            "attenuation": json_number((fit.intercept - 1) / excess) if excess > 0 else None,
        }

    def _null(
        self, inputs: ScanInput, scan: Scan, groups: list[Group], threshold: float
    ) -> dict[str, Any]:
        """What the scan finds in shuffled people, several orders in one pass over the genotypes."""
        columns = sum(
            group.model.basis.shape[1] + group.model.residuals.shape[1] for group in groups
        )
        names = [group.columns for group in groups]
        least = chi2_of_p(np.array([-np.log10(threshold)]))[0]

        def shuffled(orders: Int[np.ndarray, "repetition individual"]) -> Extremes:
            models = [
                (group.model, order[group.people], False) for order in orders for group in groups
            ]
            right = stack(models, len(inputs.individuals))
            largest = np.full((len(orders), len(scan.phenotypes)), np.nan)
            hits = np.zeros(len(orders), dtype=np.int64)

            for chi2 in _screened(inputs, scan, right):
                for place, values in enumerate(chi2):
                    repetition, group = divmod(place, len(groups))
                    hits[repetition] += int((values > least).sum())
                    best = np.fmax(
                        largest[repetition, names[group]], np.fmax.reduce(values, axis=0)
                    )
                    largest[repetition, names[group]] = best

            return Extremes(p_of_chi2(largest), hits)

        at_once = max(1, COLUMNS // columns)
        null = permuted_extremes(
            shuffled, len(inputs.individuals), self.permutations, self.seed, at_once
        )
        return null_summary(null)


def _tails(scan: Scan, groups: list[Group]) -> dict[str, Any]:
    """How heavy the tails of what is tested are: 0 for a normal distribution."""
    kurtosis = np.full(len(scan.phenotypes), np.nan)
    for group in groups:
        _, residuals, sums = group.model
        kurtosis[group.columns] = len(residuals) * (residuals**4).sum(axis=0) / sums**2 - 3
    return {
        "excess_kurtosis": json_number(kurtosis.max()),
        "excess_kurtosis_by_phenotype": _by_name(scan, kurtosis),
    }


def _file(
    cache: Path | None, name: str, inputs: ScanInput, scan: Scan, more: Sequence[np.ndarray] = ()
) -> Path | None:
    """The file that keeps what follows from these people, from the variants that were tested, and
    from `more`; None where nothing is kept."""
    if cache is None:
        return None

    digest = hashlib.blake2b(digest_size=12)
    files = [
        (file.name, file.stat().st_size, file.stat().st_mtime_ns) for file in inputs.genotypes.files
    ]
    digest.update(repr((KEPT_VERSION, files)).encode())
    for values in (inputs.individuals, scan.variants.index.to_numpy(), *more):
        digest.update(
            f"{values.shape}{values.dtype}".encode() + np.ascontiguousarray(values).tobytes()
        )
    return cache / "scan" / f"{name}-{digest.hexdigest()}.npz"


def _screened(
    inputs: ScanInput, scan: Scan, right: Stack
) -> Iterator[list[Float32[np.ndarray, "variant phenotype"]]]:
    """chi2 of each model in `right`, block of variants by block; NaN where an allele is too rare."""
    least = inputs.filter.min_minor_allele_count - 0.01
    multiply = multiplier(right)

    def work(calls: Calls) -> list[np.ndarray]:
        chi2 = []
        for one in screen(calls, right, multiply):
            one.r2[one.minor_allele_count < least] = np.nan
            chi2.append(chi2_of_r2(one.r2, one.df))
        return chi2

    for _, result in _each_block(inputs, scan, work, "Shuffled people"):
        yield result


def _dosages(
    inputs: ScanInput, scan: Scan, label: str
) -> Iterator[tuple[str, Float32[np.ndarray, "individual variant"]]]:
    """The chromosome and the dosages of each block of tested variants."""

    def work(calls: Calls) -> np.ndarray:
        return calls.dosage(np.arange(len(calls.flipped))).astype(np.float32)

    yield from _each_block(inputs, scan, work, label)


def _each_block(inputs: ScanInput, scan: Scan, work: Any, label: str) -> Iterator[tuple[str, Any]]:
    """`work` on the calls of the variants that were tested, which passed the filter then."""
    rows = scan.variants.index.to_numpy()
    jobs = (
        (job, len(job[1])) for job in blocks(inputs, rows, block_size(len(inputs.individuals), 2))
    )

    def read(job: tuple[str, np.ndarray]) -> Any:
        return work(calls_of(inputs.genotypes, job[1], inputs.individuals, None)[1])

    for (chromosome, _), result in in_order(read, jobs, len(rows), label):
        yield chromosome, result


def _by_name(scan: Scan, values: np.ndarray) -> dict[str, float | None]:
    """One number per phenotype, ready for JSON."""
    pairs = zip(scan.phenotypes, values.tolist(), strict=True)
    return {name: json_number(value) for name, value in pairs}
