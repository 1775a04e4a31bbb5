"""Which latents to trust: those of signals that the model could not reconstruct become missing, and
are counted."""

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Bool, Float

from ecgae.errors import InputError
from ecgae.models.latents import Latents
from ecgae.models.views import View

MEASURES = ("one_minus_r2", "mse", "mse_normalized")


class Screened(NamedTuple):
    """Latents without those of failed signals, and what leaving them out did."""

    latents: Latents
    passed: Bool[np.ndarray, "individual seen"]
    """Which signals passed, of the leads that the network sees; where all leads are one sample, the
    same for all of them."""
    summary: dict[str, Any]
    """Plain numbers: who was dropped, in all and per lead, and the amplitudes of both sides."""


@dataclass(frozen=True)
class LatentQC:
    """Signals whose error is above `highest` get no latents (NaN); None keeps all.

    `one_minus_r2` is free of scale, and 1 is as bad as the signal's own mean. `mse` in mV^2 and
    `mse_normalized` in the square of the network's unit (published: 0.4 on globally standardised
    traces) select on amplitude, which is heritable itself; the summary shows how much. Where all
    leads are one sample its error is that over all leads: the summed error over the summed
    variance, or the mean over leads. A signal that is flat has no R2, and fails.
    """

    measure: str = "one_minus_r2"
    highest: float | None = 2.0

    def __post_init__(self) -> None:
        if self.measure not in MEASURES:
            raise InputError(
                f"latent_qc.measure must be one of {', '.join(MEASURES)}; got {self.measure!r}."
            )
        if self.highest is not None and not self.highest > 0:
            raise InputError(f"latent_qc.highest must be positive or null; got {self.highest}.")

    def __call__(self, latents: Latents, view: View) -> Screened:
        """The latents with NaN where a signal failed, and a summary of who that is."""
        seen = [view.recorded.index(lead) for lead in view.leads]
        quality = {name: values[:, seen] for name, values in latents.quality.items()}
        error = self._error(quality, joint=view.lead_mode == "joint")
        passed = (
            np.ones_like(error, dtype=bool) if self.highest is None else error <= self.highest
        )  # NaN fails

        masked = np.repeat(passed, latents.values.shape[1] // passed.shape[1], axis=1)
        values = np.where(masked, latents.values, np.float32(np.nan))
        by_lead = np.broadcast_to(passed, (len(passed), len(seen)))

        summary = {
            "measure": self.measure,
            "highest": self.highest,
            "unit": "individual" if view.lead_mode == "joint" else "signal",
            "kept": int(passed.sum()),
            "dropped": int((~passed).sum()),
            "leads": {
                lead: _sides(quality["amplitude"][:, place], by_lead[:, place])
                for place, lead in enumerate(view.leads)
            },
        }
        return Screened(latents._replace(values=values), by_lead, summary)

    def _error(
        self, quality: dict[str, Float[np.ndarray, "individual seen"]], joint: bool
    ) -> Float[np.ndarray, "individual unit"]:
        if self.measure != "one_minus_r2":
            error = quality[self.measure]
            return error.mean(axis=1, keepdims=True) if joint else error
        if not joint:
            return 1 - quality["r2"]
        variance = np.square(quality["amplitude"]).sum(axis=1, keepdims=True)
        return quality["mse"].sum(axis=1, keepdims=True) / np.where(variance > 0, variance, np.nan)


def _sides(
    amplitude: Float[np.ndarray, " individual"], passed: Bool[np.ndarray, " individual"]
) -> dict[str, Any]:
    """How many signals of a lead are kept and dropped, and their root mean square amplitudes in mV.

    `standardised_difference`: dropped minus kept in units of the mean of both variances' root; None
    for fewer than two.
    """
    kept, dropped = amplitude[passed], amplitude[~passed]
    spread = (
        np.sqrt((kept.var(ddof=1) + dropped.var(ddof=1)) / 2)
        if min(len(kept), len(dropped)) > 1
        else 0.0
    )

    return {
        "kept": len(kept),
        "dropped": len(dropped),
        "amplitude_kept": _mean_and_sd(kept),
        "amplitude_dropped": _mean_and_sd(dropped),
        "standardised_difference": float((dropped.mean() - kept.mean()) / spread)
        if spread > 0
        else None,
    }


def _mean_and_sd(values: Float[np.ndarray, " individual"]) -> dict[str, float | None]:
    """Mean and standard deviation in mV; None where there are too few values."""
    return {
        "mean": float(values.mean()) if len(values) else None,
        "sd": float(values.std(ddof=1)) if len(values) > 1 else None,
    }
