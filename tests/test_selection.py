"""Recordings of bad quality are left out, counted and listed; what judges them is the recording,
not its average."""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
from conftest import composed

from ecgae.ecg import LEADS
from ecgae.entry.build import build
from ecgae.errors import InputError
from ecgae.recordings.cohort._ukb_folder import find_xml
from ecgae.recordings.formats.recording import MISSING, Beats, Layout, Recording, Waveform
from ecgae.recordings.ingest import ingest
from ecgae.recordings.input import Input
from ecgae.recordings.usable import measured, usable, without
from ecgae.signals.beats import MedianBeat
from ecgae.signals.quality import Exclusions

RATE = 250.0
FIXED = {"strip": Layout(LEADS, 2500, RATE), "median_beat": Layout(LEADS, 300, RATE)}
FAULTS = {
    "0": "good",
    "1": "flat",
    "2": "gap",
    "3": "paced",
    "4": "ectopic",
    "5": "good",
    "6": "poor",
}


def strip(fault: str) -> np.ndarray:
    random = np.random.default_rng(0)
    phase = (np.arange(2500) / RATE) % 0.85
    beat = 1000 * np.exp(-(((phase - 0.4) / 0.012) ** 2)) + 250 * np.exp(
        -(((phase - 0.65) / 0.04) ** 2)
    )
    counts = np.outer(np.linspace(0.5, 1.5, 12), beat) + random.normal(0, 10, (12, 2500))
    counts[2] = counts[1] - counts[0]
    counts = np.rint(counts).astype(np.int16)
    if fault == "flat":
        counts[10] = 3
    if fault == "gap":
        counts[3, 100] = MISSING
    return counts


@dataclass(frozen=True)
class Faulty:
    """A cohort in which each file holds a word that says what is wrong with its recording."""

    root: Path
    name: str = "faulty"
    public: bool = True
    genotypes: None = None
    covariates: None = None
    categorical: tuple = ()
    planted: None = None
    layouts: dict = field(default_factory=lambda: FIXED)

    def prepare(self) -> None: ...

    def sources(self):
        return find_xml(self.root, 20205)

    def read(self, file: Path) -> Recording:
        fault = file.read_text()
        counts = strip(fault)
        size = np.full(12, 0.001)
        classes = ("dominant", "PVC", "PVC") if fault == "ectopic" else ("dominant", "dominant")
        return Recording(
            {
                "strip": Waveform(counts, size, RATE),
                "median_beat": Waveform(counts[:, :300], size, RATE),
            },
            metadata={"paced": float(fault == "paced"), "poor_quality": float(fault == "poor")},
            beats=Beats(np.arange(1.0, len(classes) + 1), classes),
        )


@pytest.fixture
def cohort(tmp_path):
    root = tmp_path / "ecgs"
    root.mkdir()
    for person, fault in FAULTS.items():
        (root / f"{person}_20205_2_0.xml").write_text(fault)
    return Faulty(root)


ALL = Exclusions(missing=0, flat=1, ectopic_share=0.5, paced=True, poor_quality=True)


def test_recordings_that_do_not_meet_a_requirement_are_left_out_and_listed(
    cohort, tmp_path, capsys
):
    kept = usable(cohort, Input("strip"), MedianBeat(), ALL, tmp_path / "cache", workers=2)
    assert kept.store.sample_ids.tolist() == ["0", "5"]
    assert dict(zip(kept.excluded.sample_id, kept.excluded.reason, strict=True)) == {
        "1": "lead V5 must vary; flat for 10.0 s",
        "2": "lead aVR must have its samples; 0.04% are missing",
        "3": "rhythm must be the heart's own; it is paced",
        "4": "beats must be normal; 67% are ectopic",
        "6": "quality must not be poor; the device says it is",
    }
    printed = capsys.readouterr().out
    assert "5 of 7 recordings excluded by the quality of their strip" in printed
    assert "1  lead V5 must vary\n" in printed


def test_nothing_is_required_by_default_of_the_class(cohort, tmp_path):
    kept = usable(cohort, Input("strip"), MedianBeat(), Exclusions(), tmp_path / "cache", workers=1)
    assert len(kept.store) == len(FAULTS)
    assert kept.excluded.empty


def test_a_median_beat_is_judged_by_its_strip(cohort, tmp_path):
    flat_for_two_seconds = Exclusions(flat=2)  # longer than a median beat lasts
    kept = usable(
        cohort,
        Input("median_beat"),
        MedianBeat(),
        flat_for_two_seconds,
        tmp_path / "cache",
        workers=1,
    )
    assert kept.excluded.sample_id.tolist() == ["1"]
    assert kept.store.ecg("median_beat", slice(None)).shape == (6, 12, 300)


def test_quality_is_measured_once_per_store(cohort, tmp_path, monkeypatch):
    store = ingest(cohort, tmp_path / "cache", workers=1)
    first = measured(store, "strip", workers=1)
    monkeypatch.setattr("ecgae.recordings.usable.quality", None)
    again = measured(store, "strip", workers=1)
    assert np.array_equal(first.flat, again.flat)


def test_recordings_of_any_length_are_judged_over_their_own_length(cohort, tmp_path):
    @dataclass(frozen=True)
    class AnyLength(Faulty):
        layouts: dict = field(default_factory=lambda: {"strip": Layout(LEADS, None, RATE)})

        def read(self, file: Path) -> Recording:
            recording = super().read(file)
            whole = recording.waveforms["strip"]
            shorter = whole._replace(counts=whole.counts[:, : 2500 - 100 * int(file.name[0])])
            return recording._replace(waveforms={"strip": shorter})

    store = ingest(AnyLength(cohort.root), tmp_path / "cache", workers=1)
    found = measured(store, "strip", workers=1)
    assert (found.missing > 0).any(axis=1).tolist() == [
        False,
        False,
        True,
        False,
        False,
        False,
        False,
    ]


def test_it_is_an_error_when_nobody_is_left(cohort, tmp_path):
    store = ingest(cohort, tmp_path / "cache", workers=1)
    with pytest.raises(
        InputError, match=r"a recording must be left .* all 7 .* lead .* must show a heart"
    ):
        without(store, "strip", Exclusions(lowest_amplitude=100), workers=1)


PACED = "rhythm must be the heart's own; it is paced"


@pytest.mark.parametrize(
    ("name", "folder", "reasons"),
    [
        ("ukb_rest", "cardiosoft", []),
        ("ptbxl", "ptbxl", [*[PACED] * 5, "lead V1 must not wander; it does by 7.8 mV"]),
    ],
)
def test_the_shipped_requirements_leave_out_hardly_a_public_recording_but_paced_ones(
    real_data, tmp_path, name, folder, reasons
):
    cfg = composed(f"cohort={name}", f"cohort.ecgs={real_data / folder}")
    cohort, exclusions = build(cfg.cohort), build(cfg.exclusions)
    kept = usable(cohort, Input("strip"), MedianBeat(), exclusions, tmp_path / "cache", workers=2)
    assert kept.excluded.reason.tolist() == reasons
