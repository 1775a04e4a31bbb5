"""The denoising bench computes what its tables say, and the documented tables are those of its
committed result."""

import json
from itertools import product
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from conftest import ROOT, choices

from ecgae.errors import InputError

FOLDER = ROOT / "benchmarks" / "denoising"
RATE = 500.0


@pytest.fixture
def bench(monkeypatch) -> SimpleNamespace:
    """The modules of the bench, which import each other as a script does."""
    monkeypatch.syspath_prepend(str(FOLDER))
    import denoising
    import measures
    import strips
    import tables

    return SimpleNamespace(denoising=denoising, measures=measures, strips=strips, tables=tables)


@pytest.fixture(scope="module")
def noise() -> dict[str, np.ndarray]:
    """What `electrode_noise` gives, made up."""
    rng = np.random.default_rng(0)
    return {
        "wander": rng.standard_normal((2, 20_000)).cumsum(axis=1),
        "muscle": rng.standard_normal((2, 20_000)),
    }


def beat_with(t_peak: float, st: float = 0.0) -> np.ndarray:
    """One beat [12 400], R at 0.25 s, in mV: the T wave's peak is `t_peak` s after R, the ST level
    `st`."""
    time = np.arange(400) / RATE - 0.25
    plateau = st * ((time > 0.07) & (time < 0.14))
    trace = (
        np.exp(-((time / 0.012) ** 2)) + 0.4 * np.exp(-(((time - t_peak) / 0.04) ** 2)) + plateau
    )
    return np.linspace(0.5, 1.5, 12)[:, None] * trace


def strips_of(bench, *beats: np.ndarray):
    return bench.strips.Strips(
        np.stack(beats).astype(np.float32), [np.array([125])] * len(beats), np.ones(len(beats))
    )


def test_noise_has_the_wanted_snr_in_every_lead(bench, noise):
    clean = bench.strips.simulated(2, seed=1).ecg
    noisy = bench.strips.at_snr(clean, bench.strips.mixed(noise, clean.shape, seed=1), 6.0)
    assert -10 * np.log10(bench.measures.error_share(clean, noisy)) == pytest.approx(6.0, abs=1e-3)


def test_every_lead_gets_noise_of_its_own_and_a_seed_gives_it_again(bench, noise):
    added, again, other = (bench.strips.mixed(noise, (2, 12, 5000), seed) for seed in (1, 1, 2))
    assert np.array_equal(added, again)
    assert not np.array_equal(added, other)
    assert len(np.unique(added[..., 0])) == 24
    assert np.allclose(added.mean(axis=-1), 0)
    assert np.allclose(added.std(axis=-1), 1)


def test_a_constant_is_no_error(bench):
    clean = bench.strips.simulated(1, seed=1).ecg
    assert bench.measures.error_share(clean, clean + 3.0) == pytest.approx(0.0, abs=1e-9)


def test_simulated_strips_have_no_noise_and_their_r_peaks_where_they_are_said_to_be(bench):
    strips = bench.strips.simulated(3, seed=2)
    for ecg, peaks in zip(strips.ecg, strips.peaks, strict=True):
        beats = bench.strips.MedianBeat()(ecg.astype(float), RATE, peaks)
        assert np.abs(beats.used - peaks[np.isin(peaks, beats.used)]).max() == 0
        inside = slice(peaks[1] - 60, peaks[1] + 150), slice(peaks[2] - 60, peaks[2] + 150)
        assert np.array_equal(ecg[:, inside[0]], ecg[:, inside[1]])
        assert abs(np.abs(ecg[1, inside[0]]).argmax() - 60) < 10


def test_a_displaced_st_segment_is_measured_in_microvolts(bench):
    clean, moved = strips_of(bench, beat_with(0.28)), strips_of(bench, beat_with(0.28, st=0.1))
    found = bench.measures.distortion(clean, bench.measures.references(clean), moved.ecg)
    assert np.allclose(found.st_level[0], 100 * np.linspace(0.5, 1.5, 12), rtol=0.01)


@pytest.mark.parametrize("shift", [-0.02, 0.004, 0.03])
def test_a_shifted_t_wave_changes_qt_by_its_shift(bench, shift):
    clean, moved = strips_of(bench, beat_with(0.28)), strips_of(bench, beat_with(0.28 + shift))
    found = bench.measures.distortion(clean, bench.measures.references(clean), moved.ecg)
    assert found.qt_interval == pytest.approx(1000 * abs(shift), abs=0.1)


def test_qt_is_that_of_the_simulator_up_to_the_method(bench):
    """The tangent ends T before the bump has reached zero, so the difference is constant and not
    0."""
    strips = bench.strips.simulated(12, seed=3)
    measured = np.array([reference.qt_interval for reference in bench.measures.references(strips)])
    rng = np.random.default_rng(3)
    male, age = rng.random(12) < 0.5, rng.uniform(45, 82, 12)
    empty = np.zeros(0)
    values = bench.strips.draw_parameters(
        male, age, np.zeros(12), np.zeros((12, 0)), empty, empty, rng
    ).values
    true = [
        bench.strips.record(
            dict(zip(bench.strips.NAMES, person, strict=True)), [3, i], 2, False
        ).qt_interval
        for i, person in enumerate(values)
    ]
    assert np.corrcoef(measured, true)[0, 1] > 0.97
    assert np.ptp(measured - true) < 15


def test_identity_gains_nothing_and_costs_nothing_and_a_moving_average_bends_st(
    bench, noise, monkeypatch
):
    monkeypatch.setattr(bench.denoising, "SNRS", (12.0,))
    few = {
        axis: {name: step for name, step in bench.denoising.steps(axis).items() if name in names}
        for axis, names in {
            "baseline": ("none", "moving_average"),
            "denoiser": ("none", "dwt"),
        }.items()
    }
    monkeypatch.setattr(bench.denoising, "steps", few.get)
    sources = {"simulated": bench.strips.simulated(2, seed=1)}
    rows = bench.denoising.run(bench.denoising.cases(sources, noise, 1), 4)
    assert len(rows) == 2 * 2 * 2 * 2  # pairs, without and with noise, strips and median beats
    nothing = rows[(rows.baseline == "none") & (rows.denoiser == "none")]
    assert (nothing.gain_db.dropna() == 0).all()
    assert (nothing[nothing.snr.isna()][["st_uv", "qt_ms", "error_percent"]] == 0).all(axis=None)
    bent = rows[(rows.baseline == "moving_average") & rows.snr.isna()]
    assert (bent.st_uv > 10).all()
    found = bench.denoising.result(rows, sources, 1)
    assert bench.tables.speeds(rows).speed_ratio.tolist()[-1] == 1.0
    assert json.loads(json.dumps(found, allow_nan=False)) == found


def test_a_step_that_makes_missing_samples_ends_the_bench(bench, noise, monkeypatch):
    monkeypatch.setattr(
        bench.denoising, "steps", lambda axis: {"dwt": lambda ecg, rate: ecg * np.nan}
    )
    monkeypatch.setattr(bench.denoising, "wavelet_settings", lambda shipped: {})
    sources = {"simulated": bench.strips.simulated(1, seed=1)}
    with pytest.raises(RuntimeError, match="dwt x dwt made missing samples of simulated strips"):
        bench.denoising.run(bench.denoising.cases(sources, noise, 1), 2)


def test_a_folder_without_noise_is_refused(bench, tmp_path):
    with pytest.raises(InputError, match="--noise must be the folder of nstdb; bw, ma missing"):
        bench.strips.electrode_noise(tmp_path)


def test_real_noise_is_wander_below_and_muscle_above_half_a_hertz(bench, real_data):
    found = bench.strips.electrode_noise(real_data / "nstdb")
    frequency = np.fft.rfftfreq(5000, 1 / RATE)
    for name, low in {"wander": True, "muscle": False}.items():
        added = bench.strips.mixed({name: found[name]}, (4, 12, 5000), seed=0)
        power = (np.abs(np.fft.rfft(added)) ** 2).mean(axis=(0, 1))
        assert (power[frequency < 0.5].sum() > 0.9 * power.sum()) == low
        assert (power[frequency < 0.5].sum() < 0.01 * power.sum()) != low


def test_repeated_real_beats_are_those_of_the_recording_and_return_to_zero(bench, real_data):
    real = bench.strips.ptbxl(real_data / "ptbxl", 3)
    for recorded, repeated, peaks in zip(
        real.recorded.ecg, real.repeated.ecg, real.recorded.peaks, strict=True
    ):
        second = slice(peaks[1] - 100, peaks[1] + 200)
        a, b = (trace[1, second] - trace[1, second].mean() for trace in (recorded, repeated))
        assert np.corrcoef(a, b)[0, 1] > 0.95
        between = repeated[:, peaks[1] : peaks[2]]
        assert (np.abs(between).min(axis=1) < 0.005).all()


def committed() -> dict:
    return json.loads((FOLDER / "denoising.json").read_text())


def test_the_committed_result_has_every_pair_of_the_steps_that_it_measured():
    """Steps that came later are measured when somebody runs the bench again."""
    rows = pd.DataFrame(committed()["rows"])
    baselines = set(rows.baseline)
    denoisers = set(rows.denoiser) & set(choices("denoiser"))
    assert baselines <= set(choices("baseline"))
    assert {"none", "fft", "dwt"} <= denoisers
    for _, part in rows.groupby(["source", "input"]):
        assert set(product(baselines, denoisers)) <= set(
            zip(part.baseline, part.denoiser, strict=True)
        )


def test_the_documented_tables_are_those_of_the_committed_result(bench):
    found = committed()
    text = bench.tables.markdown(pd.DataFrame(found["rows"]), pd.DataFrame(found["speed"]))
    document = (ROOT / "docs" / "denoising.md").read_text()
    tables = [part for part in text.split("\n\n") if part.startswith("|")]
    assert tables
    assert all(table in document for table in tables)
    assert Path(ROOT / "docs" / "denoising.png").is_file()
