"""The recordings of a cohort as one network sees them: what training, encoding and judging
share."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from ecgae.models.features import named
from ecgae.models.views import View
from ecgae.recordings.store import Store


@dataclass(frozen=True, eq=False)
class Dataset:
    """The recordings of one kind as a network sees them; row i is the same recording in every part."""

    store: Store
    kind: str
    """Which of the store's recordings these are, such as `median_beat`."""
    cleaned: Float[np.ndarray, "individual lead time"]
    """The cleaned recordings in mV, all recorded leads; a memory map."""
    view: View
    features: Float[np.ndarray, "individual feature"] | None = None
    """Measurements that the decoder is told (`objective.features`), in their own units; NaN where
    there is none."""

    def __len__(self) -> int:
        return len(self.cleaned)

    def blocks(self, size: int) -> Iterator[slice]:
        """All rows in order, `size` at a time."""
        for start in range(0, len(self), size):
            yield slice(start, min(start + size, len(self)))


def dataset_of(
    store: Store,
    kind: str,
    cleaned: Float[np.ndarray, "individual lead time"],
    view: View,
    features: Sequence[str],
) -> Dataset:
    """A dataset with the `features` of everybody. Raises `InputError` where nobody has one of
    them."""
    if not features:
        return Dataset(store, kind, cleaned, view)
    values = named(features, store.table("measurements"), f"cohort {store.cohort}")
    for name, missing in zip(features, np.isnan(values).sum(axis=0), strict=True):
        if missing:
            print(
                f"{missing:,} of {len(values):,} recordings have no {name}; the decoder is told the mean"
            )
    return Dataset(store, kind, cleaned, view, values)
