"""Convolutions and max-pooling down to a dense bottleneck, and upsampling back; no skips unless
asked for."""

from ecgae.models.architecture._autoencoder import ConvAutoencoder


class Plain(ConvAutoencoder):
    """Encoder blocks of Conv, batch normalization, activation, max-pooling by 2 and dropout."""
