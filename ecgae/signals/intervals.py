"""The classical measurements of a median beat: intervals, axes and amplitudes, named as devices
print them.

A wave lasts while the leads move: its bounds are where their joint speed falls below a share of its
highest value, in the manner of programs that bound waves over all leads at once. On LUDB's manual
marks this is closer, and many times faster, than NeuroKit2's delineation of each lead with the
bounds then taken over leads: `benchmarks/beats` prints both. The constants were chosen on the odd
subjects 1-29 of LUDB and on what one UK Biobank device printed.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float
from scipy.signal import savgol_filter

from ecgae.ecg import LEADS
from ecgae.errors import InputError

QRS_SPEED = 0.05
"""QRS lasts while the joint speed of the leads is at least this share of its highest value."""

P_SPEED = 0.4
"""P lasts while the joint speed of the leads is at least this share of its highest value in P,
which is only a few times that of the noise."""

T_SPEED = 0.15
"""T ends where the joint speed of the leads falls below this share of its value in T's fastest
descent."""

SMALLEST_WAVE = 0.02
"""The root mean square over leads, in mV, that P or T must reach above the line between its ends.
P has at least 0.03 in the sinus rhythms of PTB-XL's first 200 records; what fibrillation leaves of
itself in a median beat is below 0.016."""

NOT_FOUND = float("nan")
"""Stands for a bound, or a measurement, that cannot be given."""

INTERVALS = (
    *("heart_rate", "pq_interval", "p_duration"),
    *("qrs_duration", "qt_interval", "qtc_interval"),
)
"""Names of the measurements in time that reports of ECGs print; all but the rate in ms."""


class Bounds(NamedTuple):
    """Samples of the median beat, over all leads; NaN where a wave, or its end, is not found."""

    p_onset: float
    """The sample at which P begins."""
    p_offset: float
    """The sample at which P ends."""
    qrs_onset: float
    """The sample at which QRS begins."""
    qrs_offset: float
    """The sample at which QRS ends."""
    t_offset: float
    """The sample at which T ends."""


def intervals(
    median_beat: Float[np.ndarray, "lead sample"],
    sampling_rate: float,
    r_sample: int,
    rr_interval: float,
    leads: tuple[str, ...] = LEADS,
) -> dict[str, float]:
    """The measurements of one median beat [lead sample] in mV, from a rhythm with mean
    `rr_interval` in s.

    Durations in ms, axes in degrees, amplitudes in uV, the heart rate per minute; NaN is what
    cannot be measured, such as the PQ interval in atrial fibrillation. `pq_interval` is what others
    call PR; `qtc_interval` is Bazett's, QT / sqrt(RR), as UK Biobank's device prints it.
    `p_amplitude_I` and `t_amplitude_I` (and so on for each lead) are the largest deflections of
    either sign, of P from the line between its ends and of T from the onset of QRS; `r_amplitude_I`
    is the highest point of QRS above its onset.

    Raises `InputError` below 100 Hz.

    >>> time = np.arange(600) / 500 - 0.476  # s from R
    >>> wave = lambda centre, width, height: height * np.exp(-(((time - centre) / width) ** 2))
    >>> beat = wave(-0.16, 0.025, 0.12) + wave(0, 0.012, 1.0) + wave(0.28, 0.06, 0.3)
    >>> printed = intervals(
    ...     np.stack([0.6 * beat, beat]), 500.0, r_sample=238, rr_interval=0.9, leads=("I", "II")
    ... )
    >>> {name: round(printed[name]) for name in ("heart_rate", "qt_interval", "r_axis")}
    {'heart_rate': 67, 'qt_interval': 426, 'r_axis': 53}
    """
    if len(leads) != len(median_beat):
        raise InputError(
            f"leads must name each row of the median beat; got {len(leads)} for {len(median_beat)} rows."
        )

    bounds = delineate(median_beat, sampling_rate, r_sample, rr_interval)
    ms = 1000 / sampling_rate
    qt = (bounds.t_offset - bounds.qrs_onset) * ms

    waves = {
        "p": _deflection(median_beat, bounds.p_onset, bounds.p_offset),
        "r": _deflection(median_beat, bounds.qrs_onset, bounds.qrs_offset),
        "t": _deflection(median_beat, bounds.qrs_offset, bounds.t_offset),
    }
    amplitudes = {
        "p": _extreme(waves["p"]),
        "r": _highest(
            _from_onset(median_beat, bounds.qrs_onset, bounds.qrs_onset, bounds.qrs_offset)
        ),
        "t": _extreme(
            _from_onset(median_beat, bounds.qrs_onset, bounds.qrs_offset, bounds.t_offset)
        ),
    }

    return {
        "heart_rate": 60 / rr_interval if rr_interval > 0 else NOT_FOUND,
        "rr_interval": 1000 * rr_interval,
        "pq_interval": (bounds.qrs_onset - bounds.p_onset) * ms,
        "p_duration": (bounds.p_offset - bounds.p_onset) * ms,
        "qrs_duration": (bounds.qrs_offset - bounds.qrs_onset) * ms,
        "qt_interval": qt,
        "qtc_interval": qt / rr_interval**0.5 if rr_interval > 0 else NOT_FOUND,
        **{f"{wave}_axis": _axis(deflection, leads) for wave, deflection in waves.items()},
        **{
            f"{wave}_amplitude_{lead}": float(1000 * height)
            for wave, heights in amplitudes.items()
            for lead, height in zip(leads, heights, strict=True)
        },
    }


def delineate(
    median_beat: Float[np.ndarray, "lead sample"],
    sampling_rate: float,
    r_sample: int,
    rr_interval: float,
) -> Bounds:
    """Where P, QRS and T begin and end, over all leads that vary. Leads with missing samples are
    not looked at.

    >>> time = np.arange(600) / 500 - 0.476  # s from R
    >>> beat = np.exp(-((time / 0.012) ** 2)) + 0.3 * np.exp(-(((time - 0.28) / 0.06) ** 2))
    >>> bounds = delineate(beat[None], 500.0, r_sample=238, rr_interval=0.9)
    >>> bounds.p_onset, bounds.qrs_onset < 238 < bounds.qrs_offset < bounds.t_offset
    (nan, True)
    """
    if not sampling_rate >= 100:
        raise InputError(
            f"sampling_rate must be at least 100 Hz to measure intervals; got {sampling_rate:g} Hz."
        )

    ecg = median_beat[np.isfinite(median_beat).all(axis=-1)].astype(np.float64)
    ecg = ecg[np.ptp(ecg, axis=-1) > 0]
    if not (len(ecg) and rr_interval > 0):
        return Bounds(*[NOT_FOUND] * 5)

    qrs_onset, qrs_offset = _qrs(ecg, sampling_rate, r_sample)
    p_onset, p_offset = _p(ecg, sampling_rate, qrs_onset, rr_interval)
    t_offset = _t_offset(ecg, sampling_rate, qrs_offset, r_sample, rr_interval)
    return Bounds(
        p_onset=p_onset,
        p_offset=p_offset,
        qrs_onset=qrs_onset,
        qrs_offset=qrs_offset,
        t_offset=t_offset,
    )


def _speed(
    ecg: Float[np.ndarray, "lead sample"], width: float, sampling_rate: float
) -> Float[np.ndarray, " sample"]:
    """The length of the leads' joint slope, from parabolas fitted over `width` s."""
    samples = max(5, round(width * sampling_rate) | 1)
    return np.sqrt((savgol_filter(ecg, samples, 2, deriv=1, axis=-1) ** 2).sum(axis=0))


def _last_fast(speed: Float[np.ndarray, " sample"], threshold: float, pause: int) -> float:
    """The last sample at or above `threshold` before `pause` samples below it; NaN where no such
    pause comes."""
    fast = np.concatenate([np.flatnonzero(speed >= threshold), [len(speed)]])
    ends = fast[:-1][np.diff(fast) > pause]
    return float(ends[0]) if len(ends) else NOT_FOUND


def _qrs(
    ecg: Float[np.ndarray, "lead sample"], sampling_rate: float, r_sample: int
) -> tuple[float, float]:
    """QRS lasts from the fastest sample within 50 ms of R outwards, up to 150 ms before and 200 ms
    after R, until the leads pause."""
    speed = _speed(ecg, 0.014, sampling_rate)
    start = max(0, r_sample - round(0.05 * sampling_rate))
    fastest = start + int(speed[start : r_sample + round(0.05 * sampling_rate)].argmax())

    threshold, pause = QRS_SPEED * speed[fastest], round(0.014 * sampling_rate)
    earliest = max(0, r_sample - round(0.15 * sampling_rate))
    latest = r_sample + round(0.2 * sampling_rate)
    onset = fastest - _last_fast(speed[earliest : fastest + 1][::-1], threshold, pause)
    return onset, fastest + _last_fast(speed[fastest:latest], threshold, pause)


def _p(
    ecg: Float[np.ndarray, "lead sample"],
    sampling_rate: float,
    qrs_onset: float,
    rr_interval: float,
) -> tuple[float, float]:
    """P is the highest wave, over leads, in the 0.28 s (at high rates 0.4 RR) before QRS; a pause
    is 24 ms long."""
    if np.isnan(qrs_onset):
        return NOT_FOUND, NOT_FOUND

    end = int(qrs_onset)
    start = max(0, end - round(min(0.28, 0.4 * rr_interval) * sampling_rate))
    reach = round(0.08 * sampling_rate)
    if end - start < reach:
        return NOT_FOUND, NOT_FOUND

    peak = start + int(_size(_deflection(ecg, start, end)).argmax())
    speed = _speed(ecg, 0.03, sampling_rate)
    # The last 10 ms are QRS already, as far as a slope over 30 ms can tell.
    near = speed[max(start, peak - reach) : min(end - round(0.01 * sampling_rate), peak + reach)]
    if not near.size:
        return NOT_FOUND, NOT_FOUND

    threshold, pause = P_SPEED * near.max(), round(0.024 * sampling_rate)
    earliest = max(0, start - round(0.05 * sampling_rate))
    onset = peak - _last_fast(speed[earliest : peak + 1][::-1], threshold, pause)
    offset = peak + _last_fast(speed[peak:end], threshold, pause)
    # What begins later is the foot of QRS, or has no onset (NaN).
    if not end - onset >= round(0.06 * sampling_rate):
        return NOT_FOUND, NOT_FOUND

    height = _size(_deflection(ecg, onset, offset if np.isfinite(offset) else end)).max()
    return (onset, offset) if height >= SMALLEST_WAVE else (NOT_FOUND, NOT_FOUND)


def _t_offset(
    ecg: Float[np.ndarray, "lead sample"],
    sampling_rate: float,
    qrs_offset: float,
    r_sample: int,
    rr_interval: float,
) -> float:
    """T is the highest wave, over leads, from 60 ms after QRS to 0.65 RR after R; it ends after its
    fastest descent."""
    if np.isnan(qrs_offset):
        return NOT_FOUND

    start = int(qrs_offset) + round(0.06 * sampling_rate)
    end = min(ecg.shape[-1], r_sample + round(0.65 * rr_interval * sampling_rate))
    if end - start < round(0.1 * sampling_rate):
        return NOT_FOUND

    height = _size(_deflection(ecg, start, end - 1))
    peak = start + int(height.argmax())

    speed = _speed(ecg, 0.08, sampling_rate)
    fastest = peak + int(speed[peak : min(end, peak + round(0.2 * sampling_rate))].argmax())
    return _first_rest(speed[fastest:end]) + fastest if height.max() >= SMALLEST_WAVE else NOT_FOUND


def _first_rest(speed: Float[np.ndarray, " sample"]) -> float:
    """The first sample at which the speed is below `T_SPEED` of the first one's, or, below half of
    that, rises again: a U or P wave."""
    slow = speed < T_SPEED * speed[0]
    turns = np.zeros_like(slow)
    turns[1:-1] = (
        (speed[1:-1] <= speed[:-2]) & (speed[1:-1] < speed[2:]) & (speed[1:-1] < 0.5 * speed[0])
    )
    return float((slow | turns).argmax()) if (slow | turns).any() else NOT_FOUND


def _deflection(
    ecg: Float[np.ndarray, "lead sample"], onset: float, offset: float
) -> Float[np.ndarray, "lead wave"]:
    """The samples of a wave, from the line between its ends; none where it is not bounded."""
    if not (np.isfinite(onset) and np.isfinite(offset) and offset > onset):
        return np.empty((len(ecg), 0))
    wave = ecg[:, int(onset) : int(offset) + 1].astype(np.float64)
    return wave - np.linspace(wave[:, 0], wave[:, -1], wave.shape[-1], axis=-1)


def _size(wave: Float[np.ndarray, "lead wave"]) -> Float[np.ndarray, " wave"]:
    """The root mean square over leads."""
    return np.sqrt((wave**2).mean(axis=0))


def _extreme(wave: Float[np.ndarray, "lead wave"]) -> Float[np.ndarray, " lead"]:
    """The value of each lead that is farthest from zero, with its sign; NaN without a wave."""
    if not wave.shape[-1]:
        return np.full(len(wave), NOT_FOUND)
    return np.take_along_axis(wave, np.abs(wave).argmax(axis=-1)[:, None], axis=-1)[:, 0]


def _from_onset(
    ecg: Float[np.ndarray, "lead sample"], onset: float, start: float, stop: float
) -> Float[np.ndarray, "lead wave"]:
    """The samples from `start` to `stop`, from the voltages at `onset`; none where a bound is
    missing."""
    if not (np.isfinite(onset) and np.isfinite(start) and np.isfinite(stop)):
        return np.empty((len(ecg), 0))
    return ecg[:, int(start) : int(stop) + 1].astype(np.float64) - ecg[:, [int(onset)]]


def _highest(wave: Float[np.ndarray, "lead wave"]) -> Float[np.ndarray, " lead"]:
    """The highest value of each lead; NaN without a wave."""
    return wave.max(axis=-1) if wave.shape[-1] else np.full(len(wave), NOT_FOUND)


def _axis(wave: Float[np.ndarray, "lead wave"], leads: tuple[str, ...]) -> float:
    """The direction of the wave's area in the frontal plane: 0 towards I, 90 towards aVF, in (-180,
    180]."""
    if not wave.shape[-1] or not {"I", "II"} <= set(leads):
        return NOT_FOUND
    area = dict(zip(leads, wave.sum(axis=-1), strict=True))
    # aVF = II - I/2 is drawn sqrt(3)/2 as large as I (Goldberger's leads against Einthoven's).
    return float(np.degrees(np.arctan2((area["II"] - area["I"] / 2) * 2 / np.sqrt(3), area["I"])))
