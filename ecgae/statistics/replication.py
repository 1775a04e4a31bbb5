"""Whether what was found in some people is there in others: one test per locus, settled before they
are looked at.

A locus of one phenotype is its index variant with its strongest phenotype, and the sign of their
association. A locus of all phenotypes together has no sign; it has a direction. With E what the
covariates leave of the phenotypes [n, K], W their orthonormal form in which the omnibus test was
made, and h what they leave of the genotype, that test is the length of s = W W'h, the part of the
genotype that the phenotypes explain. The direction is d, least |E d - s|, so that E d is the one
combination of phenotypes that was associated, positively. In other people their phenotypes times d
are one phenotype, d being fixed: its association has one degree of freedom, is null where none of
the phenotypes is associated, and must be positive.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int, Num
from scipy import special

from ecgae.statistics.association import (
    TRANSFORMS,
    associate,
    covariate_basis,
    fit,
    is_constant,
    missingness_patterns,
    neg_log10_p,
    residualise,
)
from ecgae.statistics.omnibus import SMALLEST, combined, normal_radii

LEVEL = 0.05
"""The level of a whole family of tests: each is held to this divided by their number."""


class Retest(NamedTuple):
    """One regression per locus; NaN where the variant is constant or follows from the
    covariates."""

    beta: Float[np.ndarray, " locus"]
    """Change of the transformed phenotype, in its unit, per copy of the effect allele."""
    standard_error: Float[np.ndarray, " locus"]
    """The standard error of `beta`, in the same unit."""
    neg_log_10_p_value: Float[np.ndarray, " locus"]
    """-log10 of the two-sided p."""
    n: Int[np.ndarray, " locus"]
    """The number of people with a call and a phenotype."""
    minor_allele_count: Float[np.ndarray, " locus"]
    """Copies of the rarer allele among those `n` people."""


def retest(
    dosage: Num[np.ndarray, "individual locus"],
    phenotypes: Float[np.ndarray, "individual locus"],
    covariates: Float[np.ndarray, "individual covariate"],
    transform: str,
) -> Retest:
    """Each variant with the phenotype in its own column, as the engine tests a pair; NaN = no call,
    no phenotype."""
    loci = dosage.shape[1]
    beta, standard_error, p = np.full((3, loci), np.nan)
    retested = Retest(
        beta=beta,
        standard_error=standard_error,
        neg_log_10_p_value=p,
        n=np.zeros(loci, dtype=np.int64),
        minor_allele_count=np.zeros(loci),
    )

    for columns, present in missingness_patterns(phenotypes):
        if present.sum() <= covariates.shape[1] + 2:
            continue

        basis = covariate_basis(covariates[present])
        columns = columns[~is_constant(phenotypes[np.ix_(present, columns)], basis)]
        model = fit(TRANSFORMS[transform](phenotypes[np.ix_(present, columns)], basis), basis)
        pairs = associate(dosage[np.ix_(present, columns)].astype(np.float64), model)

        own = np.arange(len(columns))
        copies = np.nan_to_num(pairs.effect_allele_frequency) * 2 * pairs.n
        retested.beta[columns] = pairs.beta[own, own]
        retested.standard_error[columns] = pairs.standard_error[own, own]
        retested.neg_log_10_p_value[columns] = neg_log10_p(pairs.t[own, own], pairs.df)
        retested.n[columns] = pairs.n
        retested.minor_allele_count[columns] = np.minimum(copies, 2 * pairs.n - copies)

    return retested


def directions(
    dosage: Num[np.ndarray, "individual locus"],
    phenotypes: Float[np.ndarray, "individual phenotype"],
    covariates: Float[np.ndarray, "individual covariate"],
    transform: str,
) -> Float[np.ndarray, "phenotype locus"]:
    """The direction d of each locus: what one unit of each phenotype counts. Phenotypes that do
    not vary count nothing.

    A missing call counts as the variant's mean; people without all phenotypes are left out, as in
    the omnibus test.
    """
    present = np.isfinite(phenotypes).all(axis=1)
    basis = covariate_basis(covariates[present])
    residuals = residualise(phenotypes[present], basis)

    ranks: Callable | None = normal_radii if transform == "rint" else None
    size = np.linalg.norm(residuals, axis=0)
    varies = size > 0
    white = combined(phenotypes[np.ix_(present, varies)], basis, ranks).residuals

    genotype = dosage[present].astype(np.float64)
    genotype = residualise(
        np.where(np.isnan(genotype), np.nanmean(genotype, axis=0), genotype), basis
    )
    explained = white @ (white.T @ genotype)

    weights = np.zeros((phenotypes.shape[1], dosage.shape[1]))
    scaled = residuals[:, varies] / size[varies]
    solution = np.linalg.lstsq(scaled, explained, rcond=SMALLEST**0.5)[0]
    weights[varies] = solution / size[varies, None]
    return weights


def replicated(
    retested: Retest, sign: Float[np.ndarray, " locus"], tests: int
) -> Bool[np.ndarray, " locus"]:
    """Which loci have the same sign, and p below `LEVEL` divided by the number of tests; never
    where there was no test."""
    with np.errstate(invalid="ignore"):
        return (np.sign(retested.beta) == sign) & (
            retested.neg_log_10_p_value > -np.log10(LEVEL / tests)
        )


def power(
    retested: Retest, beta: Float[np.ndarray, " locus"], tests: int
) -> Float[np.ndarray, " locus"]:
    """The probability that `replicated` says yes where `beta` is the true effect; NaN where there
    was no test.

    >>> dosage = np.random.default_rng(0).binomial(2, 0.3, (2000, 1)).astype(float)
    >>> noise = np.random.default_rng(1).standard_normal((2000, 1))
    >>> again = retest(dosage, noise + 0.1 * dosage, np.empty((2000, 0)), "none")
    >>> power(again, beta=np.array([0.1]), tests=1).round(2)
    array([0.82])
    >>> power(again, beta=np.array([0.1]), tests=50).round(2)
    array([0.34])
    """
    least = -special.ndtri(LEVEL / tests / 2)
    return special.ndtr(np.abs(beta) / retested.standard_error - least)
