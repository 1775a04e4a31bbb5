"""How many tests a scan of correlated phenotypes amounts to, and the p-value below which one of
them counts."""

import numpy as np
from jaxtyping import Bool, Float

CORRECTIONS = ("none", "latents", "phenotypes", "li_ji", "galwey")
"""What the genome-wide level is divided by: 1, the latents of one lead, all phenotypes, or their
effective number."""

EIGENVALUE_DIGITS = 6
"""Decimals that an eigenvalue is trusted to: Li and Ji's count jumps at whole numbers."""


def phenotype_correlation(
    residuals: Float[np.ndarray, "individual phenotype"],
) -> Float[np.ndarray, "phenotype phenotype"]:
    """Correlations of what the covariates leave of the phenotypes; each pair over the people in
    whom both are known.

    NaN = missing. Pairs that share nobody, or that do not vary where they are shared, count as
    uncorrelated: as independent tests, which is the cautious side.

    >>> residuals = np.array([[1.0, 2.0, np.nan], [-1.0, -2.0, 1.0], [0.5, 1.0, 1.0]])
    >>> phenotype_correlation(residuals).round(3)
    array([[1., 1., 0.],
           [1., 1., 0.],
           [0., 0., 1.]])
    """
    known = ~np.isnan(residuals)
    mean = np.where(known, residuals, 0).sum(axis=0) / np.maximum(known.sum(axis=0), 1)
    values = np.where(known, residuals - mean, 0)

    if known.all():
        covariance = values.T @ values
        variance = np.broadcast_to(np.diag(covariance)[:, None], covariance.shape)
    else:
        covariance, variance = _pairwise(values, known)

    correlation = _ratio(covariance, np.sqrt(variance * variance.T))
    np.fill_diagonal(correlation, 1)
    return np.clip(correlation, -1, 1)


def _pairwise(
    values: Float[np.ndarray, "individual phenotype"],
    known: Bool[np.ndarray, "individual phenotype"],
) -> tuple[Float[np.ndarray, "phenotype phenotype"], Float[np.ndarray, "phenotype phenotype"]]:
    """Sums of products, and sums of squares of the row's phenotype, about the means over the pair's
    people."""
    there = known.astype(values.dtype)
    people = np.maximum(there.T @ there, 1)
    sums = values.T @ there  # of the row's phenotype over the people who also have the column's
    covariance = values.T @ values - sums * sums.T / people
    return covariance, np.maximum(np.square(values).T @ there - np.square(sums) / people, 0)


def _ratio(
    covariance: Float[np.ndarray, "phenotype phenotype"],
    scale: Float[np.ndarray, "phenotype phenotype"],
) -> Float[np.ndarray, "phenotype phenotype"]:
    """`covariance / scale`; 0 where a phenotype does not vary, up to rounding."""
    varies = scale > 1e-12 * np.sqrt(np.outer(np.diag(scale), np.diag(scale)))
    return np.divide(covariance, scale, out=np.zeros_like(covariance), where=varies)


def li_ji(correlation: Float[np.ndarray, "phenotype phenotype"]) -> float:
    """Effective number of tests: the sum over eigenvalues l of I(l >= 1) + (l - floor(l)).

    Li & Ji 2005, doi 10.1038/sj.hdy.6800717: a whole unit of an eigenvalue is one test however
    large it is, what is left of it counts by its share. Eigenvalues below zero, which pairwise
    correlations can have, count by their size; no more tests than phenotypes are returned.

    >>> round(li_ji(np.eye(10)), 2), round(li_ji(np.full((10, 10), 0.9) + 0.1 * np.eye(10)), 2)
    (10.0, 2.0)
    """
    size = np.round(np.abs(np.linalg.eigvalsh(correlation)), EIGENVALUE_DIGITS)
    return min(float(np.sum((size >= 1) + (size - np.floor(size)))), float(len(size)))


def galwey(correlation: Float[np.ndarray, "phenotype phenotype"]) -> float:
    """Effective number of tests: (sum of sqrt(l))^2 / (sum of l) over eigenvalues l, those below
    zero set to zero.

    Galwey 2009, doi 10.1002/gepi.20408.

    >>> round(galwey(np.eye(10)), 2), round(galwey(np.full((10, 10), 0.9) + 0.1 * np.eye(10)), 2)
    (10.0, 3.44)
    """
    size = np.maximum(np.round(np.linalg.eigvalsh(correlation), EIGENVALUE_DIGITS), 0)
    return float(np.sqrt(size).sum() ** 2 / size.sum())


def number_of_tests(
    latents: int, phenotypes: int, correlation: Float[np.ndarray, "phenotype phenotype"] | None
) -> dict[str, float | None]:
    """What each of `CORRECTIONS` divides by; the effective numbers are None where no correlation is
    given.

    >>> number_of_tests(latents=32, phenotypes=384, correlation=None)
    {'none': 1.0, 'latents': 32.0, 'phenotypes': 384.0, 'li_ji': None, 'galwey': None}
    """
    return {
        "none": 1.0,
        "latents": float(latents),
        "phenotypes": float(phenotypes),
        "li_ji": None if correlation is None else li_ji(correlation),
        "galwey": None if correlation is None else galwey(correlation),
    }
