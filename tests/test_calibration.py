import numpy as np
import pytest
import reference
from scipy import stats

from ecgae.association import TRANSFORMS, associate, covariate_basis, fit, minor_allele_count, neg_log10_p
from ecgae.calibration import genomic_inflation, qq_quantiles


@pytest.fixture
def rng():
    return np.random.default_rng(11)


def scan(dosage, phenotypes, transform):
    basis = covariate_basis(np.empty((len(phenotypes), 0)))
    found = associate(dosage, fit(TRANSFORMS[transform](phenotypes, basis), basis))
    return neg_log10_p(found.t, found.df[:, None])


@pytest.mark.parametrize("transform", ["none", "zscore", "rint"])
def test_phenotypes_without_association_are_uniform_and_not_inflated(rng, transform):
    dosage = reference.random_dosage(rng, 400, 3000, 0.001)
    neg_log_10_p = scan(dosage, rng.standard_normal((400, 4)), transform)
    assert genomic_inflation(neg_log_10_p) == pytest.approx([1] * 4, abs=0.15)
    assert genomic_inflation(neg_log_10_p).mean() == pytest.approx(1, abs=0.06)
    for column in neg_log_10_p.T:
        assert stats.kstest(10**-column, "uniform").pvalue > 1e-3


def test_inflated_statistics_are_seen_at_their_factor():
    chi2 = stats.chi2.ppf((np.arange(9999) + 0.5) / 9999, 1)
    neg_log_10_p = np.column_stack([-np.log10(stats.chi2.sf(factor * chi2, 1)) for factor in (1, 1.3)])
    np.testing.assert_allclose(genomic_inflation(neg_log_10_p), [1, 1.3], rtol=1e-6)


def test_untested_variants_do_not_count():
    values = np.array([[0.1, np.nan], [0.3, np.nan], [np.nan, np.nan], [0.9, np.nan]])
    assert genomic_inflation(values)[0] == genomic_inflation(values[[0, 1, 3]])[0]
    assert np.isnan(genomic_inflation(values)[1])
    assert np.isnan(qq_quantiles(values).observed[:, 1]).all()


def test_uniform_p_values_lie_on_the_diagonal_of_the_qq_plot():
    uniform = -np.log10((np.arange(5000) + 0.5) / 5000)[:, None]
    expected, observed = qq_quantiles(uniform)
    np.testing.assert_allclose(observed[:, 0], expected, rtol=0.02, atol=1e-4)
    assert expected[0] == pytest.approx(4)  # the smallest of 5,000 p-values is about 0.5 / 5,000


def test_outliers_in_rare_variants_make_hits_that_rint_and_a_minimum_allele_count_take_away(rng):
    dosage = reference.random_dosage(rng, 900, 6000, low=0.001, high=0.01)
    phenotypes = rng.standard_t(3, (900, 8))
    naive = scan(dosage, phenotypes, "none") > -np.log10(5e-8 / 8)
    assert naive.sum() >= 5
    frequent = minor_allele_count(dosage) >= 20
    assert not naive[frequent].any()
    assert not (scan(dosage, phenotypes, "rint") > -np.log10(5e-8 / 8)).any()
