"""What a network sees: recordings as stored, cut, resampled, or median beats built from them."""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from conftest import composed

from ecgae.ecg import LEADS
from ecgae.entry.build import build
from ecgae.errors import InputError
from ecgae.recordings.cohort._ukb_folder import find_xml
from ecgae.recordings.cohort.ptbxl import PTBXL
from ecgae.recordings.cohort.ukb_rest import UKBRest
from ecgae.recordings.formats.recording import Layout, Recording, Waveform
from ecgae.recordings.ingest import ingest
from ecgae.recordings.input import Input
from ecgae.signals.beats import MedianBeat

RATE = 250.0
BEAT = MedianBeat()


def beating(seconds: float, heart_rate: float = 70) -> np.ndarray:
    """One lead, twice: P, QRS and T once per beat, in counts of 1 uV."""
    time = np.arange(round(seconds * RATE)) / RATE
    phase = (time - 0.4) % (60 / heart_rate)
    waves = ((0.0, 0.012, 1000), (0.25, 0.04, 250), (60 / heart_rate - 0.16, 0.02, 120))
    lead = sum(height * np.exp(-(((phase - at) / width) ** 2)) for at, width, height in waves)
    lead += 1000 * np.exp(-(((phase - 60 / heart_rate) / 0.012) ** 2))
    return np.rint(np.stack([lead, 0.6 * lead])).astype(np.int16)


@dataclass(frozen=True)
class Strips:
    """A cohort of strips of any length without median beats; each file says how long its strip
    is."""

    root: Path
    name: str = "strips"
    public: bool = True
    genotypes: None = None
    covariates: None = None
    categorical: tuple = ()
    planted: None = None
    layouts: dict = field(default_factory=lambda: {"strip": Layout(("I", "II"), None, RATE)})

    def prepare(self) -> None: ...

    def sources(self):
        return find_xml(self.root, 20205)

    def read(self, file: Path) -> Recording:
        seconds, heart_rate = map(float, file.read_text().split())
        return Recording({"strip": Waveform(beating(seconds, heart_rate), np.full(2, 0.001), RATE)})


@pytest.fixture
def store(tmp_path):
    root = tmp_path / "ecgs"
    root.mkdir()
    for person, content in enumerate(("10 60", "12 80", "8 70", "30 55")):
        (root / f"{person}_20205_2_0.xml").write_text(content)
    return ingest(Strips(root), tmp_path / "cache", workers=1)


def reasons(store):
    table = pd.read_csv(store.file.with_name(f"{store.file.stem}.manifest.tsv"), sep="\t")
    return dict(zip(table.file, table.reason, strict=True))


def test_a_strip_is_cut_to_its_first_or_last_seconds_and_shorter_ones_are_left_out_with_the_reason(
    store,
):
    first = Input("strip", seconds=10).prepared(store, BEAT, workers=1)
    last = Input("strip", seconds=10, part="end").prepared(store, BEAT, workers=1)
    assert first.sample_ids.tolist() == ["0", "1", "3"]
    assert first.layout("strip") == Layout(("I", "II"), 2500, RATE)
    for row, place in enumerate((0, 1, 3)):
        whole = store.recording(place).waveforms["strip"].counts
        assert np.array_equal(first.counts("strip", slice(row, row + 1))[0], whole[:, :2500])
        assert np.array_equal(last.counts("strip", slice(row, row + 1))[0], whole[:, -2500:])
    assert reasons(first) == {"2 visit 2": "strip must last 10 s; it lasts 8 s"}


def test_recordings_of_different_length_need_to_be_cut(store):
    with pytest.raises(
        InputError,
        match=r"input\.seconds must be set, for strips of cohort=strips differ in length",
    ):
        Input("strip").prepared(store, BEAT, workers=1)


def test_strips_are_resampled_when_another_rate_is_asked_for(store):
    found = Input("strip", seconds=8, sampling_rate=100).prepared(store, BEAT, workers=1)
    assert found.layout("strip") == Layout(("I", "II"), 800, 100.0)
    time = np.arange(800) / 100
    here, there = found.ecg("strip", slice(0, 1))[0], store.ecg("strip", slice(0, 1))[0]
    assert np.abs(here[0] - np.interp(time, np.arange(2500) / RATE, there[0])).max() < 0.1


def test_a_median_beat_is_built_where_the_source_has_none_and_its_intervals_are_measured(store):
    found = Input("median_beat").prepared(store, BEAT, workers=1)
    assert len(found) == 4
    assert found.layout("median_beat") == Layout(("I", "II"), 300, RATE)
    beats = found.ecg("median_beat", slice(None))
    assert np.allclose(beats.max(axis=2), [[1.0, 0.6]] * 4, atol=0.05)
    assert (np.abs(beats[:, 0].argmax(axis=1) - 0.476 * RATE) <= 1).all()
    measured = found.table("measurements")
    assert np.allclose(measured["heart_rate"], [60, 80, 70, 55], atol=2)
    assert np.allclose(measured["r_amplitude_I"], 1000, atol=50)
    assert (found.table("metadata")["ectopic_share"] == 0).all()
    table = pd.read_csv(found.file.with_name(f"{found.file.stem}.measurements.tsv"), sep="\t")
    assert table.IID.tolist() == [0, 1, 2, 3]


def test_a_strip_with_too_few_beats_gives_no_median_beat_and_says_so(store):
    found = Input("median_beat", seconds=4).prepared(store, MedianBeat(min_beats=3), workers=1)
    assert len(found) < 4
    assert all(
        "a median beat must have at least 3 normal beats" in reason
        for reason in reasons(found).values()
    )


def test_what_is_stored_as_wanted_is_used_as_it_is(store):
    same = Input("strip", seconds=10).prepared(store, BEAT, workers=1)
    assert Input("strip").prepared(same, BEAT, workers=1) is same


def test_the_shape_is_known_before_anything_is_read(tmp_path):
    cohort = Strips(tmp_path)
    wanted = Input("median_beat", sampling_rate=500)
    assert wanted.layout(cohort.layouts, "strips", BEAT)[:2] == (("I", "II"), 600)
    assert Input("strip").layout(UKBRest("x").layouts, "ukb_rest", BEAT)[:2] == (LEADS, 5000)
    short = Input("strip", seconds=2.5, sampling_rate=100)
    assert short.layout(PTBXL("x").layouts, "ptbxl", BEAT).samples == 250


def test_another_cohort_is_brought_to_the_rate_that_a_model_was_trained_at(tmp_path):
    trained = Input("median_beat").layout(PTBXL("x").layouts, "ptbxl", BEAT)
    slower = PTBXL("x", records=100)
    assert Input("median_beat").layout(slower.layouts, "ptbxl", BEAT).samples == 120
    same = Input("median_beat").of_another(slower, trained, "joint", BEAT)
    assert same.layout(slower.layouts, "ptbxl", BEAT) == trained
    assert Input("median_beat").of_another(PTBXL("x"), trained, "joint", BEAT) == Input(
        "median_beat"
    )


def test_a_cohort_of_other_leads_is_refused_unless_each_lead_goes_alone(tmp_path):
    trained = Input("median_beat").layout(PTBXL("x").layouts, "ptbxl", BEAT)
    with pytest.raises(
        InputError,
        match=r"12 leads \(I, II, .* of 600 samples; got 2 \(I, II\) of 600 in cohort=strips",
    ):
        Input("median_beat").of_another(Strips(tmp_path), trained, "joint", BEAT)
    assert (
        Input("median_beat").of_another(Strips(tmp_path), trained, "single", BEAT).sampling_rate
        == 500
    )


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Input("strip", seconds=0), r"input\.seconds must be positive or null; got 0"),
        (
            lambda: Input("strip", sampling_rate=-1),
            r"input\.sampling_rate must be positive or null; got -1",
        ),
        (
            lambda: Input("strip", part="middle"),
            r"input\.part must be one of start, end; got 'middle'",
        ),
        (
            lambda: Input("pretest").source(UKBRest.layouts, "ukb_rest"),
            "input must be one of strip, median_beat, full",
        ),
        (
            lambda: Input("median_beat", built_from="pretest").source(PTBXL("x").layouts, "ptbxl"),
            "got median_beat built from pretest",
        ),
    ],
)
def test_bad_numbers_are_refused_with_a_sentence(make, message):
    with pytest.raises(InputError, match=message):
        make()


@pytest.mark.parametrize("choice", ["strip", "median_beat", "pretest", "exercise", "recovery"])
def test_every_input_is_built_from_its_yaml(choice):
    assert build(composed(f"input={choice}").input).recording == choice
