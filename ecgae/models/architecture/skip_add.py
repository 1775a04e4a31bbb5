"""`plain` with skips from encoder to decoder that are added: the first design of the Ben-Gurion
University project.

Its reconstructions are good because they bypass the bottleneck; the bypass index of a run's score
shows how far.
"""

from ecgae.models.architecture._autoencoder import ConvAutoencoder


class SkipAdd(ConvAutoencoder):
    """Blocks as in `plain`; what an encoder block gives is added, through a 1x1 Conv, to the
    decoder's features."""
