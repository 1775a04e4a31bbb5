"""No damage to a file does worse than a reason: every reader is given mutated, truncated and
spliced bytes.

A reader may raise `InputError` or `OSError`, and nothing else; what it returns has the right shape,
and each sample is a voltage or missing. `ECGAE_FUZZ_EXAMPLES=20000 pytest tests/test_fuzz.py`
searches for minutes instead of seconds.
"""

import os
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from exercise_file import exercise, full_disclosure, medians, protocol, trace
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from muse_file import muse, waveform

from ecgae.ecg import LEADS, derived_limb_leads
from ecgae.errors import InputError
from ecgae.recordings.cohort.mitbih import MITBIH
from ecgae.recordings.cohort.ptbxl import COLUMNS, PTBXL
from ecgae.recordings.cohort.wfdb import WFDB
from ecgae.recordings.formats.cardiosoft.exercise import read_exercise
from ecgae.recordings.formats.cardiosoft.rest import read_rest
from ecgae.recordings.formats.muse_xml import read_muse
from ecgae.recordings.formats.recording import MISSING, Recording, Waveform
from ecgae.recordings.formats.wfdb_records.record import read_waveform

pytest.importorskip("wfdb")

fuzzed = settings(
    max_examples=int(os.environ.get("ECGAE_FUZZ_EXAMPLES", "120")),
    deadline=timedelta(seconds=20),  # for hangs, not for a machine that is busy
    suppress_health_check=list(HealthCheck),
)

TOKENS = [
    *(
        b"",
        b"0",
        b"-1",
        b"1",
        b"2",
        b"16",
        b"212",
        b"524",
        b"nan",
        b"inf",
        b"1e308",
        b"1e-308",
        b"9" * 9,
        b"9" * 5000,
    ),
    *(
        b"\x00",
        b"\xff\xff\xff\xff",
        b"\x00\x80",
        b"\xec",
        b"\xb5",
        "µ".encode(),
        b" ",
        b"\t",
        b"\n",
        b"\r",
        b"\xc2\x85",
    ),
    *(b",", b"/", b"../", b"::", b"~", b"(", b")", b"#", b"'", b'"', b"{", b"[" * 3000),
    *(
        b"<",
        b">",
        b"</",
        b"&lt;",
        b"&#0;",
        b"&#x110000;",
        b"<!DOCTYPE a>",
        b"<![CDATA[",
        b"@samples:0",
        b"<a>" * 2000,
    ),
]

edits = st.lists(
    st.tuples(
        st.floats(0, 1),
        st.integers(0, 40),
        st.one_of(st.sampled_from(TOKENS), st.binary(max_size=6)),
    ),
    min_size=1,
    max_size=4,
)
"""Where, how many bytes go, what comes in their place."""

spans = st.one_of(st.none(), st.tuples(st.floats(0, 1), st.floats(0, 1), st.floats(0, 1)))
"""A part that is copied to another place, or a truncation where it begins and ends there."""


def damaged(
    content: bytes, edits: list[tuple[float, int, bytes]], span: tuple[float, float, float] | None
) -> bytes:
    for place, length, token in edits:
        start = round(place * len(content))
        content = content[:start] + token + content[start + length :]
    if span is None:
        return content
    first, last, place = (round(part * len(content)) for part in span)
    return content[:place] + content[first:last] + (content[place:] if first <= last else b"")


def check_waveform(found: Waveform) -> None:
    leads, samples = found.counts.shape
    assert found.counts.dtype == np.int16
    assert found.resolution.shape == (leads,)
    assert leads > 0
    assert samples > 0
    assert np.isfinite(found.resolution).all()
    assert (found.resolution > 0).all()
    assert 0 < found.sampling_rate < np.inf
    assert np.array_equal(np.isnan(found.millivolts), found.counts == MISSING)
    assert not np.isinf(found.millivolts).any()


def check_recording(recording: Recording) -> None:
    assert recording.waveforms
    for found in recording.waveforms.values():
        check_waveform(found)
    for numbers in (recording.measurements, recording.metadata, recording.labels):
        assert all(isinstance(value, float) and not np.isinf(value) for value in numbers.values())
    if recording.beats is not None:
        assert len(recording.beats.times) == len(recording.beats.classes)
        assert np.isfinite(recording.beats.times).all()


def survives(read: Callable[[Path], Recording], files: dict[str, bytes], record: str) -> None:
    with TemporaryDirectory() as folder:
        for name, content in files.items():
            (Path(folder) / name).write_bytes(content)
        with suppress(InputError, OSError):
            check_recording(read(Path(folder) / record))


def limb_leads(samples: int) -> np.ndarray:
    traces = 2 * np.random.default_rng(0).integers(-200, 200, (12, samples))
    for place, (multiples, unit) in enumerate(
        derived_limb_leads(traces[0], traces[1]).values(), start=2
    ):
        traces[place] = multiples * unit
    return traces


def header(name: str, traces: np.ndarray, storage: str, gain: str, checksums: bool = True) -> bytes:
    lines = [
        f"{name}.dat {storage} {gain} 16 0 {row[0]} {row.sum() % 65536 if checksums else 0} 0 {lead}"
        for lead, row in zip(LEADS, traces, strict=True)
    ]
    return "\n".join(
        [f"{name} 12 500 {traces.shape[1]} 12:00:00 01/01/2000", *lines, "#Age: 56", "#Dx: 1,2"]
    ).encode()


@cache
def wfdb_files() -> dict[str, bytes]:
    traces = limb_leads(20)
    even, odd = traces.T.ravel()[::2] & 0xFFF, traces.T.ravel()[1::2] & 0xFFF
    packed = (
        np.stack([even & 0xFF, (even >> 8) | (odd >> 8) << 4, odd & 0xFF], axis=1)
        .astype("u1")
        .tobytes()
    )
    # N at sample 10; a skip of 1 and N; a note; V one later; the end mark
    annotations = bytes([10, 4, 0, 236, 0, 0, 1, 0, 0, 4, 3, 252, 65, 66, 67, 0, 1, 20, 0, 0])
    return {
        "a.hea": header("a", traces, "16", "1000(0)/mV"),
        "a.dat": traces.T.astype("<i2").tobytes(),
        "b.hea": header(
            "b", traces, "212", "200(1)/uV", checksums=False
        ),  # so that damaged samples get through
        "b.dat": packed,
        "m.hea": b"m/3 12 500 45\na 20\n~ 5\nb 20\n",
        "100.hea": header("100", traces, "16", "1000"),
        "100.dat": traces.T.astype("<i2").tobytes(),
        "100.atr": annotations,
    }


@pytest.mark.parametrize(
    ("target", "record"),
    [
        ("a.hea", "a"),
        ("a.dat", "a"),
        ("b.hea", "b"),
        ("b.dat", "b"),
        ("m.hea", "m"),
        ("a.hea", "m"),
    ],
)
@fuzzed
@given(
    edits=edits,
    span=spans,
    gain=st.sampled_from([None, 200.0]),
    leads=st.sampled_from([None, LEADS, ["V1"]]),
)
def test_wfdb_records(target, record, edits, span, gain, leads):
    files = wfdb_files() | {target: damaged(wfdb_files()[target], edits, span)}
    survives(lambda file: Recording({"strip": read_waveform(file, leads, gain)}), files, record)


@fuzzed
@given(edits=edits, span=spans, target=st.sampled_from(["100.atr", "100.hea"]))
def test_annotated_records(target, edits, span):
    files = wfdb_files() | {target: damaged(wfdb_files()[target], edits, span)}
    survives(MITBIH("", leads=["V1"]).read, files, "100")


@fuzzed
@given(edits=edits, span=spans, target=st.sampled_from(["a.hea", "m.hea"]))
def test_folders_of_wfdb_records(target, edits, span):
    with TemporaryDirectory() as folder:
        files = wfdb_files() | {target: damaged(wfdb_files()[target], edits, span)}
        for name, content in files.items():
            (Path(folder) / name).write_bytes(content)
        sources = WFDB(folder).sources()
        assert len({source.sample_id for source in sources.rows}) == len(sources.rows)
        for source in sources.rows:
            metadata = source.candidates[0].metadata
            assert np.isnan(metadata.get("age", 0)) or 0 <= metadata.get("age", 0) <= 90


def ptbxl_table() -> bytes:
    names = [*COLUMNS, "filename_hr"]
    cells = {
        "scp_codes": "\"{'NORM': 100.0, 'SR': 0.0}\"",
        "sex": "1",
        "recording_date": "1984-11-09 09:17:34",
    }
    cells |= {"ecg_id": "1", "patient_id": "15709.0", "filename_hr": "a"}
    row = ",".join(cells.get(name, "") for name in names)
    return f"{','.join(names)}\n{row}\n{row}\n{row}\n".encode()


@fuzzed
@given(edits=edits, span=spans)
def test_ptbxl_tables(edits, span):
    with TemporaryDirectory() as folder:
        (Path(folder) / "a.hea").touch()
        (Path(folder) / "ptbxl_database.csv").write_bytes(damaged(ptbxl_table(), edits, span))
        with suppress(InputError, OSError):
            sources = PTBXL(folder).sources()
            rows = [(source.sample_id, source.candidates[0].visit) for source in sources.rows]
            assert len(set(rows)) == len(rows)
            assert all(left.reason for left in sources.left_out)


@cache
def muse_file() -> bytes:
    traces = limb_leads(40)[[0, 1, *range(6, 12)]]
    return muse(
        waveform("Median", traces), waveform("Rhythm", traces), beats=(2, 7, 12), interval="10"
    ).encode("latin-1")


@fuzzed
@given(edits=edits, span=spans)
def test_muse_files(edits, span):
    survives(read_muse, {"a.xml": damaged(muse_file(), edits, span)}, "a.xml")


@cache
def exercise_file() -> bytes:
    beats = [trace(1, seed=seed)[:, :15] for seed in range(3)]
    return exercise(protocol(), full_disclosure(trace(14, rate=10), rate=10), medians(beats))


@fuzzed
@given(edits=edits, span=spans)
def test_exercise_files(edits, span):
    survives(read_exercise, {"a.xml": damaged(exercise_file(), edits, span)}, "a.xml")


@cache
def rest_file() -> bytes:
    header = "<SampleRate units='Hz'>500</SampleRate><Resolution units='uVperLsb'>5</Resolution>"
    traces = "".join(
        f'<WaveformData lead="{lead}">{",".join(map(str, row))}</WaveformData>'
        for lead, row in zip(LEADS, limb_leads(150), strict=True)
    )
    blocks = ",".join(map(str, limb_leads(20).reshape(12, 2, 10).swapaxes(0, 1).ravel()))
    return (
        '<?xml version="1.0" encoding="ISO-8859-1" ?>\r\n<CardiologyXML>'
        "<FilterSetting><LowPass>100</LowPass></FilterSetting>"
        "<RestingECGMeasurements><PQInterval units='ms'>174</PQInterval><MeasurementTable><LeadOrder>I,II</LeadOrder>"
        f"<RAmplitude>1,2</RAmplitude></MeasurementTable><MedianSamples>{header}{traces}</MedianSamples>"
        f"</RestingECGMeasurements><StripData>{header}{traces}<ArrhythmiaResults><Time units='ms'>20</Time>"
        "<BeatClass>dominant</BeatClass></ArrhythmiaResults></StripData><FullDisclosure><NumberOfChannels>12"
        f"</NumberOfChannels>{header.replace('500', '10')}<LeadOrder>{','.join(LEADS)}</LeadOrder><FullDisclosureData>"
        f"{blocks},<SampleCountTotal>240</SampleCountTotal></FullDisclosureData></FullDisclosure></CardiologyXML>"
    ).encode("latin-1")


@fuzzed
@given(edits=edits, span=spans)
def test_resting_files(edits, span):
    survives(read_rest, {"a.xml": damaged(rest_file(), edits, span)}, "a.xml")


@pytest.mark.parametrize(
    ("read", "files", "record"),
    [
        (lambda file: Recording({"strip": read_waveform(file, LEADS)}), wfdb_files, "a"),
        (lambda file: Recording({"strip": read_waveform(file, LEADS, 200.0)}), wfdb_files, "m"),
        (MITBIH("", leads=["V1"]).read, wfdb_files, "100"),
        (read_muse, lambda: {"a.xml": muse_file()}, "a.xml"),
        (read_exercise, lambda: {"a.xml": exercise_file()}, "a.xml"),
        (read_rest, lambda: {"a.xml": rest_file()}, "a.xml"),
    ],
)
def test_the_undamaged_files_are_read_so_that_the_search_begins_at_something(
    tmp_path, read, files, record
):
    for name, content in files().items():
        (tmp_path / name).write_bytes(content)
    recording = read(tmp_path / record)
    check_recording(recording)
    assert not recording.left_out
