"""M-REGLE's variational autoencoder of median beats (Zhou et al., AJHG 2025;112:1562), as its code
describes it.

Our reading where the sources leave it open: the hidden dense layers are activated like the
convolutions, the decoder's last dense layer is linear, and the last convolution has width 3.
"""

from ecgae.models.architecture._autoencoder import ConvAutoencoder


class MREGLE(ConvAutoencoder):
    """Encoder blocks of Conv, LeakyReLU and max-pooling by 2 without batch normalization; hidden
    dense layers."""

    variational = True
