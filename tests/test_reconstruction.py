"""Errors are what their definitions say, against one reference that no cleaning can change."""

import numpy as np
import pytest
from conftest import heartbeats

from ecgae.models.reconstruction_error import MEASURES, agreement, reconstruction_quality


def by_definition(recorded, cleaned, found) -> dict[str, float]:
    """One lead of one person, in double precision, formula by formula."""
    recorded, cleaned, found = (np.asarray(ecg, np.float64) for ecg in (recorded, cleaned, found))
    sse = ((cleaned - found) ** 2).sum()
    about_mean, found_about_mean = recorded - recorded.mean(), found - found.mean()
    sse_recorded, sst_recorded = ((about_mean - found_about_mean) ** 2).sum(), (about_mean**2).sum()
    return {
        "mse": sse / len(cleaned),
        "r2": 1 - sse / ((cleaned - cleaned.mean()) ** 2).sum(),
        "amplitude": cleaned.std(),
        "mse_recorded": sse_recorded / len(recorded),
        "r2_recorded": 1 - sse_recorded / sst_recorded,
        "prd_recorded": 100 * np.sqrt(sse_recorded / sst_recorded),
        "r_recorded": np.corrcoef(recorded, found)[0, 1],
    }


@pytest.mark.parametrize("offset", [0.0, 300.0])
def test_the_fast_measures_equal_the_formulas_even_far_from_zero(offset):
    random = np.random.default_rng(1)
    recorded = heartbeats(3, 400) + np.float32(offset)
    cleaned = recorded - recorded.mean(axis=-1, keepdims=True)
    found = (cleaned + random.normal(0.02, 0.1, cleaned.shape)).astype(np.float32)
    quality = reconstruction_quality(recorded, cleaned, found)
    assert set(quality) == set(MEASURES)
    for person, lead in ((0, 0), (1, 7), (2, 11)):
        wanted = by_definition(recorded[person, lead], cleaned[person, lead], found[person, lead])
        for measure, value in wanted.items():
            assert quality[measure][person, lead] == pytest.approx(value, rel=1e-9), measure


def test_a_perfect_copy_is_perfect_and_the_mean_explains_nothing():
    ecg = heartbeats(2, 200)
    perfect = reconstruction_quality(ecg + 3, ecg, ecg)
    assert np.array_equal(perfect["mse"], np.zeros((2, 12)))
    assert np.allclose(
        perfect["r2_recorded"], 1, atol=1e-9
    )  # up to a constant: an amplifier does not pass the mean
    assert np.allclose(perfect["prd_recorded"], 0, atol=1e-3)
    mean = np.broadcast_to(ecg.mean(axis=-1, keepdims=True), ecg.shape)
    nothing = reconstruction_quality(ecg, ecg, mean)
    assert np.allclose(nothing["r2"], 0, atol=1e-6)
    assert np.isnan(nothing["r_recorded"]).all()


def test_a_flat_lead_has_no_share_of_variance_and_leaves_the_others_alone():
    ecg = heartbeats(2, 200)
    ecg[0, 3] = 0.7
    quality = reconstruction_quality(ecg, ecg, ecg * np.float32(0.9))
    for measure in ("r2", "r2_recorded", "prd_recorded", "r_recorded"):
        assert np.isnan(quality[measure][0, 3])
        assert np.isfinite(np.delete(quality[measure].ravel(), 3)).all()
    assert quality["mse"][0, 3] == pytest.approx(0.07**2, rel=1e-4)
    assert quality["amplitude"][0, 3] == 0


def test_what_cleaning_takes_away_counts_against_the_recording_only():
    cleaned = heartbeats(2, 500)
    wander = 0.4 * np.sin(np.linspace(0, 6, 500, dtype=np.float32))
    quality = reconstruction_quality(cleaned + wander, cleaned, cleaned)
    assert np.allclose(quality["r2"], 1)
    assert np.allclose(quality["mse_recorded"], wander.var(), rtol=1e-4)


def test_agreement_does_not_see_a_constant():
    ecg = heartbeats(2, 300)
    found = agreement(ecg, ecg * np.float32(0.5) - 2)
    assert np.allclose(found["r"], 1)
    assert np.allclose(found["prd"], 50, rtol=1e-4)
    assert np.allclose(found["r2"], 0.75, rtol=1e-4)
