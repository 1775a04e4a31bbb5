"""Which of several things no other one beats in everything."""

import numpy as np
from jaxtyping import Bool, Float


def pareto_front(values: Float[np.ndarray, "thing goal"]) -> Bool[np.ndarray, " thing"]:
    """True where no other is at least as good in every goal and better in one; more is better. NaN
    is never so."""
    as_good = np.all(values[None] >= values[:, None], axis=2)  # [thing other]
    better = np.any(values[None] > values[:, None], axis=2)
    return ~np.any(as_good & better, axis=1) & np.all(np.isfinite(values), axis=1)
