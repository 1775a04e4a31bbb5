"""WFDB records are read exactly, or refused with the reason."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from wfdb_file import counts, limb, write

from ecgae.ecg import LEADS, LIMB_LEADS_FROM_I_AND_II, derived_limb_leads
from ecgae.errors import InputError
from ecgae.recordings.formats.recording import MISSING
from ecgae.recordings.formats.waveforms import Trace, assemble
from ecgae.recordings.formats.wfdb_records.header import read_header
from ecgae.recordings.formats.wfdb_records.record import read_waveform

wfdb = pytest.importorskip("wfdb")


def test_counts_resolution_and_rate_come_out_as_written_in_the_order_asked_for(tmp_path):
    traces = limb()
    record = write(tmp_path, traces[::-1], [lead.upper() for lead in LEADS[::-1]])
    waveform = read_waveform(record, LEADS)
    assert np.array_equal(waveform.counts, traces)
    assert waveform.counts.dtype == np.int16
    assert np.allclose(waveform.resolution, 0.001, rtol=1e-12)
    assert waveform.sampling_rate == 500


@pytest.mark.parametrize("spelling", ["avr", "AVR", "aVR", "lead aVR", "Lead avr"])
def test_a_lead_is_found_however_it_is_spelled(tmp_path, spelling):
    record = write(tmp_path, counts(2), ["V1", spelling])
    assert np.array_equal(read_waveform(record, ["aVR"]).counts[0], counts(2)[1])


def test_without_leads_all_signals_come_in_the_order_of_the_header(tmp_path):
    record = write(tmp_path, counts(3), ["MLII", "V5", "noise 1"])
    assert np.array_equal(read_waveform(record).counts, counts(3))
    assert [signal.name for signal in read_header(record).signals] == ["MLII", "V5", "noise 1"]


@pytest.mark.parametrize(
    ("gain", "resolution"),
    [
        ("200/mV", 1 / 200),
        ("200/mv", 1 / 200),
        ("200", 1 / 200),
        ("0.5/uV", 0.002),
        ("0.5/µV", 0.002),
        ("4e2/mV", 1 / 400),
        ("1000000(0)/V", 0.001),
    ],
)
def test_every_unit_of_voltage_becomes_mv(tmp_path, gain, resolution):
    waveform = read_waveform(write(tmp_path, counts(2), ["I", "V1"], gain=gain))
    assert waveform.resolution == pytest.approx([resolution] * 2, rel=1e-12)


def test_the_baseline_is_taken_off(tmp_path):
    waveform = read_waveform(write(tmp_path, counts(2), ["I", "V1"], gain="200(-17)/mV"))
    assert np.array_equal(waveform.counts, counts(2) + 17)


def test_the_lowest_number_of_a_format_is_a_missing_sample(tmp_path):
    traces = counts(2)
    traces[0, 3] = -32768
    waveform = read_waveform(write(tmp_path, traces, ["I", "V1"], gain="200(100)/mV"))
    assert waveform.counts[0, 3] == MISSING
    assert (waveform.counts == MISSING).sum() == 1
    assert np.isnan(waveform.millivolts[0, 3])


def stored(flat: np.ndarray, storage: str) -> bytes:
    """Samples as signal(5) describes the format, written apart from the package that reads them."""
    if storage in ("16", "61", "160", "32", "80"):
        dtype = {"16": "<i2", "61": ">i2", "160": "<u2", "32": "<i4", "80": "u1"}[storage]
        return (flat + {"160": 32768, "80": 128}.get(storage, 0)).astype(dtype).tobytes()
    if storage == "24":
        return b"".join(int(value).to_bytes(3, "little", signed=True) for value in flat)
    if storage == "212":
        one, two = flat[::2] & 0xFFF, flat[1::2] & 0xFFF
        return (
            np.stack([one & 0xFF, (one >> 8) | (two >> 8) << 4, two & 0xFF], axis=1)
            .astype("u1")
            .tobytes()
        )
    one, two, three = (flat[place::3] & 0x3FF for place in range(3))
    if storage == "311":
        return (one | two << 10 | three << 20).astype("<u4").tobytes()
    return (
        np.stack([one << 1 | (three & 0x1F) << 11, two << 1 | (three >> 5) << 11], axis=1)
        .astype("<u2")
        .tobytes()
    )


@pytest.mark.parametrize("storage", ["16", "61", "160", "24", "32", "80", "212", "310", "311"])
def test_every_storage_format_gives_the_numbers_that_were_stored(tmp_path, storage):
    traces = counts(2, 36, 100)
    lowest = {
        "80": -128,
        "212": -2048,
        "310": -512,
        "311": -512,
        "24": -(2**23),
        "32": -(2**31),
    }.get(storage, -32768)
    traces[1, 7] = lowest
    record = write(tmp_path, traces, ["I", "V1"], storage=storage)
    record.with_name("r.dat").write_bytes(stored(traces.T.ravel(), storage))
    found = read_waveform(record).counts
    assert np.array_equal(found, np.where(traces == lowest, MISSING, traces))


def test_format_8_adds_up_its_differences(tmp_path):
    traces = np.cumsum(counts(2, 36, 100), axis=1)
    record = write(tmp_path, traces, ["I", "V1"], storage="8")
    record.with_name("r.dat").write_bytes(
        np.diff(traces, axis=1, prepend=traces[:, :1]).T.astype("i1").tobytes()
    )
    assert np.array_equal(read_waveform(record).counts, traces)


@pytest.mark.parametrize("storage", ["508", "516", "524"])
def test_compressed_formats_give_the_same_numbers(tmp_path, storage):
    pytest.importorskip("soundfile")
    traces = counts(2, 36, 100)
    wfdb.wrsamp(
        "r", fs=500, units=["mV", "mV"], sig_name=["I", "V1"], d_signal=traces.T, fmt=[storage] * 2,
        adc_gain=[200.0, 200.0], baseline=[0, 0], write_dir=str(tmp_path),
    )  # fmt: skip
    assert np.array_equal(read_waveform(tmp_path / "r").counts, traces)


def test_the_challenges_mat_files_are_read_behind_their_24_bytes(tmp_path):
    record = write(
        tmp_path,
        limb(),
        LEADS,
        storage="16x1+24",
        suffix=".mat",
        prefix=b"\0" * 24,
        gain="1000.0(0)/mv",
    )
    assert np.array_equal(read_waveform(record, LEADS).counts, limb())


def test_numbers_beyond_16_bits_keep_their_voltage_to_a_65_000th(tmp_path):
    traces = counts(2, 500, 2**23 - 1)
    wfdb.wrsamp(
        "r", fs=500, units=["mV", "mV"], sig_name=["I", "V1"], d_signal=traces.T, fmt=["24"] * 2,
        adc_gain=[1e6, 1e6], baseline=[0, 0], write_dir=str(tmp_path),
    )  # fmt: skip
    waveform = read_waveform(tmp_path / "r")
    ecg = traces / 1e6
    error = np.abs(waveform.counts * waveform.resolution[:, None] - ecg).max(axis=1)
    assert (error <= np.abs(ecg).max(axis=1) / 65_000).all()


def test_a_large_baseline_is_requantised_not_wrapped(tmp_path):
    waveform = read_waveform(write(tmp_path, counts(2), ["I", "V1"], gain="1000(-60000)/mV"))
    assert np.allclose(waveform.millivolts, (counts(2) + 60000) / 1000, atol=0.001)


def test_signals_of_several_samples_per_frame_keep_their_own_rate(tmp_path):
    traces = counts(1, 40)
    record = write(tmp_path, traces, ["I"], rate="250", frames=20, storage="16x2")
    waveform = read_waveform(record)
    assert waveform.sampling_rate == 500
    assert np.array_equal(waveform.counts, traces)


def test_a_length_that_the_header_leaves_out_is_that_of_the_file(tmp_path):
    record = write(tmp_path, counts(2), ["I", "V1"], frames="")
    assert np.array_equal(read_waveform(record).counts, counts(2))


@given(arrays(np.int64, (2, 7), elements=st.integers(-(2**20), 2**20)))
def test_derived_limb_leads_are_einthovens_and_goldbergers_without_rounding(one_and_two):
    derived = derived_limb_leads(*one_and_two)
    assert list(derived) == list(LEADS[2:6])
    expected = LIMB_LEADS_FROM_I_AND_II[2:] @ one_and_two
    for (multiples, unit), lead in zip(derived.values(), expected, strict=True):
        assert np.array_equal(multiples * unit, lead)
        assert multiples.dtype == np.int64


def test_eight_leads_become_twelve_exactly(tmp_path):
    measured = [0, 1, *range(6, 12)]
    traces = counts(12, 40, 999)
    waveform = read_waveform(
        write(tmp_path, traces[measured], [LEADS[place] for place in measured]), LEADS
    )
    expected = LIMB_LEADS_FROM_I_AND_II @ traces[:2] / 1000
    assert np.abs(waveform.counts[:6] * waveform.resolution[:6, None] - expected).max() < 1e-12
    assert np.array_equal(waveform.counts[6:], traces[6:])


def test_a_derived_sample_is_missing_where_either_of_its_leads_is(tmp_path):
    traces = counts(2)
    traces[0, 3], traces[1, 5] = -32768, -32768
    waveform = read_waveform(write(tmp_path, traces, ["I", "II"]), LEADS[:6])
    missing = waveform.counts == MISSING
    assert missing[0, 3]
    assert not missing[0, 5]
    assert missing[2:, [3, 5]].all()
    assert missing.sum() == 2 + 8


def test_leads_of_different_gain_are_combined_in_mv():
    one = Trace(np.array([100, -50, 7]), np.zeros(3, bool), 0.001)
    two = Trace(np.array([30, 20, -9]), np.zeros(3, bool), 0.0033)
    waveform = assemble({"I": one, "II": two}, ["III", "aVR"], 500.0)
    ecg = np.array([one.counts * one.resolution, two.counts * two.resolution])
    assert np.allclose(waveform.millivolts, LIMB_LEADS_FROM_I_AND_II[2:4] @ ecg, atol=1e-4)


@pytest.mark.parametrize("gain", ["0", "0(0)/mV"])
def test_an_unknown_gain_is_never_assumed(tmp_path, gain):
    record = write(tmp_path, counts(2), ["noise1", "noise2"], gain=gain)
    with pytest.raises(InputError, match=r"gain must be known; .* Set cohort.gain"):
        read_waveform(record)
    assert np.allclose(read_waveform(record, gain=200.0).millivolts, counts(2) / 200)


def test_gains_that_scale_each_lead_to_one_height_are_refused_and_overridden(tmp_path):
    traces = limb(500)
    normalised = [f"{1000 * height:.0f}({height:.0f})/mV" for height in np.linspace(0.5, 2, 12)]
    record = write(tmp_path, traces, LEADS, gain=normalised)
    with pytest.raises(InputError, match=r"gains must turn counts into mV; .* Set cohort.gain"):
        read_waveform(record, LEADS)
    waveform = read_waveform(record, LEADS, gain=1000.0)
    assert np.array_equal(waveform.counts, traces)  # the baselines of those gains go with them
    assert np.allclose(waveform.resolution, 0.001)


def test_gains_that_differ_for_a_good_reason_are_believed(tmp_path):
    gains = np.linspace(500, 2000, 12).round()
    ecg = limb(500) / 1000
    traces = np.rint(ecg * gains[:, None]).astype(int)
    record = write(tmp_path, traces, LEADS, gain=[f"{gain:.0f}(0)/mV" for gain in gains])
    assert np.abs(read_waveform(record, LEADS).millivolts - ecg).max() < 0.002


def test_a_violation_that_no_gain_explains_is_left_to_quality_control(tmp_path):
    assert read_waveform(write(tmp_path, counts(12, 500), LEADS), LEADS).counts.shape == (12, 500)


TWO = counts(2)


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"rate": "0"}, "sampling rate must be a positive number"),
        ({"rate": "-500"}, "sampling rate must be a positive number"),
        ({"rate": "nan"}, "sampling rate must be a positive number"),
        ({"rate": "1e3"}, "sampling rate must be a positive number"),
        ({"rate": "1"}, "sampling rate must be 10 to 100,000 Hz"),
        ({"rate": "", "frames": ""}, "sampling rate must be a positive number"),
        ({"frames": "-40"}, "number of samples must not be negative"),
        ({"frames": "many"}, "number of samples must be a whole number"),
        ({"frames": "0"}, "record must have 1 to"),
        ({"frames": "41"}, "r.dat is truncated, 160 bytes"),
        ({"frames": "9999999999"}, "is truncated"),
        ({"gain": "nan/mV"}, "gain must be a positive number of counts per mV; got 'nan/mV'"),
        ({"gain": "-200/mV"}, "gain must be a positive number"),
        ({"gain": "1e999/mV"}, "gain must be a positive number"),
        ({"gain": "200/mmHg"}, "units must be one of nV, uV, mV, V; got 'mmHg'"),
        ({"gain": "0.00001/mV"}, "voltages must be at most 10000 mV"),
        ({"storage": "17"}, "storage format must be one of"),
        ({"storage": "x"}, "storage format must be a number"),
        ({"storage": "16:3"}, "leads must be sampled at the same time"),
        ({"storage": "16x0"}, "samples per frame must be at least 1"),
        ({"storage": "16x7"}, "is truncated"),
        ({"file": "other.dat"}, "signal file must be there; other.dat is missing"),
        ({"file": "/etc/passwd"}, "plain name beside the header; got '/etc/passwd'"),
        ({"file": "../r.dat"}, "plain name beside the header"),
        ({"file": "s3://bucket/r.dat"}, "plain name beside the header"),
        ({"file": "~"}, "plain name beside the header"),
        ({"names": ["I", "i"]}, "every lead must occur once; I occurs twice"),
        ({"extra": "r.dat 16 200 16 0 0 0 0 V6"}, "one line per signal, at least one; got 3 for 2"),
        ({"name": "r.1"}, "record name must consist of"),
    ],
)
def test_a_faulty_header_is_refused_with_the_reason(tmp_path, changed, reason):
    record = write(tmp_path, TWO, changed.pop("names", ["I", "V1"]), **changed)
    with pytest.raises(InputError, match=reason):
        read_waveform(record)


def test_a_header_with_too_few_signals_is_refused(tmp_path):
    record = write(tmp_path, TWO, ["I", "V1"])
    header = record.with_name("r.hea")
    header.write_text("\n".join(header.read_text().splitlines()[:2]))
    with pytest.raises(InputError, match="one line per signal, at least one; got 1 for 2"):
        read_waveform(record)


def test_changed_samples_are_found_by_the_checksum(tmp_path):
    record = write(tmp_path, TWO, ["I", "V1"])
    content = bytearray(record.with_name("r.dat").read_bytes())
    content[21] ^= 0x10
    record.with_name("r.dat").write_bytes(bytes(content))
    with pytest.raises(InputError, match="samples must fit the header's checksum"):
        read_waveform(record)


def test_checksums_of_zero_throughout_are_a_place_holder(tmp_path):
    assert np.array_equal(
        read_waveform(write(tmp_path, TWO, ["I", "V1"], checksums=False)).counts, TWO
    )


def test_a_missing_header_or_lead_is_named(tmp_path):
    with pytest.raises(InputError, match=r"record must have a header; none\.hea is missing"):
        read_waveform(tmp_path / "none")
    with pytest.raises(InputError, match="all 12 leads asked for must be there; II, III, aVR"):
        read_waveform(write(tmp_path, TWO, ["I", "V1"]), LEADS)


def test_a_path_that_the_package_would_take_for_an_address_is_refused(tmp_path):
    with pytest.raises(InputError, match="must not contain '::'"):
        read_waveform(write(tmp_path / "a::b", TWO, ["I", "V1"]))


def master(folder: Path, segments: str, samples: int, leads: int = 2) -> Path:
    lines = segments.split("; ")
    (folder / "m.hea").write_text(
        "\n".join([f"m/{len(lines)} {leads} 500 {samples}", *lines]) + "\n"
    )
    return folder / "m"


def test_segments_are_joined_and_gaps_are_missing(tmp_path):
    first, second = counts(2, 30, seed=1), counts(2, 20, seed=2)
    write(tmp_path, first, ["I", "V1"], name="a")
    write(tmp_path, second[:1], ["I"], name="b")
    waveform = read_waveform(master(tmp_path, "a 30; ~ 5; b 20", 55))
    assert np.array_equal(waveform.counts[0], [*first[0], *[MISSING] * 5, *second[0]])
    assert np.array_equal(waveform.counts[1], [*first[1], *[MISSING] * 25])


def test_a_segment_without_the_leads_asked_for_is_a_gap(tmp_path):
    write(tmp_path, counts(1, 30), ["V1"], name="a")
    write(tmp_path, counts(1, 20), ["V5"], name="b")
    counted = read_waveform(master(tmp_path, "a 30; b 20", 50), ["V1"]).counts
    assert np.array_equal(counted[0], [*counts(1, 30)[0], *[MISSING] * 20])


def test_segments_of_different_gain_meet_in_mv(tmp_path):
    write(tmp_path, counts(2, 30), ["I", "V1"], name="a", gain="1000/mV")
    write(tmp_path, counts(2, 30), ["I", "V1"], name="b", gain="300/mV")
    ecg = read_waveform(master(tmp_path, "a 30; b 30", 60)).millivolts
    assert np.allclose(ecg, np.hstack([counts(2, 30) / 1000, counts(2, 30) / 300]), atol=1e-3)


@pytest.mark.parametrize(
    ("segments", "reason"),
    [
        ("m 30", "segment must hold samples; m consists of segments itself"),
        ("a 31", "segment must be as long as the record's header says"),
        ("../a 30", "segment must be the plain name"),
        ("~ 30", "segments must have samples of the leads asked for"),
        ("c 30", "c.hea is missing"),
        ("a 30; ~ 9999999999", "record must have 1 to"),
        (f"a 30; ~ {2**26 - 100}", "record must have 1 to"),
    ],
)
def test_faulty_segments_are_refused_with_the_reason(tmp_path, segments, reason):
    write(tmp_path, counts(2, 30), ["I", "V1"], name="a")
    with pytest.raises(InputError, match=reason):
        read_waveform(master(tmp_path, segments, 30))


def test_the_real_noise_records_without_a_gain_are_met_by_a_word(real_data):
    for name in ("bw", "ma"):
        with pytest.raises(InputError, match="gain must be known"):
            read_waveform(real_data / "nstdb" / name)
        assert read_waveform(real_data / "nstdb" / name, gain=200.0).counts.shape == (2, 650000)


def test_no_real_header_is_refused(real_data):
    for file in sorted(real_data.rglob("*.hea")):
        assert read_header(file.with_suffix("")).signals
