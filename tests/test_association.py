import mpmath
import numpy as np
import pytest
import reference
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from ecgae.statistics.association import (
    associate,
    covariate_basis,
    fit,
    is_constant,
    missingness_patterns,
    neg_log10_p,
    rint,
    zscore,
)


@pytest.fixture
def rng():
    return np.random.default_rng(7)


def run(dosage, phenotypes, covariates):
    found = associate(dosage, fit(phenotypes, covariate_basis(covariates)))
    return found.beta, found.standard_error, neg_log10_p(found.t, found.df[:, None]), found.n


def assert_equals_twin(dosage, phenotypes, covariates):
    beta, standard_error, neg_log_10_p, n = run(dosage, phenotypes, covariates)
    expected = reference.scan(dosage, phenotypes, covariates)
    np.testing.assert_allclose(beta, expected[0], rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(standard_error, expected[1], rtol=1e-9)
    np.testing.assert_allclose(neg_log_10_p, expected[2], rtol=1e-9, atol=1e-11)
    np.testing.assert_array_equal(np.broadcast_to(n[:, None], beta.shape), expected[3])


@pytest.mark.parametrize("missing", [0.0, 0.01, 0.4])
def test_every_variant_equals_its_own_regression_on_complete_cases(rng, missing):
    dosage = reference.random_dosage(rng, 150, 40, missing)
    covariates = rng.standard_normal((150, 4)) * [1, 1e-4, 1e5, 10] + [0, 3, 1e6, 0]
    phenotypes = rng.standard_normal((150, 3)) + covariates[:, :1] + np.nan_to_num(dosage[:, :1])
    assert_equals_twin(dosage, phenotypes, covariates)


def test_one_variant_equals_statsmodels(rng):
    dosage, covariates = reference.random_dosage(rng, 200, 1, 0.05), rng.standard_normal((200, 3))
    phenotype = rng.standard_normal((200, 1))
    known = ~np.isnan(dosage[:, 0])
    design = sm.add_constant(np.column_stack([dosage[known, 0].astype(float), covariates[known]]))
    expected = sm.OLS(phenotype[known, 0], design).fit()
    beta, standard_error, neg_log_10_p, _ = run(dosage, phenotype, covariates)
    np.testing.assert_allclose(beta.item(), expected.params[1], rtol=1e-9)
    np.testing.assert_allclose(standard_error.item(), expected.bse[1], rtol=1e-9)
    np.testing.assert_allclose(neg_log_10_p.item(), -np.log10(expected.pvalues[1]), rtol=1e-9)


def test_a_covariate_level_that_only_people_without_a_call_have_costs_no_degree_of_freedom(rng):
    covariates = np.column_stack([rng.standard_normal(80), np.arange(80) < 3])
    dosage = reference.random_dosage(rng, 80, 5)
    dosage[:3] = np.nan
    assert_equals_twin(dosage, rng.standard_normal((80, 2)), covariates.astype(float))


def test_without_covariates_the_intercept_remains(rng):
    assert_equals_twin(
        reference.random_dosage(rng, 60, 10, 0.05),
        rng.standard_normal((60, 2)) + 100,
        np.empty((60, 0)),
    )


@pytest.mark.parametrize(
    "variant",
    [
        pytest.param(lambda x: np.zeros(len(x)), id="nobody carries it"),
        pytest.param(lambda x: np.full(len(x), 2.0), id="everybody carries two"),
        pytest.param(lambda x: np.ones(len(x)), id="everybody is heterozygous"),
        pytest.param(lambda x: np.where(x > 0, np.nan, 1), id="constant among those with a call"),
        pytest.param(lambda x: np.full(len(x), np.nan), id="nobody has a call"),
        pytest.param(lambda x: (x > 0) * 1.0, id="equal to a covariate"),
        pytest.param(
            lambda x: np.where(np.arange(len(x)) < 4, np.arange(len(x)) % 3, np.nan),
            id="four calls",
        ),
    ],
)
def test_a_variant_that_cannot_be_tested_gives_nan_and_leaves_its_neighbours_alone(rng, variant):
    sex = rng.standard_normal(50)
    covariates = np.column_stack([sex > 0, rng.standard_normal(50)]).astype(float)
    neighbour = reference.random_dosage(rng, 50, 1)
    dosage = np.column_stack([variant(sex), neighbour]).astype(np.float32)
    phenotypes = rng.standard_normal((50, 2))
    beta, standard_error, neg_log_10_p, _ = run(dosage, phenotypes, covariates)
    assert np.isnan([beta[0], standard_error[0], neg_log_10_p[0]]).all()
    np.testing.assert_allclose(beta[1], run(neighbour, phenotypes, covariates)[0][0], rtol=1e-12)


def test_flipping_the_effect_allele_flips_beta_and_keeps_p(rng):
    dosage = reference.random_dosage(rng, 300, 30, 0.02)
    model = fit(rng.standard_normal((300, 4)), covariate_basis(rng.standard_normal((300, 3))))
    one, other = associate(dosage, model), associate(2 - dosage, model)
    np.testing.assert_allclose(one.beta, -other.beta, rtol=1e-9)
    np.testing.assert_allclose(one.standard_error, other.standard_error, rtol=1e-9)
    np.testing.assert_allclose(
        one.effect_allele_frequency, 1 - other.effect_allele_frequency, atol=1e-12
    )


def test_the_frequency_counts_copies_of_the_effect_allele_among_calls():
    model = fit(np.array([[0.0], [1], [0], [3], [1]]), covariate_basis(np.empty((5, 0))))
    found = associate(np.array([[2.0], [2], [1], [np.nan], [0]]), model)
    assert found.effect_allele_frequency == pytest.approx([5 / 8])
    assert found.n.tolist() == [4]


def test_a_phenotype_equal_to_a_variant_gives_finite_numbers(rng):
    dosage = reference.random_dosage(rng, 100, 1)
    beta, standard_error, neg_log_10_p, _ = run(dosage, dosage.astype(float), np.empty((100, 0)))
    assert beta.item() == pytest.approx(1)
    assert 0 < standard_error.item() < 1e-6
    assert 500 < neg_log_10_p.item() < np.inf


def test_the_basis_is_orthonormal_and_leaves_out_columns_that_add_nothing(rng):
    covariates = rng.standard_normal((50, 3)) * [1e-6, 1, 1e6]
    redundant = np.column_stack(
        [covariates, np.full(50, 0.1), covariates[:, 0] * 1e6 - covariates[:, 1]]
    )
    basis = covariate_basis(redundant)
    assert basis.shape == (50, 4)
    np.testing.assert_allclose(basis.T @ basis, np.eye(4), atol=1e-12)
    np.testing.assert_allclose(basis @ (basis.T @ covariates), covariates, rtol=1e-9)


def exact_neg_log10_p(t, df):
    """Twice the integral of the density beyond t, relative to the density at t so that nothing
    underflows."""
    with mpmath.workdps(25):
        t, df = mpmath.mpf(t), mpmath.mpf(df)
        height = (
            mpmath.loggamma((df + 1) / 2) - mpmath.loggamma(df / 2) - mpmath.log(df * mpmath.pi) / 2
        )
        height -= (df + 1) / 2 * mpmath.log1p(t * t / df)
        pieces = [t, *(t + mpmath.mpf(4) ** power / (1 + t) for power in range(6)), mpmath.inf]
        area = mpmath.quad(lambda s: ((df + t * t) / (df + s * s)) ** ((df + 1) / 2), pieces)
        return float(-(mpmath.log(2 * area) + height) / mpmath.log(10))


@pytest.mark.parametrize("df", [1, 2, 3, 30, 1000, 50_000, 1_000_000])
def test_p_is_exact_at_every_size_and_on_both_sides_of_each_change_of_formula(df):
    t = np.array([1e-6, 1e-3, 0.5, 1, 2.9999, 3, 5.45, 10, 29.999, 30.001, 37, 40, 100, 1000])
    expected = [exact_neg_log10_p(value, df) for value in t.tolist()]
    np.testing.assert_allclose(neg_log10_p(t, df), expected, rtol=1e-9)
    np.testing.assert_array_equal(neg_log10_p(-t, df), neg_log10_p(t, df))


def test_p_far_in_the_tail_where_scipy_underflows():
    assert neg_log10_p(np.array([40.0]), 50_000)[0] == pytest.approx(343.685985532918, rel=1e-12)


def test_p_of_zero_is_one_and_nan_stays_nan():
    np.testing.assert_array_equal(neg_log10_p(np.array([0.0, np.nan]), 10), [0, np.nan])


def test_df_may_differ_by_variant(rng):
    t, df = rng.standard_normal((3, 2)) * 5, np.array([[5], [50], [500]])
    np.testing.assert_allclose(
        neg_log10_p(t, df), -np.log10(2 * stats.t.sf(abs(t), df)), rtol=1e-10
    )


@given(t=st.floats(0, 200), step=st.floats(1e-6, 50), df=st.integers(1, 1_000_000))
@settings(max_examples=200, deadline=None)
def test_a_larger_t_never_has_a_larger_p(t, step, df):
    smaller, larger = neg_log10_p(np.array([t, t + step]), df)
    assert larger > smaller >= 0


def test_rint_takes_the_normal_quantiles_of_ranks_with_ties_averaged():
    phenotype = np.array([[10.0], [-5], [3], [3], [1000]])
    expected = stats.norm.ppf((np.array([4, 1, 2.5, 2.5, 5]) - 3 / 8) / 5.25)
    np.testing.assert_allclose(rint(phenotype, np.empty((5, 0)))[:, 0], expected, rtol=1e-12)


def test_rint_ranks_what_the_covariates_leave(rng):
    covariates = rng.standard_normal((100, 2))
    residuals = rng.standard_t(3, (100, 3))
    basis = covariate_basis(covariates)
    residuals -= basis @ (basis.T @ residuals)
    phenotypes = residuals + 50 * covariates[:, :1]
    np.testing.assert_array_equal(
        rint(phenotypes, basis),
        rint(np.exp(residuals), np.empty((100, 0))),
        err_msg="only the order matters",
    )


def test_zscore_leaves_t_as_it_is(rng):
    dosage, phenotypes = reference.random_dosage(rng, 90, 5), rng.standard_normal((90, 2)) * 40 + 7
    basis = covariate_basis(rng.standard_normal((90, 1)))
    scaled = zscore(phenotypes, basis)
    np.testing.assert_allclose(scaled.std(axis=0, ddof=1), 1)
    np.testing.assert_allclose(
        associate(dosage, fit(scaled, basis)).t,
        associate(dosage, fit(phenotypes, basis)).t,
        rtol=1e-9,
    )


def test_constant_phenotypes_are_told_from_varying_ones(rng):
    age = rng.uniform(40, 70, 200)
    phenotypes = np.column_stack(
        [
            np.zeros(200),
            np.full(200, 3.7),
            (5 + rng.integers(-1, 2, 200) * 2.0**-22).astype(
                np.float32
            ),  # rounding of single precision
            3 * age - 2,
            age + 1e-3 * rng.standard_normal(200),
            1e-9 * rng.standard_normal(200),
        ]
    )
    assert is_constant(phenotypes, covariate_basis(age[:, None])).tolist() == [
        True,
        True,
        True,
        True,
        False,
        False,
    ]


def test_phenotypes_are_grouped_by_the_people_who_have_them():
    nan = np.nan
    phenotypes = np.array([[1, nan, 1, 4], [2, 1, 2, 5], [nan, 1, nan, 6]])
    groups = {
        tuple(columns): people.tolist() for columns, people in missingness_patterns(phenotypes)
    }
    assert groups == {
        (0, 2): [True, True, False],
        (1,): [False, True, True],
        (3,): [True, True, True],
    }
