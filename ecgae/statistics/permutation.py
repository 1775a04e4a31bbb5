"""What a scan finds where nothing can be associated: people shuffled between phenotypes and
genotypes.

Phenotypes and covariates of a person stay together. This keeps the correlation of the phenotypes,
their tails and what the covariates explain, and the LD between variants; only the link between the
two is cut (Churchill & Doerge 1994, doi 10.1093/genetics/138.3.963). People must be exchangeable,
that is unrelated and of one ancestry: structure that the covariates describe is cut from the
genotypes too.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int
from scipy import special

from ecgae.statistics.json_number import json_number


class Extremes(NamedTuple):
    """What is kept of the scan of each shuffled order."""

    largest: Float[np.ndarray, "repetition phenotype"]
    """-log10 p of the phenotype's most significant test; NaN = not tested."""
    hits: Int[np.ndarray, " repetition"]
    """Tests below the threshold of the scan, over all variants and phenotypes."""


ShuffledScan = Callable[[Int[np.ndarray, "repetition individual"]], Extremes]
"""Scans everything for several orders in one pass over the genotypes: row i of the phenotypes and
covariates meets the genotypes of person `order[i]`. With the genotypes left in place, `moved[order]
= rows` puts rows where they belong."""


def permuted_extremes(
    scan: ShuffledScan,
    individuals: int,
    repetitions: int,
    seed: int = 0,
    at_once: int = 10,
    progress: Callable[[int], object] = lambda done: None,
) -> Extremes:
    """The null: what `scan` finds in so many shuffled orders of the people, `at_once` per pass over
    the genotypes.

    Repetition r is the same whatever `repetitions` and `at_once` are. `progress` hears how many
    more are done.
    """
    scans = []
    for start in range(0, repetitions, at_once):
        orders = shuffled_orders(individuals, range(start, min(start + at_once, repetitions)), seed)
        scans.append(scan(orders))
        progress(len(orders))

    largest, hits = zip(*scans, strict=True)
    return Extremes(np.concatenate(largest), np.concatenate(hits))


def shuffled_orders(
    individuals: int, which: range, seed: int
) -> Int[np.ndarray, "repetition individual"]:
    """The shuffled order of the people in each repetition of `which`; each has a random stream of
    its own."""
    return np.stack(
        [np.random.default_rng([seed, number]).permutation(individuals) for number in which]
    )


class Estimate(NamedTuple):
    """A number with its 95 % confidence interval, which says how few repetitions there were."""

    value: float
    low: float
    """The lower end of the interval."""
    high: float
    """The upper end of the interval."""


def family_wise_error(null: Extremes) -> Estimate:
    """Share of null scans with at least one hit at the scan's threshold (Clopper & Pearson 1934);
    NaN for none made.

    >>> hits = np.array([0, 0, 3, 0, 1, 0, 0, 0, 0, 0])  # of ten null scans
    >>> error = family_wise_error(Extremes(np.full((10, 1), 5.0), hits))
    >>> error.value, round(error.low, 3), round(error.high, 3)
    (0.2, 0.025, 0.556)
    """
    return _proportion(int((null.hits > 0).sum()), len(null.hits))


def expected_false_hits(null: Extremes) -> Estimate:
    """Hits per null scan, at the scan's threshold.

    Hits come in clumps, by LD and by correlation of phenotypes. So the number of scans with hits is
    taken as binomial and the hits of such a scan at their mean; where no scan has any, as one.
    """
    share = family_wise_error(null)
    clump = float(null.hits[null.hits > 0].mean()) if (null.hits > 0).any() else 1.0
    return Estimate(share.value * clump, share.low * clump, share.high * clump)


def _proportion(count: int, total: int) -> Estimate:
    """`count` of `total`, with the exact binomial interval."""
    low = special.betaincinv(count, total - count + 1, 0.025) if count else 0.0
    high = special.betaincinv(count + 1, total - count, 0.975) if count < total else 1.0
    return Estimate(count / total, float(low), float(high))


def family_wise_threshold(null: Extremes, level: float = 0.05) -> Estimate:
    """The p-value below which a share `level` of null scans have any test, over all phenotypes.

    An order statistic of the smallest p-values, and the order statistics that hold the true
    quantile with 95 %. With few repetitions the smallest ones are not known: below 1 / level - 1
    (19 for 5 %) the value is NaN, and where the interval has no lower end that is 0.
    `effective_tests` needs fewer.
    """
    smallest = np.sort(_smallest(null))
    n = len(smallest)
    rank = int(level * (n + 1) + 1e-9)
    ranks = np.arange(n + 1)

    # The number of scans below the true quantile is binomial: P(at most k of n).
    at_most = special.bdtr(ranks.astype(float), n, level)
    low = int(np.searchsorted(at_most, 0.025))  # the largest rank that has 97.5 % of lying below it
    high = int(np.searchsorted(at_most, 0.975)) + 1
    return Estimate(
        float(smallest[rank - 1]) if rank else np.nan,
        float(smallest[low - 1]) if low else 0.0,
        float(smallest[high - 1]) if high <= n else 1.0,
    )


def effective_tests(null: Extremes) -> Estimate:
    """How many independent tests have smallest p-values like these: level / value is a family-wise
    threshold.

    If min p is that of M independent uniform ones, -log(1 - min p) is exponential with rate M,
    whose estimate and interval are exact. Needs calibrated p-values; `family_wise_threshold` does
    not, but needs more repetitions. More effective tests than tests were made: the p-values are too
    small, as of outliers and rare variants.

    >>> p = np.random.default_rng(0).uniform(size=(100, 50)).min(axis=1)  # of 50 tests, 100 times
    >>> null = Extremes(-np.log10(p)[:, None], np.zeros(100, dtype=int))
    >>> [round(number) for number in effective_tests(null)]
    [56, 46, 68]
    """
    total = -np.log1p(-_smallest(null)).sum()
    n = len(null.hits)
    low, high = special.gammaincinv(n, np.array([0.025, 0.975])) / total
    return Estimate(float((n - 1) / total) if n > 1 else np.nan, float(low), float(high))


def _smallest(null: Extremes) -> Float[np.ndarray, " repetition"]:
    """The smallest p of each null scan, over all phenotypes."""
    return 10.0 ** -np.nanmax(null.largest, axis=1)


def null_summary(
    null: Extremes, level: float = 0.05
) -> dict[str, float | int | list[float | None] | None]:
    """Plain numbers, ready for JSON; each estimate is followed by its 95 % interval.

    null_repetitions; null_family_wise_error and null_hits (per scan), at the threshold of the scan;
    null_threshold: the p-value of family-wise error `level`; null_effective_tests.
    """
    summary: dict[str, float | int | list[float | None] | None] = {
        "null_repetitions": len(null.hits)
    }
    estimates = {
        "null_family_wise_error": family_wise_error(null),
        "null_hits": expected_false_hits(null),
        "null_threshold": family_wise_threshold(null, level),
        "null_effective_tests": effective_tests(null),
    }

    for name, (value, low, high) in estimates.items():
        summary[name] = json_number(value)
        summary[f"{name}_95"] = [json_number(low), json_number(high)]
    return summary
