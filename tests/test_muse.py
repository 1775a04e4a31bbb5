"""GE MUSE XML is read exactly, and what cannot be used is refused with a reason."""

import pickle
from pathlib import Path

import numpy as np
import pytest
from muse_file import muse, waveform

from ecgae.ecg import INDEPENDENT_LEADS, LEADS, LIMB_LEADS_FROM_I_AND_II
from ecgae.errors import InputError
from ecgae.recordings.cohort.muse import MUSE
from ecgae.recordings.formats.muse_xml import read_muse
from ecgae.recordings.formats.recording import MISSING

RANDOM = np.random.default_rng(0)
STRIP, MEDIAN = RANDOM.integers(-500, 500, (8, 2000)), RANDOM.integers(-500, 500, (8, 60))
RHYTHM_PART, MEDIAN_PART = waveform("Rhythm", STRIP), waveform("Median", MEDIAN)


@pytest.fixture
def write(tmp_path):
    def write(text: str) -> Path:
        file = tmp_path / "0001.xml"
        file.write_bytes(text.encode("latin-1"))
        return file

    return write


def test_eight_stored_leads_become_the_twelve_exactly(write):
    recording = read_muse(write(muse(MEDIAN_PART, RHYTHM_PART)))
    assert list(recording.waveforms) == ["median_beat", "strip"]
    for kind, stored in (("strip", STRIP), ("median_beat", MEDIAN)):
        found = recording.waveforms[kind]
        assert np.array_equal(found.counts[[0, 1, *range(6, 12)]], stored)
        expected = LIMB_LEADS_FROM_I_AND_II @ stored[:2] * 0.00488
        assert np.abs(found.counts[:6] * found.resolution[:6, None] - expected).max() < 1e-12
        assert found.sampling_rate == 500


def test_leads_that_are_stored_are_not_derived_and_others_are_ignored(write):
    traces = RANDOM.integers(-500, 500, (13, 50))
    text = muse(
        waveform("Rhythm", traces, leads=(*[lead.upper() for lead in LEADS], "V3R")), beats=()
    )
    assert np.array_equal(read_muse(write(text)).waveforms["strip"].counts, traces[:12])


@pytest.mark.parametrize(
    ("per_bit", "unit", "resolution"),
    [
        ("2.5", "MICROVOLTS", 0.0025),
        ("0.005", "MILLIVOLTS", 0.005),
        ("4,88", "microvolts", 0.00488),
    ],
)
def test_the_unit_is_the_files_own(write, per_bit, unit, resolution):
    part = waveform("Rhythm", STRIP, LeadAmplitudeUnitsPerBit=per_bit, LeadAmplitudeUnits=unit)
    assert read_muse(write(muse(part))).waveforms["strip"].resolution[0] == pytest.approx(
        resolution, rel=1e-12
    )


def test_the_rate_is_base_times_a_power_of_ten(write):
    recording = read_muse(write(muse(waveform("Rhythm", STRIP, rate="25", exponent="1"))))
    assert recording.waveforms["strip"].sampling_rate == 250


def test_the_lowest_number_is_a_missing_sample(write):
    traces = STRIP.copy()
    traces[1, 5] = -32768
    counts = read_muse(write(muse(waveform("Rhythm", traces)))).waveforms["strip"].counts
    assert (counts[1:6, 5] == MISSING).all()
    assert (counts == MISSING).sum() == 5


def test_measurements_have_our_names_and_units(write):
    measurements = read_muse(write(muse(RHYTHM_PART))).measurements
    expected = {
        "heart_rate": 60,
        "pq_interval": 160,
        "qrs_duration": 90,
        "qt_interval": 400,
        "qtc_interval": 401,
    }
    expected |= {"p_axis": 50, "r_axis": -20, "t_axis": np.nan}
    expected |= {
        "p_onset": 274,
        "p_offset": 380,
        "qrs_onset": 434,
        "qrs_offset": 524,
        "t_offset": 834,
    }  # ms
    assert measurements == pytest.approx(expected, nan_ok=True)


@pytest.mark.parametrize(
    ("beats", "interval"), [((300, 800, 1300), "1000"), ((600, 1600, 2600), "1000")]
)
def test_times_of_beats_are_samples_or_ms_as_the_rr_interval_says(write, beats, interval):
    found = read_muse(write(muse(RHYTHM_PART, beats=beats, interval=interval))).beats
    assert found is not None
    assert found.times == pytest.approx([0.6, 1.6, 2.6])
    assert found.classes == ("0", "0", "0")


@pytest.mark.parametrize("beats", [(), (300, 350, 400), (300, 800, 1300, 2300), (-100, 400, 900)])
def test_times_that_fit_neither_way_are_no_beats(write, beats):
    assert read_muse(write(muse(RHYTHM_PART, beats=beats))).beats is None


def test_filters_and_flags_are_metadata(write):
    part = waveform("Rhythm", STRIP, LeadOff="TRUE")
    metadata = read_muse(write(muse(part, statement="Electronic ventricular pacemaker"))).metadata
    expected = {
        "high_pass": 0.16,
        "low_pass": 150,
        "filter_50hz": 1,
        "filter_60hz": 0,
        "leads_off": 8,
        "paced": 1,
    }
    assert metadata == pytest.approx(expected | {"poor_quality": 0, "lead_reversal": 0})


def test_nothing_identifying_is_read(write):
    recording = read_muse(write(muse(RHYTHM_PART, MEDIAN_PART)))
    assert "200" not in str((recording.measurements, recording.metadata, recording.labels)).replace(
        "200.", ""
    )
    with pytest.raises(InputError) as caught:
        read_muse(write(muse(MEDIAN_PART)))
    assert "ller" not in str(caught.value)
    assert "SECRET" not in str(caught.value)


def test_a_faulty_averaged_beat_is_left_out_and_the_strip_kept(write):
    recording = read_muse(
        write(muse(RHYTHM_PART, MEDIAN_PART.replace("<LeadID>V3<", "<LeadID>V2<")))
    )
    assert list(recording.waveforms) == ["strip"]
    assert recording.left_out["median_beat"].startswith(
        "every lead must occur once; V2 occurs twice in median_beat"
    )


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "complete and well formed"),
        (muse(RHYTHM_PART)[:-300], "complete and well formed"),
        ("<CardiologyXML/>", "root element must be RestingECG; got CardiologyXML"),
        (
            muse(RHYTHM_PART).replace('"restecg.dtd"', '"x" [<!ENTITY a "b">]'),
            "must not declare a document type",
        ),
        ("<RestingECG/>", "a Waveform of type Rhythm must be there"),
        (muse(RHYTHM_PART, RHYTHM_PART), "every waveform must occur once; strip occurs twice"),
        (muse(waveform("Other", STRIP)), "WaveformType must be Rhythm or Median; got 'Other'"),
        (muse(waveform("Rhythm", STRIP, rate="0")), "SampleBase must be a positive number"),
        (muse(waveform("Rhythm", STRIP, rate="nan")), "SampleBase must be a positive number"),
        (muse(waveform("Rhythm", STRIP, exponent="9")), "sampling rate must be 10 to 100,000 Hz"),
        (
            muse(waveform("Rhythm", STRIP[1:], leads=INDEPENDENT_LEADS[1:])),
            "leads asked for must be there; I, III, aVR",
        ),
        (
            muse(waveform("Rhythm", STRIP, LeadAmplitudeUnitsPerBit="0")),
            "LeadAmplitudeUnitsPerBit must be a positive",
        ),
        (
            muse(waveform("Rhythm", STRIP, LeadAmplitudeUnitsPerBit="1e9")),
            "voltages must be at most 10000 mV",
        ),
        (
            muse(waveform("Rhythm", STRIP, LeadAmplitudeUnits="LITRES")),
            "LeadAmplitudeUnits must be one of",
        ),
        (
            muse(waveform("Rhythm", STRIP, LeadSampleSize="4")),
            "samples must have 2 bytes; got '4' in strip lead I",
        ),
        (
            muse(waveform("Rhythm", STRIP, LeadSampleCountTotal="1999")),
            "LeadSampleCountTotal must be the number",
        ),
        (muse(waveform("Rhythm", STRIP, WaveFormData="???")), "samples must be base64"),
        (muse(waveform("Rhythm", STRIP[:, :0])), "same length of at least one sample"),
        (
            muse(RHYTHM_PART.replace("TimeOffset>0<", "TimeOffset>250<", 1)),
            "leads must start at the same time",
        ),
    ],
)
def test_what_cannot_be_used_is_refused_with_the_reason(write, text, reason):
    with pytest.raises(InputError, match=reason):
        read_muse(write(text))


def test_the_cohort_is_a_folder_of_xml_files(tmp_path):
    for name in ("b.xml", "a.XML", "notes.txt"):
        (tmp_path / name).write_bytes(muse(RHYTHM_PART).encode("latin-1"))
    cohort = pickle.loads(pickle.dumps(MUSE(str(tmp_path))))
    cohort.prepare()
    sources = cohort.sources()
    assert [source.sample_id for source in sources.rows] == ["a", "b"]
    assert [left.file for left in sources.left_out] == ["notes.txt"]
    assert set(cohort.layouts) == {"strip", "median_beat"}
    assert set(MUSE(str(tmp_path), median_beat=False).layouts) == {"strip"}
    assert cohort.read(sources.rows[0].candidates[0].file).waveforms["strip"].counts.shape == (
        12,
        2000,
    )
    with pytest.raises(InputError, match=r"cohort\.ecgs must be a folder"):
        MUSE(str(tmp_path / "none")).prepare()
