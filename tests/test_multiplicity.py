import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import linalg

from ecgae.statistics.multiplicity import (
    CORRECTIONS,
    galwey,
    li_ji,
    number_of_tests,
    phenotype_correlation,
)


def equicorrelated(size, r):
    return np.full((size, size), r) + (1 - r) * np.eye(size)


@pytest.mark.parametrize("count", [li_ji, galwey])
@pytest.mark.parametrize("size", [1, 2, 32, 384])
def test_independent_phenotypes_are_as_many_tests_as_phenotypes(count, size):
    assert count(np.eye(size)) == pytest.approx(size)


@pytest.mark.parametrize("count", [li_ji, galwey])
@pytest.mark.parametrize("size", [1, 2, 3, 32, 100])
def test_copies_of_one_phenotype_are_one_test(count, size):
    assert count(np.ones((size, size))) == pytest.approx(1, abs=1e-4)


def test_li_ji_counts_whole_units_once_and_the_rest_by_its_share():
    # eigenvalues 1 + 3 r = 2.5 and 1 - r = 0.5, three times
    assert li_ji(equicorrelated(4, 0.5)) == pytest.approx(1 + 0.5 + 3 * 0.5)


def test_galwey_is_the_squared_sum_of_roots_over_the_sum():
    assert galwey(equicorrelated(4, 0.5)) == pytest.approx(
        (np.sqrt(2.5) + 3 * np.sqrt(0.5)) ** 2 / 4
    )


def test_rounding_of_an_eigenvalue_at_a_whole_number_changes_nothing():
    nearly = equicorrelated(2, 1 - 1e-12)
    assert li_ji(nearly) == li_ji(equicorrelated(2, 1.0)) == pytest.approx(1)


def test_negative_eigenvalues_count_by_size_for_li_ji_and_not_at_all_for_galwey():
    pairwise = np.array(
        [[1, 0.9, 0.9], [0.9, 1, -0.9], [0.9, -0.9, 1]]
    )  # eigenvalues 1.9, 1.9, -0.8
    assert li_ji(linalg.block_diag(pairwise, np.ones((3, 3)))) == pytest.approx(1.9 + 1.9 + 0.8 + 1)
    assert li_ji(pairwise) == 3  # never more than phenotypes
    assert galwey(pairwise) == pytest.approx(2)


@given(st.integers(2, 20), st.integers(0, 99))
def test_the_effective_number_lies_between_one_and_the_number_of_phenotypes(size, seed):
    values = np.random.default_rng(seed).normal(size=(30, size))
    correlation = phenotype_correlation(
        values @ np.random.default_rng(seed + 1).normal(size=(size, size))
    )
    for count in (li_ji, galwey):
        assert 1 - 1e-4 <= count(correlation) <= size + 1e-4


def test_the_documented_thresholds_follow():
    # p-values of one scan of 32 latents, and of 12 leads of 32 latents
    tests = number_of_tests(32, 384, np.eye(384))
    assert tuple(tests) == CORRECTIONS
    for name, expected in {
        "none": 7.3010,
        "latents": 8.8062,
        "phenotypes": 9.8854,
        "li_ji": 9.8854,
    }.items():
        assert -np.log10(5e-8 / tests[name]) == pytest.approx(expected, abs=1e-4)


def test_without_a_correlation_the_effective_numbers_are_unknown():
    tests = number_of_tests(2, 4, None)
    assert (tests["li_ji"], tests["galwey"]) == (None, None)


def test_the_correlation_is_that_of_complete_pairs():
    rng = np.random.default_rng(0)
    values = rng.normal(size=(300, 5)) @ rng.normal(size=(5, 5)) + 1000
    values[rng.random(values.shape) < 0.2] = np.nan
    values[:, 4] -= np.nanmean(values[:, 4])
    correlation = phenotype_correlation(values)
    for one in range(5):
        for other in range(5):
            known = ~np.isnan(values[:, [one, other]]).any(axis=1)
            expected = np.corrcoef(values[known][:, [one, other]].T)[0, 1]
            assert correlation[one, other] == pytest.approx(expected, abs=1e-9)


def test_the_correlation_without_gaps_is_numpys():
    values = np.random.default_rng(1).normal(size=(50, 4)) @ np.random.default_rng(2).normal(
        size=(4, 4)
    )
    np.testing.assert_allclose(phenotype_correlation(values), np.corrcoef(values.T), atol=1e-12)


def test_pairs_that_share_nobody_count_as_independent():
    values = np.full((40, 2), np.nan)
    values[:20, 0] = np.arange(20)
    values[20:, 1] = np.arange(20)
    assert np.array_equal(phenotype_correlation(values), np.eye(2))


def test_a_phenotype_that_does_not_vary_is_a_test_of_its_own():
    values = np.random.default_rng(1).normal(size=(50, 3))
    values[:, 1] = 7
    correlation = phenotype_correlation(values)
    assert np.array_equal(correlation[1], [0, 1, 0])
