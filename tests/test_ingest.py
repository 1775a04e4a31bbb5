"""Every file is either in the store or in the manifest with a reason; every recording is cleaned
once."""

import os
import zlib
from dataclasses import dataclass, field
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pytest
from conftest import composed
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

import ecgae.recordings.ingest
from ecgae.entry.build import build
from ecgae.errors import InputError
from ecgae.people.tables import read_phenotypes
from ecgae.recordings import cleaned
from ecgae.recordings.cohort._ukb_folder import find_xml
from ecgae.recordings.formats.recording import MISSING, Beats, Layout, Recording, Waveform
from ecgae.recordings.ingest import ingest, read_source
from ecgae.recordings.store import Store, differences, restored
from ecgae.recordings.store_writer import compressed

LEADS = ("I", "II")


@dataclass(frozen=True)
class Folder:
    """A cohort of tiny recordings; a file holds the number of its seed, or what is wrong with
    it."""

    root: Path
    name: str = "folder"
    public: bool = True
    genotypes: None = None
    covariates: None = None
    categorical: tuple = ()
    planted: None = None
    layouts: dict = field(default_factory=lambda: {"strip": Layout(LEADS, 40, 100.0)})

    def prepare(self) -> None: ...

    def sources(self):
        return find_xml(self.root, 20205)

    def read(self, file: Path) -> Recording:
        content = file.read_text()
        if content == "broken":
            raise InputError("XML must be complete; it ends early")
        counts = (
            np.random.default_rng(int(content.split()[-1]))
            .integers(-100, 100, (2, 40))
            .astype(np.int16)
        )
        if "flat" in content:
            counts[1] = 7
        if "short" in content:
            counts = counts[:, :30]
        if "gap" in content:
            counts[0, 3] = MISSING
        strip = Waveform(counts, np.array([0.005, 0.0025]), 50.0 if "slow" in content else 100.0)
        return Recording(
            {} if "none" in content else {"strip": strip},
            measurements={"qt_interval": 400.0 + len(content), "q_amplitude_V1": np.nan},
            metadata={"low_pass": 100.0} if "gap" in content else {},
            beats=Beats(np.array([0.1, 0.25]), ("dominant", "PVC")) if content == "3" else None,
            left_out={"full_disclosure": "SampleCountTotal must be the number of samples; got 7"}
            if "half" in content
            else {},
        )


@pytest.fixture
def folder(tmp_path):
    root = tmp_path / "ecgs"
    root.mkdir()
    contents = {
        "0000001_20205_2_0.xml": "1",
        "0000001_20205_3_0.xml": "2",
        "0000002_20205_3_0.xml": "3",
        "0000003_20205_2_0.xml": "broken",
        "0000003_20205_3_0.xml": "4",
        "0000004_20205_2_0.xml": "half 5",
        "0000005_20205_2_0.xml": "short 6",
        "0000006_20205_2_0.xml": "slow 7",
        "0000007_20205_2_0.xml": "gap 8",
        "notes.txt": "",
        "0000009_20205_2_0.xml": "none 9",
        "0000010_20205_2_0.xml": "flat 10",
        "0000010_20205_3_0.xml": "11",
        "0000011_20205_2_0.xml": "flat 12",
        "0000011_20205_3_0.xml": "flat 13",
    }
    for name, content in contents.items():
        (root / name).write_text(content)
    (root / "0000012_20205_2_0.xml").symlink_to(root / "nowhere")
    return Folder(root)


def manifest(store: Store) -> dict[str, str]:
    table = pd.read_csv(store.file.with_name("manifest.tsv"), sep="\t")
    return dict(zip(table.file, table.reason, strict=True))


PEOPLE = [("0000001", 2), ("0000002", 3), ("0000003", 3), ("0000004", 2), ("0000007", 2)]
PEOPLE += [
    ("0000010", 3),
    ("0000011", 2),
]  # a flat lead gives way to another visit, but not to another flat one


def test_the_earliest_readable_visit_of_a_person_is_taken(folder, tmp_path):
    store = ingest(folder, tmp_path / "cache", workers=1)
    assert list(zip(store.sample_ids, store.visits, strict=True)) == PEOPLE


def test_every_other_file_is_listed_with_its_reason(folder, tmp_path, capsys):
    reasons = manifest(ingest(folder, tmp_path / "cache", workers=1))
    assert reasons == {
        "0000001_20205_3_0.xml": "another recording of this person is used; that of visit 2",
        "0000003_20205_2_0.xml": "XML must be complete; it ends early",
        "0000004_20205_2_0.xml full_disclosure": "SampleCountTotal must be the number of samples; got 7",
        "0000005_20205_2_0.xml": "strip must have (2, 40) leads and samples; got (2, 30)",
        "0000006_20205_2_0.xml": "strip must be sampled at 100 Hz; got 50 Hz",
        "0000009_20205_2_0.xml": "strip must be there; the file has none",
        "0000010_20205_2_0.xml": "every lead must vary where those of another visit do; II flat",
        "0000011_20205_3_0.xml": "every lead must vary where those of another visit do; II flat",
        "0000012_20205_2_0.xml": "file must be readable; No such file or directory",
        "notes.txt": "name must be <eid>_20205_<instance>_<array>.xml",
    }
    printed = capsys.readouterr().out
    assert "7 recordings of 7 people; 10 files or parts of them left out" in printed
    assert "0000001" not in printed


def test_the_store_gives_back_what_the_files_held(folder, tmp_path):
    store = ingest(folder, tmp_path / "cache", workers=1)
    assert store.layout("strip") == Layout(LEADS, 40, 100.0)
    for row, (person, visit) in enumerate(PEOPLE):
        expected = folder.read(folder.root / f"{person}_20205_{visit}_0.xml")
        found = store.recording(row)
        assert np.array_equal(found.waveforms["strip"].counts, expected.waveforms["strip"].counts)
        assert np.array_equal(found.waveforms["strip"].resolution, [0.005, 0.0025])
        assert found.measurements == {"qt_interval": expected.measurements["qt_interval"]}
        assert found.metadata == expected.metadata
        assert (found.beats is None) == (expected.beats is None)
        voltages = store.ecg("strip", slice(row, row + 1))[0]
        assert np.allclose(voltages, expected.waveforms["strip"].millivolts, equal_nan=True)
    assert store.beats(1).times.tolist() == [0.1, 0.25]
    assert store.beats(1).classes == ("dominant", "PVC")
    assert store.table("measurements")["qt_interval"].tolist() == [
        401,
        401,
        401,
        406,
        405,
        402,
        407,
    ]
    assert store.table("metadata")["low_pass"][4] == 100
    assert np.isnan(np.delete(store.table("metadata")["low_pass"], 4)).all()


def test_a_missing_sample_is_nan(folder, tmp_path):
    store = ingest(folder, tmp_path / "cache", workers=1)
    assert np.argwhere(np.isnan(store.ecg("strip", slice(None)))).tolist() == [[4, 0, 3]]


def test_rows_that_are_chosen_are_read_alone_and_in_order(folder, tmp_path):
    store = ingest(folder, tmp_path / "cache", workers=1)
    kept = np.array([True, False, True, True, False, False, False])
    chosen = store.only(kept)
    assert chosen.sample_ids.tolist() == store.sample_ids[kept].tolist()
    assert np.array_equal(chosen.ecg("strip", slice(None)), store.ecg("strip", slice(None))[kept])
    assert np.array_equal(
        chosen.table("measurements")["qt_interval"],
        store.table("measurements")["qt_interval"][kept],
    )
    assert (
        chosen.only(np.array([False, False, True])).recording(0).measurements
        == store.recording(3).measurements
    )
    assert chosen.content != store.content
    assert len(chosen.only(np.zeros(3, bool)).ecg("strip", slice(None))) == 0


@given(
    counts=arrays(np.int16, st.tuples(st.integers(1, 3), st.integers(1, 30))),
    chunk=st.integers(1, 40),
)
def test_differences_lose_nothing(counts, chunk):
    assert np.array_equal(restored(differences(counts)), counts)
    parts = [zlib.decompress(part) for part in compressed(counts, chunk)]
    shuffled = [
        np.frombuffer(part, np.uint8).reshape(2, -1).T.copy().view(np.uint16) for part in parts
    ]
    whole = np.concatenate(
        [restored(part.reshape(len(counts), chunk)) for part in shuffled], axis=1
    )
    assert np.array_equal(whole[:, : counts.shape[1]], counts)


@dataclass(frozen=True)
class Long(Folder):
    """Recordings of different length, some with none, at different rates."""

    layouts: dict = field(
        default_factory=lambda: {
            "strip": Layout(LEADS, None, 100.0, resample=True),
            "rest": Layout(LEADS, None, 100.0),
        }
    )

    def read(self, file: Path) -> Recording:
        length, rate = map(int, file.read_text().split())
        counts = np.random.default_rng(length).integers(-32767, 32767, (2, length)).astype(np.int16)
        return Recording({"strip": Waveform(counts, np.ones(2), rate)} if length else {})


def test_recordings_of_any_length_are_kept_whole(tmp_path):
    root = tmp_path / "ecgs"
    root.mkdir()
    lengths = [12_345, 0, 5000, 17, 10_001]
    for person, length in enumerate(lengths):
        (root / f"{person}_20205_2_0.xml").write_text(f"{length} 100")
    store = ingest(Long(root), tmp_path / "cache", workers=1)
    lengths.remove(0)
    assert store.samples("strip").tolist() == lengths
    assert store.samples("rest").tolist() == [0] * 4
    assert manifest(store) == {"1_20205_2_0.xml": "strip or rest must be there; the file has none"}
    assert store.layout("strip").samples is None
    for row, length in enumerate(lengths):
        expected = (
            np.random.default_rng(length).integers(-32767, 32767, (2, length)).astype(np.int16)
        )
        assert np.array_equal(store.counts("strip", slice(row, row + 1))[0], expected)
    together = store.ecg("strip", slice(0, 3))
    assert together.shape == (3, 2, 12_345)
    assert np.isnan(together).any(axis=1).sum(axis=1).tolist() == [0, 7345, 12_328]


def test_a_part_that_does_not_fit_and_is_not_needed_is_left_out_alone(tmp_path):
    @dataclass(frozen=True)
    class TwoParts(Long):
        def read(self, file: Path) -> Recording:
            strip = super().read(file).waveforms["strip"]
            return Recording({"strip": strip, "rest": strip._replace(sampling_rate=50.0)})

    root = tmp_path / "ecgs"
    root.mkdir()
    (root / "1_20205_2_0.xml").write_text("400 100")
    store = ingest(TwoParts(root), tmp_path / "cache", workers=1)
    assert store.samples("strip").tolist() == [400]
    assert store.samples("rest").tolist() == [0]
    assert manifest(store) == {"1_20205_2_0.xml rest": "rest must be sampled at 100 Hz; got 50 Hz"}


def test_another_rate_is_resampled_where_the_cohort_allows_it(tmp_path):
    root = tmp_path / "ecgs"
    root.mkdir()
    (root / "1_20205_2_0.xml").write_text("400 50")
    store = ingest(Long(root), tmp_path / "cache", workers=1)
    assert store.samples("strip").tolist() == [800]


def contents(file: Path) -> dict[str, bytes]:
    """Every array of a store, and its attributes."""
    found = {}
    with h5py.File(file) as source:
        source.visititems(
            lambda name, node: found.update(
                {f"{name}@{key}": repr(value).encode() for key, value in node.attrs.items()}
                | ({name: node[()].tobytes()} if isinstance(node, h5py.Dataset) else {})
            )
        )
    return found


def many(root: Path, people: int) -> Folder:
    root.mkdir()
    for person in range(people):
        (root / f"{person:07d}_20205_2_0.xml").write_text(
            "broken" if person % 50 == 7 else f"{person}"
        )
    return Folder(root)


def test_the_number_of_workers_does_not_change_a_byte(tmp_path):
    cohort = many(tmp_path / "ecgs", 200)
    one = ingest(cohort, tmp_path / "one", workers=1)
    two = ingest(cohort, tmp_path / "two", workers=2)
    assert contents(one.file) == contents(two.file)
    assert manifest(one) == manifest(two)
    assert len(one) == 196


@pytest.mark.parametrize("died_at", [0, 1, 130, 199])
def test_an_ingest_that_dies_goes_on_where_it_was_and_ends_the_same(tmp_path, monkeypatch, died_at):
    cohort = many(tmp_path / "ecgs", 200)
    whole = ingest(cohort, tmp_path / "whole", workers=1)
    read = []

    def dies(cohort, source):
        read.append(source.sample_id)
        if len(read) == died_at + 1:
            raise KeyboardInterrupt
        return read_source(cohort, source)

    monkeypatch.setattr(ecgae.recordings.ingest, "read_source", dies)
    with pytest.raises(KeyboardInterrupt):
        ingest(cohort, tmp_path / "cache", workers=1)
    assert not list((tmp_path / "cache").rglob("store.h5"))
    read.clear()
    died_at = -1
    again = ingest(cohort, tmp_path / "cache", workers=1)
    assert contents(again.file) == contents(whole.file)
    assert manifest(again) == manifest(whole)
    assert not list((tmp_path / "cache").rglob("*.parts"))


def test_a_killed_ingest_leaves_its_finished_parts_and_they_are_not_read_again(
    tmp_path, monkeypatch
):
    cohort = many(tmp_path / "ecgs", 200)
    read, dies_at = [], "0000150"

    def dies(cohort, source):
        if source.sample_id == dies_at:
            raise KeyboardInterrupt
        read.append(source.sample_id)
        return read_source(cohort, source)

    monkeypatch.setattr(ecgae.recordings.ingest, "read_source", dies)
    with pytest.raises(KeyboardInterrupt):
        ingest(cohort, tmp_path / "cache", workers=1)
    (part, *_) = sorted((tmp_path / "cache").rglob("*.parts/*.h5"))
    part.with_suffix(".123").write_text("half a part of a process that was killed")
    first = set(read[:128])
    read.clear()
    dies_at = None
    assert len(ingest(cohort, tmp_path / "cache", workers=1)) == 196
    assert not first & set(read)
    assert len(read) == 200 - 128


def test_a_store_is_built_once_until_a_file_changes(folder, tmp_path):
    first = ingest(folder, tmp_path / "cache", workers=1)
    stamp = first.file.stat().st_mtime_ns
    assert ingest(folder, tmp_path / "cache", workers=1).file.stat().st_mtime_ns == stamp
    (folder.root / "0000008_20205_2_0.xml").write_text("9")
    assert len(ingest(folder, tmp_path / "cache", workers=1)) == 8


def test_a_folder_without_a_readable_recording_is_an_error_and_leaves_no_store(tmp_path):
    root = tmp_path / "ecgs"
    root.mkdir()
    with pytest.raises(InputError, match="must have recordings; none was found"):
        ingest(Folder(root), tmp_path / "cache", workers=1)
    (root / "0000001_20205_2_0.xml").write_text("broken")
    with pytest.raises(
        InputError, match="must have a usable recording; 1 files were left out, the first because"
    ):
        ingest(Folder(root), tmp_path / "cache", workers=1)
    assert not list((tmp_path / "cache").rglob("store.h5"))


def test_a_file_that_is_no_store_is_refused(tmp_path):
    (tmp_path / "store.h5").write_text("not HDF5")
    with pytest.raises(InputError, match=r"store\.h5 must be a readable store"):
        Store(tmp_path / "store.h5")


def test_a_store_of_another_version_is_refused(folder, tmp_path):
    file = ingest(folder, tmp_path / "cache", workers=1).file
    with h5py.File(file, "a") as store:
        store.attrs["format"] = "ecgae store 1"
    with pytest.raises(InputError, match="must be of format 'ecgae store 2'; got 'ecgae store 1'"):
        Store(file)


def test_a_store_with_a_damaged_recording_is_refused_when_it_is_read(folder, tmp_path):
    store = ingest(folder, tmp_path / "cache", workers=1)
    with h5py.File(store.file) as source:
        place = source["strip/differences"].id.get_chunk_info(1).byte_offset
    content = bytearray(store.file.read_bytes())
    content[place : place + 8] = b"damaged!"
    store.file.with_name("damaged.h5").write_bytes(content)
    damaged = Store(store.file.with_name("damaged.h5"))
    assert damaged.ecg("strip", slice(0, 1)).shape == (1, 2, 40)
    with pytest.raises(InputError, match="must be intact"):
        damaged.ecg("strip", slice(0, 2))


def test_the_measurements_lie_beside_the_store_as_a_table_that_a_scan_reads(folder, tmp_path):
    store = ingest(folder, tmp_path / "cache", workers=1)
    table = read_phenotypes(store.file.with_name("measurements.tsv"))
    assert list(zip(table.sample_ids, table.visits, strict=True)) == PEOPLE
    assert table.names == ["qt_interval"]
    assert table.values[:, 0].tolist() == [401, 401, 401, 406, 405, 402, 407]


def test_a_kind_that_the_store_has_not_is_refused_with_the_choice(folder, tmp_path):
    store = ingest(folder, tmp_path / "cache", workers=1)
    with pytest.raises(
        InputError, match="input must be one of strip for cohort folder; got median_beat"
    ):
        store.layout("median_beat")


def steps(*overrides: str):
    cfg = composed(*overrides)
    return build(cfg.baseline), build(cfg.denoiser)


def test_cleaning_is_baseline_then_denoiser_and_cached_by_its_numbers(folder, tmp_path):
    store = ingest(folder, tmp_path / "cache", workers=1).only(
        np.arange(7) < 4
    )  # the fifth has a missing sample
    baseline, denoiser = steps("baseline=moving_average", "denoiser=fft")
    found = cleaned.clean(store, "strip", baseline, denoiser, tmp_path / "cache")
    expected = denoiser(baseline(store.ecg("strip", slice(None)), 100.0), 100.0)
    assert np.allclose(found, expected, atol=1e-6)
    assert (
        found.filename
        == cleaned.clean(store, "strip", baseline, denoiser, tmp_path / "cache").filename
    )
    other = steps("baseline=moving_average", "baseline.window=0.3", "denoiser=fft")
    assert found.filename != cleaned.clean(store, "strip", *other, tmp_path / "cache").filename


def test_a_cleaning_that_is_killed_half_way_leaves_nothing_that_looks_whole(
    folder, tmp_path, monkeypatch
):
    store = ingest(folder, tmp_path / "cache", workers=1).only(
        np.arange(7) < 4
    )  # the fifth has a missing sample

    def killed(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "replace", killed)
    with pytest.raises(KeyboardInterrupt):
        cleaned.clean(store, "strip", *steps(), tmp_path / "cache")
    assert not list((tmp_path / "cache" / "cleaned").glob("*.npy"))
