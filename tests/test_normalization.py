"""Laws that hold for every normalization."""

import dataclasses
import json

import numpy as np
import pytest
from conftest import choices, composed, heartbeats

from ecgae.entry.build import build
from ecgae.errors import InputError


@pytest.fixture(params=choices("normalization"))
def normalization(request):
    return build(composed(f"normalization={request.param}").normalization).fit(
        [heartbeats(20), heartbeats(7, seed=1)]
    )


def test_undo_restores_what_apply_changed(normalization):
    ecg = heartbeats(4, seed=2)
    scaling = normalization(ecg)
    assert np.allclose(scaling.undo(scaling.apply(ecg)), ecg, atol=1e-5)


def test_the_type_stays_single_precision(normalization):
    ecg = heartbeats(2)
    assert normalization(ecg).apply(ecg).dtype == np.float32


def test_a_flat_lead_is_safe(normalization):
    ecg = heartbeats(3)
    ecg[1, 4] = 0.7
    scaling = normalization(ecg)
    assert (scaling.scale > 0).all()
    assert np.isfinite(scaling.apply(ecg)).all()


def test_the_fitted_numbers_survive_a_file(normalization):
    numbers = json.loads(json.dumps(dataclasses.asdict(normalization)))
    assert type(normalization)(**numbers) == normalization


def test_global_takes_mean_and_deviation_over_everything_however_it_comes_in_blocks():
    make = build(composed("normalization=global").normalization)
    ecg = heartbeats(30) + 5
    fitted = make.fit([ecg[:1], ecg[1:20], ecg[20:]])
    assert fitted.shift == pytest.approx(ecg.mean(dtype=np.float64), rel=1e-9)
    assert fitted.scale == pytest.approx(ecg.std(dtype=np.float64), rel=1e-9)


def test_global_of_flat_ecgs_keeps_scale_one():
    assert (
        build(composed("normalization=global").normalization)
        .fit([np.ones((3, 12, 50), np.float32)])
        .scale
        == 1
    )


def test_per_signal_gives_every_lead_mean_zero_and_deviation_one():
    ecg = heartbeats(5)
    scaled = build(composed("normalization=per_signal").normalization)(ecg).apply(ecg)
    assert np.allclose(scaled.mean(axis=-1), 0, atol=1e-5)
    assert np.allclose(scaled.std(axis=-1), 1, atol=1e-4)


def robust():
    return build(composed("normalization=robust").normalization)


def test_robust_takes_the_medians_over_everything_to_a_step_however_it_comes_in_blocks():
    ecg = heartbeats(30) + np.float32(0.25)
    fitted = robust().fit(block for block in (ecg[:1], ecg[1:20], ecg[20:]))
    middle = np.median(ecg)
    assert fitted.shift == pytest.approx(middle, abs=0.5e-3 + 1e-6)
    assert fitted.scale * 0.6745 == pytest.approx(np.median(np.abs(ecg - middle)), abs=1e-3)


def test_a_few_recordings_full_of_artefacts_move_robust_little_and_global_much():
    ecg = heartbeats(100)
    broken = ecg.copy()
    broken[:3] += np.random.default_rng(0).normal(0, 20, broken[:3].shape).astype(np.float32)

    def change(choice):
        make = build(composed(f"normalization={choice}").normalization)
        return make.fit([broken]).scale / make.fit([ecg]).scale

    assert change("robust") < 1.1
    assert change("global") > 5


def test_robust_counts_voltages_beyond_its_range_as_its_ends():
    ecg = np.array([-1e6, -2.0, 0.5, 2.0, 1e6], np.float32).reshape(1, 1, 5)
    assert robust().fit([ecg]).shift == pytest.approx(0.5)


def test_robust_of_flat_or_no_ecgs_keeps_scale_one():
    assert robust().fit([np.ones((3, 12, 50), np.float32)]).scale == 1
    assert robust().fit([]).scale == 1


def test_robust_refuses_voltages_that_are_not_mv():
    with pytest.raises(InputError, match=r"ecg must be in mV; got a median beyond 32\.768 mV"):
        robust().fit([heartbeats(2) + 1000])
