"""`residual` with a variational bottleneck: the encoder gives a Gaussian per latent. Made for
objective=beta_vae."""

from ecgae.models.architecture._autoencoder import ConvAutoencoder
from ecgae.models.architecture._blocks import strided_block


class ResnetVAE(ConvAutoencoder):
    """Blocks as in `residual`; a second dense layer gives the log-variances (Kingma, Welling, ICLR
    2014)."""

    block = staticmethod(strided_block)
    variational = True
