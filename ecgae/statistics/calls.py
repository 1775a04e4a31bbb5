"""Genotype calls of a block of variants, made ready for a matrix product: numbers, and 0 where
there is no call."""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Float32, Float64, Int, Num, UInt8, UInt64

from ecgae.statistics.variant_counts import Counts, count

ODD = np.uint64(0x5555555555555555)
"""The lower bit of every two, of 32 people."""

ONE = np.uint64(1)
"""One bit, as wide as the words that it is shifted in."""

COPIES = np.array([2, 0, 1, 0], dtype=np.float32)[
    (np.arange(256)[:, None] >> np.array([0, 2, 4, 6])) & 3
]
"""The copies in four people by what their byte is."""

_AT_ONCE = COPIES.view(np.complex128)[:, 0]
"""`COPIES` with each row as one number of 16 bytes, so that four people are looked up at once."""


@dataclass(frozen=True, eq=False)
class Calls:
    """A block of variants, one row each: the rarer allele is counted, since small numbers round
    little."""

    words: UInt64[np.ndarray, "variant word"] | None
    """Whole calls as PLINK's two bits, 32 people in each word, turned so that 00 is two copies of
    the rarer allele; None where the block came as dosages."""
    given: Float[np.ndarray, "individual variant"] | None
    """Dosages of the effect allele as they were read, NaN where there is none; None where the block
    came as whole calls."""
    flipped: Bool[np.ndarray, " variant"]
    """True for the variants whose rarer allele is not the effect allele."""
    counts: Counts
    """What was counted of each variant, of its effect allele."""
    missing_variant: Int[np.ndarray, " missing"]
    """The row (variant) of each missing call, ascending."""
    missing_individual: Int[np.ndarray, " missing"]
    """The column (person) of each missing call, in the order of `missing_variant`."""
    filled: tuple[Int[np.ndarray, " filled"], Int[np.ndarray, " filled"]] | None = None
    """Row and column of the calls that were missing and are taken for the variant's mean; None
    where they stay missing."""

    @cached_property
    def genotype(self) -> Float[np.ndarray, "variant individual"]:
        """Copies of the rarer allele; 0 where there is no call."""
        if self.words is not None:
            genotype = _unpacked(self.words)[:, : self.counts.people]
        else:
            assert self.given is not None
            genotype = np.array(self.given.T, order="C")
            np.subtract(2, genotype, out=genotype, where=self.flipped[:, None])
            genotype[self.missing_variant, self.missing_individual] = 0

        if self.filled is not None:
            mean = self.mean
            genotype[self.filled] = np.where(self.flipped, 2 - mean, mean)[self.filled[0]]

        return genotype

    @property
    def mean(self) -> Float64[np.ndarray, " variant"]:
        """Mean copies of the effect allele over the people with a call."""
        return self.counts.effect_allele_count / np.maximum(self.counts.n, 1)

    def with_means(self) -> "Calls":
        """The same calls with missing ones taken for their variant's mean: everybody has one."""
        missing = self.missing_variant, self.missing_individual
        counts, mean = self.counts, self.mean
        gone = counts.people - counts.n

        counts = counts._replace(
            n=np.full_like(counts.n, counts.people),
            effect_allele_count=counts.effect_allele_count + gone * mean,
            sum_of_squares=counts.sum_of_squares + gone * mean**2,
        )

        nobody = np.empty(0, dtype=np.int64)
        return replace(
            self, counts=counts, missing_variant=nobody, missing_individual=nobody, filled=missing
        )

    def dosage(
        self, variants: Int[np.ndarray, " chosen"]
    ) -> Float64[np.ndarray, "individual chosen"]:
        """Copies of the effect allele of some rows, in rising order, exactly; NaN where there is no
        call."""
        if self.words is None:
            assert self.given is not None
            dosage = self.given[:, variants].astype(np.float64)
        else:
            copies = _unpacked(self.words[variants])[:, : self.counts.people].astype(np.float64)
            dosage = np.where(self.flipped[variants, None], 2 - copies, copies).T

        row, person = self.filled or (self.missing_variant, self.missing_individual)
        chosen = np.isin(row, variants)
        value = self.mean[row[chosen]] if self.filled is not None else np.nan
        dosage[person[chosen], np.searchsorted(variants, row[chosen])] = value

        return dosage


def _unpacked(words: UInt64[np.ndarray, "variant word"]) -> Float32[np.ndarray, "variant padded"]:
    """The copies that `words` hold, padded to a whole number of words."""
    genotype = np.empty((len(words), words.shape[1] * 8), dtype=np.complex128)
    np.take(_AT_ONCE, np.ascontiguousarray(words).view(np.uint8), out=genotype, mode="clip")
    return genotype.view(np.float32)


def select(
    packed: UInt8[np.ndarray, "variant byte"], individuals: Int[np.ndarray, " individual"]
) -> UInt8[np.ndarray, "variant chosen_byte"]:
    """The calls of some people, packed again in the order given."""
    codes = np.take(packed, individuals >> 2, axis=1)
    codes >>= (2 * (individuals & 3)).astype(np.uint8)
    codes &= 3
    padded = np.zeros((len(packed), -(-len(individuals) // 4) * 4), dtype=np.uint8)
    padded[:, : len(individuals)] = codes
    four = padded.reshape(len(packed), -1, 4)
    return four[..., 0] | four[..., 1] << 2 | four[..., 2] << 4 | four[..., 3] << 6


class Counted(NamedTuple):
    """What the bits of packed calls say before they are unpacked."""

    words: UInt64[np.ndarray, "variant word"]
    """The calls of 32 people each."""
    counts: Counts

    def of(self, variants: Bool[np.ndarray, " variant"]) -> "Counted":
        """What was counted of some of the variants."""
        values = self.counts._asdict()
        people = values.pop("people")
        chosen = {name: one[variants] for name, one in values.items()}
        return Counted(self.words[variants], Counts(people=people, **chosen))


def count_packed(packed: UInt8[np.ndarray, "variant byte"], people: int) -> Counted:
    """Counts of PLINK's two bits: 00 two copies, 10 one, 11 none, 01 no call; person i in bits 2 (i
    % 4) of a byte.

    >>> counts = count_packed(np.array([[0b01_11_10_00]], dtype=np.uint8), people=4).counts
    >>> counts.n, counts.effect_allele_count, counts.heterozygous
    (array([3]), array([3.]), array([1]))
    """
    variants, size = packed.shape
    words = np.zeros((variants, -(-size // 8)), dtype=np.uint64)
    words.view(np.uint8)[:, :size] = packed

    low, high = words & ODD, (words >> ONE) & ODD
    none = np.bitwise_count(low & high).sum(axis=1, dtype=np.int64)
    one = np.bitwise_count(high).sum(axis=1, dtype=np.int64) - none
    missing = np.bitwise_count(low).sum(axis=1, dtype=np.int64) - none

    n = people - missing
    two = n - one - none

    counts = Counts(
        people=people,
        n=n,
        effect_allele_count=(2 * two + one).astype(float),
        sum_of_squares=(4 * two + one).astype(float),
        homozygous_effect=two,
        heterozygous=one,
        homozygous_other=none,
    )
    return Counted(words, counts)


def from_packed(counted: Counted) -> Calls:
    """The calls of variants whose bits were counted."""
    words, counts = counted
    flipped = counts.effect_allele_count > counts.n
    if flipped.any():
        words = words.copy()
        words[flipped] = _swapped(words[flipped])
    variant, individual = _missing(words & ~(words >> ONE) & ODD)
    return Calls(
        words=words,
        given=None,
        flipped=flipped,
        counts=counts,
        missing_variant=variant,
        missing_individual=individual,
    )


def _swapped(words: UInt64[np.ndarray, "variant word"]) -> UInt64[np.ndarray, "variant word"]:
    """The words with no copy in place of two, and the reverse: both bits are turned where they are
    equal."""
    equal = ~(words ^ (words >> ONE)) & ODD
    return words ^ (equal | (equal << ONE))


def _missing(
    flags: Num[np.ndarray, "variant word"],
) -> tuple[Int[np.ndarray, " missing"], Int[np.ndarray, " missing"]]:
    """Row and column of the calls whose lower bit is set in `flags`."""
    variant, word = np.nonzero(flags)
    bits = (flags[variant, word][:, None] >> np.arange(0, 64, 2, dtype=np.uint64)) & ONE
    which, person = np.nonzero(bits)
    return variant[which], word[which] * 32 + person


def from_dosage(dosage: Float[np.ndarray, "individual variant"]) -> Calls:
    """Calls from expected copies of the effect allele, NaN where there is none; in the precision
    given.

    >>> calls = from_dosage(np.array([[2.0], [1.0], [2.0], [np.nan]]))
    >>> calls.genotype, calls.flipped  # the other allele is rarer, so its copies are counted
    (array([[0., 1., 0., 0.]]), array([ True]))
    """
    counts = count(dosage)
    flipped = counts.effect_allele_count > counts.n
    variant, individual = np.nonzero(np.isnan(dosage).T)
    return Calls(
        words=None,
        given=dosage,
        flipped=flipped,
        counts=counts,
        missing_variant=variant,
        missing_individual=individual,
    )
