"""Which loci of several scans are the same."""

import numpy as np
from jaxtyping import Bool, Float, Int


def same_loci(
    chromosome: Int[np.ndarray, " locus"],
    position: Int[np.ndarray, " locus"],
    extent: Int[np.ndarray, "locus 2"],
    neg_log_10_p: Float[np.ndarray, " locus"],
    in_one_locus: Bool[np.ndarray, " locus"],
    max_distance: int,
) -> Int[np.ndarray, " locus"]:
    """The number of the region that each locus of any scan belongs to, strongest region first.

    The strongest free locus takes every free one of its chromosome whose index variant lies within
    `max_distance` base pairs of its own, or whose extent meets its own, until none is free. No
    chains: what is near only to one that was taken is a region of its own.

    position: place of the index variant, base pairs. extent: places of the locus's first and last
    variant. in_one_locus: whether it lies in a region that counts as one place, such as the MHC.

    Three loci on one chromosome. The strongest, the second, takes the first, 200 kb away; the third
    is 100 kb from the first but 300 kb from the strongest, and is a region of its own:

    >>> position = np.array([500_000, 700_000, 400_000])
    >>> same_loci(
    ...     chromosome=np.ones(3, dtype=int),
    ...     position=position,
    ...     extent=np.column_stack([position, position]),
    ...     neg_log_10_p=np.array([9.0, 12.0, 8.0]),
    ...     in_one_locus=np.zeros(3, dtype=bool),
    ...     max_distance=250_000,
    ... ).tolist()
    [0, 0, 1]
    """
    region = np.full(len(position), -1)
    count = 0
    for strongest in np.lexsort((position, -neg_log_10_p)):
        if region[strongest] >= 0:
            continue
        near = np.abs(position - position[strongest]) <= max_distance
        near |= (extent[:, 0] <= extent[strongest, 1]) & (extent[:, 1] >= extent[strongest, 0])
        near |= in_one_locus & in_one_locus[strongest]
        region[near & (chromosome == chromosome[strongest]) & (region < 0)] = count
        count += 1
    return region
