"""CardioSoft XML is read exactly, and what cannot be used is refused with a reason."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ecgae.ecg import LEADS, einthoven_error
from ecgae.errors import InputError
from ecgae.recordings.formats.cardiosoft import document
from ecgae.recordings.formats.cardiosoft.rest import read_rest


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


def cardiosoft(
    strip: str,
    median: str,
    resolution="5",
    rate="500",
    wrap=("<StripData>", "</StripData>"),
    more="",
) -> str:
    header = f"<SampleRate units='Hz'>{rate}</SampleRate><Resolution units='uVperLsb'>{resolution}</Resolution>"
    return (
        '<?xml version="1.0" encoding="ISO-8859-1" ?>\r\n<CardiologyXML><Name>M\xfcller</Name>'
        "<RestingECGMeasurements><PQInterval units='ms'>174</PQInterval><QRSDuration>92</QRSDuration>"
        "<QTInterval>440</QTInterval><PAxis></PAxis>"
        f"<MedianSamples>{header}{median}</MedianSamples></RestingECGMeasurements>{wrap[0]}{header}{strip}{wrap[1]}"
        f"{more}</CardiologyXML>"
    )


@pytest.fixture
def write(tmp_path):
    def write(text: str, encoding: str = "latin-1") -> Path:
        file = tmp_path / "1000001_20205_2_0.xml"
        file.write_bytes(text.encode(encoding))
        return file

    return write


STRIP, MEDIAN = counts(500, 1), counts(20, 2)  # one long enough to be cut out of the XML, one not


def test_counts_rate_resolution_and_intervals_come_out_as_written(write):
    recording = read_rest(
        write(cardiosoft(waveforms(STRIP), waveforms(MEDIAN), resolution="2.5", rate="250"))
    )
    assert np.array_equal(recording.waveforms["strip"].counts, STRIP)
    assert np.array_equal(recording.waveforms["median_beat"].counts, MEDIAN)
    assert recording.waveforms["strip"].resolution.tolist() == [0.0025] * 12
    assert recording.waveforms["strip"].sampling_rate == 250
    assert recording.measurements["pq_interval"] == 174
    assert np.isnan(recording.measurements["p_axis"])


def test_leads_are_put_in_the_standard_order_whatever_their_case_and_order(write):
    mixed = [lead.upper() if index % 2 else lead.lower() for index, lead in enumerate(LEADS)][::-1]
    recording = read_rest(write(cardiosoft(waveforms(STRIP[::-1], mixed), waveforms(MEDIAN))))
    assert np.array_equal(recording.waveforms["strip"].counts, STRIP)


def test_the_median_beat_never_passes_for_the_strip(write):
    recording = read_rest(write(cardiosoft("", waveforms(MEDIAN), wrap=("<Other>", "</Other>"))))
    assert "strip" not in recording.waveforms
    assert np.array_equal(recording.waveforms["median_beat"].counts, MEDIAN)


def test_the_older_place_of_the_strip_is_read_too(write):
    older = cardiosoft(
        waveforms(STRIP), waveforms(MEDIAN), wrap=("<Strip><StripData>", "</StripData></Strip>")
    )
    assert np.array_equal(read_rest(write(older)).waveforms["strip"].counts, STRIP)


ORDER = ",".join(LEADS)


def disclosed(values: np.ndarray, total=None, order=ORDER) -> str:
    """Full disclosure: one second (here 50 samples) of each lead in turn, with a comma behind the
    last."""
    seconds = values.reshape(12, -1, 50).swapaxes(0, 1)
    return (
        "<FullDisclosure><SampleRate>50</SampleRate><Resolution>5</Resolution>"
        f"<LeadOrder>{order}</LeadOrder><FullDisclosureData>\r\n{numbers(seconds.ravel())},\r\n"
        f"<SampleCountTotal>{values.size if total is None else total}</SampleCountTotal>"
        "</FullDisclosureData></FullDisclosure>"
    )


DISCLOSED = counts(150, 3)


def test_the_full_disclosure_is_put_together_from_its_seconds(write):
    recording = read_rest(
        write(cardiosoft(waveforms(STRIP), waveforms(MEDIAN), more=disclosed(DISCLOSED)))
    )
    assert np.array_equal(recording.waveforms["full_disclosure"].counts, DISCLOSED)
    assert recording.waveforms["full_disclosure"].sampling_rate == 50
    assert not recording.left_out


def test_the_full_disclosure_follows_its_own_order_of_leads(write):
    turned = disclosed(DISCLOSED[::-1], order=",".join(lead.upper() for lead in LEADS[::-1]))
    recording = read_rest(write(cardiosoft(waveforms(STRIP), waveforms(MEDIAN), more=turned)))
    assert np.array_equal(recording.waveforms["full_disclosure"].counts, DISCLOSED)


@pytest.mark.parametrize(
    ("section", "reason"),
    [
        (
            disclosed(DISCLOSED, total=7),
            "SampleCountTotal must be the number of samples; got 7 for 1800",
        ),
        (disclosed(DISCLOSED, order="I,II,III"), "LeadOrder must list the 12 leads"),
        (disclosed(DISCLOSED).replace(",\r\n<", ",x\r\n<"), "samples must be integers"),
        (
            disclosed(DISCLOSED).replace(">50<", ">49<"),
            "samples must be whole seconds of 12 leads; got 1800",
        ),
        (
            "<FullDisclosure><SampleRate>50</SampleRate></FullDisclosure>",
            "LeadOrder must list the 12 leads",
        ),
    ],
)
def test_a_full_disclosure_that_cannot_be_used_is_left_out_with_the_reason(write, section, reason):
    recording = read_rest(write(cardiosoft(waveforms(STRIP), waveforms(MEDIAN), more=section)))
    assert reason in recording.left_out["full_disclosure"]
    assert set(recording.waveforms) == {"strip", "median_beat"}


def test_beats_filters_and_amplitudes_come_out_as_written(write):
    beats = "".join(
        f"<Time>{time}</Time><BeatClass>{name}</BeatClass>"
        for time, name in ((800, "dominant"), (1500, "PVC"))
    )
    filters = "<Filter50Hz>Yes</Filter50Hz><Filter60Hz>No</Filter60Hz><LowPass>100</LowPass>"
    filters = f"<FilterSetting>{filters}</FilterSetting>"
    table = "<MeasurementTable><LeadOrder>I, II, V5</LeadOrder><RAmplitude>615, , 1650</RAmplitude></MeasurementTable>"
    text = cardiosoft(
        f"{waveforms(STRIP)}<ArrhythmiaResults>{beats}</ArrhythmiaResults>",
        waveforms(MEDIAN),
        more=filters,
    )
    recording = read_rest(write(text.replace("<QRSDuration>", f"{table}<QRSDuration>")))
    assert recording.beats.times.tolist() == [0.8, 1.5]
    assert recording.beats.classes == ("dominant", "PVC")
    assert recording.metadata["filter_50hz"] == 1
    assert recording.metadata["filter_60hz"] == 0
    assert recording.metadata["low_pass"] == 100
    assert recording.measurements["r_amplitude_I"] == 615
    assert np.isnan(recording.measurements["r_amplitude_II"])
    assert recording.measurements["r_amplitude_V5"] == 1650


@pytest.mark.parametrize(
    ("statement", "flag"),
    [
        ("Electronic ventricular pacemaker", "paced"),
        ("*** Poor data quality, interpretation may be adversely affected", "poor_quality"),
        ("*** Suspect arm lead reversal, interpretation assumes no reversal", "lead_reversal"),
    ],
)
def test_the_devices_warnings_become_flags(write, statement, flag):
    text = f"<Interpretation><Diagnosis><DiagnosisText>{statement}</DiagnosisText></Diagnosis></Interpretation>"
    warned = read_rest(write(cardiosoft(waveforms(STRIP), waveforms(MEDIAN), more=text))).metadata
    assert {name for name in ("paced", "poor_quality", "lead_reversal") if warned[name]} == {flag}


def test_a_file_in_utf_16_is_read_whatever_it_declares(write):
    recording = read_rest(write(cardiosoft(waveforms(STRIP), waveforms(MEDIAN)), encoding="utf-16"))
    assert np.array_equal(recording.waveforms["strip"].counts, STRIP)


def test_an_entity_bomb_is_refused_in_every_encoding(write):
    bomb = '<!DOCTYPE a [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;">]><CardiologyXML>&b;</CardiologyXML>'
    for encoding in ("latin-1", "utf-8-sig", "utf-16", "utf-16-be"):
        with pytest.raises(InputError, match=r"document type|zero bytes"):
            read_rest(write(bomb, encoding))


@pytest.mark.parametrize("encoding", ["utf-16", "cp037", "utf-7", "rot13", "no-such"])
def test_a_wrong_declaration_of_the_encoding_is_refused(write, encoding):
    text = cardiosoft(waveforms(STRIP), waveforms(MEDIAN)).replace("ISO-8859-1", encoding)
    with pytest.raises(InputError, match="XML must be in UTF-8"):
        read_rest(write(text))


def test_text_that_looks_like_our_own_mark_is_refused(write):
    text = cardiosoft(waveforms(STRIP), waveforms(MEDIAN)).replace(">50<", ">@samples:0<")
    with pytest.raises(InputError, match="XML must not hold @samples"):
        read_rest(write(text.replace("<QRSDuration>92", "<QRSDuration>@samples:0")))


def test_a_file_larger_than_any_recording_is_not_read(write, monkeypatch):
    monkeypatch.setattr(document, "LARGEST_FILE", 1000)
    with pytest.raises(InputError, match="file must be at most 1,000 bytes"):
        read_rest(write(cardiosoft(waveforms(STRIP), waveforms(MEDIAN))))


@given(
    values=st.lists(st.integers(-40_000, 40_000), min_size=1),
    gaps=st.lists(st.sampled_from(["", " ", "\r\n\t"])),
)
def test_the_fast_parser_reads_what_the_slow_one_reads(values, gaps):
    spaces = (gaps or [""]) * len(values)
    text = ",".join(gap + str(value) for gap, value in zip(spaces, values, strict=False)).encode()
    assert (
        document.integers(text, "here").tolist()
        == document.integers_slowly(text, "here").tolist()
        == values
    )


@given(text=st.text(alphabet="0123456789+-., \t[]eE", max_size=12))
def test_the_fast_parser_reads_nothing_that_the_slow_one_refuses(text):
    try:
        fast = document.integers(text.encode(), "here")
    except InputError:
        return
    assert len(fast) == text.rstrip(" \t").removesuffix(",").count(",") + 1
    assert [int(word) for word in text.rstrip(" \t").removesuffix(",").split(",")] == fast.tolist()


def without(lead: str) -> str:
    kept = [index for index, name in enumerate(LEADS) if name != lead]
    return waveforms(STRIP[kept], [LEADS[index] for index in kept])


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (cardiosoft(waveforms(STRIP), waveforms(MEDIAN))[:-400], "complete and well formed"),
        ("", "complete and well formed"),
        ("\x00\x01\x02", "XML must be text"),
        ("<html/>", "root element must be CardiologyXML; got html"),
        (
            cardiosoft(without("V3"), waveforms(MEDIAN)),
            "all 12 leads must be there; V3 missing in StripData",
        ),
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
        (
            cardiosoft(waveforms(STRIP).replace(",", ",99999,", 1), waveforms(MEDIAN)),
            "same length|must lie within",
        ),
        (
            cardiosoft(waveforms(STRIP), waveforms(MEDIAN), resolution="0"),
            "Resolution must be a positive number; got '0'",
        ),
        (
            cardiosoft(waveforms(STRIP), waveforms(MEDIAN), rate="0"),
            "SampleRate must be a positive number; got '0'",
        ),
        (
            cardiosoft(waveforms(STRIP), waveforms(MEDIAN), rate="nan"),
            "SampleRate must be a positive number; got 'nan'",
        ),
        (
            '<!DOCTYPE a [<!ENTITY b "c">]><CardiologyXML>&b;</CardiologyXML>',
            "must not declare a document type",
        ),
    ],
)
def test_what_cannot_be_used_is_refused_with_the_reason(write, text, reason):
    with pytest.raises(InputError, match=reason):
        read_rest(write(text))


def test_no_error_shows_who_the_person_is(write):
    with pytest.raises(InputError) as caught:
        read_rest(write(cardiosoft(without("V3"), waveforms(MEDIAN))))
    assert "ller" not in str(caught.value)


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(place=st.integers(0, 40_000), junk=st.binary(max_size=6), cut=st.integers(0, 40))
def test_damage_anywhere_ends_in_a_reason_or_in_a_whole_recording(tmp_path, place, junk, cut):
    whole = cardiosoft(waveforms(STRIP), waveforms(MEDIAN)).encode("latin-1")
    place %= len(whole)
    file = tmp_path / "damaged.xml"
    file.write_bytes(whole[:place] + junk + whole[place + cut :])
    try:
        recording = read_rest(file)
    except InputError:
        return
    for waveform in recording.waveforms.values():
        assert waveform.counts.shape[0] == 12
        assert (waveform.resolution > 0).all()


def test_the_real_example_is_read_exactly(real_data):
    recording = read_rest(real_data / "cardiosoft" / "ukb_ecg_demo_20205_2_0.xml")
    assert recording.waveforms["strip"].counts.shape == (12, 5000)
    assert recording.waveforms["median_beat"].counts.shape == (12, 600)
    assert set(recording.waveforms["strip"].resolution) == {0.005}
    assert recording.waveforms["strip"].sampling_rate == 500
    assert einthoven_error(recording.waveforms["strip"].counts.astype(int)) == 0
    assert recording.waveforms["strip"].counts[0, :4].tolist() == [-4, -2, -2, -4]
    assert recording.waveforms["strip"].counts[6].mean() == pytest.approx(81, abs=1)
    disclosure = recording.waveforms["full_disclosure"].counts.astype(int)
    assert disclosure.shape == (12, 8000)
    assert einthoven_error(disclosure) == 0
    assert recording.beats.times[:3].tolist() == [0.8, 2.01, 3.19]
    assert set(recording.beats.classes) == {"dominant"}
    assert len(recording.beats.times) == 8
    assert recording.metadata["low_pass"] == 100
    assert recording.metadata["filter_50hz"] == 1
    assert recording.measurements["t_amplitude_V3"] == 874
    intervals = [
        recording.measurements[name]
        for name in ("pq_interval", "qrs_duration", "qt_interval", "heart_rate")
    ]
    assert intervals == [174, 92, 440, 50]
