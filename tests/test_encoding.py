"""Encoding gives everybody their own latents and errors, whoever else is in the block, and bounded
in memory."""

import threading
import time

import numpy as np
import pytest
from conftest import composed, heartbeats
from toy_model import Linear, toy

from ecgae.errors import InputError
from ecgae.models import encoding, latents
from ecgae.models.encoding import ahead, encode, through_bottleneck
from ecgae.models.features import Standard
from ecgae.models.latents import Latents, as_phenotypes, read_latents, write_latents
from ecgae.people import split
from ecgae.recordings.formats.recording import Layout


@pytest.fixture
def ecg():
    return heartbeats(30, 120)


@pytest.mark.parametrize("lead_set", ["all", "independent"])
@pytest.mark.parametrize("lead_mode", ["joint", "single"])
@pytest.mark.parametrize("normalization", ["global", "per_signal", "robust"])
def test_every_person_gets_the_same_alone_as_in_any_block(
    ecg, lead_mode, lead_set, normalization, monkeypatch
):
    ecg[:, 2:6] = np.einsum(
        "rs,ist->irt", [[-1, 1], [-0.5, -0.5], [1, -0.5], [-0.5, 1]], ecg[:, :2]
    )
    fitted, dataset = toy(composed, ecg, 3, lead_mode, lead_set, normalization)
    monkeypatch.setattr(encoding, "BLOCK", 7)
    monkeypatch.setattr(encoding, "CPU_SAMPLES", 5 * 120)
    found = encode(fitted, dataset)
    assert found.names == dataset.view.names(3)
    for row in (0, 13, 29):
        alone = through_bottleneck(fitted, dataset, slice(row, row + 1))
        assert np.allclose(found.values[row], alone.latents[0], atol=1e-5)
        assert np.allclose(
            found.quality["mse"][row], np.square(alone.reconstruction[0] - ecg[row]).mean(axis=-1)
        )


def test_the_normalized_error_is_in_the_square_of_the_networks_unit(ecg):
    fitted, dataset = toy(composed, ecg, 3, "single", "all", "per_signal")
    found = encode(fitted, dataset)
    assert np.allclose(found.quality["mse_normalized"], 1 - found.quality["r2"], rtol=1e-4)
    fitted, dataset = toy(composed, ecg, 3, "joint", "independent", "global")
    found = encode(fitted, dataset)
    seen = [dataset.view.recorded.index(lead) for lead in dataset.view.leads]
    unit = found.quality["mse"][:, seen] / fitted.normalization.scale**2
    assert np.allclose(found.quality["mse_normalized"][:, seen], unit)
    assert np.isnan(np.delete(found.quality["mse_normalized"], seen, axis=1)).all()


def test_replaced_latents_are_decoded_with_a_persons_own_skips(ecg):
    fitted, dataset = toy(composed, ecg, 4, skip=0.25)
    own = through_bottleneck(fitted, dataset, np.array([3, 5]))
    same = through_bottleneck(fitted, dataset, np.array([3, 5]), own.latents)
    swapped = through_bottleneck(fitted, dataset, np.array([3, 5]), own.latents[::-1])
    assert np.allclose(same.reconstruction, own.reconstruction, atol=1e-6)
    assert np.array_equal(swapped.latents, own.latents)
    change = own.reconstruction[1] - own.reconstruction[0] - 0.25 * (ecg[5] - ecg[3])
    assert np.allclose(swapped.reconstruction[0] - own.reconstruction[0], change, atol=1e-5)


def test_measurements_reach_the_decoder_of_every_lead_of_their_person(ecg):
    fitted, dataset = toy(composed, ecg, 2, "single")
    told = np.ones((1, 120), np.float32)
    signals = dataset.view.signals(ecg)
    scaled = fitted.normalization(signals)
    features = np.arange(30, dtype=np.float64)[:, None]
    told_too = type(dataset)(dataset.store, dataset.kind, dataset.cleaned, dataset.view, features)
    model = Linear(scaled.apply(signals), 2, told=told).eval()
    expert = Standard().fit(features)
    with_features = fitted._replace(model=model, expert=expert)
    added = (
        through_bottleneck(with_features, told_too, slice(0, 30)).reconstruction
        - through_bottleneck(fitted, dataset, slice(0, 30)).reconstruction
    )
    wanted = expert(features)[:, 0] * fitted.normalization.scale
    assert np.allclose(added, wanted[:, None, None], atol=1e-4)


def test_who_was_held_out_is_written_beside_the_latents(ecg, tmp_path):
    fitted, dataset = toy(composed, ecg)
    parts = np.where(np.arange(30) < 6, "validation", "training")
    found = encode(fitted, dataset, parts)
    assert found.validation.sum() == 6
    assert set(encode(fitted, dataset).split) == {"none"}
    write_latents(tmp_path / "latents.h5", found)
    back = read_latents(tmp_path / "latents.h5")
    assert isinstance(back, Latents)
    assert back.names == ["latent_01", "latent_02", "latent_03", "latent_04"]
    assert np.array_equal(back.values, found.values)
    assert back.split.tolist() == found.split.tolist()
    assert back.sample_ids.tolist() == dataset.store.sample_ids.tolist()
    assert set(back.quality) == set(found.quality)
    assert as_phenotypes(back, "latents.h5").values.dtype == np.float64


def test_a_score_is_made_of_select_people_else_of_all_but_those_who_confirm(ecg, capsys):
    fitted, dataset = toy(composed, ecg)
    found = encode(fitted, dataset)
    assert len(as_phenotypes(found, "latents.h5").sample_ids) == 30
    split = np.array(["confirm"] * 4 + ["select"] * 20 + ["training"] * 6)
    phenotypes = as_phenotypes(found._replace(split=split), "latents.h5")
    assert phenotypes.sample_ids.tolist() == found.sample_ids[4:24].tolist()
    assert np.array_equal(phenotypes.values, found.values[4:24])
    assert (
        "20 of 30 individuals in latents.h5 are analysed: those of the part 'select'"
        in capsys.readouterr().out
    )
    split[split == "select"] = "validation"
    assert len(as_phenotypes(found._replace(split=split), "latents.h5").sample_ids) == 26
    confirm = as_phenotypes(found._replace(split=split), "latents.h5", part="confirm")
    assert confirm.sample_ids.tolist() == found.sample_ids[:4].tolist()
    with pytest.raises(InputError, match="latents must hold people of the part 'select'"):
        as_phenotypes(found._replace(split=split), "latents.h5", part="select")


def test_a_model_is_judged_by_select_people_else_by_validation_people_never_by_those_who_confirm(
    ecg,
):
    fitted, dataset = toy(composed, ecg)
    found = encode(fitted, dataset)
    assert found.judged.all()
    split = np.array(["confirm"] * 3 + ["validation"] * 5 + ["training"] * 22)
    assert np.flatnonzero(found._replace(split=split).judged).tolist() == [3, 4, 5, 6, 7]
    assert found._replace(split=np.where(split == "validation", "none", split)).judged.sum() == 27
    split[-2:] = "select"
    assert np.flatnonzero(found._replace(split=split).judged).tolist() == [28, 29]


def test_the_words_of_the_file_are_those_of_the_split():
    assert latents.SPLITS[:4] == (split.TRAINING, split.VALIDATION, split.SELECT, split.CONFIRM)


def test_a_damaged_or_older_latents_file_is_refused(ecg, tmp_path):
    file = tmp_path / "latents.h5"
    file.write_bytes(b"\x89HDF\r\n")
    with pytest.raises(InputError, match=r"latents\.h5 must be a readable latents file"):
        read_latents(file)
    fitted, dataset = toy(composed, ecg)
    write_latents(file, encode(fitted, dataset))
    import h5py

    with h5py.File(file, "a") as target:
        target.attrs["format"] = "ecgae latents 1"
    with pytest.raises(
        InputError, match=r"must be of format 'ecgae latents 3'; got 'ecgae latents 1'"
    ):
        read_latents(file)


def test_work_ahead_keeps_the_order_and_never_runs_further_than_told():
    started, lock = [], threading.Lock()

    def work(piece):
        with lock:
            started.append(piece)
        return piece * piece

    found = ahead(work, iter(range(10)), depth=2)
    first = next(found)
    time.sleep(0.05)
    assert first == 0
    assert len(started) <= 3
    assert [first, *found] == [piece * piece for piece in range(10)]


def test_an_error_while_reading_ahead_comes_out():
    def work(piece):
        raise InputError("recordings must be readable")

    with pytest.raises(InputError, match="must be readable"):
        list(ahead(work, range(3)))


def test_recordings_that_are_one_block_and_a_bit_are_all_encoded():
    ecg = heartbeats(encoding.BLOCK + 1, 60)
    fitted, dataset = toy(composed, ecg, 2)
    assert isinstance(dataset.store.layout("median_beat"), Layout)
    found = encode(fitted, dataset)
    assert len(found.values) == encoding.BLOCK + 1
    assert np.isfinite(found.values).all()
