"""Training keeps its promises: what is restored, what is saved, how it goes on, and what is
refused."""

import dataclasses
import os
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import ROOT, composed
from recorded import dataset

from ecgae.entry.build import build
from ecgae.errors import InputError
from ecgae.models import batches, training
from ecgae.models.batches import Batches, Samples
from ecgae.models.checkpoint import CHECKPOINT, Fitted, load
from ecgae.models.dataset import Dataset
from ecgae.models.features import Standard
from ecgae.models.training._course import Course

SMALL = (
    *("architecture.filters=[4,8]", "architecture.kernel_sizes=[5,5]", "architecture.latent_dim=3"),
    *("trainer.max_epochs=4", "trainer.batch_size=8"),
)


def trained(
    directory: Path,
    *overrides: str,
    data: Dataset | None = None,
    memory: int | None = None,
    devices: int = 1,
    parts: np.ndarray | None = None,
) -> Fitted:
    cfg = composed(*SMALL, *overrides)
    data = dataset(24) if data is None else data
    directory.mkdir(exist_ok=True)
    schedule, objective = build(cfg.trainer), build(cfg.objective, sampling_rate=500.0)
    training.start_seed(schedule.seed)
    conditions = len(getattr(objective, "features", ()))
    shape = {
        "leads": data.view.channels,
        "samples": data.cleaned.shape[-1],
        "conditions": conditions,
    }
    model = build(cfg.architecture, **shape)
    machine = training.Machine("cpu", None, directory, devices, memory)
    parts = split(data, *overrides) if parts is None else parts
    return training.fit(model, objective, build(cfg.normalization), data, schedule, machine, parts)


def split(data: Dataset, *overrides: str) -> np.ndarray:
    """Everybody trains, but for those who validate."""
    ids = data.store.sample_ids
    return build(composed(*SMALL, *overrides).trainer).hold_out(np.full(len(ids), "training"), ids)


@torch.inference_mode()
def encoded(fitted: Fitted, data: Dataset) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """What the network is given, its latents, and what it makes of them; in the units of the
    normalization."""
    signals = data.view.signals(data.cleaned)
    ecg = torch.from_numpy(fitted.normalization(signals).apply(signals))
    latent = fitted.model.encode(ecg)
    return ecg, latent.mean, fitted.model.decode(latent.mean, latent.skips)


def weights(fitted: Fitted) -> dict[str, torch.Tensor]:
    return fitted.model.state_dict()


def assert_equal_weights(one: Fitted, other: Fitted) -> None:
    assert weights(one).keys() == weights(other).keys()
    assert all(torch.equal(weight, weights(other)[name]) for name, weight in weights(one).items())


def test_the_restored_weights_are_those_of_the_best_epoch(tmp_path):
    fitted = trained(tmp_path, "trainer.learning_rate=0.03", "trainer.max_epochs=8")
    losses = [row["validation/reconstruction"] for row in fitted.history]
    assert np.argmin(losses) < 7
    data = dataset(24)
    ecg, _, reconstruction = encoded(fitted, data)
    error = (reconstruction - ecg)[split(data) == "validation"].square().mean()
    assert float(error) == pytest.approx(min(losses), rel=1e-4)


def test_the_normalization_has_seen_the_training_people_only(tmp_path):
    data = dataset(24)
    parts = np.where(np.arange(24) % 6 == 0, "select", split(data))
    fitted = trained(tmp_path, "normalization=global", parts=parts)
    seen = data.cleaned[parts == "training"]
    assert len(seen) < 21
    assert fitted.normalization.shift == pytest.approx(seen.mean(dtype=float), rel=1e-6)
    assert fitted.normalization.scale == pytest.approx(seen.std(dtype=float), rel=1e-6)


def test_recordings_of_people_who_score_or_confirm_change_nothing(tmp_path):
    other, parts = dataset(24), split(dataset(24))
    parts[:4], parts[4:6] = "select", "confirm"
    other.cleaned[:6] += 5
    assert_equal_weights(
        trained(tmp_path / "a", parts=parts), trained(tmp_path / "b", parts=parts, data=other)
    )


def test_the_same_seed_gives_the_same_weights_and_another_seed_others(tmp_path):
    seeds = {"a": 1, "b": 1, "c": 2}
    first, again, other = (
        trained(tmp_path / name, f"trainer.seed={seed}") for name, seed in seeds.items()
    )
    assert_equal_weights(first, again)
    assert not all(
        torch.equal(weight, weights(other)[name]) for name, weight in weights(first).items()
    )


def test_data_read_ahead_from_disk_train_the_same_weights_as_data_in_memory(tmp_path):
    for mode in ("joint", "single"):
        data = dataset(24, lead_mode=mode)
        options = ("trainer.batch_size=40", "trainer.max_epochs=2")
        in_memory, read_ahead = (
            trained(tmp_path / f"{mode}{size}", *options, data=data, memory=size)
            for size in (None, 0)
        )
        assert_equal_weights(in_memory, read_ahead)


def test_an_error_while_reading_ahead_comes_out_in_training(tmp_path, monkeypatch):
    def broken(*_):
        raise OSError("lost the disk")

    data = dataset(24)
    monkeypatch.setattr(Samples, "_read", broken)
    with pytest.raises(OSError, match="lost the disk"):
        trained(tmp_path, data=data, memory=0)


@pytest.mark.parametrize(
    "overrides",
    [
        ("architecture.dropout=0.3", "trainer.plateau_patience=1", "trainer.warmup_epochs=2"),
        (
            "architecture=resnet_vae",
            "objective=beta_vae",
            "trainer.annealing=cosine",
            "trainer.gradient_clip=1",
        ),
    ],
    ids=["dropout and plateaus", "vae and cosine"],
)
@pytest.mark.parametrize("epochs", [1, 3])
def test_a_training_that_was_killed_ends_with_the_same_weights(
    tmp_path, monkeypatch, overrides, epochs
):
    overrides = ("trainer.learning_rate=0.03", "trainer.max_epochs=6", *overrides)
    whole = trained(tmp_path / "whole", *overrides)

    class Killed(BaseException):
        pass

    def killed(self, *_):
        if len(self.history) == epochs:
            raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(Course, "on_train_batch_end", killed)  # in the middle of an epoch
        with pytest.raises(Killed):
            trained(tmp_path / "killed", *overrides)
    assert (tmp_path / "killed" / training.LAST).is_file()
    resumed = trained(tmp_path / "killed", *overrides)
    assert_equal_weights(whole, resumed)
    without_time = [
        [{**row, "seconds": 0} for row in fitted.history] for fitted in (whole, resumed)
    ]
    assert without_time[0] == without_time[1]
    assert {file.name for file in (tmp_path / "killed").iterdir()} == {CHECKPOINT}


def test_a_finished_training_is_not_done_again(tmp_path):
    fitted = trained(tmp_path)
    written = (tmp_path / CHECKPOINT).stat().st_mtime_ns
    again = trained(tmp_path)
    assert_equal_weights(fitted, again)
    assert again.history == fitted.history
    assert (tmp_path / CHECKPOINT).stat().st_mtime_ns == written


def test_a_checkpoint_loads_as_weights_only_and_encodes_the_same(tmp_path):
    fitted, data = trained(tmp_path, "normalization=global"), dataset(24)
    cfg = composed(*SMALL, "normalization=global")
    model = build(cfg.architecture, leads=12, samples=120, conditions=0)
    loaded = load(model, build(cfg.normalization), tmp_path / CHECKPOINT, "cpu")
    assert dataclasses.asdict(loaded.normalization) == dataclasses.asdict(fitted.normalization)
    assert loaded.history == fitted.history
    assert torch.equal(encoded(loaded, data)[1], encoded(fitted, data)[1])


def test_a_checkpoint_that_cannot_be_used_is_refused(tmp_path):
    trained(tmp_path)
    cfg = composed(*SMALL)
    other = build(cfg.architecture, leads=1, samples=120, conditions=0)
    with pytest.raises(InputError, match="must fit the architecture"):
        load(other, build(cfg.normalization), tmp_path / CHECKPOINT, "cpu")
    (tmp_path / CHECKPOINT).write_bytes(b"PK\x03\x04")
    with pytest.raises(InputError, match="must be a readable checkpoint"):
        load(other, build(cfg.normalization), tmp_path / CHECKPOINT, "cpu")
    torch.save({"weights": {}}, tmp_path / CHECKPOINT)
    with pytest.raises(InputError, match="must be of format 'ecgae checkpoint 1'"):
        load(other, build(cfg.normalization), tmp_path / CHECKPOINT, "cpu")


@pytest.mark.parametrize(
    "architecture", [(), ("architecture=resnet_vae", "objective=beta_vae")], ids=["point", "vae"]
)
def test_principal_axes_leave_the_function_as_it_is_and_make_the_latents_uncorrelated(
    tmp_path, architecture
):
    data = dataset(24)
    turned = trained(tmp_path / "a", *architecture, "trainer.principal_axes=true")
    as_trained = trained(tmp_path / "b", *architecture, "trainer.principal_axes=false")
    (_, latents, one), (_, others, other) = (
        encoded(fitted, data) for fitted in (turned, as_trained)
    )
    assert torch.allclose(one, other, atol=1e-4)
    assert not torch.allclose(latents, others, atol=1e-2)
    covariance = np.cov(latents[split(data) == "training"].T)
    assert np.allclose(covariance - np.diag(np.diag(covariance)), 0, atol=1e-4 * covariance.max())
    assert (np.diff(np.diag(covariance)) < 0).all()


def test_training_stops_early_and_halves_the_learning_rate_on_a_plateau(tmp_path):
    patience = (
        "trainer.early_stopping_patience=4",
        "trainer.plateau_patience=1",
        "trainer.max_epochs=60",
    )
    noise = dataset(24)
    noise.cleaned[:] = np.random.default_rng(0).normal(
        size=noise.cleaned.shape
    )  # learned by heart, so soon too well
    architecture = ("architecture=mregle", "objective=reconstruction", "trainer.learning_rate=0.02")
    fitted = trained(tmp_path, *patience, *architecture, data=noise)
    losses = [row["validation/loss"] for row in fitted.history]
    assert len(losses) < 60
    assert len(losses) == np.argmin(losses) + 1 + 4
    rates = sorted({row["learning_rate"] for row in fitted.history}, reverse=True)
    assert rates[:2] == [0.02, 0.01]


def test_the_learning_rate_stays_while_the_validation_loss_falls(tmp_path):
    fitted = trained(
        tmp_path, "trainer.max_epochs=8", "trainer.plateau_patience=1", "trainer.learning_rate=0.01"
    )
    losses = [row["validation/loss"] for row in fitted.history]
    best, waited, rate, expected = np.inf, 0, 0.01, []
    for loss in losses:  # the rule, written out
        expected.append(rate)
        waited = 0 if loss < best * (1 - 1e-4) else waited + 1
        best = min(best, loss)
        if waited > 1:
            rate, waited = rate / 2, 0
    assert sum(later < earlier for earlier, later in pairwise(losses)) >= 3
    assert [row["learning_rate"] for row in fitted.history] == pytest.approx(expected)


def test_warm_up_and_cosine_set_the_rate_of_every_step(tmp_path):
    fitted = trained(tmp_path, "trainer.warmup_epochs=2", "trainer.annealing=cosine")
    rates = [row["learning_rate"] for row in fitted.history]  # of the last step of each epoch
    assert rates[:2] == pytest.approx([0.5e-3, 1e-3])
    assert rates[2] == pytest.approx(0.5e-3)
    assert rates[3] == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize("override", ["trainer.precision=bf16", "trainer.gradient_clip=0.5"])
def test_options_of_training_change_the_weights_but_still_learn(tmp_path, override):
    options = ("trainer.max_epochs=12", "trainer.learning_rate=0.01")
    usual, other = trained(tmp_path / "a", *options), trained(tmp_path / "b", *options, override)
    assert not all(
        torch.equal(weight, weights(other)[name]) for name, weight in weights(usual).items()
    )
    losses = [row["training/loss"] for row in other.history]
    assert losses[-1] < 0.8 * losses[0]
    assert all(weight.dtype != torch.bfloat16 for weight in weights(other).values())


def test_a_loss_that_is_no_number_ends_in_a_sentence_and_again_when_typed_again(tmp_path):
    for _ in range(2):
        with pytest.raises(InputError, match=r"training loss must stay finite; got .* in epoch"):
            trained(tmp_path, "trainer.learning_rate=1e30", "normalization=none")


def test_every_sample_is_in_one_batch_of_an_epoch_and_the_order_follows_seed_and_epoch():
    data = dataset(20, lead_mode="single")
    samples = Samples(
        data,
        build(composed("normalization=none").normalization),
        Standard(),
        torch.device("cpu"),
        None,
    )
    rows = np.arange(5, 200)

    def order(epoch: int, seed: int | None = 1) -> list[float]:
        chosen = Batches(samples, rows, 64, seed)
        chosen.set_epoch(epoch)
        assert len(list(chosen)) == len(chosen) == 4
        return torch.cat([batch.ecg[:, 0, 0] for batch in chosen]).tolist()

    everything = data.view.signals(data.cleaned)[rows, 0, 0].tolist()
    assert order(0, None) == everything
    assert sorted(order(0)) == sorted(everything)
    assert order(0) == order(0) != order(1)


def test_several_processes_share_every_batch_and_their_weighted_means_are_the_mean(monkeypatch):
    data = dataset(21)
    samples = Samples(
        data,
        build(composed("normalization=none").normalization),
        Standard(),
        torch.device("cpu"),
        None,
    )
    whole = list(Batches(samples, np.arange(21), 10))
    parts = []
    for rank in range(3):
        monkeypatch.setattr(batches, "_process", lambda rank=rank: (rank, 3))
        parts.append(list(Batches(samples, np.arange(21), 10)))
    for batch, shares in zip(whole, zip(*parts, strict=True), strict=True):
        assert sum(part.size for part in shares) == len(batch.ecg)
        mean = sum(part.ecg.mean() * part.share for part in shares) / 3
        assert float(mean) == pytest.approx(float(batch.ecg.mean()), rel=1e-5)


PROCESS = f"""
import sys
sys.path[:0] = [{str(ROOT / "tests")!r}, {str(ROOT)!r}]
from pathlib import Path
from test_training import trained
trained(Path(sys.argv[1]), *sys.argv[2:], devices=2)
"""


def test_two_processes_train_the_weights_that_one_does(tmp_path):
    # Batch normalization sees one process's share on a CPU (torch has no other there): an
    # architecture without it.
    options = (
        "architecture=mregle",
        "architecture.latent_dim=3",
        "objective=reconstruction",
        "trainer.batch_size=7",
    )
    script = tmp_path / "two.py"
    script.write_text(PROCESS)
    one = trained(tmp_path / "one", *options)
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    command = [
        sys.executable,
        "-m",
        "torch.distributed.run",
        "--standalone",
        "--nproc-per-node=2",
        str(script),
    ]
    done = subprocess.run(
        [*command, str(tmp_path / "two"), *options],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    model = build(composed(*SMALL, *options).architecture, leads=12, samples=120, conditions=0)
    two = load(model, build(composed().normalization), tmp_path / "two" / CHECKPOINT, "cpu")
    assert [row["validation/loss"] for row in two.history] == pytest.approx(
        [row["validation/loss"] for row in one.history], rel=1e-4
    )
