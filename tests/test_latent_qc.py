"""Latents of signals that were not reconstructed are missing, counted, and what that selects for is
shown."""

import numpy as np
import pytest
from conftest import composed

from ecgae.ecg import LEADS
from ecgae.entry.build import build
from ecgae.errors import InputError
from ecgae.models.judging.latent_qc import LatentQC
from ecgae.models.latents import Latents
from ecgae.models.views import View


def latents_of(lead_mode, lead_set="all", people=40, latent_dim=2):
    random = np.random.default_rng(0)
    view = View(LEADS, lead_mode, lead_set)
    names = view.names(latent_dim)
    amplitude = random.uniform(0.1, 0.6, (people, 12))
    r2 = random.uniform(0.5, 0.99, (people, 12))
    mse = (1 - r2) * amplitude**2
    quality = {"mse": mse, "r2": r2, "amplitude": amplitude, "mse_normalized": mse / 0.25**2}
    values = random.normal(size=(people, len(names))).astype(np.float32)
    ids = np.array([f"{number}" for number in range(people)])
    return Latents(
        ids, np.zeros(people, int), np.full(people, "none"), names, values, LEADS, quality
    ), view


def test_nothing_is_dropped_from_a_model_that_beats_the_mean():
    latents, view = latents_of("single")
    screened = LatentQC(highest=1.0)(latents, view)
    assert np.array_equal(screened.latents.values, latents.values)
    assert (screened.summary["kept"], screened.summary["dropped"]) == (480, 0)


def test_of_single_leads_the_failed_signal_alone_becomes_missing():
    latents, view = latents_of("single")
    latents.quality["r2"][3, 7] = -0.2
    latents.quality["r2"][9, 0] = np.nan  # flat
    screened = LatentQC(highest=1.0)(latents, view)
    missing = np.isnan(screened.latents.values)
    assert np.argwhere(missing).tolist() == [[3, 14], [3, 15], [9, 0], [9, 1]]
    assert screened.summary["dropped"] == 2
    assert screened.summary["leads"]["V2"]["dropped"] == 1
    assert screened.summary["unit"] == "signal"


def test_of_joint_leads_the_person_fails_by_all_leads_together():
    latents, view = latents_of("joint")
    latents.quality["r2"][5] = -1
    latents.quality["mse"][5] = 2 * latents.quality["amplitude"][5] ** 2
    latents.quality["r2"][6, 4] = -50  # one small lead does not fail a person
    screened = LatentQC(highest=1.0)(latents, view)
    assert np.flatnonzero(np.isnan(screened.latents.values).all(axis=1)).tolist() == [5]
    assert screened.summary["dropped"] == 1
    assert screened.summary["unit"] == "individual"


def test_leads_that_the_network_does_not_see_are_not_judged():
    latents, view = latents_of("single", "independent")
    latents.quality["r2"][:, 2:6] = -9
    latents.quality["mse_normalized"][:, 2:6] = np.nan
    for measure in ("one_minus_r2", "mse_normalized"):
        screened = LatentQC(measure, 100.0)(latents, view)
        assert screened.summary["dropped"] == 0
        assert list(screened.summary["leads"]) == ["I", "II", "V1", "V2", "V3", "V4", "V5", "V6"]


def test_the_published_filter_selects_on_amplitude_and_the_scale_free_one_does_not():
    latents, view = latents_of("single", people=400)
    published = LatentQC("mse_normalized", 0.4)(latents, view).summary
    assert 0.1 < published["dropped"] / 4800 < 0.9
    assert all(lead["standardised_difference"] > 0.5 for lead in published["leads"].values())
    free = LatentQC("one_minus_r2", 0.25)(latents, view).summary
    assert abs(np.mean([lead["standardised_difference"] for lead in free["leads"].values()])) < 0.1


def test_no_limit_keeps_everybody_and_few_dropped_have_no_spread():
    latents, view = latents_of("single")
    latents.quality["r2"][0, 0] = np.nan
    assert LatentQC(highest=None)(latents, view).summary["dropped"] == 0
    lead = LatentQC(highest=1.0)(latents, view).summary["leads"]["I"]
    assert lead["standardised_difference"] is None
    assert lead["amplitude_dropped"] == {
        "mean": pytest.approx(latents.quality["amplitude"][0, 0]),
        "sd": None,
    }
    assert LatentQC(highest=1.0)(latents, view).summary["leads"]["II"]["amplitude_dropped"] == {
        "mean": None,
        "sd": None,
    }


def test_bad_settings_are_refused_with_a_sentence_and_the_shipped_ones_build():
    with pytest.raises(
        InputError, match=r"latent_qc\.measure must be one of one_minus_r2, .*; got 'r2'"
    ):
        LatentQC("r2")
    with pytest.raises(InputError, match=r"latent_qc\.highest must be positive or null; got 0"):
        LatentQC(highest=0.0)
    assert build(composed().latent_qc) == LatentQC("one_minus_r2", 2.0)
