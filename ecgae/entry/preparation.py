"""What training and encoding share: from a config to its components, and from these to cleaned
recordings."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from omegaconf import DictConfig, OmegaConf

from ecgae.entry.build import build, network_of, view_of

if TYPE_CHECKING:  # seconds
    import numpy as np

    from ecgae.models.checkpoint import Fitted
    from ecgae.models.dataset import Dataset
    from ecgae.models.latents import Latents
    from ecgae.models.views import View
    from ecgae.recordings.cohort import Cohort
    from ecgae.recordings.formats.recording import Layout
    from ecgae.recordings.store import Store
    from ecgae.recordings.usable import Usable
    from ecgae.scoring.study import Study


@dataclass(frozen=True)
class Design:
    """The components that a config names, all built and checked before any recording is read."""

    cohort: "Cohort"
    input: Any
    beat: Any
    exclusions: Any
    baseline: Any
    denoiser: Any
    normalization: Any
    objective: Any
    schedule: Any
    split: Any
    families: Mapping[str, str]
    """The family of everybody who has one."""
    latent_qc: Any
    layout: "Layout"
    view: "View"
    settings: DictConfig
    cache: Path
    workers: int
    accelerator: str

    def network(self) -> Any:
        """The architecture with the weights that training starts from; they are drawn here."""
        return network_of(self.settings, self.layout, self.view, self.objective)

    def fitted(self, run: Path, accelerator: str) -> "Fitted":
        """The network with the weights of a finished run."""
        import torch

        from ecgae.models import checkpoint

        with torch.random.fork_rng(devices=[]):  # weights drawn only to be replaced
            network = self.network()
        return checkpoint.load(
            network, self.normalization, run / checkpoint.CHECKPOINT, accelerator
        )

    def recordings(self, withdrawn: str | None) -> "Usable":
        """The recordings that can be used, of people who have not withdrawn their consent, and who
        is left out."""
        from ecgae.recordings import usable

        self.cohort.prepare()
        store, excluded = usable.usable(
            cohort=self.cohort,
            wanted=self.input,
            beat=self.beat,
            exclusions=self.exclusions,
            cache=self.cache,
            workers=self.workers,
        )
        return usable.consenting(store, excluded, withdrawn)

    def dealt(self, store: "Store") -> "np.ndarray":
        """The part of each person: training, validation, select or confirm."""
        parts = self.split(store.sample_ids, self.families)
        return self.schedule.hold_out(parts, store.sample_ids, self.families)

    def dataset(self, store: "Store") -> "Dataset":
        """The recordings as the network sees them, cleaned once and kept in the cache."""
        from ecgae.models.dataset import dataset_of
        from ecgae.recordings.cleaned import clean

        kind = self.input.recording
        steps = {"baseline": self.baseline, "denoiser": self.denoiser}
        cleaned = clean(store, kind, **steps, cache=self.cache, accelerator=self.accelerator)
        return dataset_of(store, kind, cleaned, self.view, self.objective.features)


def design_of(
    cfg: DictConfig, run: DictConfig | None = None, cohort: "Cohort | None" = None
) -> Design:
    """The components of a config; `run`: where paths and runtime come from, if not from the config
    itself.

    With `cohort`, another one than the config's, its recordings are brought to the rate of those
    that the config's model was trained on. Raises `InputError` where they cannot go through that
    model.
    """
    from ecgae.people.families import read_families

    place = cfg if run is None else run
    own = build(cfg.cohort)
    wanted, beat, exclusions = build(cfg.input), build(cfg.beats), build(cfg.exclusions)
    baseline, denoiser, normalization = (
        build(cfg.baseline),
        build(cfg.denoiser),
        build(cfg.normalization),
    )
    schedule, split, latent_qc = build(cfg.trainer), build(cfg.split), build(cfg.latent_qc)

    # People of another cohort are not dealt out: nobody of them was in training.
    families = read_families(cfg.relatives if cohort is None else None)
    if cohort is not None:
        wanted = wanted.of_another(
            cohort, wanted.layout(own.layouts, own.name, beat), cfg.lead_mode, beat
        )
        own = cohort
    layout = wanted.layout(own.layouts, own.name, beat)
    objective = build(cfg.objective, sampling_rate=layout.sampling_rate)
    return Design(
        cohort=own,
        input=wanted,
        beat=beat,
        exclusions=exclusions,
        baseline=baseline,
        denoiser=denoiser,
        normalization=normalization,
        objective=objective,
        schedule=schedule,
        split=split,
        families=families,
        latent_qc=latent_qc,
        layout=layout,
        view=view_of(layout, cfg),
        settings=cfg,
        cache=Path(place.paths.cache),
        workers=place.runtime.workers,
        accelerator=place.runtime.accelerator,
    )


def encode_timed(
    fitted: "Fitted", dataset: "Dataset", parts: "np.ndarray"
) -> tuple["Latents", dict[str, float]]:
    """Everybody's latents; what training took (`training.costs`), and the seconds of encoding."""
    from ecgae.models import encoding, training

    started = time.monotonic()
    encoded = encoding.encode(fitted, dataset, parts)
    return encoded, training.costs(fitted) | {"encoding_seconds": time.monotonic() - started}


def withdrawn_of(cfg: DictConfig) -> str | None:
    """The list of those who withdrew their consent, where a config names one."""
    return OmegaConf.select(cfg, "individuals.withdrawn")


def ages_and_sexes(cohort: "Cohort", store: "Store", study: "Study | None") -> dict[str, Any]:
    """What the cohort's covariates say of everybody's age and sex, for probing latents; by row of
    the store."""
    from ecgae.people.covariates import read_covariates
    from ecgae.scoring.join import known_of

    if study is not None:
        covariates = study.covariates
    else:
        covariates = None if cohort.covariates is None else read_covariates(cohort.covariates)
    return known_of(covariates, ("age", "sex"), store.sample_ids, store.visits)
