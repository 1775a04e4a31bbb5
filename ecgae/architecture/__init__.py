"""Autoencoders: `encode(ecg [batch lead time]) -> Latent`, `decode(latent [batch latent]) -> ecg [batch lead time]`.

An architecture is an `nn.Module` built from `leads` and `samples` (the shape of one input) and its own numbers. Its
`penalty()` is the part of the loss that depends on the weights alone. Any `samples` is accepted: inputs are padded on
the right by repeating the last sample, outputs cropped back.
"""

from abc import ABC, abstractmethod
from typing import NamedTuple

from jaxtyping import Float
from torch import Tensor, nn


class Latent(NamedTuple):
    """The distribution of the latents given an ECG: a point where `log_variance` is None, else a diagonal Gaussian."""

    mean: Float[Tensor, "batch latent"]
    log_variance: Float[Tensor, "batch latent"] | None = None


class Autoencoder(nn.Module, ABC):
    """The contract of every architecture."""

    @abstractmethod
    def encode(self, ecg: Float[Tensor, "batch lead time"]) -> Latent: ...

    @abstractmethod
    def decode(self, latent: Float[Tensor, "batch latent"]) -> Float[Tensor, "batch lead time"]: ...

    @abstractmethod
    def rotate(self, centre: Float[Tensor, "latent"], rotation: Float[Tensor, "latent latent"]) -> None:
        """Expresses the latents as `(latent - centre) @ rotation`, with `decode(encode(ecg))` unchanged.

        `rotation` is orthogonal. It moves the axes of the latent space, which training leaves arbitrary.
        """

    @abstractmethod
    def penalty(self) -> Float[Tensor, ""]: ...
