"""The same locus in several scans."""

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
    """For each locus of any scan the number of the region that it is, strongest region first.

    The strongest free locus takes every free one of its chromosome whose index variant lies within
    `max_distance` base pairs of its own, or whose extent meets its own, until none is free. No
    chains: what is near only to one that was taken is a region of its own.

    position: of the index variants, base pairs. extent: first and last member. in_one_locus: lies
    in a region that counts as one place, such as the MHC.
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
