"""Heritability equals an explicit regression on the relatedness of all pairs, and is what was
simulated."""

import numpy as np
import pytest
import reference
from scipy import special

from ecgae.statistics.association import associate, covariate_basis, fit, neg_log10_p, residualise
from ecgae.statistics.heritability import heritability, relatedness_trace, summed_heritability
from ecgae.statistics.omnibus import excess, orthonormal
from ecgae.statistics.tally import AUTOSOMES, Tally


@pytest.fixture
def rng():
    return np.random.default_rng(2)


def tally_of(blocks, phenotypes, covariates, exact=True):
    """The scan's tally; `exact`: chi2 through p-values, as scans give it; else d times the squared
    correlation."""
    model = fit(phenotypes, covariate_basis(covariates))
    tally = Tally.empty(tuple(map(str, range(phenotypes.shape[1]))))
    for chromosome, dosage in blocks:
        found = associate(dosage, model)
        df = found.df[:, None].astype(float)
        chi2 = (df + 1) * found.t**2 / (found.t**2 + df)
        if exact:
            chi2 = special.ndtri_exp(-np.log(10) * neg_log10_p(found.t, df) - np.log(2)) ** 2
        tally.add(chromosome, np.full(len(chi2), 0.3), chi2, ~np.isnan(chi2))
    return tally


def split(dosage, chromosomes=22):
    parts = np.array_split(dosage, chromosomes, axis=1)
    return [(AUTOSOMES[number], np.asfortranarray(part)) for number, part in enumerate(parts)]


def standardised(dosage, covariates):
    """Beside the covariates, each column of length sqrt(d)."""
    basis = covariate_basis(covariates)
    filled = np.where(np.isnan(dosage), np.nanmean(dosage, axis=0), dosage).astype(float)
    left = residualise(filled, basis)
    return left / np.linalg.norm(left, axis=0) * np.sqrt(len(basis) - basis.shape[1])


def regression_on_pairs(dosage, phenotypes, covariates):
    """Haseman-Elston as it is told: products of phenotypes of all pairs of people on their
    relatedness."""
    basis = covariate_basis(covariates)
    columns = standardised(dosage, covariates)
    relatedness = columns @ columns.T / columns.shape[1]
    alone = np.eye(len(basis)) - basis @ basis.T
    design = np.column_stack([relatedness.ravel(), alone.ravel()])
    products = [np.outer(y, y).ravel() for y in residualise(phenotypes, basis).T]
    genetic, other = np.linalg.lstsq(design, np.stack(products, axis=1), rcond=None)[0]
    return genetic / (genetic + other)


def simulated(rng, dosage, covariates, heritable, phenotypes):
    """With effects of every variant, and of covariates."""
    columns = standardised(dosage, covariates)
    effects = rng.standard_normal((columns.shape[1], phenotypes)) * np.sqrt(
        heritable / columns.shape[1]
    )
    noise = rng.standard_normal((len(columns), phenotypes)) * np.sqrt(1 - heritable)
    return columns @ effects + noise + 3 * covariates.sum(axis=1, keepdims=True)


def test_it_equals_an_explicit_regression_on_all_pairs_of_people(rng):
    covariates = rng.standard_normal((150, 3))
    dosage = np.hstack([reference.correlated_dosage(rng, 150, 40) for _ in range(6)])
    phenotypes = simulated(rng, dosage, covariates, 0.5, 4)
    blocks = split(dosage, 5)
    trace = relatedness_trace(blocks, covariate_basis(covariates), probes=1000)
    n = np.full(4, 150)
    expected = regression_on_pairs(dosage, phenotypes, covariates)
    found = heritability(tally_of(blocks, phenotypes, covariates, exact=False), trace, n)
    np.testing.assert_allclose(found.estimate, expected, rtol=1e-4)
    found = heritability(tally_of(blocks, phenotypes, covariates), trace, n)
    np.testing.assert_allclose(found.estimate, expected, atol=0.1 * np.abs(expected).max())


def test_the_trace_is_exact_with_as_many_probes_as_dimensions(rng):
    covariates = rng.standard_normal((80, 2))
    dosage = reference.random_dosage(rng, 80, 90, missing=0.02)
    blocks = split(dosage, 3)
    trace = relatedness_trace(blocks, covariate_basis(covariates), probes=500)
    assert (trace.dimensions, trace.lost) == (77, 3)
    np.testing.assert_array_equal(trace.variants[:4], [30, 30, 30, 0])
    for one in range(3):
        for other in range(3):
            first, second = (standardised(blocks[number][1], covariates) for number in (one, other))
            expected = np.sum((first.T @ second) ** 2) / 77 - 900
            assert trace.excess[one, other] == pytest.approx(expected, rel=1e-4, abs=1e-4 * 900)


def test_few_probes_come_close_to_the_exact_trace(rng):
    blocks = split(reference.random_dosage(rng, 300, 1500), 6)
    basis = covariate_basis(np.empty((300, 0)))
    exact = relatedness_trace(blocks, basis, probes=300).excess.sum()
    ratios = [relatedness_trace(blocks, basis, 32, seed).excess.sum() / exact for seed in range(10)]
    assert np.mean(ratios) == pytest.approx(1, abs=0.01)
    assert np.std(ratios) < 0.03
    assert relatedness_trace(blocks, basis, 32, 1).excess.sum() == pytest.approx(
        ratios[1] * exact, rel=1e-9
    )


def test_blocks_of_any_size_give_the_same_trace(rng):
    dosage = reference.random_dosage(rng, 60, 88, missing=0.01)
    basis = covariate_basis(np.empty((60, 0)))
    whole = relatedness_trace(split(dosage, 4), basis)
    parts = relatedness_trace(
        [(name, dosage[:, [v]]) for name, dosage in split(dosage, 4) for v in range(22)], basis
    )
    np.testing.assert_allclose(parts.excess, whole.excess, rtol=1e-3, atol=1e-2)
    np.testing.assert_array_equal(parts.variants, whole.variants)


def test_variants_that_cannot_be_tested_are_left_out(rng):
    covariates = rng.integers(0, 3, (60, 1)).astype(float)
    dosage = reference.random_dosage(rng, 60, 6)
    dosage[:, 2], dosage[:, 4], dosage[:, 5] = 1, covariates[:, 0], np.nan
    trace = relatedness_trace([("7", dosage)], covariate_basis(covariates))
    assert trace.variants[6] == trace.variants.sum() == 3


@pytest.mark.parametrize("heritable", [0.0, 0.3, 0.6])
def test_simulated_heritability_is_found_and_the_jackknife_says_how_well(rng, heritable):
    people, phenotypes = 800, 120
    covariates = rng.standard_normal((people, 2))
    dosage = np.hstack(
        [reference.correlated_dosage(rng, people, 40, switch=0.3) for _ in range(22)]
    )
    blocks = split(dosage)
    trace = relatedness_trace(blocks, covariate_basis(covariates))
    values = simulated(rng, dosage, covariates, heritable, phenotypes)
    found = heritability(tally_of(blocks, values, covariates), trace, np.full(phenotypes, people))
    spread = found.estimate.std()
    assert found.estimate.mean() == pytest.approx(
        heritable, abs=3.5 * spread / phenotypes**0.5 + 0.01
    )
    ratio = np.sqrt(np.mean(found.standard_error**2)) / spread
    assert (
        0.8 < ratio < 1.15 + heritable / 2
    )  # a very heritable phenotype holds its own variance fixed
    covered = (
        np.abs(found.estimate - heritable) < 2.08 * found.standard_error
    )  # t with 21 degrees of freedom
    assert 0.86 <= covered.mean() <= 0.99
    assert abs(trace.between_chromosomes) < 0.05


def test_a_phenotype_of_fewer_people_is_as_heritable(rng):
    people, phenotypes = 900, 60
    nothing = np.empty((people, 0))
    dosage = reference.random_dosage(rng, people, 600)
    blocks = split(dosage)
    trace = relatedness_trace(blocks, covariate_basis(nothing))
    values = simulated(rng, dosage, nothing, 0.5, phenotypes)
    half = [(name, np.asfortranarray(dosage[:450])) for name, dosage in blocks]
    found = heritability(
        tally_of(half, values[:450], nothing[:450]), trace, np.full(phenotypes, 450)
    )
    assert found.estimate.mean() == pytest.approx(
        0.5, abs=3.5 * found.estimate.std() / phenotypes**0.5 + 0.02
    )


def test_relatives_and_structure_show_between_chromosomes(rng):
    frequency = rng.uniform(0.1, 0.9, (2, 440))
    population = np.repeat([0, 1], 150)
    dosage = rng.binomial(2, frequency[population]).astype(np.float32)
    blocks = split(dosage)
    alone = relatedness_trace(blocks, covariate_basis(np.empty((300, 0))))
    adjusted = relatedness_trace(blocks, covariate_basis(population[:, None].astype(float)))
    assert alone.between_chromosomes > 0.8
    assert abs(adjusted.between_chromosomes) < 0.1


def test_what_was_not_tested_is_missing_and_one_chromosome_has_no_standard_error(rng):
    blocks = split(reference.random_dosage(rng, 100, 44), 2)
    trace = relatedness_trace(blocks, covariate_basis(np.empty((100, 0))))
    tally = tally_of(blocks, rng.standard_normal((100, 3)), np.empty((100, 0)))
    tally.tests[:, 1] = 0
    tally.tests[1:, 2] = 0
    found = heritability(tally, trace, np.full(3, 100))
    np.testing.assert_array_equal(np.isnan(found.estimate), [False, True, False])
    np.testing.assert_array_equal(np.isnan(found.standard_error), [False, True, True])


def summed(blocks, phenotypes, covariates, trace):
    """From R2 of each variant on the whitened phenotypes, as a scan gives it."""
    basis = covariate_basis(covariates)
    white = orthonormal(residualise(phenotypes, basis))
    sums, tests = np.zeros(len(AUTOSOMES)), np.zeros(len(AUTOSOMES), dtype=int)
    for name, dosage in blocks:
        columns = standardised(dosage, covariates)
        r2 = np.square(white.T @ columns).sum(axis=0) / np.square(columns).sum(axis=0)
        row = AUTOSOMES.index(name)
        sums[row] += excess(r2, white.shape[1], len(basis) - basis.shape[1]).sum()
        tests[row] += len(r2)
    return summed_heritability(sums, tests, trace, len(phenotypes))


def test_the_sum_over_whitened_phenotypes_is_that_of_an_explicit_regression_on_pairs_and_no_map_changes_it(
    rng,
):
    covariates = rng.standard_normal((150, 3))
    dosage = np.hstack([reference.correlated_dosage(rng, 150, 40) for _ in range(6)])
    phenotypes = simulated(rng, dosage, covariates, 0.5, 4) @ rng.standard_normal((4, 4))
    blocks = split(dosage, 5)
    trace = relatedness_trace(blocks, covariate_basis(covariates), probes=1000)
    white = orthonormal(residualise(phenotypes, covariate_basis(covariates)))
    found = summed(blocks, phenotypes, covariates, trace)
    assert found.estimate[0] == pytest.approx(
        regression_on_pairs(dosage, white, covariates).sum(), rel=1e-4
    )
    mapped = summed(blocks, phenotypes @ rng.standard_normal((4, 4)), covariates, trace)
    np.testing.assert_allclose(mapped, found, rtol=1e-6)


def test_the_sum_is_what_was_simulated_and_its_jackknife_says_how_well(rng):
    people, repeats, latents = 600, 40, 5
    covariates = np.empty((people, 0))
    dosage = np.hstack(
        [reference.correlated_dosage(rng, people, 30, switch=0.3) for _ in range(22)]
    )
    blocks = split(dosage)
    trace = relatedness_trace(blocks, covariate_basis(covariates))
    found = [
        summed(blocks, simulated(rng, dosage, covariates, 0.3, latents), covariates, trace)
        for _ in range(repeats)
    ]
    estimate, error = np.array(found)[:, :, 0].T
    assert estimate.mean() == pytest.approx(
        0.3 * latents, abs=3.5 * estimate.std() / repeats**0.5 + 0.05
    )
    assert np.sqrt(np.mean(error**2)) / estimate.std() == pytest.approx(1.1, abs=0.35)


def test_no_variant_at_all_gives_nothing():
    trace = relatedness_trace([], covariate_basis(np.empty((20, 0))))
    assert np.isnan(heritability(Tally.empty(("a",)), trace, np.array([20])).estimate[0])
    assert np.isnan(trace.between_chromosomes)
