"""The figures of training and reconstruction, drawn when a run has just been encoded.

Individual traces are shown only where the cohort says that anybody may see them. Elsewhere an overlay is the mean over
at least 20 people, which works for aligned recordings (median beats); of strips nothing is shown then.
"""

from pathlib import Path

import numpy as np
import pandas as pd
from jaxtyping import Float

from ecgae.encoding import through_bottleneck
from ecgae.latents import Latents
from ecgae.report import figures
from ecgae.store import Store
from ecgae.training import Fitted

SMALLEST_GROUP = 20
GROUPS = {"best 10 %": (0.9, 1.0), "middle 10 %": (0.45, 0.55), "worst 10 %": (0.0, 0.1)}
"""Shares of the people, ordered by the R2 of their reconstruction."""


def draw(
    folder: Path,
    fitted: Fitted,
    latents: Latents,
    cleaned: Float[np.ndarray, "individual lead time"],
    store: Store,
    kind: str,
    lead_mode: str,
    public: bool,
) -> None:
    """Writes training.png, quality.png and, where privacy allows it, overlays.png."""
    folder.mkdir(exist_ok=True)
    figures.training_curve(pd.DataFrame(fitted.history)).savefig(folder / "training.png")
    figures.quality(latents.quality["r2"], latents.leads).savefig(folder / "quality.png")
    order = np.argsort(np.nanmean(latents.quality["r2"], axis=1))
    groups = _people(order) if public else _groups(order) if kind == "median_beat" else {}
    if not groups:
        return
    pairs = []
    for rows in groups.values():
        ecg = np.asarray(cleaned[np.sort(rows)])
        pairs.append((ecg.mean(axis=0), through_bottleneck(fitted, ecg, lead_mode).reconstruction.mean(axis=0)))
    ecg, reconstruction = map(np.stack, zip(*pairs, strict=True))
    sampling_rate = store.layout(kind).sampling_rate
    overlay = figures.overlays(ecg, reconstruction, list(groups), latents.leads, sampling_rate)
    overlay.savefig(folder / "overlays.png")


def _people(order: np.ndarray) -> dict[str, np.ndarray]:
    """One person from the middle of each group."""
    places = {title: round((low + high) / 2 * (len(order) - 1)) for title, (low, high) in GROUPS.items()}
    return {f"one of the {title}": order[place : place + 1] for title, place in places.items()}


def _groups(order: np.ndarray) -> dict[str, np.ndarray]:
    """The people of each group, if they are enough that no one of them can be recognised in the mean."""
    rows = {title: order[round(low * len(order)) : round(high * len(order))] for title, (low, high) in GROUPS.items()}
    return {f"mean of the {title}": group for title, group in rows.items() if len(group) >= SMALLEST_GROUP}
