"""The exact test of Hardy-Weinberg proportions, for many variants at once and far into the tail.

Given n people and m copies of the rarer allele, h heterozygous people have the probability

    P(h) = n! m! (2n - m)! 2^h / (r! h! c! (2n)!),  r = (m - h) / 2 and c = n - h - r homozygous,

and p is the sum of P over all h that are no more probable than the observed one. Wigginton,
Cutler & Abecasis, Am J Hum Genet 2005;76:887, doi 10.1086/429864.
"""

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy.special import gammaln

TIE = 1e-8  # log P that differ by less are rounding errors apart


def log10_p(
    heterozygous: Int[np.ndarray, " variant"],
    homozygous: Int[np.ndarray, " variant"],
    other_homozygous: Int[np.ndarray, " variant"],
) -> Float[np.ndarray, " variant"]:
    """log10 of the exact p; 0 for a variant without calls.

    >>> heterozygous, homozygous = np.array([450, 300]), np.array([160, 250])
    >>> log10_p(heterozygous, homozygous, other_homozygous=np.array([360, 450])).round(1)
    array([ -0.5, -32. ])
    """
    rare = np.minimum(homozygous, other_homozygous)
    common = np.maximum(homozygous, other_homozygous)
    counts = zip(heterozygous.tolist(), rare.tolist(), common.tolist(), strict=True)
    return np.array([_log_p(*count) for count in counts], dtype=float) / np.log(10)


def is_below(
    threshold: float,
    heterozygous: Int[np.ndarray, " variant"],
    homozygous: Int[np.ndarray, " variant"],
    other_homozygous: Int[np.ndarray, " variant"],
) -> Bool[np.ndarray, " variant"]:
    """Whether p < threshold; exactly, but fast.

    p is at least P of the observed count, and at most that times the number of counts possible:
    only variants for which the threshold lies between the two are summed.

    >>> is_below(1e-6, np.array([450, 300]), np.array([160, 250]), np.array([360, 450]))
    array([False,  True])
    """
    if threshold <= 0:
        return np.zeros(len(heterozygous), dtype=bool)

    rare = np.minimum(homozygous, other_homozygous)
    n = heterozygous + homozygous + other_homozygous
    copies = 2 * rare + heterozygous

    least = _log_probability(heterozygous, rare, n - heterozygous - rare) + _log_constant(n, copies)
    most = least + np.log(copies // 2 + 1)

    border = np.log(threshold)
    below = most < border - TIE
    unsure = np.flatnonzero(~below & (least < border + TIE))
    below[unsure] = log10_p(
        heterozygous[unsure], homozygous[unsure], other_homozygous[unsure]
    ) < np.log10(threshold)
    return below


def _log_p(heterozygous: int, rare: int, common: int) -> float:
    """log of the exact p of one variant."""
    copies = 2 * rare + heterozygous
    possible = np.arange(copies % 2, copies + 1, 2)
    homozygous = (copies - possible) // 2
    log = _log_probability(
        possible, homozygous, heterozygous + rare + common - possible - homozygous
    )
    observed = log[heterozygous // 2]
    return min(0.0, _log_sum(log[log <= observed + TIE]) - _log_sum(log))


def _log_sum(log: Float[np.ndarray, " count"]) -> float:
    """log of the sum of exp; SciPy's takes ten times as long for a few numbers."""
    largest = log.max()
    return float(largest + np.log(np.exp(log - largest).sum()))


def _log_probability(
    heterozygous: Int[np.ndarray, " count"],
    rare: Int[np.ndarray, " count"],
    common: Int[np.ndarray, " count"],
) -> Float[np.ndarray, " count"]:
    """log P without `_log_constant`."""
    return (
        heterozygous * np.log(2)
        - gammaln(heterozygous + 1)
        - gammaln(rare + 1)
        - gammaln(common + 1)
    )


def _log_constant(
    n: Int[np.ndarray, " variant"], copies: Int[np.ndarray, " variant"]
) -> Float[np.ndarray, " variant"]:
    """The part of log P that is the same for all heterozygous counts of a variant."""
    return gammaln(n + 1) + gammaln(copies + 1) + gammaln(2 * n - copies + 1) - gammaln(2 * n + 1)
