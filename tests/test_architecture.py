"""Laws that hold for every architecture and objective."""

import pytest
import torch
from conftest import choices, composed, heartbeats

from ecgae.architecture.residual import residual
from ecgae.entry import build
from ecgae.errors import InputError
from ecgae.training import count_parameters

ARCHITECTURES, OBJECTIVES = choices("architecture"), choices("objective")


def built(name: str, leads: int = 12, samples: int = 120, *overrides: str):
    torch.manual_seed(0)
    return build(composed(f"architecture={name}", *overrides).architecture, leads=leads, samples=samples)


def ecgs(batch: int, leads: int = 12, samples: int = 120) -> torch.Tensor:
    return torch.from_numpy(heartbeats(batch, samples)[:, :leads])


@pytest.mark.parametrize("name", ARCHITECTURES)
@pytest.mark.parametrize(("leads", "samples"), [(12, 600), (1, 5000), (1, 1250), (12, 601), (3, 57), (1, 1)])
def test_the_output_has_the_shape_of_the_input(name, leads, samples):
    model = built(name, leads, samples)
    ecg = torch.randn(2, leads, samples)
    latent = model.encode(ecg).mean
    assert latent.shape == (2, 16)
    assert model.decode(latent).shape == ecg.shape


@pytest.mark.parametrize("objective", OBJECTIVES)
@pytest.mark.parametrize("name", ARCHITECTURES)
def test_every_parameter_gets_a_gradient(name, objective):
    model = built(name)
    build(composed(f"objective={objective}").objective)(model, ecgs(4))["loss"].backward()
    without = [label for label, weight in model.named_parameters() if weight.grad is None or not weight.grad.any()]
    # A bias in front of a batch normalization is removed by it again: its gradient is zero by construction.
    assert [label for label in without if not label.endswith("conv.bias")] == []


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_evaluation_is_deterministic_and_does_not_mix_people(name):
    model = built(name, 12, 120, "architecture.dropout=0.5").eval()
    ecg = ecgs(6)
    together = model.encode(ecg).mean
    assert torch.equal(together, model.encode(ecg).mean)
    assert torch.allclose(together[2:3], model.encode(ecg[2:3]).mean, atol=1e-5)


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_weights_survive_save_and_load(name, tmp_path):
    model = built(name).eval()
    torch.save(model.state_dict(), tmp_path / "weights")
    torch.manual_seed(1)
    other = build(composed(f"architecture={name}").architecture, leads=12, samples=120).eval()
    assert not torch.allclose(other.encode(ecgs(2)).mean, model.encode(ecgs(2)).mean)
    other.load_state_dict(torch.load(tmp_path / "weights", weights_only=True))
    assert torch.equal(other.encode(ecgs(2)).mean, model.encode(ecgs(2)).mean)


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_a_rotated_latent_space_gives_the_same_reconstruction(name):
    model, ecg = built(name).eval(), ecgs(4)
    before = model.encode(ecg).mean
    reconstruction = model.decode(before)
    rotation, centre = torch.linalg.qr(torch.randn(16, 16)).Q, torch.randn(16)
    model.rotate(centre, rotation)
    assert torch.allclose(model.encode(ecg).mean, (before - centre) @ rotation, atol=1e-4)
    assert torch.allclose(model.decode(model.encode(ecg).mean), reconstruction, atol=1e-4)


@pytest.mark.parametrize("objective", OBJECTIVES)
@pytest.mark.parametrize("name", ARCHITECTURES)
def test_eight_ecgs_can_be_learned_by_heart(name, objective):
    model, minimise = built(name), build(composed(f"objective={objective}").objective)
    ecg = ecgs(8)
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    start = float(minimise(model, ecg)["loss"].detach())
    for _ in range(150):
        optimizer.zero_grad()
        terms = minimise(model, ecg)
        terms["loss"].backward()
        optimizer.step()
    assert all(term.ndim == 0 and torch.isfinite(term) for term in terms.values())
    assert float(terms["loss"].detach()) < 0.1 * start


def test_the_published_model_has_exactly_its_number_of_parameters():
    cfg = composed("experiment=report_final")
    model = build(cfg.architecture, leads=1, samples=5000)
    assert count_parameters(model) == 5_621_889
    statistics = sum(buffer.numel() for name, buffer in model.named_buffers() if "running" in name)
    assert count_parameters(model) + statistics == 5_623_681
    assert model.from_latent.out_features == 80_000


def test_the_weight_penalty_is_l2_times_the_squared_convolution_kernels():
    model = residual(1, 64, 4, [8, 8], [7, 7], dropout=0.0, l2=1e-4)
    kernels = [weight for name, weight in model.named_parameters() if name.endswith("conv.weight")]
    assert len(kernels) == 2 * 3 + 2 + 1
    assert model.penalty().item() == pytest.approx(
        1e-4 * sum(float(kernel.detach().square().sum()) for kernel in kernels)
    )


def test_same_padding_puts_the_extra_zero_on_the_right_as_keras_does():
    from ecgae.architecture._layers import Conv

    conv = Conv(1, 1, kernel_size=7, stride=2)
    impulse = torch.zeros(1, 1, 10)
    impulse[..., 0] = 1
    with torch.no_grad():
        conv.conv.weight.copy_(torch.arange(7.0)[None, None])
        conv.conv.bias.zero_()
        assert conv(impulse).flatten().tolist() == [
            2.0,
            0.0,
            0.0,
            0.0,
            0.0,
        ]  # two zeros on the left, three on the right


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("architecture.kernel_sizes=[7,7]", "architecture.kernel_sizes must have one number per entry"),
        ("architecture.latent_dim=0", "latent_dim must be at least 1"),
        ("architecture.dropout=1.0", "architecture.dropout must lie in"),
        ("architecture.l2=-1", "architecture.l2 must not be negative"),
    ],
)
def test_bad_numbers_are_refused_with_a_sentence(override, message):
    with pytest.raises(InputError, match=message):
        built("residual", 12, 120, override)
