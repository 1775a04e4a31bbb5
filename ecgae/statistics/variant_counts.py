"""What is counted of each variant to say whether it can be tested well: calls, alleles, genotypes,
quality."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int, Num

NEAR_A_CALL = 0.1 + 2**-15
"""How far a dosage may lie from 0, 1 or 2 to stand for that call: PLINK 2's default
(`--hard-call-threshold`), and half a step of its dosages for rounding. A dosage that is not near a
whole number counts for none of the genotypes."""

AT_ONCE = 2**18
"""Dosages counted at a time, so that they stay in the cache of a processor."""


class Counts(NamedTuple):
    """What was counted of each variant, among the people analysed."""

    people: int
    """How many people are analysed, with or without a call."""
    n: Int[np.ndarray, " variant"]
    """How many of them have a call of the variant."""
    effect_allele_count: Float[np.ndarray, " variant"]
    """Expected copies of the effect allele, summed over the people with a call."""
    sum_of_squares: Float[np.ndarray, " variant"]
    """Squared copies of the effect allele, summed over the people with a call."""
    homozygous_effect: Int[np.ndarray, " variant"]
    """How many have 2 copies of the effect allele; see `NEAR_A_CALL`."""
    heterozygous: Int[np.ndarray, " variant"]
    """How many have 1 copy of the effect allele; see `NEAR_A_CALL`."""
    homozygous_other: Int[np.ndarray, " variant"]
    """How many have 0 copies of the effect allele; see `NEAR_A_CALL`."""

    @property
    def minor_allele_count(self) -> Float[np.ndarray, " variant"]:
        """Copies of the rarer allele."""
        return np.minimum(self.effect_allele_count, 2 * self.n - self.effect_allele_count)

    @property
    def minor_allele_frequency(self) -> Float[np.ndarray, " variant"]:
        """Share of the alleles that are the rarer one; NaN without a call."""
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
    contiguous.

    >>> counts = count(np.array([[0.0], [1.0], [1.9], [0.5], [np.nan]]))
    >>> counts.n, counts.effect_allele_count, counts.heterozygous  # 0.5 is near no genotype
    (array([4]), array([3.4]), array([1]))
    >>> counts.call_rate, counts.minor_allele_frequency, counts.info.round(2)
    (array([0.8]), array([0.425]), array([1.01]))
    """
    step = max(1, AT_ONCE // max(1, len(dosage)))
    parts = [
        _count(dosage[:, start : start + step].T)
        for start in range(0, max(1, dosage.shape[1]), step)
    ]
    joined = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    return Counts(people=len(dosage), **joined)


def _count(dosage: Num[np.ndarray, "variant individual"]) -> dict[str, np.ndarray]:
    """The fields of `Counts` that have a value for each variant, by name."""
    missing = np.isnan(dosage)
    known = dosage.astype(np.float64)
    known[missing] = 0
    return {
        "n": np.count_nonzero(~missing, axis=1),
        "effect_allele_count": known.sum(axis=1),
        "sum_of_squares": np.einsum("vi,vi->v", known, known),
        "homozygous_effect": np.count_nonzero(dosage >= 2 - NEAR_A_CALL, axis=1),
        "heterozygous": np.count_nonzero(np.abs(dosage - 1) <= NEAR_A_CALL, axis=1),
        "homozygous_other": np.count_nonzero(dosage <= NEAR_A_CALL, axis=1),
    }


def _ratio(
    numerator: Num[np.ndarray, " variant"], denominator: Num[np.ndarray, " variant"]
) -> Float[np.ndarray, " variant"]:
    """`numerator / denominator`; NaN where the denominator is 0."""
    return np.divide(
        numerator, denominator, out=np.full(len(numerator), np.nan), where=denominator > 0
    )
