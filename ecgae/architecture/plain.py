"""Convolutions and max-pooling down to a dense bottleneck, and upsampling back; no skips."""

from collections.abc import Sequence

from torch import nn

from ecgae.architecture._autoencoder import ConvAutoencoder, require_numbers
from ecgae.architecture._layers import conv_block, upsampling_decoder


def plain(
    leads: int,
    samples: int,
    latent_dim: int,
    filters: Sequence[int],
    kernel_sizes: Sequence[int],
    dropout: float,
    l2: float,
) -> ConvAutoencoder:
    """Encoder blocks of Conv, batch normalization, LeakyReLU, max-pooling by 2 and dropout."""
    require_numbers(latent_dim, filters, kernel_sizes, dropout, l2)
    blocks = [
        nn.Sequential(conv_block(channels, width, kernel_size), nn.MaxPool1d(2), nn.Dropout(dropout))
        for channels, width, kernel_size in zip((leads, *filters), filters, kernel_sizes, strict=False)
    ]
    decoder = upsampling_decoder(filters, kernel_sizes, leads)
    return ConvAutoencoder(samples, latent_dim, blocks, filters[-1], decoder, l2)
