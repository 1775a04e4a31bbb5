"""Whether what was found in some people is there in others: one test per locus, settled before they
are looked at.

A locus of one phenotype is its index variant with its strongest phenotype, and the sign of their
association. A locus of all phenotypes together has no sign; it has a direction. With E what the
covariates leave of the phenotypes [n, K], W their orthonormal form in which the omnibus test was
made, and h what they leave of the genotype, that test is the length of s = W W'h, the part of the
genotype that the phenotypes explain. The direction is d, least |E d - s|, so that E d is the one
combination of phenotypes that was associated, positively. In other people their phenotypes times d
are
one phenotype, d being fixed: its association has one degree of freedom, is null where none of the
phenotypes is associated, and must be positive.
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
"""Of a family of tests: divided by their number."""


class Retest(NamedTuple):
    """One regression per locus; NaN where the variant is constant or follows from the
    covariates."""

    beta: Float[np.ndarray, " locus"]
    """Per copy of the effect allele, in the unit of the transformed phenotype."""
    standard_error: Float[np.ndarray, " locus"]
    neg_log_10_p_value: Float[np.ndarray, " locus"]
    n: Int[np.ndarray, " locus"]
    minor_allele_count: Float[np.ndarray, " locus"]


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
    found = Retest(beta, standard_error, p, np.zeros(loci, dtype=np.int64), np.zeros(loci))
    for columns, present in missingness_patterns(phenotypes):
        if present.sum() <= covariates.shape[1] + 2:
            continue
        basis = covariate_basis(covariates[present])
        columns = columns[~is_constant(phenotypes[np.ix_(present, columns)], basis)]
        model = fit(TRANSFORMS[transform](phenotypes[np.ix_(present, columns)], basis), basis)
        pairs = associate(dosage[np.ix_(present, columns)].astype(np.float64), model)
        own = np.arange(len(columns))
        copies = np.nan_to_num(pairs.effect_allele_frequency) * 2 * pairs.n
        found.beta[columns], found.standard_error[columns] = (
            pairs.beta[own, own],
            pairs.standard_error[own, own],
        )
        found.neg_log_10_p_value[columns] = neg_log10_p(pairs.t[own, own], pairs.df)
        found.n[columns], found.minor_allele_count[columns] = (
            pairs.n,
            np.minimum(copies, 2 * pairs.n - copies),
        )
    return found


def directions(
    dosage: Num[np.ndarray, "individual locus"],
    phenotypes: Float[np.ndarray, "individual phenotype"],
    covariates: Float[np.ndarray, "individual covariate"],
    transform: str,
) -> Float[np.ndarray, "phenotype locus"]:
    """d of each locus: what one unit of each phenotype counts. Phenotypes that do not vary count
    nothing.

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
    found = np.zeros((phenotypes.shape[1], dosage.shape[1]))
    scaled = residuals[:, varies] / size[varies]
    found[varies] = np.linalg.lstsq(scaled, explained, rcond=SMALLEST**0.5)[0] / size[varies, None]
    return found


def replicated(
    found: Retest, sign: Float[np.ndarray, " locus"], tests: int
) -> Bool[np.ndarray, " locus"]:
    """Same sign, and p below `LEVEL` divided by the number of tests; never where there was no
    test."""
    with np.errstate(invalid="ignore"):
        return (np.sign(found.beta) == sign) & (found.neg_log_10_p_value > -np.log10(LEVEL / tests))


def power(
    found: Retest, beta: Float[np.ndarray, " locus"], tests: int
) -> Float[np.ndarray, " locus"]:
    """The probability that `replicated` says yes where `beta` is the true effect; NaN where there
    was no test."""
    least = -special.ndtri(LEVEL / tests / 2)
    return special.ndtr(np.abs(beta) / found.standard_error - least)
