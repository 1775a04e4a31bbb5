"""Laws that hold for every architecture, found by glob, with every objective, input and lead
mode."""

import inspect

import numpy as np
import pytest
import torch
from conftest import choices
from hydra.utils import get_object
from networks import conditions_of, config, ecgs, network, objective_of, small, with_setting
from torch import nn

from ecgae.errors import InputError
from ecgae.models.architecture import Autoencoder, ClosedForm
from ecgae.models.architecture import pca as principal_components
from ecgae.models.architecture._layers import ACTIVATIONS, Conv, UpsampledConv
from ecgae.models.architecture._numbers import SIDES, SKIPS
from ecgae.models.architecture.pca import PCA

ARCHITECTURES, OBJECTIVES = choices("architecture"), choices("objective")
CONVOLUTIONS = [
    name
    for name in ARCHITECTURES
    if not issubclass(get_object(config("architecture", name)["_target_"]), ClosedForm)
]

MEDIAN_BEAT, STRIP = 600, 5000
SHAPES = [
    *[
        (leads, samples) for samples in (MEDIAN_BEAT, STRIP) for leads in (12, 8, 1)
    ],  # joint, independent, single
    *[(1, 1250), (12, 601), (3, 57), (12, 1)],
]


@pytest.fixture(autouse=True)
def one_thread():
    """Networks this small are slower with more, and many times slower beside another job."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def solved(
    model: ClosedForm, ecg: torch.Tensor, condition: torch.Tensor | None = None, batch: int = 5
) -> ClosedForm:
    pieces = torch.arange(len(ecg)).split(batch)
    model.solve(
        lambda: ((ecg[rows], None if condition is None else condition[rows]) for rows in pieces)
    )
    return model


def trained(name: str, leads: int = 12, samples: int = 57) -> Autoencoder:
    """A small network in evaluation mode, with statistics of ECGs in it."""
    model = small(name, leads, samples, 0, *with_setting(name, "dropout", 0.5))
    ecg = ecgs(16, leads, samples)
    if isinstance(model, ClosedForm):
        return solved(model, ecg)
    for _ in range(20):
        model.encode(ecg)
    return model.eval()


@pytest.mark.parametrize(("leads", "samples"), SHAPES)
@pytest.mark.parametrize("name", ARCHITECTURES)
def test_every_architecture_takes_every_input_as_shipped(name, leads, samples):
    model, ecg = network(name, leads, samples), ecgs(2, leads, samples)
    latent = model.encode(ecg)
    assert latent.mean.shape == (2, config("architecture", name).latent_dim)
    found = model.decode(latent.mean, latent.skips)
    assert found.shape == ecg.shape
    if not isinstance(model, ClosedForm):
        found.sum().backward()
        gradients = [weight.grad for weight in model.parameters() if weight.grad is not None]
        assert all(gradient.isfinite().all() for gradient in gradients)


@pytest.mark.parametrize("objective", OBJECTIVES)
@pytest.mark.parametrize("name", CONVOLUTIONS)
def test_every_parameter_gets_a_gradient(name, objective):
    minimise = objective_of(objective)
    model = network(name, 12, 120, len(minimise.features))
    minimise(model, ecgs(4, 12, 120), conditions_of(4, len(minimise.features)))["loss"].backward()
    without = {
        label
        for label, weight in model.named_parameters()
        if weight.grad is None or not weight.grad.any()
    }
    # A bias in front of a batch normalization is removed by it again: its gradient is zero by
    # construction.
    if config("architecture", name).batch_norm:
        without -= {label for label in without if label.endswith("conv.bias")}
    # Without a KL term nothing depends on the variances: ECGs are reconstructed from the mean.
    if objective != "beta_vae":
        without -= {"to_log_variance.linear.weight", "to_log_variance.linear.bias"}
    assert without == set()


@torch.no_grad()
def unexplained(model: Autoencoder, ecg: torch.Tensor, condition: torch.Tensor | None) -> float:
    """The squared error, as a share of what one ECG for everybody leaves."""
    latent = model.encode(ecg)
    error = model.decode(latent.mean, latent.skips, condition) - ecg
    return float(error.square().sum() / (ecg - ecg.mean(0)).square().sum())


@pytest.mark.parametrize(("leads", "samples"), [(12, 60), (8, 57), (1, 125)])
@pytest.mark.parametrize("objective", OBJECTIVES)
@pytest.mark.parametrize("name", ARCHITECTURES)
def test_eight_ecgs_can_be_learned_by_heart(name, objective, leads, samples):
    weak = (
        ("kl_weight=0.01",) if objective == "beta_vae" else ()
    )  # at full weight the term forbids just this
    minimise = objective_of(objective, *weak)
    model, ecg = small(name, leads, samples, len(minimise.features)), ecgs(8, leads, samples)
    condition = conditions_of(8, len(minimise.features))
    if isinstance(model, ClosedForm):
        solved(model, ecg, condition)
    else:
        optimizer = torch.optim.Adam(model.parameters(), lr=0.02, fused=True)
        for step in range(120):
            if step % 10 == 0 and unexplained(model, ecg, condition) < 0.5:
                break
            optimizer.zero_grad()
            minimise(model, ecg, condition)["loss"].backward()
            optimizer.step()
    assert unexplained(model, ecg, condition) < 0.5


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_evaluation_is_deterministic_and_does_not_mix_people(name):
    model, ecg = trained(name), ecgs(6)
    together = model.encode(ecg)
    assert torch.equal(together.mean, model.encode(ecg).mean)
    alone = model.encode(ecg[2:3])
    assert torch.allclose(together.mean[2:3], alone.mean, atol=1e-5)
    one = model.decode(alone.mean, alone.skips)
    assert torch.allclose(model.decode(together.mean, together.skips)[2:3], one, atol=1e-5)


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_everything_survives_save_and_load(name, tmp_path):
    model, ecg = trained(name), ecgs(3)
    model.rotate(torch.randn(8), torch.linalg.qr(torch.randn(8, 8)).Q)
    torch.save(model.state_dict(), tmp_path / "weights")
    other = small(name).eval()
    before = other.encode(ecg)
    assert not torch.allclose(before.mean, model.encode(ecg).mean)
    other.load_state_dict(torch.load(tmp_path / "weights", weights_only=True))
    for one, same in zip(model.encode(ecg)[:2], other.encode(ecg)[:2], strict=True):
        assert (one is None and same is None) or torch.equal(one, same)
    latent = model.encode(ecg)
    assert torch.equal(
        model.decode(latent.mean, latent.skips),
        other.decode(other.encode(ecg).mean, other.encode(ecg).skips),
    )


@pytest.mark.parametrize("conditions", [0, 3])
@pytest.mark.parametrize("name", ARCHITECTURES)
def test_a_rotated_latent_space_gives_the_same_reconstruction(name, conditions):
    model, ecg, condition = small(name, 12, 57, conditions), ecgs(16), conditions_of(16, conditions)
    if isinstance(model, ClosedForm):
        solved(model, ecg, condition)
    model.eval()
    before = model.encode(ecg)
    reconstruction = model.decode(before.mean, before.skips, condition)
    rotation, centre = torch.linalg.qr(torch.randn(8, 8)).Q, torch.randn(8)
    for _ in range(2):
        model.rotate(centre, rotation)
    after = model.encode(ecg)
    assert torch.allclose(
        after.mean, ((before.mean - centre) @ rotation - centre) @ rotation, atol=1e-3
    )
    assert torch.allclose(
        model.decode(after.mean, after.skips, condition), reconstruction, atol=1e-4
    )
    if after.log_variance is not None:
        twice = rotation @ rotation
        covariance = twice.T @ torch.diag_embed(before.log_variance.exp()) @ twice
        assert torch.allclose(
            after.log_variance.exp(), covariance.diagonal(dim1=1, dim2=2), rtol=1e-4
        )


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_only_variational_architectures_have_variances(name):
    model = small(name)
    assert (model.encode(ecgs(2)).log_variance is not None) == model.variational
    assert any("log_variance" in label for label in model.state_dict()) == model.variational


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_the_decoder_is_told_conditions_and_the_encoder_is_not(name):
    model, ecg, condition = small(name, 12, 57, 2), ecgs(16), conditions_of(16, 2)
    if isinstance(model, ClosedForm):
        solved(model, ecg, condition)
    latent = model.eval().encode(ecg)
    one, other = (
        model.decode(latent.mean, latent.skips, told) for told in (condition, condition + 1)
    )
    assert not torch.allclose(one, other, atol=1e-4)
    with pytest.raises(ValueError, match="2 measurements"):
        model.decode(latent.mean, latent.skips)


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_a_yaml_holds_every_number_of_its_architecture(name):
    shipped = dict(config("architecture", name))
    arguments = inspect.signature(get_object(shipped.pop("_target_"))).parameters
    assert {*shipped, "leads", "samples", "conditions"} == set(arguments)


@pytest.mark.parametrize("kind", ["plain", "residual"])
@pytest.mark.parametrize("cross_skip", SKIPS)
@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("intra_skip", SKIPS)
def test_every_kind_of_skip_goes_with_every_other(kind, intra_skip, side, cross_skip):
    options = (f"intra_skip={intra_skip}", f"intra_skip_in={side}", f"cross_skip={cross_skip}")
    options += (f"batch_norm={kind == 'residual'}",)
    model, ecg = (
        small(kind, 3, 57, 0, "filters=[6,8,4]", "kernel_sizes=[5,4,3]", *options),
        ecgs(4, 3),
    )
    latent = model.encode(ecg)
    assert [skip.shape[2] for skip in latent.skips] == ([] if cross_skip == "none" else [32, 16])
    model.decode(latent.mean, latent.skips).square().sum().backward()
    assert all(weight.grad is not None for weight in model.parameters())
    shortcuts = {
        label.split(".")[0] for label, _ in model.named_parameters() if ".shortcut." in label
    }
    sides = {"encoder", "decoder"} if side == "both" else {side}
    assert shortcuts == (set() if intra_skip == "none" else sides)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_activations_are_those_of_their_names(activation):
    model = small("plain", 12, 57, 0, f"activation={activation}", "leaky_slope=0.1")
    slopes = {
        "leaky_relu": -0.1,
        "relu": 0.0,
        "tanh": np.tanh(-1),
        "mish": -np.tanh(np.log1p(np.exp(-1))),
    }
    kinds = tuple({type(ACTIVATIONS[name](0.1)) for name in ACTIVATIONS})
    found = [module for module in model.modules() if isinstance(module, kinds)]
    assert len(found) == 4
    assert all(
        float(module(torch.tensor(-1.0))) == pytest.approx(slopes[activation]) for module in found
    )


def test_cross_skips_bypass_the_bottleneck():
    model, ecg = small("skip_concat"), ecgs(8)
    latent = model.encode(ecg)
    own = model.decode(latent.mean, latent.skips)
    with_the_skips_of_others = model.decode(
        latent.mean, tuple(skip.flip(0) for skip in latent.skips)
    )
    assert not torch.allclose(own, with_the_skips_of_others, atol=1e-2)
    with pytest.raises(ValueError, match="skips that encode gave"):
        model.decode(latent.mean)


@pytest.mark.parametrize("kernel_size", range(1, 10))
def test_upsampling_and_convolution_in_one_equal_the_two_in_turn(kernel_size):
    torch.manual_seed(0)
    both, conv = UpsampledConv(3, 5, kernel_size), Conv(3, 5, kernel_size)
    conv.conv.load_state_dict(both.conv.state_dict())
    x = torch.randn(2, 3, 11)
    assert torch.allclose(
        both(x), conv(nn.functional.interpolate(x, scale_factor=2, mode="nearest")), atol=1e-6
    )


@pytest.mark.parametrize(
    ("kernel_size", "stride", "expected"),
    [
        (7, 2, [2, 0, 0, 0, 0]),  # two zeros on the left, three on the right
        (7, 1, [3, 2, 1, 0, 0, 0, 0, 0, 0, 0]),
        (2, 1, [0, 0, 0, 0, 0, 0, 0, 0, 0, 0]),
        (1, 2, [0, 0, 0, 0, 0]),
    ],
)
def test_same_padding_puts_the_extra_zero_on_the_right_as_keras_does(kernel_size, stride, expected):
    conv = Conv(1, 1, kernel_size, stride)
    impulse = torch.zeros(1, 1, 10)
    impulse[..., 0] = 1
    with torch.no_grad():
        conv.conv.weight.copy_(torch.arange(float(kernel_size))[None, None])
        conv.conv.bias.zero_()
        assert conv(impulse).flatten().tolist() == expected


def test_the_weight_penalty_is_l2_times_the_squared_convolution_kernels():
    model = small("residual", 1, 64, 0, "l2=1e-4")
    kernels = [weight for name, weight in model.named_parameters() if name.endswith("conv.weight")]
    assert len(kernels) == 2 * 3 + 2 + 1
    expected = 1e-4 * sum(float(kernel.detach().square().sum()) for kernel in kernels)
    assert model.penalty().item() == pytest.approx(expected)
    assert not small("residual", 1, 64).penalty().requires_grad


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("kernel_sizes=[7,7,7]", "architecture.kernel_sizes must have one number per entry"),
        ("filters=[]", "architecture.kernel_sizes must have one number per entry"),
        ("latent_dim=0", "latent_dim must be at least 1"),
        ("dense=[0]", "dense and latent_dim must be at least 1"),
        (
            "activation=gelu",
            "architecture.activation must be one of leaky_relu, relu, tanh, mish; got 'gelu'",
        ),
        ("leaky_slope=-0.1", "architecture.leaky_slope must lie in"),
        ("dropout=1.0", "architecture.dropout must lie in"),
        ("l2=-1", "architecture.l2 must not be negative"),
        ("intra_skip=sum", "architecture.intra_skip must be one of none, add, concat; got 'sum'"),
        (
            "intra_skip_in=all",
            "architecture.intra_skip_in must be one of encoder, decoder, both; got 'all'",
        ),
        ("cross_skip=unet", "architecture.cross_skip must be one of none, add, concat; got 'unet'"),
    ],
)
def test_bad_numbers_are_refused_with_a_sentence(override, message):
    for name in CONVOLUTIONS:
        with pytest.raises(InputError, match=message):
            small(name, 12, 57, 0, override)


def test_skips_across_need_two_blocks():
    with pytest.raises(
        InputError, match=r"cross_skip must be none where the encoder has one block; got add\."
    ):
        network("skip_add", overrides=("filters=[8]", "kernel_sizes=[3]"))
    with pytest.raises(InputError, match=r"latent_dim must be at least 1; got 0\."):
        PCA(12, 57, 0)


def components_by_svd(ecg: np.ndarray, count: int) -> np.ndarray:
    """Reconstructions from `count` principal components, the slow and readable way."""
    mean = ecg.mean(axis=0)
    left, scale, right = np.linalg.svd(ecg - mean, full_matrices=False)
    return mean + (left[:, :count] * scale[:count]) @ right[:count]


def flat(ecg: torch.Tensor) -> np.ndarray:
    return ecg.flatten(1).double().numpy()


def solve_by(monkeypatch, way: str) -> None:
    """Makes one of the three ways to the components the only one."""
    monkeypatch.setattr(principal_components, "LARGEST_SAMPLE", 2**28 if way == "products" else 0)
    monkeypatch.setattr(
        principal_components, "LARGEST_COVARIANCE", 0 if way == "iteration" else 8192
    )


WAYS = ["products", "covariance", "iteration"]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    ("people", "leads", "samples", "count"), [(60, 12, 57, 8), (200, 1, 40, 12), (9, 3, 40, 4)]
)
def test_principal_components_are_those_of_the_singular_value_decomposition(
    monkeypatch, way, people, leads, samples, count
):
    solve_by(monkeypatch, way)
    ecg = ecgs(people, leads, samples)
    model = solved(PCA(leads, samples, count), ecg, batch=17)
    found = flat(model.decode(model.encode(ecg).mean))
    expected = components_by_svd(flat(ecg), count)
    best = np.square(expected - flat(ecg)).sum()
    assert np.square(found - flat(ecg)).sum() <= best * (1 + (1e-2 if way == "iteration" else 1e-5))
    assert torch.allclose(model.components @ model.components.T, torch.eye(count), atol=1e-5)
    latents = model.encode(ecg).mean
    assert torch.allclose(latents.mean(0), torch.zeros(count), atol=1e-4)
    assert (latents.std(0).diff() < 0).all()  # the widest first


def test_how_the_ecgs_come_in_batches_does_not_change_the_components():
    ecg = ecgs(40)
    one, other = (solved(PCA(12, 57, 5), ecg, batch=batch) for batch in (40, 7))
    assert torch.allclose(one.components, other.components, atol=1e-5)


@pytest.mark.parametrize("way", ["products", "covariance"])
def test_components_with_conditions_are_the_optimum_of_least_squares(monkeypatch, way):
    solve_by(monkeypatch, way)
    ecg, condition = ecgs(80, 3), conditions_of(80, 2)
    ecg = ecg + condition[:, :1, None] * torch.linspace(0, 1, 57)
    model = solved(PCA(3, 57, 4, 2), ecg, condition)

    def error() -> torch.Tensor:
        return (model.decode(model.encode(ecg).mean, (), condition) - ecg).square().mean()

    best = error()
    for weight in (model.mean, model.components, model.from_condition):
        for seed in range(5):
            change = 0.01 * torch.randn(weight.shape, generator=torch.Generator().manual_seed(seed))
            weight += change
            assert error() > best
            weight -= change
    without = solved(PCA(3, 57, 4), ecg)
    assert best < (without.decode(without.encode(ecg).mean) - ecg).square().mean()


@pytest.mark.parametrize("way", WAYS)
def test_components_beyond_the_rank_of_the_ecgs_are_zero(monkeypatch, way):
    solve_by(monkeypatch, way)
    for ecg, rank in ((ecgs(4, 3), 3), (ecgs(1, 3).expand(9, -1, -1), 0)):
        model = solved(PCA(3, 57, 8), ecg)
        assert (model.components.square().sum(1) > 0.5).sum() == rank
        assert torch.equal(model.encode(ecg).mean[:, rank:], torch.zeros(len(ecg), 8 - rank))
        assert torch.allclose(model.decode(model.encode(ecg).mean), ecg, atol=1e-5)


def test_principal_components_have_no_trainable_parameters():
    model = PCA(12, 57, 8)
    assert not any(weight.requires_grad for weight in model.parameters())
    assert sum(weight.numel() for weight in model.parameters()) == 12 * 57 * 9 + 8
