"""LD scores, and the regression that tells structure from many small effects.

The LD score l of a variant is the sum of its r2 with all variants nearby. If effects are many and
small, chi2 rises with it; if people of different ancestry differ in phenotype, chi2 is too large
whatever the LD:

    E chi2 = N h2 l / M + intercept        (Bulik-Sullivan et al. 2015, doi 10.1038/ng.3211)
"""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Float32, Int, Shaped

DISTANCE = 1_000_000
"""LD counts between variants that are at most this many base pairs apart."""


def ld_scores(
    blocks: Iterable[tuple[str, Float32[np.ndarray, "individual _variant"]]],
    position: Int[np.ndarray, " variant"],
    distance: int = DISTANCE,
) -> Float[np.ndarray, " variant"]:
    """The LD score of every variant, each with itself included.

    blocks: a chromosome's name, and copies of an allele (NaN = the variant's mean), in the order of
    `position`. r2 among n people is (1 - r2) / (n - 2) too large by chance, which is taken off.

    >>> first, third = np.random.default_rng(0).binomial(2, 0.5, (2, 10_000)).astype(np.float32)
    >>> block = np.stack([first, first, third], axis=1)  # the first two in complete LD
    >>> ld_scores([("1", block)], np.array([1000, 2000, 3000])).round(1)
    array([2., 2., 1.])
    """
    scores = np.zeros(len(position))
    before: list[tuple[int, Float32[np.ndarray, "individual _variant"]]] = []

    chromosome, start = None, 0

    for name, dosage in blocks:
        genotype = _standardised(dosage)
        here = slice(start, start + genotype.shape[1])
        if name != chromosome:
            chromosome, before = name, []
        scores[here] += _sums(genotype, genotype, position[here], position[here], distance)[0]

        kept = []
        for first, other in before:
            there = slice(first, first + other.shape[1])
            if position[here].min() - position[there].max() > distance:
                continue
            kept.append((first, other))
            mine, theirs = _sums(genotype, other, position[here], position[there], distance)
            scores[here] += mine
            scores[there] += theirs

        before = [*kept, (start, genotype)]
        start = here.stop

    return scores


def _sums(
    one: Float32[np.ndarray, "individual one"],
    other: Float32[np.ndarray, "individual other"],
    of_one: Int[np.ndarray, " one"],
    of_other: Int[np.ndarray, " other"],
    distance: int,
) -> tuple[Float[np.ndarray, " one"], Float[np.ndarray, " other"]]:
    """What variants of two blocks add to each other's LD scores, chance taken off."""
    r2 = np.square(one.T @ other)
    r2 -= (1 - r2) / (len(one) - 2)
    r2[np.abs(of_one[:, None] - of_other) > distance] = 0
    return r2.sum(axis=1, dtype=np.float64), r2.sum(axis=0, dtype=np.float64)


def _standardised(
    dosage: Float32[np.ndarray, "individual variant"],
) -> Float32[np.ndarray, "individual variant"]:
    """Columns of mean 0 and length 1; 0 for a constant variant."""
    genotype = dosage - np.nanmean(dosage, axis=0, dtype=np.float64).astype(np.float32)
    genotype[np.isnan(genotype)] = 0
    length = np.linalg.norm(genotype, axis=0)
    return genotype / np.where(length > 1e-6, length, np.inf)


class Regression(NamedTuple):
    """The line of chi2 on LD scores."""

    intercept: float
    """The chi2 of a variant in LD with nothing: 1 without confounding."""
    standard_error: float
    """The standard error of `intercept`, by leaving out one chromosome after the other; NaN for
    fewer than two."""
    slope: float
    """What one unit of LD score adds to chi2: N h2 / M."""


def ld_score_regression(
    chi2: Float[np.ndarray, " variant"],
    scores: Float[np.ndarray, " variant"],
    chromosome: Shaped[np.ndarray, " variant"],
    highest: float = 30,
) -> Regression:
    """Weighted least squares; variants with chi2 above `highest` are left out, since few large
    effects would rule it.

    Weights are 1 / l, since a variant counts once for each that it stands for, and 1 / (expected
    chi2)^2, its variance.

    >>> scores = np.array([1.0, 5.0, 10.0, 20.0])
    >>> chi2, chromosome = 1.05 + 0.1 * scores, np.array(["1", "2", "3", "4"])
    >>> line = ld_score_regression(chi2, scores, chromosome)
    >>> round(line.intercept, 3), round(line.slope, 3)
    (1.05, 0.1)
    """
    used = (chi2 < highest) & np.isfinite(chi2)
    chi2, scores, chromosome = chi2[used], np.maximum(scores[used], 1), np.asarray(chromosome)[used]

    weights = 1 / scores
    for _ in range(2):
        intercept, slope = _line(chi2, scores, weights)
        weights = 1 / (scores * np.maximum(intercept + slope * scores, 0.5) ** 2)
    intercept, slope = _line(chi2, scores, weights)

    names = np.unique(chromosome)
    without = np.array(
        [
            _line(*(part[chromosome != name] for part in (chi2, scores, weights)))[0]
            for name in names
        ]
    )
    error = (
        np.sqrt((len(names) - 1) / len(names) * ((without - without.mean()) ** 2).sum())
        if len(names) > 1
        else np.nan
    )

    return Regression(float(intercept), float(error), float(slope))


def _line(
    chi2: Float[np.ndarray, " variant"],
    scores: Float[np.ndarray, " variant"],
    weights: Float[np.ndarray, " variant"],
) -> tuple[float, float]:
    """Intercept and slope of the weighted least-squares line; NaN without variants."""
    if not len(chi2):
        return np.nan, np.nan

    total = weights.sum()
    mean_score, mean_chi2 = weights @ scores / total, weights @ chi2 / total
    spread = weights @ np.square(scores - mean_score)
    slope = (
        float(weights @ ((scores - mean_score) * (chi2 - mean_chi2)) / spread)
        if spread > 0
        else 0.0
    )
    return float(mean_chi2 - slope * mean_score), slope
