"""What cleaning does to a trace: error, ST level and QT interval, measured alike on the clean and
the cleaned one."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float
from scipy.signal import savgol_filter
from strips import RATE, Strips

BEFORE, AFTER = 125, 275
"""Samples of a beat before and after R: 0.25 and 0.55 s."""

PR_SEGMENT = slice(BEFORE - 50, BEFORE - 35)
"""0.10 to 0.07 s before R; voltages are measured from its mean."""

QRS_EDGE = 0.1
"""The QRS complex lasts while the slope, over all leads, is at least this share of its largest."""


class Reference(NamedTuple):
    """What the clean trace of a person fixes for the measurement of all others."""

    j_point: int
    """Sample of the beat."""
    t_leads: Bool[np.ndarray, " lead"]
    """The leads in which QT is measured: T at least half as high as in the best one."""
    t_sign: Float[np.ndarray, " lead"]
    t_latest: int
    """Sample of the beat after which no T peak is sought: the next beat's P wave is near."""
    st_level: Float[np.ndarray, " lead"]
    """The ST level, mV."""
    qt_interval: float
    """The QT interval, ms."""


def error_share(
    clean: Float[np.ndarray, "*leads time"], cleaned: Float[np.ndarray, "*leads time"]
) -> Float[np.ndarray, "*leads"]:
    """var(cleaned - clean) / var(clean) of each trace: 10^(-SNR / 10). Constants do not count."""
    return np.var(cleaned - clean.astype(np.float64), axis=-1) / np.var(
        clean, axis=-1, dtype=np.float64
    )


def beats(
    strips: Strips, ecg: Float[np.ndarray, "individual lead time"]
) -> Iterator[Float[np.ndarray, "lead sample"]]:
    """Each person's beat: the median over all whole beats, every beat measured from its own PR
    segment."""
    for person, peaks in enumerate(strips.peaks):
        whole = peaks[(peaks >= BEFORE) & (peaks + AFTER <= ecg.shape[-1])]
        cut = ecg[person][:, whole[:, None] + np.arange(-BEFORE, AFTER)].astype(np.float64)
        yield np.median(cut - cut[..., PR_SEGMENT].mean(axis=-1, keepdims=True), axis=1)


def references(strips: Strips) -> list[Reference]:
    """What is measured on the clean traces, recording by recording."""
    measured = []
    for beat, rr in zip(beats(strips, strips.ecg), strips.rr_intervals, strict=True):
        latest = BEFORE + round(min(0.45, 0.7 * rr) * RATE)
        wave = beat[:, BEFORE + 60 : latest]
        height = np.take_along_axis(wave, np.abs(wave).argmax(axis=-1)[:, None], axis=-1)[:, 0]
        large = np.abs(height) >= 0.5 * np.abs(height).max()
        partial = Reference(
            j_point=_qrs(beat)[1],
            t_leads=large,
            t_sign=np.sign(height),
            t_latest=latest,
            st_level=np.empty(0),
            qt_interval=0.0,
        )
        measured.append(
            partial._replace(
                st_level=st_level(beat, partial), qt_interval=qt_interval(beat, partial)
            )
        )
    return measured


def st_level(
    beat: Float[np.ndarray, "lead sample"], reference: Reference
) -> Float[np.ndarray, " lead"]:
    """mV, the mean over 10 ms around J + 60 ms of the clean trace, relative to the PR segment."""
    middle = reference.j_point + round(0.06 * RATE)
    return beat[:, middle - 2 : middle + 3].mean(axis=-1)


def qt_interval(beat: Float[np.ndarray, "lead sample"], reference: Reference) -> float:
    """ms from the onset of QRS to the end of T, by the tangent: the median over the leads with a
    large T wave.

    The tangent is the straight line that fits the trace best over 42 ms at the steepest descent
    within 0.15 s of the T peak; T ends where it meets the level of the PR segment (Lepeschkin and
    Surawicz, Circulation 1952;6:378).
    """
    wave = (reference.t_sign[:, None] * beat)[reference.t_leads]
    level, slope = (savgol_filter(wave, 21, 1, deriv=order, mode="nearest") for order in (0, 1))
    peak = BEFORE + 60 + level[:, BEFORE + 60 : reference.t_latest].argmax(axis=-1)
    sample = np.arange(beat.shape[-1])
    descent = np.where((sample >= peak[:, None]) & (sample <= peak[:, None] + 75), slope, np.inf)
    steepest = descent.argmin(axis=-1)
    row = np.arange(len(wave))
    # A trace that nowhere descends has no T wave; its tangent would run away.
    gradient = np.minimum(slope[row, steepest], -1e-6)
    end = np.minimum(steepest - level[row, steepest] / gradient, beat.shape[-1])
    return float(1000 / RATE * (np.median(end) - _qrs(beat)[0]))


def _qrs(beat: Float[np.ndarray, "lead sample"]) -> tuple[int, int]:
    """First and last sample of the QRS complex, at most 80 ms before and 100 ms after R."""
    activity = np.sqrt((savgol_filter(beat, 5, 1, deriv=1, mode="nearest") ** 2).mean(axis=0))
    window = activity[BEFORE - 40 : BEFORE + 51]
    active = np.flatnonzero(window >= QRS_EDGE * window.max()) + BEFORE - 40
    return int(active[0]), int(active[-1])


class Distortion(NamedTuple):
    """How far the measurements move."""

    st_level: Float[np.ndarray, "individual lead"]
    """Absolute change of the ST level, uV."""
    qt_interval: Float[np.ndarray, " individual"]
    """Absolute change of the QT interval, ms."""


def distortion(
    strips: Strips, references: list[Reference], ecg: Float[np.ndarray, "individual lead time"]
) -> Distortion:
    """How far the measurements on `ecg` lie from those on the clean traces."""
    pairs = list(zip(beats(strips, ecg), references, strict=True))
    st = [1000 * np.abs(st_level(beat, clean) - clean.st_level) for beat, clean in pairs]
    qt = [abs(qt_interval(beat, clean) - clean.qt_interval) for beat, clean in pairs]
    return Distortion(np.array(st), np.array(qt))
