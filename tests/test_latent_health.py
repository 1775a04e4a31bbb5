"""Health numbers equal their definitions, and tell a used latent from a dead one."""

import numpy as np
import pytest
from scipy import stats

from ecgae.errors import InputError
from ecgae.models.judging.latent_health import (
    RIDGE,
    area_under_curve,
    effective_rank,
    health,
    probe,
)


@pytest.fixture
def random():
    return np.random.default_rng(2)


def test_equal_axes_count_one_each_and_a_single_one_counts_one():
    assert effective_rank(np.full(7, 3.0)) == pytest.approx(7)
    assert effective_rank(np.array([5.0, 0, 0])) == pytest.approx(1)
    assert effective_rank(np.zeros(4)) == 0


def test_the_effective_rank_does_not_change_when_the_axes_are_turned(random):
    latents = random.normal(0, [3, 2, 1, 0.1], (500, 4))
    turned = latents @ stats.special_ortho_group.rvs(4, random_state=3)
    ones = np.ones(4)
    assert health(turned, ones, False).effective_rank == pytest.approx(
        health(latents, ones, False).effective_rank
    )
    shares = health(latents, ones, False).spectrum
    assert np.allclose(
        shares,
        np.linalg.svd(latents - latents.mean(axis=0))[1] ** 2
        / shares.size
        / np.var(latents, axis=0).mean()
        / len(latents),
    )


def test_kurtosis_and_correlation_are_those_of_scipy_and_numpy(random):
    latents = np.stack(
        [random.normal(size=400), random.standard_t(5, 400), random.uniform(size=400)], axis=1
    )
    latents[:, 2] += latents[:, 0]
    found = health(latents, np.ones(3), False)
    assert np.allclose(found.excess_kurtosis, stats.kurtosis(latents))
    assert np.allclose(found.correlation, np.corrcoef(latents.T))


def test_a_variational_latent_is_active_by_its_variance(random):
    latents = random.normal(0, [1.0, 0.11, 0.09], (20_000, 3))
    assert health(latents, np.array([0.0, 0.0, 1.0]), variational=True).active.tolist() == [
        True,
        True,
        False,
    ]


def test_a_deterministic_latent_is_active_by_what_it_does_whatever_its_scale(random):
    latents = random.normal(0, [1e-6, 1e6, 1.0], (100, 3))
    effect = np.array([0.05, 0.06, 0.0005])  # mV
    assert health(latents, effect, variational=False).active.tolist() == [True, True, False]


def test_a_constant_latent_is_collapsed_and_has_no_correlation(random):
    latents = np.column_stack([random.normal(size=50), np.full(50, 2.0)])
    found = health(latents, np.array([0.1, 0.0]), False)
    assert found.active.tolist() == [True, False]
    assert np.isnan(found.excess_kurtosis[1])
    assert np.isnan(found.correlation[0, 1])
    assert found.effective_rank == pytest.approx(1)


def split(people):
    training = np.arange(people) < people * 2 // 3
    return training, ~training


def test_a_probe_finds_what_the_latents_hold_and_nothing_in_noise(random):
    latents = random.normal(size=(900, 6))
    target = 50 + latents @ [3, 0, -2, 0, 0, 1] + random.normal(0, 1, 900)
    found = probe(latents, target, *split(900))
    assert found[0] == "R2"
    assert found.value == pytest.approx(14 / 15, abs=0.02)
    assert (found.fitted, found.tested) == (600, 300)
    assert abs(probe(latents, random.normal(size=900), *split(900)).value) < 0.05


def test_the_penalty_with_the_least_generalized_cross_validation_error_is_taken(random):
    latents = random.normal(size=(120, 60))
    target = latents @ random.normal(0, 0.1, 60) + random.normal(size=120)
    training, tested = split(120)
    known = (latents - latents[training].mean(axis=0)) / latents[training].std(axis=0)
    fit, y = known[training], target[training] - target[training].mean()

    def solved(penalty):
        hat = fit @ np.linalg.solve(fit.T @ fit + penalty * len(y) * np.eye(60), fit.T)
        error = np.square(y - hat @ y).sum() / (1 - (np.trace(hat) + 1) / len(y)) ** 2
        return error, np.linalg.solve(fit.T @ fit + penalty * len(y) * np.eye(60), fit.T @ y)

    weights = min(map(solved, RIDGE), key=lambda one: one[0])[1]
    guess = target[training].mean() + known[tested] @ weights
    wanted = (
        1
        - np.square(target[tested] - guess).sum()
        / np.square(target[tested] - target[tested].mean()).sum()
    )
    assert probe(latents, target, training, tested).value == pytest.approx(wanted, rel=1e-6)


def test_a_yes_or_no_is_judged_by_the_area_under_the_curve(random):
    latents = random.normal(size=(900, 3))
    sex = (latents[:, 1] + random.normal(0, 0.5, 900) > 0).astype(float)
    found = probe(latents, sex, *split(900))
    assert found.measure == "AUC"
    assert found.value > 0.9
    assert probe(latents, 1 - sex, *split(900)).value == pytest.approx(found.value)


def test_the_area_under_the_curve_is_the_share_of_pairs_in_order(random):
    score, positive = random.integers(0, 5, 60).astype(float), random.random(60) < 0.4
    pairs = score[positive][:, None] - score[~positive]
    assert area_under_curve(score, positive) == pytest.approx(
        (pairs > 0).mean() + 0.5 * (pairs == 0).mean()
    )


def test_unknown_values_and_missing_latents_leave_a_person_out(random):
    latents = random.normal(size=(300, 2))
    target = latents[:, 0].copy()
    latents[:10] = np.nan
    target[290:] = np.nan
    found = probe(latents, target, *split(300))
    assert (found.fitted, found.tested) == (190, 90)


def test_too_few_people_or_no_variation_end_in_a_sentence(random):
    latents = random.normal(size=(60, 2))
    training, tested = split(60)
    with pytest.raises(InputError, match="at least 40 people to fit and 20 to test; got 30 and 20"):
        probe(latents, np.where(np.arange(60) < 10, np.nan, 1.0), training, tested)
    with pytest.raises(InputError, match="must vary"):
        probe(latents, np.ones(60), training, tested)
