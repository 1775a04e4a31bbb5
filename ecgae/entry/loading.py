"""From a run directory to its model, ready to encode; and to the recordings that it was made
from."""

from pathlib import Path
from typing import TYPE_CHECKING

from omegaconf import OmegaConf

from ecgae.entry.choices import read_trained
from ecgae.entry.command_line import plain
from ecgae.entry.preparation import Design, design_of, withdrawn_of

if TYPE_CHECKING:
    from ecgae.models.trained import TrainedModel
    from ecgae.recordings.store import Store


def trained_of(run: Path, accelerator: str = "cpu") -> "TrainedModel":
    """The model of a finished run. Neither its recordings nor its genotypes need to be there."""
    from ecgae.models.trained import TrainedModel

    design = _design(run)
    return TrainedModel(
        fitted=design.fitted(run, accelerator),
        view=design.view,
        layout=design.layout,
        recording=design.input.recording,
        baseline=design.baseline,
        denoiser=design.denoiser,
        config=plain(design.settings),
    )


def recordings_of(run: Path) -> "Store":
    """The recordings of a finished run: read from the cache, or from the cohort's files again."""
    design = _design(run)
    return design.recordings(withdrawn_of(design.settings)).store


def _design(run: Path) -> Design:
    return design_of(OmegaConf.create(read_trained(run)))
