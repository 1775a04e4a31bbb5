"""A model's numbers say whether it reconstructs, whether it uses its latents, and what these
hold."""

import json

import numpy as np
import pytest
from conftest import composed, heartbeats
from toy_model import toy

from ecgae.models.encoding import encode
from ecgae.models.judging import bypass, device_beat
from ecgae.models.judging.bypass import bypass_index, spread
from ecgae.models.judging.judge import judge
from ecgae.models.judging.latent_qc import LatentQC
from ecgae.models.judging.traversal import STEPS, traverse
from ecgae.runs.run_directory import HEADLINE
from ecgae.signals.beats import MedianBeat

SPLIT = np.where(np.arange(120) % 3 == 0, "validation", "training")


def people(count=120, samples=100, seed=0):
    """ECGs of three shapes in random amounts, and a little noise: three latents hold everything."""
    random = np.random.default_rng(seed)
    shapes = random.normal(size=(3, 12, samples)).cumsum(axis=-1) / 20
    amounts = random.normal(size=(count, 3))
    ecg = np.einsum("ik,klt->ilt", amounts, shapes) + random.normal(0, 0.02, (count, 12, samples))
    return ecg.astype(np.float32), amounts


def judged(skip=0.0, latent_dim=3, lead_mode="joint", ecg=None, **more):
    fitted, dataset = toy(
        composed, people()[0] if ecg is None else ecg, latent_dim, lead_mode, skip=skip
    )
    latents = encode(fitted, dataset)._replace(split=SPLIT)
    return judge(fitted, dataset, latents, LatentQC(), **more), latents, fitted, dataset


def test_a_model_that_lives_off_its_latents_has_a_large_bypass_index_and_no_warning():
    found, latents, _, dataset = judged()
    assert found.summary["bypass_index"] > 100
    assert found.summary["model_warnings"] == []
    true = np.square(dataset.cleaned[SPLIT == "validation"]).mean()
    assert found.summary["mse"] < 0.01 * true
    assert latents.judged.sum() == found.summary["people"]["judged"] == 40


def test_a_model_that_goes_around_its_latents_is_warned_about():
    assert judged(skip=1.0)[0].summary["bypass_index"] == pytest.approx(1)
    ecg, _ = people()
    fitted, dataset = toy(composed, ecg, 3, skip=0.5)
    fitted.model.axes.data *= 0  # what is left comes past the latents
    latents = encode(fitted, dataset)._replace(split=SPLIT)
    found = judge(fitted, dataset, latents, LatentQC())
    assert found.summary["bypass_index"] == pytest.approx(1)
    assert "hardly used" in found.summary["model_warnings"][0]


@pytest.mark.parametrize("lead_mode", ["joint", "single"])
def test_the_index_is_what_shuffling_by_hand_gives(lead_mode, monkeypatch):
    monkeypatch.setattr(bypass, "BLOCK", 9)
    fitted, dataset = toy(composed, people()[0], 2, lead_mode)
    latents = encode(fitted, dataset)._replace(split=SPLIT)
    rows = np.flatnonzero(latents.judged)
    strangers = bypass._strangers(rows)
    assert sorted(strangers) == sorted(rows)
    assert (strangers != rows).all()
    units = latents.values[strangers].reshape(-1, 2) @ fitted.model.axes.numpy(
        force=True
    ) + fitted.model.centre.numpy(force=True)
    norm = fitted.normalization
    wrong = units.reshape(40, 12, 100) * norm.scale + norm.shift
    true = latents.quality["mse"][rows].mean()
    index = np.square(wrong - dataset.cleaned[rows]).mean() / true
    assert bypass_index(fitted, dataset, latents) == pytest.approx(index, rel=1e-4)


def test_the_share_that_latents_hold_sets_the_index():
    random = np.random.default_rng(1)
    held, other = random.normal(size=(2, 4000))
    share, shapes = 0.6, np.zeros((2, 12, 8), np.float32)
    shapes[0, 0, :4], shapes[1, 5, 4:] = 1, 1
    parts = np.stack([np.sqrt(share) * held, np.sqrt(1 - share) * other], axis=1)
    ecg = np.einsum("ik,klt->ilt", parts, shapes).astype(np.float32)
    fitted, dataset = toy(composed, ecg, 1)
    latents = encode(fitted, dataset)
    assert bypass_index(fitted, dataset, latents) == pytest.approx(
        1 + 2 * share / (1 - share), rel=0.1
    )


def test_at_most_so_many_people_are_taken_and_evenly():
    assert spread(np.arange(10) != 3, 20).tolist() == [0, 1, 2, 4, 5, 6, 7, 8, 9]
    assert spread(np.ones(101, bool), 3).tolist() == [0, 50, 100]


def test_people_who_confirm_change_no_number():
    ecg, _ = people()
    fitted, dataset = toy(composed, ecg, 3)
    latents = encode(fitted, dataset)
    split = SPLIT.copy()
    split[-30:] = "confirm"
    whole = judge(fitted, dataset, latents._replace(split=split), LatentQC()).summary
    confirm = (split == "confirm")[:, None]
    worse = {name: np.where(confirm, 9.0, values) for name, values in latents.quality.items()}
    values = np.where(confirm, np.float32(50), latents.values)
    ecg[split == "confirm"] = 5
    changed = latents._replace(split=split, quality=worse, values=values)
    other = judge(fitted, dataset, changed, LatentQC(highest=None)).summary
    for name in (
        "r2_recorded",
        "bypass_index",
        "reconstruction",
        "reconstruction_all",
        "latent_health",
    ):
        assert whole[name] == other[name], name


def test_failed_signals_lose_their_latents_but_still_count_in_the_errors():
    fitted, dataset = toy(composed, people()[0], 3)
    latents = encode(fitted, dataset)._replace(split=SPLIT)
    latents.quality["mse"][6] = 9
    found = judge(fitted, dataset, latents, LatentQC())
    assert np.isnan(found.latents.values[6]).all()
    assert found.summary["latent_qc_dropped"] == 1
    assert found.summary["reconstruction"]["mse"]["all"]["n"] == 40 * 12


def test_probes_find_age_and_intervals_and_say_what_they_lack():
    ecg, amounts = people()
    tables = {
        "measurements": {
            "qt_interval": 400 + 20 * amounts[:, 1],
            "pq_interval": np.full(120, np.nan),
        }
    }
    fitted, dataset = toy(composed, ecg, 3, tables=tables)
    latents = encode(fitted, dataset)._replace(split=SPLIT)
    found = judge(fitted, dataset, latents, LatentQC(), people={"age": 60 + 5 * amounts[:, 0]})
    assert found.summary["probes"]["age"]["value"] > 0.95
    assert found.summary["probes"]["qt_interval"]["value"] > 0.95
    assert found.summary["probes_skipped"]["sex"] == "not known of this cohort"
    assert "at least 40 people to fit" in found.summary["probes_skipped"]["pq_interval"]


def test_the_summary_is_plain_json_without_anybodys_id():
    found, latents, *_ = judged(
        lead_mode="single", costs={"n_parameters": 5, "training_seconds": 1.5}
    )
    text = json.dumps(found.summary, allow_nan=False)
    assert not any(f'"{person}"' in text for person in latents.sample_ids)
    assert found.summary["n_parameters"] == 5
    assert set(HEADLINE) == set(found.headline)


def test_a_cohort_of_two_people_is_judged_without_a_crash():
    fitted, dataset = toy(composed, people(2)[0], 1)
    found = judge(fitted, dataset, encode(fitted, dataset), LatentQC())
    assert found.summary["latents_per_sample"] == 1


@pytest.mark.parametrize("lead_mode", ["joint", "single"])
def test_a_traversal_moves_one_latent_from_the_mean(lead_mode):
    fitted, dataset = toy(composed, people()[0], 3, lead_mode)
    latents = encode(fitted, dataset)
    found = traverse(fitted, dataset, np.arange(120), latents.values)
    assert found.ecg.shape == (3, len(STEPS), 12, 100)
    model, norm = fitted.model, fitted.normalization
    values = latents.values.reshape(120, -1, 3)
    for latent in range(3):
        axis = model.axes[latent].numpy(force=True).reshape(-1, 100) * norm.scale
        change = (
            2 * values[:, :, latent].std(axis=0)[:, None] * axis
        )  # of a linear decoder, for two deviations
        assert np.allclose(found.ecg[latent, -1] - found.ecg[latent, 2], change, atol=1e-4)
        assert found.effect[latent] == pytest.approx(
            np.sqrt(np.square(change / 2).mean()), rel=1e-3
        )


def test_a_strip_is_also_judged_by_the_beat_that_the_device_made_of_it():
    strips = heartbeats(4, 4000, seed=3)
    peaks = [device_beat.r_peaks(strip, 500.0) for strip in strips]
    device = np.stack(
        [
            MedianBeat()(strip, 500.0, peak).median_beat
            for strip, peak in zip(strips, peaks, strict=True)
        ]
    )
    fitted, dataset = toy(
        composed, strips, 4, kind="strip", others={"median_beat": np.roll(device, 5, axis=-1)}
    )
    assert device_beat.has_device_beat(dataset)
    found = device_beat.compare(fitted, dataset, np.arange(4))
    assert found.without_beat == 0
    assert (found.recorded["r2"] > 0.999).all()  # 10 ms of shift are found
    fitted.model.axes.data *= 0
    poor = device_beat.compare(fitted, dataset, np.arange(4))
    assert np.nanmedian(poor.reconstructed["r2"]) < np.nanmedian(found.reconstructed["r2"])
    latents = encode(fitted, dataset)
    summary = judge(fitted, dataset, latents, LatentQC()).summary["device_beat"]
    assert summary["r2_device_ceiling"] > 0.999
    assert summary["people"] == 4


def test_a_strip_without_beats_is_counted():
    strips = heartbeats(3, 4000, seed=3)
    strips[1] = 0
    beats = heartbeats(3, 600)
    fitted, dataset = toy(composed, strips, 2, kind="strip", others={"median_beat": beats})
    found = device_beat.compare(fitted, dataset, np.arange(3))
    assert found.without_beat == 1
    assert np.isnan(found.reconstructed["r2"][1]).all()


def test_without_a_device_beat_there_is_no_such_comparison():
    ecg = heartbeats(3, 600)
    assert not device_beat.has_device_beat(toy(composed, ecg, 2)[1])
    assert not device_beat.has_device_beat(toy(composed, ecg, 2, kind="strip")[1])
