"""Resampling between the rates of real devices: nothing below the new limit changes, nothing above
it folds back."""

import itertools

import numpy as np
import pytest

from ecgae.errors import InputError
from ecgae.signals.resampling import resampled

RATES = (250, 257, 360, 400, 500, 1000)
PAIRS = list(itertools.permutations(RATES, 2))


def wave(frequency, rate, seconds=10):
    return np.sin(2 * np.pi * frequency * np.arange(round(seconds * rate)) / rate + 0.3)


@pytest.mark.parametrize(("old", "new"), PAIRS)
def test_a_wave_of_40_hz_keeps_amplitude_and_phase(old, new):
    assert (
        np.abs(resampled(wave(40, old), old, new) - wave(40, new))[new // 2 : -new // 2].max()
        < 0.005
    )


@pytest.mark.parametrize(("old", "new"), [(old, new) for old, new in PAIRS if old > 1.25 * new])
def test_a_wave_above_the_new_limit_is_stopped_by_50_db(old, new):
    wave_above = wave(1.2 * new / 2, old)
    middle = slice(new, -new)
    assert np.abs(resampled(wave_above, old, new)[middle]).max() < 10 ** (-50 / 20)


@pytest.mark.parametrize(("old", "new"), PAIRS)
def test_the_length_is_that_of_the_same_time(old, new):
    for samples in (1, 600, 5001):
        assert resampled(np.ones((1, 2, samples), np.float32), old, new).shape == (
            1,
            2,
            round(samples * new / old),
        )


@pytest.mark.parametrize(("old", "new"), PAIRS)
def test_a_constant_and_a_ramp_stay_what_they_are_up_to_the_ends(old, new):
    assert np.array_equal(
        resampled(np.full(2 * old, 300.0, np.float32), old, new), np.full(2 * new, 300, np.float32)
    )
    assert np.allclose(
        resampled(np.arange(2 * old) / old, old, new), np.arange(2 * new) / new, rtol=0, atol=1e-9
    )


@pytest.mark.parametrize("new", [400, 500, 1000])
def test_there_and_back_is_the_same_trace_where_it_holds_nothing_fast(new):
    random = np.random.default_rng(0)
    ecg = sum(random.normal() * wave(frequency, 360) for frequency in (1, 3, 7, 15, 30, 60, 100))
    back = resampled(resampled(ecg, 360, new), new, 360)
    assert back.shape == ecg.shape
    assert np.abs(back - ecg)[180:-180].max() < 0.01 * np.ptp(ecg)


def test_the_same_rate_gives_a_copy():
    ecg = np.ones((2, 12, 100), np.float32)
    same = resampled(ecg, 500, 500)
    assert np.array_equal(same, ecg)
    assert not np.shares_memory(same, ecg)


@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_type_and_input_are_kept_and_traces_do_not_mix(kind):
    ecg = np.random.default_rng(0).normal(size=(2, 3, 720)).astype(kind)
    before = ecg.copy()
    new = resampled(ecg, 360, 500)
    assert new.dtype == kind
    assert np.array_equal(ecg, before)
    assert np.allclose(new[1, 2], resampled(ecg[1, 2], 360, 500), atol=1e-6)


@pytest.mark.parametrize(
    ("rates", "message"),
    [
        ((0, 500), "^sampling_rate must be positive; got 0 Hz"),
        ((500, -1), "^new_sampling_rate must be positive; got -1 Hz"),
        ((500, float("nan")), "^new_sampling_rate must be positive; got nan Hz"),
        ((5e8, 500), "new_sampling_rate must be at least a 10,000th"),
    ],
)
def test_impossible_rates_are_refused_with_a_sentence(rates, message):
    with pytest.raises(InputError, match=message):
        resampled(np.zeros(100), *rates)
