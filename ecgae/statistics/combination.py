"""One p-value from the p-values of many phenotypes for the same variant.

p-values come and go as -log10 p, so that those far below the smallest double keep their digits; NaN
= not tested.
"""

import numpy as np
from jaxtyping import Float

LARGE = 1e15
"""From here on atan(1 / T) is 1 / T to the last digit of a double."""


def acat(neg_log_10_p: Float[np.ndarray, "variant phenotype"]) -> Float[np.ndarray, " variant"]:
    """The aggregated Cauchy association test: T = mean of tan((1/2 - p) pi), p = 1/2 - atan(T) /
    pi.

    Small ones hold whatever the correlation of the phenotypes, since the tail of a mean of Cauchy
    variables hardly depends on it (Liu et al. 2019, doi 10.1016/j.ajhg.2019.01.002). The result is
    never below the smallest of the p-values. The mean goes over the phenotypes tested; NaN where
    there are none.

    T is kept in units of 10^top, top being the largest -log10 p of the variant, so that nothing
    overflows.

    >>> acat(np.array([[8.0, 0.3, 0.3, np.nan], [400.0, 400.0, 0.3, 0.3]])).round(3)
    array([  7.523, 399.699])
    """
    known = ~np.isnan(neg_log_10_p)
    count = known.sum(axis=1)
    value = np.where(known, neg_log_10_p, np.log10(2))  # p = 1/2 adds nothing to the mean
    # p = 1 exactly, which is rounding, would outweigh every other phenotype.
    value = np.maximum(value, 1e-16)

    top = value.max(axis=1, initial=1e-16)
    mean = _cotangent(value, top).sum(axis=1) / np.maximum(count, 1)

    with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
        t = mean * 10**top
        far = mean * 10 ** np.minimum(top, 300) > LARGE
        # atan2 keeps the digits of small p and, by the complement, those of p near 1.
        near = np.where(
            t > 0,
            -np.log10(np.arctan2(1, t) / np.pi),
            -np.log1p(-np.arctan2(1, -t) / np.pi) / np.log(10),
        )
        combined = np.where(far, np.log10(np.pi) + np.log10(mean) + top, near)
    return np.where(count > 0, combined, np.nan)


def _cotangent(
    neg_log_10_p: Float[np.ndarray, "variant phenotype"], top: Float[np.ndarray, " variant"]
) -> Float[np.ndarray, "variant phenotype"]:
    """cot(pi p) / 10^top, which is tan((1/2 - p) pi) / 10^top."""
    log_p = -np.log(10) * neg_log_10_p
    angle = np.exp(log_p)
    small, large = angle < 1e-9, angle > 0.9
    angle[large] = np.expm1(log_p[large])  # p - 1, with all its digits: cot(pi p) = cot(pi (p - 1))
    angle[small] = 0.25  # replaced below; cot of a subnormal number overflows

    scaled = 10 ** -top[:, None] / np.tan(np.pi * angle)
    # The small ones are 1 / (pi p), to the last digit.
    scaled[small] = 10 ** (neg_log_10_p - top[:, None])[small] / np.pi
    return scaled


def min_p(
    neg_log_10_p: Float[np.ndarray, "variant phenotype"], tests: float | int
) -> Float[np.ndarray, " variant"]:
    """The smallest p of `tests` independent ones, corrected for their number: 1 - (1 - p)^tests
    (Sidak 1967).

    `tests`: the number of phenotypes, or their effective number where they are correlated.

    >>> min_p(np.array([[8.0, 0.3, 0.3, np.nan]]), tests=4).round(3)  # 4e-8 instead of 1e-8
    array([7.398])
    """
    top = np.where(np.isnan(neg_log_10_p), -np.inf, neg_log_10_p).max(axis=1, initial=-np.inf)
    top = np.where(np.isfinite(top), top, np.nan)
    p = 10.0**-top
    with np.errstate(divide="ignore"):
        corrected = -np.log10(-np.expm1(tests * np.log1p(-p)))
    return np.where(p * tests < 1e-15, top - np.log10(tests), corrected)
