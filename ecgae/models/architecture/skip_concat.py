"""`plain` with skips from encoder to decoder that are concatenated, as in a U-Net.

Its reconstructions are good because they bypass the bottleneck; the bypass index of a run's score
shows how far.
"""

from ecgae.models.architecture._autoencoder import ConvAutoencoder


class SkipConcat(ConvAutoencoder):
    """Blocks as in `plain`; what an encoder block gives is concatenated to the input of a decoder
    block."""
