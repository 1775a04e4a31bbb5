"""The published designs are composed as published, layer by layer."""

import functools
from typing import NamedTuple

import pytest
import torch
from conftest import composed
from torch import nn

from ecgae.entry.build import build
from ecgae.entry.command_line import plain
from ecgae.models.architecture._blocks import Block
from ecgae.models.architecture._layers import UpsampledConv
from ecgae.models.objective._terms import divergence

CHOICES = ("cohort", "input", "denoiser", "baseline", "normalization", "architecture", "objective")


class Row(NamedTuple):
    """A row of the Ben-Gurion University project's tables 1 and 2, as a network for one lead of
    5000 samples."""

    latent_dim: int
    filters: list[int]
    kernel_sizes: list[int]
    activation: type[nn.Module]
    parameters: int
    cross_skip: bool = False
    blocks: str = "pooled"
    intra_skip: str = "none"
    in_decoder: bool = False
    normalization: str = "none"
    dropout: float = 0.0
    epochs: int = 100


RESIDUAL = {
    "filters": [32, 64, 128],
    "kernel_sizes": [7, 7, 7],
    "blocks": "strided",
    "intra_skip": "add",
}
SKIPPED = {"kernel_sizes": [9, 7, 5, 3, 2], "filters": [32, 16, 8, 4, 2], "cross_skip": True}

ROWS = {
    "table1_row1": Row(200, [32, 32, 16, 16, 8, 4], [7, 7, 5, 5, 3, 3], nn.ReLU, 152_189),
    "table1_row2": Row(100, [32, 16, 8, 4], [7, 5, 3, 3], nn.Tanh, 259_841),
    "table1_row3": Row(100, activation=nn.LeakyReLU, parameters=74_713, **SKIPPED),
    "table1_row4": Row(48, activation=nn.LeakyReLU, parameters=42_005, **SKIPPED),
    "table1_row5": Row(24, [32, 16, 8, 4], [9, 7, 5, 3], nn.Tanh, 72_849, cross_skip=True),
    "table2_row1": Row(
        32, activation=nn.LeakyReLU, parameters=5_800_385, in_decoder=True, **RESIDUAL
    ),
    "table2_row2": Row(
        32,
        activation=nn.LeakyReLU,
        parameters=5_800_385,
        in_decoder=True,
        normalization="per_signal",
        **RESIDUAL,
    ),
    "table2_row3": Row(
        64,
        [32, 16, 8, 4, 2],
        [9, 7, 5, 3, 3],
        nn.LeakyReLU,
        105_149,
        intra_skip="concat",
        in_decoder=True,
        normalization="per_signal",
        epochs=45,
    ),
    "table2_row4": Row(
        32,
        activation=nn.LeakyReLU,
        parameters=5_621_889,
        normalization="global",
        dropout=0.2,
        **RESIDUAL,
    ),
    "table2_row5": Row(
        32, activation=nn.LeakyReLU, parameters=5_800_385, in_decoder=True, dropout=0.2, **RESIDUAL
    ),
}


@functools.cache
def config(name: str):
    return composed(f"experiment={name}")


@functools.cache
def network(name: str) -> nn.Module:
    torch.manual_seed(0)
    return build(config(f"report_{name}").architecture, leads=1, samples=5000, conditions=0)


def kinds(layers: nn.Module) -> list[type[nn.Module]]:
    """The layers in order, without what only holds others."""
    return [type(layer) for layer in layers.modules() if not list(layer.children())]


def convolution(channels: int, filters: int, kernel_size: int, normalized: bool = True) -> int:
    """Parameters of Conv, with a bias, and of the batch normalization after it."""
    return filters * (channels * kernel_size + 1) + (2 * filters if normalized else 0)


def block(
    row: Row, channels: int, filters: int, kernel_size: int, shortcut: bool
) -> tuple[int, int]:
    """Parameters of a block, and the channels that it gives."""
    count = convolution(channels, filters, kernel_size)
    count += convolution(filters, filters, kernel_size) if row.blocks == "strided" else 0
    if not shortcut:
        return count, filters
    return count + convolution(channels, filters, 1), filters * (
        2 if row.intra_skip == "concat" else 1
    )


def parameters_by_hand(row: Row) -> int:
    total, channels, widths = 0, 1, []
    for filters, kernel_size in zip(row.filters, row.kernel_sizes, strict=True):
        count, channels = block(row, channels, filters, kernel_size, row.intra_skip != "none")
        total, widths = total + count, [*widths, channels]
    flat = channels * -(-5000 // 2 ** len(widths))
    total += (flat + 1) * row.latent_dim + (row.latent_dim + 1) * flat
    for depth, (filters, kernel_size) in enumerate(
        zip(row.filters[::-1], row.kernel_sizes[::-1], strict=True)
    ):
        if row.in_decoder:
            count, channels = block(row, channels, filters, kernel_size, shortcut=True)
        else:
            count, channels = convolution(channels, filters, kernel_size), filters
        total += count
        if row.cross_skip and depth < len(widths) - 1:
            total += convolution(widths[-2 - depth], channels, 1, normalized=False)
    return total + convolution(channels, 1, 3, normalized=False)


@pytest.mark.parametrize("name", ROWS)
def test_the_encoder_has_the_layers_of_its_row(name):
    row, blocks = ROWS[name], network(name).encoder
    halving = {
        "pooled": [nn.Conv1d, nn.BatchNorm1d],
        "strided": [nn.Conv1d, nn.BatchNorm1d, row.activation],
    }
    main = halving[row.blocks] + ([nn.Conv1d, nn.BatchNorm1d] if row.blocks == "strided" else [])
    after = [row.activation, *([nn.MaxPool1d] if row.blocks == "pooled" else [])]
    after += [nn.Dropout] if row.dropout else []
    assert [kinds(block.main) for block in blocks] == [main] * len(row.filters)
    assert [kinds(block.after) for block in blocks] == [after] * len(row.filters)
    convolutions = [block.main[0].conv for block in blocks]
    assert [conv.out_channels for conv in convolutions] == row.filters
    assert [conv.kernel_size[0] for conv in convolutions] == row.kernel_sizes
    assert {conv.stride[0] for conv in convolutions} == {2 if row.blocks == "strided" else 1}
    assert {block.skip for block in blocks} == {row.intra_skip}
    assert {layer.p for layer in network(name).modules() if isinstance(layer, nn.Dropout)} <= {
        row.dropout
    }


@pytest.mark.parametrize("name", ROWS)
def test_the_decoder_has_the_layers_of_its_row(name):
    row, model = ROWS[name], network(name)
    with_shortcuts = [layer for layer in model.decoder.modules() if isinstance(layer, Block)]
    assert len(with_shortcuts) == (len(row.filters) if row.in_decoder else 0)
    upsampled = [
        layer for layer in model.decoder.modules() if isinstance(layer, nn.Upsample | UpsampledConv)
    ]
    assert len(upsampled) == len(row.filters)
    first = [
        next(layer for layer in block.modules() if isinstance(layer, nn.Conv1d))
        for block in model.decoder
    ]
    assert [conv.out_channels for conv in first] == row.filters[::-1]
    assert [conv.kernel_size[0] for conv in first] == row.kernel_sizes[::-1]
    assert not [layer for layer in model.decoder.modules() if isinstance(layer, nn.Dropout)]
    assert model.to_leads.conv.kernel_size == (3,)
    latent = model.eval().encode(torch.zeros(1, 1, 5000))
    assert len(latent.skips) == (len(row.filters) - 1 if row.cross_skip else 0)
    assert len(model.laterals) == len(latent.skips)  # added through a 1x1 Conv each


@pytest.mark.parametrize("name", ROWS)
def test_the_bottleneck_has_the_size_of_its_row(name):
    row, model = ROWS[name], network(name)
    shortest = -(-5000 // 2 ** len(row.filters))
    channels = row.filters[-1] * (2 if row.intra_skip == "concat" else 1)
    assert model.to_latent.in_features == model.from_latent.out_features == channels * shortest
    assert model.to_latent.out_features == model.from_latent.in_features == row.latent_dim
    assert (
        sum(weight.numel() for weight in model.parameters())
        == row.parameters
        == parameters_by_hand(row)
    )


@pytest.mark.parametrize("name", ROWS)
def test_a_row_is_cleaned_and_trained_as_published(name):
    cfg, row = config(f"report_{name}"), ROWS[name]
    targets = {axis: cfg[axis]["_target_"].split(".")[-2] for axis in CHOICES}
    cleaning = {"baseline": "none", "denoiser": "fft"}
    if name.startswith("table2"):
        cleaning = {"baseline": "moving_average", "denoiser": "dwt"}
    assert {
        **targets,
        **cleaning,
        "normalization": row.normalization,
        "objective": "reconstruction",
    } == targets
    assert (cfg.input.recording, cfg.lead_mode, cfg.objective.error) == ("strip", "single", "mse")
    assert cfg.architecture.l2 == (1e-4 if name.startswith("table2") else 1e-3)
    assert cfg.trainer.max_epochs == row.epochs
    trainer = {
        "batch_size": 32,
        "learning_rate": 1e-3,
        "annealing": "plateau",
        "warmup_epochs": 0,
        "plateau_patience": 5,
        "plateau_factor": 0.5,
        "early_stopping_patience": 10,
        "gradient_clip": None,
        "principal_axes": False,
    }
    assert {key: cfg.trainer[key] for key in trainer} == trainer
    assert cfg.exclusions.missing == 0
    off = {key for key, value in cfg.exclusions.items() if value is None or value is False}
    assert off == set(cfg.exclusions) - {"_target_", "missing"}


def test_the_published_model_is_row_4_of_table_2():
    assert plain(config("report_final")) == plain(config("report_table2_row4"))
    buffers = dict(network("table2_row4").named_buffers())
    statistics = sum(buffer.numel() for name, buffer in buffers.items() if "running" in name)
    assert ROWS["table2_row4"].parameters + statistics == 5_623_681
    assert network("table2_row4").from_latent.out_features == 80_000


def test_an_experiment_can_still_be_changed_from_the_command_line():
    cfg = composed(
        "experiment=report_table2_row2",
        "denoiser=fft",
        "architecture.latent_dim=7",
        "trainer.max_epochs=3",
    )
    assert cfg.denoiser._target_ == "ecgae.signals.denoiser.fft.FFT"
    assert (
        cfg.architecture.latent_dim,
        cfg.trainer.max_epochs,
        cfg.architecture.intra_skip_in,
    ) == (7, 3, "both")


def test_mregle_is_the_variational_autoencoder_of_median_beats():
    cfg = config("mregle")
    model = build(cfg.architecture, leads=12, samples=600, conditions=0)
    sizes = [
        (layer.in_features, layer.out_features)
        for layer in model.modules()
        if isinstance(layer, nn.Linear)
    ]
    assert sizes == [
        (2400, 128),
        (128, 256),
        (256, 96),
        (256, 96),
        (96, 256),
        (256, 128),
        (128, 2400),
    ]
    slopes = {layer.negative_slope for layer in model.modules() if isinstance(layer, nn.LeakyReLU)}
    assert slopes == {0.1}
    assert nn.BatchNorm1d not in kinds(model)
    kernels = [
        tuple(layer.weight.shape) for layer in model.modules() if isinstance(layer, nn.Conv1d)
    ]
    assert kernels == [(32, 12, 7), *[(32, 32, 7)] * 5, (12, 32, 3)]
    assert (cfg.input.recording, cfg.lead_mode, cfg.leads) == ("median_beat", "joint", "all")
    assert (cfg.denoiser.low, cfg.denoiser.high) == (0.05, 49)
    assert (cfg.trainer.learning_rate, cfg.trainer.batch_size, cfg.trainer.max_epochs) == (
        1e-4,
        32,
        100,
    )


def test_the_loss_of_mregle_is_mse_plus_kl_over_leads_times_samples():
    cfg = config("mregle")
    model = build(cfg.architecture, leads=12, samples=600, conditions=0).eval()
    ecg = torch.randn(2, 12, 600)
    terms = build(cfg.objective, sampling_rate=500.0)(model, ecg, None, 0.0)
    expected = terms["reconstruction"] + divergence(model.encode(ecg)) / 7200
    assert terms["loss"].item() == pytest.approx(expected.item(), rel=1e-5)
