"""QRS complexes, ectopic beats, and the median beat of a recording that has no device median.

Detection is NeuroKit2's gradient method (Makowski et al., Behav Res Methods 2021;53:1689), run once
on a trace that combines all leads, so that a lead that is bad for a while cannot add or hide beats.
"""

import warnings
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int
from numpy.lib.stride_tricks import sliding_window_view
from scipy.interpolate import CubicSpline
from scipy.ndimage import maximum_filter1d, median_filter
from scipy.signal import butter, sosfiltfilt
from scipy.stats import trim_mean

from ecgae.errors import InputError
from ecgae.machine.extras import extra

QRS_BAND = (8.0, 20.0)
"""The band in Hz where QRS complexes stand out most from P and T waves, wander and muscle (Elgendi
et al., BIOSIGNALS 2010)."""

POSITION_BAND = (5.0, 40.0)
"""The band in Hz in which the R peak is looked for: wide enough to leave it where it is."""

SMALLEST_QRS = 0.3
"""A detection below this share of the median height of the beats around it is a P or T wave, or
noise in a pause."""

LOWEST_RATE = 100.0
"""The lowest sampling rate in Hz: `POSITION_BAND` needs more than twice its upper edge."""

PREMATURE = 0.85
"""A beat that comes before this share of the usual RR interval counts as premature."""

SHIFT = 0.03
"""How far, in s, a beat may be moved to align it with the others."""


def r_peaks(ecg: Float[np.ndarray, "lead time"], sampling_rate: float) -> Int[np.ndarray, " beat"]:
    """The sample of the R peak (the largest QRS deflection over all leads) of every beat, in
    ascending order.

    `ecg` in mV, any number of leads; missing samples (NaN, infinite) and flat leads carry no beats.
    Empty where there are no beats to be found. Two QRS complexes are at least 0.3 s apart.

    Raises `InputError` below 100 Hz, and where neurokit2 is not installed.
    """
    _require_rate(sampling_rate)
    ecg = _moving_leads(ecg)
    if not len(ecg) or ecg.shape[-1] < sampling_rate:
        return np.empty(0, dtype=np.int64)

    qrs = np.abs(_bandpass(ecg, QRS_BAND, sampling_rate))
    weights = _lead_weights(qrs, sampling_rate)
    combined = np.sqrt(((weights * qrs) ** 2).sum(axis=0))
    peaks = _large_enough(combined, _detected(combined, sampling_rate), sampling_rate)

    # One quiet lead may tell that there is a beat; where its peak is takes more leads: these
    # weights are not squared.
    magnitude = np.sqrt((weights * _bandpass(ecg, POSITION_BAND, sampling_rate) ** 2).sum(axis=0))
    return _moved_to_maximum(magnitude, peaks, round(0.08 * sampling_rate))


def premature(peaks: Int[np.ndarray, " beat"], sampling_rate: float) -> Bool[np.ndarray, " beat"]:
    """Beats that come earlier than `PREMATURE` times the median of the nine RR intervals around
    them.

    A premature beat is ectopic, or the rhythm is irregular (in atrial fibrillation many beats are
    flagged). The first beat has no RR interval before it and is never flagged.

    >>> premature(np.array([0, 400, 800, 1050, 1600, 2000]), sampling_rate=500.0)
    array([False, False, False,  True, False, False])
    """
    rr = np.diff(peaks) / sampling_rate
    if len(rr) < 2:
        return np.zeros(len(peaks), dtype=bool)
    return np.concatenate([[False], rr < PREMATURE * _usual(rr)])


def rr_interval(peaks: Int[np.ndarray, " beat"], sampling_rate: float) -> float:
    """The mean RR interval in s from the first to the last beat, as devices print it; NaN for fewer
    than two beats.

    >>> rr_interval(np.array([100, 500, 920, 1300]), sampling_rate=500.0)
    0.8
    """
    if len(peaks) < 2:
        return float("nan")
    return float((peaks[-1] - peaks[0]) / (len(peaks) - 1) / sampling_rate)


class BuiltBeat(NamedTuple):
    """The median beat of a recording, and the beats that it was made from."""

    median_beat: Float[np.ndarray, "lead sample"]
    """Voltages in mV; the segment between P and QRS is at zero."""
    r_sample: int
    """The sample of `median_beat` at which the R peak is."""
    used: Int[np.ndarray, " used"]
    """Samples of the recording at which the beats that the median was made from were aligned; none
    that the ends of the recording cut."""
    ectopic: Int[np.ndarray, " ectopic"]
    """Samples of the beats left out because they are premature, or unlike the others; none that the
    ends of the recording cut."""


@dataclass(frozen=True)
class MedianBeat:
    """The trimmed mean over the aligned, normal beats of a recording, per lead and sample.

    1. Baseline: a cubic spline through the PR segments (0.10 to 0.07 s before R) of the beats in
       time, subtracted.
    2. Alignment: each beat is shifted by up to `SHIFT` to where its QRS (0.1 s around R) is most
       like the median's.
    3. Ectopic beats are left out: premature ones, and those whose QRS and T wave (-0.1 to 0.4 s)
       correlate with the median of the others below `min_correlation`.

    All leads take part in 2 and 3, so that they stay aligned with each other; a recording of fewer
    leads may therefore shift a beat by a sample or leave another one out. With the default window
    the result is laid out like the device's median beat in UK Biobank (1.2 s, 600 samples at 500
    Hz, R near 476 ms): it shows parts of the neighbouring beats where the heart rate is above 80 or
    so per minute.

    >>> peaks = np.array([400, 800, 1200, 1450, 2000, 2400, 2800, 3200])  # the fourth is early
    >>> ecg = np.exp(-(((np.arange(5000)[None] - peaks[:, None]) / 6) ** 2)).sum(axis=0)[None]
    >>> built = MedianBeat()(ecg, sampling_rate=500.0, peaks=peaks)
    >>> built.median_beat.shape, int(built.median_beat.argmax()), built.used, built.ectopic
    ((1, 600), 238, array([ 400,  800, 1200, 2000, 2400, 2800, 3200]), array([1450]))
    """

    before: float = 0.476
    """How much of a beat is taken before R, in s."""
    after: float = 0.724
    """How much of a beat is taken from R on, in s."""
    trim: float = 0.2
    """The share of values dropped at either end before the mean is taken: 0 is the mean, near 0.5
    it is the median. Of 8 beats 0.2 drops the outermost two, and leaves less noise than the median
    does: it comes closer to the device's."""
    min_beats: int = 3
    """The fewest normal beats that a median is made from."""
    min_correlation: float = 0.8
    """The lowest correlation with the median of the others at which a beat counts as normal."""

    def __post_init__(self) -> None:
        if not (self.before >= 0.15 and self.after >= 0.15):
            raise InputError(
                f"beats.before and beats.after must be at least 0.15 s each; got {self.before} s and {self.after} s."
            )
        if not 0 <= self.trim < 0.5:
            raise InputError(f"beats.trim must be in [0, 0.5); got {self.trim}.")
        if self.min_beats < 1:
            raise InputError(f"beats.min_beats must be at least 1; got {self.min_beats}.")
        if not -1 <= self.min_correlation < 1:
            raise InputError(
                f"beats.min_correlation must be in [-1, 1); got {self.min_correlation}."
            )

    def __call__(
        self,
        ecg: Float[np.ndarray, "lead time"],
        sampling_rate: float,
        peaks: Int[np.ndarray, " beat"] | None = None,
    ) -> BuiltBeat:
        """The median beat of a recording: `ecg` in mV without missing samples; `peaks` where the R
        peaks are known, else they are found.

        Raises `InputError` where fewer than `min_beats` normal beats lie within the recording.
        """
        missing = int((~np.isfinite(ecg)).sum())
        if missing:
            raise InputError(
                f"ecg must have no missing samples for a median beat; got {missing:,} of them."
            )

        if peaks is None:
            peaks = r_peaks(ecg, sampling_rate)
        early = premature(peaks, sampling_rate)

        level = ecg - _baseline(ecg, peaks[~early], sampling_rate)
        before, after = round(self.before * sampling_rate), round(self.after * sampling_rate)
        reach = round(SHIFT * sampling_rate)

        whole = (peaks >= before + reach) & (peaks + after + reach <= ecg.shape[-1])
        beats, peaks, early = len(peaks), peaks[whole], early[whole]

        normal, aligned = ~early, peaks
        for _ in range(2):
            median_beat = self._average(level, aligned[normal], before, after, beats)
            aligned = _aligned(level, peaks, median_beat, before, sampling_rate)
            likeness = _likeness(level, aligned, median_beat, before, sampling_rate)
            normal = ~early & (likeness >= self.min_correlation)
        median_beat = self._average(level, aligned[normal], before, after, beats)
        return BuiltBeat(
            median_beat=median_beat.astype(ecg.dtype),
            r_sample=before,
            used=aligned[normal],
            ectopic=aligned[~normal],
        )

    def _average(
        self,
        ecg: Float[np.ndarray, "lead time"],
        peaks: Int[np.ndarray, " beat"],
        before: int,
        after: int,
        beats: int,
    ) -> Float[np.ndarray, "lead sample"]:
        """The trimmed mean of the beats at `peaks`; `beats`: how many the recording has."""
        if len(peaks) < self.min_beats:
            raise InputError(
                f"a median beat must have at least {self.min_beats} normal beats; got {len(peaks)} of {beats}. "
                "Leave this recording out, or lower beats.min_beats."
            )
        return trim_mean(_cut(ecg, peaks, -before, after), self.trim, axis=0)


def _require_rate(sampling_rate: float) -> None:
    """Refuses a sampling rate at which no beats can be found."""
    if not sampling_rate >= LOWEST_RATE:
        raise InputError(
            f"sampling_rate must be at least {LOWEST_RATE:g} Hz to find beats; got {sampling_rate:g} Hz."
        )


def _moving_leads(ecg: Float[np.ndarray, "lead time"]) -> Float[np.ndarray, "moving time"]:
    """The leads that vary at all, their missing samples at the median of the others."""
    ecg = np.where(np.isfinite(ecg), ecg, np.nan).astype(np.float64)
    ecg = ecg[np.isfinite(ecg).any(axis=-1)]
    if np.isnan(ecg).any():
        ecg = np.where(np.isnan(ecg), np.nanmedian(ecg, axis=-1, keepdims=True), ecg)
    return ecg[np.ptp(ecg, axis=-1) > 0] if len(ecg) else ecg


def _bandpass(
    ecg: Float[np.ndarray, "lead time"], band: tuple[float, float], sampling_rate: float
) -> Float[np.ndarray, "lead time"]:
    """The part of `ecg` within `band` (Hz), without phase shift."""
    return sosfiltfilt(butter(2, band, "bandpass", fs=sampling_rate, output="sos"), ecg, axis=-1)


def _lead_weights(
    qrs: Float[np.ndarray, "lead time"], sampling_rate: float
) -> Float[np.ndarray, "lead time"]:
    """What each lead counts over time: less where it is noisy, much less where it has an artefact.

    With q the median over the recording of the highest |ecg| within 2.5 s, b the background (median
    |ecg| within 5 s) and h the highest |ecg| within 2.5 s, the weight is `q/b * (q / max(h, q))^2 /
    sqrt(q)`, the first two factors scaled to a sum of squares of one over leads. The root of q lies
    between voltages (low leads count little) and leads of equal height (all count alike).
    """
    time = qrs.shape[-1]
    cells = max(1, round(time / (0.5 * sampling_rate)))
    edges = np.linspace(0, time, cells + 1).round().astype(int)
    highest = np.maximum.reduceat(qrs, edges[:-1], axis=-1)
    background = np.stack([np.median(qrs[:, a:b], axis=-1) for a, b in pairwise(edges)], axis=-1)

    highest = maximum_filter1d(highest, 5, axis=-1)
    background = median_filter(background, (1, 11), mode="nearest")
    usual = np.median(highest, axis=-1, keepdims=True)
    usual = np.maximum(usual, np.finfo(float).tiny)

    # A background of exactly zero (a trace of whole counts that pauses) must not give a lead all
    # the weight.
    share = 1 / np.maximum(background / usual, 1e-3) * (usual / np.maximum(highest, usual)) ** 2
    weights = share / np.sqrt((share**2).sum(axis=0)) / np.sqrt(usual)

    middle = (edges[1:] + edges[:-1]) / 2
    return np.stack([np.interp(np.arange(time), middle, lead) for lead in weights])


def _detected(trace: Float[np.ndarray, " time"], sampling_rate: float) -> Int[np.ndarray, " beat"]:
    """The QRS complexes that NeuroKit2 finds in one trace, T waves and noise included."""
    neurokit2 = extra("neurokit2", "beats", "the finder of beats")

    with warnings.catch_warnings():
        # The library takes the mean length of no QRS complex where it sees none.
        warnings.filterwarnings("ignore", message="Mean of empty slice", category=RuntimeWarning)
        warnings.filterwarnings(
            "ignore", message="invalid value encountered", category=RuntimeWarning
        )
        peaks = neurokit2.ecg_findpeaks(trace, sampling_rate=sampling_rate, method="neurokit")

    return np.asarray(peaks["ECG_R_Peaks"]).astype(np.int64)


def _large_enough(
    trace: Float[np.ndarray, " time"], peaks: Int[np.ndarray, " candidate"], sampling_rate: float
) -> Int[np.ndarray, " beat"]:
    """The candidates that are no T wave and no noise: see `SMALLEST_QRS`."""
    if len(peaks) < 3:
        return peaks
    height = maximum_filter1d(trace, 2 * round(0.05 * sampling_rate) + 1)[peaks]
    return peaks[height >= SMALLEST_QRS * _usual(height)]


def _moved_to_maximum(
    trace: Float[np.ndarray, " time"], peaks: Int[np.ndarray, " candidate"], reach: int
) -> Int[np.ndarray, " beat"]:
    """The sample of the highest value within `reach` samples of each candidate."""
    window = peaks[:, None] + np.arange(-reach, reach + 1)
    height = np.where(
        (window >= 0) & (window < len(trace)), trace[np.clip(window, 0, len(trace) - 1)], -np.inf
    )
    return np.unique(window[np.arange(len(peaks)), height.argmax(axis=1)])


def _usual(values: Float[np.ndarray, " value"]) -> Float[np.ndarray, " value"]:
    """The median of the nine values around each one; of all values where there are fewer."""
    if len(values) < 9:
        return np.full(len(values), np.median(values))
    return median_filter(values, 9, mode="nearest")


def _baseline(
    ecg: Float[np.ndarray, "lead time"], peaks: Int[np.ndarray, " beat"], sampling_rate: float
) -> Float[np.ndarray, "lead time"]:
    """The wander: a spline through the PR segments of the beats at `peaks`."""
    start, stop = round(-0.10 * sampling_rate), round(-0.07 * sampling_rate)
    peaks = peaks[peaks + start >= 0]
    knots = peaks + (start + stop) / 2
    levels = _cut(ecg, peaks, start, stop).mean(axis=-1)

    if len(knots) < 2:
        return np.broadcast_to(levels.sum(axis=0)[:, None], ecg.shape)
    # A cubic runs away beyond its knots: before the first and after the last one their level is
    # kept.
    time = np.clip(np.arange(ecg.shape[-1]), knots[0], knots[-1])
    return CubicSpline(knots, levels, bc_type="natural")(time).T


def _cut(
    ecg: Float[np.ndarray, "lead time"], peaks: Int[np.ndarray, " beat"], start: int, stop: int
) -> Float[np.ndarray, "beat lead sample"]:
    """The samples [start, stop) around each peak; all of them must lie within the recording."""
    return ecg[:, peaks[:, None] + np.arange(start, stop)].swapaxes(0, 1)


def _correlation(
    beats: Float[np.ndarray, "beat lead sample"], median_beat: Float[np.ndarray, "lead sample"]
) -> Float[np.ndarray, " beat"]:
    """Pearson's correlation of each beat with the median over the samples of all leads, each lead
    about its own mean; 0 where nothing varies."""
    beats = beats - beats.mean(axis=-1, keepdims=True)
    median_beat = median_beat - median_beat.mean(axis=-1, keepdims=True)
    size = np.sqrt(
        np.einsum("bls,bls->b", beats, beats) * np.einsum("ls,ls->", median_beat, median_beat)
    )
    return np.einsum("bls,ls->b", beats, median_beat) / np.where(size > 0, size, 1)


def _aligned(
    ecg: Float[np.ndarray, "lead time"],
    peaks: Int[np.ndarray, " beat"],
    median_beat: Float[np.ndarray, "lead sample"],
    r_sample: int,
    sampling_rate: float,
) -> Int[np.ndarray, " beat"]:
    """The peaks, each shifted by up to `SHIFT` to where its QRS complex is most like the
    median's."""
    half, reach = round(0.1 * sampling_rate), round(SHIFT * sampling_rate)
    qrs = median_beat[:, r_sample - half : r_sample + half]
    windows = sliding_window_view(_cut(ecg, peaks, -half - reach, half + reach), 2 * half, axis=-1)

    # The covariance with the median, about each window's mean, over the window's own size.
    covariance = np.einsum(
        "blws,ls->bw", windows, qrs - qrs.mean(axis=-1, keepdims=True), optimize=True
    )
    squares = np.einsum("blws,blws->bw", windows, windows)
    size = squares - (windows.sum(axis=-1) ** 2).sum(axis=1) / (2 * half)
    likeness = covariance / np.sqrt(np.maximum(size, np.finfo(float).tiny))

    return peaks + likeness.argmax(axis=1) - reach


def _likeness(
    ecg: Float[np.ndarray, "lead time"],
    peaks: Int[np.ndarray, " beat"],
    median_beat: Float[np.ndarray, "lead sample"],
    r_sample: int,
    sampling_rate: float,
) -> Float[np.ndarray, " beat"]:
    """The correlation of each beat's QRS complex and T wave with the median's."""
    start = -round(0.1 * sampling_rate)
    stop = min(round(0.4 * sampling_rate), median_beat.shape[-1] - r_sample)
    return _correlation(
        _cut(ecg, peaks, start, stop), median_beat[:, r_sample + start : r_sample + stop]
    )
