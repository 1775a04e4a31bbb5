"""Principal components of all leads and samples of an input: the linear autoencoder with the least
squared error."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import scipy.linalg
import scipy.sparse.linalg
import torch
from jaxtyping import Float
from torch import Tensor, nn

from ecgae.errors import InputError
from ecgae.models.architecture import Batches, ClosedForm, Latent

LARGEST_COVARIANCE = 8192
"""Voltages per input up to which their covariance matrix is held in memory (0.5 GB) and the
components are exact."""

LARGEST_SAMPLE = 2**28
"""Voltages of all inputs together up to which they are held in memory (1 GB). Where there are fewer
inputs than voltages in one, the components are exact then too, from the products of the inputs with
each other."""

OVERSAMPLING, PASSES, CONVERGED = 32, 12, 1e-5
"""Limits of the subspace iteration for longer inputs: extra directions; most passes through the
data; it ends when a pass adds less than this share to the variance of the components."""


class PCA(ClosedForm):
    """`encode: latent = (x - mean) @ components.T - centre`, `decode: (latent + centre) @
    components + mean`.

    With conditions c, `decode` adds `c @ from_condition`. The solution is that of least squares for
    this function: the components are those of what a regression on c leaves of the ECGs,
    `from_condition` are its coefficients less what the latents hold of them already. Components
    beyond the rank of the data are zero, and so are their latents.
    """

    def __init__(self, leads: int, samples: int, latent_dim: int, conditions: int = 0) -> None:
        if latent_dim < 1:
            raise InputError(f"architecture.latent_dim must be at least 1; got {latent_dim}.")
        super().__init__()
        self.leads, self.conditions = leads, conditions
        voltages = leads * samples
        self.mean, self.centre = _fixed(voltages), _fixed(latent_dim)
        self.components, self.from_condition = (
            _fixed(latent_dim, voltages),
            _fixed(conditions, voltages),
        )

    def encode(self, ecg: Float[Tensor, "batch lead time"]) -> Latent:
        return Latent((ecg.flatten(1) - self.mean) @ self.components.T - self.centre)

    def decode(
        self,
        latent: Float[Tensor, "batch latent"],
        skips: tuple[Tensor, ...] = (),
        condition: Float[Tensor, "batch condition"] | None = None,
    ) -> Float[Tensor, "batch lead time"]:
        ecg = torch.addmm(self.mean, latent + self.centre, self.components)
        if self.conditions:
            if condition is None:
                raise ValueError(
                    f"decode must get the {self.conditions} measurements that the model was built for."
                )
            ecg = torch.addmm(ecg, condition, self.from_condition)
        return ecg.unflatten(1, (self.leads, -1))

    @torch.no_grad()
    def rotate(
        self, centre: Float[Tensor, "latent"], rotation: Float[Tensor, "latent latent"]
    ) -> None:
        self.centre.copy_((self.centre + centre) @ rotation)
        self.components.copy_(rotation.T @ self.components)

    def penalty(self) -> Float[Tensor, ""]:
        return self.mean.new_zeros(())

    @torch.no_grad()
    def solve(self, batches: Callable[[], Batches]) -> None:
        """Sets the components: exactly for few inputs, and for short ones (`LARGEST_SAMPLE`,
        `LARGEST_COVARIANCE`); else by iteration.

        Two passes through the data for the exact solution, up to `PASSES` + 2 otherwise.
        """
        voltages, latent_dim = len(self.mean), len(self.components)
        few = _gathered(batches, voltages)
        exact = few is None and voltages <= LARGEST_COVARIANCE
        moments = _moments(batches, voltages, self.conditions, exact)
        coefficients = torch.linalg.pinv(moments.design, hermitian=True) @ moments.fitted

        rank = min(latent_dim, voltages, moments.inputs - 1 - self.conditions)
        if rank < 1:
            components = coefficients.new_zeros(0, voltages)
        elif few is not None:
            components = _from_products(few, coefficients, rank)
        elif exact:
            components = _leading(
                moments.squares.addmm_(moments.fitted.T, coefficients, alpha=-1), rank
            )
        else:
            components = _iterated(batches, coefficients, rank)

        mean, told = coefficients[0], coefficients[1:]
        self.components.zero_()[: len(components)] = components
        self.mean.copy_(mean)
        self.centre.zero_()
        self.from_condition.copy_(told - (told @ components.T) @ components)


class _Gathered(NamedTuple):
    """All inputs, and their designs [1, condition]."""

    inputs: Float[Tensor, "input voltage"]
    design: Float[Tensor, "input known"]


def _gathered(batches: Callable[[], Batches], voltages: int) -> _Gathered | None:
    """All inputs in memory; None where there are too many, or more of them than voltages in one."""
    inputs, designs, count = [], [], 0
    for ecg, condition in batches():
        count += len(ecg)
        if count >= voltages or count * voltages > LARGEST_SAMPLE:
            return None
        inputs.append(ecg.flatten(1))
        designs.append(_design(ecg, condition))
    return _Gathered(torch.cat(inputs), torch.cat(designs)) if inputs else None


def _from_products(
    few: _Gathered, coefficients: Float[Tensor, "known voltage"], rank: int
) -> Float[Tensor, "latent voltage"]:
    """The right singular vectors of the residuals, from the eigenvectors of their products with
    each other."""
    products = coefficients.new_zeros(len(few.inputs), len(few.inputs))
    for columns in torch.arange(coefficients.shape[1], device=coefficients.device).split(4096):
        part = few.inputs[:, columns].double() - few.design @ coefficients[:, columns]
        products.addmm_(part, part.T)
    values, vectors = (part[..., -rank:] for part in torch.linalg.eigh(products))
    kept = values > 1e-14 * few.inputs.square().sum(dtype=torch.float64)  # the rest is rounding
    if not kept.any():
        return coefficients.new_zeros(0, coefficients.shape[1])
    weights = vectors[:, kept] / values[kept].sqrt()
    components = few.inputs.T.double() @ weights - coefficients.T @ (few.design.T @ weights)
    return _ordered(values[kept], components)


class _Moments(NamedTuple):
    """Sums over the inputs x and their designs a = [1, condition]."""

    inputs: int
    design: Float[Tensor, "known known"]
    """Sum of a' a."""
    fitted: Float[Tensor, "known voltage"]
    """Sum of a' x."""
    squares: Float[Tensor, "voltage voltage"]
    """Sum of x' x; empty where it was not asked for."""


def _moments(
    batches: Callable[[], Batches], voltages: int, conditions: int, squares: bool
) -> _Moments:
    """The moments of all batches, in double precision, on the device that the ECGs are on."""
    count, sums = 0, None
    for ecg, condition in batches():
        design, inputs = _design(ecg, condition), ecg.flatten(1).double()
        if sums is None:
            shape = (voltages, voltages) if squares else (0, 0)
            sums = (
                design.new_zeros(conditions + 1, conditions + 1),
                design.new_zeros(conditions + 1, voltages),
                design.new_zeros(shape),
            )

        count += len(ecg)
        sums[0].addmm_(design.T, design)
        sums[1].addmm_(design.T, inputs)
        if squares:
            sums[2].addmm_(inputs.T, inputs)

    if sums is None:
        raise InputError("training must have at least one ECG; got none.")
    return _Moments(count, *sums)


def _design(
    ecg: Float[Tensor, "batch lead time"], condition: Float[Tensor, "batch condition"] | None
) -> Float[Tensor, "batch known"]:
    ones = ecg.new_ones(len(ecg), 1, dtype=torch.float64)
    return ones if condition is None else torch.cat((ones, condition.double()), 1)


def _leading(
    covariance: Float[Tensor, "voltage voltage"], rank: int
) -> Float[Tensor, "latent voltage"]:
    """The eigenvectors of the `rank` largest eigenvalues, or of as many as are not zero."""
    matrix, size = covariance.cpu().numpy(), len(covariance)
    if not matrix.any():
        return covariance.new_zeros(0, size)
    if 4 * rank < size:  # Lanczos: the full decomposition of 7,200 voltages takes minutes
        values, vectors = scipy.sparse.linalg.eigsh(matrix, rank, v0=np.ones(size))
    else:
        values, vectors = scipy.linalg.eigh(matrix, subset_by_index=(size - rank, size - 1))
    return _ordered(torch.from_numpy(values), torch.from_numpy(vectors)).to(covariance.device)


def _ordered(
    values: Float[Tensor, "component"], vectors: Float[Tensor, "voltage component"]
) -> Float[Tensor, "kept voltage"]:
    """Widest first, each with its largest weight positive; those without variance are left out."""
    order = values.argsort(descending=True)
    order = order[values[order] > 1e-10 * values.max().clamp(min=torch.finfo(values.dtype).tiny)]
    components = vectors[:, order].T
    return components * components.gather(1, components.abs().argmax(1, keepdim=True)).sign()


def _iterated(
    batches: Callable[[], Batches], coefficients: Float[Tensor, "known voltage"], rank: int
) -> Float[Tensor, "latent voltage"]:
    """Subspace iteration from random directions, one pass through the data each (Halko et al., SIAM
    Rev 2011;53:217).

    The variance in the subspace grows with each pass; its principal axes come from the matrix
    within it.
    """
    voltages = coefficients.shape[1]
    random = torch.Generator().manual_seed(0)
    start = torch.randn(
        voltages, min(rank + OVERSAMPLING, voltages), generator=random, dtype=torch.float64
    )
    basis, before = torch.linalg.qr(start.to(coefficients.device)).Q, 0.0

    for _ in range(PASSES):
        image = _covariance_times(batches, coefficients, basis)
        within = basis.T @ image
        values, axes = torch.linalg.eigh((within + within.T) / 2)
        components = _ordered(values[-rank:], basis @ axes[:, -rank:])

        variance = float(values[-rank:].sum())
        if variance - before <= CONVERGED * variance:
            break
        basis, before = torch.linalg.qr(image).Q, variance
    return components


def _covariance_times(
    batches: Callable[[], Batches],
    coefficients: Float[Tensor, "known voltage"],
    basis: Float[Tensor, "voltage direction"],
) -> Float[Tensor, "voltage direction"]:
    """Sum of r' (r @ basis) over the residuals r; products in the ECGs' precision, sums in
    double."""
    image = torch.zeros_like(basis)
    for ecg, condition in batches():
        residual = ecg.flatten(1) - (_design(ecg, condition) @ coefficients).to(ecg.dtype)
        image += residual.T @ (residual @ basis.to(ecg.dtype))
    return image


def _fixed(*shape: int) -> nn.Parameter:
    """A parameter of zeros that no gradient changes."""
    return nn.Parameter(torch.zeros(*shape), requires_grad=False)
