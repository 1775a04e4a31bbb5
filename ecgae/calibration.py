"""Whether test statistics behave as they should where nothing is associated."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float
from scipy import special

CHI2_MEDIAN = 0.45493642311957283
"""Median of the chi-squared distribution with one degree of freedom."""


def genomic_inflation(neg_log_10_p: Float[np.ndarray, "variant phenotype"]) -> Float[np.ndarray, " phenotype"]:
    """Median of the 1-df chi-squared statistics that the p-values stand for, over its expected value; NaN = not tested.

    Going through p makes tests with few degrees of freedom comparable. 1 is calibrated; above, statistics are too large
    on the whole, by structure, relatedness or polygenicity (Devlin & Roeder 1999,
    doi 10.1111/j.0006-341X.1999.00997.x).
    """
    tested = ~np.isnan(neg_log_10_p).all(axis=0)
    median = np.full(neg_log_10_p.shape[1], np.nan)
    median[tested] = np.nanmedian(neg_log_10_p[:, tested].astype(np.float64), axis=0)
    return special.ndtri(10.0**-median / 2) ** 2 / CHI2_MEDIAN


class Quantiles(NamedTuple):
    """A QQ plot: -log10 p expected without any association, and observed, from the smallest p to the largest."""

    expected: Float[np.ndarray, " quantile"]
    observed: Float[np.ndarray, "quantile phenotype"]


def qq_quantiles(neg_log_10_p: Float[np.ndarray, "variant phenotype"], points: int = 200) -> Quantiles:
    """Quantiles of each phenotype at common probabilities, dense where p is small; NaN = not tested.

    With m tests the k-th smallest of uniform p-values is expected about (k - 1/2) / m.
    """
    most = max(int((~np.isnan(neg_log_10_p)).sum(axis=0).max(initial=0)), 1)
    probability = np.geomspace(0.5 / most, 1 - 0.5 / most, points)
    observed = np.full((points, neg_log_10_p.shape[1]), np.nan)
    for column, values in enumerate(neg_log_10_p.T.astype(np.float64)):
        tested = values[~np.isnan(values)]
        if len(tested):
            observed[:, column] = np.quantile(tested, 1 - probability, method="hazen")
    return Quantiles(-np.log10(probability), observed)
