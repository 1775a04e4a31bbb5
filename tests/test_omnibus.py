import mpmath
import numpy as np
import pytest
import reference
from scipy import stats

from ecgae.statistics import omnibus
from ecgae.statistics.association import covariate_basis, residualise
from ecgae.statistics.calls import from_dosage
from ecgae.statistics.screening import screen, stack


@pytest.fixture
def rng():
    return np.random.default_rng(11)


def r2_of(dosage, phenotypes, covariates, ranks=None, dtype=np.float64):
    model = omnibus.combined(phenotypes, covariate_basis(covariates), ranks)
    (found,) = screen(
        from_dosage(dosage), stack([(model, np.arange(len(dosage)), True)], len(dosage), dtype)
    )
    return found.r2[:, 0], model.residuals.shape[1], int(found.df[0])


def test_r2_is_that_of_the_regression_of_the_genotype_on_all_phenotypes(rng):
    dosage = reference.random_dosage(rng, 200, 10).astype(float)
    covariates, phenotypes = (
        rng.standard_normal((200, 3)),
        rng.standard_normal((200, 4)) @ rng.standard_normal((4, 4)),
    )
    r2, components, dimensions = r2_of(dosage, phenotypes, covariates)
    basis = covariate_basis(covariates)
    y, g = residualise(phenotypes, basis), residualise(dosage, basis)
    left = g - y @ np.linalg.lstsq(y, g, rcond=None)[0]
    np.testing.assert_allclose(r2, 1 - (left**2).sum(axis=0) / (g**2).sum(axis=0), rtol=1e-9)
    assert (components, dimensions) == (4, 196)


def test_p_is_that_of_the_f_test_and_in_large_samples_of_chi_squared():
    r2 = np.array([0.001, 0.02, 0.05])
    f = (r2 / 8) / ((1 - r2) / 492)
    np.testing.assert_allclose(
        omnibus.neg_log10_p(r2, 8, 500), -np.log10(stats.f.sf(f, 8, 492)), rtol=1e-9
    )
    n = 1_000_000
    np.testing.assert_allclose(
        omnibus.neg_log10_p(np.array([94.10 / n]), 32, n),
        -np.log10(stats.chi2.sf(94.10, 32)),
        rtol=1e-3,
    )


def test_p_far_in_the_tail_is_exact():
    found = omnibus.neg_log10_p(np.array([0.05, 0.1, 0.5]), 16, 50_000)
    with mpmath.workdps(30):
        for r2, value in zip((0.05, 0.1, 0.5), found, strict=True):
            p = mpmath.betainc(mpmath.mpf(24992), 8, 0, 1 - mpmath.mpf(r2), regularized=True)
            assert value == pytest.approx(float(-mpmath.log10(p)), rel=1e-9)


@pytest.mark.parametrize("ranks", [None, omnibus.normal_radii])
def test_any_invertible_map_of_the_phenotypes_changes_nothing(rng, ranks):
    dosage = reference.random_dosage(rng, 300, 20, missing=0.01).astype(float)
    covariates, phenotypes = rng.standard_normal((300, 2)), rng.standard_t(3, (300, 6))
    mixing = rng.standard_normal((6, 6)) * np.array([1, 10, 0.1, 1, 3, 100])
    one, *_ = r2_of(dosage, phenotypes, covariates, ranks)
    other, *_ = r2_of(dosage, phenotypes @ mixing, covariates, ranks)
    np.testing.assert_allclose(other, one, rtol=1e-6)


def test_turning_the_phenotypes_leaves_the_sum_over_principal_components_as_it_is(rng):
    dosage = reference.random_dosage(rng, 300, 20).astype(float)
    phenotypes = rng.standard_t(3, (300, 4)) * [5, 3, 2, 1]
    turn, _ = np.linalg.qr(rng.standard_normal((4, 4)))
    one, *_ = r2_of(dosage, phenotypes, np.empty((300, 0)), omnibus.normal_components)
    turned, *_ = r2_of(dosage, phenotypes @ turn, np.empty((300, 0)), omnibus.normal_components)
    np.testing.assert_allclose(turned, one, rtol=1e-6)
    stretched, *_ = r2_of(
        dosage, phenotypes * [1, 2, 3, 4], np.empty((300, 0)), omnibus.normal_components
    )
    assert not np.allclose(stretched, one, rtol=1e-3)


def test_a_phenotype_that_follows_from_the_others_adds_no_component(rng):
    phenotypes = rng.standard_normal((200, 3))
    phenotypes = np.column_stack([phenotypes, phenotypes[:, 0] - 2 * phenotypes[:, 1]])
    dosage = reference.random_dosage(rng, 200, 5).astype(float)
    one, components, _ = r2_of(dosage, phenotypes, np.empty((200, 0)))
    np.testing.assert_allclose(
        one, r2_of(dosage, phenotypes[:, :3], np.empty((200, 0)))[0], rtol=1e-9
    )
    assert components == 3


def test_radii_become_those_of_a_normal_cloud_and_directions_stay(rng):
    white = omnibus.orthonormal(rng.standard_t(2, (1000, 4)))
    moved = omnibus.normal_radii(white)
    radii = np.linalg.norm(moved, axis=1)
    assert stats.kstest(radii**2, "chi2", args=(4,)).pvalue > 0.99
    assert stats.spearmanr(radii, np.linalg.norm(white, axis=1)).statistic == pytest.approx(1)
    np.testing.assert_allclose(
        moved / radii[:, None], white / np.linalg.norm(white, axis=1, keepdims=True), atol=1e-12
    )


@pytest.mark.parametrize("tail", ["t3", "contaminated"])
def test_heavy_tails_with_rare_variants_give_no_hit(tail):
    """Without the radial transform they do: the test would fail there."""
    rng = np.random.default_rng(4)
    people, variants = 900, 40_000
    phenotypes = rng.standard_normal((people, 8))
    if tail == "t3":
        phenotypes = rng.standard_t(3, (people, 8))
    else:
        phenotypes *= np.where(rng.random((people, 8)) < 0.03, 10, 1)
    dosage = rng.binomial(2, rng.uniform(0.003, 0.02, variants), (people, variants)).astype(
        np.float32
    )
    dosage = dosage[:, dosage.sum(axis=0) >= 5]
    hits = {}
    for ranks in (None, omnibus.normal_radii):
        r2, components, dimensions = r2_of(
            dosage, phenotypes, np.empty((people, 0)), ranks, np.float32
        )
        hits[ranks] = int((omnibus.neg_log10_p(r2.astype(float), components, dimensions) > 6).sum())
    assert hits[None] >= 5
    assert hits[omnibus.normal_radii] <= 1
