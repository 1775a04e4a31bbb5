"""What a trained model is worth before any genome is asked: one set of numbers, on one scale for
all models.

Everything is measured on people whom training never saw: those who score; with split=all those held
out for validation (everybody where nobody was in training); never on the people who confirm later
what these numbers chose.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Bool, Float

from ecgae.errors import InputError
from ecgae.models.checkpoint import Fitted
from ecgae.models.dataset import Dataset
from ecgae.models.judging.bypass import LOWEST_BYPASS_INDEX, bypass_index, spread
from ecgae.models.judging.device_beat import compare, has_device_beat
from ecgae.models.judging.latent_health import Health, Probe, health, probe
from ecgae.models.judging.latent_qc import LatentQC
from ecgae.models.judging.traversal import Traversal, traverse
from ecgae.models.latents import Latents
from ecgae.people.split import CONFIRM, TRAINING
from ecgae.runs.run_directory import HEADLINE
from ecgae.signals.intervals import INTERVALS
from ecgae.statistics.json_number import json_number

DEVICE_PEOPLE = 300
"""Number of people, evenly spread, whose beats are compared with the device's; fewer where there
are fewer."""

SUMMARISED = ("r2", "mse", "r2_recorded", "mse_recorded", "prd_recorded", "r_recorded")


class Judged(NamedTuple):
    """The numbers of model.json, and the arrays behind its figures."""

    summary: dict[str, Any]
    latents: Latents
    """The latents of everybody; those of signals that failed the latent QC are missing."""
    health: Health
    probes: dict[str, Probe]
    traversal: Traversal

    @property
    def headline(self) -> dict[str, Any]:
        """The numbers that a run is compared by, under the same names in score.json."""
        return {name: self.summary[name] for name in HEADLINE}


def judge(
    fitted: Fitted,
    dataset: Dataset,
    latents: Latents,
    latent_qc: LatentQC,
    people: Mapping[str, Float[np.ndarray, " individual"]] | None = None,
    costs: Mapping[str, float] | None = None,
) -> Judged:
    """`latents` are those of everybody: the latent QC is applied here, and nothing is judged
    without who fails it.

    `people`: numbers per row that the latents are probed for, such as age and sex (NaN = unknown),
    beside the store's intervals. `costs`: numbers that the caller knows (parameters, epochs,
    seconds), put into the summary as they are.
    """
    screened = latent_qc(latents, dataset.view)
    every = latents.split != CONFIRM

    traversal = traverse(fitted, dataset, np.flatnonzero(every), latents.values[every])
    latent_health = health(
        _signals(latents.values[every], dataset), traversal.effect, fitted.model.variational
    )
    probes, skipped = probe_all(latents, targets(dataset, people or {}))
    bypass = bypass_index(fitted, dataset, latents)
    table = reconstruction(latents, latents.judged)

    summary: dict[str, Any] = {
        "people": {"judged": int(latents.judged.sum()), "all": int(every.sum())},
        **{name: table[name]["all"]["median"] for name in SUMMARISED},
        "bypass_index": bypass,
        "active_latents": int(latent_health.active.sum()),
        "latents_per_sample": len(latent_health.active),
        "effective_rank": latent_health.effective_rank,
        "latent_qc_dropped": screened.summary["dropped"],
        "latent_qc_unit": screened.summary["unit"],
        "model_warnings": warnings(bypass, latent_health),
        "reconstruction": table,
        "reconstruction_all": reconstruction(latents, every),
        "latent_health": _health_summary(latent_health),
        "probes": {name: one._asdict() for name, one in probes.items()},
        "probes_skipped": skipped,
        "latent_qc": screened.summary,
        **(costs or {}),
    }
    if has_device_beat(dataset):
        summary["device_beat"] = device_beat(fitted, dataset, latents)
    return Judged(
        summary=summary,
        latents=screened.latents,
        health=latent_health,
        probes=probes,
        traversal=traversal,
    )


def targets(dataset: Dataset, people: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """What the latents are probed for: `people`, else age and sex where the store knows them; and
    its intervals."""
    metadata, measurements = dataset.store.table("metadata"), dataset.store.table("measurements")
    known = {"age": metadata.get("age"), "sex": metadata.get("sex_female"), **people}
    return {
        **{
            name: np.asarray(values, np.float64)
            for name, values in known.items()
            if values is not None
        },
        **{
            name: measurements[name].astype(np.float64)
            for name in INTERVALS
            if name in measurements
        },
    }


def probe_all(
    latents: Latents, wanted: Mapping[str, Float[np.ndarray, " individual"]]
) -> tuple[dict[str, Probe], dict[str, str]]:
    """A probe of each target, and for those that cannot be probed the reason."""
    probes: dict[str, Probe] = {}
    skipped = {name: "not known of this cohort" for name in ("age", "sex") if name not in wanted}
    for name, target in wanted.items():
        try:
            probes[name] = probe(latents.values, target, latents.split == TRAINING, latents.judged)
        except InputError as error:
            skipped[name] = str(error)
    return probes, skipped


def reconstruction(latents: Latents, chosen: Bool[np.ndarray, " individual"]) -> dict[str, Any]:
    """Quartiles of every measure over the chosen people: of all leads together under `all`, and of
    each lead."""

    def quartiles(values: Float[np.ndarray, "*shape"]) -> dict[str, float | int | None]:
        known = values[np.isfinite(values)]
        low, middle, high = np.quantile(known, (0.25, 0.5, 0.75)) if len(known) else (np.nan,) * 3
        return {
            "median": json_number(middle),
            "lower": json_number(low),
            "upper": json_number(high),
            "n": len(known),
        }

    table: dict[str, Any] = {}
    for name in SUMMARISED:
        values = latents.quality[name][chosen]
        by_lead = {lead: quartiles(values[:, place]) for place, lead in enumerate(latents.leads)}
        table[name] = {"all": quartiles(values), **by_lead}
    return table


def device_beat(fitted: Fitted, dataset: Dataset, latents: Latents) -> dict[str, Any]:
    """Medians over people and leads of the agreement with the device's median beat, and the same of
    the recording."""
    rows = spread(latents.judged, DEVICE_PEOPLE)
    comparison = compare(fitted, dataset, rows)
    sides = {"device": comparison.reconstructed, "device_ceiling": comparison.recorded}
    numbers = {
        f"{measure}_{side}": json_number(np.nanmedian(values))
        if np.isfinite(values).any()
        else None
        for side, quality in sides.items()
        for measure, values in quality.items()
    }
    return {"people": len(rows), "without_beat": comparison.without_beat, **numbers}


def warnings(bypass: float | None, latent_health: Health) -> list[str]:
    """Sentences for whoever reads the run's numbers."""
    said = []
    if bypass is not None and bypass < LOWEST_BYPASS_INDEX:
        said.append(
            f"The latents are hardly used: with a stranger's the error is only {bypass:.3f} times as large "
            f"(below {LOWEST_BYPASS_INDEX:g}). Skips carry the ECG past them, or the model has learned little."
        )
    if (collapsed := int((~latent_health.active).sum())) > 0:
        said.append(
            f"{collapsed} of {len(latent_health.active)} latents are collapsed: they carry next to nothing."
        )
    return said


def _signals(
    latents: Float[np.ndarray, "individual phenotype"], dataset: Dataset
) -> Float[np.ndarray, "signal latent"]:
    """The latents of every sample of the network, about the mean of its lead: leads differ in
    everybody alike."""
    values = latents.reshape(len(latents), dataset.view.per_individual, -1)
    return (values - values.mean(axis=0)).reshape(-1, values.shape[2])


def _health_summary(latent_health: Health) -> dict[str, Any]:
    names = [f"latent_{index:02d}" for index in range(1, len(latent_health.active) + 1)]
    off = np.abs(latent_health.correlation[~np.eye(len(names), dtype=bool)])

    return {
        "active": int(latent_health.active.sum()),
        "collapsed": [
            name for name, used in zip(names, latent_health.active, strict=True) if not used
        ],
        "effective_rank": latent_health.effective_rank,
        "largest_correlation": json_number(np.nanmax(off)) if np.isfinite(off).any() else None,
        "variance": dict(zip(names, map(json_number, latent_health.variance), strict=True)),
        "effect": dict(zip(names, map(json_number, latent_health.effect), strict=True)),
        "excess_kurtosis": dict(
            zip(names, map(json_number, latent_health.excess_kurtosis), strict=True)
        ),
    }
