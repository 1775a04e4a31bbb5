"""Standard errors of what adds up over chromosomes, by leaving out one chromosome after the other.

Chromosomes are inherited independently and LD does not cross them, so they are the natural groups.
Theirs is the luck of which variants a genome holds: the same people are in all of them.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Num


class Estimate(NamedTuple):
    """A number and how well it is known."""

    value: Float[np.ndarray, "*quantity"]
    standard_error: Float[np.ndarray, "*quantity"]
    """The standard error of `value`: NaN for fewer than two groups, 0 where all groups have the
    same share, as where there are no loci."""


def jackknife(
    sums: Num[np.ndarray, "chromosome *quantity"], sizes: Num[np.ndarray, " chromosome"]
) -> Estimate:
    """The totals of what each chromosome adds, and their standard errors.

    sizes: what a chromosome's sum is expected to go with, such as its tested variants. One of size
    0 has no part in it. For a mean over what is counted in `sizes`, divide both by `sizes.sum()`.
    For the difference of two yields, the sums are the differences of each chromosome: what both
    share cancels.

    Valid for two chromosomes or more; with few of them it is itself known badly (22 autosomes: to
    about 15 %).

    >>> loci, variants = np.array([9, 4, 5, 2]), np.array([800, 600, 400, 200])
    >>> total = jackknife(loci, variants)
    >>> float(total.value), round(float(total.standard_error), 2)
    (20.0, 2.71)
    """
    held = sizes > 0
    sums, sizes = sums[held].astype(np.float64), sizes[held].astype(np.float64)
    whole = np.asarray(sums.sum(axis=0))
    if len(sizes) < 2:
        return Estimate(whole, np.full(whole.shape, np.nan))

    one = sizes.reshape(-1, *[1] * whole.ndim)
    without = (whole - sums) * (sizes.sum() / (sizes.sum() - one))
    return Estimate(whole, delete_one_error(whole, without, np.broadcast_to(one, sums.shape)))


def delete_one_error(
    whole: Float[np.ndarray, "*quantity"],
    without: Float[np.ndarray, "group *quantity"],
    sizes: Num[np.ndarray, "group *quantity"],
) -> Float[np.ndarray, "*quantity"]:
    """Standard error of the estimates `whole` from those `without` each group; a group of size 0
    has no part in it.

    The weighted jackknife for groups of unequal size (Busing et al. 1999, doi
    10.1023/A:1008800423698).
    """
    part = sizes > 0
    groups = part.sum(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        # How often a group goes into the whole.
        times = np.where(part, sizes.sum(axis=0) / sizes, np.nan)
        pseudo = times * whole - (times - 1) * without
        centre = groups * whole - np.nansum((1 - 1 / times) * without, axis=0)
        variance = np.nansum((pseudo - centre) ** 2 / (times - 1), axis=0) / groups
    return np.asarray(np.where(groups >= 2, np.sqrt(variance), np.nan))
