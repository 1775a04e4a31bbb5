"""The frame that convolutional autoencoders share: blocks, a dense bottleneck, a dense layer back, a decoder."""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from ecgae.architecture import Autoencoder, Latent
from ecgae.errors import InputError


class ConvAutoencoder(Autoencoder):
    """`blocks`, each of which halves the time axis, flatten, dense to the latents; dense back, then `decoder`.

    The decoder gets [batch width time / 2 ** number of blocks] and returns [batch lead time].
    """

    def __init__(
        self, samples: int, latent_dim: int, blocks: Sequence[nn.Module], width: int, decoder: nn.Module, l2: float
    ) -> None:
        super().__init__()
        self.samples, self.l2 = samples, l2
        shortest = -(-samples // 2 ** len(blocks))
        self.padded = shortest * 2 ** len(blocks)
        self.encoder = nn.Sequential(*blocks, nn.Flatten())
        self.to_latent = nn.Linear(width * shortest, latent_dim)
        self.from_latent = nn.Linear(latent_dim, width * shortest)
        self.decoder = nn.Sequential(nn.Unflatten(1, (width, shortest)), decoder)
        start_like_keras(self)

    def encode(self, ecg: Float[Tensor, "batch lead time"]) -> Latent:
        padded = functional.pad(ecg, (0, self.padded - self.samples), mode="replicate")
        return Latent(self.to_latent(self.encoder(padded)))

    def decode(self, latent: Float[Tensor, "batch latent"]) -> Float[Tensor, "batch lead time"]:
        return self.decoder(self.from_latent(latent))[..., : self.samples]

    @torch.no_grad()
    def rotate(self, centre: Float[Tensor, "latent"], rotation: Float[Tensor, "latent latent"]) -> None:
        """Folds the rotation into the two dense layers beside the bottleneck."""
        into, out = self.to_latent, self.from_latent
        into.weight.copy_(rotation.T @ into.weight)
        into.bias.copy_((into.bias - centre) @ rotation)
        out.bias.add_(out.weight @ centre)
        out.weight.copy_(out.weight @ rotation)

    def penalty(self) -> Float[Tensor, ""]:
        """`l2` times the sum of squares of all convolution kernels; dense layers and biases are free, as published."""
        kernels = [module.weight for module in self.modules() if isinstance(module, nn.Conv1d)]
        return self.l2 * torch.stack([kernel.square().sum() for kernel in kernels]).sum()


def start_like_keras(model: nn.Module) -> None:
    """Glorot-uniform weights and zero biases in every convolution and dense layer."""
    for module in model.modules():
        if isinstance(module, nn.Conv1d | nn.Linear):
            nn.init.xavier_uniform_(module.weight)
            if module.bias is not None:
                nn.init.zeros_(module.bias)


def require_numbers(
    latent_dim: int, filters: Sequence[int], kernel_sizes: Sequence[int], dropout: float, l2: float
) -> None:
    """Raises `InputError` for numbers that make no network."""
    if not filters or len(filters) != len(kernel_sizes):
        raise InputError(
            "architecture.kernel_sizes must have one number per entry of architecture.filters; "
            f"got {len(kernel_sizes)} and {len(filters)}."
        )
    if min(*filters, *kernel_sizes, latent_dim) < 1:
        raise InputError("architecture.filters, kernel_sizes and latent_dim must be at least 1.")
    if not 0 <= dropout < 1:
        raise InputError(f"architecture.dropout must lie in [0, 1); got {dropout}.")
    if l2 < 0:
        raise InputError(f"architecture.l2 must not be negative; got {l2}.")
