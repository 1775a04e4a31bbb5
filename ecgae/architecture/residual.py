"""Residual blocks in the encoder, plain upsampling in the decoder: the published model for resting ECGs.

Layer by layer the model of the Ben-Gurion University project on UK Biobank's resting ECGs, as its code builds it: the
decoder's dense layer has no activation and the decoder no dropout.
"""

from collections.abc import Sequence

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from ecgae.architecture._autoencoder import ConvAutoencoder, require_numbers
from ecgae.architecture._layers import LEAKY_SLOPE, Conv, batch_norm, upsampling_decoder


class ResidualBlock(nn.Module):
    """Halves the time axis: [Conv stride 2, BN, LeakyReLU, Conv, BN] + [1x1 Conv stride 2, BN], LeakyReLU, dropout."""

    def __init__(self, channels: int, filters: int, kernel_size: int, dropout: float) -> None:
        super().__init__()
        self.main = nn.Sequential(
            Conv(channels, filters, kernel_size, stride=2),
            batch_norm(filters),
            nn.LeakyReLU(LEAKY_SLOPE),
            Conv(filters, filters, kernel_size),
            batch_norm(filters),
        )
        self.shortcut = nn.Sequential(Conv(channels, filters, 1, stride=2), batch_norm(filters))
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Float[Tensor, "batch channel time"]) -> Float[Tensor, "batch filter half"]:
        return self.dropout(functional.leaky_relu(self.main(x) + self.shortcut(x), LEAKY_SLOPE))


def residual(
    leads: int,
    samples: int,
    latent_dim: int,
    filters: Sequence[int],
    kernel_sizes: Sequence[int],
    dropout: float,
    l2: float,
) -> ConvAutoencoder:
    """`ResidualBlock`s in the encoder; dropout acts there only."""
    require_numbers(latent_dim, filters, kernel_sizes, dropout, l2)
    blocks = [
        ResidualBlock(channels, width, kernel_size, dropout)
        for channels, width, kernel_size in zip((leads, *filters), filters, kernel_sizes, strict=False)
    ]
    decoder = upsampling_decoder(filters, kernel_sizes, leads)
    return ConvAutoencoder(samples, latent_dim, blocks, filters[-1], decoder, l2)
