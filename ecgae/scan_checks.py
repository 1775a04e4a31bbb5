"""What is asked of a scan beside its hits: heritabilities, and what it finds in people who were shuffled."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float32, Int

from ecgae.association import chi2_of_p, covariate_basis, p_of_chi2
from ecgae.calls import Calls
from ecgae.engine import Scan, Task
from ecgae.engine._phenotypes import groups_of
from ecgae.engine._threads import in_order
from ecgae.engine._variants import block_size, blocks, calls_of
from ecgae.errors import InputError
from ecgae.heritability import heritability, relatedness_trace
from ecgae.ld_scores import ld_score_regression, ld_scores
from ecgae.permutation import Extremes, null_summary, permuted_extremes
from ecgae.screening import Stack, chi2_of_r2, multiplier, screen, stack

COLUMNS = 2048
"""Of a matrix product that tests several shuffled orders at once, about."""


PEOPLE_FOR_LD = 2000
"""At most, drawn at random: r2 is then known to 0.0005 where there is none."""


@dataclass(frozen=True)
class Checks:
    """
    heritability: estimate what all variants together explain of each phenotype; one more pass over the genotypes.
    probes: random directions for it.
    ld_scores: tell structure from many small effects, by whether chi2 rises with LD; some of the people are enough.
    permutations: shuffled orders of the people to scan; 0: none. Each costs about as much as the scan itself.
    seed: of the directions and orders.
    """

    heritability: bool = True
    probes: int = 32
    ld_scores: bool = True
    permutations: int = 0
    seed: int = 1

    def __post_init__(self) -> None:
        if self.probes < 1:
            raise InputError(f"checks.probes must be at least 1; got {self.probes}.")
        if self.permutations < 0:
            raise InputError(f"checks.permutations must be 0 or more; got {self.permutations}.")

    def __call__(self, task: Task, scan: Scan, transform: str, threshold: float) -> dict[str, Any]:
        """Plain numbers for score.json; `threshold`: the p-value of a hit, `transform`: that of the engine."""
        found: dict[str, Any] = {}
        tested = task.phenotypes[:, np.isin(task.names, scan.phenotypes)]
        if self.heritability:
            found |= self._heritability(task, scan, tested)
        if self.ld_scores:
            found |= self._ld_scores(task, scan)
        if self.permutations:
            found |= self._null(task, scan, tested, transform, threshold)
        return found

    def _heritability(self, task: Task, scan: Scan, tested: np.ndarray) -> dict[str, Any]:
        basis = covariate_basis(task.covariates)
        trace = relatedness_trace(_dosages(task, scan, "Heritability"), basis, self.probes, self.seed)
        estimate = heritability(scan.tally, trace, (~np.isnan(tested)).sum(axis=0))
        return {
            "heritability_by_phenotype": _by_name(scan, estimate.estimate),
            "heritability_standard_error_by_phenotype": _by_name(scan, estimate.standard_error),
            "relatedness_between_chromosomes": _plain(trace.between_chromosomes),
        }

    def _ld_scores(self, task: Task, scan: Scan) -> dict[str, Any]:
        """The regression of the mean chi2 over phenotypes: its intercept is what LD cannot explain."""
        people = np.sort(np.random.default_rng(self.seed).permutation(len(task.individuals))[:PEOPLE_FOR_LD])
        some = task._replace(individuals=task.individuals[people])
        place = task.genotypes.variants["base_pair_location"].to_numpy()[scan.variants.index]
        chromosome = scan.variants["chromosome"].to_numpy()
        scores = ld_scores(_dosages(some, scan, "LD scores"), place)
        fit = ld_score_regression(scan.variants["mean_chi2"].to_numpy(), scores, chromosome)
        excess = float(scan.variants["mean_chi2"].mean()) - 1
        return {
            "ld_score_intercept": _finite(fit.intercept),
            "ld_score_intercept_standard_error": _finite(fit.standard_error),
            "attenuation": _finite((fit.intercept - 1) / excess) if excess > 0 else None,
        }

    def _null(self, task: Task, scan: Scan, tested: np.ndarray, transform: str, threshold: float) -> dict[str, Any]:
        groups = groups_of(tested, task.covariates, transform)
        columns = sum(group.model.basis.shape[1] + group.model.residuals.shape[1] for group in groups)
        names = [group.columns for group in groups]
        least = chi2_of_p(np.array([-np.log10(threshold)]))[0]

        def shuffled(orders: Int[np.ndarray, "repetition individual"]) -> Extremes:
            models = [(group.model, order[group.people], False) for order in orders for group in groups]
            right = stack(models, len(task.individuals))
            largest = np.full((len(orders), len(scan.phenotypes)), np.nan)
            hits = np.zeros(len(orders), dtype=np.int64)
            for chi2 in _screened(task, scan, right):
                for place, values in enumerate(chi2):
                    repetition, group = divmod(place, len(groups))
                    hits[repetition] += int((values > least).sum())
                    best = np.fmax(largest[repetition, names[group]], np.fmax.reduce(values, axis=0))
                    largest[repetition, names[group]] = best
            return Extremes(p_of_chi2(largest), hits)

        at_once = max(1, COLUMNS // columns)
        null = permuted_extremes(shuffled, len(task.individuals), self.permutations, self.seed, at_once)
        return {name: _finite(value) for name, value in null_summary(null).items()}


def _screened(task: Task, scan: Scan, right: Stack) -> Iterator[list[Float32[np.ndarray, "variant phenotype"]]]:
    least = task.filter.min_minor_allele_count - 0.01
    multiply = multiplier(right)

    def work(calls: Calls) -> list[np.ndarray]:
        found = []
        for one in screen(calls, right, multiply):
            one.r2[one.minor_allele_count < least] = np.nan
            found.append(chi2_of_r2(one.r2, one.df))
        return found

    for _, result in _each_block(task, scan, work, "Shuffled people"):
        yield result


def _dosages(task: Task, scan: Scan, label: str) -> Iterator[tuple[str, Float32[np.ndarray, "individual variant"]]]:
    def work(calls: Calls) -> np.ndarray:
        return calls.dosage(np.arange(len(calls.flipped))).astype(np.float32)

    yield from _each_block(task, scan, work, label)


def _each_block(task: Task, scan: Scan, work: Any, label: str) -> Iterator[tuple[str, Any]]:
    """`work` on the calls of the variants that were tested, which passed the filter then."""
    rows = scan.variants.index.to_numpy()
    jobs = ((job, len(job[1])) for job in blocks(task, rows, block_size(len(task.individuals), 2)))

    def read(job: tuple[str, np.ndarray]) -> Any:
        return work(calls_of(task.genotypes, job[1], task.individuals, None)[1])

    for (chromosome, _), result in in_order(read, jobs, len(rows), label):
        yield chromosome, result


def _by_name(scan: Scan, values: np.ndarray) -> dict[str, float | None]:
    pairs = zip(scan.phenotypes, values.tolist(), strict=True)
    return {name: _plain(value) for name, value in pairs}


def _finite(value: Any) -> Any:
    """The same, None for what JSON cannot say."""
    if isinstance(value, list):
        return [_finite(one) for one in value]
    return None if value is None or not np.isfinite(value) else value


def _plain(value: float) -> float | None:
    """JSON has no NaN."""
    return None if np.isnan(value) else value
