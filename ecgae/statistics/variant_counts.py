"""What is counted of each variant to say whether it can be tested well: calls, alleles, genotypes,
quality."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int, Num

NEAR_A_CALL = 0.1 + 2**-15
"""How far a dosage may lie from 0, 1 or 2 to stand for that call: PLINK 2's default
(`--hard-call-threshold`), and half a step of its dosages for rounding."""
AT_ONCE = 2**18  # dosages counted at a time, so that they stay in the cache of a processor


class Counts(NamedTuple):
    """What was counted of each variant, among the people analysed."""

    people: int
    n: Int[np.ndarray, " variant"]
    """With a call."""
    effect_allele_count: Float[np.ndarray, " variant"]
    """Expected copies of the effect allele, summed over the people with a call."""
    sum_of_squares: Float[np.ndarray, " variant"]
    """Of the dosages, likewise."""
    homozygous_effect: Int[np.ndarray, " variant"]
    heterozygous: Int[np.ndarray, " variant"]
    homozygous_other: Int[np.ndarray, " variant"]
    """People with 2, 1 and 0 copies; dosages that are not within 0.1 of a whole number are in
    none."""

    @property
    def minor_allele_count(self) -> Float[np.ndarray, " variant"]:
        """Copies of the rarer allele."""
        return np.minimum(self.effect_allele_count, 2 * self.n - self.effect_allele_count)

    @property
    def minor_allele_frequency(self) -> Float[np.ndarray, " variant"]:
        """NaN without a call."""
        return _ratio(self.minor_allele_count, 2 * self.n)

    @property
    def call_rate(self) -> Float[np.ndarray, " variant"]:
        """Share of the people who have a call."""
        return self.n / self.people

    @property
    def info(self) -> Float[np.ndarray, " variant"]:
        """Quality of imputation: variance of the dosage over that of certain genotypes, 2 p (1 -
        p); MaCH's r2.

        NaN for a variant with one allele. Li et al., Genet Epidemiol 2010;34:816, doi
        10.1002/gepi.20533.
        """
        mean = _ratio(self.effect_allele_count, self.n)
        variance = _ratio(self.sum_of_squares, self.n) - mean**2
        return _ratio(variance, mean * (1 - mean / 2))


def count(dosage: Num[np.ndarray, "individual variant"]) -> Counts:
    """The counts of a block of dosages, NaN = no call; quick where the values of a variant are
    contiguous."""
    step = max(1, AT_ONCE // max(1, len(dosage)))
    parts = [
        _count(dosage[:, start : start + step].T)
        for start in range(0, max(1, dosage.shape[1]), step)
    ]
    return Counts(len(dosage), *(np.concatenate(column) for column in zip(*parts, strict=True)))


def _count(dosage: Num[np.ndarray, "variant individual"]) -> tuple[np.ndarray, ...]:
    """The fields of `Counts` after the first."""
    missing = np.isnan(dosage)
    known = dosage.astype(np.float64)
    known[missing] = 0
    return (
        np.count_nonzero(~missing, axis=1),
        known.sum(axis=1),
        np.einsum("vi,vi->v", known, known),
        np.count_nonzero(dosage >= 2 - NEAR_A_CALL, axis=1),
        np.count_nonzero(np.abs(dosage - 1) <= NEAR_A_CALL, axis=1),
        np.count_nonzero(dosage <= NEAR_A_CALL, axis=1),
    )


def _ratio(
    numerator: Num[np.ndarray, " variant"], denominator: Num[np.ndarray, " variant"]
) -> Float[np.ndarray, " variant"]:
    """NaN where the denominator is 0."""
    return np.divide(
        numerator, denominator, out=np.full(len(numerator), np.nan), where=denominator > 0
    )
