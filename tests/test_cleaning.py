"""Laws that hold for every baseline and denoiser, and the facts of each published one."""

import dataclasses
import functools
import math

import numpy as np
import per_trace
import pytest
import pywt
import torch
from conftest import choices, composed, heartbeats
from scipy.signal import butter, sosfiltfilt, wiener

from ecgae.entry.build import build
from ecgae.errors import InputError
from ecgae.signals.arrays import runs_on_gpu
from ecgae.signals.baseline.highpass import HighPass
from ecgae.signals.baseline.moving_average import MovingAverage
from ecgae.signals.baseline.spline import Spline
from ecgae.signals.baseline.two_stage_median import TwoStageMedian
from ecgae.signals.denoiser.dwt import DWT
from ecgae.signals.denoiser.fft import FFT
from ecgae.signals.denoiser.fft_wiener import FFTWiener
from ecgae.signals.denoiser.notch import Notch

STEPS = [(axis, choice) for axis in ("baseline", "denoiser") for choice in choices(axis)]


def clean_beats(individuals, samples):
    """Traces [individual 12 time] in mV at 500 Hz without wander and noise: a QRS-like peak and a T
    wave per second."""
    phase = np.arange(samples) / 500 % 1.0
    beat = np.exp(-(((phase - 0.4) / 0.012) ** 2)) + 0.25 * np.exp(-(((phase - 0.7) / 0.06) ** 2))
    return (np.random.default_rng(1).normal(1, 0.3, (individuals, 12, 1)) * beat).astype(np.float32)


@functools.cache
def shipped(axis, choice):
    """The step with the numbers of its yaml file."""
    return build(composed(f"{axis}={choice}")[axis])


@pytest.fixture(params=STEPS, ids=lambda step: "=".join(step))
def step(request):
    return shipped(*request.param)


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
    assert np.allclose(
        step(factor * ecg, 500.0), factor * step(ecg, 500.0), atol=1e-9 * abs(factor)
    )


def test_a_batch_equals_one_trace_at_a_time(step):
    ecg = heartbeats(2)
    batch = step(ecg, 500.0)
    for individual in range(2):
        for lead in range(12):
            assert np.allclose(
                batch[individual, lead], step(ecg[individual, lead], 500.0), atol=1e-6
            )


def test_traces_in_steps_of_5_uv_that_rest_for_seconds_stay_finite(step):
    coarse = np.rint(heartbeats(20, 3000) / 0.005) * 0.005
    coarse[:, :, 700:2200] = coarse[:, :, 700:701]
    resting = np.zeros((100, 1, 1500), np.float32)
    resting[:, :, 900:905] = np.linspace(0.005, 1, 100)[:, None, None]
    for ecg in (coarse.astype(np.float32), resting):
        assert np.isfinite(step(ecg, 500.0)).all()


def test_a_flat_trace_stays_flat(step):
    cleaned = step(np.zeros((1, 12, 1000), np.float32), 500.0)
    assert np.array_equal(cleaned, np.zeros_like(cleaned))


@pytest.mark.parametrize("samples", [600, 1237])
def test_a_step_equals_its_slow_twin_on_one_trace_at_a_time(step, samples):
    ecg = heartbeats(2, samples) + 0.4
    if twin_of(step) is None:
        pytest.skip("no twin in per_trace.py")
    assert_equals_twin(step, ecg)


def test_every_published_step_has_a_slow_twin():
    without = {choice for axis, choice in STEPS if twin_of(shipped(axis, choice)) is None}
    published = {"moving_average", "two_stage_median", "highpass", "spline", "fft", "fft_wiener"}
    assert not without & (published | {"none", "dwt", "notch"})


def test_a_step_equals_its_slow_twin_on_real_recordings(step, real_data):
    if twin_of(step) is None:
        pytest.skip("no twin in per_trace.py")
    files = sorted((real_data / "ptbxl" / "records500").rglob("*_hr.dat"))[
        :2
    ]  # WFDB format 16, 1 uV per step
    assert_equals_twin(
        step,
        np.array([np.fromfile(file, "<i2").reshape(5000, 12).T for file in files], np.float32)
        / 1000,
    )


@pytest.mark.parametrize("threshold", ["visushrink", "sure", "bayes"])
@pytest.mark.parametrize("mode", ["soft", "hard"])
@pytest.mark.parametrize("sigma", ["finest", "per_level"])
def test_every_kind_of_wavelet_shrinkage_equals_its_slow_twin(mode, threshold, sigma):
    for wavelet in ("haar", "db4", "sym8", "bior2.6", "dmey"):
        assert_equals_twin(DWT(wavelet, 4, mode, threshold, sigma), heartbeats(1, 1237)[:, :2])


@pytest.mark.parametrize("seconds", [0.5, 3.0, 60.0])
def test_a_baseline_window_may_be_longer_than_the_trace(seconds):
    assert_equals_twin(MovingAverage(seconds), heartbeats(1, 601)[:, :2])
    assert_equals_twin(Spline(seconds, 0.06, 0.2), heartbeats(1, 601)[:, :2])


def is_linear(step):
    """What the step says of itself: `linear: ClassVar[bool] = True`."""
    return getattr(step, "linear", False)


def twin_of(step):
    """The function of per_trace.py that has the name of the step's file, if there is one."""
    return getattr(per_trace, type(step).__module__.split(".")[-1], None)


def assert_equals_twin(step, ecg):
    """Within 1e-5 of each trace's range, the numbers of the step given to its twin."""
    twin = twin_of(step)
    numbers = dataclasses.asdict(step)
    slow = np.array(
        [[twin(trace.astype(np.float64), 500.0, **numbers) for trace in leads] for leads in ecg]
    )
    assert (np.abs(step(ecg, 500.0) - slow).max(axis=-1) <= 1e-5 * np.ptp(ecg, axis=-1)).all()
    assert np.allclose(step(ecg.astype(np.float64), 500.0), slow, rtol=0, atol=1e-9)


def test_dwt_ships_with_the_published_numbers():
    assert shipped("denoiser", "dwt") == DWT("db4", 4, "soft", "visushrink", "finest")
    assert shipped("baseline", "moving_average") == MovingAverage(0.5)


@pytest.mark.parametrize(
    ("frequency", "gain"), [(0.5, 0.100), (1, 0.363), (1.5, 0.700), (2, 1.000), (3, 1.212)]
)
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
    slow = pywt.waverec(
        [approximation, *(pywt.threshold(band, threshold, "soft") for band in details)], "db4"
    )[:5000]
    assert math.sqrt(2 * math.log(5000)) == pytest.approx(4.12727, abs=1e-5)
    assert np.allclose(DWT("db4", 4)(ecg, 500.0), slow, atol=1e-9)


def test_noise_of_the_finest_level_is_no_measure_where_the_device_cut_it_and_per_level_is():
    """The error of the noise that is left: a 100 Hz low-pass leaves nothing at 125-250 Hz to take
    sigma from."""
    clean = clean_beats(4, 5000)
    noisy = clean + lowpassed(np.random.default_rng(3).normal(0, 0.05, clean.shape)).astype(
        np.float32
    )

    def left(sigma):
        return (DWT("db4", 4, threshold="sure", sigma=sigma)(noisy, 500.0) - clean).std() / (
            noisy - clean
        ).std()

    assert left("finest") > 0.95
    assert left("per_level") < 0.7


def lowpassed(noise):
    return sosfiltfilt(butter(4, 100, fs=500, output="sos"), noise)


@pytest.mark.parametrize("threshold", ["visushrink", "sure", "bayes"])
@pytest.mark.parametrize("mode", ["soft", "hard"])
def test_wavelet_shrinkage_brings_a_noisy_ecg_closer_to_the_clean_one(mode, threshold):
    clean = clean_beats(4, 2000)
    noisy = clean + np.random.default_rng(3).normal(0, 0.05, clean.shape).astype(np.float32)
    assert np.std(DWT("db4", 4, mode, threshold)(noisy, 500.0) - clean) < 0.7 * np.std(
        noisy - clean
    )


def test_fft_wiener_brings_a_noisy_ecg_closer_to_the_clean_one_and_keeps_its_mean():
    clean = clean_beats(4, 2000)
    noisy = clean + np.random.default_rng(3).normal(0, 0.05, clean.shape).astype(np.float32)
    cleaned = FFTWiener(3, 0.03)(noisy, 500.0)
    assert np.std(cleaned - clean) < 0.7 * np.std(noisy - clean)
    assert np.allclose(cleaned.mean(axis=-1), noisy.mean(axis=-1), atol=0.005)


def test_fft_wiener_filters_like_scipy_given_the_same_noise():
    ecg = heartbeats(1, 1000)[0, 0].astype(np.float64)
    ecg -= ecg.mean()
    variance = np.lib.stride_tricks.sliding_window_view(np.pad(ecg, 7, mode="symmetric"), 15).var(
        axis=-1
    )
    expected = wiener(ecg, 15, noise=np.median(variance))
    inside = slice(7, -7)  # SciPy pads with zeros
    assert np.allclose(FFTWiener(0, 0.03)(ecg, 500.0)[inside], expected[inside], atol=1e-9)


@pytest.mark.parametrize(
    ("frequency", "rate"), [(50, 500.0), (60, 500.0), (50, 257.0), (60, 360.0)]
)
def test_notch_removes_the_mains_and_leaves_what_is_5_hz_away(frequency, rate):
    time = np.arange(round(10 * rate)) / rate
    hum, neighbour = (
        np.sin(2 * np.pi * frequency * time),
        np.sin(2 * np.pi * (frequency - 5) * time),
    )
    left = Notch(frequency, 30)(hum + neighbour, rate) - neighbour
    middle = slice(round(rate), -round(rate))
    assert np.abs(left[middle]).max() < 0.05
    assert np.abs(Notch(frequency, 30)(hum, rate)[middle]).max() < 0.005


@pytest.mark.parametrize(("ratio", "gain"), [(0.25, 0.004), (1, 0.5), (2, 0.94), (10, 1.0)])
def test_highpass_has_the_gain_that_its_docstring_states(ratio, gain):
    time = np.arange(30_000) / 500
    wave = np.sin(2 * np.pi * 0.5 * ratio * time)
    middle = slice(12_000, 18_000)
    cleaned = HighPass(0.5, 2)(wave, 500.0)[middle]
    assert cleaned @ wave[middle] / (wave[middle] @ wave[middle]) == pytest.approx(gain, abs=0.005)


@pytest.mark.parametrize("choice", ["moving_average", "two_stage_median", "highpass", "spline"])
def test_every_baseline_removes_slow_wander(choice):
    beats = clean_beats(2, 5000)
    wander = 0.3 * np.sin(2 * np.pi * 0.1 * np.arange(5000) / 500).astype(np.float32)
    step = shipped("baseline", choice)
    left = step(beats + wander, 500.0) - step(beats, 500.0)
    assert left[..., 750:-750].std() < 0.1 * wander.std()


@pytest.mark.parametrize(
    ("choice", "kept"), [("two_stage_median", 0.9), ("highpass", 0.9), ("spline", 0.95)]
)
def test_an_st_elevation_survives_every_baseline_but_the_moving_average(choice, kept):
    phase = np.arange(5000) / 500 % 1.0
    beat = np.exp(-(((phase - 0.3) / 0.012) ** 2))
    st = 0.2 * ((phase > 0.34) & (phase < 0.44))  # 0.2 mV for 100 ms
    noise = np.random.default_rng(0).normal(0, 0.005, 5000)

    def level(step):
        raised, plain = step(beat + st + noise, 500.0), step(beat + noise, 500.0)
        segment, diastole = (phase > 0.37) & (phase < 0.41), (phase > 0.7) & (phase < 0.95)
        inside = slice(1000, 4000)
        difference = raised - plain
        return (
            difference[inside][segment[inside]].mean() - difference[inside][diastole[inside]].mean()
        )

    assert level(shipped("baseline", choice)) > kept * 0.2
    assert level(MovingAverage(0.5)) < 0.9 * 0.2


def test_fft_keeps_what_is_inside_the_band_and_removes_what_is_outside():
    time = np.arange(5000) / 500
    wave = {frequency: np.sin(2 * np.pi * frequency * time) for frequency in (0.2, 10.0, 50.0)}
    assert np.allclose(FFT(0.5, 45)(sum(wave.values()), 500.0), wave[10.0], atol=1e-9)


def test_a_step_in_torch_gives_a_tensor_for_a_tensor_with_the_same_numbers(step):
    ecg = heartbeats(2)
    if not runs_on_gpu(step):
        pytest.skip("built on SciPy")
    cleaned = step(torch.from_numpy(ecg), 500.0)
    assert isinstance(cleaned, torch.Tensor)
    assert np.array_equal(cleaned.numpy(), step(ecg, 500.0))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")
def test_a_gpu_gives_the_same_numbers(step):
    ecg = heartbeats(2)
    if runs_on_gpu(step):
        assert np.allclose(
            step(torch.from_numpy(ecg).cuda(), 500.0).cpu().numpy(), step(ecg, 500.0), atol=1e-5
        )


def test_the_steps_that_run_on_a_gpu_are_those_written_in_torch():
    able = {choice for axis, choice in STEPS if runs_on_gpu(shipped(axis, choice))}
    assert able >= {"none", "moving_average", "spline", "fft", "fft_wiener", "dwt"}
    assert not able & {"two_stage_median", "highpass", "notch"}


def test_read_only_and_strided_arrays_are_cleaned_alike(step):
    ecg = heartbeats(2)
    expected = step(ecg, 500.0)
    ecg.flags.writeable = False
    assert np.array_equal(step(ecg, 500.0), expected)
    twice = np.repeat(ecg, 2, axis=-1)[..., ::2]
    assert np.array_equal(step(twice, 500.0), expected)
    assert np.array_equal(step(ecg[::-1], 500.0)[::-1], expected)


def test_pieces_and_threads_change_no_number(step, monkeypatch):
    ecg = heartbeats(3)
    expected = step(ecg, 500.0)
    monkeypatch.setattr("ecgae.signals.arrays.CPU_PIECE", 5 * 1000)
    threads = torch.get_num_threads()
    assert np.allclose(step(ecg, 500.0), expected, rtol=0, atol=1e-6)
    assert torch.get_num_threads() == threads


def test_a_broken_trace_spoils_no_other(step):
    ecg = heartbeats(2)
    expected = step(ecg, 500.0)
    ecg[0, 5, 100] = np.nan
    with np.errstate(invalid="ignore"):
        cleaned = step(ecg, 500.0)
    others = np.ones((2, 12), bool)
    others[0, 5] = False
    assert np.allclose(cleaned[others], expected[others], rtol=0, atol=1e-6)
    if is_linear(step):
        assert not np.isfinite(cleaned[0, 5]).all()


@pytest.mark.parametrize(
    ("axis", "choice"),
    [
        ("baseline", "two_stage_median"),
        ("baseline", "spline"),
        ("denoiser", "fft_wiener"),
        ("denoiser", "dwt"),
    ],
)
def test_a_missing_sample_is_not_hidden_by_the_shipped_steps(axis, choice):
    ecg = heartbeats(1)
    ecg[0, 5, 100] = np.nan
    with np.errstate(invalid="ignore"):
        assert not np.isfinite(shipped(axis, choice)(ecg, 500.0)[0, 5]).all()


def test_a_step_that_says_that_it_is_linear_is_additive(step):
    one, other = heartbeats(2).astype(np.float64), heartbeats(2, seed=1).astype(np.float64)
    if not is_linear(step):
        pytest.skip("not linear")
    apart = step(one, 500.0) + step(other, 500.0)
    assert np.allclose(step(one + other, 500.0), apart, rtol=0, atol=1e-9)


def test_the_linear_steps_say_so():
    linear = {choice for axis, choice in STEPS if is_linear(shipped(axis, choice))}
    assert linear >= {"none", "moving_average", "highpass", "fft", "notch"}
    assert not linear & {"two_stage_median", "spline", "fft_wiener", "dwt"}


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: MovingAverage(0), "baseline.window must be positive"),
        (lambda: FFT(50, 40), "denoiser.low must be at least 0 and below denoiser.high"),
        (
            lambda: FFT(0.5, 300)(np.zeros(1000), 500.0),
            "denoiser.high must be at most half the sampling rate",
        ),
        (lambda: DWT("nonsense", 4), "denoiser.wavelet must be a discrete wavelet"),
        (lambda: DWT("db4", 0), "denoiser.level must be at least 1"),
        (
            lambda: DWT("db4", 12)(np.zeros(1000), 500.0),
            "denoiser.level must be at most 7 for 1000 samples",
        ),
        (lambda: DWT("db4", 4, "firm"), "denoiser.mode must be one of soft, hard; got 'firm'"),
        (
            lambda: DWT("db4", 4, threshold="fdr"),
            "denoiser.threshold must be one of visushrink, sure, bayes; got 'fdr'",
        ),
        (
            lambda: DWT("db4", 4, sigma="each"),
            "denoiser.sigma must be one of finest, per_level; got 'each'",
        ),
        (lambda: FFTWiener(-1, 0.03), "denoiser.threshold must be at least 0; got -1"),
        (lambda: FFTWiener(3, 0), "denoiser.window must be positive; got 0 s"),
        (lambda: Notch(0, 30), "denoiser.frequency must be positive; got 0 Hz"),
        (lambda: Notch(50, 0), "denoiser.quality must be positive; got 0"),
        (
            lambda: Notch(60, 30)(np.zeros(1000), 100.0),
            "denoiser.frequency must be below half .* 50 Hz; got 60 Hz",
        ),
        (lambda: HighPass(0, 2), "baseline.cutoff must be positive; got 0 Hz"),
        (lambda: HighPass(0.5, 0), "baseline.order must be at least 1; got 0"),
        (
            lambda: HighPass(60, 2)(np.zeros(1000), 100.0),
            "baseline.cutoff must be below half .* 50 Hz; got 60 Hz",
        ),
        (
            lambda: TwoStageMedian(0.6, 0.2),
            "baseline.first must be positive and at most baseline.second",
        ),
        (lambda: Spline(1, 0, 0.2), "baseline.stretch must be positive and below baseline.window"),
        (lambda: Spline(1, 0.06, 0), "baseline.quiet must be above 0 and at most 1; got 0"),
    ],
)
def test_bad_numbers_are_refused_with_a_sentence(make, message):
    with pytest.raises(InputError, match=message):
        make()
