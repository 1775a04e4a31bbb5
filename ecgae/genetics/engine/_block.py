"""One block of variants against all phenotypes: screened in single precision, reported in
double."""

from collections import Counter
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Float32, Float64, Int
from scipy import special

from ecgae.genetics.phenotype_groups import Prepared, Together
from ecgae.genetics.scan import ACAT, OMNIBUS
from ecgae.genetics.sumstats import Statistics
from ecgae.genetics.variant_blocks import Rows
from ecgae.statistics import omnibus
from ecgae.statistics.association import Model, associate, chi2_of_p, neg_log10_p
from ecgae.statistics.calls import Calls, from_dosage
from ecgae.statistics.combination import acat
from ecgae.statistics.screening import (
    PRECISION,
    Multiply,
    Screened,
    Stack,
    chi2_of_r2,
    least_r2,
    multiplier,
    screen,
    stack,
)
from ecgae.statistics.tally import bins, middles

UNTESTED = "constant or following from the covariates"
RARE = "minor allele too rare among the people of every phenotype"
ROUNDING = 0.01
"""Rounding error of an allele count in single precision."""
NEAR = 1.5
"""Factor within which the p of ACAT is known from bins of |z|."""
_COTANGENT = (1 / np.tan(np.pi * np.maximum(2 * special.ndtr(-middles()), 1e-15))).astype(
    np.float32
)
"""tan((1/2 - p) pi) by bin of |z|."""


class Tests(NamedTuple):
    """The tests of a scan, which are the same for every block of variants."""

    prepared: Prepared
    fast: Stack
    """The groups of phenotypes, then the phenotypes that are tested together, in single
    precision."""
    multiply: Multiply
    """Multiplies genotypes by `fast`."""
    together: Stack | None
    """The phenotypes that are tested together, in double precision; None without any."""
    report_below: float
    min_minor_allele_count: float
    acat: bool
    """Whether the test ACAT is made."""
    every: bool
    """Whether every association is to be exact, not only those to report."""

    @property
    def combined(self) -> tuple[str, ...]:
        """Names of the tests of several phenotypes at once."""
        return (*(one.name for one in self.prepared.together), *([ACAT] if self.acat else []))


class Tested(NamedTuple):
    """The results of a block of variants."""

    rows: Rows
    excluded: Counter[str]
    """Variants that were not tested, by reason; those that failed the filter are no rows."""
    minor_allele_frequency: Float[np.ndarray, " variant"]
    chi2: Float[np.ndarray, "variant phenotype"]
    """chi2 of every association; NaN where a variant was not tested."""
    n: Int[np.ndarray, "variant phenotype"]
    effect_allele_frequency: Float[np.ndarray, "variant phenotype"]
    combined_chi2: Float[np.ndarray, "variant test"]
    omnibus_excess: Float32[np.ndarray, " variant"]
    """`omnibus.excess` of all phenotypes; NaN where the scan does not test them at once."""
    reported: Int[np.ndarray, " reported"]
    """Places in `rows` of the variants with something to report."""
    statistics: Statistics
    """All results of the variants in `reported`, exact."""
    combined_neg_log_10_p: Float64[np.ndarray, "reported test"]
    """-log10 p of the tests of several phenotypes, of the variants in `reported`, exact."""


def all_tests(
    prepared: Prepared,
    individuals: int,
    report_below: float,
    min_minor_allele_count: float,
    acat: bool,
    every: bool,
    multiplied_by: Callable[[Stack], Multiply] = multiplier,
) -> Tests:
    """The tests that a scan makes of its phenotypes, their models side by side."""
    alone = [(group.model, group.people, False) for group in prepared.groups]
    together = [(one.model, one.people, True) for one in prepared.together]
    fast = stack(alone + together, individuals)
    return Tests(
        prepared=prepared,
        fast=fast,
        multiply=multiplied_by(fast),
        together=stack(together, individuals, np.float64) if together else None,
        report_below=report_below,
        min_minor_allele_count=min_minor_allele_count,
        acat=acat and len(prepared.names) > 1,
        every=every,
    )


def test_block(calls: Calls, rows: Rows, tests: Tests, excluded: Counter[str]) -> Tested:
    """Every test of the block's variants."""
    screened = screen(calls, tests.fast, tests.multiply)
    alone, together = screened[: len(tests.prepared.groups)], screened[len(tests.prepared.groups) :]
    rare = [one.minor_allele_count < tests.min_minor_allele_count - ROUNDING for one in alone]
    for one, too_rare in zip(alone, rare, strict=True):
        one.r2[too_rare] = np.nan

    chi2 = np.require(
        _spread(tests, [chi2_of_r2(one.r2, one.df) for one in alone]), requirements="W"
    )
    combined, worth = _combined(together, chi2, tests)
    pairs = _worth_computing(alone, tests)
    reported = np.flatnonzero(worth | pairs.any(axis=1))
    dosage = calls.dosage(reported)

    # ACAT needs the p-values of all phenotypes; otherwise only those that may be reported are
    # computed again.
    whole = tests.acat and bool(worth.any())
    columns = np.arange(pairs.shape[1]) if whole else np.flatnonzero(pairs.any(axis=0))
    statistics = _exact(dosage, columns, tests)
    chi2[np.ix_(reported, columns)] = chi2_of_p(statistics.neg_log_10_p_value[:, columns])
    exact = _exact_combined(dosage, statistics if whole else None, tests)
    combined[reported] = np.where(np.isnan(exact), combined[reported], chi2_of_p(exact))

    frequencies = [_effect_allele_frequency(calls, one)[:, None] for one in alone]
    block = Tested(
        rows=rows,
        excluded=excluded,
        minor_allele_frequency=calls.counts.minor_allele_frequency,
        chi2=chi2,
        n=_spread(tests, [one.n[:, None] for one in alone]),
        effect_allele_frequency=_spread(tests, frequencies),
        combined_chi2=combined,
        omnibus_excess=_omnibus_excess(together, tests, len(rows)),
        reported=reported,
        statistics=statistics,
        combined_neg_log_10_p=exact,
    )
    return _without_untested(block, np.all(rare, axis=0))


def _effect_allele_frequency(calls: Calls, screened: Screened) -> Float[np.ndarray, " variant"]:
    """Frequency of the effect allele among the people of a group."""
    frequency = screened.minor_allele_count / np.maximum(2 * screened.n, 1)
    return np.where(calls.flipped, 1 - frequency, frequency)


def _spread(tests: Tests, by_group: list[np.ndarray]) -> np.ndarray:
    """The groups' columns in the order of the phenotypes."""
    groups = tests.prepared.groups
    if len(groups) == 1:  # all of them, in order
        (values,) = by_group
        return (
            values
            if values.shape[1] > 1
            else np.broadcast_to(values, (len(values), len(groups[0].columns)))
        )
    whole = np.empty((len(by_group[0]), len(tests.prepared.names)), dtype=by_group[0].dtype)
    for group, values in zip(groups, by_group, strict=True):
        whole[:, group.columns] = values
    return whole


def _worth_computing(alone: list[Screened], tests: Tests) -> Bool[np.ndarray, "variant phenotype"]:
    """Which associations may have to be reported; with `every`, all that can be tested."""
    worth = []
    for one in alone:
        # 0 where this r2 cannot be trusted, since the slack is infinite there
        least = (
            np.zeros(len(one.df))
            if tests.every
            else least_r2(tests.report_below, one.df) / (1 + one.slack)
        )
        least *= 1 - PRECISION
        worth.append(one.r2 >= least.astype(one.r2.dtype)[:, None])  # not where r2 is NaN
    return _spread(tests, worth)


def _combined(
    together: list[Screened], chi2: Float[np.ndarray, "variant phenotype"], tests: Tests
) -> tuple[Float[np.ndarray, "variant test"], Bool[np.ndarray, " variant"]]:
    """chi2 of the tests of several phenotypes, and which variants may have one to report."""
    columns, worth = [], np.zeros(len(chi2), dtype=bool)
    tested = ~np.isnan(chi2).all(axis=1)
    for one, test in zip(together, tests.prepared.together, strict=True):
        components, dimensions = _size(test)
        r2 = np.where(tested, one.r2[:, 0], np.nan).astype(np.float64)
        columns.append(chi2_of_p(omnibus.neg_log10_p(r2, components, dimensions)))
        least = omnibus.least_r2(tests.report_below, components, dimensions) * (1 - PRECISION)
        worth |= r2 >= least

    if tests.acat:
        p = _acat_p(chi2, tested)
        columns.append(np.where(tested, special.ndtri(p / 2) ** 2, np.nan))
        worth |= tested & (p <= NEAR * tests.report_below)

    if not columns:
        return np.empty((len(chi2), 0)), worth
    return np.stack(columns, axis=1), worth


def _acat_p(
    chi2: Float[np.ndarray, "variant phenotype"], tested: Bool[np.ndarray, " variant"]
) -> Float64[np.ndarray, " variant"]:
    """p of ACAT from bins of |z|, true within a factor of `NEAR`: 1/2 - arctan(mean of
    tan((1/2 - p) pi)) / pi over phenotypes."""
    weight = np.where(np.isnan(chi2), np.float32(np.nan), _COTANGENT[bins(chi2)])
    mean = np.nanmean(np.where(tested[:, None], weight, 0), axis=1, dtype=np.float64)
    return 0.5 - np.arctan(mean) / np.pi


def _omnibus_excess(
    together: list[Screened], tests: Tests, variants: int
) -> Float32[np.ndarray, " variant"]:
    """`omnibus.excess` of the test of all phenotypes at once; NaN where the scan does not make it."""
    for one, test in zip(together, tests.prepared.together, strict=True):
        if test.name == OMNIBUS:
            return omnibus.excess(one.r2[:, 0], *_size(test)).astype(np.float32)
    return np.full(variants, np.nan, dtype=np.float32)


def _size(test: Together) -> tuple[int, int]:
    """The numbers of components of a test and of dimensions beside the covariates."""
    return test.model.residuals.shape[1], len(test.people) - test.model.basis.shape[1]


def _exact(
    dosage: Float64[np.ndarray, "individual variant"],
    columns: Int[np.ndarray, " column"],
    tests: Tests,
) -> Statistics:
    """Some phenotypes on a few variants, as if each pair were a regression of its own; NaN for the
    others."""
    statistics = Statistics.empty(dosage.shape[1], len(tests.prepared.names))
    if not dosage.shape[1]:
        return statistics
    for group in tests.prepared.groups:
        chosen = np.isin(group.columns, columns)
        if not chosen.any():
            continue

        basis, residuals, sums = group.model
        model = group.model if chosen.all() else Model(basis, residuals[:, chosen], sums[chosen])
        mine = dosage if len(group.people) == len(dosage) else dosage[group.people]
        fitted = associate(mine, model)

        copies = np.nan_to_num(fitted.effect_allele_frequency) * 2 * fitted.n
        rarer = np.minimum(copies, 2 * fitted.n - copies)
        frequent = rarer >= tests.min_minor_allele_count - ROUNDING
        t = np.where(frequent[:, None], fitted.t, np.nan)

        for name, values in (
            ("beta", fitted.beta),
            ("standard_error", fitted.standard_error),
            ("neg_log_10_p_value", neg_log10_p(t, fitted.df[:, None])),
            ("effect_allele_frequency", fitted.effect_allele_frequency[:, None]),
            ("n", fitted.n[:, None]),
        ):
            getattr(statistics, name)[:, group.columns[chosen]] = values
    return statistics


def _exact_combined(
    dosage: Float64[np.ndarray, "individual variant"], statistics: Statistics | None, tests: Tests
) -> Float64[np.ndarray, "variant test"]:
    """-log10 p of the tests of several phenotypes; without the `statistics` of all of them NaN for
    ACAT."""
    variants = dosage.shape[1]
    exact = np.full((variants, len(tests.combined)), np.nan)
    if not variants:
        return exact

    if tests.together is not None:
        screened = screen(from_dosage(dosage), tests.together)
        for column, (one, test) in enumerate(zip(screened, tests.prepared.together, strict=True)):
            components, dimensions = _size(test)
            exact[:, column] = omnibus.neg_log10_p(one.r2[:, 0], components, dimensions)
    if tests.acat and statistics is not None:
        exact[:, -1] = acat(statistics.neg_log_10_p_value)
    return exact


def _without_untested(block: Tested, rare: Bool[np.ndarray, " variant"]) -> Tested:
    """The block without the variants that no phenotype could be tested on, which are counted."""
    tested = ~np.isnan(block.chi2).all(axis=1)
    if tested.all():
        return block

    untested = {RARE: int((~tested & rare).sum()), UNTESTED: int((~tested & ~rare).sum())}
    kept = tested[block.reported]
    return Tested(
        rows=block.rows[tested],
        excluded=block.excluded + Counter(untested),
        minor_allele_frequency=block.minor_allele_frequency[tested],
        chi2=block.chi2[tested],
        n=block.n[tested],
        effect_allele_frequency=block.effect_allele_frequency[tested],
        combined_chi2=block.combined_chi2[tested],
        omnibus_excess=block.omnibus_excess[tested],
        reported=(np.cumsum(tested) - 1)[block.reported[kept]],
        statistics=Statistics(*(values[kept] for values in block.statistics)),
        combined_neg_log_10_p=block.combined_neg_log_10_p[kept],
    )
