"""One association scan per time point of the median beat (Verweij et al., Cell Systems
2020;11:229)."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from scipy.ndimage import uniform_filter1d

from ecgae.ecg import DERIVED_LEADS
from ecgae.errors import InputError
from ecgae.scoring.yardstick import BEAT, BLOCK, Measured, Source, testable

REACH = 0.06
"""Largest distance in s of somebody's R peak from where it is on average."""


@dataclass(frozen=True)
class TimePoints:
    """The voltage in mV at fixed times around everybody's own R peak, in the leads that are
    measured.

    step: s between time points, and over which the voltage is averaged.
    before, after: s around the R peak, from P to the end of T at usual rates.
    least_spread: range in mV of the middle half of the people, below which a time point holds
        rounding and noise with a few outliers: between the waves everybody is at zero.
    """

    step: float = 0.02
    before: float = 0.30
    after: float = 0.50
    least_spread: float = 0.01

    def __call__(self, source: Source) -> Measured:
        layout, rate = source.store.layout(BEAT), source.store.layout(BEAT).sampling_rate
        leads = [place for place, lead in enumerate(layout.leads) if lead not in DERIVED_LEADS]
        if not leads:
            raise InputError(
                f"leads must be some that I and II do not determine; got {', '.join(layout.leads)}."
            )

        steps = np.arange(-round(self.before / self.step), round(self.after / self.step) + 1)
        offsets = np.rint(steps * self.step * rate).astype(np.int64)
        usual = _usual_r(source)

        values = np.empty((len(source.store), len(leads), len(offsets)))
        for rows, ecg in source.store.blocks(BEAT, BLOCK):
            centre = r_samples(ecg, usual, round(REACH * rate))
            smooth = uniform_filter1d(ecg[:, leads], max(1, round(self.step * rate)), axis=-1)
            values[rows] = _around(smooth, centre, offsets)

        milliseconds = np.rint(1000 * steps * self.step).astype(int).tolist()
        names = [f"{layout.leads[lead]}_{time:+d}ms" for lead in leads for time in milliseconds]
        return self._lively(testable(Measured(names, values.reshape(len(values), -1))))

    def _lively(self, measured: Measured) -> Measured:
        """The time points at which people differ by `least_spread`."""
        low, high = np.nanquantile(measured.values, [0.25, 0.75], axis=0)
        kept = high - low >= self.least_spread
        if not kept.any():
            raise InputError(
                f"median beats must differ by {self.least_spread:g} mV somewhere; they are nearly alike."
            )
        return measured.only(kept)


def r_samples(
    median_beat: Float[np.ndarray, "individual lead sample"], usual: int, reach: int
) -> Int[np.ndarray, " individual"]:
    """Where the leads together lie furthest from their level, at most `reach` samples from the
    `usual` place."""
    start = max(usual - reach, 0)
    return start + _distance(median_beat)[:, start : usual + reach + 1].argmax(axis=1)


def _distance(
    median_beat: Float[np.ndarray, "individual lead sample"],
) -> Float[np.ndarray, "individual sample"]:
    """Distance in mV from each lead's median over time, over all leads together."""
    level = np.median(median_beat, axis=-1, keepdims=True)
    return np.linalg.norm(median_beat - level, axis=1)


def _usual_r(source: Source) -> int:
    """Where the R peak is on average: devices and `beats.MedianBeat` put it at one place."""
    total = np.zeros(source.store.layout(BEAT).samples or 0)
    for _, ecg in source.store.blocks(BEAT, BLOCK):
        total += _distance(ecg).sum(axis=0)
    return int(total.argmax())


def _around(
    ecg: Float[np.ndarray, "individual lead sample"],
    centre: Int[np.ndarray, " individual"],
    offsets: Int[np.ndarray, " point"],
) -> Float[np.ndarray, "individual lead point"]:
    """The samples at `centre + offsets`; NaN outside the recording."""
    wanted = centre[:, None] + offsets
    inside = (wanted >= 0) & (wanted < ecg.shape[-1])
    samples = np.take_along_axis(ecg, np.where(inside, wanted, 0)[:, None, :], axis=-1)
    return np.where(inside[:, None, :], samples, np.nan)
