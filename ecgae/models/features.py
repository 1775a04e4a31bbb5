"""Measurements that a decoder is told (`objective.features`), so that the latents need not hold
them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from ecgae.errors import InputError


@dataclass(frozen=True)
class Standard:
    """`(value - mean) / scale` of each measurement, with the numbers of the training people.

    >>> heart_rate = np.array([[50.0], [70.0], [np.nan]])
    >>> Standard().fit(heart_rate)(heart_rate).tolist()
    [[-1.0], [1.0], [0.0]]
    """

    mean: tuple[float, ...] = ()
    scale: tuple[float, ...] = ()

    def fit(self, features: Float[np.ndarray, "individual feature"]) -> "Standard":
        """The numbers of these people; a measurement that never varies keeps scale 1."""
        mean, scale = np.nanmean(features, axis=0), np.nanstd(features, axis=0)
        return Standard(tuple(mean.tolist()), tuple(np.where(scale > 0, scale, 1.0).tolist()))

    def __call__(
        self, features: Float[np.ndarray, "individual feature"]
    ) -> Float[np.ndarray, "individual feature"]:
        """The standardised measurements; a missing one becomes 0, the mean."""
        return np.nan_to_num((features - np.array(self.mean)) / np.array(self.scale)).astype(
            np.float32
        )


def named(
    names: Sequence[str], table: dict[str, np.ndarray], where: str
) -> Float[np.ndarray, "individual column"]:
    """The columns `names` of a table, side by side. Raises `InputError` where one is not there or
    says nothing."""
    absent = [name for name in names if name not in table]
    if absent:
        known = ", ".join(sorted(table)) or "none"
        raise InputError(
            f"objective.features must be measurements of {where} ({known}); got {', '.join(absent)}."
        )
    empty = [name for name in names if not np.isfinite(table[name]).any()]
    if empty:
        raise InputError(
            f"objective.features must be measured in somebody of {where}; nobody has {', '.join(empty)}."
        )
    return np.stack([table[name] for name in names], axis=1)
