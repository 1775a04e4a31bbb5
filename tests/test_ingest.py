"""Every file is either in the store or in the manifest with a reason; every recording is cleaned once."""

import os
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from conftest import composed

from ecgae import preprocess
from ecgae.cohort import Layout, Recording, Waveform
from ecgae.cohort.ukb_rest import find_xml
from ecgae.entry import build
from ecgae.errors import InputError
from ecgae.ingest import ingest
from ecgae.store import Store

LEADS = ("I", "II")


@dataclass(frozen=True)
class Folder:
    """A cohort of tiny recordings; a file holds the number of its seed, or what is wrong with it."""

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
        return find_xml(self.root)

    def read(self, file: Path) -> Recording:
        content = file.read_text()
        if content == "broken":
            raise InputError("XML must be complete; it ends early")
        counts = np.random.default_rng(int(content.split()[-1])).integers(-100, 100, (2, 40)).astype(np.int16)
        if "flat" in content:
            counts[1] = 7
        if "short" in content:
            counts = counts[:, :30]
        if "gap" in content:
            counts[0, 3] = -32768
        return Recording(Waveform(counts, 0.005, 50.0 if "slow" in content else 100.0), None, {"qt_interval": 400.0})


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
        "0000004_20205_2_0.xml": "flat 5",
        "0000005_20205_2_0.xml": "short 6",
        "0000006_20205_2_0.xml": "slow 7",
        "0000007_20205_2_0.xml": "gap 8",
        "notes.txt": "",
    }
    for name, content in contents.items():
        (root / name).write_text(content)
    return Folder(root)


def manifest(store: Store) -> dict[str, str]:
    table = pd.read_csv(store.file.with_name("manifest.tsv"), sep="\t")
    return dict(zip(table.file, table.reason, strict=True))


def test_the_earliest_readable_visit_of_a_person_is_taken(folder, tmp_path):
    store = ingest(folder, tmp_path / "cache", workers=1)
    assert list(zip(store.sample_ids, store.visits, strict=True)) == [("0000001", 2), ("0000002", 3), ("0000003", 3)]


def test_every_other_file_is_listed_with_its_reason(folder, tmp_path, capsys):
    reasons = manifest(ingest(folder, tmp_path / "cache", workers=1))
    assert len(reasons) + 3 == len(list(folder.root.iterdir()))
    assert reasons["0000001_20205_3_0.xml"] == "another recording of this person is used; that of visit 2"
    assert reasons["0000003_20205_2_0.xml"] == "XML must be complete; it ends early"
    assert reasons["0000004_20205_2_0.xml"] == "strip must vary in every lead; II flat"
    assert reasons["0000005_20205_2_0.xml"] == "strip must have (2, 40) leads and samples; got (2, 30)"
    assert reasons["0000006_20205_2_0.xml"] == "strip must be sampled at 100 Hz; got 50 Hz"
    assert reasons["0000007_20205_2_0.xml"] == "strip must have no missing samples; got 1"
    assert reasons["notes.txt"] == "name must be <eid>_20205_<instance>_<array>.xml"
    printed = capsys.readouterr().out
    assert "3 recordings of 3 people; 7 files left out" in printed
    assert "0000001" not in printed


def test_the_store_gives_back_what_the_file_held_in_millivolts(folder, tmp_path):
    store = ingest(folder, tmp_path / "cache", workers=1)
    expected = folder.read(folder.root / "0000002_20205_3_0.xml").strip
    assert np.array_equal(store.waveform("strip", 1).counts, expected.counts)
    assert np.allclose(store.ecg("strip", slice(1, 2))[0], expected.counts * 0.005, atol=1e-6)
    assert store.layout("strip") == Layout(LEADS, 40, 100.0)
    assert store.measurements()["qt_interval"].tolist() == [400, 400, 400]


def test_a_store_is_built_once_until_a_file_changes(folder, tmp_path):
    first = ingest(folder, tmp_path / "cache", workers=1)
    stamp = first.file.stat().st_mtime_ns
    assert ingest(folder, tmp_path / "cache", workers=1).file.stat().st_mtime_ns == stamp
    (folder.root / "0000008_20205_2_0.xml").write_text("9")
    assert len(ingest(folder, tmp_path / "cache", workers=1)) == 4


def test_a_folder_without_a_readable_recording_is_an_error_and_leaves_no_store(tmp_path):
    root = tmp_path / "ecgs"
    root.mkdir()
    with pytest.raises(InputError, match="must have recordings; none was found"):
        ingest(Folder(root), tmp_path / "cache", workers=1)
    (root / "0000001_20205_2_0.xml").write_text("broken")
    with pytest.raises(InputError, match="must have a readable recording; 1 files were left out, the first because"):
        ingest(Folder(root), tmp_path / "cache", workers=1)
    assert not list((tmp_path / "cache").rglob("store.h5"))


def test_a_file_that_is_no_store_is_refused(tmp_path):
    (tmp_path / "store.h5").write_text("not HDF5")
    with pytest.raises(InputError, match=r"store\.h5 must be a readable store"):
        Store(tmp_path / "store.h5")


def test_a_kind_that_the_store_has_not_is_refused_with_the_choice(folder, tmp_path):
    store = ingest(folder, tmp_path / "cache", workers=1)
    with pytest.raises(InputError, match="input must be one of strip for cohort folder; got median_beat"):
        store.layout("median_beat")


def steps(*overrides: str):
    cfg = composed(*overrides)
    return build(cfg.baseline), build(cfg.denoiser)


def test_cleaning_is_baseline_then_denoiser_and_cached_by_its_numbers(folder, tmp_path):
    store = ingest(folder, tmp_path / "cache", workers=1)
    baseline, denoiser = steps("baseline=moving_average", "denoiser=fft")
    cleaned = preprocess.clean(store, "strip", baseline, denoiser, tmp_path / "cache")
    expected = denoiser(baseline(store.ecg("strip", slice(None)), 100.0), 100.0)
    assert np.allclose(cleaned, expected, atol=1e-6)
    assert cleaned.filename == preprocess.clean(store, "strip", baseline, denoiser, tmp_path / "cache").filename
    other = steps("baseline=moving_average", "baseline.window=0.3", "denoiser=fft")
    assert cleaned.filename != preprocess.clean(store, "strip", *other, tmp_path / "cache").filename


def test_a_cleaning_that_is_killed_half_way_leaves_nothing_that_looks_whole(folder, tmp_path, monkeypatch):
    store = ingest(folder, tmp_path / "cache", workers=1)

    def killed(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "replace", killed)
    with pytest.raises(KeyboardInterrupt):
        preprocess.clean(store, "strip", *steps(), tmp_path / "cache")
    assert not list((tmp_path / "cache" / "cleaned").glob("*.npy"))
