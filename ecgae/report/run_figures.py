"""The figures of training, reconstruction and latents, drawn when a run has just been judged.

Individual traces are shown only where the cohort says that anybody may see them. Elsewhere an
overlay is the mean over at least 20 people, which works for aligned recordings (median beats); of
strips nothing is shown then. Traversals start at the mean ECG of the cohort, which has to be that
of at least 20 people too.
"""

from pathlib import Path

import numpy as np
import pandas as pd
from jaxtyping import Int
from matplotlib.figure import Figure

from ecgae.models.checkpoint import Fitted
from ecgae.models.dataset import Dataset
from ecgae.models.encoding import through_bottleneck
from ecgae.models.judging.judge import Judged
from ecgae.models.judging.traversal import STEPS
from ecgae.models.latents import CONFIRM, Latents
from ecgae.report import figures, model_figures

SMALLEST_GROUP = 20
"""People whose mean may be shown: fewer might show one of them."""

GROUPS = {"best 10 %": (0.9, 1.0), "middle 10 %": (0.45, 0.55), "worst 10 %": (0.0, 0.1)}
"""Shares of the people, ordered by the R2 of their reconstruction."""

ALIGNED = "median_beat"
"""The kind of recordings whose mean over people is an ECG again."""


def draw(
    folder: Path, fitted: Fitted, dataset: Dataset, latents: Latents, judged: Judged, public: bool
) -> None:
    """Writes every figure of the page's section on the model that can be shown."""
    drawn = _of_many_people(fitted, latents, judged)
    rate = dataset.store.layout(dataset.kind).sampling_rate

    if dataset.kind == ALIGNED and (public or len(dataset) >= SMALLEST_GROUP):
        moved = judged.traversal
        drawn["traversals"] = model_figures.traversals(
            moved.ecg, moved.effect, STEPS, latents.leads, rate
        )

    groups = chosen(latents, dataset.kind, public)
    if groups:
        pairs = [_means(fitted, dataset, rows) for rows in groups.values()]
        ecg, reconstruction = map(np.stack, zip(*pairs, strict=True))
        drawn["overlays"] = model_figures.overlays(
            ecg, reconstruction, list(groups), latents.leads, rate
        )

    folder.mkdir(exist_ok=True)
    for name, figure in drawn.items():
        figure.savefig(folder / f"{name}.png")


def _of_many_people(fitted: Fitted, latents: Latents, judged: Judged) -> dict[str, Figure]:
    """The figures that show numbers of people, but no ECG; by name."""
    r2, health = latents.quality["r2_recorded"][latents.judged], judged.health
    drawn = {
        "quality": model_figures.quality(r2, latents.leads),
        "errors": model_figures.errors(r2),
        "latents": model_figures.latents(
            health.spectrum, health.effect, health.excess_kurtosis, health.correlation
        ),
    }

    if fitted.history:
        drawn["training"] = figures.training_curve(pd.DataFrame(fitted.history))
    if judged.probes:
        told = {
            name: (probe.measure, probe.value, probe.tested)
            for name, probe in judged.probes.items()
        }
        drawn["probes"] = model_figures.probes(told)
    return drawn


def chosen(latents: Latents, kind: str, public: bool) -> dict[str, Int[np.ndarray, " individual"]]:
    """The rows of the people whose mean is shown, by title; none where that would show a person who
    may not be seen."""
    r2 = np.nanmean(np.where(np.isfinite(latents.quality["r2"]), latents.quality["r2"], 0), axis=1)
    enough = public or latents.judged.sum() >= 10 * SMALLEST_GROUP
    rows = np.flatnonzero(latents.judged if enough else latents.split != CONFIRM)
    order = rows[np.argsort(r2[rows])]

    if public:
        places = {
            title: round((low + high) / 2 * (len(order) - 1))
            for title, (low, high) in GROUPS.items()
        }
        return {f"one of the {title}": order[place : place + 1] for title, place in places.items()}

    if kind != ALIGNED:
        return {}
    groups = {
        title: order[round(low * len(order)) : round(high * len(order))]
        for title, (low, high) in GROUPS.items()
    }
    return {
        f"mean of the {title}": group
        for title, group in groups.items()
        if len(group) >= SMALLEST_GROUP
    }


def _means(
    fitted: Fitted, dataset: Dataset, rows: Int[np.ndarray, " individual"]
) -> tuple[np.ndarray, np.ndarray]:
    """The mean of what the network was given and of what it gave back, in mV."""
    rows = np.sort(rows)
    reconstruction = through_bottleneck(fitted, dataset, rows).reconstruction
    return np.asarray(dataset.cleaned[rows]).mean(axis=0), reconstruction.mean(axis=0)
