import numpy as np
import pytest
import reference
from scipy import special, stats

from ecgae.statistics.association import (
    associate,
    covariate_basis,
    fit,
    missingness_patterns,
    neg_log10_p,
)
from ecgae.statistics.calls import count_packed, from_dosage, from_packed
from ecgae.statistics.screening import PRECISION, chi2_of_r2, least_r2, multiplier, screen, stack


def models_of(phenotypes, covariates):
    found = []
    for columns, present in missingness_patterns(phenotypes):
        basis = covariate_basis(covariates[present])
        found.append(
            (columns, np.flatnonzero(present), fit(phenotypes[np.ix_(present, columns)], basis))
        )
    return found


def minor(frequency):
    return np.minimum(frequency, 1 - frequency)


def screened_and_exact(rng, missing, gaps, people=900, variants=300):
    dosage = reference.random_dosage(rng, people, variants, missing, low=0.02, high=0.98)
    covariates = rng.standard_normal((people, 6)) * [1, 1e3, 1e-3, 1, 1, 1]
    phenotypes = rng.standard_normal((people, 5)) + 0.3 * np.nan_to_num(dosage[:, :5])
    phenotypes[rng.random(people) < gaps, 0] = np.nan
    phenotypes[rng.random(people) < gaps, 1:3] = np.nan
    models = models_of(phenotypes, covariates)
    fast = screen(
        from_dosage(dosage), stack([(model, who, False) for _, who, model in models], people)
    )
    return fast, [associate(dosage[who].astype(float), model) for _, who, model in models]


@pytest.mark.parametrize("gaps", [0.0, 0.1])
@pytest.mark.parametrize("missing", [0.0, 0.001, 0.05, 0.3])
def test_screened_tests_are_the_exact_ones_to_single_precision(missing, gaps):
    for fast, exact in zip(
        *screened_and_exact(np.random.default_rng(3), missing, gaps), strict=True
    ):
        np.testing.assert_array_equal(fast.n, exact.n)
        np.testing.assert_array_equal(fast.df, exact.df)
        r2 = exact.t**2 / (exact.t**2 + exact.df[:, None])
        np.testing.assert_allclose(
            fast.r2, r2, rtol={0.3: 2e-2, 0.05: 3e-3}.get(missing, 2e-4), atol=2e-6
        )
        frequency = fast.minor_allele_count / (2 * fast.n)
        np.testing.assert_allclose(
            np.minimum(frequency, 1 - frequency), minor(exact.effect_allele_frequency), atol=1e-5
        )


@pytest.mark.parametrize("missing", [0.01, 0.2, 0.6])
def test_no_test_is_larger_than_the_screen_admits(missing):
    for seed in range(5):
        both = screened_and_exact(np.random.default_rng(seed), missing, 0.05, people=120)
        for fast, exact in zip(*both, strict=True):
            r2 = exact.t**2 / (exact.t**2 + exact.df[:, None])
            known = np.isfinite(fast.slack)
            bound = fast.r2[known] * (1 + fast.slack[known, None]) * (1 + PRECISION) + 1e-6
            assert (r2[known] <= bound).all()


def test_a_variant_that_costs_a_covariate_its_people_is_left_to_the_exact_regression():
    rng = np.random.default_rng(0)
    dosage = reference.random_dosage(rng, 200, 3)
    dosage[:4, 1] = np.nan
    centre = (np.arange(200) < 4).astype(float)
    model = fit(rng.standard_normal((200, 2)), covariate_basis(centre[:, None]))
    (found,) = screen(from_dosage(dosage), stack([(model, np.arange(200), False)], 200))
    assert np.isinf(found.slack).tolist() == [False, True, False]
    assert np.isfinite(found.r2).all()


def test_a_constant_variant_is_not_tested_and_one_that_follows_from_the_covariates_is_left_to_the_exact_regression():
    rng = np.random.default_rng(1)
    dosage = reference.random_dosage(rng, 100, 4)
    dosage[:, 1] = 2
    model = fit(rng.standard_normal((100, 1)), covariate_basis(dosage[:, [2]].astype(float)))
    (found,) = screen(from_dosage(dosage), stack([(model, np.arange(100), False)], 100))
    assert np.isnan(found.r2[:, 0]).tolist() == [False, True, False, False]
    assert np.isinf(found.slack).tolist() == [False, False, True, False]


@pytest.mark.parametrize("df", [30, 300, 40_000])
def test_chi2_has_the_p_value_of_the_t_test(df):
    t = np.array([[0.01, 0.5, 1, 3, 6, 8]])
    r2 = t**2 / (t**2 + df)
    chi2 = chi2_of_r2(r2, np.array([df]))
    z = np.sqrt(chi2)
    np.testing.assert_allclose(
        -np.log10(2 * special.ndtr(-z)), neg_log10_p(t, df), rtol=0.01 if df == 30 else 1e-3
    )
    single = chi2_of_r2(r2.astype(np.float32), np.array([df]))
    np.testing.assert_allclose(single, chi2, rtol=1e-4)


def test_the_least_r2_is_that_of_the_p_value():
    df = np.array([10, 1000, 10])
    r2 = least_r2(1e-5, df)
    t = np.sqrt(r2 * df / (1 - r2))
    np.testing.assert_allclose(2 * stats.t.sf(t, df), 1e-5, rtol=1e-9)


@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_products_on_another_device_are_the_same(device):
    torch = pytest.importorskip("torch")
    if device == "cuda" and not torch.cuda.is_available():
        pytest.skip("no GPU")
    from ecgae.genetics.engine._gpu import multiplier_on

    rng = np.random.default_rng(6)
    dosage = reference.random_dosage(rng, 203, 12, 0.02)
    phenotypes = rng.standard_normal((203, 3))
    phenotypes[:9, 0] = np.nan
    models = [
        (model, who, False)
        for _, who, model in models_of(phenotypes, rng.standard_normal((203, 2)))
    ]
    stacked = stack(models, 203)
    codes = np.select([np.isnan(dosage), dosage == 2, dosage == 1], [1, 0, 2], 3).T.astype(np.uint8)
    padded = np.zeros((12, 204), dtype=np.uint8)
    padded[:, :203] = codes
    four = padded.reshape(12, -1, 4)
    packed = four[..., 0] | four[..., 1] << 2 | four[..., 2] << 4 | four[..., 3] << 6
    for calls in (from_dosage(dosage), from_packed(count_packed(packed, 203))):
        expected, found = multiplier(stacked)(calls), multiplier_on(device)(stacked)(calls)
        np.testing.assert_allclose(found.of_copies, expected.of_copies, rtol=1e-3, atol=2e-2)
        np.testing.assert_allclose(found.of_squares, expected.of_squares, rtol=1e-3)
