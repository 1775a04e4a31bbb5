"""The decoder is told measurements, so that the latents hold what these do not (REGLE's rSPINC).

Yun et al., Nat Genet 2024;56:1604. The encoder sees the ECG alone, so ECGs are encoded as with any
other objective.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor

from ecgae.errors import InputError
from ecgae.models.architecture import Autoencoder
from ecgae.models.objective._terms import (
    reconstruction_loss,
    require_error,
    require_weight,
)


@dataclass(frozen=True)
class Conditional:
    """`loss = error of decode(latent, measurements) + kl_weight * KL / (leads * samples) +
    penalty`.

    With `kl_weight` 0 there is no KL term and no sampling.
    """

    features: Sequence[str]
    """Columns of the store's measurements that the decoder is told: standardised, 0 where missing."""
    error: str
    """The error that is minimised: mse | l1 | huber."""
    huber_delta: float
    """Error from which on `huber` counts linearly, in units of the normalization."""
    kl_weight: float

    def __post_init__(self) -> None:
        if not self.features or len(set(self.features)) < len(self.features):
            raise InputError(
                "objective.features must name at least one measurement, each once; "
                f"got [{', '.join(self.features)}]. Without measurements take objective=beta_vae or reconstruction."
            )
        require_error(self.error, self.huber_delta)
        require_weight(self.kl_weight)

    @property
    def closed_form(self) -> bool:
        return self.error == "mse" and self.kl_weight == 0

    def __call__(
        self,
        model: Autoencoder,
        ecg: Float[Tensor, "batch lead time"],
        condition: Float[Tensor, "batch condition"] | None = None,
        epoch: float | None = None,
    ) -> dict[str, Float[Tensor, ""]]:
        if condition is None:
            raise ValueError("an objective with features must get the condition of every ECG.")
        return reconstruction_loss(self, model, ecg, condition, kl_weight=self.kl_weight or None)
