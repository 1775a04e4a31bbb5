"""Linear regression of many phenotypes on many variants, exactly, by the Frisch-Waugh-Lovell
theorem.

In y = g beta + X gamma + e, beta is the regression of what the covariates X leave of y on what they
leave of g. With Q an orthonormal basis of X, y~ = y - QQ'y and p columns in Q:

    beta = g'y~ / g~'g~,   g~'g~ = g'g - |Q'g|^2,   df = n - p - 1,   SE^2 = (y~'y~ - beta g'y~) / (df g~'g~),

so that a block of variants meets all phenotypes in one matrix product.
"""

from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int, Num
from scipy import linalg, special

COLLINEAR = 1e-6
"""The share of its variance that a variant or covariate keeps beside the (other) covariates, at or
below which it counts as following from them."""

CONSTANT = 1e-6
"""The standard deviation, relative to the largest absolute value, at or below which a phenotype
counts as constant: about the rounding of single precision, in which latents are computed."""


class Model(NamedTuple):
    """What every block needs to know of the people: a basis of their covariates, and the phenotypes
    beside them."""

    basis: Float[np.ndarray, "individual basis"]
    """Orthonormal columns that span the intercept and the covariates."""
    residuals: Float[np.ndarray, "individual phenotype"]
    """What the covariates leave of each phenotype, in its unit."""
    sums_of_squares: Float[np.ndarray, " phenotype"]
    """The sum of squares of each phenotype's residuals."""


class Associations(NamedTuple):
    """One regression per variant and phenotype; NaN where the variant is constant or collinear with
    the covariates."""

    beta: Float[np.ndarray, "variant phenotype"]
    """Change of the phenotype, in its unit, per copy of the effect allele."""
    standard_error: Float[np.ndarray, "variant phenotype"]
    """The standard error of `beta`, in the same unit."""
    t: Float[np.ndarray, "variant phenotype"]
    """Student's t: `beta / standard_error`."""
    df: Int[np.ndarray, " variant"]
    """Degrees of freedom of `t`."""
    n: Int[np.ndarray, " variant"]
    """The number of people with a call of the variant."""
    effect_allele_frequency: Float[np.ndarray, " variant"]
    """The effect allele's share of the alleles of the people with a call; NaN where nobody has
    one."""


def covariate_basis(
    covariates: Num[np.ndarray, "individual covariate"],
) -> Float[np.ndarray, "individual basis"]:
    """Orthonormal columns spanning an intercept and the covariates, without columns that add
    nothing to the others.

    >>> age = np.array([40.0, 50.0, 60.0, 70.0])
    >>> covariate_basis(np.stack([age, age / 10], axis=1)).shape  # age in decades adds nothing
    (4, 2)
    """
    n = len(covariates)
    centred = covariates - covariates.mean(axis=0)
    norm = np.linalg.norm(centred, axis=0)
    varying = norm > 1e-12 * np.sqrt(n) * np.abs(covariates).max(axis=0, initial=0)

    basis = np.full((n, 1), n**-0.5)
    if varying.any():
        q, r, _ = linalg.qr(centred[:, varying] / norm[varying], mode="economic", pivoting=True)
        rank = np.count_nonzero(np.abs(np.diag(r)) > np.sqrt(COLLINEAR))
        basis = np.hstack([basis, q[:, :rank]])

    return basis


def residualise(
    values: Num[np.ndarray, "individual phenotype"], basis: Float[np.ndarray, "individual basis"]
) -> Float[np.ndarray, "individual phenotype"]:
    """What the covariates leave of `values`. Projecting twice takes away the rounding of the first
    time.

    >>> age = np.array([[40.0], [50.0], [60.0], [70.0]])
    >>> heart_rate = 50 + age / 2 + np.array([[1.0], [-1.0], [-1.0], [1.0]])
    >>> residualise(heart_rate, covariate_basis(age)).ravel().round(6)
    array([ 1., -1., -1.,  1.])
    """
    once = values - basis @ (basis.T @ values)
    return once - basis @ (basis.T @ once)


def fit(
    phenotypes: Num[np.ndarray, "individual phenotype"],
    basis: Float[np.ndarray, "individual basis"],
) -> Model:
    """The model of the people before any variant is looked at; `phenotypes` without missing values.

    >>> no_covariates = covariate_basis(np.empty((4, 0)))  # the intercept alone
    >>> fit(np.array([[1.0], [2.0], [3.0], [4.0]]), no_covariates).residuals.ravel().round(6)
    array([-1.5, -0.5,  0.5,  1.5])
    """
    residuals = residualise(phenotypes, basis)
    return Model(basis, residuals, np.einsum("ik,ik->k", residuals, residuals))


def is_constant(
    phenotypes: Num[np.ndarray, "individual phenotype"],
    basis: Float[np.ndarray, "individual basis"],
) -> Bool[np.ndarray, " phenotype"]:
    """Which phenotypes do not vary, or not beyond what the covariates say (their residuals would be
    rounding noise)."""
    largest = np.maximum(phenotypes.max(axis=0, initial=0), -phenotypes.min(axis=0, initial=0))

    centred = phenotypes - phenotypes.mean(axis=0)
    squares = np.einsum("ik,ik->k", centred, centred)
    explained = basis.T @ centred
    left = np.maximum(squares - np.einsum("pk,pk->k", explained, explained), 0)

    spread = np.sqrt(squares / max(len(centred), 1))
    return (spread <= CONSTANT * largest) | (left <= CONSTANT**2 * squares)


def missingness_patterns(
    phenotypes: Num[np.ndarray, "individual phenotype"],
) -> list[tuple[Int[np.ndarray, " column"], Bool[np.ndarray, " individual"]]]:
    """The phenotypes that are known for the same people, with those people: each pattern is a
    regression of its own.

    >>> phenotypes = np.array([[1.0, np.nan, 3.0], [4.0, 5.0, 6.0]])
    >>> for columns, people in missingness_patterns(phenotypes):
    ...     print(columns, people)
    [0 2] [ True  True]
    [1] [False  True]
    """
    known = ~np.isnan(phenotypes.T)
    columns: dict[bytes, list[int]] = {}
    for column, bits in enumerate(np.packbits(known, axis=1)):
        columns.setdefault(bits.tobytes(), []).append(column)
    return [(np.array(here), known[here[0]]) for here in columns.values()]


def associate(dosage: Num[np.ndarray, "individual variant"], model: Model) -> Associations:
    """Every phenotype of `model` on every variant of a block, each variant on the people who have a
    call (NaN = none).

    With S the people without a call and g zero for them, A = I - Q_S'Q_S is the Gram matrix of the
    others' Q, and

        g'M y  = g'y~ + (Q'g)' A^-1 (Q_S'y~_S),
        g'M g  = g'g - (Q'g)' A^-1 (Q'g),
        y'M y  = y~'y~ - y~_S'y~_S - (Q_S'y~_S)' A^-1 (Q_S'y~_S),

    M being the residual maker of complete cases: S is small, so this costs little more than having
    every call.

    >>> dosage = np.array([[0.0], [1.0], [2.0], [1.0], [np.nan]])
    >>> phenotype = np.array([[1.0], [3.0], [5.5], [3.5], [9.0]])
    >>> tests = associate(dosage, fit(phenotype, covariate_basis(np.empty((5, 0)))))
    >>> tests.beta.round(3), tests.standard_error.round(3)
    (array([[2.25]]), array([[0.177]]))
    >>> tests.n, tests.df, tests.effect_allele_frequency
    (array([4]), array([2]), array([0.5]))
    """

    missing = np.isnan(dosage)
    n = len(dosage) - missing.sum(axis=0)
    mean = np.where(missing, 0, dosage).sum(axis=0, dtype=np.float64) / np.maximum(n, 1)

    # The intercept is a covariate, so any constant may be taken off: the mean rounds least.
    genotype = dosage - mean
    genotype[missing] = 0

    gg = np.einsum("iv,iv->v", genotype, genotype)
    gq = genotype.T @ model.basis
    gy = genotype.T @ model.residuals
    yy = np.broadcast_to(model.sums_of_squares, gy.shape)
    rank = np.full(len(n), model.basis.shape[1])

    incomplete = np.flatnonzero(n < len(dosage))
    if len(incomplete):
        lost = _without_call(missing, incomplete, model)
        whitener, rank[incomplete] = inverse_root(np.eye(model.basis.shape[1]) - lost.qq)
        gq[incomplete] = np.einsum("vp,vpr->vr", gq[incomplete], whitener)
        qy = np.matmul(whitener.swapaxes(1, 2), lost.qy)
        gy[incomplete] += np.einsum("vr,vrk->vk", gq[incomplete], qy)
        yy = yy.copy()
        yy[incomplete] -= lost.yy + np.einsum("vrk,vrk->vk", qy, qy)

    df = n - rank - 1
    left = gg - np.einsum("vp,vp->v", gq, gq)
    testable = (df >= 1) & (gg > 1e-12 * n) & (left > COLLINEAR * gg)
    return _estimates(gy=gy, gg=np.where(testable, left, np.nan), yy=yy, df=df, n=n, mean=mean)


def _estimates(
    gy: Float[np.ndarray, "variant phenotype"],
    gg: Float[np.ndarray, " variant"],
    yy: Float[np.ndarray, "variant phenotype"],
    df: Int[np.ndarray, " variant"],
    n: Int[np.ndarray, " variant"],
    mean: Float[np.ndarray, " variant"],
) -> Associations:
    """The regressions from what covariates leave of g'y, g'g and y'y; `mean`: of the dosage."""
    beta = gy / gg[:, None]
    # A perfect fit leaves rounding noise of either sign: it is reported at the size of that noise.
    unexplained = np.maximum(yy - beta * gy, np.finfo(float).eps * yy)
    standard_error = np.sqrt(unexplained / (np.maximum(df, 1) * gg)[:, None])
    return Associations(
        beta=beta,
        standard_error=standard_error,
        t=beta / standard_error,
        df=df,
        n=n,
        effect_allele_frequency=np.where(n > 0, mean / 2, np.nan),
    )


class _Lost(NamedTuple):
    """What the people without a call hold of the covariates and phenotypes, per incomplete
    variant."""

    qq: Float[np.ndarray, "variant basis basis"]
    qy: Float[np.ndarray, "variant basis phenotype"]
    yy: Float[np.ndarray, "variant phenotype"]


def _without_call(
    missing: Bool[np.ndarray, "individual variant"],
    incomplete: Int[np.ndarray, " incomplete"],
    model: Model,
) -> _Lost:
    p, k = model.basis.shape[1], model.residuals.shape[1]
    lost = _Lost(
        qq=np.empty((len(incomplete), p, p)),
        qy=np.empty((len(incomplete), p, k)),
        yy=np.empty((len(incomplete), k)),
    )

    variant, person = np.nonzero(missing.T)
    starts = np.searchsorted(variant, incomplete)
    for row, people in enumerate(np.split(person, starts[1:])):
        basis, residuals = model.basis[people], model.residuals[people]
        lost.qq[row] = basis.T @ basis
        lost.qy[row] = basis.T @ residuals
        lost.yy[row] = np.einsum("sk,sk->k", residuals, residuals)
    return lost


def inverse_root(
    gram: Float[np.ndarray, "variant basis basis"],
) -> tuple[Float[np.ndarray, "variant basis basis"], Int[np.ndarray, " variant"]]:
    """R with RR' = gram^-1, and the rank: directions that nobody with a call has (a rare centre,
    say) are left out."""
    values, vectors = np.linalg.eigh(gram)
    # An eigenvalue is the share of a covariate direction that the people with a call hold.
    kept = values > 1e-9
    scale = np.where(kept, 1 / np.sqrt(np.where(kept, values, 1)), 0)
    return vectors * scale[:, None, :], kept.sum(axis=1)


def neg_log10_p(
    t: Float[np.ndarray, "*shape"], df: Num[np.ndarray, "*#shape"] | float | int
) -> Float[np.ndarray, "*shape"]:
    """-log10 of the two-sided p of Student's t, to nine digits however small p is.

    p is the regularised incomplete beta function I_x(a, 1/2) with a = df/2, x = df/(df + t^2). Near
    t = 0 its complement is taken, and beyond |t| = 30, where p would underflow, the logarithm of

        I_x(a, 1/2) = x^a (1-x)^(-1/2) / (a B(a, 1/2)) * sum_k (1/2)_k / (a+1)_k (-df/t^2)^k

    (DLMF 8.17.8 after Pfaff's transformation), an alternating series whose k-th term is at most
    (2k-1)!! / t^(2k).

    >>> neg_log10_p(np.array([1.96, 5.45, 40.0]), 50_000).round(2)  # p of the last: 2e-344
    array([  1.3 ,   7.3 , 343.69])
    """

    size, a = np.broadcast_arrays(np.abs(t), np.asarray(df, dtype=np.float64) / 2)
    result = np.full(size.shape, np.nan)
    near, far = size < 3, size > 30
    middle = (size >= 3) & ~far

    square = size**2
    x = 2 * a / (2 * a + square)

    result[near] = -np.log1p(
        -special.betainc(0.5, a[near], (square / (2 * a + square))[near])
    ) / np.log(10)
    result[middle] = -np.log10(special.betainc(a[middle], 0.5, x[middle]))
    result[far] = _tail(size[far], a[far])
    return result


def _tail(t: Float[np.ndarray, " far"], a: Float[np.ndarray, " far"]) -> Float[np.ndarray, " far"]:
    term = np.ones_like(t)
    series = np.ones_like(t)
    for k in range(8):
        term = term * -(k + 0.5) / (a + 1 + k) * 2 * a / t**2
        series += term

    log_p = (
        -a * np.log1p(t**2 / (2 * a))
        + 0.5 * np.log1p(2 * a / t**2)
        - np.log(a)
        - special.betaln(a, 0.5)
    )
    return -(log_p + np.log(series)) / np.log(10)


def chi2_of_p(neg_log_10_p: Float[np.ndarray, "*shape"]) -> Float[np.ndarray, "*shape"]:
    """The 1-df chi-squared with this p, however small: by it tests of any kind compare. `p_of_chi2`
    undoes it.

    >>> chi2_of_p(np.array([-np.log10(0.05), 7.3, 100.0])).round(2)
    array([  3.84,  29.71, 453.94])
    """
    return special.ndtri_exp(-np.log(10) * neg_log_10_p - np.log(2)) ** 2


def p_of_chi2(chi2: Float[np.ndarray, "*shape"]) -> Float[np.ndarray, "*shape"]:
    """-log10 of the probability of a larger 1-df chi-squared, however large it is.

    >>> p_of_chi2(np.array([3.84, 29.72, 4594.0])).round(2)
    array([  1.3,   7.3, 999.5])
    """
    return -(special.log_ndtr(-np.sqrt(chi2)) + np.log(2)) / np.log(10)


Transform = Callable[
    [Float[np.ndarray, "individual phenotype"], Float[np.ndarray, "individual basis"]],
    Float[np.ndarray, "individual phenotype"],
]


def unchanged(
    phenotypes: Float[np.ndarray, "individual phenotype"],
    basis: Float[np.ndarray, "individual basis"],
) -> Float[np.ndarray, "individual phenotype"]:
    """The phenotypes in their own unit."""
    return phenotypes


def zscore(
    phenotypes: Float[np.ndarray, "individual phenotype"],
    basis: Float[np.ndarray, "individual basis"],
) -> Float[np.ndarray, "individual phenotype"]:
    """Mean 0 and standard deviation 1, so that beta is in standard deviations."""
    return (phenotypes - phenotypes.mean(axis=0)) / phenotypes.std(axis=0, ddof=1)


def rint(
    phenotypes: Float[np.ndarray, "individual phenotype"],
    basis: Float[np.ndarray, "individual basis"],
) -> Float[np.ndarray, "individual phenotype"]:
    """Normal quantiles of the ranks of what the covariates leave: Phi^-1((rank - 3/8) / (n + 1/4)),
    ties averaged.

    Outliers lose their leverage, so that rare variants stay calibrated (Blom 1958; Sofer et al.
    2019, doi 10.1002/gepi.22188). The covariates belong in the regression again, since ranks are
    not linear in them.

    >>> phenotype = np.array([[1.0], [2.0], [2.0], [4.0], [1000.0]])
    >>> rint(phenotype, covariate_basis(np.empty((5, 0)))).ravel().round(3)
    array([-1.18 , -0.241, -0.241,  0.497,  1.18 ])
    """
    residuals = residualise(phenotypes, basis)
    ranks = np.stack([_average_rank(column) for column in residuals.T], axis=1)
    return special.ndtri((ranks - 3 / 8) / (len(residuals) + 1 / 4))


def _average_rank(values: Float[np.ndarray, " individual"]) -> Float[np.ndarray, " individual"]:
    """Ranks from 1; equal values share the mean of theirs."""
    order = np.argsort(values)
    ranks = np.empty(len(values))
    ranks[order] = np.arange(1, len(values) + 1)
    if (np.diff(values[order]) > 0).all():
        return ranks
    _, group, size = np.unique(values, return_inverse=True, return_counts=True)
    return (np.cumsum(size) - (size - 1) / 2)[group]


TRANSFORMS: Mapping[str, Transform] = {"none": unchanged, "zscore": zscore, "rint": rint}
"""What may be done to phenotypes before they are tested, by name."""
