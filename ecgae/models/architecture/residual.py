"""Residual blocks in the encoder, plain upsampling in the decoder: the published model for resting
ECGs.

Layer by layer the model of the Ben-Gurion University project on UK Biobank's resting ECGs, as its
code builds it: the decoder's dense layer has no activation and the decoder no dropout.
"""

from ecgae.models.architecture._autoencoder import ConvAutoencoder
from ecgae.models.architecture._blocks import strided_block


class Residual(ConvAutoencoder):
    """Encoder blocks of [Conv stride 2, BN, activation, Conv, BN] + [1x1 Conv stride 2, BN],
    activation, dropout."""

    block = staticmethod(strided_block)
