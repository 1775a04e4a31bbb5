"""The Pareto front: what nothing else beats in one goal without losing in another."""

import numpy as np
from jaxtyping import Bool, Float


def pareto_front(values: Float[np.ndarray, "thing goal"]) -> Bool[np.ndarray, " thing"]:
    """True on the Pareto front: no other thing is at least as good in every goal and better in one.

    More is better. A thing with a NaN is never on the front.

    Loci and R2 of three models; the second has fewer loci than the first and the lowest R2:

    >>> pareto_front(np.array([[12.0, 0.90], [10.0, 0.85], [7.0, 0.95]])).tolist()
    [True, False, True]
    """
    as_good = np.all(values[None] >= values[:, None], axis=2)  # [thing other]
    better = np.any(values[None] > values[:, None], axis=2)
    return ~np.any(as_good & better, axis=1) & np.all(np.isfinite(values), axis=1)
