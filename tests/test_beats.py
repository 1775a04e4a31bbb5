"""R peaks, ectopic beats and median beats: planted ones, and those of public recordings."""

from itertools import pairwise
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from scipy.signal import butter, sosfiltfilt

from ecgae.errors import InputError
from ecgae.signals.beats import MedianBeat, premature, r_peaks, rr_interval

neurokit2 = pytest.importorskip("neurokit2")

LEAD_SCALE = np.array([0.6, 1.0, 0.4, -0.8, 0.1, 0.7, -0.6, -1.0, 0.5, 1.4, 1.6, 1.2])


def wave(time, centre, width, height):
    return height * np.exp(-(((time - centre) / width) ** 2))


def strip(beats, seconds=10.0, rate=500.0, leads=12, ectopic=(), noise=0.01, seed=0):
    """An ECG [lead time] in mV with R at the times `beats` in s; those listed in `ectopic` are wide
    and inverted."""
    time = np.arange(round(seconds * rate)) / rate
    trace = np.zeros_like(time)
    for index, beat in enumerate(beats):
        if index in ectopic:
            trace += wave(time, beat, 0.05, -1.4) + wave(time, beat + 0.3, 0.08, 0.5)
        else:
            trace += wave(time, beat, 0.012, 1.0) + wave(time, beat + 0.03, 0.01, -0.2)
            trace += wave(time, beat - 0.16, 0.025, 0.12) + wave(time, beat + 0.28, 0.06, 0.3)
    random = np.random.default_rng(seed)
    return LEAD_SCALE[:leads, None] * trace + random.normal(0, noise, (leads, len(time)))


def at_sample(beats, rate=500.0):
    return np.round(np.asarray(beats) * rate).astype(int)


REGULAR = np.arange(0.8, 9.2, 0.9)


@pytest.mark.parametrize("rate", [250.0, 360.0, 500.0, 1000.0])
def test_every_planted_beat_is_found_at_its_sample(rate):
    found = r_peaks(strip(REGULAR, rate=rate), rate)
    assert len(found) == len(REGULAR)
    assert np.abs(found / rate - REGULAR).max() <= 0.01


@pytest.mark.parametrize("polarity", [1, -1])
@pytest.mark.parametrize("scale", [0.05, 1.0, 20.0])
def test_detection_depends_on_neither_gain_nor_polarity(scale, polarity):
    ecg = strip(REGULAR, leads=2)
    np.testing.assert_array_equal(r_peaks(polarity * scale * ecg, 500.0), r_peaks(ecg, 500.0))


def test_one_lead_is_enough():
    assert np.abs(r_peaks(strip(REGULAR)[1:2], 500.0) - at_sample(REGULAR)).max() <= 5


def test_an_artefact_in_one_lead_neither_hides_nor_adds_beats():
    ecg = strip(REGULAR, leads=2)
    ecg[0, 2000:2040] += 8
    ecg[0, 2300:2310] -= 6
    assert np.abs(r_peaks(ecg, 500.0) - at_sample(REGULAR)).max() <= 10


def test_noise_missing_samples_or_flatness_of_some_leads_does_no_harm():
    ecg = strip(REGULAR)
    ecg[0] = 0.5
    ecg[2] = np.nan
    ecg[3, 100:900] = np.inf
    ecg[4] = np.random.default_rng(1).normal(0, 0.3, ecg.shape[1])
    assert np.abs(r_peaks(ecg, 500.0) - at_sample(REGULAR)).max() <= 10


@pytest.mark.parametrize(
    "ecg",
    [
        np.zeros((12, 5000)),
        np.full((12, 5000), np.nan),
        np.full((2, 5000), -0.3),
        np.zeros((12, 0)),
        np.zeros((0, 5000)),
        np.ones((12, 30)),
    ],
)
def test_a_trace_without_beats_gives_no_peaks(ecg):
    assert r_peaks(ecg, 500.0).shape == (0,)


@pytest.mark.parametrize("seed", range(5))
def test_noise_and_odd_shapes_do_not_crash(seed):
    random = np.random.default_rng(seed)
    for length in (500, 600, 1300):
        peaks = r_peaks(random.normal(0, 1, (seed % 3 + 1, length)), 500.0)
        assert (np.diff(peaks) > 0).all()
        step = np.zeros((1, length))
        step[:, length // 2 :] = 1
        r_peaks(step, 500.0)


def test_a_low_sampling_rate_is_refused_with_a_sentence():
    with pytest.raises(
        InputError, match=r"sampling_rate must be at least 100 Hz to find beats; got 50 Hz\."
    ):
        r_peaks(np.zeros((1, 500)), 50.0)


def test_a_missing_library_is_told_in_a_sentence(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "neurokit2", None)
    with pytest.raises(InputError, match="Type: pip install 'neurokit2"):
        r_peaks(strip(REGULAR), 500.0)


def test_the_beat_that_comes_early_is_premature_and_no_other():
    beats = REGULAR.copy()
    beats[5] -= 0.3
    flags = premature(at_sample(beats), 500.0)
    np.testing.assert_array_equal(np.flatnonzero(flags), [5])


def test_few_beats_are_never_premature():
    for beats in ([], [100], [100, 500]):
        assert not premature(np.array(beats, dtype=np.int64), 500.0).any()


def test_the_rr_interval_is_the_mean_and_nan_for_one_beat():
    assert rr_interval(np.array([100, 500, 1100]), 500.0) == 1.0
    assert np.isnan(rr_interval(np.array([100]), 500.0))


def test_the_median_beat_is_the_beat_that_was_repeated():
    rate = 500.0
    built = MedianBeat()(strip(REGULAR, noise=0.02), rate)
    clean = strip([0.476], seconds=1.2, noise=0)
    assert built.median_beat.shape == (12, 600)
    assert built.r_sample == 238
    difference = built.median_beat - clean
    assert np.abs(difference[:, 60:500]).max() < 0.05


def test_wander_does_not_enter_the_median_beat():
    ecg = strip(REGULAR, noise=0.005)
    time = np.arange(ecg.shape[1]) / 500
    moving = ecg + 0.8 * np.sin(2 * np.pi * 0.25 * time) + 0.2 * time
    peaks = at_sample(REGULAR)
    still, moved = (MedianBeat()(trace, 500.0, peaks).median_beat for trace in (ecg, moving))
    assert np.abs(still - moved)[:, 60:560].max() < 0.03


def test_jitter_of_the_peaks_is_taken_out_by_alignment():
    ecg = strip(REGULAR, noise=0.005)
    jitter = np.random.default_rng(3).integers(-7, 8, len(REGULAR))
    built = MedianBeat()(ecg, 500.0, at_sample(REGULAR) + jitter)
    assert len(built.used) == len(REGULAR)
    assert np.ptp(built.used - at_sample(REGULAR)) <= 1
    assert built.median_beat[1].max() > 0.95


def test_planted_ectopic_beats_are_left_out():
    beats = REGULAR.copy()
    beats[4] -= 0.3  # premature and wide
    clean, ectopic = (
        MedianBeat()(strip(REGULAR), 500.0),
        MedianBeat()(strip(beats, ectopic=(4, 7)), 500.0),
    )
    assert np.abs(ectopic.ectopic / 500 - beats[[4, 7]]).max() < 0.08
    assert len(ectopic.used) == len(clean.used) - 2
    assert np.abs(ectopic.median_beat - clean.median_beat)[:, 60:500].max() < 0.03


def test_beats_that_the_ends_cut_are_neither_used_nor_ectopic():
    beats = np.arange(0.2, 10, 0.9)
    built = MedianBeat()(strip(beats), 500.0)
    assert len(built.ectopic) == 0
    assert len(built.used) == np.count_nonzero((beats > 0.506) & (beats < 10 - 0.754))


def test_the_same_input_gives_the_same_beat_and_is_not_touched():
    ecg = strip(REGULAR)
    before = ecg.copy()
    first, second = MedianBeat()(ecg, 500.0), MedianBeat()(ecg, 500.0)
    np.testing.assert_array_equal(first.median_beat, second.median_beat)
    np.testing.assert_array_equal(ecg, before)


def test_too_few_normal_beats_are_told_with_their_number():
    with pytest.raises(InputError, match=r"must have at least 3 normal beats; got 0 of 0\."):
        MedianBeat()(np.zeros((12, 5000)), 500.0)
    with pytest.raises(InputError, match=r"got \d of 3\."):
        MedianBeat()(strip([1.0, 2.0, 3.0], seconds=3.6), 500.0)


def test_missing_samples_are_refused():
    ecg = strip(REGULAR)
    ecg[3, 7] = np.nan
    with pytest.raises(
        InputError, match="ecg must have no missing samples for a median beat; got 1 of them"
    ):
        MedianBeat()(ecg, 500.0)


@pytest.mark.parametrize(
    "numbers",
    [{"before": 0.1}, {"after": 0.0}, {"trim": 0.5}, {"min_beats": 0}, {"min_correlation": 1.0}],
)
def test_bad_numbers_fail_at_construction(numbers):
    with pytest.raises(InputError, match=f"beats.*{next(iter(numbers))}"):
        MedianBeat(**numbers)


def device_voltages(real_data: Path, section: str) -> np.ndarray:
    root = ElementTree.parse(real_data / "cardiosoft" / "ukb_ecg_demo_20205_2_0.xml").getroot()
    traces = [node.text.split(",") for node in root.find(section).findall("WaveformData")]
    return np.array(traces, dtype=float) * 0.005


def test_the_median_beat_of_the_uk_biobank_example_is_the_devices(real_data):
    """Over the full band eleven leads agree to 0.99, and aVL, 0.2 mV high, to 0.98: the strip went
    through filters that the device's median did not, so their noise differs. Below 60 Hz all leads
    agree."""
    ours = MedianBeat()(device_voltages(real_data, "StripData"), 500.0)
    devices = device_voltages(real_data, "RestingECGMeasurements/MedianSamples")
    assert len(ours.used) == 8
    heart = butter(2, 60, fs=500, output="sos")
    full = [np.corrcoef(*pair)[0, 1] for pair in zip(ours.median_beat, devices, strict=True)]
    band = [
        np.corrcoef(*pair)[0, 1]
        for pair in zip(
            sosfiltfilt(heart, ours.median_beat), sosfiltfilt(heart, devices), strict=True
        )
    ]
    assert min(full) > 0.98
    assert sorted(full)[1] > 0.99
    assert min(band) > 0.99


def matched(reference, found, window):
    """Beats found one to one within `window` samples, both in ascending order."""
    i = j = hits = 0
    while i < len(reference) and j < len(found):
        if abs(found[j] - reference[i]) <= window:
            i, j, hits = i + 1, j + 1, hits + 1
        elif found[j] < reference[i]:
            j += 1
        else:
            i += 1
    return hits


def test_mit_bih_beats_are_found_with_995_per_mille(real_data):
    """Three hard records of ten; `benchmarks/beats` runs all of them."""
    wfdb = pytest.importorskip("wfdb")
    hits = beats = found = 0
    for record in ("105", "200", "208"):
        signal = wfdb.rdrecord(str(real_data / "mitbih" / record)).p_signal.T
        annotation = wfdb.rdann(str(real_data / "mitbih" / record), "atr")
        reference = annotation.sample[np.isin(annotation.symbol, list("NLRBAaJSVrFejnE/fQ?"))]
        peaks = r_peaks(signal, 360.0)
        hits += matched(reference, peaks, 0.15 * 360)
        beats, found = beats + len(reference), found + len(peaks)
    assert hits / beats >= 0.995
    assert hits / found >= 0.995


def test_ludb_r_peaks_lie_within_20_ms_of_the_marks(real_data):
    wfdb = pytest.importorskip("wfdb")
    errors = []
    for subject in range(1, 31, 3):
        record = str(real_data / "ludb" / "data" / str(subject))
        peaks = r_peaks(wfdb.rdrecord(record, physical=False).d_signal.T / 1000, 500.0)
        annotation = wfdb.rdann(record, "ii")
        marks = annotation.sample[np.array(annotation.symbol) == "N"]
        inside = peaks[(peaks > marks[0] - 75) & (peaks < marks[-1] + 75)]
        assert len(inside) == len(marks)
        assert all(a < b for a, b in pairwise(inside))
        errors.append(np.abs(inside - marks) * 2)
    errors = np.concatenate(errors)
    assert np.median(errors) <= 4
    assert errors.max() <= 20
