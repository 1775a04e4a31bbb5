"""PTB-XL, MIT-BIH and any folder of WFDB records: who is found, and what the files say about
them."""

import pickle
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from wfdb_file import counts, limb, write

from ecgae.ecg import LEADS
from ecgae.errors import InputError
from ecgae.recordings.cohort.mitbih import AAMI, DS1, DS2, MITBIH, PACED
from ecgae.recordings.cohort.ptbxl import PTBXL
from ecgae.recordings.cohort.wfdb import WFDB
from ecgae.recordings.formats.wfdb_records.annotations import read_annotations

wfdb = pytest.importorskip("wfdb")


def master(folder: Path, segments: str, samples: int) -> None:
    (folder / "m.hea").write_text(f"m/1 12 500 {samples}\n{segments}\n")


def test_every_record_below_a_folder_is_found_and_segments_count_once(tmp_path):
    write(tmp_path / "x", limb(), LEADS, name="same")
    write(tmp_path / "y", limb(), LEADS, name="same")
    write(tmp_path, limb(30), LEADS, name="a")
    master(tmp_path, "a 30", 30)
    (tmp_path / "broken.hea").write_text("broken twelve\n")
    cohort = pickle.loads(pickle.dumps(WFDB(str(tmp_path))))
    cohort.prepare()
    sources = cohort.sources()
    assert [source.sample_id for source in sources.rows] == ["m", "x/same", "y/same"]
    assert [left.file for left in sources.left_out] == ["broken.hea"]
    recording = cohort.read(sources.rows[0].candidates[0].file)
    assert recording.waveforms["strip"].counts.shape == (12, 30)
    assert cohort.layouts["strip"].resample


def test_a_header_without_its_samples_is_refused_when_it_is_read(tmp_path):
    record = write(tmp_path, limb(), LEADS)
    record.with_name("r.dat").unlink()
    cohort = WFDB(str(tmp_path))
    with pytest.raises(InputError, match=r"signal file must be there; r\.dat is missing"):
        cohort.read(cohort.sources().rows[0].candidates[0].file)


@pytest.mark.parametrize(
    ("comments", "metadata", "labels"),
    [
        (
            "#Age: 56\n#Sex: Female\n#Dx: 426783006,39732003\n#Rx: Unknown",
            {"age": 56, "age_over_89": 0, "sex_female": 1},
            {"426783006": 100, "39732003": 100},
        ),
        ("# Age: 300\n# Sex: Male", {"age": 90, "age_over_89": 1, "sex_female": 0}, {}),
        ("#<age>: >89\n#<sex>: F", {"age": 90, "age_over_89": 1, "sex_female": 1}, {}),
        (
            "#Age: NaN\n#Sex: Unknown",
            {"age": np.nan, "age_over_89": np.nan, "sex_female": np.nan},
            {},
        ),
        ("#Name: Ada\n# 69 M 1085 1629 x1", {}, {}),
    ],
)
def test_comments_give_age_sex_and_codes_and_nothing_else(tmp_path, comments, metadata, labels):
    write(tmp_path, limb(), LEADS, comments=comments)
    (source,) = WFDB(str(tmp_path)).sources().rows
    assert source.candidates[0].metadata == pytest.approx(metadata, nan_ok=True)
    assert source.candidates[0].labels == labels


@pytest.mark.parametrize(
    "bad", [{"leads": "I"}, {"leads": ["I", "I"]}, {"gain": 0.0}, {"sampling_rate": -1.0}]
)
def test_bad_numbers_of_the_wfdb_cohort_fail_at_construction(bad):
    with pytest.raises(InputError, match="cohort"):
        WFDB("somewhere", **bad)


PTBXL_ROW = {
    "ecg_id": 1, "patient_id": "7.0", "age": 56.0, "sex": 1, "height": "", "weight": 63.0,
    "recording_date": "1984-11-09 09:17:34", "scp_codes": "{'NORM': 100.0, 'LVOLT': 0.0}",
    "validated_by_human": True, "baseline_drift": "", "static_noise": " , I-V1,  ", "burst_noise": "",
    "electrodes_problems": "", "extra_beats": "", "pacemaker": "ja, pacemaker", "strat_fold": 3,
    "filename_lr": "records100/1_lr", "filename_hr": "records500/1_hr",
}  # fmt: skip


def ptbxl(folder: Path, *rows: dict, text: str = "") -> PTBXL:
    table = pd.DataFrame([{**PTBXL_ROW, **row} for row in rows])
    (folder / "ptbxl_database.csv").write_text(table.to_csv(index=False) + text)
    for record in table.filename_hr:
        write(folder / "records500", limb(), LEADS, name=Path(str(record)).name)
    return PTBXL(str(folder))


def test_ptbxl_metadata_and_likelihoods_come_from_the_table(tmp_path):
    (source,) = ptbxl(tmp_path, {}).sources().rows
    (candidate,) = source.candidates
    assert (source.sample_id, candidate.visit) == ("7", 1)
    assert candidate.labels == {"NORM": 100, "LVOLT": 0}
    expected = {
        "age": 56, "age_over_89": 0, "sex_female": 1, "height": np.nan, "weight": 63, "strat_fold": 3,
        "validated_by_human": 1, "baseline_drift": 0, "static_noise": 1, "burst_noise": 0, "electrodes_problems": 0,
        "extra_beats": 0, "pacemaker": 1,
    }  # fmt: skip
    assert candidate.metadata == pytest.approx(expected, nan_ok=True)


def test_ptbxl_age_300_means_older_than_89(tmp_path):
    (source,) = ptbxl(tmp_path, {"age": 300.0}).sources().rows
    assert source.candidates[0].metadata["age"] == 90
    assert source.candidates[0].metadata["age_over_89"] == 1


def test_ptbxl_visits_are_counted_by_date(tmp_path):
    later = {"ecg_id": 2, "recording_date": "1990-01-01 00:00:00", "filename_hr": "records500/2_hr"}
    found = ptbxl(tmp_path, later, {}).sources().rows
    assert [(source.sample_id, source.candidates[0].visit) for source in found] == [
        ("7", 1),
        ("7", 2),
    ]
    assert [source.candidates[0].file.name for source in found] == ["1_hr", "2_hr"]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({"scp_codes": "{'NORM': "}, "scp_codes must be a dictionary"),
        ({"scp_codes": "['NORM']"}, "scp_codes must be a dictionary"),
        ({"scp_codes": "__import__('os')"}, "scp_codes must be a dictionary"),
        ({"scp_codes": "(" * 20000}, "scp_codes must be a dictionary"),
        ({"scp_codes": "{'NORM': 120}"}, "likelihoods in scp_codes must be 0 to 100"),
        ({"sex": 2}, "sex must be 0"),
        ({"patient_id": ""}, "row must have a patient_id"),
        ({"ecg_id": "one"}, "row must have a patient_id, an ecg_id"),
        (
            {"filename_hr": "../../secret"},
            "row must have a patient_id, an ecg_id and a file below the root",
        ),
    ],
)
def test_a_malformed_ptbxl_row_is_left_out_with_the_reason(tmp_path, row, reason):
    sources = ptbxl(tmp_path, {}, {"ecg_id": 2, "filename_hr": "records500/2_hr", **row}).sources()
    assert len(sources.rows) == 1
    (left,) = sources.left_out
    assert left.reason.startswith(reason)


def test_ragged_ptbxl_rows_and_absent_records_are_left_out(tmp_path):
    cohort = ptbxl(tmp_path, {}, {"ecg_id": 2, "filename_hr": "records500/2_hr"}, text="3,1\n")
    (tmp_path / "records500" / "2_hr.hea").unlink()
    sources = cohort.sources()
    assert len(sources.rows) == 1
    assert sorted(left.reason.split(";")[0] for left in sources.left_out) == [
        "record must be on disk",
        "row must have as many cells as there are columns",
    ]


def test_ptbxl_tables_that_are_none_are_refused(tmp_path):
    cohort = PTBXL(str(tmp_path))
    with pytest.raises(InputError, match=r"must hold ptbxl_database\.csv"):
        cohort.prepare()
    (tmp_path / "ptbxl_database.csv").write_bytes(b"\xff\xfe\x00\x01")
    with pytest.raises(InputError, match="must be a table of text"):
        cohort.sources()
    (tmp_path / "ptbxl_database.csv").write_text("a,b\n1,2\n")
    with pytest.raises(InputError, match="must have PTB-XL's columns; age, baseline_drift"):
        cohort.sources()
    with pytest.raises(InputError, match=r"cohort\.records must be 500 or 100"):
        PTBXL(str(tmp_path), records=250)


def mitbih(folder: Path, record: str, symbols: str = "+NNV~AF/|Q") -> None:
    write(folder, counts(2, 4000), ["MLII", "V1"], name=record, rate="360")
    samples = np.arange(1, len(symbols) + 1) * 300
    notes = ["(N" if symbol == "+" else "" for symbol in symbols]
    wfdb.wrann(record, "atr", samples, list(symbols), aux_note=notes, write_dir=str(folder))


def test_beats_get_their_aami_class_and_other_marks_are_counted(tmp_path):
    mitbih(tmp_path, "100")
    recording = MITBIH(str(tmp_path)).read(tmp_path / "100")
    assert recording.beats is not None
    assert recording.beats.classes == ("N", "N", "V", "S", "F", "Q", "Q")
    assert np.allclose(recording.beats.times, np.array([2, 3, 4, 6, 7, 8, 10]) * 300 / 360)
    assert recording.metadata["non_beats"] == 3
    assert recording.waveforms["strip"].sampling_rate == 360


def test_the_two_records_of_one_man_are_visits_of_one_person(tmp_path):
    for record in ("100", "201", "202", "102", "999"):
        mitbih(tmp_path, record)
    sources = MITBIH(str(tmp_path)).sources()
    rows = [(source.sample_id, source.candidates[0].visit) for source in sources.rows]
    assert rows == [("100", 1), ("102", 1), ("201", 1), ("201", 2)]
    metadata = {
        source.candidates[0].file.name: source.candidates[0].metadata for source in sources.rows
    }
    assert metadata["201"] == {"record": 201, "dataset": 1, "paced": 0}
    assert metadata["202"]["dataset"] == 2
    assert metadata["102"]["paced"] == 1
    assert np.isnan(metadata["102"]["dataset"])
    assert [left.file for left in sources.left_out] == ["999.hea"]


def test_the_inter_patient_split_and_the_paced_records_make_up_the_48():
    assert len(DS1) == len(DS2) == 22
    assert len({*DS1, *DS2, *PACED}) == 48
    assert "".join(sorted(AAMI)) == "".join(sorted("NLRejAaJSVEF/fQ"))


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (lambda file: file.unlink(), r"record must have annotations; 100\.atr is missing"),
        (
            lambda file: file.write_bytes(file.read_bytes()[:-2]),
            r"end with their end mark; 100\.atr is truncated",
        ),
        (
            lambda file: file.write_bytes(b"\x00\xec\x00\x80\x00\x00" + file.read_bytes()),
            "annotations must",
        ),
        (lambda file: file.write_bytes(b"\xff" * 7 + b"\0\0"), "annotations must"),
    ],
)
def test_faulty_annotations_are_refused_with_the_reason(tmp_path, damage, reason):
    mitbih(tmp_path, "100")
    damage(tmp_path / "100.atr")
    with pytest.raises(InputError, match=reason):
        read_annotations(tmp_path / "100")


def test_annotations_beyond_the_record_are_refused(tmp_path):
    mitbih(tmp_path, "100")
    write(tmp_path, counts(2, 400), ["MLII", "V1"], name="100", rate="360")
    with pytest.raises(InputError, match="annotations must lie within the record"):
        read_annotations(tmp_path / "100")


def test_real_ptbxl_records_are_what_the_wfdb_package_makes_of_them(real_data):
    cohort = PTBXL(str(real_data / "ptbxl"))
    cohort.prepare()
    sources = cohort.sources()
    rows = len(pd.read_csv(real_data / "ptbxl" / "ptbxl_database.csv"))
    assert (len(sources.rows), len(sources.left_out)) == (rows, 0)
    for source in sources.rows[::40]:
        file = source.candidates[0].file
        waveform = cohort.read(file).waveforms["strip"]
        assert np.allclose(waveform.millivolts, wfdb.rdrecord(str(file)).p_signal.T, atol=1e-6)
        assert waveform.counts.shape == (12, 5000)


def test_real_mitbih_records_and_beats_are_read(real_data):
    cohort = MITBIH(str(real_data / "mitbih"))
    sources = cohort.sources()
    assert [source.sample_id for source in sources.rows] == [
        *("100", "103", "105", "106", "109", "118", "200", "207", "208", "209")
    ]
    recording = cohort.read(sources.rows[0].candidates[0].file)
    assert recording.waveforms["strip"].counts.shape == (1, 650000)
    assert recording.waveforms["strip"].resolution[0] == 1 / 200
    assert recording.beats is not None
    found = {name: recording.beats.classes.count(name) for name in "NSVFQ"}
    assert found == {
        "N": 2239,
        "S": 33,
        "V": 1,
        "F": 0,
        "Q": 0,
    }  # the database's own table of record 100


def test_the_normalised_gains_of_every_real_ludb_record_are_met_by_a_word(real_data):
    cohort = WFDB(str(real_data / "ludb"))
    found = cohort.sources().rows
    assert len(found) == 30
    for source in found:
        with pytest.raises(InputError, match=r"Set cohort\.gain to the true counts per mV"):
            cohort.read(source.candidates[0].file)
    waveform = (
        WFDB(str(real_data / "ludb"), gain=1000.0)
        .read(found[0].candidates[0].file)
        .waveforms["strip"]
    )
    limb_leads = waveform.counts[:3].astype(int)
    assert np.array_equal(limb_leads[1], limb_leads[0] + limb_leads[2])
