"""Laws that hold for every baseline and denoiser, and the facts of each published one."""

import math

import numpy as np
import pytest
import pywt
from conftest import choices, composed, heartbeats
from scipy.ndimage import uniform_filter1d

from ecgae.baseline.moving_average import MovingAverage
from ecgae.denoiser.dwt import DWT
from ecgae.denoiser.fft import FFT
from ecgae.entry import build
from ecgae.errors import InputError

STEPS = [(axis, choice) for axis in ("baseline", "denoiser") for choice in choices(axis)]


@pytest.fixture(params=STEPS, ids=lambda step: "=".join(step))
def step(request):
    axis, choice = request.param
    return build(composed(f"{axis}={choice}")[axis])


@pytest.mark.parametrize("samples", [600, 1000, 1237])
def test_shape_and_type_are_kept_and_values_are_finite(step, samples):
    ecg = heartbeats(3, samples)
    cleaned = step(ecg, 500.0)
    assert cleaned.shape == ecg.shape
    assert cleaned.dtype == np.float32
    assert np.isfinite(cleaned).all()


def test_the_input_is_not_changed(step):
    ecg = heartbeats(2)
    before = ecg.copy()
    cleaned = step(ecg, 500.0)
    assert np.array_equal(ecg, before)
    assert not np.shares_memory(cleaned, ecg)


def test_the_same_input_gives_the_same_output(step):
    ecg = heartbeats(2)
    assert np.array_equal(step(ecg, 500.0), step(ecg, 500.0))


@pytest.mark.parametrize("factor", [-1.0, 0.001, 250.0])
def test_scaling_the_input_scales_the_output(step, factor):
    ecg = heartbeats(2).astype(np.float64)
    assert np.allclose(step(factor * ecg, 500.0), factor * step(ecg, 500.0), atol=1e-9 * abs(factor))


def test_a_batch_equals_one_trace_at_a_time(step):
    ecg = heartbeats(2)
    batch = step(ecg, 500.0)
    for individual in range(2):
        for lead in range(12):
            assert np.allclose(batch[individual, lead], step(ecg[individual, lead], 500.0), atol=1e-6)


def test_a_flat_trace_stays_flat(step):
    cleaned = step(np.zeros((1, 12, 1000), np.float32), 500.0)
    assert np.array_equal(cleaned, np.zeros_like(cleaned))


def test_moving_average_equals_the_published_per_trace_code():
    ecg = heartbeats(1)[0, 0]
    assert np.allclose(MovingAverage(0.5)(ecg, 500.0), ecg - uniform_filter1d(ecg, 250, mode="reflect"), atol=1e-6)


@pytest.mark.parametrize(("frequency", "gain"), [(0.5, 0.100), (1, 0.363), (1.5, 0.700), (2, 1.000), (3, 1.212)])
def test_moving_average_has_the_gain_that_its_docstring_warns_of(frequency, gain):
    time = np.arange(20_000) / 500
    wave = np.sin(2 * np.pi * frequency * time)
    middle = slice(8_000, 12_000)
    measured = MovingAverage(0.5)(wave, 500.0)[middle]
    assert np.abs(measured).max() / np.abs(wave[middle]).max() == pytest.approx(gain, abs=0.005)


def test_dwt_equals_the_published_per_trace_code():
    ecg = heartbeats(1, 5000)[0, 0].astype(np.float64)
    approximation, *details = pywt.wavedec(ecg, "db4", level=4)
    threshold = np.median(np.abs(details[-1])) / 0.6745 * math.sqrt(2 * math.log(5000))
    slow = pywt.waverec([approximation, *(pywt.threshold(band, threshold, "soft") for band in details)], "db4")[:5000]
    assert math.sqrt(2 * math.log(5000)) == pytest.approx(4.12727, abs=1e-5)
    assert np.allclose(DWT("db4", 4)(ecg, 500.0), slow, atol=1e-9)


def test_fft_keeps_what_is_inside_the_band_and_removes_what_is_outside():
    time = np.arange(5000) / 500
    wave = {frequency: np.sin(2 * np.pi * frequency * time) for frequency in (0.2, 10.0, 50.0)}
    assert np.allclose(FFT(0.5, 45)(sum(wave.values()), 500.0), wave[10.0], atol=1e-9)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: MovingAverage(0), "baseline.window must be positive"),
        (lambda: FFT(50, 40), "denoiser.low must be at least 0 and below denoiser.high"),
        (lambda: FFT(0.5, 300)(np.zeros(1000), 500.0), "denoiser.high must be at most half the sampling rate"),
        (lambda: DWT("nonsense", 4), "denoiser.wavelet must be a discrete wavelet"),
        (lambda: DWT("db4", 0), "denoiser.level must be at least 1"),
        (lambda: DWT("db4", 12)(np.zeros(1000), 500.0), "denoiser.level must be at most 7 for 1000 samples"),
    ],
)
def test_bad_numbers_are_refused_with_a_sentence(make, message):
    with pytest.raises(InputError, match=message):
        make()
