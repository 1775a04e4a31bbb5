"""Faults planted in clean ECGs are measured and named; clean ECGs, ours and public ones, are left
alone."""

import time
from xml.etree import ElementTree

import numpy as np
import pytest
from conftest import heartbeats

from ecgae.ecg import LEADS
from ecgae.errors import InputError
from ecgae.signals.quality import Exclusions, Quality, quality

RATE, RESOLUTION = 500.0, 0.005

STRICT = Exclusions(
    missing=0.0,
    flat=1.0,
    saturated=0.02,
    einthoven_error=0.05,
    lowest_amplitude=0.05,
    highest_amplitude=15.0,
    noise=0.1,
    wander=5.0,
)


def clean(individuals=4, seed=0):
    """Recordings [individual 12 time] in whole counts whose limb leads obey Einthoven and I agrees
    with V6."""
    ecg = heartbeats(individuals, samples=5000, seed=seed).astype(np.float64)
    ecg[:, 0], ecg[:, 1] = 0.8 * ecg[:, 11], 0.6 * ecg[:, 11]
    ecg[:, 2] = ecg[:, 1] - ecg[:, 0]
    ecg[:, 3] = -(ecg[:, 0] + ecg[:, 1]) / 2
    ecg[:, 4] = ecg[:, 0] - ecg[:, 1] / 2
    ecg[:, 5] = ecg[:, 1] - ecg[:, 0] / 2
    return np.round(ecg / RESOLUTION) * RESOLUTION


def measured(ecg):
    return quality(ecg, RATE, LEADS, RESOLUTION)


def reasons(ecg, exclusions=STRICT, **flags):
    return exclusions(measured(ecg), LEADS, **flags)


def test_clean_recordings_are_left_alone():
    assert reasons(clean(8)) == {}


def test_missing_samples_are_a_share_of_their_lead():
    ecg = clean()
    ecg[1, 3, :50] = np.nan
    ecg[1, 3, 50:100] = np.inf
    found = measured(ecg)
    assert found.missing[1, 3] == pytest.approx(0.02)
    assert found.missing.sum() == pytest.approx(0.02)
    assert np.isfinite(found.noise).all()
    assert reasons(ecg) == {1: "lead aVR must have its samples; 2.00% are missing"}


def test_a_lead_without_samples_is_missing_and_nothing_else_is_said_of_it():
    ecg = clean()
    ecg[2, 7] = np.nan
    found = measured(ecg)
    for name in ("flat", "saturated", "amplitude", "noise", "wander"):
        assert np.isnan(getattr(found, name)[2, 7]), name
    assert reasons(ecg) == {2: "lead V2 must have its samples; 100.00% are missing"}


@pytest.mark.parametrize("seconds", [1.5, 4.0, 10.0])
def test_the_longest_flat_stretch_is_measured_in_seconds(seconds):
    ecg = clean()
    start = 0 if seconds == 10 else 300
    ecg[0, 10, start : start + round(seconds * RATE)] = 0.25
    assert measured(ecg).flat[0, 10] == pytest.approx(seconds, abs=0.01)
    assert reasons(ecg) == {0: f"lead V5 must vary; flat for {seconds:.1f} s"}


def test_rounding_of_single_precision_does_not_make_a_flat_lead_vary():
    ecg = clean().astype(np.float32)
    ecg[0, 10] = np.float32(0.25) + np.float32(1e-7) * np.random.default_rng(0).normal(
        0, 1, 5000
    ).astype(np.float32)
    assert measured(ecg).flat[0, 10] == pytest.approx(10)


def test_a_trace_that_is_cut_off_is_saturated():
    ecg = clean()
    ecg[3, 6] = np.clip(ecg[3, 6] + 0.5 * np.sin(np.arange(5000) / 30), -0.3, 0.3)
    share = np.mean(np.abs(ecg[3, 6]) >= 0.3 - 1e-9)
    found = measured(ecg)
    assert found.saturated[3, 6] == pytest.approx(share, rel=0.2)
    assert found.saturated.sum() == found.saturated[3, 6]
    assert reasons(ecg)[3].startswith("lead V1 must not be cut off; ")


def test_single_samples_at_the_limit_of_16_bits_are_saturated():
    ecg = clean()
    ecg[0, 0, [7, 99]] = 32767 * RESOLUTION
    assert measured(ecg).saturated[0, 0] == pytest.approx(2 / 5000)


@pytest.mark.parametrize(
    ("scale", "reason"), [(1e-3, "lead V2 must show a heart"), (400.0, "lead V2 must be a heart's")]
)
def test_an_implausible_amplitude_is_told(scale, reason):
    ecg = clean()
    ecg[1, 7] *= scale
    only = Exclusions(lowest_amplitude=0.05, highest_amplitude=15.0)
    (found,) = reasons(ecg, only).values()
    assert found.startswith(reason)


def test_noise_is_measured_in_millivolts_and_wander_is_not_noise():
    quiet = clean()
    noisy, wandering = quiet.copy(), quiet.copy()
    noisy[:, 5] += np.random.default_rng(0).normal(0, 0.2, noisy[:, 5].shape)
    wandering[:, 5] += 3 * np.sin(2 * np.pi * 0.1 * np.arange(5000) / RATE)
    band = np.sqrt(1 - 40 / 250)  # the share of white noise above 40 Hz
    np.testing.assert_allclose(measured(noisy).noise[:, 5], 0.2 * band, rtol=0.1)
    np.testing.assert_allclose(measured(wandering).noise, measured(quiet).noise, atol=1e-3)
    np.testing.assert_allclose(measured(wandering).wander[:, 5], 6, rtol=0.2)
    assert {text.split(";")[0] for text in reasons(noisy).values()} == {"lead aVF must be quiet"}
    assert {text.split(";")[0] for text in reasons(wandering).values()} == {
        "lead aVF must not wander"
    }


def test_swapped_leads_break_einthovens_law():
    ecg = clean()
    ecg[2, [0, 7]] = ecg[2, [7, 0]]
    found = measured(ecg)
    assert found.einthoven_error[2] > 0.1
    assert found.einthoven_error[[0, 1, 3]].max() <= 2 * RESOLUTION
    assert reasons(ecg)[2].startswith("I + III must equal II; they differ by ")


def test_swapped_arm_electrodes_keep_einthovens_law_but_turn_lead_one_against_v6():
    ecg = clean()
    swapped = ecg.copy()
    swapped[:, 0], swapped[:, 1], swapped[:, 2] = -ecg[:, 0], ecg[:, 2], ecg[:, 1]
    swapped[:, 3], swapped[:, 4] = ecg[:, 4], ecg[:, 3]
    assert measured(swapped).einthoven_error.max() <= 2 * RESOLUTION
    assert measured(ecg).arm_correlation.min() > 0.9
    assert measured(swapped).arm_correlation.max() < -0.9
    assert len(reasons(swapped, Exclusions(arm_correlation=-0.6))) == len(ecg)


def test_without_the_limb_leads_there_is_no_einthoven_error():
    found = quality(clean()[:, 6:9], RATE, ("V1", "V2", "V3"), RESOLUTION)
    assert np.isnan(found.einthoven_error).all()
    assert np.isnan(found.arm_correlation).all()
    assert STRICT(found, ("V1", "V2", "V3")) == {}


def test_flags_exclude_only_where_they_are_asked_for():
    ecg, flags = clean(), np.array([False, True, False, True])
    share = np.array([0.0, 0.2, np.nan, 0.6])
    assert reasons(ecg, Exclusions(), paced=flags, poor_quality=flags, ectopic_share=share) == {}
    assert set(reasons(ecg, Exclusions(paced=True), paced=flags)) == {1, 3}
    assert set(reasons(ecg, Exclusions(poor_quality=True), poor_quality=flags)) == {1, 3}
    assert reasons(ecg, Exclusions(ectopic_share=0.5), ectopic_share=share) == {
        3: "beats must be normal; 60% are ectopic"
    }


def test_a_limit_of_null_excludes_nobody():
    ecg = clean()
    ecg[0, 0] = np.nan
    ecg[1, 1] = 0
    assert reasons(ecg, Exclusions()) == {}


def test_each_person_has_one_reason_and_the_worst_lead_is_named():
    ecg = clean()
    ecg[1, 4, :1000] = 0.5
    ecg[1, 8, :3000] = 0.5
    ecg[1, 9] += np.random.default_rng(0).normal(0, 2, 5000)
    assert reasons(ecg) == {1: "lead V3 must vary; flat for 6.0 s"}


def test_a_block_equals_its_people_one_by_one():
    ecg = clean(5)
    ecg[1, 3, :50] = np.nan
    ecg[2, 5] = 1.0
    together = measured(ecg)
    for row in range(len(ecg)):
        alone = measured(ecg[row : row + 1])
        for name in Quality._fields:
            np.testing.assert_allclose(
                getattr(together, name)[row], getattr(alone, name)[0], rtol=1e-9, atol=1e-12
            )


def test_the_resolution_may_differ_from_lead_to_lead():
    ecg = clean()
    np.testing.assert_array_equal(
        quality(ecg, RATE, LEADS, np.full(12, RESOLUTION)).flat, measured(ecg).flat
    )


@pytest.mark.parametrize(
    "numbers", [{"missing": 1.5}, {"flat": -1.0}, {"arm_correlation": -2.0}, {"noise": np.nan}]
)
def test_a_bad_limit_fails_at_construction_with_its_name(numbers):
    with pytest.raises(InputError, match=rf"exclusions\.{next(iter(numbers))} must be between"):
        Exclusions(**numbers)


def test_names_and_leads_must_agree():
    with pytest.raises(
        InputError, match="leads must name each lead of the recordings; got 12 for 3 leads"
    ):
        quality(clean()[:, :3], RATE, LEADS, RESOLUTION)


def test_a_block_of_64_people_takes_well_under_two_seconds():
    ecg = clean(64).astype(np.float32)
    start = time.process_time()
    measured(ecg)
    assert time.process_time() - start < 20


def test_the_uk_biobank_example_is_left_alone(real_data):
    root = ElementTree.parse(real_data / "cardiosoft" / "ukb_ecg_demo_20205_2_0.xml").getroot()
    ecg = [node.text.split(",") for node in root.find("StripData").findall("WaveformData")]
    assert reasons(np.array([ecg], dtype=float) * RESOLUTION) == {}


def test_ptbxl_records_are_left_alone_and_those_with_drift_wander_more(real_data):
    wfdb = pytest.importorskip("wfdb")
    pd = pytest.importorskip("pandas")
    table = pd.read_csv(real_data / "ptbxl" / "ptbxl_database.csv").head(60)
    ecg = np.stack(
        [wfdb.rdrecord(str(real_data / "ptbxl" / name)).p_signal.T for name in table["filename_hr"]]
    )
    found = quality(ecg.astype(np.float32), RATE, LEADS, 0.001)
    assert STRICT(found, LEADS) == {}
    drift = table["baseline_drift"].notna().to_numpy()
    wander = found.wander.max(axis=1)
    assert np.median(wander[drift]) > 1.5 * np.median(wander[~drift])
