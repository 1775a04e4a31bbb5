"""The error of the reconstruction, plus the architecture's weight penalty: nothing that only a VAE
would need."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from jaxtyping import Float
from torch import Tensor

from ecgae.models.architecture import Autoencoder
from ecgae.models.objective._terms import reconstruction_loss, require_error


@dataclass(frozen=True)
class Reconstruction:
    """`loss = mean error of decode(encode(ecg).mean) + penalty`, in the units of the
    normalization."""

    error: str
    """The error that is minimised: mse | l1 | huber."""
    huber_delta: float
    """Error from which on `huber` counts linearly, in units of the normalization."""
    features: ClassVar[Sequence[str]] = ()

    def __post_init__(self) -> None:
        require_error(self.error, self.huber_delta)

    @property
    def closed_form(self) -> bool:
        return self.error == "mse"

    def __call__(
        self,
        model: Autoencoder,
        ecg: Float[Tensor, "batch lead time"],
        condition: Float[Tensor, "batch condition"] | None = None,
        epoch: float | None = None,
    ) -> dict[str, Float[Tensor, ""]]:
        return reconstruction_loss(self, model, ecg, condition, kl_weight=None)
