"""All phenotypes at once against each variant, the same however the space of phenotypes is turned
or scaled.

With W an orthonormal basis of what the covariates leave of K phenotypes, and h what they leave of a
genotype, R2 = |W'h|^2 / h'h is the share of the genotype that the phenotypes explain together: n R2
is the sum of K squared whitened z, a chi-squared variable with K degrees of freedom in large
samples. For normal phenotypes and any genotype R2 is exactly a Beta(K / 2, (m - K) / 2), m =
individuals - columns of the covariates' basis: that is taken.

Any invertible map of the phenotypes gives the same W but for a rotation, which R2 does not see.
"""

from collections.abc import Callable

import numpy as np
from jaxtyping import Float
from scipy import special

from ecgae.statistics.association import Model, residualise, rint

SMALLEST = 1e-9
"""Variance, relative to the largest component's, below which a direction of phenotype space is
rounding."""


def combined(
    phenotypes: Float[np.ndarray, "individual phenotype"],
    basis: Float[np.ndarray, "individual basis"],
    ranks: Callable[
        [Float[np.ndarray, "individual component"]], Float[np.ndarray, "individual component"]
    ]
    | None,
) -> Model:
    """The whitened phenotypes as a model whose residuals are orthonormal.

    ranks: what takes the weight from outliers, `normal_radii` or `normal_components`.
    """
    residuals = residualise(phenotypes, basis)
    white = orthonormal(residuals) if ranks is not normal_components else principal(residuals)
    if ranks is not None:
        white = orthonormal(residualise(ranks(white), basis))
    return Model(basis, white, np.ones(white.shape[1]))


def orthonormal(
    residuals: Float[np.ndarray, "individual phenotype"],
) -> Float[np.ndarray, "individual component"]:
    """Orthonormal columns that span the same space, directions without variance left out.

    >>> residuals = np.array([[1.0, 2.0], [-1.0, -2.0], [2.0, 4.0], [-2.0, -4.0]])
    >>> orthonormal(residuals).shape  # the second column is twice the first
    (4, 1)
    """
    return principal(residuals / np.linalg.norm(residuals, axis=0))


def principal(
    scaled: Float[np.ndarray, "individual phenotype"],
) -> Float[np.ndarray, "individual component"]:
    """Principal components of length 1; those without variance beside the largest are left out."""
    values, vectors = np.linalg.eigh(scaled.T @ scaled)
    kept = values > SMALLEST * values[-1]
    white = scaled @ (vectors[:, kept] / np.sqrt(values[kept]))
    # Small components were divided by a small number: a second pass takes the rounding away.
    lower = np.linalg.cholesky(white.T @ white)
    return np.linalg.solve(lower, white.T).T


def normal_radii(
    white: Float[np.ndarray, "individual component"],
) -> Float[np.ndarray, "individual component"]:
    """Whitened values whose distances from the origin follow a normal cloud: quantiles of chi by
    rank.

    For several phenotypes what ranks are for one: an outlier keeps its direction and loses its
    weight, and turning the space changes nothing, which ranks along each axis would.
    """
    n, k = white.shape
    distance = np.linalg.norm(white, axis=1)
    rank = np.empty(n)
    rank[np.argsort(distance, kind="stable")] = np.arange(1, n + 1)
    wanted = np.sqrt(special.chdtri(k, 1 - (rank - 3 / 8) / (n + 1 / 4)))
    return white * (wanted / np.where(distance > 0, distance, 1))[:, None]


def normal_components(
    white: Float[np.ndarray, "individual component"],
) -> Float[np.ndarray, "individual component"]:
    """Normal quantiles of the ranks along each principal axis, for M-REGLE's sum of chi2 over
    components.

    The sum is the same for phenotypes turned (not for other maps of them), since principal axes
    turn with them; what correlation the ranks bring back is taken off (the sum of Zhou et al., AJHG
    2025;112:1562, supposes none).
    """
    return rint(white, np.empty((len(white), 0)))


def neg_log10_p(
    r2: Float[np.ndarray, " variant"], components: int, dimensions: int
) -> Float[np.ndarray, " variant"]:
    """-log10 of the probability of a larger R2 by chance; `dimensions`: individuals less those of
    the covariates.

    >>> neg_log10_p(np.array([0.004, 0.040, 0.100]), components=4, dimensions=1000).round(2)
    array([ 0.39,  7.51, 21.08])
    """
    a, b = components / 2, (dimensions - components) / 2
    r2 = np.clip(r2, 0, 1)
    with np.errstate(divide="ignore"):
        result = -np.log10(special.betaincc(a, b, r2))
    tiny = result > 290  # p underflows soon after
    result[tiny] = _tail(np.minimum(r2[tiny], 1 - 1e-15), a, b)
    return result


def _tail(r2: Float[np.ndarray, " variant"], a: float, b: float) -> Float[np.ndarray, " variant"]:
    """-log10 p of a large R2, in logarithms: p = y^b (1 - y)^a / (b B(a, b)) * sum_k (a + b)_k /
    (b + 1)_k y^k, y = 1 - r2 (DLMF 8.17.8)."""
    y = 1 - r2
    term, series, k = np.ones_like(y), np.ones_like(y), 0
    while (term > 1e-17 * series).any():
        term = term * (a + b + k) / (b + 1 + k) * y
        series += term
        k += 1
    log_p = b * np.log(y) + a * np.log(r2) - np.log(b) - special.betaln(a, b) + np.log(series)
    return -log_p / np.log(10)


def excess(
    r2: Float[np.ndarray, " variant"], components: int, dimensions: int
) -> Float[np.ndarray, " variant"]:
    """The sum over whitened phenotypes of their chi2, less its mean where nothing is associated: m
    R2 - K.

    Its null mean is exactly 0, since that of a Beta(K / 2, (m - K) / 2) variable is K / m.
    Elsewhere it grows with m and with what the variant, and others in LD with it, explain of the
    phenotypes together.

    >>> excess(np.array([0.004, 0.010]), components=4, dimensions=1000)
    array([0., 6.])
    """
    return dimensions * r2 - components


def least_r2(p: float, components: int, dimensions: int) -> float:
    """The R2 that has this p: a variant must explain so much of all phenotypes together.

    >>> round(least_r2(5e-8, components=4, dimensions=1000), 4)
    0.039
    """
    return float(special.betainccinv(components / 2, (dimensions - components) / 2, p))
