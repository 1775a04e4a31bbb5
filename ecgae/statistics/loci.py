"""Independent associated regions: a variant near a stronger one and correlated with it is no
finding of its own."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int, Num

R2 = Callable[[int, Int[np.ndarray, " other"]], Float[np.ndarray, " other"]]
"""The squared correlation of one variant with others, all given by their place in the arrays."""

NOWHERE = -1
"""The locus of a variant that is part of none."""


class Loci(NamedTuple):
    """The loci of one chromosome, strongest first."""

    index_variant: Int[np.ndarray, " locus"]
    """The most associated variant of each, as its place in the arrays given."""
    locus: Int[np.ndarray, " variant"]
    """For each variant given, which locus it is part of, or `NOWHERE`."""


class _Places(NamedTuple):
    """Where variants lie, and which of them count as being at one place."""

    position: Int[np.ndarray, " variant"]
    """Where each variant lies, in base pairs."""
    together: Bool[np.ndarray, " variant"]
    """Which variants lie in the region that counts as one place."""

    @classmethod
    def of(
        cls, position: Int[np.ndarray, " variant"], one_locus: tuple[int, int] | None
    ) -> "_Places":
        """The places of variants; `one_locus`: from and to of the region that counts as one."""
        first, last = one_locus or (1, 0)
        return cls(position, (position >= first) & (position <= last))

    def distance(self, one: int, others: Int[np.ndarray, " other"]) -> Int[np.ndarray, " other"]:
        """Base pairs from one variant to others; 0 where both are at the one place."""
        apart = np.abs(self.position[others] - self.position[one])
        return np.where(self.together[one] & self.together[others], 0, apart)


def find_loci(
    position: Int[np.ndarray, " variant"],
    neg_log_10_p: Float[np.ndarray, " variant"],
    r2: R2,
    significant: Bool[np.ndarray, " variant"] | None = None,
    min_r2: float = 0.1,
    max_distance: int = 250_000,
    one_locus: tuple[int, int] | None = None,
) -> Loci:
    """Groups the associated variants of one chromosome into loci: clumps (see `clump`), close ones
    merged (`merge`).

    >>> position = np.array([100_000, 150_000, 300_000, 2_000_000])
    >>> neg_log_10_p = np.array([9.0, 12.0, 8.0, 10.0])
    >>> loci = find_loci(position, neg_log_10_p, r2=lambda one, others: np.full(len(others), 0.05))
    >>> position[loci.index_variant], loci.locus
    (array([ 150000, 2000000]), array([0, 0, 0, 1]))
    """
    clumps = clump(
        position=position,
        neg_log_10_p=neg_log_10_p,
        r2=r2,
        significant=significant,
        min_r2=min_r2,
        max_distance=max_distance,
        one_locus=one_locus,
    )
    return merge(clumps, position, neg_log_10_p, max_distance, one_locus)


def clump(
    position: Int[np.ndarray, " variant"],
    neg_log_10_p: Float[np.ndarray, " variant"],
    r2: R2,
    significant: Bool[np.ndarray, " variant"] | None = None,
    min_r2: float = 0.1,
    max_distance: int = 250_000,
    one_locus: tuple[int, int] | None = None,
) -> Int[np.ndarray, " variant"]:
    """For each variant the index variant that takes it (itself, if it is one), or `NOWHERE`.

    The strongest free significant variant takes every free one within `max_distance` base pairs
    that has at least `min_r2` with it, until no significant one is free: PLINK's --clump, with r2
    of allele counts where PLINK 1.9 takes that of estimated haplotypes.

    Parameters
    ----------
    position: base pairs, in any order.
    neg_log_10_p: the largest over phenotypes. Equal ones go by position, so the order given does
    not matter.
    significant: which may be index variants, None: all. The others can only be taken.
    one_locus: from and to, in base pairs, of a region in which all variants count as one and the
        same place, such as the MHC with its long-range LD.

    Examples
    --------
    >>> position = np.array([100_000, 150_000, 300_000])
    >>> ld = np.array([[1.0, 0.8, 0.0], [0.8, 1.0, 0.0], [0.0, 0.0, 1.0]])
    >>> clump(position, np.array([9.0, 12.0, 8.0]), r2=lambda one, others: ld[one, others])
    array([1, 1, 2])
    """
    places = _Places.of(position, one_locus)
    taken_by = np.full(len(position), NOWHERE)

    order = np.lexsort((position, -neg_log_10_p))
    for variant in order if significant is None else order[significant[order]]:
        if taken_by[variant] != NOWHERE:
            continue
        taken_by[variant] = variant
        free = np.flatnonzero(taken_by == NOWHERE)
        free = free[places.distance(int(variant), free) <= max_distance]
        same = places.together[free] & places.together[variant]
        taken_by[free[same]] = variant
        others = free[~same]
        if len(others):
            taken_by[others[r2(int(variant), others) >= min_r2]] = variant

    return taken_by


def passing(
    clumps: Int[np.ndarray, " variant"], significant: Bool[np.ndarray, " variant"]
) -> Int[np.ndarray, " variant"]:
    """The clumps at a stricter threshold: those whose index variant passes it, unchanged.

    What takes a variant depends on stronger variants alone, so one clumping at the loosest
    threshold serves them all.

    >>> passing(np.array([1, 1, 2, NOWHERE]), significant=np.array([False, True, False, False]))
    array([ 1,  1, -1, -1])
    """
    return np.where((clumps != NOWHERE) & significant[clumps], clumps, NOWHERE)


def merge(
    clumps: Int[np.ndarray, " variant"],
    position: Int[np.ndarray, " variant"],
    neg_log_10_p: Float[np.ndarray, " variant"],
    max_distance: int = 250_000,
    one_locus: tuple[int, int] | None = None,
) -> Loci:
    """A clump whose index variant lies within `max_distance` of that of a stronger locus joins it
    (the nearest, if several do).

    >>> position = np.array([100_000, 150_000, 300_000])
    >>> merge(np.array([1, 1, 2]), position, np.array([9.0, 12.0, 8.0])).locus
    array([0, 0, 0])
    """
    places = _Places.of(position, one_locus)

    heads = np.unique(clumps[clumps != NOWHERE])
    index_variants: list[int] = []
    locus_of_head = np.full(len(clumps) + 1, NOWHERE)  # the last entry is that of `NOWHERE`

    for head in heads[np.lexsort((places.position[heads], -neg_log_10_p[heads]))]:
        distance = places.distance(int(head), np.array(index_variants, dtype=np.int64))
        if len(distance) and distance.min() <= max_distance:
            locus_of_head[head] = distance.argmin()
        else:
            locus_of_head[head] = len(index_variants)
            index_variants.append(int(head))

    return Loci(np.array(index_variants, dtype=np.int64), locus_of_head[clumps])


def standardise(
    dosage: Num[np.ndarray, "individual variant"],
) -> Float[np.ndarray, "variant individual"]:
    """Rows of mean 0 and length 1, whose products are correlations; a constant variant becomes 0.

    A missing call (NaN) counts as the variant's mean. Quickest for dosages in Fortran order.
    """
    genotype = np.array(dosage.T, order="C")
    n = genotype.shape[1]
    row, person = np.divmod(np.flatnonzero(np.isnan(genotype)), n)
    genotype[row, person] = 0

    called = np.maximum(n - np.bincount(row, minlength=len(genotype)), 1)
    mean = (genotype.sum(axis=1, dtype=np.float64) / called).astype(genotype.dtype)
    genotype -= mean[:, None]
    genotype[row, person] = 0

    norm = np.sqrt(np.einsum("vi,vi->v", genotype, genotype))
    rounding = 1e-6 * np.sqrt(n) * np.abs(mean)  # what may be left of a constant
    genotype /= np.where(norm > rounding, norm, np.inf)[:, None]
    return genotype


def squared_correlation(
    one: Num[np.ndarray, " individual"], others: Num[np.ndarray, "individual other"]
) -> Float[np.ndarray, " other"]:
    """r2 of dosages; a missing call counts as the variant's mean, and a constant variant correlates
    with nothing.

    >>> one = np.array([0.0, 1.0, 2.0, 1.0])
    >>> others = np.array([[2.0, 1.0, 0.0], [1.0, 1.0, 0.0], [0.0, 1.0, 0.0], [1.0, 2.0, 0.0]])
    >>> squared_correlation(one, others).round(3)
    array([1., 0., 0.])
    """
    return np.square(standardise(others) @ standardise(one[:, None])[0])
