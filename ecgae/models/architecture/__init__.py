"""Autoencoders: `encode(ecg [batch lead time]) -> Latent`, `decode(latent [batch latent]) -> ecg
[batch lead time]`.

An architecture is an `nn.Module` built from `leads` and `samples` (the shape of one input),
`conditions` (how many measurements its decoder is told) and its own numbers. Its `penalty()` is the
part of the loss that depends on the weights alone. Any `samples` is accepted: inputs are padded on
the right by repeating the last sample, outputs cropped back.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from typing import NamedTuple

from jaxtyping import Float
from torch import Tensor, nn


class Latent(NamedTuple):
    """The distribution of the latents given an ECG: a point where `log_variance` is None, else a
    diagonal Gaussian."""

    mean: Float[Tensor, "batch latent"]
    log_variance: Float[Tensor, "batch latent"] | None = None
    skips: tuple[Tensor, ...] = ()
    """Feature maps [batch channel time] that cross skips carry past the bottleneck."""


class Autoencoder(nn.Module, ABC):
    """What every architecture can do: encode, decode, rotate its latents, and weigh its weights."""

    variational = False
    """Whether `encode` gives a distribution."""

    @abstractmethod
    def encode(self, ecg: Float[Tensor, "batch lead time"]) -> Latent: ...

    @abstractmethod
    def decode(
        self,
        latent: Float[Tensor, "batch latent"],
        skips: tuple[Tensor, ...] = (),
        condition: Float[Tensor, "batch condition"] | None = None,
    ) -> Float[Tensor, "batch lead time"]:
        """`skips`: those of the same ECGs, where the architecture has any. `condition`:
        standardised measurements."""

    @abstractmethod
    def rotate(
        self, centre: Float[Tensor, "latent"], rotation: Float[Tensor, "latent latent"]
    ) -> None:
        """Expresses the latents as `(latent - centre) @ rotation`, with `decode(encode(ecg).mean)`
        unchanged.

        `rotation` is orthogonal. It moves the axes of the latent space, which training leaves
        arbitrary.
        """

    @abstractmethod
    def penalty(self) -> Float[Tensor, ""]:
        """The part of the loss that depends on the weights alone."""


Batches = Iterable[tuple[Float[Tensor, "batch lead time"], Float[Tensor, "batch condition"] | None]]


class ClosedForm(Autoencoder):
    """An architecture whose weights are computed from the training ECGs, without steps."""

    @abstractmethod
    def solve(self, batches: Callable[[], Batches]) -> None:
        """Sets the weights; each call of `batches` goes through the normalized training ECGs once,
        in one order."""
