"""What every comparison of models holds beside them: phenotypes that need no network, scored in the
same way.

A yardstick is a frozen dataclass of its numbers, called with a `Source`. It raises `InputError`
where a cohort does not have what it is made of.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Bool, Float

from ecgae.errors import InputError
from ecgae.recordings.store import Store

BEAT = "median_beat"
"""The recordings that yardsticks are made of, whatever a model's own input is."""

BLOCK = 512
"""Number of people whose recordings are read at once."""

LEAST_KNOWN = LARGEST_SHARE = 0.5
"""Share of people who must have a measurement, and of them that may have one and the same value: of
more, a scan can make nothing."""


class Source(NamedTuple):
    """What yardsticks are made of, one row per recording."""

    store: Store
    training: Bool[np.ndarray, " individual"]
    """The people whom a model may be fitted on."""
    truth: Path | None
    """The table of planted variants of a simulated cohort; its other truths lie beside it."""


class Measured(NamedTuple):
    """A yardstick's phenotypes, one row per row of the store; NaN where somebody could not be
    measured."""

    names: list[str]
    values: Float[np.ndarray, "individual phenotype"]

    def only(self, kept: Sequence[bool] | Bool[np.ndarray, " phenotype"]) -> "Measured":
        """These phenotypes without those that are not `kept`."""
        names = [name for name, good in zip(self.names, kept, strict=True) if good]
        return Measured(names, self.values[:, np.asarray(kept)])


@runtime_checkable
class Yardstick(Protocol):
    """What every yardstick is: a call that measures the people of a source."""

    def __call__(self, source: Source) -> Measured: ...


def testable(measured: Measured) -> Measured:
    """The phenotypes that most people have and that vary among them. Raises `InputError` where there
    is none.

    >>> values = np.array([[60.0, 0.0], [70.0, 0.0], [80.0, 0.0]])
    >>> testable(Measured(["heart_rate", "q_amplitude_I"], values)).names
    ['heart_rate']
    """
    kept = [_varies(column) for column in measured.values.T]
    if not any(kept):
        raise InputError(
            f"measurements must be known for at least {LEAST_KNOWN:.0%} of the people and vary; "
            f"none of {len(kept):,} is."
        )
    return measured.only(kept)


def _varies(values: Float[np.ndarray, " individual"]) -> bool:
    """Whether enough people have a value, and not too many of them the same one."""
    known = values[np.isfinite(values)]
    commonest = np.unique(known, return_counts=True)[1].max(initial=0)
    return bool(
        len(known) >= LEAST_KNOWN * len(values) and 0 < commonest <= LARGEST_SHARE * len(known)
    )
