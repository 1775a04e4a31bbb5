"""The mean squared error of the reconstruction, plus the architecture's weight penalty."""

from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from ecgae.architecture import Autoencoder


@dataclass(frozen=True)
class Reconstruction:
    """`loss = mean (ecg - decode(encode(ecg)))^2 + penalty`, in the units of the normalization."""

    def __call__(self, model: Autoencoder, ecg: Float[Tensor, "batch lead time"]) -> dict[str, Float[Tensor, ""]]:
        error = functional.mse_loss(model.decode(model.encode(ecg).mean), ecg)
        penalty = model.penalty()
        return {"loss": error + penalty, "reconstruction": error, "penalty": penalty}
