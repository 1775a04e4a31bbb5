"""A comparison tells real differences from luck, and what a choice does from what else was
chosen."""

from itertools import combinations, product

import numpy as np
import pytest

from ecgae.comparison.differences import common_seed_variance, holm, may_be_best, paired_differences
from ecgae.comparison.effects import _least_squares, marginal_effects
from ecgae.comparison.pareto import pareto_front
from ecgae.comparison.shared_loci import same_loci

SIZES = np.full(22, 1000.0)


def random(seed=0):
    return np.random.default_rng(seed)


def all_pairs(count):
    return np.array(list(combinations(range(count), 2)))


def outcome_of(parts, pairs=None, seed_variance=None, seeds=None, sizes=SIZES, counts=True):
    """`paired_differences` of configurations with one seed."""
    n = parts.shape[1]
    return paired_differences(
        parts.astype(float),
        sizes,
        np.zeros(n) if seed_variance is None else seed_variance,
        np.ones(n, dtype=np.int64) if seeds is None else seeds,
        all_pairs(n) if pairs is None else pairs,
        counts,
    )


# Which differences are real


def test_without_a_difference_the_paired_test_is_positive_in_about_five_percent():
    found = random(1).binomial(6, 0.3, (22, 2 * 3000))
    pairs = np.arange(6000).reshape(-1, 2)
    share = (outcome_of(found, pairs).p < 0.05).mean()
    assert 0.03 < share < 0.06


def test_what_both_share_does_not_hide_a_difference():
    luck = random(2).poisson(4, 22)  # loci of a chromosome that every model finds
    parts = np.column_stack([luck, luck + (np.arange(22) % 2)])
    found = outcome_of(parts)
    assert found.difference[0] == -11
    assert found.p[0] < 0.01
    apart = np.column_stack([luck, random(3).permutation(luck) + (np.arange(22) % 2)])
    assert outcome_of(apart).p[0] > 0.05


def test_the_error_of_a_difference_is_the_jackknife_over_chromosomes():
    parts = random(4).normal(size=(22, 2))
    steps = parts[:, 0] - parts[:, 1]
    left_out = np.array([(steps.sum() - step) * 22 / 21 for step in steps])
    expected = np.sqrt(21 / 22 * np.square(left_out - left_out.mean()).sum())
    assert outcome_of(parts, counts=False).standard_error[0] == pytest.approx(expected)


def test_the_same_step_on_every_chromosome_is_no_certainty():
    parts = np.column_stack([np.ones(4), np.zeros(4)])
    found = outcome_of(parts, sizes=np.full(4, 10.0))
    assert found.standard_error[0] == pytest.approx(2)  # a sign test of four that only one has
    assert found.p[0] > 0.05


def test_equal_findings_are_not_told_apart():
    parts = np.tile(random(0).poisson(3, (22, 1)), 2)
    assert outcome_of(parts).p[0] == 1


def test_what_a_seed_changes_everywhere_widens_the_error():
    base = random(5).poisson(3, (22, 2)) + np.array([1, 0])
    narrow = outcome_of(base, seeds=np.array([3, 3]))
    wide = outcome_of(base, seed_variance=np.array([30.0, 30.0]), seeds=np.array([3, 3]))
    assert wide.standard_error[0] ** 2 == pytest.approx(narrow.standard_error[0] ** 2 + 60)
    assert wide.p[0] > narrow.p[0]
    single = outcome_of(base, seed_variance=np.array([30.0, np.nan]), seeds=np.array([3, 1]))
    assert single.standard_error[0] == narrow.standard_error[0]


def test_seeds_that_vary_on_each_chromosome_alone_are_not_counted_twice():
    independent = [common_seed_variance(random(seed).normal(size=(40, 22))) for seed in range(200)]
    together = [
        common_seed_variance(
            random(seed).normal(size=(40, 22)) + random(seed + 999).normal(size=(40, 1))
        )
        for seed in range(200)
    ]
    assert np.mean(together) == pytest.approx(22**2 / 40, rel=0.1)
    assert np.mean(independent) < 0.02 * np.mean(together)
    assert np.isnan(common_seed_variance(np.ones((1, 22))))


def test_among_equal_configurations_none_is_called_better_in_more_than_five_percent_of_sweeps():
    pairs, wrong, excluded, only_with_best = all_pairs(10), 0, 0, 0
    repeats = 300
    for seed in range(repeats):
        found = random(seed).binomial(6, 0.3, (22, 10))
        p = outcome_of(found).p
        best = found.sum(axis=0).argmax()
        with_best = (pairs == best).any(axis=1)
        wrong += (holm(p)[with_best] < 0.05).any()
        only_with_best += (holm(p[with_best]) < 0.05).any()
        excluded += not may_be_best(one_sided(found.sum(axis=0), pairs, p), 0.05)[0]
    assert wrong / repeats <= 0.06
    assert excluded / repeats <= 0.06  # any one of them is as good as the best
    assert only_with_best / repeats > 0.08  # what correcting for fewer pairs would do


def one_sided(totals, pairs, p):
    better = np.full((len(totals), len(totals)), np.nan)
    for (one, two), value in zip(pairs, p, strict=True):
        worse, well = (one, two) if totals[two] >= totals[one] else (two, one)
        better[worse, well] = value / 2
    return better


def test_holm_is_the_step_down_correction():
    p = np.array([0.01, 0.04, np.nan, 0.03, 0.005])
    np.testing.assert_allclose(holm(p), [0.03, 0.06, np.nan, 0.06, 0.02])


# What one choice does


def grid(*sizes):
    return np.array(list(product(*map(range, sizes))))


def test_an_additive_effect_is_recovered_from_a_full_grid_whatever_the_other_axes_do():
    levels = grid(3, 2, 4)
    others = random(0).normal(0, 10, (2, 4))
    yields = np.array([-2.0, 0.0, 2.0])[levels[:, 0]] + others[levels[:, 1], levels[:, 2]]
    found = marginal_effects(levels, 0, yields)
    assert found.paired
    np.testing.assert_allclose(found.effect, [-2, 0, 2], atol=1e-12)
    np.testing.assert_allclose(found.standard_error, 0, atol=1e-12)


def test_an_additive_effect_is_recovered_from_a_grid_with_holes():
    levels = grid(3, 2, 4)
    yields = np.array([-2.0, 0.0, 2.0])[levels[:, 0]] + 5.0 * levels[:, 1] + levels[:, 2]
    kept = random(1).random(len(levels)) < 0.6
    found = marginal_effects(levels[kept], 0, yields[kept])
    assert not found.paired
    np.testing.assert_allclose(found.effect, [-2, 0, 2], atol=1e-9)
    naive = [yields[kept][levels[kept, 0] == level].mean() for level in range(3)]
    assert abs(naive[2] - naive[0] - 4) > 0.1  # what means alone would say


def test_both_ways_agree_where_the_grid_is_complete():
    levels = grid(3, 4)
    yields = random(2).normal(size=12)
    with_hole = np.vstack([levels, levels[:1]])  # twice the same: no grid
    one, other = (
        marginal_effects(levels, 0, yields),
        marginal_effects(with_hole, 0, np.append(yields, yields[0])),
    )
    assert one.paired
    assert not other.paired
    np.testing.assert_allclose(one.effect, _least_squares(levels, 0, yields).effect, atol=1e-12)


def test_the_errors_of_effects_hold_the_truth_in_about_95_percent():
    levels, inside = grid(2, 12), []
    for seed in range(400):
        yields = 1.0 * levels[:, 0] + random(seed).normal(size=24)
        found = marginal_effects(levels, 0, yields)
        inside.append(
            abs(found.effect[1] - 0.5) < 2.2 * found.standard_error[1]
        )  # t of 11 degrees of freedom
    assert 0.92 < np.mean(inside) < 0.98


def test_axes_that_always_change_together_cannot_be_told_apart():
    levels = np.array([[0, 0, 0], [1, 1, 0], [0, 0, 1], [1, 1, 1], [1, 1, 2]])
    found = marginal_effects(levels, 0, random(0).normal(size=5))
    assert np.isnan(found.effect).all()
    assert np.isfinite(marginal_effects(levels, 2, random(0).normal(size=5)).effect).all()


# The same locus


def test_loci_are_the_same_within_the_distance_or_where_they_overlap():
    position = np.array([1_000_000, 1_200_000, 1_600_000, 1_600_000, 9_000_000, 9_900_000])
    extent = np.column_stack([position, position])
    extent[4] = 8_000_000, 9_950_000
    region = same_loci(
        np.array([1, 1, 1, 2, 3, 3]),
        position,
        extent,
        np.arange(6, 0, -1.0),
        np.zeros(6, dtype=bool),
        250_000,
    )
    assert region.tolist() == [0, 0, 1, 2, 3, 3]


def test_near_loci_make_no_chain():
    position = np.array([0, 200_000, 400_000])
    extent = np.column_stack([position, position])
    none = np.zeros(3, dtype=bool)
    assert same_loci(np.ones(3, dtype=np.int64), position, extent, np.array([9.0, 8, 7]), none, 250_000).tolist() == [
        0, 0, 1,
    ]  # fmt: skip


def test_the_mhc_is_one_locus_whatever_the_distance():
    position = np.array([26_000_000, 33_000_000])
    extent = np.column_stack([position, position])
    strength, chromosome = np.array([9.0, 8.0]), np.full(2, 6)
    assert same_loci(
        chromosome, position, extent, strength, np.ones(2, dtype=bool), 250_000
    ).tolist() == [0, 0]
    assert same_loci(
        chromosome, position, extent, strength, np.zeros(2, dtype=bool), 250_000
    ).tolist() == [0, 1]


def test_no_point_of_the_pareto_front_is_beaten_in_both():
    values = random(0).normal(size=(60, 2))
    front = pareto_front(values)
    for place, point in enumerate(values):
        beaten = any((other >= point).all() and (other > point).any() for other in values)
        assert front[place] != beaten
    assert pareto_front(np.array([[1.0, np.nan], [0.0, 0.0]])).tolist() == [False, True]
