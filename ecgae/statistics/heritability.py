"""SNP heritability of many phenotypes from the chi2 sums of a scan: Haseman-Elston regression with
a randomised trace.

G~ holds the variants beside the covariates, each column scaled to g~'g~ = d, with d = people less
covariates (and intercept), and K = G~G~'/M the relatedness by M variants, tr K = d. A phenotype of
variance h2 K + (1 - h2) I beside the covariates has

    E y~'K y~ / (y~'y~ / d) = d + h2 (tr K^2 - d),    and    y~'K y~ / (y~'y~ / d) = d * mean chi2,

so that h2 = (mean chi2 - 1) / excess, with excess = tr K^2 / d - 1 = tr (K - I)^2 / d, which needs
one pass over the genotypes, whatever the number of phenotypes: tr (K - I)^2 is the mean of
|(K - I) z|^2 over random directions z (Wu & Sankararaman 2018, doi 10.1093/bioinformatics/bty253;
Pazokitoroudi et al. 2020, doi 10.1038/s41467-020-17576-9).

It assumes unrelated people, and that all structure is among the covariates: what else makes people
and phenotypes alike counts as heritability. Effects are drawn per standardised variant, whatever
its frequency and LD. A variant that explains a share r2 of a phenotype counts about r2 / 2
(relatively) too much, since its chi2 comes from a p-value.
"""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Float32, Int

from ecgae.statistics.association import COLLINEAR
from ecgae.statistics.jackknife import delete_one_error
from ecgae.statistics.tally import AUTOSOMES, Tally


class Trace(NamedTuple):
    """How alike people are by the variants of each chromosome, and of each two."""

    excess: Float[np.ndarray, "chromosome chromosome"]
    """tr (S_a - M_a I)(S_b - M_b I) / d, by `AUTOSOMES`, with S_a = G~_a G~_a' of M_a variants.
    Over M_a M_b it is the mean r2 between their variants less 1 / d, times d."""
    variants: Int[np.ndarray, " chromosome"]
    """The number M_a of variants of each chromosome a, by `AUTOSOMES`."""
    dimensions: int
    """The number d of dimensions that the covariates leave: people less `lost`."""
    lost: int
    """The number of dimensions that the covariates take, the intercept's included."""

    @property
    def between_chromosomes(self) -> float:
        """Share of the excess that pairs of variants on different chromosomes make up.

        About 0 among unrelated people without structure. Where it is not, standard errors are too
        small and the environment may be taken for heritability: use more principal components, or
        fewer relatives.
        """
        total = self.excess.sum()
        return float(1 - np.trace(self.excess) / total) if total else np.nan


def relatedness_trace(
    blocks: Iterable[tuple[str, Float32[np.ndarray, "individual _variant"]]],
    basis: Float[np.ndarray, "individual basis"],
    probes: int = 32,
    seed: int = 0,
) -> Trace:
    """One pass over the variants of a scan, each block being of one chromosome (its name, then
    copies of an allele).

    basis: orthonormal columns that span the covariates and the intercept.
    probes: random directions; with 32 the trace of 2,000 people is known to about 1 %, or 10 %
    where structure is left beside the covariates; to less among more people. With as many as d it
    is exact. Missing calls (NaN) are taken for the variant's mean. Constant variants, and those
    that follow from the covariates, are left out. Needs 4 bytes per person, probe and chromosome,
    beside three times the block.

    >>> dosage = np.random.default_rng(0).binomial(2, 0.3, (400, 100)).astype(np.float32)
    >>> intercept = np.full((400, 1), 400**-0.5)
    >>> trace = relatedness_trace([("21", dosage), ("22", dosage)], intercept)  # the same variants
    >>> trace.variants[-2:], trace.dimensions, round(trace.between_chromosomes, 3)
    (array([100, 100]), 399, 0.5)
    """
    n, lost = basis.shape
    directions = _directions(basis, min(probes, n - lost), seed)
    single, narrow = directions.astype(np.float32), basis.astype(np.float32)
    moved = np.zeros((len(AUTOSOMES), *directions.shape), dtype=np.float32)  # (S_a - M_a I) z
    variants = np.zeros(len(AUTOSOMES), dtype=np.int64)

    for chromosome, dosage in blocks:
        row = AUTOSOMES.index(chromosome)
        genotype, kept = _standardised(dosage, narrow)
        variants[row] += kept
        moved[row] += genotype @ (genotype.T @ single)

    for place in np.flatnonzero(variants):
        # The same as taking the covariates off every variant.
        moved[place] -= narrow @ (narrow.T @ moved[place])
        moved[place] -= variants[place] * single

    flat = moved.reshape(len(AUTOSOMES), -1)
    excess = (flat @ flat.T).astype(np.float64) / (directions.shape[1] * (n - lost))
    return Trace(excess=excess, variants=variants, dimensions=n - lost, lost=lost)


def _directions(
    basis: Float[np.ndarray, "individual basis"], probes: int, seed: int
) -> Float[np.ndarray, "individual probe"]:
    """Random columns beside the covariates, at right angles, each of length sqrt(d): E zz' = I
    there.

    Right angles make the estimate a little better than independent columns do, and exact once they
    fill the space.
    """
    n, lost = basis.shape
    drawn = np.random.default_rng(seed).standard_normal((n, probes))
    for _ in range(2):  # once more for the rounding of the first time
        drawn, _ = np.linalg.qr(drawn - basis @ (basis.T @ drawn))
    return drawn * np.sqrt(n - lost)


def _standardised(
    dosage: Float32[np.ndarray, "individual variant"],
    basis: Float32[np.ndarray, "individual basis"],
) -> tuple[Float32[np.ndarray, "individual variant"], int]:
    """The genotypes centred, and scaled so that what the covariates (not taken off here) leave has
    length sqrt(d); and how many variants vary beside the covariates."""
    missing = np.isnan(dosage)
    called = np.maximum(len(dosage) - missing.sum(axis=0), 1)
    genotype = np.where(missing, np.float32(0), dosage)
    genotype -= (genotype.sum(axis=0, dtype=np.float64) / called).astype(np.float32)
    genotype[missing] = 0

    total = np.einsum("iv,iv->v", genotype, genotype)
    left = total - np.square(genotype.T @ basis).sum(axis=1)
    kept = (total > 1e-12 * called) & (left > COLLINEAR * total)

    scale = np.where(kept, np.sqrt((len(basis) - basis.shape[1]) / np.where(kept, left, 1)), 0)
    genotype *= scale.astype(np.float32)
    return genotype, int(kept.sum())


class Heritability(NamedTuple):
    """Share of the variance beside the covariates that the variants explain together; NaN = not
    tested."""

    estimate: Float[np.ndarray, " phenotype"]
    """The estimate is unbiased, hence below 0 or above 1 at times."""
    standard_error: Float[np.ndarray, " phenotype"]
    """The standard error by a jackknife over chromosomes; NaN where fewer than two were tested."""


def heritability(tally: Tally, trace: Trace, n: Int[np.ndarray, " phenotype"]) -> Heritability:
    """The heritability of each phenotype, from the scan's `tally` and the `trace` of the same
    variants; `n` = people of each phenotype.

    A phenotype that is known for fewer people than the trace was made of is taken to be so for no
    reason that the genotypes tell: the excess goes with d. Where variants were tested for some
    phenotypes only, those stand for their chromosome. The standard error is a jackknife over
    chromosomes; it errs on the large side, by a third, where the heritability is as high as 0.6,
    and does not hold the error of the trace.

    >>> excess = np.zeros((22, 22))
    >>> excess[:2, :2] = np.diag([5e6, 5e6])  # M_a d: 1,000 variants each, without LD
    >>> variants = np.array([1000, 1000] + [0] * 20)
    >>> trace = Trace(excess, variants, dimensions=5000, lost=1)
    >>> tally = Tally.empty(("latent_0",))
    >>> tally.tests[:2, 0], tally.chi2[:2, 0] = 1000, (1080.0, 1120.0)  # mean chi2 1.1
    >>> h2 = heritability(tally, trace, n=np.array([5001]))
    >>> float(h2.estimate[0].round(3)), float(h2.standard_error[0].round(3))
    (0.04, 0.004)
    """
    return _regression(tally.chi2 - tally.tests, tally.tests, trace, n)


def summed_heritability(
    excess: Float[np.ndarray, " chromosome"],
    tests: Int[np.ndarray, " chromosome"],
    trace: Trace,
    n: int,
) -> Heritability:
    """The sum over whitened phenotypes of their heritabilities, one number: the same however the
    phenotypes are turned.

    excess: by `AUTOSOMES`, the sum over variants of the K-df statistic less K (`omnibus.excess`);
    `tests` = variants; n: people with all phenotypes. The sum over whitened phenotypes of chi2 - 1
    is that statistic less K, and their heritabilities add up to the trace of the genetic covariance
    of the whitened phenotypes, at most K.
    """
    return _regression(excess[:, None], tests[:, None], trace, np.array([n]))


def _regression(
    excess_chi2: Float[np.ndarray, "chromosome phenotype"],
    tests: Int[np.ndarray, "chromosome phenotype"],
    trace: Trace,
    n: Int[np.ndarray, " phenotype"],
) -> Heritability:
    """Heritabilities from the sums of chi2 - 1 over the `tests` of each chromosome."""
    tested = (tests > 0) & (trace.variants > 0)[:, None]
    mean = np.where(tested, excess_chi2 / np.maximum(tests, 1), 0)
    variants = np.where(tested, trace.variants[:, None], 0)
    size = (n - trace.lost) / trace.dimensions  # of the phenotype's d

    whole = _slope(mean, variants, trace.excess)
    without = np.full(tested.shape, np.nan)
    for row in np.flatnonzero(tested.any(axis=1)):
        others = variants.copy()
        others[row] = 0
        without[row] = _slope(mean, others, trace.excess)

    return Heritability(whole / size, delete_one_error(whole, without, variants) / size)


def _slope(
    excess_chi2: Float[np.ndarray, "chromosome phenotype"],
    variants: Int[np.ndarray, "chromosome phenotype"],
    excess: Float[np.ndarray, "chromosome chromosome"],
) -> Float[np.ndarray, " phenotype"]:
    """Heritability as if all variants were like those of the chromosomes given (variants above
    0)."""
    present = (variants > 0).astype(np.float64)
    total = variants.sum(axis=0)
    relatedness = np.einsum("ak,ab,bk->k", present, excess, present)
    with np.errstate(divide="ignore", invalid="ignore"):
        return total * (variants * excess_chi2).sum(axis=0) / relatedness
