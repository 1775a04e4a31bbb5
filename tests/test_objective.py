"""Each objective is the formula that it states, and draws what it says it draws."""

import dataclasses
import inspect
import math

import numpy as np
import pytest
import torch
from conftest import choices
from hydra.utils import get_object
from networks import conditions_of, config, ecgs, objective_of, small, with_setting

from ecgae.errors import InputError
from ecgae.models.architecture import Latent
from ecgae.models.objective import _noise
from ecgae.models.objective._terms import divergence, drawn

OBJECTIVES, ARCHITECTURES = choices("objective"), choices("architecture")
KINDS = (*_noise.KINDS, "mask")
RATE = 500.0


def terms_of(
    name: str, architecture: str, *overrides: str, epoch: float | None = None
) -> dict[str, float]:
    minimise = objective_of(name, *overrides)
    penalty = with_setting(architecture, "l2", 1e-3)
    model = small(architecture, 12, 57, len(minimise.features), *penalty)
    terms = minimise(model.eval(), ecgs(4), conditions_of(4, len(minimise.features)), epoch)
    return {label: term.item() for label, term in terms.items()}


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize("name", OBJECTIVES)
def test_the_loss_is_the_sum_of_its_named_terms(name, architecture):
    weight = 3.0 if name != "reconstruction" else 0.0
    terms = terms_of(name, architecture, *(["kl_weight=3"] if weight else []))
    assert set(terms) == {"loss", "reconstruction", "penalty"} | ({"kl"} if weight else set())
    total = terms["reconstruction"] + terms["penalty"] + weight * terms.get("kl", 0) / (12 * 57)
    assert terms["loss"] == pytest.approx(total, rel=1e-5)
    assert all(math.isfinite(value) for value in terms.values())
    assert (terms["penalty"] > 0) == bool(with_setting(architecture, "l2", 1e-3))


@pytest.mark.parametrize("name", ["conditional", "denoising"])
def test_without_a_weight_there_is_no_kl_term(name):
    assert set(terms_of(name, "resnet_vae", "kl_weight=0")) == {"loss", "reconstruction", "penalty"}


@pytest.mark.parametrize("name", OBJECTIVES)
def test_a_yaml_holds_every_number_of_its_objective(name):
    shipped = dict(config("objective", name))
    arguments = inspect.signature(get_object(shipped.pop("_target_"))).parameters
    assert {*shipped} == set(arguments) - {"sampling_rate"}


@pytest.mark.parametrize("name", OBJECTIVES)
def test_every_objective_says_what_it_needs_and_what_it_can_do(name):
    objective = objective_of(name)
    assert dataclasses.is_dataclass(objective)
    assert bool(objective.features) == (name == "conditional")
    assert objective.closed_form == (name in ("reconstruction", "conditional"))


def test_only_plain_least_squares_has_a_closed_form():
    assert not objective_of("reconstruction", "error=l1").closed_form
    assert not objective_of("conditional", "error=huber").closed_form
    assert not objective_of("conditional", "kl_weight=1").closed_form


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        ("mse", lambda e: e**2),
        ("l1", np.abs),
        ("huber", lambda e: np.where(np.abs(e) < 0.2, e**2 / 2, 0.2 * (np.abs(e) - 0.1))),
    ],
)
def test_errors_are_means_of_their_formulas(error, expected):
    model, ecg = small("plain").eval(), ecgs(4)
    minimise = objective_of("reconstruction", f"error={error}", "huber_delta=0.2")
    difference = (model.decode(model.encode(ecg).mean) - ecg).detach().numpy()
    assert minimise(model, ecg)["reconstruction"].item() == pytest.approx(
        expected(difference).mean(), rel=1e-5
    )


def test_the_kl_term_is_that_of_torch_summed_over_latents():
    torch.manual_seed(0)
    latent = Latent(torch.randn(5, 3), torch.randn(5, 3))
    found = torch.distributions.Normal(latent.mean, (latent.log_variance / 2).exp())
    expected = (
        torch.distributions.kl_divergence(found, torch.distributions.Normal(0.0, 1.0)).sum(1).mean()
    )
    assert divergence(latent).item() == pytest.approx(expected.item(), rel=1e-5)
    assert divergence(Latent(torch.zeros(5, 3), torch.zeros(5, 3))).item() == 0


def test_the_kl_term_of_a_deterministic_architecture_is_half_the_squared_latents():
    latent = Latent(torch.randn(5, 3))
    assert divergence(latent).item() == pytest.approx(latent.mean.square().sum(1).mean().item() / 2)
    assert drawn(latent, None) is latent.mean


def test_draws_have_the_mean_and_the_variance_of_the_latent():
    torch.manual_seed(0)
    latent = Latent(torch.full((20000, 2), 3.0), torch.full((20000, 2), math.log(4.0)))
    sample = drawn(latent, None)
    assert torch.allclose(sample.mean(0), torch.tensor(3.0), atol=0.05)
    assert torch.allclose(sample.std(0), torch.tensor(2.0), atol=0.05)


@pytest.mark.parametrize("architecture", ["residual", "resnet_vae"])
def test_plain_reconstruction_draws_nothing(architecture):
    model, ecg = small(architecture), ecgs(4)
    before = torch.get_rng_state()
    objective_of("reconstruction")(model, ecg)
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize(
    ("name", "architecture"), [("beta_vae", "resnet_vae"), ("denoising", "plain")]
)
def test_noise_differs_between_steps_and_stays_between_epochs_of_validation(name, architecture):
    model, ecg, minimise = small(architecture), ecgs(4), objective_of(name)
    assert len({minimise(model, ecg)["reconstruction"].item() for _ in range(3)}) == 3
    model.eval()
    before = torch.get_rng_state()
    assert len({minimise(model, ecg)["reconstruction"].item() for _ in range(3)}) == 1
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize(
    ("schedule", "weights"),
    [
        ("constant", {0: 4, 1.5: 4, 9: 4, None: 4}),
        ("warm_up", {0: 0, 0.5: 1, 1: 2, 2: 4, 9: 4, None: 4}),
        ("cyclical", {0: 0, 1: 2, 2: 4, 4.9: 4, 5: 0, 6: 2, 9: 4, 10: 0, None: 4}),
    ],
)
def test_the_kl_weight_follows_its_schedule(schedule, weights):
    overrides = ("kl_weight=4", f"schedule={schedule}", "warm_up_epochs=2", "cycle_epochs=5")
    objective = objective_of("beta_vae", *overrides)
    assert {epoch: objective.weight(epoch) for epoch in weights} == weights
    terms = terms_of("beta_vae", "mregle", *overrides, epoch=1)
    weight = (terms["loss"] - terms["reconstruction"] - terms["penalty"]) / terms["kl"] * 12 * 57
    assert weight == pytest.approx(weights.get(1, 4), rel=1e-3)


def corrupted(kind: str, ecg: torch.Tensor, *overrides: str, seed: int = 0) -> torch.Tensor:
    torch.manual_seed(seed)
    return objective_of("denoising", f"noise={kind}", *overrides, sampling_rate=RATE).corrupted(ecg)


@pytest.mark.parametrize(
    ("kind", "low", "high"),
    [("wander", 0, 0.6), ("mains", 49.8, 50.2), ("muscle", 19.9, 150.1), ("white", 0, 250)],
)
def test_noise_has_the_amplitude_and_the_spectrum_of_its_kind(kind, low, high):
    ecg = torch.sin(torch.arange(5000) / 40).expand(6, 12, -1) * torch.linspace(0.1, 3, 12)[:, None]
    noise = corrupted(kind, ecg, "lowest_amplitude=0.3", "highest_amplitude=0.3") - ecg
    relative = noise.square().mean(2).sqrt() / ecg.std(2)
    assert relative.mean().item() == pytest.approx(0.3, rel=0.05)
    power = torch.fft.rfft(noise * torch.hann_window(5000)).abs().square().mean((0, 1))
    frequency = torch.fft.rfftfreq(5000, 1 / RATE)
    assert power[(frequency >= low) & (frequency <= high)].sum() > 0.99 * power.sum()
    if kind in ("white", "muscle"):
        quarter = frequency < low + (high - low) / 4
        share = {"white": 0.25, "muscle": math.log(52.5 / 20) / math.log(150 / 20)}[
            kind
        ]  # flat; 1 / frequency
        assert (power[quarter].sum() / power.sum()).item() == pytest.approx(share, rel=0.05)


@pytest.mark.parametrize("kind", KINDS)
def test_every_signal_gets_its_own_noise_and_amplitude(kind):
    ecg = ecgs(1, 1, 600).expand(4, 3, -1)
    changed = (corrupted(kind, ecg) - ecg).flatten(0, 1)
    assert all(
        not torch.allclose(changed[i], changed[j], atol=1e-4) for i in range(12) for j in range(i)
    )
    assert torch.equal(corrupted(kind, ecg), corrupted(kind, ecg))
    assert not torch.equal(corrupted(kind, ecg), corrupted(kind, ecg, seed=1))
    size = changed.square().mean(1).sqrt()
    assert size.max() > 1.2 * size.min()


@pytest.mark.parametrize("samples", [1, 2, 57, 601])
@pytest.mark.parametrize("kind", KINDS)
def test_noise_fits_any_length_and_spares_what_is_flat(kind, samples):
    ecg = ecgs(2, 3, samples).clone()
    ecg[1] = 0.7
    noisy = corrupted(kind, ecg)
    assert noisy.shape == ecg.shape
    assert noisy.isfinite().all()
    assert torch.allclose(noisy[1], ecg[1])


def test_a_mask_hides_its_share_of_each_lead_behind_the_mean():
    ecg = torch.randn(400, 3, 400)
    noisy = corrupted("mask", ecg, "lowest_amplitude=0.25", "highest_amplitude=0.25")
    hidden = noisy != ecg
    assert ((hidden.sum(2) - 100).abs() <= 1).all()
    assert (hidden.int().diff(dim=2).abs().sum(2) <= 2).all()  # one stretch, round the end
    assert torch.allclose(noisy[hidden], ecg.mean(2, keepdim=True).expand_as(ecg)[hidden])
    assert torch.allclose(hidden.float().mean((0, 1)), torch.tensor(0.25), atol=0.06)  # anywhere


def test_denoising_compares_with_the_clean_ecg():
    model, ecg = small("plain").eval(), ecgs(4)
    minimise = objective_of("denoising", "noise=mask", "lowest_amplitude=1", "highest_amplitude=1")
    latent = model.encode(ecg.mean(2, keepdim=True).expand_as(ecg))
    expected = (model.decode(latent.mean) - ecg).square().mean().item()
    assert minimise(model, ecg)["reconstruction"].item() == pytest.approx(expected, rel=1e-5)


def test_an_objective_with_features_wants_them():
    minimise = objective_of("conditional")
    with pytest.raises(ValueError, match="must get the condition"):
        minimise(small("plain", 12, 57, 4), ecgs(2))


@pytest.mark.parametrize(
    ("name", "override", "message"),
    [
        (
            "reconstruction",
            "error=mae",
            r"objective\.error must be one of mse, l1, huber; got 'mae'",
        ),
        ("reconstruction", "huber_delta=0", r"objective\.huber_delta must be positive"),
        ("beta_vae", "kl_weight=-1", r"objective\.kl_weight must not be negative"),
        (
            "beta_vae",
            "schedule=linear",
            r"objective\.schedule must be one of constant, warm_up, cyclical",
        ),
        ("beta_vae", "warm_up_epochs=0", r"objective\.warm_up_epochs must be positive"),
        (
            "denoising",
            "noise=pink",
            r"objective\.noise must be one of white, wander, mains, muscle, mask; got 'pink'",
        ),
        (
            "denoising",
            "lowest_amplitude=2",
            r"objective\.lowest_amplitude must be at least 0 and at most",
        ),
        ("conditional", "features=[]", r"objective\.features must name at least one measurement"),
        (
            "conditional",
            "features=[qt_interval,qt_interval]",
            r"objective\.features must name at least one",
        ),
    ],
)
def test_bad_numbers_are_refused_with_a_sentence(name, override, message):
    with pytest.raises(InputError, match=message):
        objective_of(name, override)


@pytest.mark.parametrize(
    ("overrides", "rate", "message"),
    [
        (("noise=mains",), 100.0, r"half the sampling rate, 50 Hz; got mains from 50 Hz on"),
        (("noise=muscle",), 40.0, r"half the sampling rate, 20 Hz; got muscle from 20 Hz on"),
        (("noise=mains", "mains_frequency=0"), 500.0, r"got mains from 0 Hz on"),
        (
            ("noise=mask", "highest_amplitude=1.5"),
            500.0,
            r"highest_amplitude must be at most 1 for noise=mask",
        ),
        (
            ("schedule=cyclical", "cycle_epochs=5"),
            500.0,
            r"cycle_epochs must be at least .*warm_up_epochs, 10; got 5",
        ),
    ],
)
def test_numbers_that_do_not_go_together_are_refused_with_a_sentence(overrides, rate, message):
    name = "beta_vae" if overrides[0].startswith("schedule") else "denoising"
    with pytest.raises(InputError, match=message):
        objective_of(name, *overrides, sampling_rate=rate)
