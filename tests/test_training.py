"""Training keeps its promises: who is held out, what is restored, what is saved, and what is refused."""

import dataclasses

import numpy as np
import pytest
import torch
from conftest import composed, heartbeats

from ecgae import training
from ecgae.cohort import Layout
from ecgae.ecg import LEADS
from ecgae.encoding import as_signals, encode, latent_names, reconstruction_quality, through_bottleneck
from ecgae.entry import build
from ecgae.errors import InputError
from ecgae.latents import Latents, as_phenotypes, read_latents, write_latents
from ecgae.schedule import validation_rows
from ecgae.store import Store

SMALL = ("architecture.filters=[4,8]", "architecture.kernel_sizes=[5,5]", "architecture.latent_dim=3")


def trained(directory, *overrides: str, people: int = 24):
    cfg = composed(*SMALL, "trainer.max_epochs=4", "trainer.batch_size=8", *overrides)
    ecg = heartbeats(people, 120)
    schedule, normalization = build(cfg.trainer), build(cfg.normalization)
    training.start_seed(schedule.seed)
    model = build(cfg.architecture, leads=12, samples=120)
    machine = training.Machine("cpu", None, directory)
    sample_ids = np.array([f"{number:04d}" for number in range(people)])
    return training.fit(model, build(cfg.objective), normalization, ecg, sample_ids, schedule, machine), ecg, sample_ids


def test_all_signals_of_a_person_fall_on_the_same_side():
    sample_ids = np.array([f"{person}" for person in range(50) for _ in range(12)])
    held_out = validation_rows(sample_ids, 0.1, seed=3)
    assert held_out.sum() == 5 * 12
    assert all(len(set(held_out[sample_ids == person])) == 1 for person in set(sample_ids))


def test_who_is_held_out_does_not_depend_on_the_order_of_the_rows():
    sample_ids = np.array([f"{person}" for person in range(40)])
    order = np.random.default_rng(0).permutation(40)
    assert set(sample_ids[validation_rows(sample_ids, 0.2, 1)]) == set(
        sample_ids[order][validation_rows(sample_ids[order], 0.2, 1)]
    )
    assert set(np.flatnonzero(validation_rows(sample_ids, 0.2, 1))) != set(
        np.flatnonzero(validation_rows(sample_ids, 0.2, 2))
    )


def test_the_restored_weights_are_those_of_the_best_epoch(tmp_path):
    fitted, ecg, sample_ids = trained(tmp_path, "trainer.learning_rate=0.03", "trainer.max_epochs=8")
    held_out = validation_rows(sample_ids, 0.1, 1)
    losses = [row["validation/reconstruction"] for row in fitted.history]
    scaling = fitted.normalization(ecg[held_out])
    again = scaling.apply(through_bottleneck(fitted, ecg[held_out], "joint").reconstruction) - scaling.apply(
        ecg[held_out]
    )
    assert np.square(again).mean() == pytest.approx(min(losses), rel=1e-4)


def test_the_normalization_has_seen_the_training_people_only(tmp_path):
    fitted, ecg, sample_ids = trained(tmp_path, "normalization=global")
    seen = ecg[~validation_rows(sample_ids, 0.1, 1)]
    assert fitted.normalization.shift == pytest.approx(seen.mean(dtype=float), rel=1e-6)
    assert fitted.normalization.scale == pytest.approx(seen.std(dtype=float), rel=1e-6)


def test_the_same_seed_gives_the_same_weights_and_another_seed_others(tmp_path):
    first, again, other = (
        trained(tmp_path / name, f"trainer.seed={seed}")[0].model.state_dict()
        for name, seed in (("a", 1), ("b", 1), ("c", 2))
    )
    assert all(torch.equal(weight, again[name]) for name, weight in first.items())
    assert not all(torch.equal(weight, other[name]) for name, weight in first.items())


def test_a_checkpoint_loads_as_weights_only_and_encodes_the_same(tmp_path):
    fitted, ecg, _ = trained(tmp_path, "normalization=global")
    cfg = composed(*SMALL, "normalization=global")
    model = build(cfg.architecture, leads=12, samples=120)
    loaded = training.load(model, build(cfg.normalization), tmp_path / training.CHECKPOINT, "cpu")
    assert dataclasses.asdict(loaded.normalization) == dataclasses.asdict(fitted.normalization)
    latents = [through_bottleneck(one, ecg, "joint").latents for one in (fitted, loaded)]
    assert np.array_equal(*latents)


def test_principal_axes_leave_the_function_as_it_is_and_make_the_latents_uncorrelated(tmp_path):
    turned, ecg, sample_ids = trained(tmp_path / "a", "trainer.principal_axes=true")
    as_trained, _, _ = trained(tmp_path / "b", "trainer.principal_axes=false")
    one, other = (through_bottleneck(fitted, ecg, "joint") for fitted in (turned, as_trained))
    assert np.allclose(one.reconstruction, other.reconstruction, atol=1e-5)
    assert not np.allclose(one.latents, other.latents, atol=1e-2)
    covariance = np.cov(one.latents[~validation_rows(sample_ids, 0.1, 1)].T)
    assert np.allclose(covariance - np.diag(np.diag(covariance)), 0, atol=1e-4 * covariance.max())
    assert (np.diff(np.diag(covariance)) < 0).all()


def test_training_stops_early_and_halves_the_learning_rate_on_a_plateau(tmp_path):
    patience = ("trainer.early_stopping_patience=4", "trainer.plateau_patience=1", "trainer.max_epochs=60")
    fitted, _, _ = trained(tmp_path, *patience, "trainer.learning_rate=0.2", "normalization=per_signal")
    losses = [row["validation/loss"] for row in fitted.history]
    assert len(losses) < 60
    assert len(losses) == np.argmin(losses) + 1 + 4
    rates = sorted({row["learning_rate"] for row in fitted.history}, reverse=True)
    assert rates[:2] == [0.2, 0.1]


def test_a_loss_that_is_no_number_ends_in_a_sentence(tmp_path):
    with pytest.raises(InputError, match=r"training loss must stay finite; got .* in epoch"):
        trained(tmp_path, "trainer.learning_rate=1e30", "normalization=none")


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("trainer.max_epochs=0", "trainer.max_epochs must be at least 1"),
        ("trainer.learning_rate=0", "trainer.learning_rate must be positive"),
        ("trainer.plateau_factor=1", "trainer.plateau_factor must lie between 0 and 1"),
        ("trainer.validation_fraction=0", "trainer.validation_fraction must lie between 0 and 1"),
    ],
)
def test_bad_numbers_are_refused_with_a_sentence(override, message):
    with pytest.raises(InputError, match=message):
        build(composed(override).trainer)


def test_one_person_cannot_be_split():
    with pytest.raises(InputError, match="at least 2 people"):
        validation_rows(np.array(["1", "1"]), 0.1, 1)


def test_single_lead_signals_are_the_leads_in_order():
    ecg = heartbeats(3, 50)
    assert np.array_equal(as_signals(ecg, "single")[12 + 7, 0], ecg[1, 7])
    assert as_signals(ecg, "joint") is ecg
    assert latent_names(24, tuple("ABCDEFGHIJKL"), "single")[:3] == ["A_latent_01", "A_latent_02", "B_latent_01"]


def test_quality_is_perfect_for_a_perfect_copy_and_zero_for_the_mean():
    ecg = heartbeats(2, 200)
    perfect = reconstruction_quality(ecg + 3, ecg, ecg)
    assert np.allclose(perfect["r2"], 1)
    assert np.allclose(perfect["r2_recorded"], 1, atol=1e-4)  # up to a constant: an amplifier does not pass the mean
    assert np.allclose(perfect["mse"], 0)
    mean = np.broadcast_to(ecg.mean(axis=-1, keepdims=True), ecg.shape)
    assert np.allclose(reconstruction_quality(ecg, ecg, mean)["r2"], 0, atol=1e-5)


class Recordings(Store):
    """What `encode` needs of a store."""

    def __init__(self, ecg, sample_ids):
        self.recorded, self.sample_ids, self.visits = ecg, sample_ids, np.full(len(ecg), 2)

    def __len__(self):
        return len(self.recorded)

    def layout(self, kind):
        return Layout(LEADS, self.recorded.shape[-1], 500.0)

    def blocks(self, kind, size):
        for start in range(0, len(self), size):
            rows = slice(start, min(start + size, len(self)))
            yield rows, self.recorded[rows]


def test_latents_do_not_depend_on_who_else_is_encoded_and_survive_a_file(tmp_path):
    fitted, ecg, sample_ids = trained(tmp_path)
    schedule = build(composed().trainer)
    latents = encode(fitted, Recordings(ecg, sample_ids), "strip", ecg, "joint", schedule)
    alone = through_bottleneck(fitted, ecg[5:6], "joint").latents
    assert np.allclose(latents.values[5], alone[0], atol=1e-5)
    write_latents(tmp_path / "latents.h5", latents)
    back = read_latents(tmp_path / "latents.h5")
    assert isinstance(back, Latents)
    assert back.names == ["latent_01", "latent_02", "latent_03"]
    assert np.array_equal(back.values, latents.values)
    assert back.sample_ids.tolist() == sample_ids.tolist()
    assert back.validation.sum() == 3
    assert set(back.quality) == {"mse", "r2", "mse_recorded", "r2_recorded"}
    assert as_phenotypes(back, "latents.h5").values.dtype == np.float64


def test_a_damaged_latents_file_is_refused(tmp_path):
    (tmp_path / "latents.h5").write_bytes(b"\x89HDF\r\n")
    with pytest.raises(InputError, match=r"latents\.h5 must be a readable latents file"):
        read_latents(tmp_path / "latents.h5")
