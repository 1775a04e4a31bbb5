"""Inflation and quantiles from the tally are those of the p-values; skewed phenotypes with rare
variants are caught."""

import json

import numpy as np
import pandas as pd
import pytest
import reference
from scipy import special, stats

from ecgae.statistics.association import TRANSFORMS, associate, covariate_basis, fit, neg_log10_p
from ecgae.statistics.calibration import (
    CHI2_MEDIAN,
    FREQUENCY_BINS,
    calibration_summary,
    genomic_inflation,
    inflation_by_frequency,
    lambda_1000,
    mean_chi2,
    qq_quantiles,
)
from ecgae.statistics.tally import PER_UNIT, Tally
from ecgae.statistics.variant_counts import count


@pytest.fixture
def rng():
    return np.random.default_rng(11)


def tally_of(chi2, frequency=None, chromosome="1"):
    """Of chi2 [variant phenotype], NaN = not tested."""
    tally = Tally.empty(tuple(f"y{number}" for number in range(chi2.shape[1])))
    frequency = np.full(len(chi2), 0.3) if frequency is None else frequency
    tally.add(chromosome, frequency, chi2, ~np.isnan(chi2))
    return tally


def candidates_of(neg_log_10_p, report_below):
    variant, phenotype = np.nonzero(neg_log_10_p >= -np.log10(report_below))
    names = [f"y{number}" for number in phenotype]
    return pd.DataFrame(
        {"phenotype": names, "neg_log_10_p_value": neg_log_10_p[variant, phenotype]}
    )


def scan(dosage, phenotypes, transform):
    """-log10 p."""
    basis = covariate_basis(np.empty((len(phenotypes), 0)))
    found = associate(dosage, fit(TRANSFORMS[transform](phenotypes, basis), basis))
    return neg_log10_p(found.t, found.df[:, None])


def chi2_of(neg_log_10_p):
    return special.ndtri_exp(-np.log(10) * neg_log_10_p - np.log(2)) ** 2


@pytest.mark.parametrize("transform", ["none", "zscore", "rint"])
def test_phenotypes_without_association_are_uniform_and_not_inflated(rng, transform):
    dosage = reference.random_dosage(rng, 400, 3000, 0.001)
    neg_log_10_p = scan(dosage, rng.standard_normal((400, 4)), transform)
    inflation = genomic_inflation(tally_of(chi2_of(neg_log_10_p)))
    assert inflation == pytest.approx([1] * 4, abs=0.15)
    assert inflation.mean() == pytest.approx(1, abs=0.06)
    assert mean_chi2(tally_of(chi2_of(neg_log_10_p))).mean() == pytest.approx(1, abs=0.05)
    for column in neg_log_10_p.T:
        assert stats.kstest(10**-column, "uniform").pvalue > 1e-3


def test_inflated_statistics_are_seen_at_their_factor():
    chi2 = stats.chi2.ppf((np.arange(99_999) + 0.5) / 99_999, 1)
    tally = tally_of(chi2[:, None] * [1, 1.3, 0.9])
    np.testing.assert_allclose(genomic_inflation(tally), [1, 1.3, 0.9], rtol=1e-4)
    np.testing.assert_allclose(mean_chi2(tally), [1, 1.3, 0.9], rtol=1e-3)


@pytest.mark.parametrize("tests", [20_000, 400_000])
def test_the_binned_median_is_a_small_part_of_its_standard_error_off_the_exact_one(rng, tests):
    z = rng.standard_normal((tests, 8))
    exact = np.median(z**2, axis=0) / CHI2_MEDIAN
    error = genomic_inflation(tally_of(z**2)) - exact
    standard_error = 2.33 / np.sqrt(tests)
    assert np.sqrt(np.mean(error**2)) < 0.15 * standard_error
    assert abs(error.mean()) < 0.15 * standard_error


def test_the_median_of_few_tests_lies_in_the_right_bin():
    for tests in (1, 2, 3, 4, 7):
        z = np.linspace(0.4, 3.3, tests)[:, None] if tests > 1 else np.array([[0.7]])
        middle = np.sqrt(genomic_inflation(tally_of(z**2))[0] * CHI2_MEDIAN)
        low, high = z[(tests - 1) // 2, 0], z[tests // 2, 0]
        assert low - 1 / PER_UNIT <= middle <= high + 1 / PER_UNIT


def test_inflation_of_rare_variants_is_seen_apart(rng):
    frequency = np.repeat([0.005, 0.03, 0.1, 0.4], 20_000)
    factor = np.repeat([1.5, 1.0, 0.8, 1.1], 20_000)
    chi2 = factor[:, None] * rng.standard_normal((80_000, 2)) ** 2
    found = inflation_by_frequency(tally_of(chi2, frequency))
    np.testing.assert_allclose(
        found, np.array([[1.5, 1.5], [1, 1], [0.8, 0.8], [1.1, 1.1]]), atol=0.09
    )
    empty = inflation_by_frequency(tally_of(chi2[:20_000], frequency[:20_000]))
    assert np.isnan(empty[1:]).all()
    assert FREQUENCY_BINS == ("below 0.01", "0.01 to 0.05", "0.05 to 0.2", "from 0.2")


def test_inflation_by_structure_is_put_on_a_scale_of_a_thousand_people():
    np.testing.assert_allclose(
        lambda_1000(np.array([1.5, 0.9]), np.array([10_000, 500])), [1.05, 0.8]
    )


def test_untested_variants_do_not_count(rng):
    chi2 = rng.standard_normal((50, 2)) ** 2
    chi2[:, 1] = np.nan
    fewer = tally_of(chi2[:40, :1])
    chi2[40:, 0] = np.nan
    tally = tally_of(chi2)
    assert genomic_inflation(tally)[0] == genomic_inflation(fewer)[0]
    assert mean_chi2(tally)[0] == pytest.approx(mean_chi2(fewer)[0])
    assert np.isnan(genomic_inflation(tally)[1])
    assert np.isnan(mean_chi2(tally)[1])
    assert np.isnan(
        qq_quantiles(tally, candidates_of(np.empty((0, 2)), 1e-5), 1e-5).observed[:, 1]
    ).all()


def test_uniform_p_values_lie_on_the_diagonal_of_the_qq_plot():
    uniform = -np.log10((np.arange(50_000) + 0.5) / 50_000)[:, None]
    expected, observed = qq_quantiles(
        tally_of(chi2_of(uniform)), candidates_of(uniform, 1e-3), 1e-3
    )
    np.testing.assert_allclose(observed[:, 0], expected, rtol=0.02, atol=1e-3)
    assert expected[0] == pytest.approx(5)  # the smallest of 50,000 p-values is about 0.5 / 50,000


@pytest.mark.parametrize("report_below", [1e-2, 1e-5])
def test_quantiles_are_those_of_the_p_values_and_exact_below_the_reported_one(rng, report_below):
    neg_log_10_p = -np.log10(rng.uniform(size=(30_000, 3)))
    neg_log_10_p[:40, 0] = rng.uniform(5, 400, 40)  # far beyond the histogram
    neg_log_10_p[:20_000, 2] = np.nan
    tally = tally_of(chi2_of(neg_log_10_p))
    expected, observed = qq_quantiles(
        tally, candidates_of(neg_log_10_p, report_below), report_below
    )
    for column, tests in enumerate((30_000, 30_000, 10_000)):
        values = neg_log_10_p[~np.isnan(neg_log_10_p[:, column]), column]
        wanted = np.quantile(values, 1 - 10**-expected, method="hazen")
        rank = 10**-expected * tests
        reported = (values >= -np.log10(report_below)).sum() - 0.5
        np.testing.assert_allclose(
            observed[rank <= reported, column], wanted[rank <= reported], rtol=1e-12
        )
        # Elsewhere the next bin of |z| may be empty, and the next p-value as far away.
        np.testing.assert_allclose(observed[rank > 100, column], wanted[rank > 100], atol=0.035)
        assert (np.diff(observed[:, column]) <= 1e-12).all()
    assert observed[0, 0] > 300


def test_the_summary_is_plain_json_with_null_for_what_was_not_tested(rng):
    chi2 = rng.standard_normal((2000, 3)) ** 2
    chi2[:, 2] = np.nan
    summary = calibration_summary(tally_of(chi2), np.full(3, 5000))
    assert json.loads(json.dumps(summary, allow_nan=False)) == summary
    known = genomic_inflation(tally_of(chi2))[:2]
    assert summary["genomic_inflation"] == pytest.approx(np.median(known))
    assert summary["genomic_inflation_max"] == known.max()
    assert summary["genomic_inflation_by_phenotype"] == {"y0": known[0], "y1": known[1], "y2": None}
    assert summary["genomic_inflation_1000"] == pytest.approx(1 + (np.median(known) - 1) / 5)
    assert summary["genomic_inflation_by_frequency"]["from 0.2"] == summary["genomic_inflation"]
    assert summary["genomic_inflation_by_frequency"]["below 0.01"] is None
    assert summary["mean_chi2"] == pytest.approx(np.nanmean(chi2), rel=1e-9)
    assert summary["mean_chi2_by_phenotype"]["y2"] is None
    nothing = calibration_summary(Tally.empty(("y",)), np.array([5]))
    assert (
        nothing["genomic_inflation"]
        is nothing["genomic_inflation_max"]
        is nothing["mean_chi2"]
        is None
    )


def heavy_tailed(rng, kind, people, phenotypes):
    values = rng.standard_normal((people, phenotypes))
    if kind == "t3":
        return rng.standard_t(3, (people, phenotypes))
    if kind == "contaminated":
        return np.where(rng.random(values.shape) < 0.03, 10 * values, values)
    return np.exp(values)


@pytest.mark.parametrize("kind", ["t3", "contaminated", "lognormal"])
def test_outliers_in_rare_variants_make_hits_that_inflation_hides_and_rint_takes_away(rng, kind):
    dosage = reference.random_dosage(rng, 900, 6000, low=0.001, high=0.012)
    dosage = dosage[:, count(dosage).minor_allele_count >= 3]
    threshold = -np.log10(5e-8 / 32)
    phenotypes = heavy_tailed(rng, kind, 900, 8)
    naive = scan(dosage, phenotypes, "none")
    assert (naive > threshold).sum() >= 5
    assert np.median(genomic_inflation(tally_of(chi2_of(naive)))) < 1.05
    assert not (scan(dosage, phenotypes, "rint") > threshold).any()


@pytest.mark.parametrize("kind", ["t3", "contaminated", "lognormal"])
def test_a_minimum_allele_count_takes_most_of_such_hits_away_but_not_all(rng, kind):
    """Without rint even 20 to 100 copies do not suffice: 0.15 to 0.4 false hits per phenotype in
    10,000 variants."""
    threshold = -np.log10(5e-8 / 32)
    phenotypes = heavy_tailed(rng, kind, 900, 8)
    hits = [
        (
            scan(reference.random_dosage(rng, 900, 3000, 0, low, high), phenotypes, "none")
            > threshold
        ).mean()
        for low, high in ((0.002, 0.006), (0.02, 0.05), (0.1, 0.5))
    ]
    assert hits[1] < hits[0] / 5
    assert hits[2] == 0
