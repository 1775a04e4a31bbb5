"""Which differences between configurations are real, and not the luck of a chromosome or of a seed.

Yields are sums over chromosomes, which are independent of one another. Two configurations that were
scored on the same people and variants share most of that luck, so what varies is the difference of
each chromosome.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy.special import stdtr, stdtrit

from ecgae.statistics.jackknife import jackknife


class Differences(NamedTuple):
    """The yield of the first configuration less that of the second, pair by pair."""

    difference: Float[np.ndarray, " pair"]
    standard_error: Float[np.ndarray, " pair"]
    margin: Float[np.ndarray, " pair"]
    """Half the width of the 95 % interval of one pair alone."""
    p: Float[np.ndarray, " pair"]
    """Two-sided, for one pair alone; NaN where fewer than two chromosomes were tested."""


def paired_differences(
    parts: Float[np.ndarray, "chromosome configuration"],
    sizes: Float[np.ndarray, " chromosome"],
    common_seed_variance: Float[np.ndarray, " configuration"],
    seeds: Int[np.ndarray, " configuration"],
    pairs: Int[np.ndarray, "pair 2"],
    counts: bool,
) -> Differences:
    """The difference of two configurations, its standard error, and a t test with Welch and
    Satterthwaite's degrees of freedom.

    Squared standard error: that of a jackknife over chromosomes, which holds what seeds change
    chromosome by chromosome, and where both have several seeds what a seed changes on all
    chromosomes alike (see `common_seed_variance`).

    Parameters
    ----------
    parts: what each chromosome adds to the yield, mean over seeds.
    sizes: tested variants of each chromosome.
    common_seed_variance: variance of the mean over seeds; not looked at where `seeds` is 1.
    seeds: number of seeds of each configuration.
    counts: whether the yield counts things. A difference of counts is then taken to be at least as
        uncertain as the sign test of what only one of both has: the same step on every chromosome
        is no certainty.
    """
    first, second = pairs.T
    steps = parts[:, first] - parts[:, second]
    difference = steps.sum(axis=0)

    variance = jackknife(steps, sizes).standard_error ** 2
    if counts:
        # One discordant thing adds its squared step; fewer than this there cannot have been.
        variance = np.maximum(variance, np.minimum(np.abs(steps), steps**2).sum(axis=0))
    both = (seeds[first] > 1) & (seeds[second] > 1)
    of_seeds = [np.where(both, common_seed_variance[side], 0.0) for side in (first, second)]
    total = variance + of_seeds[0] + of_seeds[1]

    freedom = [
        np.full(len(pairs), len(sizes) - 1),
        *(np.maximum(seeds[side] - 1, 1) for side in (first, second)),
    ]
    with np.errstate(divide="ignore", invalid="ignore"):
        squares = [part**2 / df for part, df in zip((variance, *of_seeds), freedom, strict=True)]
        degrees = total**2 / np.sum(squares, axis=0)
        p = 2 * stdtr(degrees, -np.abs(difference) / np.sqrt(total))
        margin = np.where(total == 0, 0.0, stdtrit(degrees, 0.975) * np.sqrt(total))

    # No step anywhere: what was found is the same, chromosome by chromosome.
    p = np.where((difference == 0) & (total == 0), 1.0, p)
    return Differences(difference, np.sqrt(total), margin, p)


def common_seed_variance(parts: Float[np.ndarray, "seed chromosome"]) -> float:
    """Variance of the mean over seeds of the total, less what chromosomes that vary for themselves
    would give.

    The sum of their covariances, at least 0: a fit that went badly loses everywhere. NaN for one
    seed.
    """
    if len(parts) < 2:
        return np.nan
    total, alone = parts.sum(axis=1).var(ddof=1), parts.var(axis=0, ddof=1).sum()
    return float(max(total - alone, 0.0) / len(parts))


def may_be_best(
    better: Float[np.ndarray, "configuration configuration"], level: float
) -> Bool[np.ndarray, " configuration"]:
    """The configurations among which the best one is, with a confidence of 1 - `level`.

    better: p-value of the one-sided test that the configuration of the column is better than that
    of the row; NaN where there is none. Left out is what another one beats at `level` over the
    number of others: for the truly best one, each of these tests is false at most so often.
    """
    others = max(len(better) - 1, 1)
    return np.logical_not(np.any(better < level / others, axis=1))


def holm(p: Float[np.ndarray, " test"]) -> Float[np.ndarray, " test"]:
    """p-values corrected for their number (Holm 1979): the chance that any of those below it is
    false. NaN stays.

    >>> holm(np.array([0.01, 0.04, np.nan, 0.02])).tolist()
    [0.03, 0.04, nan, 0.04]
    """
    known = np.flatnonzero(np.isfinite(p))
    order = known[np.argsort(p[known], kind="stable")]
    corrected = np.full(len(p), np.nan)
    corrected[order] = np.minimum(
        np.maximum.accumulate(p[order] * np.arange(len(order), 0, -1)), 1.0
    )
    return corrected
