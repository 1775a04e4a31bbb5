"""What objectives share: the error, the KL term, and the loss that they add up to."""

from collections.abc import Callable, Mapping
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from ecgae.errors import InputError
from ecgae.models.architecture import Autoencoder, Latent

Error = Callable[[Tensor, Tensor, float], Tensor]

ERRORS: Mapping[str, Error] = {
    "mse": lambda made, ecg, delta: functional.mse_loss(made, ecg),
    "l1": lambda made, ecg, delta: functional.l1_loss(made, ecg),
    "huber": lambda made, ecg, delta: functional.huber_loss(made, ecg, delta=delta),
}
"""The errors by name, each a mean over all voltages. Huber: e^2 / 2 for errors up to delta,
delta (|e| - delta / 2) beyond."""


@runtime_checkable
class Measured(Protocol):
    """What every objective says of the error that it minimises."""

    @property
    def error(self) -> str:
        """The name of the error, one of `ERRORS`."""

    @property
    def huber_delta(self) -> float:
        """Error from which on `huber` counts linearly, in units of the normalization."""


def require_error(error: str, huber_delta: float) -> None:
    """Raises `InputError` for an error that is none of `ERRORS`, or a delta that is not positive."""
    if error not in ERRORS:
        raise InputError(f"objective.error must be one of {', '.join(ERRORS)}; got {error!r}.")
    if not huber_delta > 0:
        raise InputError(f"objective.huber_delta must be positive; got {huber_delta}.")


def require_weight(kl_weight: float) -> None:
    """Raises `InputError` for a negative weight."""
    if not kl_weight >= 0:
        raise InputError(f"objective.kl_weight must not be negative; got {kl_weight}.")


def generator(model: Autoencoder, ecg: Float[Tensor, "batch lead time"]) -> torch.Generator | None:
    """What noise is drawn from: torch's own generator (None) in training mode; in evaluation mode one
    that starts anew, for the same noise every time."""
    return None if model.training else torch.Generator(ecg.device).manual_seed(0)


def drawn(latent: Latent, random: torch.Generator | None) -> Float[Tensor, "batch latent"]:
    """A draw from the latents' distribution, differentiable in its numbers; the point itself where
    it is a point."""
    if latent.log_variance is None:
        return latent.mean
    noise = torch.randn(
        latent.mean.shape, generator=random, dtype=latent.mean.dtype, device=latent.mean.device
    )
    return torch.addcmul(latent.mean, torch.exp(0.5 * latent.log_variance), noise)


def divergence(latent: Latent) -> Float[Tensor, ""]:
    """KL divergence from a standard normal distribution, nats: summed over the latents, mean over
    the ECGs.

    A point counts as a Gaussian of constant variance, of which |latent|^2 / 2 depends on the ECG.
    In single precision, also where the latents are bf16.
    """
    squares = latent.mean.float().square()
    if latent.log_variance is not None:
        log_variance = latent.log_variance.float()
        squares = squares + torch.expm1(log_variance) - log_variance
    return 0.5 * squares.sum(1).mean()


def loss(
    model: Autoencoder,
    reconstruction: Float[Tensor, ""],
    kl: Float[Tensor, ""] | None = None,
    weight: float = 0.0,
) -> dict[str, Float[Tensor, ""]]:
    """The named terms; `weight` is that of one nat per ECG in units of the error."""
    penalty = model.penalty()
    total = reconstruction + penalty
    if kl is None:
        return {"loss": total, "reconstruction": reconstruction, "penalty": penalty}
    return {
        "loss": total + weight * kl,
        "reconstruction": reconstruction,
        "kl": kl,
        "penalty": penalty,
    }


def reconstruction_loss(
    objective: Measured,
    model: Autoencoder,
    ecg: Float[Tensor, "batch lead time"],
    condition: Float[Tensor, "batch condition"] | None,
    kl_weight: float | None,
    seen: Float[Tensor, "batch lead time"] | None = None,
    random: torch.Generator | None = None,
) -> dict[str, Float[Tensor, ""]]:
    """The loss of reconstructing `ecg` from what was `seen` of it (None: all), by the objective's
    error; `kl_weight` None: from the mean, without a KL.

    random: where draws of the latents go on from; None: they begin anew (`generator`).
    """
    latent = model.encode(ecg if seen is None else seen)
    chosen = latent.mean
    if kl_weight is not None:
        chosen = drawn(latent, generator(model, ecg) if random is None else random)
    made = model.decode(chosen, latent.skips, condition)

    difference = ERRORS[objective.error](made, ecg, objective.huber_delta)
    if kl_weight is None:
        return loss(model, difference)
    voltages = ecg.shape[1] * ecg.shape[2]
    return loss(model, difference, divergence(latent), kl_weight / voltages)
