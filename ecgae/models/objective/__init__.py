"""What training minimises: `(model, ecg, condition=None, epoch=None) -> {"loss": ..., named
terms}`.

An objective is a frozen dataclass of numbers. Its terms are scalars, named like the metrics
(`validation/kl`): `loss`, `reconstruction` (the error in the units of the normalization), `kl`
where it has one (nats per ECG, summed over the latents), `penalty` (the architecture's). `loss =
reconstruction + kl_weight * kl / (leads * samples) + penalty`, with
the error a mean over voltages: a `kl_weight` of 1 is the evidence lower bound for noise of variance
1/2 (M-REGLE's convention).

`condition` [batch condition] are the standardised measurements named by `features`, for the
decoder. `epoch` counts epochs since the start of training, as a fraction; None means as at the end
of training, and validation always passes None, so that its losses compare between epochs.

Every architecture can be trained with every objective. Where a deterministic one meets a KL term,
the term is that of a Gaussian of constant variance, |latent|^2 / 2 (regularised autoencoders: Ghosh
et al., ICLR 2020). Where a variational one meets an objective without a KL term, it reconstructs
from the mean, without noise.

What is drawn at random comes from torch's generator while the model is in training mode. In
evaluation mode the same noise is drawn in every call, so that two epochs are judged alike.
"""

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from jaxtyping import Float
from torch import Tensor

from ecgae.models.architecture import Autoencoder


@runtime_checkable
class Objective(Protocol):
    """What every objective has: its measurements, whether least squares solves it, and its call."""

    @property
    def features(self) -> Sequence[str]:
        """Measurements (columns of the store's table) that the decoder is told."""

    @property
    def closed_form(self) -> bool:
        """Whether a least-squares solution (`ClosedForm`, such as architecture=pca) is the
        optimum."""

    def __call__(
        self,
        model: Autoencoder,
        ecg: Float[Tensor, "batch lead time"],
        condition: Float[Tensor, "batch condition"] | None = None,
        epoch: float | None = None,
    ) -> dict[str, Float[Tensor, ""]]: ...
