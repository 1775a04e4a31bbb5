"""The permutation null keeps the phenotypes' correlation, has no signal left, and gives family-wise
thresholds."""

import numpy as np
import pytest
import reference

from ecgae.statistics.association import associate, covariate_basis, fit, neg_log10_p, rint
from ecgae.statistics.permutation import (
    Extremes,
    effective_tests,
    expected_false_hits,
    family_wise_error,
    family_wise_threshold,
    null_summary,
    permuted_extremes,
    shuffled_orders,
)

PEOPLE = 200


def scan(dosage, phenotypes, covariates=None, threshold=1e-3):
    """Slow and exact."""
    model = fit(
        phenotypes,
        covariate_basis(np.empty((len(phenotypes), 0)) if covariates is None else covariates),
    )

    def shuffled(orders):
        largest, hits = [], []
        for order in orders:
            found = associate(dosage[order], model)
            values = neg_log10_p(found.t, found.df[:, None])
            largest.append(np.nanmax(values, axis=0))
            hits.append((values > -np.log10(threshold)).sum())
        return Extremes(np.stack(largest), np.array(hits))

    return shuffled


@pytest.fixture
def rng():
    return np.random.default_rng(5)


def test_a_true_association_is_not_in_the_null(rng):
    dosage = reference.random_dosage(rng, PEOPLE, 50, missing=0.01)
    phenotypes = rng.standard_normal((PEOPLE, 3))
    phenotypes[:, 1] += 2 * np.nan_to_num(dosage[:, 7], nan=1)
    tested = scan(dosage, phenotypes, threshold=1e-8)
    true = tested(np.arange(PEOPLE)[None])
    assert true.largest[0, 1] > 20
    assert true.hits[0] == 1
    null = permuted_extremes(tested, PEOPLE, 30)
    assert null.largest.shape == (30, 3)
    assert null.largest.max() < 6
    assert not null.hits.any()


def test_covariates_stay_with_their_people(rng):
    dosage = reference.random_dosage(rng, PEOPLE, 50)
    covariates = rng.standard_normal((PEOPLE, 1))
    phenotypes = 100 * covariates + rng.standard_normal((PEOPLE, 2))
    alone = permuted_extremes(scan(dosage, phenotypes - 100 * covariates, covariates), PEOPLE, 5)
    driven = permuted_extremes(scan(dosage, phenotypes, covariates), PEOPLE, 5)
    np.testing.assert_allclose(driven.largest, alone.largest, rtol=1e-6)


def test_the_same_seed_gives_the_same_numbers_however_many_are_made_at_once(rng):
    tested = scan(reference.random_dosage(rng, PEOPLE, 20), rng.standard_normal((PEOPLE, 2)))
    done = []
    null = permuted_extremes(tested, PEOPLE, 7, seed=3, at_once=2, progress=done.append)
    assert done == [2, 2, 2, 1]
    np.testing.assert_array_equal(
        permuted_extremes(tested, PEOPLE, 3, seed=3).largest, null.largest[:3]
    )
    assert not np.array_equal(
        permuted_extremes(tested, PEOPLE, 3, seed=4).largest, null.largest[:3]
    )


def test_every_order_holds_everybody_once():
    orders = shuffled_orders(50, range(3, 6), seed=1)
    np.testing.assert_array_equal(np.sort(orders, axis=1), np.arange(50)[None].repeat(3, axis=0))
    assert len(np.unique(orders, axis=0)) == 3


def test_independent_tests_need_the_bonferroni_threshold_and_correlated_ones_less(rng):
    dosage = reference.random_dosage(rng, PEOPLE, 40)
    phenotypes = rng.standard_normal((PEOPLE, 3))
    same = phenotypes[:, :1] + 0.1 * phenotypes
    free = permuted_extremes(scan(dosage, phenotypes), PEOPLE, 300)
    bound = permuted_extremes(scan(dosage, same), PEOPLE, 300)
    assert effective_tests(free).value == pytest.approx(120, rel=0.2)
    assert effective_tests(bound).value < 75
    assert effective_tests(bound).high < effective_tests(free).low
    threshold = family_wise_threshold(free)
    assert threshold.low < 0.05 / 120 < threshold.high
    assert family_wise_threshold(bound).value > threshold.value
    assert expected_false_hits(free).low < 0.12 < expected_false_hits(free).high


@pytest.mark.parametrize("repetitions", [100, 400])
def test_intervals_hold_the_truth_as_often_as_they_say(rng, repetitions):
    tests, inside = 1000, {"threshold": 0, "tests": 0, "error": 0}
    for _ in range(300):
        null = Extremes(
            -np.log10(1 - rng.uniform(size=(repetitions, 1)) ** (1 / tests)), np.zeros(1, dtype=int)
        )
        true = 1 - 0.95 ** (1 / tests)
        null = null._replace(hits=(null.largest[:, 0] > -np.log10(true)).astype(int))
        for name, found, value in (
            ("threshold", family_wise_threshold(null), true),
            ("tests", effective_tests(null), tests),
            ("error", family_wise_error(null), 0.05),
        ):
            inside[name] += found.low <= value <= found.high
    assert all(count / 300 >= 0.92 for count in inside.values()), inside
    assert inside["tests"] / 300 <= 0.99


def test_the_threshold_is_the_quantile_of_the_smallest_p_values():
    null = Extremes(-np.log10(np.arange(1, 100)[:, None] / 1e4), np.zeros(99, dtype=int))
    assert family_wise_threshold(null, 0.05).value == pytest.approx(5e-4)
    few = Extremes(null.largest[:18], null.hits[:18])
    assert np.isnan(family_wise_threshold(few).value)
    assert family_wise_threshold(few).low == 0
    assert null_summary(few)["null_threshold"] is None


def test_the_error_rate_counts_scans_and_not_hits():
    null = Extremes(np.ones((40, 2)), np.array([0] * 38 + [30, 10]))
    assert family_wise_error(null).value == pytest.approx(0.05)
    assert expected_false_hits(null).value == pytest.approx(1)
    assert expected_false_hits(null).high == pytest.approx(20 * family_wise_error(null).high)
    none = Extremes(np.ones((40, 2)), np.zeros(40, dtype=int))
    assert family_wise_error(none).value == 0
    assert family_wise_error(none).high == pytest.approx(1 - 0.025 ** (1 / 40))
    assert null_summary(none)["null_hits_95"] == [0, pytest.approx(1 - 0.025 ** (1 / 40))]


def test_outliers_in_rare_variants_make_more_effective_tests_than_there_are_and_rint_does_not(rng):
    dosage = reference.random_dosage(rng, PEOPLE, 100, low=0.008, high=0.02)
    phenotypes = rng.standard_t(3, (PEOPLE, 3))
    basis = covariate_basis(np.empty((PEOPLE, 0)))
    raw = permuted_extremes(scan(dosage, phenotypes), PEOPLE, 60)
    ranked = permuted_extremes(scan(dosage, rint(phenotypes, basis)), PEOPLE, 60)
    assert effective_tests(raw).low > 300
    assert effective_tests(ranked).value < 400
    assert family_wise_threshold(raw).value < family_wise_threshold(ranked).value / 10


def test_phenotypes_without_a_tested_variant_do_not_count(rng):
    null = Extremes(
        np.column_stack([np.linspace(1, 3, 50), np.full(50, np.nan)]), np.zeros(50, dtype=int)
    )
    assert effective_tests(null) == effective_tests(null._replace(largest=null.largest[:, :1]))
