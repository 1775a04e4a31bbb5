"""Layers that several architectures share.

Constants follow Keras, in which the published models were built: batch normalization keeps 0.99 of its running
statistics and adds 1e-3 to the variance, LeakyReLU has slope 0.3, padding puts the extra zero on the right.
"""

from collections.abc import Sequence

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

LEAKY_SLOPE = 0.3


class Conv(nn.Module):
    """Convolution over time whose output has `ceil(time / stride)` samples."""

    def __init__(self, channels: int, filters: int, kernel_size: int, stride: int = 1) -> None:
        super().__init__()
        self.conv = nn.Conv1d(channels, filters, kernel_size, stride)
        self.kernel_size, self.stride = kernel_size, stride

    def forward(self, x: Float[Tensor, "batch channel time"]) -> Float[Tensor, "batch filter shorter"]:
        samples = x.shape[-1]
        total = max((-(-samples // self.stride) - 1) * self.stride + self.kernel_size - samples, 0)
        return self.conv(functional.pad(x, (total // 2, total - total // 2)))


def batch_norm(filters: int) -> nn.BatchNorm1d:
    return nn.BatchNorm1d(filters, eps=1e-3, momentum=0.01)


def conv_block(channels: int, filters: int, kernel_size: int) -> nn.Sequential:
    """Conv, batch normalization, LeakyReLU."""
    return nn.Sequential(Conv(channels, filters, kernel_size), batch_norm(filters), nn.LeakyReLU(LEAKY_SLOPE))


def upsampling_decoder(filters: Sequence[int], kernel_sizes: Sequence[int], leads: int) -> nn.Sequential:
    """Per block, last to first: repeat every sample twice, `conv_block`; then a linear Conv of width 3 to the leads."""
    layers: list[nn.Module] = []
    channels = filters[-1]
    for width, kernel_size in zip(reversed(filters), reversed(kernel_sizes), strict=True):
        layers += [nn.Upsample(scale_factor=2, mode="nearest"), conv_block(channels, width, kernel_size)]
        channels = width
    return nn.Sequential(*layers, Conv(channels, leads, 3))
