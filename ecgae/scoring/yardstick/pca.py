"""Principal components of the median beats: the linear model that every network has to beat."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch

from ecgae.errors import InputError
from ecgae.models.architecture import pca
from ecgae.scoring.yardstick import BEAT, BLOCK, Measured, Source


@dataclass(frozen=True)
class PCA:
    """The leading components of all leads and samples in mV, fitted on the training people.

    components: how many, the default size of a model's latent space.
    """

    components: int = 16

    def __call__(self, source: Source) -> Measured:
        layout = source.store.layout(BEAT)
        if not source.training.any():
            raise InputError(
                "training must have somebody for principal components to be fitted; it has nobody."
            )
        model = pca.PCA(len(layout.leads), layout.samples or 0, self.components)
        model.solve(lambda: _training(source))
        values = np.empty((len(source.store), self.components))
        with torch.inference_mode():
            for rows, ecg in source.store.blocks(BEAT, BLOCK):
                values[rows] = model.encode(torch.from_numpy(ecg)).mean.numpy()
        return Measured(
            [f"component_{number:02d}" for number in range(1, self.components + 1)], values
        )


def _training(source: Source) -> Iterator[tuple[torch.Tensor, None]]:
    chosen = source.store.only(source.training)
    for _, ecg in chosen.blocks(BEAT, BLOCK):
        yield torch.from_numpy(ecg), None
