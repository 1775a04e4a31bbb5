"""Intervals, axes and amplitudes: of beats whose waves are planted, and of what people and a device
measured."""

from xml.etree import ElementTree

import numpy as np
import pytest

from ecgae.ecg import LEADS, LIMB_LEADS_FROM_I_AND_II
from ecgae.errors import InputError
from ecgae.signals.intervals import delineate, intervals

R = 0.476
"""s; where R is in every beat here."""


def hump(time, onset, offset, height):
    """A raised cosine: it leaves zero at `onset` and is back at `offset`, both in s from R."""
    inside = (time > onset) & (time < offset)
    return np.where(
        inside, height / 2 * (1 - np.cos(2 * np.pi * (time - onset) / (offset - onset))), 0.0
    )


def beat(rate=500.0, p=0.15, qt=0.4, axis=60.0, pr=0.16, noise=0.0):
    """12 leads x 1.2 s: P of 0.10 s, QRS of 0.09 s from 0.045 s before R, T that ends `qt` after
    its onset; mV."""
    time = np.arange(round(1.2 * rate)) / rate - R
    trace = hump(time, -0.045 - pr, 0.055 - pr, p) + hump(time, -0.045, 0.045, 1.2)
    trace += hump(time, qt - 0.045 - 0.2, qt - 0.045, 0.35)
    radians = np.radians(axis)
    one, two = np.cos(radians), np.cos(radians - np.pi / 3)
    limb = LIMB_LEADS_FROM_I_AND_II @ np.array([one, two])
    chest = np.array([-0.5, 0.6, 0.9, 1.4, 1.3, 1.0])
    random = np.random.default_rng(0)
    return np.concatenate([limb, chest])[:, None] * trace + random.normal(0, noise, (12, len(time)))


def measured(rate=500.0, rr=1.0, leads=LEADS, rows=slice(None), **planted):
    return intervals(beat(rate, **planted)[rows], rate, round(R * rate), rr, leads)


@pytest.mark.parametrize("rate", [250.0, 500.0, 1000.0])
@pytest.mark.parametrize("noise", [0.0, 0.005])
def test_planted_intervals_are_measured(rate, noise):
    found = measured(rate, noise=noise)
    assert found["pq_interval"] == pytest.approx(160, abs=15)
    assert found["p_duration"] == pytest.approx(100, abs=25)
    assert found["qrs_duration"] == pytest.approx(90, abs=12)
    assert found["qt_interval"] == pytest.approx(400, abs=25)


@pytest.mark.parametrize("change", [-0.03, 0.02, 0.05])
def test_a_longer_interval_is_measured_longer_by_as_much(change):
    usual = measured()
    assert measured(qt=0.4 + change)["qt_interval"] - usual["qt_interval"] == pytest.approx(
        1000 * change, abs=4
    )
    assert measured(pr=0.16 + change)["pq_interval"] - usual["pq_interval"] == pytest.approx(
        1000 * change, abs=4
    )


def test_rate_and_bazett_follow_from_the_rr_interval():
    found = measured(rr=0.81)
    assert found["rr_interval"] == pytest.approx(810)
    assert found["heart_rate"] == pytest.approx(60 / 0.81)
    assert found["qtc_interval"] == pytest.approx(found["qt_interval"] / 0.9)


@pytest.mark.parametrize("axis", [-150.0, -60.0, 0.0, 45.0, 90.0, 170.0])
def test_the_axis_is_the_direction_in_which_the_waves_point(axis):
    found = measured(axis=axis)
    for wave in "prt":
        assert found[f"{wave}_axis"] == pytest.approx(axis, abs=1.5)


def test_amplitudes_are_the_planted_ones_in_microvolts():
    found = measured(axis=0.0)
    assert found["r_amplitude_V4"] == pytest.approx(1400 * 1.2, rel=0.02)
    assert found["p_amplitude_I"] == pytest.approx(150, rel=0.15)
    assert found["p_amplitude_aVR"] < 0
    assert found["t_amplitude_V1"] == pytest.approx(-0.5 * 350, rel=0.05)


def test_no_measurement_but_amplitude_depends_on_the_gain():
    usual = beat(noise=0.002)
    one, three = (intervals(scale * usual, 500.0, 238, 1.0) for scale in (1.0, 3.0))
    for name in one:
        assert three[name] == pytest.approx(
            one[name] * (3 if "amplitude" in name else 1), nan_ok=True
        )


def test_without_a_p_wave_its_measurements_are_nan_and_the_others_are_there():
    found = measured(p=0.0, noise=0.005)
    for name in ("pq_interval", "p_duration", "p_axis", "p_amplitude_II"):
        assert np.isnan(found[name])
    for name in ("qrs_duration", "qt_interval", "r_axis", "t_axis", "heart_rate"):
        assert np.isfinite(found[name])


@pytest.mark.parametrize("leads", [("I", "II", "V1", "V2", "V3", "V4", "V5", "V6"), ("II",)])
def test_fewer_leads_give_the_same_intervals_and_only_their_own_amplitudes(leads):
    found = measured(leads=leads, rows=[LEADS.index(lead) for lead in leads])
    assert found["qt_interval"] == pytest.approx(measured()["qt_interval"], abs=4)
    assert np.isnan(found["r_axis"]) == ("I" not in leads)
    assert {name for name in found if "amplitude" in name} == {
        f"{wave}_amplitude_{lead}" for wave in "prt" for lead in leads
    }


@pytest.mark.parametrize("empty", [np.zeros((12, 600)), np.full((12, 600), np.nan)])
def test_a_beat_that_is_none_measures_nothing(empty):
    found = intervals(empty, 500.0, 238, 1.0)
    assert all(
        np.isnan(value)
        for name, value in found.items()
        if name not in ("heart_rate", "rr_interval")
    )


def test_an_unknown_rhythm_measures_nothing():
    assert all(np.isnan(value) for value in intervals(beat(), 500.0, 238, float("nan")).values())


def test_noise_alone_does_not_crash():
    for seed in range(10):
        random = np.random.default_rng(seed)
        intervals(random.normal(0, 0.1, (12, 600)), 500.0, 238, random.uniform(0.3, 1.5))
        delineate(random.normal(0, 0.1, (1, 160)), 500.0, 80, 0.3)


def test_every_value_is_a_plain_number():
    assert {type(value) for value in measured().values()} == {float}


def test_names_and_rows_must_agree():
    with pytest.raises(
        InputError, match="leads must name each row of the median beat; got 2 for 12 rows"
    ):
        intervals(beat(), 500.0, 238, 1.0, ("I", "II"))


def test_a_low_sampling_rate_is_refused():
    with pytest.raises(
        InputError, match="sampling_rate must be at least 100 Hz to measure intervals; got 50 Hz"
    ):
        intervals(beat(), 50.0, 24, 1.0)


def test_the_uk_biobank_example_is_measured_as_its_device_did(real_data):
    root = ElementTree.parse(real_data / "cardiosoft" / "ukb_ecg_demo_20205_2_0.xml").getroot()
    device = root.find("RestingECGMeasurements")
    nodes = device.find("MedianSamples").findall("WaveformData")
    found = intervals(
        np.array([node.text.split(",") for node in nodes], dtype=float) * 0.005, 500.0, 238, 1.202
    )
    for name, printed, within in (
        ("pq_interval", 174, 6),
        ("p_duration", 106, 10),
        ("qrs_duration", 92, 6),
        ("qt_interval", 440, 6),
        ("qtc_interval", 401, 6),
        ("heart_rate", 50, 0.5),
        ("p_axis", 56, 7),
        ("r_axis", 55, 7),
        ("t_axis", 45, 7),
    ):
        assert found[name] == pytest.approx(printed, abs=within), name
    table = device.find("MeasurementTable")
    for wave in ("P", "R"):
        printed = [float(cell) for cell in table.findtext(f"{wave}Amplitude").split(",")]
        ours = [found[f"{wave.lower()}_amplitude_{lead}"] for lead in LEADS]
        close = np.abs(np.array(ours) - printed) < 10
        assert (
            close.sum() >= 10
        )  # of a P wave of two signs the device prints the first part, and we the larger one


LUDB_LEADS = ("i", "ii", "iii", "avr", "avl", "avf", "v1", "v2", "v3", "v4", "v5", "v6")


def manual(wfdb, record):
    """The PQ and QT interval and QRS duration of one LUDB subject in ms: medians over its marked
    beats and leads."""
    rows = {"pq": [], "qrs": [], "qt": []}
    for lead in LUDB_LEADS:
        annotation = wfdb.rdann(record, lead)
        waves = [
            (annotation.symbol[i], annotation.sample[i - 1], annotation.sample[i + 1])
            for i in range(1, len(annotation.symbol) - 1)
            if annotation.symbol[i] in "pNt"
        ]
        for before, (kind, onset, offset), after in zip(
            waves[:-2], waves[1:-1], waves[2:], strict=True
        ):
            if kind == "N":
                rows["qrs"].append(offset - onset)
                if before[0] == "p":
                    rows["pq"].append(onset - before[1])
                if after[0] == "t":
                    rows["qt"].append(after[2] - onset)
    return {name: 2 * np.median(values) if values else np.nan for name, values in rows.items()}


def test_ludb_intervals_agree_with_the_manual_marks(real_data):
    """On the even subjects, which chose nothing; 8 is paced. `benchmarks/beats` prints bias and
    spread of all."""
    pytest.importorskip("neurokit2")
    wfdb = pytest.importorskip("wfdb")
    from ecgae.signals.beats import MedianBeat, r_peaks, rr_interval

    differences = {"pq": [], "qrs": [], "qt": []}
    for subject in range(2, 31, 2):
        record = str(real_data / "ludb" / "data" / str(subject))
        ecg = wfdb.rdrecord(record, physical=False).d_signal.T / 1000
        peaks = r_peaks(ecg, 500.0)
        built = MedianBeat()(ecg, 500.0, peaks)
        ours = intervals(built.median_beat, 500.0, built.r_sample, rr_interval(peaks, 500.0))
        marks = manual(wfdb, record)
        if subject == 8:
            assert np.isnan(ours["pq_interval"])
            assert np.isnan(marks["pq"])
            continue
        for name, ours_name in (
            ("pq", "pq_interval"),
            ("qrs", "qrs_duration"),
            ("qt", "qt_interval"),
        ):
            differences[name].append(ours[ours_name] - marks[name])
    assert np.abs(np.median(differences["pq"])) <= 5
    assert np.quantile(np.abs(differences["pq"]), 0.9) <= 15
    assert np.abs(np.median(differences["qrs"])) <= 15
    assert np.quantile(np.abs(differences["qrs"]), 0.9) <= 35
    assert np.abs(np.median(differences["qt"])) <= 20
