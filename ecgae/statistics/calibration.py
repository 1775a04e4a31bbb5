"""Whether test statistics behave as they should where nothing is associated, from the tally of a
scan.

chi2 is the 1-df chi-squared statistic that a p-value stands for, which makes tests with few degrees
of freedom comparable; |z| is its root.
"""

from itertools import pairwise
from typing import Any, NamedTuple, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float, Int, Num

from ecgae.statistics.association import p_of_chi2
from ecgae.statistics.json_number import json_number
from ecgae.statistics.tally import BINS, FREQUENCIES, PER_UNIT, Tally

CHI2_MEDIAN = 0.45493642311957283
"""Median of the chi-squared distribution with one degree of freedom."""

FREQUENCY_BINS = (
    f"below {FREQUENCIES[0]:g}",
    *(f"{low:g} to {high:g}" for low, high in pairwise(FREQUENCIES)),
    f"from {FREQUENCIES[-1]:g}",
)
"""Names of the tally's bins of minor allele frequency."""


def genomic_inflation(tally: Tally) -> Float[np.ndarray, " phenotype"]:
    """Median chi2 of each phenotype over its expected value; NaN = not tested.

    1 is calibrated; above, statistics are too large on the whole, by structure, relatedness or
    polygenicity (Devlin & Roeder 1999, doi 10.1111/j.0006-341X.1999.00997.x).

    >>> z = np.random.default_rng(0).standard_normal((20_000, 1))
    >>> tally = Tally.empty(("latent_0",))
    >>> tally.add("1", np.full(20_000, 0.3), (1.1 * z) ** 2)  # z a tenth too large
    >>> genomic_inflation(tally).round(2)
    array([1.22])
    """
    return _inflation(tally.z_counts.sum(axis=0))


def inflation_by_frequency(tally: Tally) -> Float[np.ndarray, "frequency_bin phenotype"]:
    """`genomic_inflation` among the variants of each of `FREQUENCY_BINS`."""
    return _inflation(tally.z_counts)


def _inflation(counts: Int[np.ndarray, "*group z_bin"]) -> Float[np.ndarray, "*group"]:
    """The median chi2 over its expected value, from counts of |z|: within its bin it is
    interpolated, the tests of a bin being spread evenly over it.

    For m tests this is off the exact median by about 0.19 / sqrt(m), a twelfth of the median's own
    standard error.
    """
    rows = counts.reshape(-1, BINS)
    below = rows.cumsum(axis=1)
    half = below[:, -1:] / 2
    place = np.minimum((below < half).sum(axis=1), BINS - 1)

    row = np.arange(len(rows))
    inside = rows[row, place]
    tested = below[:, -1] > 0
    part = 1 - (below[row, place] - half[:, 0]) / np.where(tested, inside, 1)

    median = np.where(tested, (place + part) / PER_UNIT, np.nan)
    return (median**2 / CHI2_MEDIAN).reshape(counts.shape[:-1])


def lambda_1000(
    inflation: Float[np.ndarray, "*group phenotype"], n: Num[np.ndarray, " phenotype"]
) -> Float[np.ndarray, "*group phenotype"]:
    """What the inflation would be in 1,000 people: inflation that comes from structure grows with
    their number `n`.

    >>> lambda_1000(np.array([1.10, 1.10]), n=np.array([5_000, 50_000]))
    array([1.02 , 1.002])
    """
    return 1 + (inflation - 1) * 1000 / n


def mean_chi2(tally: Tally) -> Float[np.ndarray, " phenotype"]:
    """Mean chi2 of each phenotype over all its tests: 1 where nothing is associated; NaN = not
    tested."""
    tests = tally.tests.sum(axis=0)
    return np.where(tests > 0, tally.chi2.sum(axis=0) / np.maximum(tests, 1), np.nan)


class Quantiles(NamedTuple):
    """A QQ plot: -log10 p expected without any association, and observed, from the smallest p to
    the largest."""

    expected: Float[np.ndarray, " quantile"]
    """-log10 p expected at each quantile without any association."""
    observed: Float[np.ndarray, "quantile phenotype"]
    """-log10 p observed at each quantile; NaN = not tested."""


@runtime_checkable
class Columns(Protocol):
    """A table whose columns have names: a dictionary of arrays, or a data frame."""

    def __getitem__(self, name: str, /) -> Any: ...


def qq_quantiles(
    tally: Tally, candidates: Columns, report_below: float, points: int = 200
) -> Quantiles:
    """Quantiles of each phenotype at common probabilities, dense where p is small; NaN = not
    tested.

    `candidates`: `phenotype` and exact `neg_log_10_p_value` of every test with p of at most
    `report_below`; quantiles above that p come from the histogram of |z|. With m tests the k-th
    smallest of uniform p-values is expected about (k - 1/2) / m; between two of them quantiles are
    interpolated.

    >>> z = np.random.default_rng(0).standard_normal((20_000, 1))
    >>> tally = Tally.empty(("latent_0",))
    >>> tally.add("1", np.full(20_000, 0.3), z**2)
    >>> p = p_of_chi2(z[z**2 > 15] ** 2)
    >>> candidates = {"phenotype": ["latent_0"] * len(p), "neg_log_10_p_value": p}
    >>> quantiles = qq_quantiles(tally, candidates, report_below=1e-4, points=5)
    >>> quantiles.expected.round(2), quantiles.observed[:, 0].round(2)
    (array([4.6 , 3.45, 2.3 , 1.15, 0.  ]), array([4.24, 3.4 , 2.35, 1.14, 0.  ]))
    """
    counts = tally.z_counts.sum(axis=0)
    tests = counts.sum(axis=1)
    most = max(int(tests.max(initial=0)), 1)
    probability = np.geomspace(0.5 / most, 1 - 0.5 / most, points)
    observed = np.full((points, len(tests)), np.nan)

    columns = {name: column for column, name in enumerate(tally.phenotypes)}
    candidate_column = np.array(
        [columns.get(name, -1) for name in candidates["phenotype"]], dtype=np.int64
    )
    exact = np.asarray(candidates["neg_log_10_p_value"], dtype=np.float64)
    for column in range(len(tests)):
        if tests[column]:
            rank = np.maximum(probability * tests[column], 0.5)
            smallest = np.sort(exact[candidate_column == column])[::-1]
            observed[:, column] = _of_rank(rank, counts[column], smallest, -np.log10(report_below))

    return Quantiles(-np.log10(probability), observed)


def _of_rank(
    rank: Float[np.ndarray, " quantile"],
    counts: Int[np.ndarray, " z_bin"],
    smallest: Float[np.ndarray, " candidate"],
    highest: float,
) -> Float[np.ndarray, " quantile"]:
    """-log10 p at ranks, between those of two tests, the k-th smallest p standing at k - 1/2.

    `smallest` p-values come first; those of the others, of at most `highest`, are spread evenly
    over their bins.
    """
    above = np.append(np.cumsum(counts[::-1])[::-1], 0)  # tests from the lower edge of each bin on
    edges = np.arange(BINS + 1) / PER_UNIT

    def of_test(k: Int[np.ndarray, " quantile"]) -> Float[np.ndarray, " quantile"]:
        z = np.interp(k - 0.5, above[::-1], edges[::-1])
        values = np.minimum(p_of_chi2(np.square(z)), highest)
        known = k <= len(smallest)
        values[known] = smallest[k[known] - 1]
        return values

    before = np.floor(rank + 0.5).astype(np.int64)
    part = rank + 0.5 - before
    return (1 - part) * of_test(before) + part * of_test(np.minimum(before + 1, above[0]))


def calibration_summary(tally: Tally, n: Num[np.ndarray, " phenotype"]) -> dict[str, Any]:
    """Plain numbers, ready for JSON, None where nothing was tested; `n` = people of each phenotype.

    genomic_inflation, genomic_inflation_max: median and largest over phenotypes;
    genomic_inflation_by_phenotype.
    genomic_inflation_1000: median over phenotypes of `lambda_1000`.
    genomic_inflation_by_frequency: median over phenotypes, by `FREQUENCY_BINS`.
    mean_chi2: over all tests of all phenotypes; mean_chi2_by_phenotype.
    """
    inflation, means = genomic_inflation(tally), mean_chi2(tally)
    tests = int(tally.tests.sum())
    by_frequency = zip(FREQUENCY_BINS, inflation_by_frequency(tally), strict=True)

    return {
        "genomic_inflation": _median(inflation),
        "genomic_inflation_max": json_number(np.nanmax(inflation))
        if np.isfinite(inflation).any()
        else None,
        "genomic_inflation_by_phenotype": dict(
            zip(tally.phenotypes, map(json_number, inflation), strict=True)
        ),
        "genomic_inflation_1000": _median(lambda_1000(inflation, n)),
        "genomic_inflation_by_frequency": {name: _median(values) for name, values in by_frequency},
        "mean_chi2": float(tally.chi2.sum() / tests) if tests else None,
        "mean_chi2_by_phenotype": dict(zip(tally.phenotypes, map(json_number, means), strict=True)),
    }


def _median(values: Float[np.ndarray, " phenotype"]) -> float | None:
    known = values[~np.isnan(values)]
    return float(np.median(known)) if len(known) else None
