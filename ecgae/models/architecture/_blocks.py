"""Blocks of convolutions, each with or without a shortcut around it."""

from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn

from ecgae.models.architecture._layers import ACTIVATIONS, Conv, UpsampledConv, batch_norm


class Style(NamedTuple):
    """The numbers that all blocks of one network have in common."""

    activation: str
    leaky_slope: float
    batch_norm: bool
    dropout: float

    def activate(self) -> nn.Module:
        return ACTIVATIONS[self.activation](self.leaky_slope)

    def normalized(self, convolution: nn.Module, filters: int) -> list[nn.Module]:
        """The convolution and its batch normalization, where the network has one."""
        return [convolution, batch_norm(filters)] if self.batch_norm else [convolution]

    def drop(self) -> list[nn.Module]:
        return [nn.Dropout(self.dropout)] if self.dropout > 0 else []


class Block(nn.Module):
    """`after(main(x) merged with shortcut(x))`; `skip` says how: none | add | concat."""

    def __init__(
        self, main: list[nn.Module], shortcut: list[nn.Module], skip: str, after: list[nn.Module]
    ) -> None:
        super().__init__()
        self.skip = skip
        self.main = nn.Sequential(*main)
        if skip != "none":
            self.shortcut = nn.Sequential(*shortcut)
        self.after = nn.Sequential(*after)

    def forward(
        self, x: Float[Tensor, "batch channel time"]
    ) -> Float[Tensor, "batch filter shorter"]:
        merged = self.main(x)
        if self.skip == "add":
            merged = merged.add_(
                self.shortcut(x)
            )  # no layer before needs its output for its gradient
        elif self.skip == "concat":
            merged = torch.cat((merged, self.shortcut(x)), 1)
        return self.after(merged)


def pooled_block(
    channels: int, filters: int, kernel_size: int, style: Style, skip: str, halve: bool = True
) -> Block:
    """Conv, BN; merged with 1x1 Conv, BN; activation, max-pooling by 2, dropout."""
    main = style.normalized(Conv(channels, filters, kernel_size), filters)
    shortcut = style.normalized(Conv(channels, filters, 1), filters) if skip != "none" else []
    after = [style.activate(), nn.MaxPool1d(2), *style.drop()] if halve else [style.activate()]
    return Block(main, shortcut, skip, after)


def strided_block(
    channels: int, filters: int, kernel_size: int, style: Style, skip: str, halve: bool = True
) -> Block:
    """Conv stride 2, BN, activation, Conv, BN; merged with 1x1 Conv stride 2, BN; activation,
    dropout."""
    stride = 2 if halve else 1
    main = [
        *style.normalized(Conv(channels, filters, kernel_size, stride), filters),
        style.activate(),
        *style.normalized(Conv(filters, filters, kernel_size), filters),
    ]
    shortcut = (
        style.normalized(Conv(channels, filters, 1, stride), filters) if skip != "none" else []
    )
    return Block(main, shortcut, skip, [style.activate(), *(style.drop() if halve else [])])


def upsampling_block(channels: int, filters: int, kernel_size: int, style: Style) -> nn.Sequential:
    """Nearest upsampling by 2, Conv, BN, activation."""
    convolution = UpsampledConv(channels, filters, kernel_size)
    return nn.Sequential(*style.normalized(convolution, filters), style.activate())
