"""How the test statistics of a scan are distributed: gathered block by block, and added up over
parts of the genome."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int

AUTOSOMES = tuple(str(number) for number in range(1, 23))
"""The names of the chromosomes, in the order of every `chromosome` axis."""

PER_UNIT = 64
"""Bins of |z| per unit."""

HIGHEST = 8
"""|z| from which on everything falls into the last bin: p below 1.2e-15."""

BINS = PER_UNIT * HIGHEST + 1
"""The number of bins of |z|, the last one included."""

FREQUENCIES = (0.01, 0.05, 0.2)
"""Where the bins of minor allele frequency meet; the first holds what is rarer, the last goes up to
0.5."""


@dataclass(frozen=True, eq=False)
class Tally:
    """Histograms and sums of chi2, the 1-df chi-squared that each p-value stands for; z is its
    root.

    Sums per chromosome are what a jackknife over chromosomes needs.

    >>> tally = Tally.empty(("latent_0", "latent_1"))
    >>> tally.add("1", np.array([0.005, 0.30]), chi2=np.array([[0.5, 1.0], [2.0, 40.0]]))
    >>> tally.chi2[0], tally.tests[0], tally.z_counts.sum(axis=(1, 2))
    (array([ 2.5, 41. ]), array([2, 2]), array([2, 0, 0, 2]))
    """

    phenotypes: tuple[str, ...]
    """The names of the phenotypes, in the order of every `phenotype` axis."""
    z_counts: Int[np.ndarray, "frequency_bin phenotype z_bin"]
    """Tests by minor allele frequency and |z|, `BINS` of width 1 / `PER_UNIT`."""
    tests: Int[np.ndarray, "chromosome phenotype"]
    """The number of tests, chromosomes in the order of `AUTOSOMES`."""
    chi2: Float[np.ndarray, "chromosome phenotype"]
    """The sum of chi2 over the tests of each chromosome, in the order of `AUTOSOMES`."""

    @classmethod
    def empty(cls, phenotypes: tuple[str, ...]) -> "Tally":
        """The tally before anything is tested."""
        k = len(phenotypes)
        return cls(
            phenotypes=phenotypes,
            z_counts=np.zeros((len(FREQUENCIES) + 1, k, BINS), dtype=np.int64),
            tests=np.zeros((len(AUTOSOMES), k), dtype=np.int64),
            chi2=np.zeros((len(AUTOSOMES), k)),
        )

    def add(
        self,
        chromosome: str,
        minor_allele_frequency: Float[np.ndarray, " variant"],
        chi2: Float[np.ndarray, "variant phenotype"],
        tested: Bool[np.ndarray, "variant phenotype"] | None = None,
    ) -> None:
        """Counts the tests of variants of one chromosome, in place; `tested` None: every one."""
        row = AUTOSOMES.index(chromosome)
        k = len(self.phenotypes)

        place = bins(chi2)
        if tested is not None:
            chi2 = np.where(tested, chi2, 0)

        self.chi2[row] += chi2.sum(axis=0, dtype=np.float64)
        self.tests[row] += len(chi2) if tested is None else tested.sum(axis=0)

        place += np.arange(k) * BINS
        frequency = np.searchsorted(FREQUENCIES, minor_allele_frequency, side="right")
        for which in np.unique(frequency):
            here = frequency == which
            chosen = place[here] if tested is None else place[here][tested[here]]
            self.z_counts[which] += np.bincount(chosen.ravel(), minlength=k * BINS).reshape(k, BINS)

    def merge(self, other: "Tally") -> None:
        """Adds the tests of other variants, in place."""
        for mine, theirs in zip(self.arrays().values(), other.arrays().values(), strict=True):
            mine += theirs

    def arrays(self) -> dict[str, np.ndarray]:
        """What a file must hold of the tally, by name; `of` reads it again."""
        return {"z_counts": self.z_counts, "tests": self.tests, "chi2": self.chi2}

    @classmethod
    def of(cls, phenotypes: tuple[str, ...], arrays: dict[str, Any]) -> "Tally":
        """The tally whose `arrays()` these are."""
        return cls(phenotypes, arrays["z_counts"], arrays["tests"], arrays["chi2"])


def bins(chi2: Float[np.ndarray, "variant phenotype"]) -> Int[np.ndarray, "variant phenotype"]:
    """The bin of |z| of each test; that of NaN means nothing.

    >>> bins(np.array([[0.0], [1.0], [3.84], [100.0]])).ravel()
    array([  0,  64, 125, 512])
    """
    place = np.sqrt(chi2)
    place *= place.dtype.type(PER_UNIT)
    return np.fmin(place, BINS - 1, out=place).astype(np.intp)


def middles() -> Float[np.ndarray, " z_bin"]:
    """|z| in the middle of each bin; the last bin begins at `HIGHEST`."""
    return (np.arange(BINS) + 0.5) / PER_UNIT
