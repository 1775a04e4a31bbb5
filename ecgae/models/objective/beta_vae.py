"""The loss of a beta-VAE: reconstruction from a draw of the latents, and a weighted KL term.

Higgins et al., ICLR 2017; weight 1 is M-REGLE's loss. The weight may grow during training:
`warm_up` linearly from 0 (Bowman et al., CoNLL 2016), `cyclical` again and again (Fu et al., NAACL
2019), so that the latents are used before the KL term makes that dear.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from jaxtyping import Float
from torch import Tensor

from ecgae.errors import InputError
from ecgae.models.architecture import Autoencoder
from ecgae.models.objective._terms import (
    reconstruction_loss,
    require_error,
    require_weight,
)

SCHEDULES = ("constant", "warm_up", "cyclical")


@dataclass(frozen=True)
class BetaVAE:
    """`loss = error + weight(epoch) * KL / (leads * samples) + penalty`, the weight at most
    `kl_weight`."""

    error: str
    """The error that is minimised: mse | l1 | huber."""
    huber_delta: float
    """Error from which on `huber` counts linearly, in units of the normalization."""
    kl_weight: float
    schedule: str
    """How the weight grows during training: constant | warm_up | cyclical."""
    warm_up_epochs: float
    """Epochs over which the weight grows from 0, once or at the start of every cycle."""
    cycle_epochs: float
    """Epochs after which the weight starts from 0 again."""
    features: ClassVar[Sequence[str]] = ()
    closed_form: ClassVar[bool] = False

    def __post_init__(self) -> None:
        require_error(self.error, self.huber_delta)
        require_weight(self.kl_weight)

        if self.schedule not in SCHEDULES:
            raise InputError(
                f"objective.schedule must be one of {', '.join(SCHEDULES)}; got {self.schedule!r}."
            )
        if not self.warm_up_epochs > 0:
            raise InputError(
                f"objective.warm_up_epochs must be positive; got {self.warm_up_epochs}."
            )
        if self.schedule == "cyclical" and not self.cycle_epochs >= self.warm_up_epochs:
            raise InputError(
                f"objective.cycle_epochs must be at least objective.warm_up_epochs, {self.warm_up_epochs:g}; "
                f"got {self.cycle_epochs:g}."
            )

    def weight(self, epoch: float | None) -> float:
        """The weight of the KL term after `epoch` epochs; `kl_weight` where that is None.

        >>> growing = BetaVAE("mse", 1.0, 4.0, "warm_up", warm_up_epochs=10, cycle_epochs=20)
        >>> [growing.weight(epoch) for epoch in (0, 5, 10, None)]
        [0.0, 2.0, 4.0, 4.0]
        """
        if epoch is None or self.schedule == "constant":
            return self.kl_weight
        if self.schedule == "cyclical":
            epoch %= self.cycle_epochs
        return self.kl_weight * min(1.0, epoch / self.warm_up_epochs)

    def __call__(
        self,
        model: Autoencoder,
        ecg: Float[Tensor, "batch lead time"],
        condition: Float[Tensor, "batch condition"] | None = None,
        epoch: float | None = None,
    ) -> dict[str, Float[Tensor, ""]]:
        return reconstruction_loss(self, model, ecg, condition, kl_weight=self.weight(epoch))
