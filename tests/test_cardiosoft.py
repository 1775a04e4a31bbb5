"""CardioSoft XML is read exactly, and what cannot be used is refused with a reason."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ecgae.cardiosoft import read_cardiosoft
from ecgae.ecg import LEADS, einthoven_error
from ecgae.errors import InputError


def counts(samples: int, seed: int = 0) -> np.ndarray:
    """12 leads of integers that obey Einthoven's law."""
    random = np.random.default_rng(seed)
    one, two = random.integers(-300, 300, (2, samples))
    limb = [one, two, two - one, -(one + two) // 2, one - two // 2, two - one // 2]
    return np.stack([*limb, *random.integers(-300, 300, (6, samples))])


def numbers(values: np.ndarray) -> str:
    return ",".join(map(str, values))


def waveforms(values: np.ndarray, leads=LEADS) -> str:
    return "".join(
        f'<WaveformData lead="{lead}">\t{numbers(trace[:7])},\r\n\t{numbers(trace[7:])}\r\n</WaveformData>'
        for lead, trace in zip(leads, values, strict=True)
    )


def cardiosoft(strip: str, median: str, resolution="5", rate="500", wrap=("<StripData>", "</StripData>")) -> str:
    header = f"<SampleRate units='Hz'>{rate}</SampleRate><Resolution units='uVperLsb'>{resolution}</Resolution>"
    return (
        '<?xml version="1.0" encoding="ISO-8859-1" ?>\r\n<CardiologyXML><Name>M\xfcller</Name>'
        "<RestingECGMeasurements><PQInterval units='ms'>174</PQInterval><QRSDuration>92</QRSDuration>"
        "<QTInterval>440</QTInterval><PAxis></PAxis>"
        f"<MedianSamples>{header}{median}</MedianSamples></RestingECGMeasurements>{wrap[0]}{header}{strip}{wrap[1]}</CardiologyXML>"
    )


@pytest.fixture
def write(tmp_path):
    def write(text: str) -> Path:
        file = tmp_path / "1000001_20205_2_0.xml"
        file.write_bytes(text.encode("latin-1"))
        return file

    return write


STRIP, MEDIAN = counts(50, 1), counts(20, 2)


def test_counts_rate_resolution_and_intervals_come_out_as_written(write):
    recording = read_cardiosoft(write(cardiosoft(waveforms(STRIP), waveforms(MEDIAN), resolution="2.5", rate="250")))
    assert np.array_equal(recording.strip.counts, STRIP)
    assert np.array_equal(recording.median_beat.counts, MEDIAN)
    assert recording.strip.resolution == 0.0025
    assert recording.strip.sampling_rate == 250
    assert recording.measurements["pq_interval"] == 174
    assert np.isnan(recording.measurements["p_axis"])


def test_leads_are_put_in_the_standard_order_whatever_their_case_and_order(write):
    mixed = [lead.upper() if index % 2 else lead.lower() for index, lead in enumerate(LEADS)][::-1]
    recording = read_cardiosoft(write(cardiosoft(waveforms(STRIP[::-1], mixed), waveforms(MEDIAN))))
    assert np.array_equal(recording.strip.counts, STRIP)


def test_the_median_beat_never_passes_for_the_strip(write):
    recording = read_cardiosoft(write(cardiosoft("", waveforms(MEDIAN), wrap=("<Other>", "</Other>"))))
    assert recording.strip is None
    assert np.array_equal(recording.median_beat.counts, MEDIAN)


def test_the_older_place_of_the_strip_is_read_too(write):
    older = cardiosoft(waveforms(STRIP), waveforms(MEDIAN), wrap=("<Strip><StripData>", "</StripData></Strip>"))
    assert np.array_equal(read_cardiosoft(write(older)).strip.counts, STRIP)


def without(lead: str) -> str:
    kept = [index for index, name in enumerate(LEADS) if name != lead]
    return waveforms(STRIP[kept], [LEADS[index] for index in kept])


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (cardiosoft(waveforms(STRIP), waveforms(MEDIAN))[:-400], "complete and well formed"),
        ("", "complete and well formed"),
        ("\x00\x01\x02", "complete and well formed"),
        ("<html/>", "root element must be CardiologyXML; got html"),
        (cardiosoft(without("V3"), waveforms(MEDIAN)), "all 12 leads must be there; V3 missing in StripData"),
        (
            cardiosoft(waveforms(STRIP) + waveforms(STRIP[:1], ["I"]), waveforms(MEDIAN)),
            "every lead must occur once; I occurs twice",
        ),
        (
            cardiosoft(waveforms(STRIP, ["X", *LEADS[1:]]), waveforms(MEDIAN)),
            "lead must be one of .*; got 'X' in StripData",
        ),
        (
            cardiosoft(waveforms(STRIP).replace(",", ",a,", 1), waveforms(MEDIAN)),
            "samples must be integers separated by commas; those of StripData lead I",
        ),
        (
            cardiosoft(waveforms(STRIP).replace(",", ",1.5,", 1), waveforms(MEDIAN)),
            "samples must be integers separated by commas; those of StripData lead I",
        ),
        (
            cardiosoft(waveforms(STRIP).replace(",", ",,", 1), waveforms(MEDIAN)),
            "samples must be integers separated by commas; those of StripData lead I",
        ),
        (cardiosoft(waveforms(STRIP).replace(",", ",99999,", 1), waveforms(MEDIAN)), "same length|must lie within"),
        (
            cardiosoft(waveforms(STRIP), waveforms(MEDIAN), resolution="0"),
            "Resolution must be a positive number; got '0'",
        ),
        (cardiosoft(waveforms(STRIP), waveforms(MEDIAN), rate="0"), "SampleRate must be a positive number; got '0'"),
        (
            cardiosoft(waveforms(STRIP), waveforms(MEDIAN), rate="nan"),
            "SampleRate must be a positive number; got 'nan'",
        ),
        ('<!DOCTYPE a [<!ENTITY b "c">]><CardiologyXML>&b;</CardiologyXML>', "must not declare a document type"),
    ],
)
def test_what_cannot_be_used_is_refused_with_the_reason(write, text, reason):
    with pytest.raises(InputError, match=reason):
        read_cardiosoft(write(text))


def test_no_error_shows_who_the_person_is(write):
    with pytest.raises(InputError) as caught:
        read_cardiosoft(write(cardiosoft(without("V3"), waveforms(MEDIAN))))
    assert "ller" not in str(caught.value)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(place=st.integers(0, 20_000), junk=st.binary(max_size=6), cut=st.integers(0, 40))
def test_damage_anywhere_ends_in_a_reason_or_in_a_whole_recording(tmp_path, place, junk, cut):
    whole = cardiosoft(waveforms(STRIP), waveforms(MEDIAN)).encode("latin-1")
    place %= len(whole)
    file = tmp_path / "damaged.xml"
    file.write_bytes(whole[:place] + junk + whole[place + cut :])
    try:
        recording = read_cardiosoft(file)
    except InputError:
        return
    for waveform in (recording.strip, recording.median_beat):
        assert waveform is None or (waveform.counts.shape[0] == 12 and waveform.resolution > 0)


def test_the_real_example_is_read_exactly(real_data):
    recording = read_cardiosoft(real_data / "cardiosoft" / "ukb_ecg_demo_20205_2_0.xml")
    assert recording.strip.counts.shape == (12, 5000)
    assert recording.median_beat.counts.shape == (12, 600)
    assert recording.strip.resolution == 0.005
    assert recording.strip.sampling_rate == 500
    assert einthoven_error(recording.strip.counts.astype(int)) == 0
    assert recording.strip.counts[0, :4].tolist() == [-4, -2, -2, -4]
    assert recording.strip.counts[6].mean() == pytest.approx(81, abs=1)
    intervals = [recording.measurements[name] for name in ("pq_interval", "qrs_duration", "qt_interval", "heart_rate")]
    assert intervals == [174, 92, 440, 50]
