"""Layers that several architectures share.

Constants follow Keras, in which the published models were built: batch normalization keeps 0.99 of
its running statistics and adds 1e-3 to the variance, padding puts the extra zero on the right.
"""

from collections.abc import Callable, Mapping

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

ACTIVATIONS: Mapping[str, Callable[[float], nn.Module]] = {
    # In place where the backward pass needs the result alone; every use follows a layer that does
    # not need it either.
    "leaky_relu": lambda slope: nn.LeakyReLU(slope, inplace=True),
    "relu": lambda slope: nn.ReLU(inplace=True),
    "tanh": lambda slope: nn.Tanh(),
    "mish": lambda slope: nn.Mish(),
}
"""Activations by name; each is made with the slope of LeakyReLU below zero."""


class Conv(nn.Module):
    """Convolution over time that gives `time / stride` samples; `time` is a multiple of the
    stride."""

    def __init__(self, channels: int, filters: int, kernel_size: int, stride: int = 1) -> None:
        super().__init__()
        total = max(kernel_size - stride, 0)
        self.left, self.extra = total // 2, total % 2
        self.conv = nn.Conv1d(channels, filters, kernel_size, stride, padding=self.left)

    def forward(
        self, x: Float[Tensor, "batch channel time"]
    ) -> Float[Tensor, "batch filter shorter"]:
        return self.conv(functional.pad(x, (0, self.extra)) if self.extra else x)


class UpsampledConv(nn.Module):
    """Every sample twice (nearest upsampling by 2), then `Conv`: as one transposed convolution of
    stride 2.

    Upsampling is a transposed convolution with [1, 1]; two convolutions are one with the convolved
    kernels. For a kernel of 7 that is 8 products per sample of the input instead of 14, and the
    upsampled array is never made.
    """

    def __init__(self, channels: int, filters: int, kernel_size: int) -> None:
        super().__init__()
        self.conv = nn.Conv1d(channels, filters, kernel_size)
        self.padding, self.extra = kernel_size // 2, 1 - kernel_size % 2

    def forward(
        self, x: Float[Tensor, "batch channel time"]
    ) -> Float[Tensor, "batch filter twice"]:
        flipped = self.conv.weight.flip(-1).transpose(0, 1)
        kernel = functional.pad(flipped, (0, 1)) + functional.pad(flipped, (1, 0))
        return functional.conv_transpose1d(
            x,
            kernel,
            self.conv.bias,
            stride=2,
            padding=self.padding,
            output_padding=self.extra,
        )


class LogVariance(nn.Module):
    """Dense layer to the log-variances of the latents, about whatever axes these have."""

    turn: Tensor

    def __init__(self, features: int, latent_dim: int) -> None:
        super().__init__()
        self.linear = nn.Linear(features, latent_dim)
        self.register_buffer("turn", torch.eye(latent_dim))
        self.turned = False

    def forward(self, features: Float[Tensor, "batch feature"]) -> Float[Tensor, "batch latent"]:
        log_variance = self.linear(features)
        return (log_variance.exp() @ self.turn.square()).log() if self.turned else log_variance

    def rotate(self, rotation: Float[Tensor, "latent latent"]) -> None:
        """The variances of rotated latents: the diagonal of the rotated covariance matrix."""
        self.turn.copy_(self.turn @ rotation)
        self.turned = True

    def _load_from_state_dict(
        self, state_dict: dict[str, Tensor], prefix: str, *rest: object
    ) -> None:
        super()._load_from_state_dict(state_dict, prefix, *rest)
        self.turned = not torch.equal(
            self.turn, torch.eye(*self.turn.shape, device=self.turn.device)
        )


def batch_norm(filters: int) -> nn.BatchNorm1d:
    return nn.BatchNorm1d(filters, eps=1e-3, momentum=0.01)


def start_like_keras(model: nn.Module) -> None:
    """Glorot-uniform weights and zero biases in every convolution and dense layer."""
    for module in model.modules():
        if isinstance(module, nn.Conv1d | nn.Linear):
            nn.init.xavier_uniform_(module.weight)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
