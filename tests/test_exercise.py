"""UK Biobank's exercise ECG is divided into its phases exactly; a faulty section is a recorded
reason."""

import pickle
from pathlib import Path

import numpy as np
import pytest
from exercise_file import LEADS, PROTOCOL, exercise, full_disclosure, medians, protocol, trace

from ecgae.errors import InputError
from ecgae.recordings.cohort.ukb_exercise import UKBExercise
from ecgae.recordings.formats.cardiosoft.exercise import MEDIAN_LEADS, read_exercise
from ecgae.recordings.formats.recording import MISSING

WHOLE = trace(17)  # s 1 to 18 of a test of 4 s rest, 8 s exercise, 6 s recovery
BEATS = [trace(1, seed=seed)[:, :30] for seed in range(16)]
RATE = 50


@pytest.fixture
def write(tmp_path):
    def write(*sections: str) -> Path:
        file = tmp_path / "1000001_6025_0_0.xml"
        file.write_bytes(exercise(*sections))
        return file

    return write


def test_each_phase_begins_where_protocol_and_start_time_say(write):
    recording = read_exercise(write(protocol(), full_disclosure(WHOLE), medians(BEATS)))
    ends = {"pretest": (0, 3), "exercise": (3, 11), "recovery": (11, 17)}
    assert recording.left_out == {}
    for phase, (begin, end) in ends.items():
        found = recording.waveforms[phase]
        assert np.array_equal(found.counts, WHOLE[:, begin * RATE : end * RATE])
        assert found.resolution == pytest.approx([0.005] * 3)
        assert found.sampling_rate == RATE
    assert [recording.metadata[f"{phase}_seconds"] for phase in ends] == [4, 8, 6]


def test_leads_come_in_one_order_whatever_the_files(write):
    text = full_disclosure(WHOLE[[2, 0, 1]], leads="3,I,2")
    counts = read_exercise(write(protocol(), text)).waveforms["pretest"].counts
    assert np.array_equal(counts, WHOLE[:, : 3 * RATE])


def test_the_sections_own_resolution_wins_over_the_strips(write):
    text = full_disclosure(WHOLE, header='<Resolution units="uVperLsb">2.5</Resolution>')
    assert read_exercise(write(protocol(), text)).waveforms["pretest"].resolution[
        0
    ] == pytest.approx(0.0025)


def test_averaged_beats_stand_side_by_side_and_absent_ones_are_missing(write):
    recording = read_exercise(
        write(protocol(), full_disclosure(WHOLE), medians([*BEATS[:2], BEATS[2][:, :20]]))
    )
    found = recording.waveforms["medians"]
    assert found.counts.shape == (48, 30)
    assert MEDIAN_LEADS[:4] == ("I_01", "2_01", "3_01", "I_02")
    assert MEDIAN_LEADS[-1] == "3_16"
    assert np.array_equal(found.counts[:6], np.vstack(BEATS[:2]))
    assert np.array_equal(found.counts[6:9, :20], BEATS[2][:, :20])
    assert (found.counts[6:9, 20:] == MISSING).all()
    assert (found.counts[9:] == MISSING).all()
    assert recording.metadata["medians"] == 3


def test_heart_rates_workload_and_filters_are_read_and_nothing_identifying(write):
    recording = read_exercise(write(protocol(), full_disclosure(WHOLE)))
    expected = {
        "max_heart_rate": 131,
        "rest_heart_rate": 61,
        "max_predicted_heart_rate": 160,
        "max_workload": 90,
    }
    ends = {
        "pretest_end_heart_rate": 64,
        "exercise_end_heart_rate": 120,
        "recovery_end_heart_rate": np.nan,
    }
    assert recording.measurements == pytest.approx(expected | ends, nan_ok=True)
    assert recording.metadata["filter_50hz"] == 1
    assert recording.metadata["low_pass"] == 40
    with pytest.raises(InputError) as caught:
        read_exercise(write())
    assert "SECRET" not in str(caught.value)


def test_a_recording_that_starts_late_or_ends_early_lacks_that_phase(write):
    late = read_exercise(write(protocol(), full_disclosure(WHOLE, start=5)))
    assert set(late.waveforms) == {"exercise", "recovery"}
    assert (
        late.left_out["pretest"] == "phase must be in the full disclosure; it has no sample of it"
    )
    early = read_exercise(write(protocol(), full_disclosure(WHOLE[:, : 10 * RATE])))
    assert set(early.waveforms) == {"pretest", "exercise"}
    assert early.waveforms["exercise"].counts.shape == (3, 7 * RATE)
    assert "recovery" in early.left_out


def test_a_test_of_rest_only_is_one_phase(write):
    recording = read_exercise(
        write(protocol([("Pretest", 0, 15)]), full_disclosure(WHOLE[:, : 14 * RATE]))
    )
    assert set(recording.waveforms) == {"pretest"}


@pytest.mark.parametrize(
    ("sections", "reason"),
    [
        ((protocol(),), "FullDisclosure must be there once; the file has 0"),
        (
            (protocol(), full_disclosure(WHOLE), full_disclosure(WHOLE)),
            "FullDisclosure must be there once",
        ),
        (
            (protocol(), full_disclosure(WHOLE).replace("FullDisclosureData", "Data")),
            "FullDisclosureData must be there",
        ),
        ((full_disclosure(WHOLE),), "Protocol must have phases in the order .*; got none"),
        (
            (protocol(PROTOCOL[::-1]), full_disclosure(WHOLE)),
            "Protocol must have phases in the order",
        ),
        (
            (protocol([("Warmup", 1, 0)]), full_disclosure(WHOLE)),
            "PhaseName must be one of .*; got 'Warmup'",
        ),
        (
            (protocol([("Rest", "", 0)]), full_disclosure(WHOLE)),
            "PhaseDuration must be minutes and seconds",
        ),
        (
            (protocol([("Rest", "1e300", 0)]), full_disclosure(WHOLE)),
            "PhaseDuration must be minutes and seconds",
        ),
        ((protocol(), full_disclosure(WHOLE, start=-1)), "StartTime must be minutes and seconds"),
        (
            (protocol(), full_disclosure(WHOLE, leads="I,II,III")),
            "LeadOrder must list the leads I, 2, 3",
        ),
        (
            (protocol(), full_disclosure(WHOLE, leads="I,2")),
            "LeadOrder must list the leads I, 2, 3",
        ),
        (
            (protocol(), full_disclosure(WHOLE, total=7)),
            "SampleCountTotal must be the number of samples",
        ),
        (
            (protocol(), full_disclosure(WHOLE).replace(">50<", ">51<")),
            "FullDisclosure must be whole seconds",
        ),
        (
            (protocol(), full_disclosure(WHOLE).replace(">50<", ">0<")),
            "SampleRate must be a positive number",
        ),
        (
            (protocol(), full_disclosure(WHOLE).replace("Data>", "Data>x,", 1)),
            "samples must be integers",
        ),
        ((protocol(), full_disclosure(WHOLE[:, :0])), "samples must be integers"),
        ((protocol(), full_disclosure(WHOLE, interleaved=True)), "its samples alternate"),
    ],
)
def test_a_faulty_full_disclosure_is_a_reason_and_the_averaged_beats_are_kept(
    write, sections, reason
):
    recording = read_exercise(write(*sections, medians(BEATS)))
    assert set(recording.waveforms) == {"medians"}
    with pytest.raises(InputError, match=reason):
        raise InputError(recording.left_out["full_disclosure"])


@pytest.mark.parametrize(
    ("section", "reason"),
    [
        ("", "MedianData must have 1 to 16 averaged beats; got 0"),
        (medians([*BEATS, BEATS[0]]), "MedianData must have 1 to 16 averaged beats; got 17"),
        (
            medians(BEATS[:1], leads=("I", "2", "2")),
            "leads must be I, 2, 3, each once; got '2' in Median 1",
        ),
        (medians(BEATS[:1], leads=("I", "2")), "leads must be I, 2, 3; got I, 2 in Median 1"),
        (medians(BEATS[:1]).replace(",", ",,", 1), "samples must be integers .* Median 1 lead I"),
        (
            medians(BEATS).replace("<Median>", "<Median><Resolution>9</Resolution>", 1),
            "one resolution and one rate",
        ),
    ],
)
def test_faulty_averaged_beats_are_a_reason_and_the_phases_are_kept(write, section, reason):
    recording = read_exercise(write(protocol(), full_disclosure(WHOLE), section))
    assert set(recording.waveforms) == {"pretest", "exercise", "recovery"}
    assert recording.metadata["medians"] == 0
    with pytest.raises(InputError, match=reason):
        raise InputError(recording.left_out["medians"])


def test_a_file_with_nothing_left_is_refused_with_every_reason(write):
    with pytest.raises(
        InputError, match=r"Protocol must have phases .* and MedianData must have 1 to 16"
    ):
        read_exercise(write())


@pytest.mark.parametrize("content", [b"", b"\x00\x01", exercise(protocol())[:-30], b"<html/>"])
def test_what_is_no_cardiosoft_xml_is_refused(tmp_path, content):
    file = tmp_path / "a.xml"
    file.write_bytes(content)
    with pytest.raises(
        InputError, match=r"well formed|XML must be text|root element must be CardiologyXML"
    ):
        read_exercise(file)


def test_the_cohort_takes_the_earliest_instance_of_field_6025(tmp_path):
    for name in (
        "1000001_6025_1_0.xml",
        "1000001_6025_0_0.xml",
        "1000002_6025_1_0.xml",
        "1000003_20205_2_0.xml",
    ):
        (tmp_path / name).write_bytes(exercise(protocol(), full_disclosure(WHOLE)))
    cohort = pickle.loads(pickle.dumps(UKBExercise(str(tmp_path))))
    cohort.prepare()
    sources = cohort.sources()
    assert [source.sample_id for source in sources.rows] == ["1000001", "1000002"]
    assert [candidate.visit for candidate in sources.rows[0].candidates] == [0, 1]
    assert [left.file for left in sources.left_out] == ["1000003_20205_2_0.xml"]
    recording = cohort.read(sources.rows[0].candidates[0].file)
    assert set(recording.waveforms) <= set(cohort.layouts)
    assert cohort.layouts["exercise"].leads == LEADS
    assert cohort.layouts["exercise"].samples is None
    with pytest.raises(InputError, match=r"cohort\.ecgs must be a folder"):
        UKBExercise(str(tmp_path / "none")).prepare()
