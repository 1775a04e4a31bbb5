"""From one sampling rate to another, so that recordings of several devices can meet."""

from fractions import Fraction
from typing import NamedTuple

import numpy as np
from jaxtyping import Float
from scipy.signal import resample_poly

from ecgae.errors import InputError


def resampled(
    ecg: Float[np.ndarray, "*leads time"], sampling_rate: float, new_sampling_rate: float
) -> Float[np.ndarray, "*leads new_time"]:
    """The same voltages sampled at `new_sampling_rate`: `round(samples * new_sampling_rate /
    sampling_rate)` samples.

    Sample i lies at `i / new_sampling_rate` s: the anti-alias filter (a polyphase FIR, Kaiser
    window with beta 5) has zero phase. Up to 0.85 of the lower rate's half it changes nothing by
    more than 0.1 dB; at 1.0 it is at -6 dB, and what would alias is stopped by 43 dB from 1.15 of
    it on and by 55 dB from 1.2 on. The line through the first and the last sample is taken off
    while filtering: no offset rings at the ends, and a constant stays constant. The ratio of the
    rates is used as a fraction with a denominator of at most 10,000.

    >>> ecg = np.sin(2 * np.pi * 5 * np.arange(1000) / 500)  # 5 Hz, which 250 Hz can hold
    >>> slower = resampled(ecg, sampling_rate=500.0, new_sampling_rate=250.0)
    >>> len(slower), float(np.abs(slower - ecg[::2])[50:-50].max().round(2))
    (500, 0.0)
    """
    for name, rate in {
        "sampling_rate": sampling_rate,
        "new_sampling_rate": new_sampling_rate,
    }.items():
        if not 0 < rate < np.inf:
            raise InputError(f"{name} must be positive; got {rate:g} Hz.")

    ratio = Fraction(new_sampling_rate / sampling_rate).limit_denominator(10_000)
    if not ratio:
        raise InputError(
            f"new_sampling_rate must be at least a 10,000th of {sampling_rate:g} Hz; got {new_sampling_rate:g} Hz."
        )
    if ratio == 1:
        return ecg.copy()

    line, new_line = _lines(ecg, ratio)
    changed = resample_poly(ecg - line, ratio.numerator, ratio.denominator, axis=-1)
    return (new_line + changed[..., : new_line.shape[-1]]).astype(ecg.dtype)


class Lines(NamedTuple):
    """The line through a trace's first and last sample, at the old and at the new times."""

    old: Float[np.ndarray, "*leads time"]
    """Voltages of the line at the samples given."""
    new: Float[np.ndarray, "*leads new_time"]
    """Voltages of the line at the new samples."""


def _lines(ecg: Float[np.ndarray, "*leads time"], ratio: Fraction) -> Lines:
    """The line of each trace; `ratio`: the new sampling rate over the old one."""
    samples = ecg.shape[-1]
    first = ecg[..., :1].astype(np.float64)
    slope = (ecg[..., -1:] - first) / max(1, samples - 1)
    return Lines(
        old=first + slope * np.arange(samples),
        new=first + slope * (np.arange(round(samples * ratio)) / float(ratio)),
    )
