"""Recordings become samples of the network and recordings again; measurements are standardised."""

import numpy as np
import pytest
from conftest import heartbeats

from ecgae.ecg import INDEPENDENT_LEADS, LEADS, LIMB_LEADS_FROM_I_AND_II
from ecgae.errors import InputError
from ecgae.models.features import Standard, named
from ecgae.models.views import View


def recordings() -> np.ndarray:
    """With limb leads that obey Einthoven and Goldberger."""
    ecg = heartbeats(5, 60)
    ecg[:, :6] = np.einsum("rs,ist->irt", LIMB_LEADS_FROM_I_AND_II, ecg[:, :2])
    return ecg


@pytest.mark.parametrize("lead_set", ["all", "independent"])
@pytest.mark.parametrize("lead_mode", ["joint", "single"])
def test_samples_put_together_are_the_recordings_again(lead_mode, lead_set):
    view, ecg = View(LEADS, lead_mode, lead_set), recordings()
    signals = view.signals(ecg)
    assert signals.shape == (5 * view.per_individual, view.channels, 60)
    assert np.allclose(view.recordings(signals), ecg, atol=1e-6)


def test_all_leads_are_seen_without_a_copy():
    ecg = recordings()
    assert np.shares_memory(View(LEADS).signals(ecg), ecg)
    assert np.shares_memory(View(LEADS, "single").signals(ecg), ecg)


def test_single_lead_samples_are_the_leads_in_order():
    ecg = recordings()
    assert np.array_equal(View(LEADS, "single").signals(ecg)[12 + 7, 0], ecg[1, 7])
    independent = View(LEADS, "single", "independent")
    assert independent.leads == INDEPENDENT_LEADS
    assert np.array_equal(independent.signals(ecg)[8 + 2, 0], ecg[1, LEADS.index("V1")])


def test_latents_are_named_by_lead_where_each_lead_has_its_own():
    assert View(tuple("ABC"), "single").names(2)[:3] == [
        "A_latent_01",
        "A_latent_02",
        "B_latent_01",
    ]
    assert View(LEADS).names(2) == ["latent_01", "latent_02"]


@pytest.mark.parametrize(
    ("view", "message"),
    [
        ((LEADS, "both"), "lead_mode must be one of joint, single"),
        ((LEADS, "joint", "eight"), "leads must be one of all, independent"),
        (
            (("MLII",), "joint", "independent"),
            "leads=independent must have recordings with all six limb leads",
        ),
    ],
)
def test_a_view_that_cannot_be_is_refused(view, message):
    with pytest.raises(InputError, match=message):
        View(*view)


def test_measurements_have_mean_0_and_sd_1_and_a_missing_one_is_the_mean():
    features = np.array([[160.0, 90.0, 5.0], [np.nan, 100.0, 5.0], [200.0, 110.0, 5.0]])
    standard = Standard().fit(features)
    values = standard(features)
    assert values.dtype == np.float32
    assert np.allclose(values, [[-1, -1.2247449, 0], [0, 0, 0], [1, 1.2247449, 0]])


def test_a_measurement_that_is_not_there_is_refused_with_those_that_are():
    table = {"qt_interval": np.array([400.0, np.nan]), "p_duration": np.array([np.nan, np.nan])}
    assert named(["qt_interval"], table, "cohort x").shape == (2, 1)
    with pytest.raises(
        InputError, match=r"measurements of cohort x \(p_duration, qt_interval\); got age"
    ):
        named(["age"], table, "cohort x")
    with pytest.raises(InputError, match="nobody has p_duration"):
        named(["p_duration"], table, "cohort x")
