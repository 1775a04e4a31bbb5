"""p-values of many phenotypes become one, exactly, and calibrated where the phenotypes are
correlated."""

import mpmath
import numpy as np
import pytest
from scipy import special

from ecgae.statistics.combination import acat, min_p


def exact_acat(row):
    """By the definition, with more digits than any p-value here needs."""
    with mpmath.workdps(1100):
        p = [mpmath.mpf(10) ** -mpmath.mpf(value) for value in row if not np.isnan(value)]
        t = sum(mpmath.cot(mpmath.pi * value) for value in p) / len(p)
        combined = (
            mpmath.mpf(1) / 2 - mpmath.atan(t) / mpmath.pi
            if t < 0
            else mpmath.atan(1 / t) / mpmath.pi
        )
        return float(-mpmath.log10(combined))


@pytest.mark.parametrize("size", [0.01, 0.4, 5, 16, 300, 1000])
@pytest.mark.parametrize("phenotypes", [1, 2, 30])
def test_acat_is_exact_however_small_the_p_values_are(size, phenotypes):
    values = np.random.default_rng(0).exponential(size, (4, phenotypes))
    values[0, 0] = size
    np.testing.assert_allclose(
        acat(values), [exact_acat(row) for row in values.tolist()], rtol=1e-13
    )


def test_acat_near_one_half_and_one_keeps_its_digits():
    values = -np.log10(
        np.array([[0.5, 0.5], [0.5, 0.4999], [0.999999, 0.9999999], [0.5, 1 - 1e-12]])
    )
    np.testing.assert_allclose(
        acat(values), [exact_acat(row) for row in values.tolist()], rtol=1e-9
    )


def test_acat_of_equal_p_values_is_that_p_value():
    values = np.array([0.001, 0.3, 2, 9, 15, 16, 320, 1000.0])
    np.testing.assert_allclose(acat(values[:, None].repeat(7, axis=1)), values, rtol=1e-13)


def test_acat_of_one_small_p_value_among_many_is_that_times_their_number():
    values = np.full((1, 384), np.log10(2))
    values[0, 17] = 400
    assert acat(values)[0] == pytest.approx(400 - np.log10(384), rel=1e-14)


def test_acat_leaves_out_what_was_not_tested():
    values = np.array([[3.0, np.nan, 0.1], [np.nan, np.nan, np.nan], [np.nan, 700.0, np.nan]])
    assert acat(values)[0] == acat(values[:1, [0, 2]])[0]
    assert np.isnan(acat(values)[1])
    assert acat(values)[2] == pytest.approx(700)


def test_a_p_value_of_one_does_not_hide_the_others():
    assert acat(np.array([[0.0, 30.0]]))[0] == pytest.approx(30 - np.log10(2))
    assert acat(np.array([[0.0, 0.0]]))[0] == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("correlation", [0.0, 0.9])
def test_acat_is_calibrated_for_correlated_phenotypes(correlation):
    random = np.random.default_rng(3)
    shared, own = random.standard_normal((200_000, 1)), random.standard_normal((200_000, 12))
    z = np.sqrt(correlation) * shared + np.sqrt(1 - correlation) * own
    combined = acat(-(np.log(2) + special.log_ndtr(-np.abs(z))) / np.log(10))
    # The standard deviation of the share is 7 % of 1e-3; the tail is a little light between
    # independence and identity.
    assert np.mean(combined >= 3) == pytest.approx(1e-3, rel=0.3)


def test_the_corrected_smallest_p_value_is_that_of_independent_tests():
    values = np.array(
        [[0.2, 1.5, np.nan], [20, 3, 1], [700, 1, 2], [np.nan, np.nan, np.nan], [0, 0, 0]]
    )
    p = 10.0**-1.5
    expected = [-np.log10(1 - (1 - p) ** 3), 20 - np.log10(3), 700 - np.log10(3), np.nan, 0]
    np.testing.assert_allclose(min_p(values, 3), expected, rtol=1e-13, atol=1e-15)
    np.testing.assert_allclose(min_p(values, 1), [1.5, 20, 700, np.nan, 0], rtol=1e-13, atol=1e-15)
