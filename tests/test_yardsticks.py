"""What a comparison holds beside models: measured right, scored once, on the same people as the
run."""

import json
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import reference
import yaml
from conftest import ROOT, composed
from recorded import Recorded

from ecgae.ecg import DERIVED_LEADS, LEADS
from ecgae.entry.command_line import plain
from ecgae.entry.scanning import choices_of
from ecgae.errors import InputError
from ecgae.genetics.engine.ols import OLS
from ecgae.genetics.genetic_files import GeneticFiles
from ecgae.models.latents import CONFIRM, SELECT, TRAINING, VALIDATION, read_latents
from ecgae.scoring.scored_yardsticks import (
    YARDSTICKS,
    RecordedPeople,
    Recordings,
    require_known,
    score_yardsticks,
)
from ecgae.scoring.study import Study
from ecgae.scoring.yardstick import Source
from ecgae.scoring.yardstick.intervals import Intervals
from ecgae.scoring.yardstick.oracle import Oracle
from ecgae.scoring.yardstick.pca import PCA
from ecgae.scoring.yardstick.time_points import TimePoints
from ecgae.signals.beats import MedianBeat

PEOPLE, R_PEAK = 240, 238
PARTS = np.resize([TRAINING, SELECT, SELECT, CONFIRM, VALIDATION], PEOPLE)


class Beats(Recorded):
    """A store of median beats with measurements."""

    def __init__(self, ecg: np.ndarray, measurements: dict[str, np.ndarray]) -> None:
        super().__init__(ecg, ("median_beat",))
        self.measurements = measurements

    def only(self, kept):
        chosen = Beats(
            self.recorded[kept], {name: values[kept] for name, values in self.measurements.items()}
        )
        chosen.sample_ids, chosen.visits = self.sample_ids[kept], self.visits[kept]
        return chosen

    def table(self, name):
        return self.measurements


@dataclass(frozen=True)
class World:
    """RecordedPeople whose R amplitude in mV and R peak are known, and who has two copies of the
    allele behind it."""

    store: Beats
    amplitude: np.ndarray
    centre: np.ndarray
    """Sample of the R peak."""
    dosage: np.ndarray


@pytest.fixture(scope="module")
def world() -> World:
    rng = np.random.default_rng(1)
    dosage = reference.random_dosage(rng, PEOPLE, 60, low=0.3, high=0.7)
    amplitude = 1 + 0.5 * dosage[:, 7] + rng.normal(0, 0.1, PEOPLE)
    centre = R_PEAK + rng.integers(-15, 16, PEOPLE)
    time = np.arange(600)
    wave = np.exp(-(((time - centre[:, None]) / 8) ** 2)) * amplitude[:, None]
    wave = wave + 0.3 * np.exp(-(((time - 400) / 25) ** 2)) * rng.normal(1, 0.3, (PEOPLE, 1))
    ecg = np.linspace(0.4, 1.5, 12)[:, None] * wave[:, None] + rng.normal(
        0, 0.01, (PEOPLE, 12, 600)
    )
    measurements = {f"r_amplitude_{lead}": 1000 * amplitude for lead in LEADS}
    measurements |= {
        "qrs_duration": rng.normal(90, 8, PEOPLE),
        "p_onset": rng.normal(300, 5, PEOPLE),
    }
    q = rng.normal(100, 20, PEOPLE)
    q[: PEOPLE // 4] = np.nan  # no Q wave
    rare = np.where(np.arange(PEOPLE) < 30, 50.0, np.nan)
    measurements |= {
        "q_amplitude_V5": q,
        "q_amplitude_V1": rare,
        "pq_interval": np.where(rare > 0, 160.0, np.nan),
    }
    return World(Beats(ecg.astype(np.float32), measurements), amplitude, centre, dosage)


def source(world: World, truth: Path | None = None) -> Source:
    return Source(world.store, np.isin(PARTS, [TRAINING, VALIDATION]), truth)


def test_every_yardstick_has_one_file_and_a_name_in_the_config():
    folder = ROOT / "ecgae" / "scoring" / "yardstick"
    files = {file.stem for file in folder.glob("*.py") if not file.stem.startswith("_")}
    assert files == set(YARDSTICKS) == set(composed().yardsticks)


def test_intervals_are_those_that_people_have_in_the_leads_that_are_measured(world):
    names, values = Intervals()(source(world))
    assert "r_amplitude_I" in names
    assert "qrs_duration" in names
    assert not {f"r_amplitude_{lead}" for lead in DERIVED_LEADS} & set(names)
    assert "p_onset" not in names  # where a wave lies in the window is no measurement of the heart
    assert "pq_interval" not in names  # an eighth of the people have one
    assert values.shape == (PEOPLE, len(names))


def test_a_wave_that_is_blank_is_none_and_a_person_without_measurements_is_missing(world):
    nobody = {name: values.copy() for name, values in world.store.measurements.items()}
    for values in nobody.values():
        values[5] = np.nan
    names, values = Intervals()(
        Source(Beats(world.store.recorded, nobody), np.ones(PEOPLE, bool), None)
    )
    q = values[:, names.index("q_amplitude_V5")]
    assert (np.delete(q[: PEOPLE // 4], 5) == 0).all()
    assert np.isnan(values[5]).all()
    assert "q_amplitude_V1" not in names  # nearly everybody has none


def test_principal_components_are_fitted_on_training_people_only(world):
    found = PCA(components=3)(source(world))
    strangers = world.store.recorded.copy()
    strangers[PARTS == SELECT] *= 40
    others = PCA(components=3)(
        source(World(Beats(strangers, {}), world.amplitude, world.centre, world.dosage))
    )
    trained = np.isin(PARTS, [TRAINING, VALIDATION])
    assert np.allclose(found.values[trained], others.values[trained], atol=1e-4)
    assert (np.diff(found.values[trained].var(axis=0)) < 0).all()  # the widest first
    assert found.names == ["component_01", "component_02", "component_03"]


def test_time_points_are_aligned_to_everybodys_own_r_peak(world):
    names, values = TimePoints(step=0.01, least_spread=0)(source(world))
    at_r = values[:, names.index("V6_+0ms")]
    assert np.corrcoef(at_r, world.amplitude)[0, 1] > 0.99
    fixed = world.store.recorded[:, -1, R_PEAK]
    assert np.corrcoef(fixed, world.amplitude)[0, 1] < 0.9
    assert not {name.partition("_")[0] for name in names} & set(DERIVED_LEADS)
    assert len([name for name in names if name.startswith("V6")]) == 81


def test_time_points_at_which_everybody_is_at_zero_are_left_out(world):
    every, _ = TimePoints(least_spread=0)(source(world))
    names, _ = TimePoints(least_spread=0.05)(source(world))
    assert set(names) < set(every)
    assert {"V6_+0ms", "V6_+320ms"} <= set(names)  # R and T
    assert not {"V6_-200ms", "V6_+160ms"} & set(names)
    with pytest.raises(InputError, match="median beats must differ by 9 mV somewhere"):
        TimePoints(least_spread=9)(source(world))


def test_time_points_outside_the_beat_are_missing_and_those_outside_most_beats_left_out(world):
    short = World(
        Beats(world.store.recorded[..., :450], {}), world.amplitude, world.centre, world.dosage
    )
    names, values = TimePoints(step=0.01, least_spread=0)(source(short))
    last = max(
        int(name.split("_")[1].removesuffix("ms")) for name in names if name.startswith("V6")
    )
    assert last == 420  # sample 448 of a beat of 450 whose R peak is at 238
    assert np.isnan(values[np.argmax(world.centre), names.index(f"V6_+{last}ms")])


def test_the_oracle_is_everybodys_parameters_by_id(world, tmp_path):
    ids = world.store.sample_ids
    table = pd.DataFrame(
        {"FID": ids, "IID": ids, "qrs_duration": np.arange(PEOPLE), "qt_interval": 1.0}
    )
    table.iloc[::-1].iloc[:-1].to_csv(tmp_path / "parameters.tsv", sep="\t", index=False)
    names, values = Oracle()(source(world, tmp_path / "planted.tsv"))
    assert names == ["qrs_duration"]
    assert np.isnan(values[0, 0])
    assert values[1:, 0].tolist() == list(range(1, PEOPLE))


@pytest.fixture
def scoring(world, tmp_path, request):
    """A call of `score_yardsticks` on the world's people, with a real study."""
    prefix = reference.write_genotypes(
        tmp_path / "x", world.dosage, sample_ids=world.store.sample_ids.tolist()
    )
    cfg = composed("checks.heritability=false", "checks.ld_scores=false", "checks.permutations=0")
    study = Study.open(GeneticFiles(genotypes=prefix), choices_of(cfg))
    cohort = SimpleNamespace(planted=None)
    recordings = Recordings(cohort, MedianBeat(), tmp_path / "cache", 1)

    def call(*names, store=world.store, parts=PARTS, study=study, engine=None, **sections):
        engine = engine or OLS(constant_phenotypes="fail")
        config = plain(cfg) | sections
        people = RecordedPeople(store, parts)
        score_yardsticks(names, people, recordings, study, engine, config, tmp_path / "yardsticks")
        return sorted(
            path.name
            for path in (tmp_path / "yardsticks").iterdir()
            if not path.name.startswith(".")
        )

    return SimpleNamespace(call=call, folder=tmp_path / "yardsticks", study=study)


def test_a_yardstick_is_scored_on_the_select_people_and_keeps_everybodys_phenotypes(
    scoring, world, capsys
):
    (name,) = scoring.call("intervals")
    directory = scoring.folder / name
    score = json.loads((directory / "score.json").read_text())
    assert score["n_individuals"] == (PARTS == SELECT).sum()
    assert score["loci"] == 1
    assert "yardstick intervals: 1 loci" in capsys.readouterr().out
    config = yaml.safe_load((directory / "config.yaml").read_text())
    assert config["yardstick"] == "intervals"
    assert {"cohort", "split", "score", "engine"} <= set(config)
    kept = read_latents(directory / "latents.h5")
    assert kept.sample_ids.tolist() == world.store.sample_ids.tolist()
    assert set(kept.split) == {
        TRAINING,
        SELECT,
        CONFIRM,
    }  # validation people are training people to a yardstick


def test_a_yardstick_is_scored_once_for_all_runs_on_the_same_people(scoring, monkeypatch):
    first = scoring.call("intervals")

    def scan(*_, **__):
        raise AssertionError("scanned again")

    monkeypatch.setattr(Study, "scan", scan)
    another_seed = PARTS.copy()
    another_seed[PARTS == TRAINING], another_seed[PARTS == VALIDATION] = VALIDATION, TRAINING
    same = scoring.call(
        "intervals", architecture={"other": 1}, parts=another_seed, paths={"runs": "elsewhere"}
    )
    assert same == first


@pytest.mark.parametrize("what", ["people", "parts", "score"])
def test_other_people_or_settings_make_another_score(scoring, world, what):
    scoring.call("intervals")
    if what == "people":
        kept = np.arange(PEOPLE) > 0
        assert len(scoring.call("intervals", store=world.store.only(kept), parts=PARTS[kept])) == 2
    elif what == "parts":
        assert len(scoring.call("intervals", parts=np.roll(PARTS, 1))) == 2
    else:
        assert len(scoring.call("intervals", score={"alpha": 1e-6})) == 2


def test_what_a_cohort_does_not_allow_is_left_out_with_a_word_and_leaves_nothing(scoring, capsys):
    assert [name.partition("-")[0] for name in scoring.call("oracle", "intervals")] == ["intervals"]
    assert "yardstick oracle is left out: truth must be known" in capsys.readouterr().out


def test_a_scan_that_fails_leaves_no_half_yardstick(scoring, capsys):
    assert scoring.call("intervals", engine=OLS(report_below=1e-7)) == []
    assert (
        "yardstick intervals is left out: score.member_p must not exceed" in capsys.readouterr().out
    )


def test_an_unknown_yardstick_is_refused_with_the_alternatives():
    with pytest.raises(
        InputError,
        match=r"yardsticks must be some of intervals, pca, time_points, oracle; got ruler\.",
    ):
        require_known(["intervals", "ruler"])


def test_people_without_a_median_beat_are_missing_and_not_dropped(scoring, world, monkeypatch):
    """The run's own recordings are strips; one person's strip gave no beat."""
    strips = Recorded(np.zeros((PEOPLE, 12, 700), np.float32))
    without = np.arange(PEOPLE) != 4
    monkeypatch.setattr(
        "ecgae.scoring.scored_yardsticks._with_beats",
        lambda store, recordings: world.store.only(without),
    )
    (name,) = scoring.call("pca", store=strips)
    kept = read_latents(scoring.folder / name / "latents.h5")
    assert np.isnan(kept.values[4]).all()
    assert np.isfinite(kept.values[without]).all()
    assert len(kept.values) == PEOPLE
