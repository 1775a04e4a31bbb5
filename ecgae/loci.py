"""Independent associated regions: a variant near a stronger one and correlated with it is no finding of its own."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int, Num

R2 = Callable[[int, Int[np.ndarray, " other"]], Float[np.ndarray, " other"]]
"""The squared correlation of one variant with others, all given by their place in the arrays."""


class Loci(NamedTuple):
    """The loci of one chromosome, strongest first."""

    index_variant: Int[np.ndarray, " locus"]
    """The most associated variant of each, as its place in the arrays given."""
    locus: Int[np.ndarray, " variant"]
    """For each variant given, which locus it is part of."""


def find_loci(
    position: Int[np.ndarray, " variant"],
    neg_log_10_p: Float[np.ndarray, " variant"],
    r2: R2,
    min_r2: float = 0.1,
    max_distance: int = 250_000,
) -> Loci:
    """Groups the associated variants of one chromosome into loci.

    Clumping: the strongest free variant takes every free one within `max_distance` base pairs that has at least
    `min_r2` with it, until none is free. Merging: a clump whose strongest variant lies within `max_distance` of that of
    a stronger locus joins that locus (the nearest, if several do).

    Parameters
    ----------
    position: base pairs, in any order; only variants below the threshold belong here.
    neg_log_10_p: the largest over phenotypes. Equal ones go by position, so the order given does not matter.
    """
    clump = np.full(len(position), -1)
    for variant in np.lexsort((position, -neg_log_10_p)):
        if clump[variant] >= 0:
            continue
        free = np.flatnonzero((clump < 0) & (np.abs(position - position[variant]) <= max_distance))
        free = free[free != variant]
        clump[variant] = variant
        if len(free):
            clump[free[r2(int(variant), free) >= min_r2]] = variant
    return _merge(clump, position, neg_log_10_p, max_distance)


def _merge(
    clump: Int[np.ndarray, " variant"],
    position: Int[np.ndarray, " variant"],
    neg_log_10_p: Float[np.ndarray, " variant"],
    max_distance: int,
) -> Loci:
    """`clump` names the strongest variant of each one's clump."""
    heads = np.unique(clump)
    index_variants: list[int] = []
    locus_of_head: dict[int, int] = {}
    for head in heads[np.lexsort((position[heads], -neg_log_10_p[heads]))]:
        distance = np.abs(position[index_variants] - position[head])
        if len(distance) and distance.min() <= max_distance:
            locus_of_head[int(head)] = int(distance.argmin())
        else:
            locus_of_head[int(head)] = len(index_variants)
            index_variants.append(int(head))
    locus = np.array([locus_of_head[int(head)] for head in clump], dtype=np.int64)
    return Loci(np.array(index_variants, dtype=np.int64), locus)


def squared_correlation(
    one: Num[np.ndarray, " individual"], others: Num[np.ndarray, "individual other"]
) -> Float[np.ndarray, " other"]:
    """r2 of dosages; a missing call counts as the variant's mean, and a constant variant correlates with nothing."""
    first = _standardised(one[:, None])[:, 0]
    return np.square(first @ _standardised(others))


def _standardised(dosage: Num[np.ndarray, "individual variant"]) -> Float[np.ndarray, "individual variant"]:
    missing = np.isnan(dosage)
    called = np.maximum(len(dosage) - missing.sum(axis=0), 1)
    mean = np.where(missing, 0, dosage).sum(axis=0, dtype=np.float64) / called
    centred = np.where(missing, 0, dosage - mean)
    norm = np.linalg.norm(centred, axis=0)
    return centred / np.where(norm > 0, norm, np.inf)
